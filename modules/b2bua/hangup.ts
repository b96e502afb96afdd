import type { Call } from './call.ts';
import { LEG, type Leg } from './leg.ts';
import { reasonOf } from './status.ts';

/** How a leg or a call is ended. */
interface Hangup {
  /** Of the final reply to a caller who was not answered. */
  readonly code: number;
  readonly reason: string;
  /** Reason row of BYE and CANCEL; '' for none. */
  readonly row: string;
  readonly cause: string;
}

/** `486`, `486 Busy Here`, or the value of a Reason header. */
export function parseHangup(text: string): Hangup {
  const [, digits = '', phrase = ''] = /^([3-6]\d\d)(?: +([^\r\n"]*))?$/.exec(text) ?? [];
  const code = Number(digits);
  if (digits !== '') {
    const reason = phrase || reasonOf(code);
    return { code, reason, row: `Reason: SIP;cause=${code};text="${reason}"\r\n`, cause: `${code} ${reason}` };
  }
  const value = text.replace(/[\r\n]+/g, ' ');
  const row = value === '' ? '' : `Reason: ${value}\r\n`;
  return { code: 487, reason: reasonOf(487), row, cause: value || 'hangup' };
}

/** Ends every leg of a call; -1 where it has ended. */
export function endCall(call: Call, { code, reason, row, cause }: Hangup): number {
  if (call.isEnded) return -1;
  call.cause ||= cause;
  for (const leg of call.legs) if (leg.role === 'uas' && leg.state === LEG.EARLY) leg.refuse(code, reason, row);
  call.end(cause, row);
  return 1;
}

/**
 * Ends one leg; its other side stays, with nobody to talk to. A caller who was not answered, and the last leg of a call, end
 * it. -1 where the leg has ended.
 */
export function endLeg(leg: Leg, how: Hangup): number {
  if (leg.isEnded) return -1;
  const call = leg.owner as Call;
  if (leg.role === 'uas' && leg.state === LEG.EARLY && !leg.isReplacing) return endCall(call, how);
  const other = leg.peer;
  if (other?.peer === leg) other.peer = null;
  if (!call.leaveOut(leg, how.row)) leg.hangup(how.row, how.code, how.reason);
  if (call.legs.every((each) => each.isEnded)) call.end(how.cause, how.row);
  return 1;
}
