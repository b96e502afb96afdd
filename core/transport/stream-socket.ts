import type { Socket } from 'node:net';
import type { StreamConnection } from './drivers.ts';
import type { ProxiedAddresses } from './proxy-protocol.ts';

/** Socket options that Kamailio's core parameters set on every stream. */
export interface StreamSocketOptions {
  /** `tcp_keepalive` and, in seconds and counts, `tcp_keepidle`, `tcp_keepintvl`, `tcp_keepcnt`; 0 leaves the system's. */
  readonly keepAlive: boolean;
  readonly keepIdleSec: number;
  readonly keepIntervalSec: number;
  readonly keepCount: number;
  /** `tos`; -1 leaves it alone. */
  readonly tos: number;
  /** `tcp_close_rst`: what is dropped is reset instead of ended. */
  readonly closeWithReset: boolean;
  /** `tcp_accept_haproxy`, `tcp_wait_data`: how long the PROXY header of an accepted connection may take; 0: there is none. */
  readonly proxyHeaderMs: number;
}

export const DEFAULT_STREAM_SOCKET: StreamSocketOptions = {
  keepAlive: true,
  keepIdleSec: 0,
  keepIntervalSec: 0,
  keepCount: 0,
  tos: -1,
  closeWithReset: false,
  proxyHeaderMs: 0,
};

/** What one turn writes is held together up to here. */
const CORK_BYTES = 16_384;

/** Linux's own keep-alive settings, for those that were not set: Node sets all three or none. */
const SYSTEM_KEEP_IDLE_SEC = 7200;
const SYSTEM_KEEP_INTERVAL_SEC = 75;
const SYSTEM_KEEP_COUNT = 9;

export function applySocketOptions(socket: Socket, options: StreamSocketOptions): void {
  socket.setNoDelay(true);
  if (options.keepAlive) {
    socket.setKeepAlive({
      enable: true,
      initialDelay: (options.keepIdleSec || SYSTEM_KEEP_IDLE_SEC) * 1000,
      interval: (options.keepIntervalSec || SYSTEM_KEEP_INTERVAL_SEC) * 1000,
      count: options.keepCount || SYSTEM_KEEP_COUNT,
    });
  }
  if (options.tos >= 0) socket.setTypeOfService(options.tos);
}

/** A node:net or node:tls socket as a StreamConnection. */
export class SocketStream implements StreamConnection {
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly localIp: string;
  readonly localPort: number;
  readonly tls: unknown;
  onData: (chunk: string) => void = () => {};
  onClose: (error: Error | null) => void = () => {};
  onDrain: () => void = () => {};
  onQueued: () => void = () => {};
  readonly #socket: Socket;
  #error: Error | null = null;
  #isCorked = false;
  /** What was queued before this turn's writes. */
  #queuedBefore = 0;
  readonly #carrier: Socket;
  readonly #closeWithReset: boolean;

  /**
   * The socket must be connected; where it has a TLS layer, `carrier` is the TCP socket below it. `proxied` are the
   * addresses that a load balancer told.
   */
  constructor(
    socket: Socket,
    options: StreamSocketOptions,
    tls: unknown = null,
    carrier: Socket = socket,
    proxied: ProxiedAddresses | null = null,
  ) {
    this.#socket = socket;
    this.#carrier = carrier;
    this.#closeWithReset = options.closeWithReset;
    this.tls = tls;
    this.remoteIp = proxied?.remoteIp ?? carrier.remoteAddress ?? '';
    this.remotePort = proxied?.remotePort ?? carrier.remotePort ?? 0;
    this.localIp = proxied?.localIp ?? carrier.localAddress ?? '';
    this.localPort = proxied?.localPort ?? carrier.localPort ?? 0;
    socket.on('data', (chunk: Buffer) => this.onData(chunk.latin1Slice()));
    socket.on('drain', () => this.onDrain());
    socket.on('error', (error) => {
      this.#error ??= error;
    });
    socket.on('close', () => this.onClose(this.#error));
  }

  get queuedBytes(): number {
    // What this turn wrote is not queued: most likely the kernel takes it at the end of the turn.
    return this.#isCorked ? this.#queuedBefore : this.#socket.writableLength;
  }

  write(text: string): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    // What one turn writes leaves in one system call.
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#queuedBefore = socket.writableLength;
      socket.cork();
      process.nextTick(uncork, this);
    }
    socket.write(text, 'latin1');
    if (socket.writableLength - this.#queuedBefore >= CORK_BYTES) this.uncork();
  }

  /** @internal */
  uncork(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
    if (this.#socket.writableLength > 0) this.onQueued();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    if (this.#closeWithReset && !this.#carrier.destroyed) this.#carrier.resetAndDestroy();
    this.#socket.destroy();
  }
}

function uncork(stream: SocketStream): void {
  stream.uncork();
}
