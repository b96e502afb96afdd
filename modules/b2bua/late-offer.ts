import { reinvite } from './bridge.ts';
import type { Call } from './call.ts';
import type { Leg } from './leg.ts';
import { reasonOf } from './status.ts';

/**
 * A caller without an offer and a callee that got a placeholder: the callee is asked for an offer of its own, which the
 * caller gets, and answers in its ACK.
 */
export async function answerLate(call: Call, a: Leg, b: Leg): Promise<void> {
  b.ack();
  const { code, reply } = await reinvite(b, '');
  call.post(() => {
    if (a.isEnded || call.isEnded) return b.hangup();
    if (reply !== null && code < 300) return a.answer(200, 'OK', call.options.policy.rows(reply), reply.body);
    a.refuse(488, reasonOf(488));
    call.end(`${code} to the request for an offer`);
  });
}
