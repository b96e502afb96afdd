import { hashSpan, hashText, mixHash } from '../msg/hash.ts';
import { BRANCH_MAGIC } from '../msg/msg-translator.ts';
import type { SipMsg } from '../parser/sip-msg.ts';

/**
 * The worker whose transactions a message belongs to: a request's is a hash of its Call-ID, so that a call with its
 * CANCEL, ACK and BYE stays in one; a reply's is named in the branch of our Via. -1: any, for it has no owner.
 */
export function ownerOf(msg: SipMsg, count: number): number {
  if (msg.error !== null) return -1;
  if (!msg.isRequest) return branchOwner(msg.via1?.branch ?? '', count);
  return msg.callIdAt < 0 ? -1 : mixHash(hashSpan(msg.buf, msg.callIdStart, msg.callIdEnd)) % count;
}

/** The worker that gets the requests of a Call-ID. */
export function callOwner(callId: string, count: number): number {
  return mixHash(hashText(callId)) % count;
}

/** The worker in a branch `z9hG4bK<worker>-…`; -1 in any other, stateless ones among them. */
export function branchOwner(branch: string, count: number): number {
  if (!branch.startsWith(BRANCH_MAGIC)) return -1;
  let owner = 0;
  for (let i = BRANCH_MAGIC.length; i < branch.length; i++) {
    const c = branch.charCodeAt(i);
    if (c === 45) return i > BRANCH_MAGIC.length && owner < count ? owner : -1;
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 122 ? c - 87 : -1;
    if (digit < 0 || owner > count) return -1;
    owner = owner * 36 + digit;
  }
  return -1;
}

/** The worker that holds a stream connection; ids of worker `n` are n+1, n+1+count, … */
export function connectionOwner(conId: number, count: number): number {
  return (conId - 1) % count;
}
