import type { SipMsg, SocketInfo, Timer } from 'strowger';
import type { Call } from './call.ts';
import { copyOf } from './context.ts';
import { fromOf, hopsLeft, inviteRows, toOf } from './invite-facts.ts';
import { contentTypeOf, type Leg, type LegRequest } from './leg.ts';
import { redirectTargets } from './redirect.ts';
import { placeholderOffer } from './sdp.ts';
import { bestFailure, type Failure, reasonOf } from './status.ts';

/** Where a leg is to call: URI, next hop, socket. */
export interface Target {
  readonly uri: string;
  readonly nextHop: string;
  readonly socket: SocketInfo | null;
  /** Route values to begin with (RFC 3327). */
  readonly routes?: readonly string[];
  /** Name of the peer it is, whose limit counts, or of the user who is registered there. */
  readonly peer?: string;
}

/** How an attempt to reach somebody ended. */
export interface DialResult {
  /** The leg that answered; null when nobody did. */
  readonly leg: Leg | null;
  readonly code: number;
  readonly reason: string;
  readonly reply: SipMsg | null;
}

const COMPLETED_ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n';

/**
 * Several targets called at once on behalf of a leg, with the request it came with. The first answer wins and the others
 * are cancelled; `done` is told once, of the answer or of the best of the refusals.
 */
export class Dial {
  readonly call: Call;
  /** Null where nobody calls: a call of our own. */
  readonly caller: Leg | null;
  readonly legs: Leg[] = [];
  readonly #failures: Failure[] = [];
  readonly #done: (result: DialResult) => void;
  #pending = 0;
  /** What it was begun with, for further targets. */
  #prepareOne: ((target: Target) => void | Promise<void>) | null = null;
  readonly #tried = new Set<string>();
  readonly #timers: Timer<undefined>[] = [];
  #redirects = 0;
  isDone = false;

  constructor(call: Call, caller: Leg | null, done: (result: DialResult) => void) {
    this.call = call;
    this.caller = caller;
    this.#done = done;
  }

  /** Makes the legs, lets event_route[b2bua:predial] see each, and sends their INVITEs. */
  async start(targets: readonly Target[], request: SipMsg): Promise<void> {
    this.#pending = targets.length;
    this.#prepareOne = (target) => this.#prepare(target, request);
    if (hopsLeft(request) <= 0) return this.cancel('', 483);
    await this.#prepareAll(targets);
  }

  /** Targets called with what the caller of this makes up; for a leg that is in a call. */
  async startOwn(targets: readonly Target[], from: string, form: LegRequest): Promise<void> {
    this.#pending = targets.length;
    this.#prepareOne = (each) => this.#sendOwn(each, from, form);
    await this.#prepareAll(targets);
  }

  async #prepareAll(targets: readonly Target[]): Promise<void> {
    for (const target of targets) {
      const waits = this.#prepareOne?.(target);
      if (waits instanceof Promise) await waits;
    }
    this.#look();
  }

  #sendOwn(target: Target, from: string, form: LegRequest): void | Promise<void> {
    const { call, caller } = this;
    this.#tried.add(target.uri);
    const leg = call.outgoing(target, caller, from, `<${target.uri}>`);
    leg.peer = caller;
    this.legs.push(leg);
    if (!call.calls.takesPeer(leg, target)) {
      leg.end();
      return this.failed(leg, 503, null);
    }
    leg.dialog.flow = target.nextHop;
    const send = (isVetoed: boolean): void => {
      if (this.#isUnwanted(leg, isVetoed)) return;
      leg.sendInvite({ ...form, ringMs: call.options.ringMs });
      this.#expectProgress(leg);
    };
    const veto = call.fire('leg-new', leg);
    return veto instanceof Promise ? veto.then(send) : send(veto);
  }

  #prepare(target: Target, request: SipMsg): void | Promise<void> {
    const { call, caller } = this;
    this.#tried.add(target.uri);
    const own = copyOf(request);
    own.newUri = target.uri;
    own.dstUri = target.nextHop;
    own.forceSocket = target.socket;
    const leg = call.outgoing(target, caller, fromOf(request), toOf(request, target));
    leg.peer = caller;
    this.legs.push(leg);
    if (!call.calls.takesPeer(leg, target)) {
      leg.end();
      return this.failed(leg, 503, null);
    }
    const veto = call.fire('leg-new', leg, own);
    if (veto instanceof Promise) return veto.then((isVetoed) => this.#edit(leg, own, isVetoed));
    return this.#edit(leg, own, veto);
  }

  #edit(leg: Leg, own: SipMsg, isVetoed: boolean): void | Promise<void> {
    if (this.#isUnwanted(leg, isVetoed)) return;
    const veto = this.call.fire('predial', leg, own);
    if (veto instanceof Promise) return veto.then((later) => this.#send(leg, own, later));
    this.#send(leg, own, veto);
  }

  /** The script left it out, or somebody has answered while it thought about it. */
  #isUnwanted(leg: Leg, isVetoed: boolean): boolean {
    if (this.isDone || leg.isEnded) return true;
    if (!isVetoed) return false;
    leg.end();
    this.failed(leg, 403, null);
    return true;
  }

  #send(leg: Leg, own: SipMsg, isVetoed: boolean): void {
    if (this.#isUnwanted(leg, isVetoed)) return;
    const { call } = this;
    leg.dialog.remoteTarget = own.uri;
    leg.dialog.flow = own.dstUri;
    leg.socket = own.forceSocket;
    const edited = call.edited(own);
    const headers = inviteRows(call, edited);
    const { ringMs, lateOffer } = call.options;
    leg.isConverted = edited.body === '' && lateOffer === 'convert';
    if (leg.isConverted) leg.sendInvite({ body: placeholderOffer(call.server.random.uint32()), headers, ringMs });
    else leg.sendInvite({ body: edited.body, contentType: contentTypeOf(edited), headers, ringMs });
    this.#expectProgress(leg);
  }

  /** progress_timeout: a leg that nothing is heard of is given up. */
  #expectProgress(leg: Leg): void {
    const { settings, server } = this.call;
    if (settings.progressMs === 0) return;
    const silent = (): void => {
      if (this.isDone || leg.isEnded || leg.status > 100) return;
      this.call.note(leg, 'no progress');
      leg.hangup();
      this.failed(leg, 408, null);
    };
    this.#timers.push(server.wheel.after(settings.progressMs, () => this.call.post(silent)));
  }

  has(leg: Leg): boolean {
    return this.legs.includes(leg);
  }

  answered(leg: Leg, reply: SipMsg): void {
    this.#finish({ leg, code: reply.status, reason: reply.reason, reply });
  }

  /** The script does not want its answer (event_route[b2bua:answered]): it is as if it had not answered. */
  unwanted(leg: Leg, headers = ''): void {
    leg.hangup(headers);
    this.failed(leg, 480, null);
  }

  /** Somebody who was not called has answered. */
  takenBy(leg: Leg): void {
    this.isDone = true;
    this.#stopTimers();
    for (const each of this.legs) if (each !== leg) each.hangup(COMPLETED_ELSEWHERE);
    // They are joined already: whoever waits goes on.
    this.#done({ leg, code: 200, reason: 'OK', reply: null });
  }

  /** Where a 3xx leads, within `redirects` of this attempt: never to where somebody was called already. */
  redirected(reply: SipMsg): Target[] {
    if (this.isDone || this.#redirects >= this.call.calls.settings.redirects) return [];
    return redirectTargets(reply, this.#tried);
  }

  /** Calls who was named instead of a leg. */
  async follow(leg: Leg, targets: readonly Target[]): Promise<void> {
    this.call.calls.removeLeg(leg);
    if (this.isDone) return;
    this.#redirects++;
    this.#pending += targets.length - 1;
    await this.#prepareAll(targets);
  }

  failed(leg: Leg, code: number, reply: SipMsg | null): void {
    this.call.calls.removeLeg(leg);
    if (this.isDone) return;
    this.#pending--;
    this.#failures.push({ code, reply });
    if (code >= 600) this.#pending = 0;
    this.#look();
  }

  #look(): void {
    if (this.isDone || this.#pending > 0) return;
    const best =
      this.#failures.length === 0 ? { code: 404, reason: reasonOf(404), reply: null } : bestFailure(this.#failures);
    this.#finish({ leg: null, ...best });
  }

  /** Gives up: every leg is cancelled. */
  cancel(headers: string, code = 487): void {
    for (const leg of this.legs) leg.hangup(headers);
    this.#finish({ leg: null, code, reason: reasonOf(code), reply: null });
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) this.call.server.wheel.cancel(timer);
  }

  #finish(result: DialResult): void {
    if (this.isDone) return;
    this.isDone = true;
    this.#stopTimers();
    for (const leg of this.legs) if (leg !== result.leg) leg.hangup(result.leg === null ? '' : COMPLETED_ELSEWHERE);
    this.#done(result);
  }
}
