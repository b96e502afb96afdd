/** Stateless forwarding (RFC 3261 §16.11): one destination, a branch that depends on nothing but the request. */

import { isDestination, type NoDestination } from './destination.ts';
import { base36, hashSpan, hashText, mixHash } from './msg/hash.ts';
import { BRANCH_MAGIC, buildForwardedReply, buildRequest, hasBranchCookie } from './msg/msg-translator.ts';
import { HDR } from './parser/hf.ts';
import { MSG_FLAG } from './parser/msg-flag.ts';
import { parseDecimal } from './parser/params.ts';
import type { SipMsg } from './parser/sip-msg.ts';
import type { Via } from './parser/via.ts';
import type { ScriptRoute } from './script/program.ts';
import { ROUTE, RUN_DROP, Run } from './script/run.ts';
import type { Server } from './server.ts';
import { ipFamily, unbracketed } from './transport/ip-address.ts';
import { type Destination, PROTO } from './transport/socket-info.ts';

/** Marks a branch this server made without a transaction, so that a reply to it is not looked for in tm. */
const STATELESS_MARK = 's';

/** Next hop of a request: `$du`, else the Request-URI. */
export function nextHopUri(msg: SipMsg): string {
  return msg.dstUri !== '' ? msg.dstUri : msg.uri;
}

/**
 * Branch of a statelessly forwarded request: the same for its retransmissions, its CANCEL and its ACK, and different
 * when it comes back with another Request-URI (a spiral).
 */
function statelessBranch(msg: SipMsg): string {
  const via = msg.via1;
  const call = hashCallId(msg);
  // The caller's branch is unique where it has the cookie; else all of its Via and the CSeq have to do.
  const id =
    via !== null && hasBranchCookie(via)
      ? hashSpan(msg.buf, via.branchStart, via.branchEnd, call)
      : hashText(`${msg.cseqNumber}`, via === null ? call : hashSpan(msg.buf, via.start, via.end, call));
  return `${BRANCH_MAGIC}${STATELESS_MARK}${base36(mixHash(id))}.${base36(loopHashWith(msg, call))}`;
}

function hashCallId(msg: SipMsg): number {
  return hashSpan(msg.buf, msg.callIdStart, msg.callIdEnd);
}

/** Hash of what decides where a request goes (RFC 5393 §4.2): a request that returns with the same is looping. */
export function loopHash(msg: SipMsg): number {
  return loopHashWith(msg, hashCallId(msg));
}

function loopHashWith(msg: SipMsg, call: number): number {
  let h = hashSpan(msg.buf, msg.uriStart, msg.uriEnd, call);
  for (let row = msg.findHdr(HDR.ROUTE); row >= 0; row = msg.findHdr(HDR.ROUTE, row + 1))
    h = hashSpan(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row), h);
  return mixHash(hashText(msg.fromTag, h));
}

/**
 * `forward()`: sends the request on without a transaction. 1 sent, -1 when there is no destination or no socket.
 * Waits only where a name has to be resolved.
 */
export function forwardRequest(run: Run): number | Promise<number> {
  const msg = run.msg;
  const found = run.server.destinations.resolve(nextHopUri(msg), msg.forceSocket, PROTO.NONE, msg.rcv.socket);
  if (found instanceof Promise)
    return found.then((result) => (isDestination(result) ? forwardTo(run, result.first) : noDestination(run, result)));
  return isDestination(found) ? forwardTo(run, found.first) : noDestination(run, found);
}

function noDestination(run: Run, why: NoDestination): number {
  run.server.log.error(`forward: ${why.reason}`, { uri: nextHopUri(run.msg), callId: run.msg.callId });
  return -1;
}

/** Sends the request of this run to a known destination. 1 sent, -1 not. */
export function forwardTo(run: Run, dst: Destination): number | Promise<number> {
  const msg = run.msg;
  const outgoing = dst.socket;
  if (outgoing === null) return -1;
  const form = {
    uri: msg.uri,
    branchId: statelessBranch(msg),
    outgoing,
    branchLumps: null,
    pathVec: msg.pathVec,
    conId: 0,
  };
  const text = buildRequest(msg, form);
  const larger = beyondMtu(run.server, msg, text.length, dst);
  applySendFlags(msg, larger ?? dst);
  if (larger?.socket == null) return sendRequest(run, text, dst);
  return sendRequest(run, buildRequest(msg, { ...form, viaSocket: larger.socket }), larger);
}

/**
 * Where a request of this length goes instead of over UDP (`udp_mtu`, RFC 3261 §18.1.1); null where it stays. It then
 * has to be built again: its Via shows the other socket, its Record-Route stays that of UDP, as in Kamailio.
 */
export function beyondMtu(server: Server, msg: SipMsg, lengthBytes: number, dst: Destination): Destination | null {
  if (server.messages.udpMtu === 0 || dst.proto !== PROTO.UDP) return null;
  const proto = server.messages.protoBeyondMtu(msg, lengthBytes);
  if (proto === PROTO.UDP) return null;
  const socket = server.transport.socketFor(proto, dst.ip, null);
  return socket === null ? null : { ...dst, proto, socket, conId: 0 };
}

/** set_forward_no_connect and set_forward_close. */
export function applySendFlags(msg: SipMsg, dst: Destination): void {
  if ((msg.msgFlags & MSG_FLAG.NO_FORWARD_CONNECT) !== 0) dst.noConnect = true;
  if ((msg.msgFlags & MSG_FLAG.FORWARD_CLOSE) !== 0) dst.closeAfter = true;
  if (dst.proto === PROTO.TLS) dst.vars = msg.vars;
}

/** Sends a request text, through onsend_route where the script has one: its `drop` keeps the message back, which is -1. */
function sendRequest(run: Run, text: string, dst: Destination): number | Promise<number> {
  const onsend = run.program.onsend;
  const server = run.server;
  const send = (passes: boolean): number => (passes ? countForward(server, server.transport.send(text, dst)) : -1);
  if (onsend === null) return send(true);
  const passes = passesOnsend(run, onsend, text, dst);
  return typeof passes === 'boolean' ? send(passes) : passes.then(send);
}

/** Runs onsend_route about a message as it will leave; false when it was dropped there. */
function passesOnsend(run: Run, onsend: ScriptRoute, text: string, dst: Destination): boolean | Promise<boolean> {
  const { routeType, rc } = run;
  run.routeType = ROUTE.ONSEND;
  run.rc = 0;
  run.sending = { text, ip: dst.ip, port: dst.port, proto: dst.proto };
  const done = (bits: number): boolean => {
    run.routeType = routeType;
    run.rc = rc;
    run.sending = null;
    return (bits & RUN_DROP) === 0;
  };
  const result = onsend(run);
  return typeof result === 'number' ? done(result) : result.then(done);
}

/** `onsend_route_reply`: false when the script's onsend_route drops a reply that is passed on. True without one. */
export function replyPassesOnsend(
  server: Server,
  reply: SipMsg,
  text: string,
  dst: Destination,
): boolean | Promise<boolean> {
  const { onsend } = server.program;
  if (onsend === null || !server.messages.runsOnsendForReplies) return true;
  return passesOnsend(new Run(server, server.program, reply, ROUTE.ONSEND), onsend, text, dst);
}

function countForward(server: Server, sent: number): number {
  if (sent > 0) server.stats.fwdRequests.value++;
  return sent;
}

/** A reply nobody owns: to the Via below ours (RFC 3261 §16.7, §18.2.2). False when it goes nowhere. */
export function forwardReply(server: Server, msg: SipMsg): boolean {
  const own = msg.via1;
  if (own === null || !server.isMyself(own.host, own.port, own.proto)) return false;
  const via = msg.via2;
  if (via === null) return false;
  const dst = replyDestination(server, via, msg.rcv.socket.proto === via.proto ? msg.rcv.socket : null);
  if (dst instanceof Promise) {
    void dst.then((found) =>
      found !== null && sendReply(server, msg, own, found) ? null : server.stats.dropReplies.inc(),
    );
    return true;
  }
  return dst !== null && sendReply(server, msg, own, dst);
}

function sendReply(server: Server, msg: SipMsg, own: Via, dst: Destination): boolean {
  if (dst.proto !== PROTO.UDP) dst.conId = viaConnection(own);
  const text = buildForwardedReply(msg, msg.lumpList?.items ?? [], dst.proto !== PROTO.UDP);
  const passes = replyPassesOnsend(server, msg, text, dst);
  if (typeof passes === 'boolean') return passes && sendReplyText(server, text, dst);
  void passes.then((passed) => {
    if (!passed || !sendReplyText(server, text, dst)) server.stats.dropReplies.inc();
  });
  return true;
}

function sendReplyText(server: Server, text: string, dst: Destination): boolean {
  const sent = server.transport.send(text, dst);
  if (sent > 0) server.stats.fwdReplies.value++;
  return sent > 0;
}

/** The connection the request came over, which we noted as `;i=` in our Via; 0 when it came over UDP. */
function viaConnection(own: Via): number {
  const id = own.param('i');
  return id === null || id === '' ? 0 : Number.parseInt(id, 16) || 0;
}

/** Where a reply goes by the Via it answers to: maddr, received and rport, sent-by. Null when it has no usable address. */
export function replyDestination(
  server: Server,
  via: Via,
  socket: Destination['socket'],
): Destination | null | Promise<Destination | null> {
  const proto = via.proto;
  const rport = via.param('rport');
  const host = via.param('maddr') || via.param('received') || via.host;
  const bare = unbracketed(host);
  const port =
    rport !== null && rport !== ''
      ? parseDecimal(rport, 0, rport.length, 65535)
      : via.port !== 0
        ? via.port
        : proto === PROTO.TLS || proto === PROTO.WSS
          ? 5061
          : 5060;
  if (!(port > 0 && port < 65536)) return null;
  const at = (ip: string | undefined): Destination | null => {
    const outgoing = ip === undefined ? null : server.transport.socketFor(proto, ip, socket);
    return ip === undefined || outgoing === null
      ? null
      : { proto, ip, port, socket: outgoing, conId: 0, noConnect: false, closeAfter: false, host: bare };
  };
  const found = server.resolver.addresses(bare);
  return found instanceof Promise ? found.then((list) => at(list[0])) : at(found[0]);
}

/**
 * Destination of a reply we make to a request: the connection it came on, else the source or Via address
 * (RFC 3581 §4, RFC 3261 §18.2.2). Always an address, since the source of the packet is one. `maddr` counts no more
 * than in Kamailio: by it, replies could be sent to anybody.
 */
export function replyToRequest(msg: SipMsg): Destination {
  const rcv = msg.rcv;
  const via = msg.via1;
  const isReliable = rcv.socket.isReliable;
  let port = rcv.srcPort;
  if (via !== null && !isReliable && (msg.msgFlags & MSG_FLAG.FORCE_RPORT) === 0 && via.paramAt('rport') < 0)
    port = via.port === 0 ? 5060 : via.port;
  let { srcIp: ip } = rcv;
  // A sent-by that is a name would have to be looked up: it is not where we know the source.
  if ((msg.msgFlags & MSG_FLAG.REPLY_TO_VIA) !== 0 && via !== null && !isReliable) {
    const host = unbracketed(via.host);
    if (ipFamily(host) !== 0) ip = host;
  }
  return {
    proto: rcv.proto,
    ip,
    port,
    socket: rcv.socket,
    conId: rcv.conId,
    noConnect: (msg.msgFlags & MSG_FLAG.NO_REPLY_CONNECT) !== 0,
    closeAfter: (msg.msgFlags & MSG_FLAG.REPLY_CLOSE) !== 0,
    host: '',
  };
}
