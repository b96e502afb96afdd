import type { Leg } from './leg.ts';
import { LEG } from './leg-owner.ts';

/**
 * Refreshes the session of a leg (RFC 4028 §7.4): with UPDATE where the other side allows it, else with a re-INVITE of the
 * same description. One that is under way already refreshes it as well.
 */
export function refresh(leg: Leg): void {
  const { timer } = leg;
  if (timer === null || leg.state !== LEG.CONFIRMED) return;
  const failed = (): void => timer.failed();
  const isSent =
    leg.allowsUpdate && leg.owner.settings.allowsUpdate
      ? leg.send('UPDATE', {
          headers: timer.requestRows(),
          onFinal: (code, reply) => {
            if (code < 300 && reply !== null) timer.answered(reply);
            else failed();
          },
        })
      : leg.sendInvite({ body: leg.localSdp, onOk: () => leg.ack(), onFinal: failed });
  if (!isSent) failed();
}
