import { StrowgerError } from '../errors.ts';
import type { ConnectionTable } from '../transport/connections.ts';
import type { DatagramHandler, MessageHandler, StreamListener, UdpDriver, UdpEndpoint } from '../transport/drivers.ts';
import { PROTO, PROTO_NAMES, type ReceiveInfo, type SocketInfo } from '../transport/socket-info.ts';
import type { StreamSender } from '../transport/transport-impl.ts';
import { withPort } from './plan-sockets.ts';
import type { UdpSocketOptions } from './socket-options.ts';

/** What `openSockets` opened, in the order of the sockets planned. */
interface OpenSockets {
  readonly sockets: readonly SocketInfo[];
  /** By `SocketInfo.index`; null where it is no UDP socket. */
  readonly endpoints: readonly (UdpEndpoint | null)[];
  readonly listeners: readonly StreamListener[];
  openLate(): Promise<void>;
}

/** What `openSockets` works with. */
interface SocketParts {
  readonly planned: readonly SocketInfo[];
  readonly udp: UdpDriver;
  readonly connections: ConnectionTable;
  readonly options: UdpSocketOptions;
  /** Connections that wait to be accepted. */
  readonly backlog: number;
  readonly onMessage: MessageHandler;
  readonly onError: (error: Error) => void;
}

/**
 * Opens every socket planned; TLS ones wait for `openLate`, when the tls module has its certificates. A port 0 becomes
 * the port the system gave. Closes what it opened when one can not be, and rejects with that one's error.
 */
export async function openSockets(parts: SocketParts): Promise<OpenSockets> {
  const { planned } = parts;
  const sockets: SocketInfo[] = [...planned];
  const endpoints: (UdpEndpoint | null)[] = planned.map(() => null);
  const listeners: StreamListener[] = [];
  const openAll = async (isLate: boolean): Promise<void> => {
    for (const [at, socket] of planned.entries()) {
      if (isLate !== socket.proto > PROTO.TCP) continue;
      if (socket.proto === PROTO.UDP) await openUdp(parts, socket, at, sockets, endpoints);
      else listeners.push(await openStream(parts, socket, at, sockets));
    }
  };
  try {
    await openAll(false);
  } catch (error) {
    for (const endpoint of endpoints) endpoint?.close();
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  }
  return { sockets, endpoints, listeners, openLate: () => openAll(true) };
}

async function openUdp(
  parts: SocketParts,
  socket: SocketInfo,
  at: number,
  sockets: SocketInfo[],
  endpoints: (UdpEndpoint | null)[],
): Promise<void> {
  const receiver = new UdpReceiver(parts.onMessage);
  const options = { address: socket.address, port: socket.port, family: socket.family, ...parts.options };
  const endpoint = await parts.udp.open(options, receiver.onDatagram, parts.onError);
  receiver.socket = withPort(socket, endpoint.port);
  sockets[at] = receiver.socket;
  endpoints[at] = endpoint;
}

function openStream(
  parts: SocketParts,
  socket: SocketInfo,
  at: number,
  sockets: SocketInfo[],
): Promise<StreamListener> {
  if (parts.connections.driver(socket.proto) === undefined) {
    const name = PROTO_NAMES[socket.proto];
    throw new StrowgerError(
      'NO_DRIVER',
      `listen=${socket.uri}: ${name} needs a module (loadmodule "${socket.proto === PROTO.TLS ? 'tls' : 'websocket'}.so")`,
    );
  }
  const options = {
    address: socket.address,
    port: socket.port,
    family: socket.family,
    backlog: parts.backlog,
    reusePort: parts.options.reusePort === true,
  };
  return parts.connections.listen(socket.proto, options, (port) => {
    const bound = withPort(socket, port);
    sockets[at] = bound;
    return bound;
  });
}

/** Sources remembered per socket: a load balancer hears from few peers. */
const MAX_SOURCES = 1024;

/** Turns datagrams into messages. The receive info of a source is made once and shared by its messages. */
class UdpReceiver {
  socket: SocketInfo | null = null;
  readonly #onMessage: MessageHandler;
  readonly #sources = new Map<string, Map<number, ReceiveInfo>>();
  #count = 0;

  constructor(onMessage: MessageHandler) {
    this.#onMessage = onMessage;
  }

  readonly onDatagram: DatagramHandler = (text, srcIp, srcPort, index) => {
    const socket = this.socket;
    if (socket !== null) this.#onMessage(text, this.#info(socket, srcIp, srcPort), index);
  };

  #info(socket: SocketInfo, srcIp: string, srcPort: number): ReceiveInfo {
    let ports = this.#sources.get(srcIp);
    const known = ports?.get(srcPort);
    if (known !== undefined) return known;
    if (++this.#count > MAX_SOURCES) {
      this.#sources.clear();
      this.#count = 1;
      ports = undefined;
    }
    if (ports === undefined) this.#sources.set(srcIp, (ports = new Map()));
    const info = { proto: PROTO.UDP, srcIp, srcPort, dstIp: socket.address, dstPort: socket.port, socket, conId: 0 };
    ports.set(srcPort, info);
    return info;
  }
}

/** The way to streams for `TransportImpl`. */
export function streamSender(connections: ConnectionTable, listeners: () => readonly StreamListener[]): StreamSender {
  return {
    send: (text, dst, onFailed) => connections.send(text, dst, onFailed),
    async close() {
      await Promise.all(listeners().map((listener) => listener.close()));
      await connections.close();
    },
  };
}
