import { METHOD, type SipMsg } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import { isSdp } from './body.ts';
import type { Call } from './call.ts';
import { dtmfOf } from './dtmf.ts';
import type { Leg } from './leg.ts';
import { refer } from './refer.ts';
import { refuse, relayRequest } from './relay.ts';
import { isHold } from './sdp.ts';

/**
 * A request in the dialog of a leg, which the event routes see before it goes on: `request`, or `refer`; then `reinvite`,
 * `hold`, `resume` and `dtmf` where it is such a one. The first that drops it ends its way.
 */
export function requestInDialog(call: Call, leg: Leg, msg: SipMsg, t: Transaction): void | Promise<void> {
  if (msg.method === METHOD.PRACK && call.reliable.takes(msg)) return call.reliable.acknowledged(leg, msg, t);
  call.referDecision = null;
  call.digit = dtmfOf(msg);
  const held = heldBy(msg);
  const routes: string[] = [msg.method === METHOD.REFER ? 'refer' : 'request'];
  if (msg.method === METHOD.INVITE) routes.push('reinvite');
  if (held !== null && held !== leg.isHeld) routes.push(held ? 'hold' : 'resume');
  if (call.digit !== '') routes.push('dtmf');
  const pass = (dropped: string | null): void | Promise<void> => {
    if (dropped !== null) {
      // A digit that the script took has arrived.
      if (!t.isAnswered && dropped === 'dtmf') leg.reply(t, 200, 'OK');
      else if (!t.isAnswered) refuse(call, t, leg, 403);
      return;
    }
    if (held !== null) leg.isHeld = held;
    if (msg.method === METHOD.REFER) return refer(call, leg, call.edited(msg), t);
    relayRequest(call, leg, call.edited(msg), t);
  };
  const dropped = fireAll(call, leg, msg, routes);
  return dropped instanceof Promise ? dropped.then(pass) : pass(dropped);
}

/** Whether the description in a request puts the other side on hold; null where it has none. */
function heldBy(msg: SipMsg): boolean | null {
  const offers = msg.method === METHOD.INVITE || msg.method === METHOD.UPDATE;
  return offers && isSdp(msg) ? isHold(msg.body) : null;
}

/** The route that dropped the request; null where it goes on. */
function fireAll(call: Call, leg: Leg, msg: SipMsg, routes: readonly string[]): string | null | Promise<string | null> {
  for (const [at, name] of routes.entries()) {
    const veto = call.fire(name, leg, msg);
    if (veto instanceof Promise)
      return veto.then((isVetoed) => (isVetoed ? name : fireAll(call, leg, msg, routes.slice(at + 1))));
    if (veto) return name;
  }
  return null;
}
