import { isDestination } from '../destination.ts';
import { forwardRequest, forwardTo } from '../forward.ts';
import { type CommandDef, type CommandResult, command } from '../module/define-module.ts';
import { MSG_FLAG } from '../parser/msg-flag.ts';
import type { Server } from '../server.ts';
import { bracketed } from '../transport/ip-address.ts';
import { PROTO, type Proto } from '../transport/socket-info.ts';
import {
  ANY_ROUTE,
  BRANCH_ROUTE,
  EVENT_ROUTE,
  FAILURE_ROUTE,
  NOT_ONSEND,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
} from './run.ts';

/** Core functions on how and where messages leave: `forward`, sockets, connections, what a Via shows. */

type Def = CommandDef<never>;

/** `forward()`, `forward(host)`, `forward(host, port)`; host and port may be `uri:host` and `uri:port`. */
function forward(doc: string, proto: Proto): readonly Def[] {
  const routes = REQUEST_ROUTE | FAILURE_ROUTE | EVENT_ROUTE | BRANCH_ROUTE | ONREPLY_ROUTE;
  return [
    command({
      doc,
      args: [],
      routes,
      isAsync: true,
      run: (run) => (proto === PROTO.NONE ? forwardRequest(run) : forwardBy(run, run.msg.uri, proto)),
    }),
    command({
      doc,
      args: ['const-str', 'const-str?'],
      argNames: ['host', 'port'],
      routes,
      isAsync: true,
      check: ([host, port]) => checkHostPort(String(host), port === undefined ? '' : String(port)),
      run: (run: Run, _state: unknown, host: string, port: string | undefined) =>
        forwardBy(run, targetUri(run, host, port ?? ''), proto),
    }),
  ];
}

function checkHostPort(host: string, port: string): string | null {
  if (host !== 'uri:host' && !/^(?:\[[0-9a-fA-F:.]+\]|[0-9a-fA-F:]+|[\w.-]+)$/.test(host))
    return `"${host}" is no host`;
  return port === '' || port === 'uri:port' || (/^\d{1,5}$/.test(port) && Number(port) < 65536)
    ? null
    : `"${port}" is no port`;
}

function targetUri(run: Run, host: string, port: string): string {
  const uri = run.msg.ruri;
  const name = host === 'uri:host' ? (uri?.host ?? '') : bracketed(host);
  const number = port === 'uri:port' ? uri?.port || '' : port;
  return `sip:${name}${number === '' ? '' : `:${number}`}`;
}

function forwardBy(run: Run, uri: string, proto: Proto): CommandResult {
  const send = (found: Awaited<ReturnType<Server['destinations']['resolve']>>): CommandResult => {
    if (isDestination(found)) return forwardTo(run, found.first);
    run.server.log.error(`forward: ${found.reason}`, { uri });
    return -found.code;
  };
  const { msg } = run;
  const found = run.server.destinations.resolve(uri, msg.forceSocket, proto, msg.rcv.socket);
  return found instanceof Promise ? found.then(send) : send(found);
}

function setting(doc: string, flag: number, routes = ANY_ROUTE): Def {
  return command({
    doc,
    args: [],
    routes,
    run: (run) => {
      run.msg.msgFlags |= flag;
      return 1;
    },
  });
}

const forceRport = setting(
  'Answer to the port the request came from (RFC 3581), as if its Via had rport.',
  MSG_FLAG.FORCE_RPORT,
  NOT_ONSEND,
);

const forceTcpAlias = command({
  doc: 'Make the connection of this message reachable under another port of its peer: that of its Via where none is given.',
  args: ['const-int?'],
  argNames: ['port'],
  routes: NOT_ONSEND,
  run: (run, _state, port) => {
    const { rcv } = run.msg;
    const alias = port ?? (run.msg.via1?.port || (rcv.proto === PROTO.TLS ? 5061 : 5060));
    if (rcv.conId === 0) return 1;
    return run.server.connections.addAlias(rcv.conId, alias) ? 1 : -1;
  },
});

/** Requests beyond `udp_mtu` go by this protocol, for one message. */
const MTU_FLAGS: Readonly<Record<string, number>> = {
  UDP: 0,
  TCP: MSG_FLAG.MTU_TCP,
  TLS: MSG_FLAG.MTU_TLS,
  SCTP: MSG_FLAG.MTU_SCTP,
};
const ALL_MTU_FLAGS = MSG_FLAG.MTU_TCP | MSG_FLAG.MTU_TLS | MSG_FLAG.MTU_SCTP;

export const SEND_COMMANDS: Readonly<Record<string, Def | readonly Def[]>> = {
  forward: forward('Send the request on without a transaction.', PROTO.NONE),
  forward_udp: forward('Send the request on over UDP without a transaction.', PROTO.UDP),
  forward_tcp: forward('Send the request on over TCP without a transaction.', PROTO.TCP),
  forward_tls: forward('Send the request on over TLS without a transaction.', PROTO.TLS),
  forward_sctp: forward('Send the request on over SCTP without a transaction.', PROTO.SCTP),
  force_rport: forceRport,
  add_rport: forceRport,
  add_local_rport: setting(
    'Add rport to the Via of this request when it is sent on.',
    MSG_FLAG.ADD_LOCAL_RPORT,
    NOT_ONSEND,
  ),
  set_forward_no_connect: setting('Send this request over an open connection only.', MSG_FLAG.NO_FORWARD_CONNECT),
  set_forward_close: setting('Close the connection this request is sent over.', MSG_FLAG.FORWARD_CLOSE),
  set_reply_no_connect: setting(
    'Send replies to this request over an open connection only.',
    MSG_FLAG.NO_REPLY_CONNECT,
  ),
  set_reply_close: setting('Close the connection once a reply to this request is sent.', MSG_FLAG.REPLY_CLOSE),
  force_tcp_alias: forceTcpAlias,
  add_tcp_alias: forceTcpAlias,
  set_advertised_address: command({
    doc: 'The address that the Via of this message shows.',
    args: ['const-str'],
    routes: NOT_ONSEND,
    run: (run, _state, address) => {
      run.msg.setGlobalAddress = address;
      return 1;
    },
  }),
  set_advertised_port: command({
    doc: 'The port that the Via of this message shows.',
    args: ['const-int'],
    routes: NOT_ONSEND,
    check: ([port]) => (Number(port) > 0 && Number(port) < 65536 ? null : `${port} is no port`),
    run: (run, _state, port) => {
      run.msg.setGlobalPort = port;
      return 1;
    },
  }),
  force_send_socket: command({
    doc: 'Send this message from a socket of ours.',
    args: ['const-str'],
    argNames: ['socket'],
    routes: NOT_ONSEND,
    check: ([text], server: Server | null) =>
      server === null || server.transport.findSocket(String(text)) !== null ? null : `we do not listen on ${text}`,
    run: (run: Run, _state: Server | null, text: string) => {
      const socket = run.server.transport.findSocket(text);
      if (socket === null) return -1;
      run.msg.forceSocket = socket;
      return 1;
    },
  }),
  udp_mtu_try_proto: command({
    doc: 'Protocol for this request where it is longer than udp_mtu: TCP, TLS, SCTP or UDP.',
    args: ['const-str'],
    argNames: ['protocol'],
    routes: NOT_ONSEND,
    check: ([name]) => (Object.hasOwn(MTU_FLAGS, String(name).toUpperCase()) ? null : `"${name}" is no protocol`),
    run: (run, _state, name) => {
      run.msg.msgFlags = (run.msg.msgFlags & ~ALL_MTU_FLAGS) | (MTU_FLAGS[name.toUpperCase()] ?? 0);
      return 1;
    },
  }),
  remove_branch: command({
    doc: 'Remove a further branch, the last one where no number is given.',
    args: ['const-int?'],
    argNames: ['index'],
    routes: NOT_ONSEND,
    run: (run, _state, index) => {
      const { branches } = run.msg;
      if (branches === null || branches.length === 0) return 1;
      if (index === undefined) branches.pop();
      else branches.splice(index, 1);
      return 1;
    },
  }),
  clear_branches: command({
    doc: 'Remove all further branches.',
    args: [],
    routes: NOT_ONSEND,
    run: (run) => {
      run.msg.branches = null;
      return 1;
    },
  }),
};
