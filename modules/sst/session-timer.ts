import { HDR, hasToken, parseMinSe, parseSessionExpires, type SipMsg } from 'strowger';

/** What a message says about session timers (RFC 4028 §4, §5). */
export interface TimerFacts {
  /** Seconds of Session-Expires; null where there is none. */
  readonly intervalSec: number | null;
  /** Row of Session-Expires, -1 for none. */
  readonly intervalRow: number;
  readonly minSec: number | null;
  /** Row of Min-SE, -1 for none. */
  readonly minRow: number;
  /** `Supported: timer`. */
  readonly isSupported: boolean;
}

/** Null where one of the headers can not be read. */
export function timerFacts(msg: SipMsg): TimerFacts | null {
  const intervalRow = msg.findHdr(HDR.SESSIONEXPIRES);
  const minRow = msg.findHdr(HDR.MINSE);
  const interval = intervalRow < 0 ? null : parseSessionExpires(msg.hdrValue(intervalRow));
  const minSec = minRow < 0 ? null : parseMinSe(msg.hdrValue(minRow));
  if ((intervalRow >= 0 && interval === null) || (minRow >= 0 && minSec === null)) return null;
  const isSupported = hasToken(msg, HDR.SUPPORTED, 'timer');
  return { intervalSec: interval?.intervalSec ?? null, intervalRow, minSec, minRow, isSupported };
}

/** Is one of the times that a request asks for below what is allowed? */
export function isTooSmall({ intervalSec, minSec }: TimerFacts, allowedSec: number): boolean {
  return (intervalSec !== null && intervalSec < allowedSec) || (minSec !== null && minSec < allowedSec);
}
