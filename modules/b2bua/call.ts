import { HDR, ROUTE, RUN_DROP, type Server, SipMsg, type Timer } from 'strowger';
import type { TmApi, Transaction } from '../tm/api.ts';
import { isSdp } from './body.ts';
import type { CallOptions, HistoryLine } from './call-options.ts';
import type { Calls } from './calls.ts';
import { challenged } from './challenge.ts';
import { copyOf, setContext } from './context.ts';
import type { Credential } from './credentials.ts';
import { Dial, type DialResult, type Target } from './dial.ts';
import { identityFor } from './identity.ts';
import { requestInDialog } from './in-dialog.ts';
import { flowOf, viaHosts } from './invite-facts.ts';
import { USAGE, USAGE_EVENT } from './invite-usage.ts';
import { answerLate } from './late-offer.ts';
import { contentTypeOf, LEG, Leg, type LegOwner, type LegRequest } from './leg.ts';
import { Mailbox, type MailboxEvent, whenKnown } from './mailbox.ts';
import { CallMedia } from './media.ts';
import type { Outgoing, Shaped } from './outbox.ts';
import { joinLater } from './rebridge.ts';
import type { ReferDecision } from './refer.ts';
import { ReliableReplies } from './reliable.ts';
import { outward } from './reply-map.ts';
import { TIMER_EXPIRED, type TimerPolicy } from './session-timer.ts';
import type { B2buaSettings, TimerMode } from './settings.ts';
import { shape } from './shape.ts';
import { reasonOf } from './status.ts';
import { hideParties } from './topology.ts';
import { UaDialog } from './ua-dialog.ts';
import type { AddedRow } from './verbs-policy.ts';

export type { CallOptions, HistoryLine } from './call-options.ts';

/**
 * One call: its legs and a mailbox. Events of legs are handled one after the other, also when a handler waits (a route
 * of the script, a database), so that every race is decided by who came first.
 */
export class Call implements LegOwner {
  readonly id: string;
  readonly calls: Calls;
  readonly server: Server;
  /** The script it began with: after a reload its events still run there. */
  readonly program: Server['program'];
  readonly tm: TmApi;
  readonly options: CallOptions;
  readonly legs: Leg[] = [];
  readonly history: HistoryLine[] = [];
  /** Times are of the clock; of a call from before a restart they may be negative. */
  startedMs: number;
  answeredMs = 0;
  /** What the script decided about the REFER at hand; null where it did not. */
  referDecision: ReferDecision | null = null;
  /** The leg that asked for a transfer which is under way. */
  transfer: Leg | null = null;
  /** Both sides have answer and ACK. */
  isConfirmed = false;
  endedMs = 0;
  /** Status of the last attempt to reach somebody; 0 before. */
  status = 0;
  /** Its reason phrase. */
  reason = '';
  /** `$b2b_ctx(name)`. */
  readonly variables = new Map<string, string | number>();
  readonly reliable: ReliableReplies;
  #media: CallMedia | null = null;
  /** The digit of the INFO at hand, `$b2b(dtmf)`. */
  digit = '';
  /** b2b_map_reply(): a status of one side, and what it is on the other. */
  readonly replyMap = new Map<number, number>();
  /** b2b_hdr_set() */
  readonly addedRows: AddedRow[] = [];
  /** What b2b_auth() gave. */
  readonly credentials: Credential[] = [];
  timerMode: TimerMode;
  timerPolicy: TimerPolicy;
  /** Why it ended, for CDR and RPC. */
  cause = '';
  /** The limit that refused it last, `$b2b(limit)`; '' for none. */
  limit = '';
  /** Until the event routes have seen its beginning; null then. */
  admission: Promise<void> | null = null;
  /** It is beyond max_calls, and is being refused. */
  isBeyond = false;
  /** The call that one of its legs went on to; '' for none. */
  continuedIn = '';
  /** The caller has heard something of the callee. */
  #isHeard = false;
  readonly mailbox: Mailbox;
  /** The caller's INVITE as it came: what event routes without a message of their own see. */
  request: SipMsg | null = null;
  #dial: Dial | null = null;
  #limit: Timer<undefined> | null = null;
  /** Legs it has had: the next one's id. */
  legCount = 0;

  constructor(calls: Calls, id: string, options: CallOptions) {
    this.calls = calls;
    this.id = id;
    this.server = calls.server;
    this.program = calls.server.program;
    this.tm = calls.tm;
    this.options = options;
    this.timerMode = calls.settings.timerMode;
    this.timerPolicy = calls.settings.timerPolicy;
    this.startedMs = calls.server.clock.now();
    this.reliable = new ReliableReplies(this);
    this.mailbox = new Mailbox((error) => this.#failed(error));
  }

  get isEnded(): boolean {
    return this.endedMs !== 0;
  }

  get settings(): B2buaSettings {
    return this.calls.settings;
  }

  // ---- mailbox and event routes

  /** Handles an event when those before it are done. */
  post(event: MailboxEvent): void {
    this.mailbox.post(event);
  }

  /** Runs event_route[b2bua:name] about a leg; true when it ended in `drop`, which is a veto where there can be one. */
  fire(name: string, leg: Leg, msg: SipMsg | null = null): boolean | Promise<boolean> {
    const route = this.program.event.get(`b2bua:${name}`);
    const known = msg ?? this.request;
    if (route === undefined || known === null) return false;
    // The caller's request goes on in its route, which is about the caller.
    const about = msg ?? copyOf(known);
    setContext(about, this, leg);
    const bits = this.server.runRoute(route, about, ROUTE.EVENT, -1, this.program);
    return typeof bits === 'number' ? (bits & RUN_DROP) !== 0 : bits.then((later) => (later & RUN_DROP) !== 0);
  }

  /** A defect in here costs this call, nothing else. */
  #failed(error: unknown): void {
    this.server.log.error('b2bua: an event of a call failed', { err: error, call: this.id });
    this.end('internal error', 'Reason: SIP;cause=500;text="internal error"\r\n');
  }

  note(leg: Leg | null, what: string): void {
    this.calls.store?.changed(this);
    if (this.history.length >= this.calls.settings.historySize) return;
    this.history.push({ atMs: this.server.clock.now(), leg: leg?.id ?? '', what });
  }

  // ---- legs

  /** The leg of a request that came in, which gets a transaction. */
  accept(msg: SipMsg): Leg {
    const t = this.tm.transaction(msg) ?? this.tm.begin(msg);
    const dialog = UaDialog.ofRequest(msg, t.localTag(), this.calls.firstCseq());
    dialog.flow = flowOf(msg);
    const { socket } = msg.rcv;
    const leg = new Leg(this, this.server, this.tm, this.#nextId(), 'uas', dialog, socket, this.options);
    leg.invite = t;
    leg.offers.invite('them', isSdp(msg));
    leg.hears(msg);
    leg.hosts.push(msg.rcv.srcIp, ...viaHosts(msg));
    // tm answers a CANCEL by itself while the script waits.
    t.on('cancelled', ({ request }) => leg.owner.onCancel(leg, request));
    // The script may answer past us (t_reply), or not at all until tm gives up.
    t.on('completed', ({ code }) => answeredElsewhere(leg, code));
    t.on('destroy', () => answeredElsewhere(leg, 408));
    leg.step(USAGE_EVENT.RECEIVE);
    this.#add(leg);
    this.note(leg, `< INVITE ${msg.originalUri}`);
    return leg;
  }

  /** A leg that is about to call `target` for `caller`; `from` and `to` are header values without tags. */
  outgoing(target: Target, caller: Leg | null, from: string, to: string): Leg {
    const { callId, tag } = identityFor(this, caller);
    const dialog = new UaDialog(callId, from, tag, to, target.uri, this.calls.firstCseq());
    const leg = new Leg(this, this.server, this.tm, this.#nextId(), 'uac', dialog, target.socket, this.options);
    if (caller !== null && this.options.isTopologyHidden) leg.dialog = hideParties(this, leg, target.uri);
    this.#add(leg);
    return leg;
  }

  #nextId(): string {
    return `${this.id}-${++this.legCount}`;
  }

  #add(leg: Leg): void {
    if (this.timerMode === 'both' || this.timerMode === (leg.role === 'uas' ? 'a' : 'b'))
      leg.useTimer(this.timerPolicy);
    this.legs.push(leg);
    this.calls.addLeg(leg);
  }

  // ---- dialling

  /** Calls all targets at once on behalf of `a`, with the request it came with; `done` is told once. */
  dial(a: Leg, targets: readonly Target[], request: SipMsg, done: (result: DialResult) => void): Promise<void> {
    return this.#startDial(a, done).start(targets, request);
  }

  /** Calls targets on behalf of a leg that is in a call already, with a description and headers of our own. */
  dialFor(leg: Leg, to: readonly Target[], form: LegRequest, done: (result: DialResult) => void): Promise<void> {
    return this.dialFrom(leg, leg.dialog.remote, to, form, done);
  }

  /** The same with a From of its own, also where nobody calls. */
  dialFrom(
    caller: Leg | null,
    from: string,
    targets: readonly Target[],
    form: LegRequest,
    done: (result: DialResult) => void,
  ): Promise<void> {
    return this.#startDial(caller, done).startOwn(targets, from, form);
  }

  #startDial(caller: Leg | null, done: (result: DialResult) => void): Dial {
    const dial = new Dial(this, caller, (result) => {
      if (this.#dial === dial) this.#dial = null;
      done(result);
    });
    this.#dial = dial;
    return dial;
  }

  /** Somebody else has answered the caller: what rings is cancelled. */
  takeDial(by: Leg): void {
    this.#dial?.takenBy(by);
  }

  /** A leg that is being called is called no more; false where it is none. */
  leaveOut(leg: Leg, headers: string): boolean {
    const dial = leg.state === LEG.EARLY && this.#dial?.has(leg) === true ? this.#dial : null;
    dial?.unwanted(leg, headers);
    return dial !== null;
  }

  /** Takes a leg over from another call. */
  adopt(leg: Leg): void {
    const before = leg.owner as Call;
    const at = before.legs.indexOf(leg);
    if (at >= 0) before.legs.splice(at, 1);
    leg.owner = this;
    before.continuedIn = this.id;
    this.legs.push(leg);
  }

  /** Who rings for a caller that was not answered yet: the last that has an early dialog; null where none does. */
  earlyPeer(leg: Leg): Leg | null {
    const rings = (each: Leg): boolean => each.peer === leg && each.state === LEG.EARLY && each.dialog.remoteTag !== '';
    return leg.state === LEG.EARLY ? (this.legs.findLast(rings) ?? null) : null;
  }

  /** Somebody has answered: the time of the call counts from the first. */
  markAnswered(): void {
    if (this.answeredMs !== 0) return;
    this.answeredMs = this.server.clock.now();
    const { maxDurationS } = this.settings;
    if (maxDurationS > 0 && this.#limit === null) this.limitDuration(maxDurationS);
  }

  /** Gives up what is being dialled. */
  cancelDial(headers: string, code = 487): void {
    this.#dial?.cancel(headers, code);
  }

  /** Joins the caller with who answered: the answer goes to the caller, and what happens on one side goes to the other. */
  join(a: Leg, { leg, code, reason, reply }: DialResult): void | Promise<void> {
    if (leg === null || reply === null) return;
    this.#heard();
    if (a.isEnded) return leg.hangup();
    this.markAnswered();
    if (a.state !== LEG.EARLY) return joinLater(this, a, leg, reply.body);
    a.peer = leg;
    leg.peer = a;
    if (leg.isConverted) return void answerLate(this, a, leg);
    const rows = this.options.policy.rows(reply);
    this.reliable.whenAcknowledged(() => a.answer(code, reason, rows, reply.body, contentTypeOf(reply)));
  }

  /** The first that the caller hears of the callee: the post-dial delay. */
  #heard(): void {
    if (this.#isHeard) return;
    this.#isHeard = true;
    this.calls.stats.postDialDelay(this.server.clock.now() - this.startedMs);
  }

  /** A limit refuses the call, or a leg of it: event_route[b2bua:limit] is told. */
  limitReached(limit: string, leg: Leg, msg: SipMsg | null = null): boolean | Promise<boolean> {
    this.limit = limit;
    this.calls.stats.count('limit_rejects');
    this.note(leg, `limit reached: ${limit}`);
    return this.fire('limit', leg, msg);
  }

  // ---- media

  /** The call's media in the engine; null where they go from side to side. */
  get media(): CallMedia | null {
    const { media: engine } = this.calls;
    if (engine === null || !this.options.usesMedia) return null;
    this.#media ??= new CallMedia(this, engine);
    return this.#media;
  }

  /** The engine says that no media flow any more. */
  mediaTimeout(): void {
    this.post(() => this.mediaStopped(this.legs.find((each) => each.state === LEG.CONFIRMED)));
  }

  /** Nothing is heard of a leg. */
  mediaStopped(leg: Leg | undefined): void | Promise<void> {
    if (this.isEnded || leg === undefined) return;
    this.note(leg, 'no media');
    return this.#unlessVetoed('rtp-timeout', leg, () =>
      this.end('rtp-timeout', 'Reason: SIP;cause=408;text="RTP timeout"\r\n'),
    );
  }

  /** The engine has no answer for a side that waits for one. */
  mediaFailed(): void {
    for (const leg of this.legs) if (leg.role === 'uas' && leg.state === LEG.EARLY) leg.refuse(503, reasonOf(503));
    this.end('media failed', 'Reason: SIP;cause=503;text="Media failed"\r\n');
  }

  /** The legs whose network a leg may not see. */
  hiddenFrom(leg: Leg): Leg[] {
    return this.legs.filter((each) => each !== leg);
  }

  // ---- what legs tell

  onProgress(leg: Leg, reply: SipMsg): void {
    const pass = (isVetoed: boolean): void => {
      const a = leg.peer;
      if (isVetoed || a === null || a.isEnded || leg.isEnded) return;
      const edited = this.edited(reply);
      this.#heard();
      const { code, reason } = outward(this, reply.status, reply.reason);
      const body = leg.isConverted ? '' : edited.body;
      const rows = this.options.policy.rows(edited);
      const say = (more: string): void => a.progress(code, reason, rows + more, body, contentTypeOf(edited));
      this.reliable.passes(a, leg, reply, say, body !== '');
    };
    if (!this.reliable.receives(leg, reply)) return;
    this.post(() => whenKnown(this.fire('progress', leg, reply), pass));
  }

  #unlessVetoed(event: string, leg: Leg, then: () => void): void | Promise<void> {
    return whenKnown(this.fire(event, leg), (isVetoed) => {
      if (!isVetoed) then();
    });
  }

  onAnswer(leg: Leg, reply: SipMsg): void {
    this.post(() => {
      const dial = this.#dial;
      if (dial === null || !dial.has(leg)) return leg.hangup();
      return whenKnown(this.fire('answered', leg, reply), (isVetoed) =>
        isVetoed ? dial.unwanted(leg) : dial.answered(leg, this.edited(reply)),
      );
    });
  }

  onFailure(leg: Leg, code: number, reply: SipMsg | null): void {
    this.post(() => {
      const dial = this.#dial;
      if (dial === null || !dial.has(leg)) return this.calls.removeLeg(leg);
      if (reply === null || code >= 400) return dial.failed(leg, code, reply);
      return whenKnown(this.fire('redirect', leg, reply), (isVetoed) => {
        const targets = isVetoed ? [] : dial.redirected(reply);
        return targets.length === 0 ? dial.failed(leg, code, reply) : dial.follow(leg, targets);
      });
    });
  }

  onChallenge(leg: Leg, reply: SipMsg, then: (isAnswered: boolean) => void): void {
    challenged(this, leg, reply, then);
  }

  shape(leg: Leg, out: Outgoing): Shaped | null | Promise<Shaped | null> {
    return shape(this, leg, out);
  }

  onAck(leg: Leg, ack: SipMsg | null): void {
    const edited = ack === null ? null : this.edited(ack);
    const [body, type] = edited === null ? [''] : [edited.body, contentTypeOf(edited)];
    this.post(() => {
      const { peer } = leg;
      if (peer?.usage === USAGE.SENT_OK) peer.ack(body, type);
      // A call that was picked up without an offer: the answer comes with the ACK.
      else if (peer?.state === LEG.EARLY && peer.role === 'uas') peer.answer(200, 'OK', '', body);
      if (this.isConfirmed || this.isEnded) return;
      this.isConfirmed = true;
      return whenKnown(this.fire('confirmed', leg, ack), () => {});
    });
  }

  onCancel(leg: Leg, cancel: SipMsg): void {
    this.post(() => {
      if (leg.isEnded || leg.state !== LEG.EARLY) return;
      this.cause ||= 'cancelled';
      const reason = cancel.header(HDR.REASON);
      const rows = reason === null ? '' : `Reason: ${reason}\r\n`;
      leg.refuse(487, 'Request Terminated');
      this.cancelDial(rows);
      this.end('cancelled', rows);
    });
  }

  onRequest(leg: Leg, msg: SipMsg, t: Transaction): void {
    this.post(() => requestInDialog(this, leg, msg, t));
  }

  onGlare(): void {
    this.calls.stats.count('glare');
  }

  onEnd(leg: Leg): void {
    this.calls.limits.release(leg);
    this.post(() =>
      whenKnown(this.fire('leg-end', leg), () => {
        // Each leg may have been hung up for a reason of its own.
        if (this.#dial === null && this.legs.every((each) => each.isEnded)) this.end('nobody is left');
      }),
    );
  }

  onLost(leg: Leg, cause: string): void {
    this.note(leg, cause);
    const end = (): void => this.end(cause, 'Reason: SIP;cause=408;text="Request Timeout"\r\n');
    this.post(() => (cause === TIMER_EXPIRED ? this.#unlessVetoed('timer-expired', leg, end) : end()));
  }

  /** The message with the edits that the script made, so that what passes on has them. */
  edited(msg: SipMsg): SipMsg {
    return msg.lumpList === null ? msg : new SipMsg(this.calls.textOf(msg), msg.rcv);
  }

  // ---- the end

  /** Nothing is under way that another worker, or the server after a restart, would have to know. */
  get isIdle(): boolean {
    if (this.#dial !== null || this.transfer !== null || !this.mailbox.isIdle) return false;
    return this.legs.every((leg) => leg.isEnded || leg.isIdle);
  }

  /** When b2b_max_duration ends it, ms of the clock; 0: it does not. */
  get dueMs(): number {
    return this.#limit?.isArmed === true ? this.#limit.dueMs : 0;
  }

  /** It goes on in another worker: here nothing is told to anybody. */
  leave(): void {
    this.endedMs = this.server.clock.now();
    if (this.#limit !== null) this.server.wheel.cancel(this.#limit);
    this.reliable.stop();
    this.#media?.stop();
    for (const leg of this.legs) leg.leave();
  }

  /** Ends the call so many seconds from now, unless it has ended before. */
  limitDuration(seconds: number): void {
    const { wheel } = this.server;
    if (this.#limit !== null) wheel.cancel(this.#limit);
    this.#limit = wheel.after(seconds * 1000, () =>
      this.post(() => {
        const end = (): void => this.end('max duration', 'Reason: SIP;cause=480;text="Maximum duration"\r\n');
        const [leg] = this.legs;
        return leg === undefined ? end() : this.#unlessVetoed('timer-expired', leg, end);
      }),
    );
  }

  /** Ends every leg as its state demands. Happens once; what comes later finds nothing. */
  end(cause: string, headers = ''): void {
    if (this.isEnded) return;
    this.endedMs = this.server.clock.now();
    this.cause ||= cause;
    if (this.#limit !== null) this.server.wheel.cancel(this.#limit);
    this.reliable.stop();
    this.#media?.end();
    const dial = this.#dial;
    this.#dial = null;
    for (const leg of this.legs) leg.hangup(headers);
    // Whoever waits for it, a route of the script, goes on.
    dial?.cancel(headers);
    this.note(null, `ended: ${this.cause}`);
    this.calls.ended(this);
    const [first] = this.legs;
    if (first !== undefined) this.post(() => whenKnown(this.fire('end', first), () => {}));
  }
}

/** The script has answered past the call, or nobody has. */
function answeredElsewhere(leg: Leg, code: number): void {
  if (leg.isEnded || leg.state !== LEG.EARLY || leg.usage !== USAGE.RECEIVED) return;
  const call = leg.owner as Call;
  leg.status = code;
  leg.end();
  call.post(() => call.end(`${code} by the script`));
}
