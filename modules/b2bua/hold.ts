import { reinvite } from './bridge.ts';
import { LEG, type Leg } from './leg.ts';
import { withDirection } from './sdp.ts';

/** Our re-INVITE stops the media of a leg. False when it refuses, or has none. */
export async function hold(leg: Leg): Promise<boolean> {
  if (leg.state !== LEG.CONFIRMED || leg.localSdp === '') return false;
  if (!(await offer(leg, withDirection(leg.localSdp, 'inactive')))) return false;
  leg.isOnHold = true;
  return true;
}

/** The leg gets what its other side has offered last: both talk on. */
export async function resume(leg: Leg): Promise<boolean> {
  const sdp = leg.peer?.remoteSdp ?? '';
  if (leg.state !== LEG.CONFIRMED || sdp === '' || !(await offer(leg, sdp))) return false;
  leg.isOnHold = false;
  return true;
}

async function offer(leg: Leg, sdp: string): Promise<boolean> {
  const { code } = await reinvite(leg, sdp);
  if (code >= 300) return false;
  leg.ack();
  return true;
}
