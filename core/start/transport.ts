import type { StartOptions } from '../cli/start-options.ts';
import { METHOD } from '../parser/methods.ts';
import { SipMsg } from '../parser/sip-msg.ts';
import type { ConnectionInfo, RpcEnvironment } from '../rpc/rpc-environment.ts';
import type { Server } from '../server.ts';
import type { Clock } from '../timer/clock.ts';
import type { Connection } from '../transport/connection.ts';
import { connectionSettings } from '../transport/connection-settings.ts';
import { ConnectionTable } from '../transport/connections.ts';
import type { MessageHandler } from '../transport/drivers.ts';
import { LocalAddresses } from '../transport/local-addresses.ts';
import { PROTO, PROTO_NAMES, type ReceiveInfo, type SocketInfo } from '../transport/socket-info.ts';
import type { FramingError } from '../transport/stream-framer.ts';
import { TcpDriver } from '../transport/tcp.ts';
import { TransportImpl } from '../transport/transport-impl.ts';
import type { UdpDriverChoice } from '../transport/udp.ts';
import { addAliases, discoverAliases } from './aliases.ts';
import type { Environment } from './environment.ts';
import { planSockets, withPort } from './plan-sockets.ts';
import type { ScriptSource } from './script.ts';
import { streamSocketOptions, udpOptions } from './socket-options.ts';
import { openSockets, streamSender } from './sockets.ts';

/** The sockets of a server, open but not yet heard: `begin` lets messages in. */
interface OpenTransport {
  begin(): void;
  /** Opens the sockets that need a module: TLS and those above it. */
  openLate(): Promise<void>;
  readonly rpc: Partial<RpcEnvironment>;
}

/** Messages kept that arrive while the server is still starting; later ones are dropped, as a full socket buffer would. */
const MAX_EARLY = 1000;

/**
 * Opens the script's sockets and sets `server.transport` and `server.addresses`. `ports` are those that another worker's
 * sockets were given, where the script leaves the choice to the system.
 */
export async function openTransport(
  server: Server,
  source: ScriptSource,
  options: StartOptions,
  env: Environment,
  ports: readonly number[] | null = null,
): Promise<OpenTransport> {
  const { settings } = source;
  const early: [string, ReceiveInfo][] = [];
  let receive: MessageHandler = (text, rcv) => {
    if (early.length < MAX_EARLY) early.push([text, rcv]);
  };
  const connections = new ConnectionTable({
    wheel: server.wheel,
    log: options.log,
    settings: connectionSettings(settings),
    counters: server.counters,
    firstId: server.workerIndex + 1,
    idStep: server.workerCount,
    events: {
      onMessage: (text, rcv) => receive(text, rcv),
      onFramingError: (error, rcv) => answerFramingError(server, error, rcv),
      onClose: (conn, reason) => server.hooks.connectionClosed.run({ conId: conn.id, reason, rcv: conn.rcv }),
    },
  });
  server.connections = connections;
  connections.setDriver(PROTO.TCP, env.tcp ?? new TcpDriver(env.clock, streamSocketOptions(settings)));
  const { sockets, hostNames } = await planSockets(source, options, env);
  const planned = sockets.map((socket, at) => (ports === null ? socket : withPort(socket, ports[at] ?? socket.port)));
  const driver = env.udp(settings.str('udp_driver') as UdpDriverChoice, options.log);
  server.udp = driver;
  const opened = await openSockets({
    planned,
    udp: driver,
    connections,
    options: { ...udpOptions(settings), reusePort: server.workerCount > 1, clock: env.clock },
    backlog: settings.int('tcp_listen_backlog') || 1024,
    onMessage: (text, rcv, index) => receive(text, rcv, index),
    onError: sparingly(env.clock, (text) => options.log.info(text)),
  });
  const transport = new TransportImpl({
    sockets: opened.sockets,
    endpoints: opened.endpoints,
    streams: streamSender(connections, () => opened.listeners),
    filter: (text, dst) => server.hooks.dataOut.reduce(text, dst),
    hasFilter: () => !server.hooks.dataOut.isEmpty,
  });
  server.transport = transport;
  server.addresses = new LocalAddresses(opened.sockets, (ip) => hasInterface(env, ip));
  addAliases(server.addresses, settings, [...options.aliases, ...hostNames]);
  learnAliases(server);
  if (server.isFirstWorker) logSockets(opened.sockets, driver.name, options);
  return {
    async openLate() {
      await opened.openLate();
      transport.socketsChanged();
    },
    begin() {
      receive = (text, rcv, index) => server.receive(text, rcv, index);
      for (const [text, rcv] of early.splice(0)) server.receive(text, rcv);
      discoverAliases(server);
    },
    rpc: {
      queuedBytes: () => connections.queuedBytes,
      connections: () => connections.list().map((conn) => connectionInfo(conn, server)),
    },
  };
}

/** Asked for `virtual` sockets only: it reads the system's list of interfaces. */
function hasInterface(env: Environment, ip: string): boolean {
  return Object.values(env.interfaces()).some((addresses) => addresses?.some(({ address }) => address === ip));
}

/** Between two log lines about datagrams that could not be sent. */
const SEND_ERROR_PAUSE_MS = 1000;

/** One error a second at most; the others are counted in the next one's line. */
function sparingly(clock: Clock, write: (text: string) => void): (error: Error) => void {
  let nextMs = -Infinity;
  let passedOver = 0;
  return (error) => {
    const nowMs = clock.now();
    if (nowMs < nextMs) {
      passedOver++;
      return;
    }
    write(passedOver === 0 ? error.message : `${error.message} (and ${passedOver} more since the last line)`);
    passedOver = 0;
    nextMs = nowMs + SEND_ERROR_PAUSE_MS;
  };
}

/** `tcp_accept_aliases`: a Via with `alias` makes its port one of the connection's. */
function learnAliases(server: Server): void {
  let forget: (() => void) | null = null;
  server.settings.watch('tcp_accept_aliases', (value) => {
    if (value === 0) {
      forget?.();
      forget = null;
      return;
    }
    forget ??= server.hooks.requestIn.add((msg) => {
      const { conId, proto } = msg.rcv;
      const via = conId === 0 ? null : msg.via1;
      if (via === null || via.param('alias') === null) return;
      server.connections.addAlias(conId, via.port || (proto === PROTO.TLS ? 5061 : 5060));
    });
  });
}

/** A connection as `core.tcp_list` shows it. */
function connectionInfo(conn: Connection, server: Server): ConnectionInfo {
  const { settings } = server.connections;
  const lifetimeMs = Number.isNaN(conn.lifetimeMs) ? settings.lifetimeMs : conn.lifetimeMs;
  return {
    id: conn.id,
    type: PROTO_NAMES[conn.proto].toUpperCase(),
    state: conn.state === 'open' ? 'CONN_OK' : conn.state === 'connecting' ? 'CONN_CONNECT' : 'CONN_EOF',
    timeoutSec: Math.max(0, Math.ceil((conn.lastActivityMs + lifetimeMs - server.wheel.now()) / 1000)),
    lifetimeSec: Math.ceil(lifetimeMs / 1000),
    refCount: 1,
    srcIp: conn.remoteIp,
    srcPort: conn.remotePort,
    dstIp: conn.rcv.dstIp,
    dstPort: conn.rcv.dstPort,
  };
}

/** Answers a request whose end cannot be found, before its connection is closed. */
function answerFramingError(server: Server, error: FramingError, rcv: ReceiveInfo): void {
  const msg = new SipMsg(error.head, rcv);
  if (!msg.isRequest || msg.error !== null || msg.method === METHOD.ACK) return;
  if (msg.isHttp) {
    answerHttpFramingError(server, error, msg);
    return;
  }
  server.replies.send(msg, error.status, error.status === 513 ? 'Message Too Large' : 'Bad Content-Length');
}

function answerHttpFramingError(server: Server, error: FramingError, msg: SipMsg): void {
  if (server.hooks.nonSip.isEmpty) return;
  const [code, reason] =
    error.code === 'header-too-large'
      ? [431, 'Request Header Fields Too Large']
      : error.code === 'message-too-large'
        ? [413, 'Content Too Large']
        : error.code === 'no-content-length'
          ? [411, 'Length Required']
          : [400, 'Bad Request'];
  server.replies.sendHttp(msg, code, reason);
}

function logSockets(sockets: readonly SocketInfo[], driver: string, options: StartOptions): void {
  for (const socket of sockets) {
    const how = socket.proto === PROTO.UDP ? ` (${driver})` : '';
    const shown = socket.isAdvertised ? ` advertised as ${socket.sentBy}` : '';
    options.log.info(`listening on ${socket.uri}${shown}${how}`);
  }
}
