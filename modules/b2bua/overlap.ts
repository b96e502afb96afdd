import { METHOD, type SipMsg } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import { isSdp } from './body.ts';
import { USAGE_EVENT, usageStep, VERDICT } from './invite-usage.ts';
import type { Leg } from './leg.ts';
import { OFFER_VERDICT, type OfferVerdict } from './offer-answer.ts';

/** A request in a dialog that is answered at once. */
export interface Refusal {
  readonly code: number;
  /** Rows of the reply. */
  readonly rows?: string;
}

/**
 * An INVITE, UPDATE or PRACK that came: why it can not be taken now, as something else is under way in its dialog; null
 * where it is taken, and is what is under way from then on (RFC 3261 §14.2, RFC 3311 §5.2, RFC 5407 §3.1.5, §3.3).
 */
export function overlap(leg: Leg, msg: SipMsg, t: Transaction): Refusal | null {
  const hasSdp = isSdp(msg);
  if (msg.method === METHOD.INVITE) return invite(leg, hasSdp);
  if (msg.method !== METHOD.UPDATE && msg.method !== METHOD.PRACK) return null;
  const { offers } = leg;
  const verdict = offers.request('them', msg.methodName, hasSdp, t);
  // Whoever answers it, the script as well: then it is over.
  t.on('completed', ({ code }) => offers.done(t, code < 300));
  t.on('destroy', () => offers.done(t, false));
  return refusal(leg, verdict);
}

function invite(leg: Leg, hasSdp: boolean): Refusal | null {
  const { verdict } = usageStep(leg.usage, USAGE_EVENT.RECEIVE);
  switch (verdict) {
    case VERDICT.REQUEST_PENDING:
      return PENDING;
    case VERDICT.RETRY_LATER:
      return retryLater(leg);
    case VERDICT.OK:
    case VERDICT.ACKNOWLEDGES: {
      const crossed = refusal(leg, leg.offers.invite('them', hasSdp));
      if (crossed !== null) return crossed;
      if (verdict === VERDICT.ACKNOWLEDGES) leg.acknowledgedByInvite();
      leg.step(USAGE_EVENT.RECEIVE);
      return null;
    }
    case VERDICT.WAIT:
    case VERDICT.IGNORE:
    case VERDICT.GONE:
      return { code: 481 };
  }
}

function refusal(leg: Leg, verdict: OfferVerdict): Refusal | null {
  if (verdict === OFFER_VERDICT.OK) return null;
  return verdict === OFFER_VERDICT.CROSSED ? PENDING : retryLater(leg);
}

const PENDING: Refusal = { code: 491 };

/** In a while that is drawn anew each time, 0 to 10 s. */
function retryLater(leg: Leg): Refusal {
  return { code: 500, rows: `Retry-After: ${leg.server.random.int(10)}\r\n` };
}
