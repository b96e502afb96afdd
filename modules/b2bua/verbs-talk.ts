import { command, EVENT_ROUTE, REQUEST_ROUTE, type Run } from 'strowger';
import type { Calls } from './calls.ts';
import { callOf, legByName } from './commands-call.ts';
import { contextOf, setContext } from './context.ts';
import { hold, resume } from './hold.ts';
import type { Leg } from './leg.ts';
import { pickUpRinging } from './pickup.ts';
import { connect, moveTo, parseBridgeFlags, rebridge, unbridge } from './rebridge.ts';
import { transfer } from './refer.ts';
import { replace } from './replaces.ts';

const CALL_ROUTES = REQUEST_ROUTE | EVENT_ROUTE;

/** A leg of the call at hand by its name, or of any call by its id; null where there is none. */
export function legOfRun(run: Run, calls: Calls, name: string): Leg | null {
  const about = contextOf(run);
  return (about === undefined ? null : legByName(about, name)) ?? calls.legById(name);
}

/** Waits for something that later messages bring; the call's other events pass meanwhile. */
async function awaited(run: Run, doing: (() => Promise<boolean>) | null): Promise<number> {
  if (doing === null) return -1;
  contextOf(run)?.call.mailbox.yields();
  return (await doing()) ? 1 : -1;
}

/** The leg of a key: of a leg, or of a call, then the one that has nobody to talk to. */
function unpaired(calls: Calls, key: string): Leg | null {
  const alone = (leg: Leg): boolean => !leg.isEnded && leg.peer === null;
  const leg = calls.legById(key);
  if (leg !== null) return alone(leg) ? leg : null;
  return calls.get(key)?.legs.find(alone) ?? null;
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
    run: (run, calls: Calls, key) => {
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
      const p = legOfRun(run, calls, first);
      const q = legOfRun(run, calls, second);
      const flags = parseBridgeFlags(text ?? '');
      return awaited(run, p && q && flags && (() => rebridge(p, q, flags)));
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
    doc: 'Transfers a leg to a URI, or, with the id of a leg of another call, to the other side of that one.',
    args: ['str', 'str', 'str?'],
    argNames: ['leg', 'uri', 'attendedLeg'],
    routes: EVENT_ROUTE,
    run: (run, calls: Calls, name, uri, otherId) => {
      const leg = legOfRun(run, calls, name);
      const other = otherId === undefined ? null : calls.legById(otherId);
      if (leg === null || (otherId !== undefined && other === null)) return -1;
      return transfer(leg.owner as Parameters<typeof transfer>[0], leg, uri, other) ? 1 : -1;
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
    doc: 'The caller takes the place of a leg: of the one its Replaces names, or, without Replaces, the one with this id.',
    args: ['str?'],
    argNames: ['leg'],
    routes: REQUEST_ROUTE,
    run: (run, calls: Calls, id) => {
      const about = callOf(run, calls);
      if (about === null) return -1;
      if (id === undefined) return run.msg.findHdrByName('replaces') >= 0 ? 1 : -1;
      const old = calls.legById(id);
      if (old === null || old.isEnded || old.owner === about.call) return -1;
      const call = old.owner as typeof about.call;
      moveTo(call, about.leg, 'replaces another');
      call.post(() => replace(call, about.leg, old));
      return 1;
    },
  }),
  b2b_find: command({
    doc: 'Makes the commands and variables that follow be about a call: by its id, a leg id, or call-id;tag of a leg.',
    args: ['str'],
    argNames: ['key'],
    routes: CALL_ROUTES,
    run: (run, calls: Calls, key) => {
      const leg = calls.legById(key) ?? calls.get(key)?.legs[0] ?? null;
      if (leg === null || leg.isEnded) return -1;
      setContext(run.msg, leg.owner as Parameters<typeof setContext>[1], leg);
      return 1;
    },
  }),
  b2b_join: command({
    doc: 'Joins the caller with the leg of a call that has nobody to talk to: by the id of the call or leg.',
    args: ['str'],
    argNames: ['key'],
    routes: CALL_ROUTES,
    isAsync: true,
    run: (run, calls: Calls, key) => {
      const about = callOf(run, calls);
      const target = unpaired(calls, key);
      if (about === null || target === null || about.leg === target) return awaited(run, null);
      return awaited(run, async () => {
        if (!(await connect(about.leg, target))) return false;
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
