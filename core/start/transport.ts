import type { StartOptions } from '../cli/start-options.ts';
import { METHOD } from '../parser/methods.ts';
import { SipMsg } from '../parser/sip-msg.ts';
import type { RpcEnvironment } from '../rpc/rpc-environment.ts';
import type { Server } from '../server.ts';
import { connectionSettings } from '../transport/connection-settings.ts';
import { ConnectionTable } from '../transport/connections.ts';
import { LocalAddresses } from '../transport/local-addresses.ts';
import { PROTO, type ReceiveInfo, type SocketInfo } from '../transport/socket-info.ts';
import type { FramingError } from '../transport/stream-framer.ts';
import { TcpDriver } from '../transport/tcp.ts';
import { TransportImpl } from '../transport/transport-impl.ts';
import type { UdpDriverChoice } from '../transport/udp.ts';
import { addAliases } from './aliases.ts';
import type { Environment } from './environment.ts';
import { planSockets } from './plan-sockets.ts';
import type { ScriptSource } from './script.ts';
import { streamSocketOptions, udpOptions } from './socket-options.ts';
import { openSockets, streamSender } from './sockets.ts';

/** The sockets of a server, open but not yet heard: `begin` lets messages in. */
export interface OpenTransport {
  begin(): void;
  /** Opens the sockets that need a module: TLS and those above it. */
  openLate(): Promise<void>;
  readonly rpc: Partial<RpcEnvironment>;
}

/** Messages kept that arrive while the server is still starting; later ones are dropped, as a full socket buffer would. */
const MAX_EARLY = 1000;

/** Opens the script's sockets and sets `server.transport` and `server.addresses`. */
export async function openTransport(
  server: Server,
  source: ScriptSource,
  options: StartOptions,
  env: Environment,
): Promise<OpenTransport> {
  const { settings } = source;
  const early: [string, ReceiveInfo][] = [];
  let receive = (text: string, rcv: ReceiveInfo): void => {
    if (early.length < MAX_EARLY) early.push([text, rcv]);
  };
  const connections = new ConnectionTable({
    wheel: server.wheel,
    log: options.log,
    settings: connectionSettings(settings),
    counters: server.counters,
    events: {
      onMessage: (text, rcv) => receive(text, rcv),
      onFramingError: (error, rcv) => answerFramingError(server, error, rcv),
      onClose: (conn, reason) => server.hooks.connectionClosed.run({ conId: conn.id, reason, rcv: conn.rcv }),
    },
  });
  server.connections = connections;
  connections.setDriver(PROTO.TCP, env.tcp ?? new TcpDriver(env.clock, streamSocketOptions(settings)));
  const planned = await planSockets(source, options, env);
  const driver = env.udp(settings.str('udp_driver') as UdpDriverChoice, options.log);
  const opened = await openSockets({
    planned,
    udp: driver,
    connections,
    options: { ...udpOptions(settings), reusePort: server.workerCount > 1, clock: env.clock },
    backlog: settings.int('tcp_listen_backlog') || 1024,
    onMessage: (text, rcv) => receive(text, rcv),
    onError: (error) => options.log.info(error.message),
  });
  const transport = new TransportImpl({
    sockets: opened.sockets,
    endpoints: opened.endpoints,
    streams: streamSender(connections, () => opened.listeners),
    filter: (text, dst) => server.hooks.dataOut.reduce(text, dst),
    hasFilter: () => !server.hooks.dataOut.isEmpty,
  });
  server.transport = transport;
  server.addresses = new LocalAddresses(opened.sockets);
  addAliases(server.addresses, settings);
  logSockets(opened.sockets, driver.name, options);
  return {
    async openLate() {
      await opened.openLate();
      transport.socketsChanged();
    },
    begin() {
      receive = (text, rcv) => server.receive(text, rcv);
      for (const [text, rcv] of early.splice(0)) server.receive(text, rcv);
    },
    rpc: { queuedBytes: () => connections.queuedBytes },
  };
}

/** Answers a request whose end cannot be found, before its connection is closed. */
function answerFramingError(server: Server, error: FramingError, rcv: ReceiveInfo): void {
  const msg = new SipMsg(error.head, rcv);
  if (!msg.isRequest || msg.error !== null || msg.method === METHOD.ACK) return;
  server.replies.send(msg, error.status, error.status === 513 ? 'Message Too Large' : 'Bad Content-Length');
}

function logSockets(sockets: readonly SocketInfo[], driver: string, options: StartOptions): void {
  for (const socket of sockets) {
    const how = socket.proto === PROTO.UDP ? ` (${driver})` : '';
    const shown = socket.isAdvertised ? ` advertised as ${socket.sentBy}` : '';
    options.log.info(`listening on ${socket.uri}${shown}${how}`);
  }
}
