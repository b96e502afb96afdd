import { HDR, METHOD, SipMsg, viaRow } from 'strowger';
import type { TmCore } from './core.ts';
import type { ClientBranch } from './transaction.ts';

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

  /** CANCEL of a branch (RFC 3261 §9.1). `reason` is whole rows. */
  cancelFor(branch: ClientBranch, reason: string): string {
    return this.#sameHop(branch, 'CANCEL', null, reason);
  }

  #sameHop(branch: ClientBranch, method: string, reply: SipMsg | null, extra: string): string {
    const sent = new SipMsg(branch.text, branch.t.request.rcv);
    const via = sent.via1;
    let out = `${method} ${sent.originalUri} SIP/2.0\r\n`;
    if (via !== null) out += `Via: ${sent.buf.slice(via.start, via.end)}\r\n`;
    out += row(sent, sent.fromAt);
    out += row(sent, sent.callIdAt);
    out += reply === null ? row(sent, sent.toAt) : row(reply, reply.toAt);
    out += `CSeq: ${sent.cseqNumber} ${method}\r\n`;
    for (let at = sent.findHdr(HDR.ROUTE); at >= 0; at = sent.findHdr(HDR.ROUTE, at + 1)) out += row(sent, at);
    out += 'Max-Forwards: 70\r\n';
    out += extra;
    if (this.#tm.server.userAgentHeader !== '') out += `User-Agent: ${this.#tm.server.userAgentHeader}\r\n`;
    return `${out}Content-Length: 0\r\n\r\n`;
  }

  /** The request of a failed branch with the Via of the branch that tries the next address. */
  resend(from: ClientBranch, to: ClientBranch): string {
    const sent = new SipMsg(from.text, from.t.request.rcv);
    const socket = to.dst.socket;
    if (socket === null || sent.via1At < 0) return from.text;
    const start = sent.hdrStart(sent.via1At);
    const via = viaRow(from.t.request, socket, this.#tm.branchId(to.t, to.index), 0);
    return sent.buf.slice(0, start) + via + sent.buf.slice(sent.hdrEnd(sent.via1At));
  }

  /** ACK of a 2xx to an INVITE of our own (RFC 3261 §13.2.2.4): to the Contact, along the reversed Record-Route. */
  ack2xx(branch: ClientBranch, reply: SipMsg): void {
    const contact = reply.findHdr(HDR.CONTACT);
    const sent = new SipMsg(branch.text, branch.t.request.rcv);
    const target =
      contact < 0
        ? sent.originalUri
        : (/<([^>]*)>/.exec(reply.hdrValue(contact))?.[1] ?? (reply.hdrValue(contact).split(';')[0] as string));
    const socket = branch.dst.socket;
    if (socket === null || sent.method !== METHOD.INVITE) return;
    const routes: string[] = [];
    for (let at = reply.findHdr(HDR.RECORDROUTE); at >= 0; at = reply.findHdr(HDR.RECORDROUTE, at + 1))
      routes.unshift(reply.hdrValue(at));
    let out = `ACK ${target} SIP/2.0\r\n`;
    out += viaRow(branch.t.request, socket, `${this.#tm.branchPrefix}a${this.#tm.server.random.token(12)}`, 0);
    for (const route of routes) out += `Route: ${route}\r\n`;
    out += row(sent, sent.fromAt) + row(sent, sent.callIdAt) + row(reply, reply.toAt);
    out += `CSeq: ${sent.cseqNumber} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n`;
    this.#tm.server.transport.send(out, branch.dst);
  }
}

function row(msg: SipMsg, at: number): string {
  return at < 0 ? '' : msg.buf.slice(msg.hdrStart(at), msg.hdrEnd(at));
}
