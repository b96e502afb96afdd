import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { StrowgerError } from '../errors.ts';
import type { Clock } from '../timer/clock.ts';
import type {
  StreamConnection,
  StreamConnectOptions,
  StreamDriver,
  StreamListener,
  StreamListenOptions,
} from './drivers.ts';
import { hostPort, ipFamily } from './ip-address.ts';
import { type ProxiedAddresses, parseProxyHeader } from './proxy-protocol.ts';
import { applySocketOptions, DEFAULT_STREAM_SOCKET, SocketStream, type StreamSocketOptions } from './stream-socket.ts';

/** TCP through node:net. */
export class TcpDriver implements StreamDriver {
  readonly name = 'net';
  readonly #clock: Clock;
  readonly #socketOptions: StreamSocketOptions;

  constructor(clock: Clock, socketOptions: StreamSocketOptions = DEFAULT_STREAM_SOCKET) {
    this.#clock = clock;
    this.#socketOptions = socketOptions;
  }

  listen(
    options: StreamListenOptions,
    onConnection: (conn: StreamConnection) => void,
    onError: (error: Error) => void,
  ): Promise<StreamListener> {
    const accept = ({ socket, admitted, proxied }: AcceptedSocket): void => {
      admitted();
      onConnection(new SocketStream(socket, this.#socketOptions, null, socket, proxied));
      // Reading the PROXY header has left it paused.
      socket.resume();
    };
    return listenTcp('tcp', options, this.#socketOptions, this.#clock, accept, onError);
  }

  async connect(options: StreamConnectOptions): Promise<StreamConnection> {
    return new SocketStream(await connectTcp('tcp', options, this.#socketOptions, this.#clock), this.#socketOptions);
  }
}

export interface AcceptedSocket {
  readonly socket: Socket;
  /** To be called once, when `admit` is to forget it. */
  readonly admitted: () => void;
  readonly proxied: ProxiedAddresses | null;
}

/**
 * Listens for TCP connections, for TCP itself and below TLS. `accept` gets each admitted socket with its options set
 * and its PROXY header read. Rejects with `TCP_BIND`.
 */
export function listenTcp(
  proto: string,
  options: StreamListenOptions,
  socketOptions: StreamSocketOptions,
  clock: Clock,
  accept: (accepted: AcceptedSocket) => void,
  onError: (error: Error) => void,
): Promise<StreamListener> {
  const server: Server = createServer((socket) => {
    const { remoteAddress, remotePort } = socket;
    // Gone before we looked, or one too many: no orderly end, which would cost as much as serving it.
    const admitted = remoteAddress === undefined ? null : admit(options, remoteAddress, remotePort ?? 0);
    if (admitted === null) {
      socket.on('error', () => {});
      socket.resetAndDestroy();
      return;
    }
    applySocketOptions(socket, socketOptions);
    if (socketOptions.proxyHeaderMs === 0) {
      accept({ socket, admitted, proxied: null });
      return;
    }
    readProxyHeader(socket, socketOptions.proxyHeaderMs, clock, (result) => {
      if (typeof result !== 'string') {
        accept({ socket, admitted, proxied: result });
        return;
      }
      admitted();
      socket.destroy();
      onError(new StrowgerError('TCP_PROXY', `${proto}:${hostPort(remoteAddress ?? '', remotePort ?? 0)}: ${result}`));
    });
  });
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const at = `${proto}:${hostPort(options.address, options.port)}`;
      reject(new StrowgerError('TCP_BIND', `${at}: cannot listen: ${error.code ?? error.message}`, error));
    };
    server.once('error', fail);
    const { address, port, family, backlog = 1024, reusePort = false } = options;
    server.listen({ host: address, port, backlog, reusePort, ipv6Only: family === 6, exclusive: true }, () => {
      server.off('error', fail);
      server.on('error', onError);
      const bound = server.address();
      resolve({
        address,
        port: typeof bound === 'object' && bound !== null ? bound.port : port,
        close: async () => {
          // The kernel's socket closes at once; the callback would also wait for the connections, which are not ours.
          server.close();
        },
      });
    });
  });
}

function admit(options: StreamListenOptions, ip: string, port: number): (() => void) | null {
  return options.admit === undefined ? () => {} : options.admit(ip, port);
}

/** Reads the PROXY header and leaves what follows in the socket. The result is an error text, or the addresses told. */
function readProxyHeader(
  socket: Socket,
  limitMs: number,
  clock: Clock,
  done: (result: ProxiedAddresses | null | string) => void,
): void {
  let text = '';
  const end = (result: ProxiedAddresses | null | string): void => {
    clock.unschedule(timer);
    socket.off('data', onData);
    socket.off('close', onClose);
    done(result);
  };
  const onClose = (): void => end('closed before its PROXY header');
  const onData = (chunk: Buffer): void => {
    text += chunk.latin1Slice();
    const header = parseProxyHeader(text);
    if (header.kind === 'incomplete') return;
    socket.pause();
    if (header.kind === 'bad') {
      end(header.reason);
      return;
    }
    if (text.length > header.length) socket.unshift(Buffer.from(text.slice(header.length), 'latin1'));
    end(header.addresses);
  };
  const timer = clock.schedule(limitMs, () => end(`no PROXY header within ${limitMs} ms`));
  socket.on('error', () => {});
  socket.on('close', onClose);
  socket.on('data', onData);
}

/** Errors of binding the source address, after which Kamailio connects without it. */
const BIND_ERRORS = new Set(['EADDRNOTAVAIL', 'EADDRINUSE', 'EINVAL', 'EACCES']);

/** Opens a TCP connection. Rejects with `TCP_CONNECT` (refused, unreachable …) or `TCP_CONNECT_TIMEOUT`. */
export async function connectTcp(
  proto: string,
  options: StreamConnectOptions,
  socketOptions: StreamSocketOptions,
  clock: Clock,
): Promise<Socket> {
  try {
    return await connectOnce(proto, options, socketOptions, clock);
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const isBind = cause?.syscall === 'bind' || (cause?.code !== undefined && BIND_ERRORS.has(cause.code));
    if (options.localAddress === undefined || !isBind) throw error;
    const { localAddress: _address, localPort: _port, ...rest } = options;
    return await connectOnce(proto, rest, socketOptions, clock);
  }
}

function connectOnce(
  proto: string,
  options: StreamConnectOptions,
  socketOptions: StreamSocketOptions,
  clock: Clock,
): Promise<Socket> {
  const { ip, port, localAddress, localPort } = options;
  const to = `${proto}:${hostPort(ip, port)}`;
  // A host name would make Node ask the system's resolver.
  if (ipFamily(ip) === 0) return Promise.reject(new StrowgerError('TCP_CONNECT', `${to}: not an IP address`));
  return new Promise((resolve, reject) => {
    const socket = netConnect({
      host: ip,
      port,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(localPort === undefined ? {} : { localPort }),
    });
    const timer = clock.schedule(options.timeoutMs, () => {
      fail(new StrowgerError('TCP_CONNECT_TIMEOUT', `${to}: not connected within ${options.timeoutMs} ms`));
    });
    const fail = (error: StrowgerError): void => {
      clock.unschedule(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    socket.once('error', (error: NodeJS.ErrnoException) => {
      fail(new StrowgerError('TCP_CONNECT', `${to}: cannot connect: ${error.code ?? error.message}`, error));
    });
    socket.once('connect', () => {
      clock.unschedule(timer);
      socket.removeAllListeners('error');
      applySocketOptions(socket, socketOptions);
      resolve(socket);
    });
  });
}
