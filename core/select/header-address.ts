import { listValueEnd, type NameAddr, parseNameAddr } from '../parser/name-addr.ts';
import type { SipMsg } from '../parser/sip-msg.ts';

/** The first address of the first header of a name; null when there is none. */
export function firstNameAddrIn(msg: SipMsg, header: string): NameAddr | null {
  const row = msg.findHdrByName(header);
  if (row < 0) return null;
  const start = msg.hdrValueStart(row);
  return parseNameAddr(msg.buf, start, listValueEnd(msg.buf, start, msg.hdrValueEnd(row)));
}
