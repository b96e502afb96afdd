import { HDR, parseDecimal, type SipMsg } from 'strowger';
import { optionTags } from './headers.ts';

/** RSeq of a reply that wants PRACK; 0 for one that does not. */
export function rseqOf(reply: SipMsg): number {
  const value = reply.header(HDR.RSEQ);
  if (value === null || reply.status <= 100 || reply.status >= 200) return 0;
  if (!optionTags(reply, HDR.REQUIRE).includes('100rel')) return 0;
  const digits = value.trim();
  return Math.max(0, parseDecimal(digits, 0, digits.length, 0xffffffff));
}
