import { buildRequest, type Destination, HDR, isDestination, SipMsg, viaRow } from 'strowger';
import type { ClientBranch } from './branch.ts';
import type { TmCore } from './core.ts';

/** Requests that tm writes itself: ACK and CANCEL for a branch, and a branch's request for another address. */
export class Requests {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** ACK of a negative final reply (RFC 3261 §17.1.1.3): the branch's own Via, the reply's To. */
  ackFor(branch: ClientBranch, reply: SipMsg): string {
    return this.#sameHop(branch, 'ACK', reply, '');
  }

  /** CANCEL of a branch (RFC 3261 §9.1). `rows` are further header rows, whole. */
  cancelFor(branch: ClientBranch, rows: string): string {
    return this.#sameHop(branch, 'CANCEL', null, rows);
  }

  /**
   * What of the INVITE belongs into the ACK and CANCEL of its hop, row by row in the INVITE's order; with
   * reparse_invite = 0 of the INVITE as received. Rows that `ac_extra_hdrs` names come along.
   */
  #sameHop(branch: ClientBranch, method: string, reply: SipMsg | null, rows: string): string {
    const { settings } = this.#tm;
    const sent = new SipMsg(branch.text, branch.t.request.rcv);
    const from = settings.reparseInvite ? sent : branch.t.request;
    const via = sent.via1;
    const extra = settings.acExtraHdrs.toLowerCase();
    let out = `${method} ${sent.originalUri} SIP/2.0\r\n`;
    if (via !== null) out += `Via: ${sent.buf.slice(via.start, via.end).trimEnd()}\r\n`;
    let hasLength = false;
    for (let row = 0; row < from.hdrCount; row++) {
      switch (from.hdrKind(row)) {
        case HDR.FROM:
        case HDR.CALLID:
        case HDR.ROUTE:
        case HDR.MAXFORWARDS:
          out += rowOf(from, row);
          break;
        case HDR.TO:
          out += reply === null ? rowOf(from, row) : rowOf(reply, reply.toAt);
          break;
        case HDR.CSEQ:
          out += `CSeq: ${from.cseqNumber} ${method}\r\n`;
          break;
        case HDR.CONTENTLENGTH:
          if (!hasLength) out += NO_BODY;
          hasLength = true;
          break;
        case HDR.VIA:
          break;
        default:
          if (extra !== '' && rowOf(from, row).toLowerCase().startsWith(extra)) out += rowOf(from, row);
      }
    }
    return hasLength ? `${out}${rows}\r\n` : `${out}${rows}${NO_BODY}\r\n`;
  }

  /** The request of a failed branch for the next address: the text with another Via, or (reparse_on_dns_failover = 0) anew. */
  resend(from: ClientBranch, to: ClientBranch): string {
    const { request } = from.t;
    const { socket } = to.dst;
    if (socket === null) return from.text;
    const branchId = this.#tm.branchId(to.t, to.index);
    if (!this.#tm.settings.reparseOnFailover) {
      const conId = request.rcv.socket.isReliable ? request.rcv.conId : 0;
      return buildRequest(request, {
        uri: to.uri,
        branchId,
        outgoing: socket,
        branchLumps: null,
        pathVec: to.pathVec,
        conId,
      });
    }
    const sent = new SipMsg(from.text, request.rcv);
    if (sent.via1At < 0) return from.text;
    return (
      sent.buf.slice(0, sent.hdrStart(sent.via1At)) +
      viaRow(request, socket, branchId, 0) +
      sent.buf.slice(sent.hdrEnd(sent.via1At))
    );
  }

  /**
   * ACK of a 2xx to an INVITE of our own (RFC 3261 §13.2.2.4): to the Contact, along the reversed Record-Route; where it is
   * sent is `local_ack_mode`'s business. Goes out once for each 2xx.
   */
  ack2xx(branch: ClientBranch, reply: SipMsg): void {
    const { server, settings } = this.#tm;
    const { socket } = branch.dst;
    if (socket === null) return;
    const sent = new SipMsg(branch.text, branch.t.request.rcv);
    const contact = reply.findHdr(HDR.CONTACT);
    const target = contact < 0 ? sent.originalUri : uriOf(reply.hdrValue(contact));
    const routes: string[] = [];
    for (let row = reply.findHdr(HDR.RECORDROUTE); row >= 0; row = reply.findHdr(HDR.RECORDROUTE, row + 1))
      for (const value of splitList(reply.hdrValue(row))) routes.unshift(value);
    let out = `ACK ${target} SIP/2.0\r\n`;
    out += viaRow(branch.t.request, socket, `${this.#tm.branchPrefix}a${server.random.token(12)}`, 0);
    for (const route of routes) out += `Route: ${route}\r\n`;
    out += rowOf(sent, sent.fromAt) + rowOf(sent, sent.callIdAt) + rowOf(reply, reply.toAt);
    out += `CSeq: ${sent.cseqNumber} ACK\r\nMax-Forwards: 70\r\n${NO_BODY}\r\n`;
    const send = (dst: Destination): void => void server.transport.send(out, dst);
    if (settings.localAckMode === 1) return send(branch.dst);
    if (settings.localAckMode === 2)
      return send({ ...branch.dst, ip: reply.rcv.srcIp, port: reply.rcv.srcPort, proto: reply.rcv.proto });
    const found = server.destinations.resolve(
      routes[0] === undefined ? target : uriOf(routes[0]),
      branch.t.request.forceSocket,
    );
    if (found instanceof Promise) void found.then((result) => isDestination(result) && send(result.first));
    else if (isDestination(found)) send(found.first);
  }
}

const NO_BODY = 'Content-Length: 0\r\n';

function rowOf(msg: SipMsg, at: number): string {
  return at < 0 ? '' : msg.buf.slice(msg.hdrStart(at), msg.hdrEnd(at));
}

/** The URI of a Contact or Route value. */
function uriOf(value: string): string {
  return /<([^>]*)>/.exec(value)?.[1] ?? (value.split(/[;,]/)[0] as string).trim();
}

/** Values of a list header; commas within `<>` or quotes do not part them. */
function splitList(text: string): string[] {
  return text.match(/(?:<[^>]*>|"(?:[^"\\]|\\.)*"|[^,<"])+/g)?.map((value) => value.trim()) ?? [];
}
