import { flatCopy, parseUri } from 'strowger';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { LEG, type Leg } from './leg.ts';
import { moveTo } from './rebridge.ts';
import { pickUp } from './replaces.ts';

/** `group=user,user;group=user`: who may pick up each other's calls. */
export function parsePickupGroups(text: string): Map<string, ReadonlySet<string>> | null {
  const groups = new Map<string, ReadonlySet<string>>();
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const [, name = '', members = ''] = /^\s*([^=\s]+)\s*=(.*)$/.exec(part) ?? [];
    const users = members
      .split(',')
      .map((user) => user.trim())
      .filter((user) => user !== '');
    if (name === '' || users.length === 0) return null;
    groups.set(flatCopy(name), new Set(users));
  }
  return groups;
}

/**
 * The earliest call that rings at a group's phones (pickup_groups, or the group of a peer), or at one phone: by its user
 * name, the name of its peer, or the key of the call or leg. Null where none rings.
 */
export function ringing(calls: Calls, key: string): Leg | null {
  const members = calls.settings.pickupGroups.get(key);
  const fits = (leg: Leg): boolean => {
    const users = namesOf(leg);
    if (members !== undefined && users.some((user) => members.has(user))) return true;
    const peer = calls.peers.get(leg.peerName);
    return users.includes(key) || (peer !== undefined && peer.group === key);
  };
  let best: Leg | null = null;
  for (const call of calls) {
    if (call.isEnded || (best !== null && call.startedMs >= best.startedMs)) continue;
    best = call.legs.find((leg) => isRinging(leg) && (call.id === key || leg.id === key || fits(leg))) ?? best;
  }
  return best;
}

function isRinging(leg: Leg): boolean {
  const caller = leg.peer;
  if (leg.role !== 'uac' || leg.state !== LEG.EARLY || leg.status < 180) return false;
  return caller !== null && caller.role === 'uas' && caller.state === LEG.EARLY;
}

/** Names that a phone goes by: the users of its address and of who was called, and its peer. */
function namesOf({ dialog, peerName }: Leg): string[] {
  const called = /<([^>]*)>/.exec(dialog.remote)?.[1] ?? '';
  const users = [dialog.remoteTarget, called].map((uri) => parseUri(uri)?.user ?? '');
  return [...users, peerName].filter((name) => name !== '');
}

/** A caller gets the call that rings elsewhere. False where none does. */
export function pickUpRinging(calls: Calls, fresh: Leg, key: string): boolean {
  const leg = ringing(calls, key);
  if (leg === null || fresh.isEnded || fresh.state !== LEG.EARLY || leg.owner === fresh.owner) return false;
  const call = leg.owner as Call;
  moveTo(call, fresh, 'picked up');
  call.post(() => pickUp(call, fresh, leg));
  return true;
}

/** Calls a phone, which gets the call that rings elsewhere when it answers: true then. Null beyond max_calls. */
export function pickUpBy(calls: Calls, rings: Leg, uri: string): Promise<boolean> | null {
  const caller = rings.peer;
  const own = caller === null ? null : calls.newCall();
  if (caller === null || own === null) return null;
  own.request = (rings.owner as Call).request;
  return new Promise((resolve) =>
    own.post(() =>
      own.dialFrom(
        null,
        caller.dialog.remote,
        [{ uri, nextHop: '', socket: null }],
        { body: caller.remoteSdp },
        ({ leg, code, reason, reply }) => {
          const isTaken = leg !== null && reply !== null && take(rings, caller, leg, reply.body);
          if (!isTaken) own.end(leg === null ? `${code} ${reason}` : 'nothing rings any more');
          resolve(isTaken);
        },
      ),
    ),
  );
}

/** The caller of a ringing leg is joined with one that has just answered: false when it is too late. */
function take(rings: Leg, caller: Leg, fresh: Leg, sdp: string): boolean {
  if (rings.state !== LEG.EARLY || caller.state !== LEG.EARLY || rings.peer !== caller) return false;
  const call = rings.owner as Call;
  moveTo(call, fresh, 'picked up');
  fresh.peer = caller;
  caller.peer = fresh;
  // Without an offer of the caller's this answer is one, and the caller's ACK brings the answer.
  if (caller.remoteSdp !== '') fresh.ack();
  call.markAnswered();
  caller.answer(200, 'OK', '', sdp);
  call.takeDial(fresh);
  return true;
}
