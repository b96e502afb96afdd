import { bridge, joinAnswered, reinvite } from './bridge.ts';
import type { Call } from './call.ts';
import { hold } from './hold.ts';
import { contentTypeOf, LEG, type Leg } from './leg.ts';

/** How two legs are joined that were not. */
export interface BridgeFlags {
  /** Those they talked to are put on hold; else they are hung up. */
  readonly holdOld: boolean;
  /** When it fails, they are joined with those they talked to again. */
  readonly rollback: boolean;
  /** The first is asked for an offer; else the second gets the one it made last. */
  readonly lateOffer: boolean;
  /** The second may be a caller who was not answered yet. */
  readonly early: boolean;
}

const ELSEWHERE = 'Reason: SIP;cause=200;text="Bridged elsewhere"\r\n';

/** Null where a word is none of the flags. */
export function parseBridgeFlags(text: string): BridgeFlags | null {
  const words = text.split(/[,\s]+/).filter((word) => word !== '');
  if (words.some((word) => !['hold-old', 'rollback', 'late-offer', 'early'].includes(word))) return null;
  return {
    holdOld: words.includes('hold-old'),
    rollback: words.includes('rollback'),
    lateOffer: words.includes('late-offer'),
    early: words.includes('early'),
  };
}

/** Joins two legs, of one call or of two; who they talked to before is hung up, or held. */
export async function rebridge(p: Leg, q: Leg, flags: BridgeFlags): Promise<boolean> {
  if (p === q || p.state !== LEG.CONFIRMED || q.isEnded) return false;
  const before = [p.peer, q.peer];
  const isJoined = await attempt(p, q, flags);
  if (!isJoined) {
    const [oldP, oldQ] = before;
    if (flags.rollback && oldQ != null && q.state === LEG.CONFIRMED) await bridge(oldQ, q);
    if (flags.rollback && oldP != null && oldP !== oldQ) await bridge(oldP, p);
    return false;
  }
  const others = before.filter((leg): leg is Leg => leg !== null && leg !== p && leg !== q);
  for (const old of others) {
    old.peer = null;
    if (!flags.holdOld) old.hangup(ELSEWHERE);
    else if (old.state === LEG.CONFIRMED) void hold(old);
  }
  moveTo(p.owner as Call, q, 'bridged');
  return true;
}

function attempt(p: Leg, q: Leg, flags: BridgeFlags): Promise<boolean> {
  if (q.state === LEG.EARLY) return flags.early ? connect(q, p) : Promise.resolve(false);
  return flags.lateOffer || p.remoteSdp === '' ? bridge(p, q) : offerKnown(p, q);
}

/** The second gets the last description of the first, which then gets the answer. */
async function offerKnown(p: Leg, q: Leg): Promise<boolean> {
  const { code, reply } = await reinvite(q, p.remoteSdp);
  return reply !== null && code < 300 && joinAnswered(p, q, reply.body);
}

/** A caller whose INVITE was not answered yet is joined with a leg that is in a call; in a call it is bridged with it. */
export async function connect(fresh: Leg, target: Leg): Promise<boolean> {
  if (fresh.state === LEG.CONFIRMED) return bridge(target, fresh);
  if (fresh.role !== 'uas' || fresh.isEnded || target.state !== LEG.CONFIRMED) return false;
  const { code, reply } = await reinvite(target, fresh.remoteSdp);
  if (reply === null || code >= 300) return false;
  if (fresh.isEnded) {
    target.ack(fresh.remoteSdp === '' ? target.localSdp : '');
    return false;
  }
  fresh.peer = target;
  target.peer = fresh;
  const call = fresh.owner as Call;
  call.markAnswered();
  // Where the new side made the offer this is the answer; else it is an offer, whose answer comes with its ACK.
  fresh.answer(200, 'OK', '', reply.body, contentTypeOf(reply));
  return true;
}

/**
 * A leg that is in a call is joined with who has just answered on its behalf; who it talked to before is hung up. Where it
 * takes no other description they are apart again.
 */
export async function joinLater(call: Call, a: Leg, fresh: Leg, answer: string): Promise<void> {
  const before = a.peer;
  if (await joinAnswered(a, fresh, answer)) {
    a.isOnHold = false;
    if (before === null || before === fresh) return;
    before.peer = null;
    before.hangup(ELSEWHERE);
    return;
  }
  fresh.hangup();
  if (a.isEnded) call.post(() => call.end('the caller has left'));
}

/** Splits a leg from its other side; both are held and stay in their call. */
export async function unbridge(leg: Leg): Promise<boolean> {
  const other = leg.peer;
  if (other === null || leg.state !== LEG.CONFIRMED || other.state !== LEG.CONFIRMED) return false;
  const held = [hold(leg), hold(other)];
  leg.peer = null;
  other.peer = null;
  await Promise.all(held);
  return true;
}

/** A leg goes on in another call; its own ends where nobody is left in it. */
export function moveTo(call: Call, leg: Leg, cause: string): void {
  const before = leg.owner as Call;
  if (before === call) return;
  call.adopt(leg);
  if (before.legs.every((each) => each.isEnded)) before.end(cause);
}
