import { flatCopy, type PvDef, type PvValue, type Run } from 'strowger';
import type { Calls } from './calls.ts';
import { agreedCodec } from './codec.ts';
import { legOfRun } from './commands-call.ts';
import { type B2bContext, contextOf } from './context.ts';
import type { Leg } from './leg.ts';

const STATES = ['early', 'confirmed', 'ended'] as const;

/** `$b2b(key)`: facts of the call. */
const CALL_KEYS: Readonly<Record<string, (about: B2bContext, calls: Calls) => PvValue>> = {
  key: ({ call }) => call.id,
  state: ({ call }) => (call.isEnded ? 'ended' : call.answeredMs !== 0 ? 'confirmed' : 'early'),
  dir: ({ leg }) => (leg.role === 'uas' ? 'in' : 'out'),
  status: ({ call }) => call.status,
  cause: ({ call }) => call.cause || (call.status < 300 ? '' : `${call.status} ${call.reason}`),
  reason: ({ call }) => call.reason,
  duration: ({ call }, calls) =>
    call.answeredMs === 0 ? 0 : Math.floor(((call.endedMs || calls.server.clock.now()) - call.answeredMs) / 1000),
  setup_ms: ({ call }) => (call.answeredMs === 0 ? 0 : call.answeredMs - call.startedMs),
  limit: ({ call }) => call.limit,
  dtmf: ({ call }) => call.digit,
  legs: ({ call }) => call.legs.filter((leg) => !leg.isEnded).length,
};

/** `$leg(name=>key)`: facts of one leg. */
const LEG_KEYS: Readonly<Record<string, (leg: Leg) => PvValue>> = {
  id: (leg) => leg.id,
  key: (leg) => `${leg.dialog.callId};${leg.dialog.localTag}`,
  callid: (leg) => leg.dialog.callId,
  ftag: (leg) => (leg.role === 'uas' ? leg.dialog.remoteTag : leg.dialog.localTag),
  ttag: (leg) => (leg.role === 'uas' ? leg.dialog.localTag : leg.dialog.remoteTag),
  state: (leg) => STATES[leg.state],
  uri: (leg) => leg.dialog.remote,
  ruri: (leg) => leg.dialog.remoteTarget,
  contact: (leg) => leg.contact,
  cseq: (leg) => leg.dialog.localCseq,
  status: (leg) => leg.status,
  peer: (leg) => leg.peerName,
  hold: (leg) => (leg.isHeld ? 1 : 0),
  sdp: (leg) => leg.remoteSdp,
  codec: (leg) => agreedCodec(leg.remoteSdp, leg.localSdp),
  rtt: (leg) => leg.roundTrip.ms,
};

function keyError(kind: string, key: string, keys: Readonly<Record<string, unknown>>): string {
  return `${kind} has no '${key}': one of ${Object.keys(keys).join(', ')}`;
}

export const B2BUA_VARIABLES: Readonly<Record<string, PvDef<Calls>>> = {
  b2b: {
    doc: 'Facts of the call: key, state, dir, status, cause, reason, duration (s), setup_ms, legs, limit, dtmf.',
    name: 'required',
    bind(use, calls) {
      const key = (use.name ?? '').trim();
      const read = Object.hasOwn(CALL_KEYS, key) ? CALL_KEYS[key] : undefined;
      if (read === undefined) return keyError('$b2b', key, CALL_KEYS);
      return { get: (run) => withContext(run, (about) => read(about, calls)) };
    },
  },
  leg: {
    doc: 'Facts of a leg, `$leg(key)` of the one at hand or `$leg(a=>key)`, `$(leg(a)=>key)` of another (a, b, this, other, caller, callee, a leg id): id, key, callid, ftag, ttag, state, uri, ruri, contact, cseq, status, peer, hold, sdp, codec, rtt (ms).',
    name: 'required',
    bind(use, calls) {
      const text = use.name ?? '';
      const format = use.nameFormat();
      const arrow = text.lastIndexOf('=>');
      const key = (arrow < 0 ? text : text.slice(arrow + 2)).trim();
      const read = Object.hasOwn(LEG_KEYS, key) ? LEG_KEYS[key] : undefined;
      if (read === undefined) return keyError('$leg', key, LEG_KEYS);
      const nameOf = (run: Run): string => (arrow < 0 ? 'this' : (format(run).split('=>')[0] ?? '').trim());
      return {
        get(run) {
          const leg = legOfRun(run, calls, nameOf(run));
          return leg === null ? null : read(leg);
        },
      };
    },
  },
  b2b_ctx: {
    doc: 'A value kept with the call, by name.',
    name: 'required',
    writable: true,
    bind(use) {
      const name = use.nameFormat();
      return {
        get: (run) => withContext(run, ({ call }) => call.variables.get(name(run)) ?? null),
        set(run, value) {
          const about = contextOf(run);
          if (about === undefined) return false;
          if (value === null) about.call.variables.delete(name(run));
          else about.call.variables.set(name(run), typeof value === 'string' ? flatCopy(value) : value);
          return true;
        },
      };
    },
  },
};

function withContext(run: Run, read: (about: B2bContext) => PvValue): PvValue {
  const about = contextOf(run);
  return about === undefined ? null : read(about);
}
