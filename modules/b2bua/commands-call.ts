import { ANY_ROUTE, command, EVENT_ROUTE, parseUri, REQUEST_ROUTE, type Run } from 'strowger';
import { callOut } from './admission.ts';
import { applyFlags, parseCallFlags } from './call-flags.ts';
import type { Calls } from './calls.ts';
import { type B2bContext, contextOf } from './context.ts';
import { dial, UNAVAILABLE } from './dial-command.ts';
import { endCall, endLeg, parseHangup } from './hangup.ts';
import { LEG, type Leg } from './leg.ts';
import { blackHoleAnswer, placeholderOffer } from './sdp.ts';
import { reasonOf } from './status.ts';

/** The call and the caller's leg of a request route or an event route; makes them for a new INVITE. */
export function callOf(run: Run, calls: Calls): B2bContext | null {
  return contextOf(run) ?? calls.begin(run.msg);
}

/** A leg by what a script calls it: `a` the caller, `b` the callee, `this`, `other`, or its id. */
function legByName(about: B2bContext, name: string): Leg | null {
  const { call, leg } = about;
  switch (name) {
    case '':
    case 'this':
      return leg;
    case 'other':
      return leg.peer;
    case 'a':
    case 'caller':
      return call.legs.find((each) => each.role === 'uas') ?? call.legs[0] ?? null;
    case 'b':
    case 'callee':
      return (
        call.legs.find((each) => each.role === 'uac' && each.state === LEG.CONFIRMED) ??
        call.legs.findLast((each) => each.role === 'uac') ??
        null
      );
    default:
      return call.legs.find((each) => each.id === name) ?? null;
  }
}

/** A leg of the call at hand by its name, or of any call by its id; null where there is none. */
export function legOfRun(run: Run, calls: Calls, name: string): Leg | null {
  const about = contextOf(run);
  return (about === undefined ? null : legByName(about, name)) ?? calls.legById(name);
}

/** One argument alone is a URI where it has a scheme, else flags. */
function uriAndFlags(first: string, second: string | undefined): readonly [uri: string, flags: string] {
  if (second !== undefined) return [first, second];
  return /^(?:sips?|tel):/i.test(first) ? [first, ''] : ['', first];
}

function flagsError(calls: Calls | undefined, first: unknown, second: unknown): string | null {
  // Computed ones are looked at when they are used; a script that is only checked has no module.
  if (calls === undefined || (first !== undefined && typeof first !== 'string')) return null;
  if (second !== undefined && typeof second !== 'string') return null;
  const [, flags] = uriAndFlags(first ?? '', second);
  const parsed = parseCallFlags(flags, calls.settings.mediaModule);
  return typeof parsed === 'string' ? parsed : null;
}

/** Sets flags for a call; false, and logged, where they can not be read. */
function useFlags(about: B2bContext | null, calls: Calls, text: string): boolean {
  if (text === '' || about === null) return true;
  const flags = parseCallFlags(text, calls.settings.mediaModule);
  if (typeof flags === 'string') {
    calls.ctx.log.error(`flags of a call: ${flags}`);
    return false;
  }
  const { call, leg } = about;
  applyFlags(call.options, flags);
  if (flags.timer === null) return true;
  call.timerMode = flags.timer;
  const isOurs = flags.timer === 'both' || flags.timer === 'a';
  if (leg.role !== 'uas' || leg.state !== LEG.EARLY) return true;
  if (!isOurs) leg.timer = null;
  else if (leg.timer === null) leg.useTimer(call.timerPolicy);
  return true;
}

const CALL_ROUTES = REQUEST_ROUTE | EVENT_ROUTE;

export const CALL_COMMANDS = {
  b2b_call: command({
    doc: 'Calls a URI, or the destination set, and joins caller and callee: 1 on its way, -1 not a new INVITE, -5 beyond max_calls. flags: see the README.',
    args: ['str?', 'str?'],
    argNames: ['uri', 'flags'],
    routes: REQUEST_ROUTE,
    check: ([first, second], calls: Calls) => flagsError(calls, first, second),
    run(run, calls: Calls, first, second) {
      const [uri, flags] = uriAndFlags(first ?? '', second);
      if (uri !== '' && parseUri(uri) === null) return -1;
      if (!useFlags(callOf(run, calls), calls, flags)) return -1;
      return callOut(calls, run, uri);
    },
  }),
  b2b_dial: command({
    doc: 'Calls URIs (& at once, then those after a comma), each group for some seconds, and joins who answers: 1; -1 busy, -2 no answer, -3 unavailable, -4 cancelled, -5 refused.',
    args: ['str', 'int?', 'str?'],
    argNames: ['uris', 'seconds', 'flags'],
    routes: CALL_ROUTES,
    isAsync: true,
    check: ([, , flags], calls: Calls) => flagsError(calls, '', flags),
    run: (run, calls: Calls, uris, seconds, flags) =>
      useFlags(callOf(run, calls), calls, flags ?? '')
        ? dial(run, callOf(run, calls), uris, seconds ?? 0)
        : UNAVAILABLE,
  }),
  b2b_answer: command({
    doc: 'Answers the caller: a 2xx (200) with a session description of ours; without one its media go nowhere until it is joined with somebody.',
    args: ['int?', 'str?'],
    argNames: ['code', 'sdp'],
    routes: CALL_ROUTES,
    run(run, calls: Calls, code, sdp) {
      const about = callOf(run, calls);
      if (about === null || about.leg.isEnded) return -1;
      const status = code ?? 200;
      if (status < 200 || status > 299) return -1;
      about.call.markAnswered();
      about.leg.answer(status, 'OK', '', sdp ?? nothingToHear(about.leg));
      return 1;
    },
  }),
  b2b_progress: command({
    doc: 'Sends 183 to the caller, with a session description for early media.',
    args: ['str?'],
    argNames: ['sdp'],
    routes: CALL_ROUTES,
    run: (run, calls: Calls, sdp) => provisional(callOf(run, calls), 183, 'Session Progress', sdp ?? ''),
  }),
  b2b_ring: command({
    doc: 'Sends 180 to the caller.',
    args: [],
    routes: CALL_ROUTES,
    run: (run, calls: Calls) => provisional(callOf(run, calls), 180, 'Ringing', ''),
  }),
  b2b_reject: command({
    doc: 'Refuses the caller with a final reply, which ends the call.',
    args: ['int', 'str?'],
    argNames: ['code', 'reason'],
    routes: CALL_ROUTES,
    run(run, calls: Calls, code, reason) {
      const about = callOf(run, calls);
      if (about === null || code < 300 || code > 699 || about.leg.isEnded) return -1;
      const { call, leg } = about;
      leg.refuse(code, reason ?? reasonOf(code));
      // Who asks for the place of another does not end the call of the others.
      if (!leg.isReplacing) call.end(`${code} ${reason ?? reasonOf(code)}`);
      return 1;
    },
  }),
  b2b_reply: command({
    doc: 'Answers the request that event_route[b2bua:request] is about; the route ends in drop then.',
    args: ['int', 'str?', 'str?', 'str?'],
    argNames: ['code', 'reason', 'body', 'contentType'],
    routes: EVENT_ROUTE,
    run(run, calls: Calls, code, reason, body, contentType) {
      const about = contextOf(run);
      if (about === undefined || !run.msg.isRequest || code < 200 || code > 699) return -1;
      const type = body === undefined ? '' : `Content-Type: ${contentType ?? 'application/sdp'}\r\n`;
      return calls.tm.reply(run.msg, code, reason ?? reasonOf(code), type, body ?? '');
    },
  }),
  b2b_hangup: command({
    doc: 'Ends the call, or one leg of it (a, b, this, other, a leg id), whose other side stays: BYE, CANCEL or a final reply as its state demands. With a code, or the value of a Reason header.',
    args: ['str?', 'str?'],
    argNames: ['leg', 'reason'],
    routes: ANY_ROUTE,
    run(run, calls: Calls, first, second) {
      const about = contextOf(run);
      const leg = first === undefined || first === '' ? null : legOfRun(run, calls, first);
      if (leg !== null) return endLeg(leg, parseHangup(second ?? ''));
      // One argument that is no leg is the reason.
      if (about === undefined || (second !== undefined && first !== '')) return -1;
      return endCall(about.call, parseHangup(second ?? first ?? ''));
    },
  }),
  b2b_set_timer: command({
    doc: 'Session timers (RFC 4028) of both sides of this call: Session-Expires, Min-SE in seconds, who refreshes (us, them).',
    args: ['int', 'int?', 'str?'],
    argNames: ['seconds', 'min', 'refresher'],
    routes: CALL_ROUTES,
    run(run, calls: Calls, seconds, min, refresher) {
      const about = callOf(run, calls);
      if (about === null || seconds < 90) return -1;
      const { call, leg } = about;
      call.timerMode = 'both';
      call.timerPolicy = {
        expiresS: seconds,
        minS: Math.max(90, min ?? 90),
        refresher: refresher === 'them' ? 'them' : 'us',
      };
      if (leg.state === LEG.EARLY) leg.useTimer(call.timerPolicy);
      return 1;
    },
  }),
  b2b_max_duration: command({
    doc: 'Ends the call after some seconds; counted from now.',
    args: ['int'],
    argNames: ['seconds'],
    routes: CALL_ROUTES,
    run(run, calls: Calls, seconds) {
      const about = callOf(run, calls);
      if (about === null || seconds <= 0) return -1;
      about.call.limitDuration(seconds);
      return 1;
    },
  }),
  b2b_is_call: command({
    doc: 'True where the route is about a call of b2bua.',
    args: [],
    routes: ANY_ROUTE,
    run: (run) => (contextOf(run) === undefined ? -1 : 1),
  }),
};

function provisional(about: B2bContext | null, code: number, reason: string, sdp: string): number {
  if (about === null || about.leg.isEnded) return -1;
  about.leg.progress(code, reason, '', sdp);
  return 1;
}

/** A description for who talks to nobody yet: an answer where the caller has offered, else an offer. */
function nothingToHear({ remoteSdp, server }: Leg): string {
  const id = server.random.uint32();
  return remoteSdp === '' ? placeholderOffer(id) : blackHoleAnswer(remoteSdp, id);
}
