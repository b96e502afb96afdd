import { base36, HDR, loopHash, parseVia, type SipMsg } from 'strowger';
import type { TmCore } from './core.ts';

/**
 * True when this server has had the request before, with everything that decides its way the same: forking it again would
 * multiply it without end (RFC 5393 §4.2). Looked at only where a request forks.
 */
export function isLooping(msg: SipMsg, tm: TmCore): boolean {
  const mine = `-${base36(loopHash(msg))}`;
  for (let row = msg.via1At; row >= 0; row = msg.findHdr(HDR.VIA, row + 1)) {
    const text = msg.hdrValue(row);
    if (!text.includes(tm.branchPrefix)) continue;
    for (const value of text.split(',')) {
      const via = parseVia(value, 0, value.length);
      const branch = via?.branch ?? '';
      if (via === null || !branch.startsWith(tm.branchPrefix) || !branch.endsWith(mine)) continue;
      if (tm.server.isMyself(via.host, via.port, via.proto)) return true;
    }
  }
  return false;
}
