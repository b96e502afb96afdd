import { METHOD, type Run, type SipMsg } from 'strowger';
import type { Call } from './call.ts';
import type { B2bContext } from './context.ts';
import type { DialResult, Target } from './dial.ts';
import { LEG, type Leg } from './leg.ts';
import { isAboutCallee } from './peer-targets.ts';
import { reasonOf } from './status.ts';

/** What b2b_dial tells the script (DIALSTATUS of Asterisk, as return codes). */
const BUSY = -1;
const NO_ANSWER = -2;
export const UNAVAILABLE = -3;
const CANCELLED = -4;
const FORBIDDEN = -5;

/**
 * `uri&uri,uri`: at once what `&` joins, one group after the other what `,` parts. A URI may hold neither unless it is
 * in `<>`.
 */
function parseDial(text: string): Target[][] {
  const groups: string[][] = [['']];
  let depth = 0;
  for (const c of text) {
    const group = groups[groups.length - 1] as string[];
    if (c === '<') depth++;
    else if (c === '>') depth = Math.max(0, depth - 1);
    if (depth === 0 && c === ',') groups.push(['']);
    else if (depth === 0 && c === '&') group.push('');
    else group[group.length - 1] += c;
  }
  const targets = groups.map((group) =>
    group
      .map((uri) => uri.trim().replace(/^<(.*)>$/, '$1'))
      .filter((uri) => uri !== '')
      .map((uri) => ({ uri, nextHop: '', socket: null })),
  );
  return targets.filter((group) => group.length > 0);
}

/** `b2b_dial()`: calls for the leg at hand, and joins it with who answers. */
export async function dial(run: Run, about: B2bContext | null, text: string, seconds: number): Promise<number> {
  if (about === null) return UNAVAILABLE;
  const { call, leg } = about;
  const { calls } = call;
  if (call.isBeyond) return FORBIDDEN;
  if (call.admission !== null) await call.admission;
  const steps = calls.peerTargets.expand(parseDial(text));
  let result: DialResult = { leg: null, code: 404, reason: reasonOf(404), reply: null };
  let isForbidden = false;
  let isTried = false;
  let line = '';
  call.mailbox.yields();
  for (const step of steps) {
    if (line !== '' && step.line === line) continue;
    const found = await calls.peerTargets.resolve(run.msg, call, leg, step.targets);
    if (call.isEnded || leg.isEnded) break;
    if (found.targets.length === 0) {
      // What somebody answered says more than that others were left out.
      if (!isTried) result = found.failure;
      isForbidden ||= found.isFull;
      continue;
    }
    isTried = true;
    result = await dialGroup(run, call, leg, found.targets, seconds);
    if (result.leg !== null || call.isEnded || leg.isEnded) break;
    line = isAboutCallee(result.code) ? step.line : '';
  }
  call.status = result.code;
  call.reason = result.reason;
  if (call.isEnded || leg.isEnded) return CANCELLED;
  if (result.leg !== null) {
    await call.join(leg, result);
    return result.leg.isEnded ? UNAVAILABLE : 1;
  }
  return isForbidden && !isTried ? FORBIDDEN : codeOf(result);
}

async function dialGroup(
  run: Run,
  call: Call,
  leg: Leg,
  group: readonly Target[],
  seconds: number,
): Promise<DialResult> {
  const { promise, resolve } = Promise.withResolvers<DialResult>();
  const timer =
    seconds <= 0 ? null : call.server.wheel.after(seconds * 1000, () => call.post(() => call.cancelDial('', 408)));
  // An answer of its own (b2b_answer) is acknowledged first, and with that its description known.
  if (leg.state === LEG.CONFIRMED) await leg.whenIdle();
  const request = requestFor(run, call, leg);
  call.post(() => {
    if (call.isEnded || leg.isEnded) return resolve({ leg: null, code: 487, reason: reasonOf(487), reply: null });
    if (request === null) return call.dialFor(leg, group, { body: leg.remoteSdp }, resolve);
    return call.dial(leg, group, call.edited(request), resolve);
  });
  return promise.finally(() => {
    if (timer !== null) call.server.wheel.cancel(timer);
  });
}

/** What is sent on: the caller's INVITE; null for a leg that is in a call already, which gets one of its own. */
function requestFor({ msg }: Run, call: Call, leg: Leg): SipMsg | null {
  const isNew = msg.isRequest && msg.method === METHOD.INVITE && msg.toTag === '';
  if (isNew && (leg.state === LEG.EARLY || msg.body !== '')) return msg;
  return leg.state === LEG.EARLY && leg.role === 'uas' ? (leg.invite?.request ?? call.request) : null;
}

function codeOf({ code: status, reply }: DialResult): number {
  if (status === 486 || status === 600 || status === 603) return BUSY;
  if (status === 408 || status === 480) return NO_ANSWER;
  if (status === 487) return CANCELLED;
  // Refused here, by event_route[b2bua:predial].
  if (status === 403 && reply === null) return FORBIDDEN;
  return UNAVAILABLE;
}
