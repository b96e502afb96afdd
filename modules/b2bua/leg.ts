import { type Server, type SipMsg, type SocketInfo, Timer } from 'strowger';
import type { LocalRequest, TmApi, Transaction } from '../tm/api.ts';
import { Acks } from './acks.ts';
import { holdsSdp, isSdp, SDP } from './body.ts';
import { isChallenge } from './credentials.ts';
import { USAGE, USAGE_EVENT, type Usage, type UsageEvent, usageStep, VERDICT, type Verdict } from './invite-usage.ts';
import { LegFacts } from './leg-facts.ts';
import { LEG, type LegOwner, type LegRequest, type LegState } from './leg-owner.ts';
import { OFFER_VERDICT } from './offer-answer.ts';
import { Outbox, type Outgoing, type Shaped } from './outbox.ts';
import { rseqOf } from './rseq.ts';
import { SessionOffers } from './session-offers.ts';
import { refresh } from './session-refresh.ts';
import { SessionTimer, TIMER_EXPIRED, type TimerPolicy } from './session-timer.ts';
import { type ContactForm, contactOf, UaDialog } from './ua-dialog.ts';

export { contentTypeOf } from './body.ts';
export { LEG, type LegOwner, type LegRequest, type LegState } from './leg-owner.ts';

/** 64*T1 (RFC 3261 §13.3.1.4): how long a 2xx waits for its ACK, in ms. */
const ACK_WAIT_MS = 32_000;

/** One side of a call: a user agent with one dialog, standing on tm's transactions. */
export class Leg extends LegFacts {
  readonly id: string;
  readonly role: 'uas' | 'uac';
  /** The call it belongs to; a transfer may move it to another. */
  owner: LegOwner;
  readonly server: Server;
  readonly tm: TmApi;
  dialog: UaDialog;
  state: LegState = LEG.EARLY;
  usage: Usage = USAGE.NONE;
  readonly offers: SessionOffers = new SessionOffers(this, () => this.#wake());
  /** When it began, was answered and ended, ms of the clock; 0 before. */
  startedMs: number;
  answeredMs = 0;
  endedMs = 0;
  /** Last status that was sent or received for the first INVITE. */
  status = 0;
  socket: SocketInfo | null;
  readonly contact: string;
  /** The INVITE under way: theirs, or ours. */
  invite: Transaction | null = null;
  #okCseq = 0;
  readonly acks: Acks = new Acks(this);
  readonly #ackTimer: Timer<Leg>;

  constructor(
    owner: LegOwner,
    server: Server,
    tm: TmApi,
    id: string,
    role: 'uas' | 'uac',
    dialog: UaDialog,
    socket: SocketInfo | null,
    shown: ContactForm,
  ) {
    super();
    this.owner = owner;
    this.server = server;
    this.tm = tm;
    this.id = id;
    this.role = role;
    this.dialog = dialog;
    this.socket = socket;
    this.contact = contactOf(server, socket, shown);
    this.startedMs = server.clock.now();
    this.#ackTimer = new Timer<Leg>(ackIsMissing, this);
  }

  readonly #idle: (() => void)[] = [];
  readonly #outbox = new Outbox();
  /** RFC 4028; null where this leg has none. */
  timer: SessionTimer | null = null;

  get isEnded(): boolean {
    return this.state === LEG.ENDED;
  }

  /** In a dialog, and nothing is under way in it. */
  get isIdle(): boolean {
    return this.state === LEG.CONFIRMED && this.#isFree && !this.#outbox.isWaiting;
  }

  // ---- the two tables

  /** Moves the INVITE usage; the verdict says what is to be done. */
  step(event: UsageEvent): Verdict {
    const { next, verdict } = usageStep(this.usage, event);
    this.usage = next;
    this.#wake();
    return verdict;
  }

  /** Resolves when an INVITE may be sent, at once where none is under way and no offer is open; also at the leg's end. */
  whenIdle(): Promise<void> {
    if (this.#isFree) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  get #isFree(): boolean {
    return this.usage === USAGE.ENDED || (this.usage === USAGE.NONE && this.offers.isStable);
  }

  #wake(): void {
    if (this.#idle.length === 0 || !this.#isFree) return;
    for (const go of this.#idle.splice(0)) queueMicrotask(go);
  }

  // ---- as the called side of the first INVITE

  /** Sends 101 to 199 to the first INVITE, or to the one under way. */
  progress(code: number, reason: string, headers = '', body = '', contentType = SDP): void {
    const t = this.invite;
    if (t === null || this.usage !== USAGE.RECEIVED) return;
    this.#shape(this.#replyTo(t, headers, body, contentType), (shaped) => {
      if (shaped === null || this.usage !== USAGE.RECEIVED) return;
      this.offers.reply('us', code, holdsSdp(body, contentType), headers.includes('RSeq: '));
      this.tells(body, contentType);
      this.status = code;
      this.owner.note(this, `> ${code} ${reason}`);
      this.tm.reply(t.request, code, reason, this.#rows(shaped, contentType), shaped.body);
    });
  }

  /** Answers the INVITE under way with a 2xx. */
  answer(code: number, reason: string, headers = '', body = '', contentType = SDP): void {
    const t = this.invite;
    if (t === null || this.usage !== USAGE.RECEIVED) return;
    this.#shape(this.#replyTo(t, headers, body, contentType), (shaped) => {
      if (shaped === null || this.step(USAGE_EVENT.ANSWER_OK) !== VERDICT.OK) return;
      this.offers.reply('us', code, holdsSdp(body, contentType), true);
      this.tells(body, contentType);
      this.status = code;
      this.#confirm();
      this.owner.note(this, `> ${code} ${reason}`);
      const timed = this.timer?.answerRows(t.request) ?? '';
      this.tm.reply(t.request, code, reason, this.#rows(shaped, contentType) + timed, shaped.body);
      this.server.wheel.arm(this.#ackTimer, ACK_WAIT_MS);
      this.roundTrip.begins(this.server.clock);
    });
  }

  /** Answers a request of the other side but INVITE. */
  reply(t: Transaction, code: number, reason: string, headers = '', body = '', contentType = SDP): void {
    this.#shape(this.#replyTo(t, headers, body, contentType), (shaped) => {
      if (shaped === null) return;
      const type = shaped.body === '' ? '' : `Content-Type: ${contentType}\r\n`;
      this.tm.reply(t.request, code, reason, type + shaped.headers, shaped.body);
      this.tells(body, contentType);
    });
  }

  #replyTo({ request }: Transaction, headers: string, body: string, contentType: string): Outgoing {
    const isOffer = request.bodyStart >= request.buf.length;
    return { method: request.methodName, isReply: true, isOffer, headers, body, contentType };
  }

  /** Sends when the message has its final form. */
  #shape(out: Outgoing, send: (shaped: Shaped | null) => void): void {
    this.#outbox.put(() => this.owner.shape(this, out), send);
  }

  #confirm(): void {
    this.state = LEG.CONFIRMED;
    this.answeredMs ||= this.server.clock.now();
  }

  /** Refuses the INVITE under way; the first one's refusal ends the leg. */
  refuse(code: number, reason: string, headers = ''): void {
    const t = this.invite;
    if (t === null || this.step(USAGE_EVENT.ANSWER_ERROR) !== VERDICT.OK) return;
    this.offers.reply('us', code, false, true);
    this.owner.note(this, `> ${code} ${reason}`);
    const shaped = this.owner.shape(this, this.#replyTo(t, headers, '', ''));
    this.tm.reply(t.request, code, reason, shaped === null || shaped instanceof Promise ? '' : shaped.headers);
    this.invite = null;
    if (this.state !== LEG.EARLY) return;
    this.status = code;
    this.end();
  }

  /** The ACK of our 2xx; what comes again, or of an INVITE before the one under way, only ends its repetition. */
  acknowledged(ack: SipMsg): void {
    this.tm.inviteOfAck(ack)?.acknowledge();
    if (this.invite !== null && this.invite.request.cseqNumber !== ack.cseqNumber) return;
    if (this.step(USAGE_EVENT.GOT_ACK) !== VERDICT.OK) return;
    this.roundTrip.ends(this.server.clock);
    this.owner.note(this, '< ACK');
    this.offers.ack('them', isSdp(ack));
    this.hears(ack);
    this.#takenFor(ack);
  }

  /** Their next INVITE says that our 2xx has arrived, whatever became of its ACK (RFC 5407 §3.1.4). */
  acknowledgedByInvite(): void {
    this.owner.note(this, 'a new INVITE instead of an ACK');
    this.invite?.acknowledge();
    this.#takenFor(null);
  }

  #takenFor(ack: SipMsg | null): void {
    this.server.wheel.cancel(this.#ackTimer);
    this.invite = null;
    this.owner.onAck(this, ack);
  }

  onAckMissing(): void {
    this.owner.onLost(this, 'no ACK');
  }

  // ---- as the calling side

  /** Sends the first INVITE, or one in the dialog. False when an INVITE is under way, or an offer is open. */
  sendInvite(request: LegRequest): boolean {
    if (this.offers.verdict('us') !== OFFER_VERDICT.OK || this.step(USAGE_EVENT.SEND) !== VERDICT.OK) return false;
    this.offers.invite('us', holdsSdp(request.body, request.contentType));
    const isFirst = this.state === LEG.EARLY;
    this.tells(request.body ?? '', request.contentType ?? SDP);
    this.#shapeRequest('INVITE', request, true, (shaped) => {
      if (this.isEnded) request.onFinal?.(481, null);
      else if (shaped === null) this.#finished(request, null, 503, isFirst);
      else this.#sendInvite(shaped, request, isFirst);
    });
    return true;
  }

  #shapeRequest(
    method: string,
    request: LegRequest,
    isOffer: boolean,
    send: (shaped: LegRequest | null) => void,
  ): void {
    const { body = '', contentType = SDP, headers = '' } = request;
    this.#shape({ method, isReply: false, isOffer, headers, body, contentType }, (shaped) =>
      send(shaped === null ? null : { contentType, ...shaped }),
    );
  }

  #sendInvite(shaped: LegRequest, request: LegRequest, isFirst: boolean): void {
    const timed = (shaped.headers ?? '') + (this.timer?.requestRows() ?? '');
    this.invite = this.#send({
      ...this.#local('INVITE', { ...shaped, headers: timed }),
      ...(request.ringMs === undefined || request.ringMs === 0 ? {} : { frInvTimeoutMs: request.ringMs }),
      onProvisional: (reply) => this.#progressed(request, reply, isFirst),
      onAnswer: (reply) => this.#answered(request, reply, isFirst),
      onReply: (reply, code) => this.#finished(request, reply, code, isFirst),
    });
    if (this.invite === null) this.#finished(request, null, 503, isFirst);
  }

  #progressed(request: LegRequest, reply: SipMsg, isFirst: boolean): void {
    if (reply.status === 100 || this.isEnded) return;
    this.owner.note(this, `< ${reply.status} ${reply.reason}`);
    if (isFirst && reply.toTag !== '') this.#isIn(reply);
    this.offers.reply('them', reply.status, isSdp(reply), rseqOf(reply) > 0);
    this.hears(reply);
    if (isFirst) {
      this.status = reply.status;
      this.owner.onProgress(this, reply);
    }
    request.onProvisional?.(reply);
  }

  /** The dialog, or the one of several, that a reply to our first INVITE belongs to is ours from now on. */
  #isIn(reply: SipMsg): void {
    const { remoteTag } = this.dialog;
    if (remoteTag === reply.toTag) return;
    if (remoteTag !== '') this.offers.forked();
    this.dialog.establish(reply);
  }

  /** Any 2xx: the first, one repeated, or one of another branch that a proxy forked to. */
  #answered(request: LegRequest, reply: SipMsg, isFirst: boolean): void {
    // Of an INVITE that is acknowledged, also while the next one is under way.
    if (reply.toTag === this.dialog.remoteTag && this.acks.again(reply)) return;
    const isLate = this.isEnded || (isFirst && this.status >= 200 && reply.toTag !== this.dialog.remoteTag);
    if (isLate) {
      this.acks.unwanted(reply, isFirst);
      // Whoever waits for a re-INVITE of a dialog that has ended goes on.
      return isFirst ? undefined : request.onFinal?.(487, null);
    }
    if (this.step(USAGE_EVENT.GOT_OK) !== VERDICT.OK) return;
    this.owner.note(this, `< ${reply.status} ${reply.reason}`);
    this.auth?.proven();
    this.#okCseq = reply.cseqNumber;
    if (isFirst) this.#isIn(reply);
    this.offers.reply('them', reply.status, isSdp(reply), true);
    this.hears(reply);
    this.timer?.answered(reply);
    if (!isFirst) this.dialog.refresh(reply);
    else {
      this.status = reply.status;
      this.#confirm();
      this.dialog.establish(reply);
      this.owner.onAnswer(this, reply);
    }
    request.onOk?.(reply);
  }

  #finished(request: LegRequest, reply: SipMsg | null, code: number, isFirst: boolean): void {
    if (code < 300) return;
    if (!this.isEnded || this.status < 200)
      this.owner.note(this, `< ${code}${reply === null ? ' (nobody answered)' : ` ${reply.reason}`}`);
    this.step(USAGE_EVENT.GOT_ERROR);
    this.offers.reply('them', code, false, true);
    this.invite = null;
    if (reply === null || this.isEnded || !isChallenge(code)) return this.#refused(request, reply, code, isFirst);
    this.owner.onChallenge(this, reply, (isAnswered) => {
      if (!isAnswered || this.isEnded || !this.sendInvite(request)) this.#refused(request, reply, code, isFirst);
    });
  }

  #refused(request: LegRequest, reply: SipMsg | null, code: number, isFirst: boolean): void {
    // 422: once more with the time the other side wants.
    if (
      code === 422 &&
      reply !== null &&
      !this.isEnded &&
      this.timer?.refused(reply) === true &&
      this.sendInvite(request)
    )
      return;
    if (isFirst) {
      this.status = code;
      const wasOpen = !this.isEnded;
      this.end();
      if (wasOpen) this.owner.onFailure(this, code, reply);
    } else this.#lostBy(code, reply);
    request.onFinal?.(code, reply);
  }

  /** Acknowledges the 2xx to our INVITE. */
  ack(body = '', contentType = SDP): void {
    if (this.step(USAGE_EVENT.SEND_ACK) !== VERDICT.OK) return;
    this.invite = null;
    this.offers.ack('us', holdsSdp(body, contentType));
    this.tells(body, contentType);
    const cseq = this.#okCseq;
    this.#shapeRequest('ACK', { body, contentType }, false, (shaped) => {
      this.acks.say({ cseq, body: shaped?.body ?? '', contentType });
    });
  }

  /** A 2xx whose transaction is gone. */
  strayAnswer(reply: SipMsg): void {
    if (reply.toTag === this.dialog.remoteTag) this.acks.again(reply);
    else this.acks.unwanted(reply, true);
  }

  // ---- in the dialog

  /** Sends any request but INVITE, ACK and CANCEL. False for an UPDATE, or an offer, that has to wait (RFC 3311 §5.1). */
  send(method: string, request: LegRequest = {}): boolean {
    const isOffer = !this.offers.isAsked;
    const hasSdp = holdsSdp(request.body, request.contentType);
    if (this.offers.request('us', method, hasSdp, request) !== OFFER_VERDICT.OK) return false;
    if (CARRIERS.has(method)) this.tells(request.body ?? '', request.contentType ?? SDP);
    this.#shapeRequest(method, request, isOffer, (shaped) => {
      if (shaped === null || this.isEnded) {
        this.offers.done(request, false);
        request.onFinal?.(shaped === null ? 503 : 481, null);
      } else this.#sendShaped(method, { ...shaped, dialog: request.dialog ?? this.dialog }, request);
    });
    return true;
  }

  #sendShaped(method: string, shaped: LegRequest, request: LegRequest): void {
    const isSent = this.#send({
      ...this.#local(method, shaped),
      onReply: (reply, code) => {
        this.owner.note(this, `< ${code} (${method})`);
        this.offers.done(request, code < 300 && reply !== null && isSdp(reply));
        if (reply !== null && isChallenge(code) && !this.isEnded)
          return this.owner.onChallenge(this, reply, (isAnswered) => {
            if (!isAnswered || this.isEnded || !this.send(method, request)) request.onFinal?.(code, reply);
          });
        if (!this.isEnded) {
          if (code < 300 && reply !== null && CARRIERS.has(method)) this.hears(reply);
          if (code < 300 && reply !== null && (method === 'UPDATE' || method === 'SUBSCRIBE'))
            this.dialog.refresh(reply);
          this.#lostBy(code, reply);
        }
        request.onFinal?.(code, reply);
      },
    });
    if (isSent !== null) return;
    this.offers.done(request, false);
    request.onFinal?.(503, null);
  }

  /** 481 and 408 to a request of ours say that the dialog is over (RFC 3261 §12.2.1.2). */
  #lostBy(code: number, reply: SipMsg | null): void {
    if (code === 481 || (code === 408 && reply === null)) this.owner.onLost(this, `${code} to a request`);
  }

  /** Gives the leg a session timer; called before its INVITE is sent or answered. */
  useTimer(policy: TimerPolicy): void {
    this.timer = new SessionTimer(
      policy,
      this.server.wheel,
      () => refresh(this),
      () => this.owner.onLost(this, TIMER_EXPIRED),
    );
  }

  /** Ends the leg as its state demands: refuses, cancels or sends BYE. `headers` are Reason rows. */
  hangup(headers = '', code = 487, reason = 'Request Terminated'): void {
    if (this.isEnded) return;
    if (this.state === LEG.CONFIRMED) this.#bye(headers);
    else if (this.role === 'uas') this.refuse(code, reason, headers);
    else {
      this.owner.note(this, '> CANCEL');
      const none = { isReply: false, isOffer: false, body: '', contentType: '' };
      const shaped = this.owner.shape(this, { ...none, method: 'CANCEL', headers });
      if (this.invite !== null)
        this.tm.cancel(this.invite, shaped === null || shaped instanceof Promise ? '' : shaped.headers);
      this.end();
    }
  }

  #bye(headers: string): void {
    // A 2xx of theirs is acknowledged first; ours waits for its ACK no longer (RFC 3261 §15 lets us be the impatient side).
    if (this.usage === USAGE.SENT_OK) this.ack();
    else if (this.usage === USAGE.SENT && this.invite !== null) this.tm.cancel(this.invite);
    else if (this.usage === USAGE.RECEIVED && this.invite !== null) this.refuse(487, 'Request Terminated');
    this.end();
    this.hasSentBye = true;
    this.#shapeRequest('BYE', { headers }, false, (shaped) => this.#sendBye(shaped ?? {}));
  }

  #sendBye(shaped: LegRequest): void {
    this.owner.note(this, '> BYE');
    this.#send({
      ...this.#local('BYE', shaped),
      onReply: (reply, code) => {
        if (reply === null || !isChallenge(code)) return;
        this.owner.onChallenge(this, reply, (isAnswered) => {
          if (isAnswered) this.#send(this.#local('BYE', shaped));
        });
      },
    });
  }

  /** Nothing more of this leg happens; what it waited for is given up. */
  end(): void {
    if (this.state === LEG.ENDED) return;
    this.state = LEG.ENDED;
    this.endedMs = this.server.clock.now();
    this.step(USAGE_EVENT.BYE);
    this.server.wheel.cancel(this.#ackTimer);
    this.timer?.stop();
    this.owner.onEnd(this);
  }

  /** It goes on in another worker. */
  leave(): void {
    this.state = LEG.ENDED;
    this.server.wheel.cancel(this.#ackTimer);
    this.timer?.stop();
  }

  #local(
    method: string,
    { body = '', contentType = SDP, headers = '', dialog = this.dialog }: LegRequest,
  ): LocalRequest {
    const { uri, nextHop, from, to, callId, cseq, routes } = dialog.request();
    const contact = METHODS_WITH_CONTACT.has(method) ? `Contact: ${this.contact}\r\n` : '';
    const type = body === '' ? '' : `Content-Type: ${contentType}\r\n`;
    const credentials = this.auth?.rows(method, uri, body) ?? '';
    const rows = `${routes}${contact}${type}${credentials}${headers}`;
    return { method, uri, nextHop, from, to, callId, cseq, headers: rows, body, socket: this.socket };
  }

  #send(request: LocalRequest): Transaction | null {
    if (request.method !== 'BYE') this.owner.note(this, `> ${request.method}`);
    return this.tm.send(this.roundTrip.timed(request, this.server.clock));
  }

  #rows({ headers, body }: Shaped, contentType: string): string {
    const type = body === '' ? '' : `Content-Type: ${contentType}\r\n`;
    return `Contact: ${this.contact}\r\n${type}${headers}`;
  }
}

/** Methods beside INVITE and ACK that may hold a session description (RFC 3262 §5, RFC 3311). */
const CARRIERS = new Set(['UPDATE', 'PRACK']);
const METHODS_WITH_CONTACT = new Set(['INVITE', 'UPDATE', 'SUBSCRIBE', 'NOTIFY', 'REFER', 'OPTIONS']);

function ackIsMissing(leg: Leg): void {
  leg.onAckMissing();
}
