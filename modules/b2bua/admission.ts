import { HDR, METHOD, type Run, type SipMsg, VERIFIED_CREDENTIALS } from 'strowger';
import type { Call } from './call.ts';
import { type Calls, MAX_CALLS } from './calls.ts';
import { type B2bContext, contextOf, setContext } from './context.ts';
import type { DialResult, Target } from './dial.ts';
import { LEG, type Leg } from './leg.ts';
import { peerOfMessage } from './peers.ts';
import { contactRows } from './redirect.ts';
import { parseReplaces, replace, replacedLeg } from './replaces.ts';
import { outward } from './reply-map.ts';
import { reasonOf } from './status.ts';

/** Begins a call with a new INVITE, or lets it into the call that its Replaces names; null for any other message. */
export function beginCall(calls: Calls, msg: SipMsg): B2bContext | null {
  if (msg.method !== METHOD.INVITE || msg.toTag !== '') return null;
  if (msg.findHdr(HDR.REPLACES) >= 0) return beginReplacing(calls, msg);
  const call = calls.make();
  const leg = call.accept(msg);
  call.request = msg;
  setContext(msg, call, leg);
  if (calls.takesCall(call)) admit(call, leg, msg);
  else refuseBeyond(call, leg, msg);
  return { call, leg };
}

function admit(call: Call, leg: Leg, msg: SipMsg): void {
  const refusal = refusalOf(call.calls, leg, msg);
  if (refusal !== null) return refuse(call, leg, refusal.code, refusal.rows);
  call.tm.reply(msg, 100, 'Trying');
  announce(call, leg, msg);
}

/** Why an INVITE is refused before the script sees its call; null where it is not. */
function refusalOf(calls: Calls, leg: Leg, msg: SipMsg): { readonly code: number; readonly rows: string } | null {
  if (calls.settings.detectsLoops && isLoop(calls, msg)) return { code: 482, rows: '' };
  const unsupported = calls.settings.unsupported(msg);
  if (unsupported.length > 0) return { code: 420, rows: `Unsupported: ${unsupported.join(', ')}\r\n` };
  const tooShort = leg.timer?.tooShort(msg) ?? 0;
  return tooShort > 0 ? { code: 422, rows: `Min-SE: ${tooShort}\r\n` } : null;
}

/** Calls that one may have been through: more hops no request has. */
const MAX_DEPTH = 70;

/**
 * An INVITE of ours has come back, and calls whom we were calling already with it. Back for somebody else it is no loop
 * (RFC 5393 §4: a spiral).
 */
function isLoop(calls: Calls, msg: SipMsg): boolean {
  let leg = calls.legOf(msg.callId ?? '', msg.fromTag);
  for (let depth = 0; leg !== null && leg.role === 'uac' && leg.state === LEG.EARLY && depth < MAX_DEPTH; depth++) {
    const call = leg.owner as Call;
    if (call.answeredMs !== 0) return false;
    if (call.request?.originalUri === msg.originalUri) return true;
    const { dialog } = leg.peer ?? leg;
    leg = dialog === leg.dialog ? null : calls.legOf(dialog.callId, dialog.remoteTag);
  }
  return false;
}

function refuse(call: Call, leg: Leg, code: number, rows = '', cause = `${code} ${reasonOf(code)}`): void {
  leg.refuse(code, reasonOf(code), rows);
  if (!leg.isReplacing) call.end(cause);
}

function refuseBeyond(call: Call, leg: Leg, msg: SipMsg): void {
  call.isBeyond = true;
  call.post(() =>
    after(call.limitReached(MAX_CALLS, leg, msg), () => refuse(call, leg, 480, '', `limit ${MAX_CALLS}`)),
  );
}

/** The event routes `leg-new` and `new` see the caller before anything is done for it. */
function announce(call: Call, leg: Leg, msg: SipMsg): void {
  const { promise, resolve } = Promise.withResolvers<void>();
  call.admission = promise;
  call.post(() =>
    after(fireBoth(call, leg, msg, 'new'), (isVetoed) => {
      if (isVetoed) refuse(call, leg, 403, '', '403 refused by the script');
      call.admission = null;
      resolve();
    }),
  );
}

function fireBoth(call: Call, leg: Leg, msg: SipMsg, name: string): boolean | Promise<boolean> {
  return after(call.fire('leg-new', leg, msg), (isVetoed) => isVetoed || call.fire(name, leg, msg));
}

function after<T>(veto: boolean | Promise<boolean>, then: (isVetoed: boolean) => T | Promise<T>): T | Promise<T> {
  return veto instanceof Promise ? veto.then(then) : then(veto);
}

/** An INVITE that takes the place of a leg joins that leg's call at once (RFC 3891), where it may. */
function beginReplacing(calls: Calls, msg: SipMsg): B2bContext {
  const old = replacedLeg(calls, msg);
  const call = typeof old === 'number' ? calls.make() : (old.owner as Call);
  const leg = call.accept(msg);
  call.request ??= msg;
  setContext(msg, call, leg);
  if (typeof old === 'number') {
    refuse(call, leg, old, '', `${old} for Replaces`);
    return { call, leg };
  }
  leg.isReplacing = true;
  calls.tm.reply(msg, 100, 'Trying');
  const go = (isAllowed: boolean): void | Promise<void> => {
    if (leg.isEnded) return;
    if (!isAllowed) return refuse(call, leg, 403);
    if (old.isEnded) return refuse(call, leg, 603);
    return replace(call, leg, old);
  };
  call.post(() =>
    after(fireBoth(call, leg, msg, 'replaces'), (isVetoed) =>
      isVetoed || leg.isEnded ? go(false) : after(mayReplace(calls, msg), go),
    ),
  );
  return { call, leg };
}

const ALLOWED = {};

/** b2b_replaces(): the script says that an INVITE may take the place that it asks for. */
export function allowReplacing(msg: SipMsg): void {
  msg.setExtension(ALLOWED, true);
}

/**
 * Who knows the names of a dialog is not who may take its place (RFC 3891 §8): the script has to say so, or to have
 * verified credentials, or it comes from a peer, or we have given it the name ourselves (topology hiding).
 */
function mayReplace(calls: Calls, msg: SipMsg): boolean | Promise<boolean> {
  if (!calls.settings.needsAuthToReplace || msg.extension(ALLOWED) === true) return true;
  if (msg.extension(VERIFIED_CREDENTIALS) !== undefined || peerOfMessage(msg) !== undefined) return true;
  const replaces = parseReplaces(msg.header(HDR.REPLACES) ?? '');
  if (replaces !== null && calls.hidden.legOf(replaces.callId) !== null) return true;
  const peer = calls.peers.ofMessage(msg);
  return peer instanceof Promise ? peer.then((found) => found !== null) : peer !== null;
}

/** `b2b_call()`: 1 on its way, -1 no request that can become a call, -5 beyond max_calls. */
export function callOut(calls: Calls, run: Run, uri = ''): number {
  const { msg } = run;
  if (msg.method !== METHOD.INVITE || msg.toTag !== '') return -1;
  const about = contextOf(run) ?? calls.begin(msg);
  if (about === null) return -5;
  const { call, leg } = about;
  if (leg.isReplacing) return 1;
  if (call.isBeyond) return -5;
  if (call.isEnded) return 1;
  const targets = uri === '' ? targetsOf(msg) : [{ uri, nextHop: '', socket: null }];
  const request = call.edited(msg);
  call.post(() => (leg.isEnded ? undefined : call.dial(leg, targets, request, (result) => dialled(call, leg, result))));
  return 1;
}

function dialled(call: Call, a: Leg, result: DialResult): void {
  call.status = result.code;
  call.reason = result.reason;
  if (result.leg !== null) return void call.join(a, result);
  const cause = `${result.code} ${result.reason}`;
  const { code, reason } = outward(call, result.code, result.reason);
  const { reply } = result;
  const contacts = reply !== null && code < 400 ? contactRows(reply) : '';
  if (!a.isEnded) a.refuse(code, reason, reply === null ? '' : contacts + call.options.policy.rows(reply));
  call.end(cause);
}

/** The destination set of a request: its Request-URI and the branches beside it. */
function targetsOf(msg: SipMsg): Target[] {
  const targets: Target[] = [{ uri: msg.uri, nextHop: msg.dstUri, socket: msg.forceSocket }];
  for (const branch of msg.branches ?? [])
    targets.push({ uri: branch.uri, nextHop: branch.dstUri, socket: branch.socket });
  return targets;
}
