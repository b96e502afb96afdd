import { bracketed, type CommandDef, command, METHOD, MSG_FLAG, PROTO, ROUTE, type Run } from 'strowger';
import { REQUESTS } from './commands-state.ts';
import type { TmCore } from './core.ts';
import { errorReply, reasonOf } from './reasons.ts';
import { redirectContacts } from './redirect.ts';
import { RELAY, type RelayTo } from './relay.ts';
import { T_FLAG } from './transaction.ts';

const RELAYING = REQUESTS | ROUTE.FAILURE | ROUTE.BRANCH_FAILURE;
const REPLYING = RELAYING | ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY;

const PROTOCOLS: Readonly<Record<string, number>> = {
  udp: PROTO.UDP,
  tcp: PROTO.TCP,
  tls: PROTO.TLS,
  sctp: PROTO.SCTP,
  ws: PROTO.WS,
  wss: PROTO.WSS,
};

/** `host`, `port` as a next hop. Without a protocol it is the one the message came by. */
function hostPort(host: string, port: number | string, proto: number): RelayTo {
  const number = Number(port);
  return { uri: number > 0 ? `sip:${bracketed(host)}:${number}` : `sip:${bracketed(host)}`, proto };
}

/** `proto:host:port`, where protocol and port may be missing. Null when it is no such thing. */
function parseProxy(text: string): RelayTo | null {
  const match = /^(?:(udp|tcp|tls|sctp|wss?):)?(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/i.exec(text.trim());
  if (match?.[2] === undefined) return null;
  return hostPort(match[2], match[3] ?? 0, PROTOCOLS[match[1]?.toLowerCase() ?? ''] ?? PROTO.NONE);
}

/** A number, decimal or `0x…`: t_relay_to's flags. */
function flagsOf(text: string): number | null {
  return /^(?:0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : null;
}

type Send = (run: Run, tm: TmCore, to: RelayTo) => number | Promise<number>;

/** The two forms of t_relay_to_udp() and the like, or only that with an address. */
function byProto(
  proto: number,
  doc: string,
  routes: number,
  send: Send,
  hasShort = true,
): readonly CommandDef<TmCore>[] {
  const long = command({
    doc,
    args: ['str', 'int'],
    argNames: ['host', 'port'],
    routes,
    isAsync: true,
    run: (run: Run, tm: TmCore, host, port) => send(run, tm, hostPort(host, port, proto)),
  });
  const short = command({
    doc,
    args: [],
    routes,
    isAsync: true,
    run: (run: Run, tm: TmCore) => send(run, tm, { uri: '', proto }),
  });
  return hasShort ? [short, long] : [long];
}

const relay: Send = (run, tm, to) => tm.relay.relay(run, to);

/** Adds branches to the transaction that t_newtran() began (t_forward_nonack…); -1 without one, as in Kamailio. */
const forward: Send = (run, tm, to) => {
  const { msg } = run;
  if (msg.method === METHOD.ACK) return RELAY.ERROR;
  if (msg.method === METHOD.CANCEL) {
    const invite = tm.of(msg) === null ? tm.table.find(msg, METHOD.INVITE) : null;
    if (invite !== null) return tm.cancels.received(run, invite);
  }
  const t = tm.of(msg);
  return t === null ? RELAY.ERROR : tm.relay.forward(run, t, to);
};

/** Sends a copy elsewhere whose replies stay here (t_replicate). The script goes on answering by itself. */
const replicate: Send = (run, tm, to) => {
  if (run.msg.method === METHOD.ACK) return tm.relay.stateless(run, to);
  const known = tm.of(run.msg);
  if (known !== null && known.request !== run.msg) {
    known.absorb();
    return RELAY.STOP;
  }
  const t = known ?? tm.create(run);
  t.flags |= T_FLAG.REPLICATED | T_FLAG.DISABLE_INTERNAL_REPLY;
  return tm.relay.forward(run, t, to);
};

const nextHop = (uri: string): RelayTo => ({ uri, proto: PROTO.NONE });

/** t_relay_to, with a proxy, flags or both. */
function relayTo(run: Run, tm: TmCore, first: string, second: string | undefined): number | Promise<number> {
  const alone = second === undefined ? flagsOf(first) : null;
  const flags = second === undefined ? (alone ?? 0) : (flagsOf(second) ?? 0);
  const to = alone !== null ? nextHop('') : parseProxy(first);
  return to === null ? RELAY.ERROR : tm.relay.relay(run, to, flags);
}

function checkRelayTo(values: readonly (string | number | undefined)[]): string | null {
  const [first, second] = values.map((value) => (value === undefined ? undefined : String(value)));
  if (second !== undefined && flagsOf(second) === null) return `"${second}" is no set of flags`;
  if (first === undefined || parseProxy(first) !== null || flagsOf(first) !== null) return null;
  return `"${first}" is neither proto:host:port nor a set of flags`;
}

/** Commands that send requests on. */
export const RELAY_COMMANDS: Readonly<Record<string, CommandDef<TmCore> | readonly CommandDef<TmCore>[]>> = {
  t_relay: [
    command({
      doc: 'Sends the request on statefully, to its destination set.',
      args: [],
      routes: RELAYING,
      isAsync: true,
      run: (run: Run, tm: TmCore) => tm.relay.relay(run),
    }),
    command({
      doc: 'Sends the request on statefully to an address, by the protocol it came by.',
      args: ['str', 'int'],
      argNames: ['host', 'port'],
      routes: RELAYING,
      isAsync: true,
      run: (run: Run, tm: TmCore, host, port) => tm.relay.relay(run, hostPort(host, port, run.msg.rcv.proto)),
    }),
  ],
  t_relay_to_udp: byProto(PROTO.UDP, 'As t_relay(), over UDP.', RELAYING, relay),
  t_relay_to_tcp: byProto(PROTO.TCP, 'As t_relay(), over TCP.', RELAYING, relay),
  t_relay_to_tls: byProto(PROTO.TLS, 'As t_relay(), over TLS.', RELAYING, relay),
  t_relay_to_sctp: byProto(PROTO.SCTP, 'As t_relay(), over SCTP.', RELAYING, relay),
  t_relay_to: [
    command({
      doc: 'As t_relay().',
      args: [],
      routes: RELAYING,
      isAsync: true,
      run: (run: Run, tm: TmCore) => tm.relay.relay(run),
    }),
    command({
      doc: 'Sends the request on to proto:host:port; flags: 1 no 100, 2 no reply on errors, 4 no DNS failover.',
      args: ['const-str', 'const-str?'],
      argNames: ['proxy', 'flags'],
      routes: RELAYING,
      isAsync: true,
      check: checkRelayTo,
      run: relayTo,
    }),
  ],
  t_relay_to_proxy: command({
    doc: 'Sends the request on to proto:host:port, which may hold variables.',
    args: ['str'],
    argNames: ['proxy'],
    routes: RELAYING,
    isAsync: true,
    check: ([proxy]) =>
      proxy === undefined || parseProxy(String(proxy)) !== null ? null : `"${proxy}" is no proto:host:port`,
    run: (run: Run, tm: TmCore, proxy) => {
      const to = parseProxy(proxy);
      return to === null ? RELAY.ERROR : tm.relay.relay(run, to);
    },
  }),
  t_relay_to_avp: command({
    doc: 'Sends the request on by a protocol to "host:port".',
    args: ['str', 'str'],
    argNames: ['proto', 'hostport'],
    routes: REQUESTS,
    isAsync: true,
    run: (run: Run, tm: TmCore, proto, address) => sendToText(run, tm, proto, address, relay),
  }),
  t_relay_cancel: command({
    doc: 'Relays a CANCEL whose INVITE is known and ends the script; true when it is not known.',
    args: [],
    routes: REQUESTS,
    run: (run: Run, tm: TmCore) => {
      if (run.msg.method !== METHOD.CANCEL) return 1;
      const invite = tm.table.find(run.msg, METHOD.INVITE);
      if (invite === null) return 1;
      const known = tm.of(run.msg);
      if (known !== null) known.absorb();
      else tm.cancels.received(run, invite);
      return 0;
    },
  }),
  t_forward_nonack: byProto(PROTO.NONE, 'Adds a branch to an address and sends it.', REQUESTS, forward, false),
  t_forward_nonack_uri: command({
    doc: 'Adds branches for the destination set and sends them.',
    args: [],
    routes: REQUESTS,
    isAsync: true,
    run: (run: Run, tm: TmCore) => forward(run, tm, nextHop('')),
  }),
  t_forward_nonack_udp: byProto(PROTO.UDP, 'As t_forward_nonack(), over UDP.', REQUESTS, forward, false),
  t_forward_nonack_tcp: byProto(PROTO.TCP, 'As t_forward_nonack(), over TCP.', REQUESTS, forward, false),
  t_forward_nonack_tls: byProto(PROTO.TLS, 'As t_forward_nonack(), over TLS.', REQUESTS, forward, false),
  t_forward_nonack_sctp: byProto(PROTO.SCTP, 'As t_forward_nonack(), over SCTP.', REQUESTS, forward, false),
  t_forward_nonack_to: command({
    doc: 'As t_forward_nonack(), by a protocol to "host:port".',
    args: ['str', 'str'],
    argNames: ['proto', 'hostport'],
    routes: REQUESTS,
    isAsync: true,
    run: (run: Run, tm: TmCore, proto, address) => sendToText(run, tm, proto, address, forward),
  }),
  t_replicate: [
    command({
      doc: 'Sends a copy of the request to its destination set; the replies stay here.',
      args: [],
      routes: REQUESTS,
      isAsync: true,
      run: (run: Run, tm: TmCore) => replicate(run, tm, nextHop('')),
    }),
    command({
      doc: 'Sends a copy of the request to a URI; the replies stay here.',
      args: ['str'],
      argNames: ['uri'],
      routes: REQUESTS,
      isAsync: true,
      run: (run: Run, tm: TmCore, uri) => replicate(run, tm, nextHop(uri)),
    }),
    command({
      doc: 'Sends a copy of the request to an address, by the protocol it came by.',
      args: ['str', 'int'],
      argNames: ['host', 'port'],
      routes: REQUESTS,
      isAsync: true,
      run: (run: Run, tm: TmCore, host, port) => replicate(run, tm, hostPort(host, port, run.msg.rcv.proto)),
    }),
  ],
  t_replicate_udp: byProto(PROTO.UDP, 'As t_replicate(), over UDP.', REQUESTS, replicate, false),
  t_replicate_tcp: byProto(PROTO.TCP, 'As t_replicate(), over TCP.', REQUESTS, replicate, false),
  t_replicate_tls: byProto(PROTO.TLS, 'As t_replicate(), over TLS.', REQUESTS, replicate, false),
  t_replicate_sctp: byProto(PROTO.SCTP, 'As t_replicate(), over SCTP.', REQUESTS, replicate, false),
  t_replicate_to: command({
    doc: 'As t_replicate(), by a protocol to "host:port".',
    args: ['str', 'str'],
    argNames: ['proto', 'hostport'],
    routes: REQUESTS,
    isAsync: true,
    run: (run: Run, tm: TmCore, proto, address) => sendToText(run, tm, proto, address, replicate),
  }),
  t_newtran: command({
    doc: 'Creates the transaction; ends the script when the request is a retransmission.',
    args: [],
    routes: REQUESTS,
    run: (run: Run, tm: TmCore) => tm.newTransaction(run),
  }),
  t_release: command({
    doc: 'Lets the transaction end without an answer.',
    args: [],
    routes: REQUESTS,
    run: (run: Run, tm: TmCore) => {
      const t = tm.of(run.msg);
      if (t !== null && !t.isAnswered && !t.hasOpenBranch) tm.release(t);
      return 1;
    },
  }),
  t_reply: command({
    doc: 'Answers the transaction.',
    args: ['int', 'str'],
    argNames: ['code', 'reason'],
    routes: REPLYING,
    run: (run: Run, tm: TmCore, code, reason) => reply(run, tm, code, reason),
  }),
  t_reply_error: command({
    doc: 'Answers the transaction with the reply that fits what relaying failed with, else 500.',
    args: [],
    routes: REPLYING,
    run: (run: Run, tm: TmCore) => {
      const [code, reason] = errorReply(tm.of(run.msg)?.relayError ?? 0);
      return reply(run, tm, code, reason);
    },
  }),
  t_send_reply: command({
    doc: 'Answers in a transaction, which it creates where there is none.',
    args: ['int', 'str'],
    argNames: ['code', 'reason'],
    routes: REPLYING,
    run: (run: Run, tm: TmCore, code, reason) => {
      if (tm.of(run.msg) === null && run.msg.isRequest && tm.newTransaction(run) < 1) return -1;
      return reply(run, tm, code, reason);
    },
  }),
  t_retransmit_reply: command({
    doc: 'Sends the last reply again.',
    args: [],
    routes: REQUESTS,
    run: (run: Run, tm: TmCore) => {
      const t = tm.of(run.msg);
      // An ACK is never answered (RFC 3261 §17.1.1.3).
      if (t === null || t.replyText === '' || run.msg.method === METHOD.ACK) return -1;
      t.sendAside(t.replyText);
      return 1;
    },
  }),
  t_use_uac_headers: command({
    doc: 'ACK and CANCEL take From and To as they were sent; they always do here.',
    args: [],
    routes: 1023,
    run: (run: Run, tm: TmCore) => {
      run.msg.msgFlags |= MSG_FLAG.USE_UAC_FROM | MSG_FLAG.USE_UAC_TO;
      const t = tm.of(run.msg);
      if (t !== null) t.flags |= T_FLAG.UAC_HEADERS;
      return 1;
    },
  }),
};

function sendToText(run: Run, tm: TmCore, proto: string, address: string, send: Send): number | Promise<number> {
  const to = parseProxy(`${proto}:${address}`);
  return to === null ? RELAY.ERROR : send(run, tm, to);
}

function reply(run: Run, tm: TmCore, code: number, reason: string): number {
  const t = tm.of(run.msg);
  const { settings, server } = tm;
  if (t === null) {
    server.log.error('tm: t_reply() without a transaction', { callId: run.msg.callId });
    return -1;
  }
  const status = code >= 100 && code <= 699 ? code : settings.defaultCode;
  const text = reason === '' ? settings.defaultReason : reason;
  const msg = run.msg.isRequest ? run.msg : t.request;
  const rows = status >= 300 && status <= 399 ? redirectContacts(msg, settings.richRedirect) : '';
  return tm.replies.reply(t, status, text === '' ? reasonOf(status) : text, rows, '', msg) ? 1 : -1;
}
