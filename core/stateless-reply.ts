import { replyToRequest } from './forward.ts';
import { base36, hashSpan, hashText, mixHash } from './msg/hash.ts';
import { buildReply, hasBranchCookie } from './msg/msg-translator.ts';
import { MSG_FLAG } from './parser/msg-flag.ts';
import type { SipMsg } from './parser/sip-msg.ts';
import type { Server } from './server.ts';

/**
 * Replies without a transaction: what sl sends, and what the core sends by itself. The To tag is the same for the same
 * request, as a stateless server's must be (RFC 3261 §8.2.7).
 */
export class StatelessReplies {
  readonly #server: Server;
  /** First part of every tag of this server: ACKs to our replies are known by it. */
  readonly tagPrefix: string;
  readonly #tagStart: string;
  /** How a failed or refused run is answered, 500 unless told; tm replaces it to use a transaction where there is one. */
  sendError: (msg: SipMsg, code?: number, reason?: string, extraHeaders?: string) => void;

  constructor(server: Server) {
    this.#server = server;
    this.tagPrefix = server.random.token(24);
    this.#tagStart = `${this.tagPrefix}.`;
    this.sendError = (msg, code = 500, reason = 'Server Internal Error', extraHeaders = '') =>
      void this.send(msg, code, reason, extraHeaders);
  }

  /** To tag for a stateless reply to this request. */
  tagFor(msg: SipMsg): string {
    const via = msg.via1;
    // The branch is unique to the request where it has the cookie; elsewhere the Call-ID and From tag have to do.
    const hash =
      via !== null && hasBranchCookie(via)
        ? hashSpan(msg.buf, via.branchStart, via.branchEnd)
        : hashText(msg.fromTag, hashText(msg.callId ?? ''));
    return this.#tagStart + base36(mixHash(hash));
  }

  /** A plain HTTP response, without the Via that makes a SIP reply find its way. */
  sendHttp(msg: SipMsg, code: number, reason: string): void {
    const text = `${msg.version} ${code} ${reason}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`;
    this.#server.transport.send(text, replyToRequest(msg));
  }

  /** Sends a reply. 1 sent, -1 it could not be. `extraHeaders` are whole rows, each with CRLF. */
  send(msg: SipMsg, code: number, reason: string, extraHeaders = '', body = ''): number {
    if (msg.via1 === null || (msg.isHttp && (msg.msgFlags & MSG_FLAG.FINAL_REPLY_SENT) !== 0)) return -1;
    const text = buildReply(msg, {
      code,
      reason,
      toTag: code === 100 ? '' : this.tagFor(msg),
      extraHeaders: replyRows(msg) + extraHeaders,
      body: body === '' ? msg.replyBody : body,
      server: this.#server.serverHeader,
    });
    if (code >= 200) msg.msgFlags |= MSG_FLAG.FINAL_REPLY_SENT;
    return this.#server.transport.send(text, replyToRequest(msg));
  }
}

/** The rows that the script and modules have put by for replies: most often one text. */
function replyRows({ replyLumps }: SipMsg): string {
  if (replyLumps === null || replyLumps.length === 0) return '';
  return replyLumps.length === 1 ? (replyLumps[0] as string) : replyLumps.join('');
}
