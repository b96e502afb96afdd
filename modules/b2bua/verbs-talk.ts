import { ANY_ROUTE, command, EVENT_ROUTE, HDR, REQUEST_ROUTE, type Run } from 'strowger';
import { allowReplacing } from './admission.ts';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import { callOf, legOfRun } from './commands-call.ts';
import { type B2bContext, contextOf, setContext } from './context.ts';
import { hold, resume } from './hold.ts';
import type { Leg } from './leg.ts';
import { pickUpRinging } from './pickup.ts';
import { type BridgeFlags, connect, moveTo, parseBridgeFlags, rebridge, unbridge } from './rebridge.ts';
import { transfer } from './refer.ts';
import { replace } from './replaces.ts';

const CALL_ROUTES = REQUEST_ROUTE | EVENT_ROUTE;

/** Waits for something that later messages bring; the call's other events pass meanwhile. */
async function awaited(run: Run, doing: (() => Promise<boolean>) | null): Promise<number> {
  if (doing === null) return -1;
  contextOf(run)?.call.mailbox.yields();
  return (await doing()) ? 1 : -1;
}

/** The leg of a key, or the first of a call with this id. */
function legOfKey(calls: Calls, key: string): Leg | null {
  return calls.legById(key) ?? calls.get(key)?.legs.find((each) => !each.isEnded) ?? null;
}

/** The leg of a key: of a leg, or of a call, then the one that has nobody to talk to. */
function unpaired(calls: Calls, key: string): Leg | null {
  const alone = (leg: Leg): boolean => !leg.isEnded && leg.peer === null;
  const leg = calls.legById(key);
  if (leg !== null) return alone(leg) ? leg : null;
  return calls.get(key)?.legs.find(alone) ?? null;
}

/** Joins two legs by their names, where those of another worker's calls are fetched. */
async function rebridgeNamed(
  run: Run,
  calls: Calls,
  first: string,
  second: string,
  flags: BridgeFlags,
): Promise<boolean> {
  const p = legOfRun(run, calls, first) ?? (await calls.others.leg(first));
  const q = legOfRun(run, calls, second) ?? (await calls.others.leg(second));
  return p !== null && q !== null && rebridge(p, q, flags);
}

/** The caller gets the earliest call that rings, in any worker. */
async function pickUpAnywhere(run: Run, calls: Calls, key: string): Promise<number> {
  const rings = await calls.others.ringing(key);
  if (rings === null) return -1;
  if (rings.worker !== calls.server.workerIndex)
    return (await calls.others.picksUpAt(run.msg, contextOf(run), rings)) ? 1 : -1;
  const about = callOf(run, calls);
  return about !== null && pickUpRinging(calls, about.leg, rings.legId) ? 1 : -1;
}

function replaceLeg({ call: own, leg }: B2bContext, old: Leg | null): number {
  if (old === null || old.isEnded || old.owner === own) return -1;
  const call = old.owner as Call;
  moveTo(call, leg, 'replaces another');
  call.post(() => replace(call, leg, old));
  return 1;
}

/** Makes what follows be about the call of a leg. */
function talkAbout(run: Run, leg: Leg | null): number {
  if (leg === null || leg.isEnded) return -1;
  setContext(run.msg, leg.owner as Call, leg);
  return 1;
}

/** Commands about who talks to whom. */
export const TALK_COMMANDS = {
  b2b_hold: command({
    doc: 'Stops the media of a leg with a re-INVITE: a, b, this, other, or a leg id.',
    args: ['str'],
    argNames: ['leg'],
    routes: EVENT_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, name) => {
      const leg = legOfRun(run, calls, name);
      return awaited(run, leg && (() => hold(leg)));
    },
  }),
  b2b_resume: command({
    doc: 'Takes b2b_hold back: the leg gets the last description of its other side.',
    args: ['str'],
    argNames: ['leg'],
    routes: EVENT_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, name) => {
      const leg = legOfRun(run, calls, name);
      return awaited(run, leg && (() => resume(leg)));
    },
  }),
  b2b_park: command({
    doc: 'Parks the other side of the leg at hand in a slot, and hangs this side up; after park_timeout it comes back.',
    args: ['str'],
    argNames: ['slot'],
    routes: EVENT_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, slot) => {
      const leg = contextOf(run)?.leg ?? null;
      return awaited(run, leg && (() => calls.parking.park(leg, slot)));
    },
  }),
  b2b_unpark: command({
    doc: 'Joins the leg at hand (a new caller, too) with the call that is parked in a slot.',
    args: ['str'],
    argNames: ['slot'],
    routes: CALL_ROUTES,
    isAsync: true,
    run: (run, calls: Calls, slot) => {
      const about = callOf(run, calls);
      return awaited(run, about && (() => calls.parking.unpark(slot, about.leg)));
    },
  }),
  b2b_pickup: command({
    doc: 'The caller gets the earliest call that rings in a group, at a user or peer, or the one of a call or leg id.',
    args: ['str'],
    argNames: ['key'],
    routes: REQUEST_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, key) => {
      if (calls.others.areThere) return pickUpAnywhere(run, calls, key);
      const about = callOf(run, calls);
      return about !== null && pickUpRinging(calls, about.leg, key) ? 1 : -1;
    },
  }),
  b2b_bridge: command({
    doc: 'Joins two legs, of any calls; flags: hold-old (else who they talked to is hung up), rollback, late-offer, early.',
    args: ['str', 'str', 'str?'],
    argNames: ['legA', 'legB', 'flags'],
    routes: EVENT_ROUTE,
    isAsync: true,
    check: ([, , flags]) =>
      typeof flags === 'string' && parseBridgeFlags(flags) === null ? 'hold-old, rollback, late-offer, early' : null,
    run: (run, calls: Calls, first, second, text) => {
      const flags = parseBridgeFlags(text ?? '');
      return awaited(run, flags && (() => rebridgeNamed(run, calls, first, second, flags)));
    },
  }),
  b2b_unbridge: command({
    doc: 'Splits the two sides of the call: both are held, and stay in it.',
    args: [],
    routes: EVENT_ROUTE,
    isAsync: true,
    run: (run, _calls: Calls) => {
      const leg = contextOf(run)?.leg ?? null;
      return awaited(run, leg && (() => unbridge(leg)));
    },
  }),
  b2b_transfer: command({
    doc: 'Transfers a leg to a URI, or, with the id of another call or of a leg of it, to the other side of that one.',
    args: ['str', 'str', 'str?'],
    argNames: ['leg', 'uri', 'attendedLeg'],
    routes: EVENT_ROUTE,
    isAsync: true,
    run(run, calls: Calls, name, uri, otherId) {
      const leg = legOfRun(run, calls, name);
      if (leg === null) return -1;
      const go = (other: Leg | null): number => (transfer(leg.owner as Call, leg, uri, other) ? 1 : -1);
      if (otherId === undefined) return go(null);
      const other = legOfKey(calls, otherId);
      if (other !== null) return go(other);
      return calls.others.leg(otherId).then((fetched) => (fetched === null ? -1 : go(fetched)));
    },
  }),
  b2b_refer_accept: command({
    doc: 'The REFER at hand is a transfer that is done here, to another URI where one is given.',
    args: ['str?'],
    argNames: ['target'],
    routes: EVENT_ROUTE,
    run: (run, _calls: Calls, target) => decide(run, 'local', target ?? '', 0),
  }),
  b2b_refer_pass: command({
    doc: 'The REFER at hand goes to the other side.',
    args: [],
    routes: EVENT_ROUTE,
    run: (run, _calls: Calls) => decide(run, 'pass', '', 0),
  }),
  b2b_refer_reject: command({
    doc: 'The REFER at hand is refused.',
    args: ['int'],
    argNames: ['code'],
    routes: EVENT_ROUTE,
    run: (run, _calls: Calls, code) => (code < 300 || code > 699 ? -1 : decide(run, 'reject', '', code)),
  }),
  b2b_replaces: command({
    doc: 'The caller may take the place of the leg that its Replaces names; or takes that of the one with this id.',
    args: ['str?'],
    argNames: ['leg'],
    routes: CALL_ROUTES,
    isAsync: true,
    run: (run, calls: Calls, id) => {
      if (id === undefined && run.msg.findHdr(HDR.REPLACES) < 0) return -1;
      if (id === undefined) allowReplacing(run.msg);
      const about = callOf(run, calls);
      if (about === null) return -1;
      if (id === undefined) return about.leg.isReplacing ? 1 : -1;
      const old = calls.legById(id);
      if (old !== null || !calls.others.areThere) return replaceLeg(about, old);
      return calls.others.leg(id).then((fetched) => replaceLeg(about, fetched));
    },
  }),
  b2b_find: command({
    doc: 'Makes the commands and variables that follow be about a call: by its id, a leg id, or call-id;tag of a leg.',
    args: ['str'],
    argNames: ['key'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, key) => {
      const leg = legOfKey(calls, key);
      if (leg !== null || !calls.others.areThere) return talkAbout(run, leg);
      return calls.others.leg(key).then((fetched) => talkAbout(run, fetched));
    },
  }),
  b2b_join: command({
    doc: 'Joins the caller with the leg of a call that has nobody to talk to: by the id of the call or leg.',
    args: ['str'],
    argNames: ['key'],
    routes: ANY_ROUTE,
    isAsync: true,
    run: (run, calls: Calls, key) => {
      const about = callOf(run, calls);
      if (about === null) return awaited(run, null);
      return awaited(run, async () => {
        if (unpaired(calls, key) === null) await calls.others.fetch('key', key);
        const target = unpaired(calls, key);
        if (target === null || about.leg === target || !(await connect(about.leg, target))) return false;
        target.isOnHold = false;
        moveTo(target.owner as typeof about.call, about.leg, 'joined');
        return true;
      });
    },
  }),
};

function decide(run: Run, mode: 'local' | 'pass' | 'reject', uri: string, code: number): number {
  const about = contextOf(run);
  if (about === undefined || run.msg.methodName !== 'REFER') return -1;
  about.call.referDecision = { mode, uri, code };
  return 1;
}
