import type { StreamConnection } from '../../core/transport/drivers.ts';
import type { SimNetwork } from './sim-network.ts';
import { simError } from './sim-network.ts';

/** What the two kernels hold before a writer sees its bytes queue up. */
const WINDOW_BYTES = 65_536;

type Item = { readonly text: string } | { readonly isEnd: true } | { readonly isReset: true };

/** One end of a simulated stream: bytes arrive in order, delayed as the link says, and wait while it is cut or paused. */
export class SimStream implements StreamConnection {
  readonly tls = null;
  readonly localIp: string;
  readonly localPort: number;
  readonly remoteIp: string;
  readonly remotePort: number;
  onData: (chunk: string) => void = () => {};
  onClose: (error: Error | null) => void = () => {};
  readonly #network: SimNetwork;
  /** The other end, itself until the pair is made. Only ends of streams use it. */
  peer: SimStream = this;
  /** Written by the peer, in order, not yet handed over here. */
  readonly #incoming: { item: Item; dueMs: number }[] = [];
  #incomingBytes = 0;
  #isPaused = false;
  #isScheduled = false;
  #hasEnded = false;
  #isClosed = false;

  private constructor(network: SimNetwork, localIp: string, localPort: number, remoteIp: string, remotePort: number) {
    this.#network = network;
    this.localIp = localIp;
    this.localPort = localPort;
    this.remoteIp = remoteIp;
    this.remotePort = remotePort;
  }

  /** Both ends of a new stream, the connecting one first. */
  static pair(
    network: SimNetwork,
    nearIp: string,
    nearPort: number,
    farIp: string,
    farPort: number,
  ): [SimStream, SimStream] {
    const near = new SimStream(network, nearIp, nearPort, farIp, farPort);
    const far = new SimStream(network, farIp, farPort, nearIp, nearPort);
    near.peer = far;
    far.peer = near;
    return [near, far];
  }

  get queuedBytes(): number {
    return Math.max(0, this.peer.#incomingBytes - WINDOW_BYTES);
  }

  write(text: string): void {
    if (this.#isClosed || this.#hasEnded) return;
    const max = this.#network.maxChunkBytes;
    for (let at = 0; at < text.length; ) {
      const length = max > 0 ? 1 + this.#network.random.int(max) : text.length;
      this.peer.#enqueue({ text: text.slice(at, at + length) });
      at += length;
    }
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.kick();
  }

  end(): void {
    if (this.#isClosed || this.#hasEnded) return;
    this.#hasEnded = true;
    this.peer.#enqueue({ isEnd: true });
    this.#network.clock.schedule(0, () => this.#close(null));
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.peer.#enqueue({ isReset: true });
    this.#close(null);
  }

  /** Goes on delivering, after a pause or a cut. */
  kick(): void {
    const first = this.#incoming[0];
    if (first === undefined || this.#isScheduled || this.#isPaused || this.#isClosed) return;
    this.#isScheduled = true;
    this.#network.clock.schedule(Math.max(0, first.dueMs - this.#network.clock.now()), () => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #enqueue(item: Item): void {
    if (this.#isClosed) return;
    const last = this.#incoming.at(-1);
    const dueMs = this.#network.clock.now() + this.#network.delay(this.remoteIp, this.localIp);
    this.#incoming.push({ item, dueMs: Math.max(dueMs, last?.dueMs ?? 0) });
    if ('text' in item) this.#incomingBytes += item.text.length;
    this.kick();
  }

  #deliver(): void {
    if (this.#isPaused || this.#isClosed || !this.#network.isReachable(this.remoteIp, this.localIp)) return;
    const item = this.#incoming.shift()?.item;
    if (item === undefined) return;
    if ('text' in item) {
      this.#incomingBytes -= item.text.length;
      this.onData(item.text);
    } else {
      this.#close('isReset' in item ? simError('ECONNRESET', 'read') : null);
    }
    this.kick();
  }

  #close(error: Error | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#network.forget(this);
    this.#incoming.length = 0;
    this.onClose(error);
  }
}
