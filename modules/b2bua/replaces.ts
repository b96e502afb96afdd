import { HDR, type SipMsg } from 'strowger';
import { reinvite } from './bridge.ts';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { contentTypeOf, LEG, type Leg } from './leg.ts';
import { reasonOf } from './status.ts';

/** A Replaces header (RFC 3891 §6.1). */
export interface Replaces {
  readonly callId: string;
  readonly toTag: string;
  readonly fromTag: string;
  readonly isEarlyOnly: boolean;
}

/** Null where the value can not be read: no Call-ID, or not both tags. */
export function parseReplaces(value: string): Replaces | null {
  const [callId = '', ...params] = value.split(';').map((part) => part.trim());
  let toTag = '';
  let fromTag = '';
  let isEarlyOnly = false;
  for (const param of params) {
    const equals = param.indexOf('=');
    const name = (equals < 0 ? param : param.slice(0, equals)).trim().toLowerCase();
    const text = equals < 0 ? '' : param.slice(equals + 1).trim();
    if (name === 'to-tag') toTag = text;
    else if (name === 'from-tag') fromTag = text;
    else if (name === 'early-only') isEarlyOnly = true;
  }
  return callId === '' || toTag === '' || fromTag === '' ? null : { callId, toTag, fromTag, isEarlyOnly };
}

/** The refusal of an INVITE with Replaces (RFC 3891 §3), or the leg that it takes the place of. */
export function replacedLeg(calls: Calls, msg: SipMsg): Leg | number {
  const row = msg.findHdr(HDR.REPLACES);
  if (msg.findHdr(HDR.REPLACES, row + 1) >= 0) return 400;
  const replaces = parseReplaces(msg.hdrValue(row));
  if (replaces === null) return 400;
  const hidden = calls.hidden.legOf(replaces.callId);
  const leg = hidden ?? calls.legOf(replaces.callId, replaces.toTag);
  if (leg === null || (hidden === null && leg.dialog.remoteTag !== replaces.fromTag)) return 481;
  if (leg.dialog.localTag !== replaces.toTag) return 481;
  if (leg.isEnded) return 603;
  if (leg.state === LEG.CONFIRMED && replaces.isEarlyOnly) return 486;
  // Of early dialogs only those that we began can be replaced.
  return leg.state === LEG.EARLY && leg.role === 'uas' ? 481 : leg;
}

/** The new leg takes the place of `old`, which is hung up: in a call, or while it rings. */
export function replace(call: Call, fresh: Leg, old: Leg): void | Promise<void> {
  if (old.state === LEG.EARLY) return pickUp(call, fresh, old);
  const other = old.peer;
  if (other === null || other.state !== LEG.CONFIRMED) return fresh.refuse(481, reasonOf(481));
  return takeOver(call, fresh, old, other);
}

async function takeOver(call: Call, fresh: Leg, old: Leg, other: Leg): Promise<void> {
  call.mailbox.yields();
  const result = await reinvite(other, fresh.remoteSdp);
  if (result.reply === null || result.code >= 300 || fresh.isEnded) {
    if (result.reply !== null && result.code < 300) other.ack();
    fresh.refuse(result.code < 300 ? 487 : result.code, reasonOf(result.code));
    return;
  }
  fresh.peer = other;
  other.peer = fresh;
  old.peer = null;
  // Where the new side made the offer this is the answer; else it is an offer, whose answer comes with its ACK.
  fresh.answer(200, 'OK', '', result.reply.body, contentTypeOf(result.reply));
  old.hangup('Reason: SIP;cause=200;text="Replaced"\r\n');
}

/** A ringing call is answered from elsewhere: caller and new leg get each other's offer as the answer. */
export function pickUp(call: Call, fresh: Leg, ringing: Leg): void {
  const caller = ringing.peer;
  if (caller === null || caller.state !== LEG.EARLY || caller.isEnded) return fresh.refuse(481, reasonOf(481));
  const offers = [caller.remoteSdp, fresh.remoteSdp] as const;
  if (offers[0] === '' && offers[1] === '') return fresh.refuse(488, reasonOf(488));
  fresh.peer = caller;
  caller.peer = fresh;
  call.markAnswered();
  // Who made no offer gets the other's, and answers it in the ACK.
  if (offers[0] !== '') fresh.answer(200, 'OK', '', offers[0]);
  if (offers[1] !== '') caller.answer(200, 'OK', '', offers[1]);
  call.takeDial(fresh);
}
