/** What the core looks at before a script sees a message. Everything stricter is `sanity_check()`'s. */

import { HDR } from './parser/hf.ts';
import type { SipMsg } from './parser/sip-msg.ts';

/** Why a message goes no further. A reply is dropped; a request gets this answer, unless it can not be answered. */
export interface CheckFailure {
  readonly code: number;
  readonly reason: string;
  /** False when there is no Via to answer to, or the request is an ACK: dropped without a word. */
  readonly isAnswerable: boolean;
}

const DUPLICATES_REFUSED =
  (1 << HDR.TO) | (1 << HDR.FROM) | (1 << HDR.CALLID) | (1 << HDR.CSEQ) | (1 << HDR.CONTENTLENGTH);

/**
 * Null when the message can be routed: its first line and headers could be read; the top Via, To, From, Call-ID and
 * CSeq are there once each and make sense; the body is as long as Content-Length says (RFC 3261 §8.1.1, §18.3, §21.5.6).
 * `acceptsRepeated` lets repeated ones through. Looks at nothing twice: what it reads is cached in the message.
 */
export function checkMessage(msg: SipMsg, acceptsRepeated = false): CheckFailure | null {
  if (msg.error !== null) return firstLineFailure(msg, msg.error);
  if (msg.isHttp) return { code: 505, reason: 'SIP Version Not Supported', isAnswerable: false };
  if (msg.via1 === null) return failure(msg, 400, 'Bad Via');
  if (msg.callIdAt < 0 || msg.cseqAt < 0 || msg.fromAt < 0 || msg.toAt < 0) {
    return failure(msg, 400, 'Missing Required Header in Request');
  }
  if (!acceptsRepeated && (msg.duplicates & DUPLICATES_REFUSED) !== 0)
    return failure(msg, 400, 'Duplicate Header in Request');
  if (msg.callId === '') return failure(msg, 400, 'Bad Call-ID');
  if (msg.cseqNumber < 0 || msg.cseqMethod === '') return failure(msg, 400, 'Bad CSeq');
  if (msg.from === null) return failure(msg, 400, 'Bad From');
  if (msg.to === null) return failure(msg, 400, 'Bad To');
  const length = msg.contentLength;
  if (length === -2) return failure(msg, 400, 'Bad Content-Length');
  if (length > msg.buf.length - msg.bodyStart) return failure(msg, 400, 'Content-Length mis-match');
  return null;
}

function firstLineFailure(msg: SipMsg, error: string): CheckFailure {
  if (error === 'bad SIP version' && /^SIP\/\d+\.\d+$/i.test(msg.version)) {
    return failure(msg, 505, 'SIP Version Not Supported');
  }
  return failure(msg, 400, `Bad Request (${error})`);
}

function failure(msg: SipMsg, code: number, reason: string): CheckFailure {
  return { code, reason, isAnswerable: msg.isRequest && msg.via1 !== null && msg.methodName !== 'ACK' };
}
