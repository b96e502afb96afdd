import { HDR, type Server, SipMsg, type SocketInfo } from 'strowger';
import type { TmApi, Transaction } from '../tm/api.ts';
import type { Calls } from './calls.ts';
import { HeaderPolicy } from './headers.ts';
import { USAGE } from './invite-usage.ts';
import { contentTypeOf, LEG, Leg, type LegOwner } from './leg.ts';
import { relayRequest } from './relay.ts';
import { bestFailure, type Failure } from './status.ts';
import { UaDialog } from './ua-dialog.ts';

/** Where a leg is to call: URI, next hop, socket. */
export interface Target {
  readonly uri: string;
  readonly nextHop: string;
  readonly socket: SocketInfo | null;
}

/** How an attempt to reach somebody ended. */
export interface DialResult {
  /** The leg that answered; null when nobody did. */
  readonly leg: Leg | null;
  readonly code: number;
  readonly reason: string;
  readonly reply: SipMsg | null;
}

/** One line of a call's history. */
export interface HistoryLine {
  readonly atMs: number;
  readonly leg: string;
  readonly what: string;
}

/** A call that is being dialled: its legs, and what they came to. */
interface Dial {
  readonly legs: Leg[];
  readonly failures: Failure[];
  readonly done: (result: DialResult) => void;
  isDone: boolean;
}

/** Options of a call (`b2b_call` flags and module parameters). */
export interface CallOptions {
  readonly policy: HeaderPolicy;
  /** Longest a leg rings, in ms; 0: tm's fr_inv_timer. */
  readonly ringMs: number;
  readonly contactUser: string;
  readonly callIdMode: 'new' | 'keep' | 'suffix';
}

/**
 * One call: its legs and a mailbox. Events of legs are handled one after the other, also when a handler waits (a route
 * of the script, a database), so that every race is decided by who came first.
 */
export class Call implements LegOwner {
  readonly id: string;
  readonly calls: Calls;
  readonly server: Server;
  readonly tm: TmApi;
  readonly options: CallOptions;
  readonly legs: Leg[] = [];
  readonly history: HistoryLine[] = [];
  readonly startedMs: number;
  answeredMs = 0;
  endedMs = 0;
  /** Why it ended, for CDR and RPC. */
  cause = '';
  readonly #mailbox: (() => void | Promise<void>)[] = [];
  #isHandling = false;
  #dial: Dial | null = null;
  #legCount = 0;

  constructor(calls: Calls, id: string, options: CallOptions) {
    this.calls = calls;
    this.id = id;
    this.server = calls.server;
    this.tm = calls.tm;
    this.options = options;
    this.startedMs = calls.server.clock.now();
  }

  get isEnded(): boolean {
    return this.endedMs !== 0;
  }

  // ---- mailbox

  /** Handles an event when those before it are done. */
  post(event: () => void | Promise<void>): void {
    this.#mailbox.push(event);
    if (!this.#isHandling) this.#handle();
  }

  #handle(): void {
    this.#isHandling = true;
    try {
      for (let event = this.#mailbox.shift(); event !== undefined; event = this.#mailbox.shift()) {
        const waits = event();
        if (waits instanceof Promise) {
          void waits.catch((error: unknown) => this.#failed(error)).then(() => this.#handle());
          return;
        }
      }
    } catch (error) {
      this.#failed(error);
    }
    this.#isHandling = false;
    if (this.#mailbox.length > 0) this.#handle();
  }

  /** A defect in here costs this call, nothing else. */
  #failed(error: unknown): void {
    this.server.log.error('b2bua: an event of a call failed', { err: error, call: this.id });
    this.end('internal error', 'Reason: SIP;cause=500;text="internal error"\r\n');
  }

  note(leg: Leg | null, what: string): void {
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
    const leg = new Leg(this, this.server, this.tm, this.#nextId(), 'uas', dialog, socket, this.options.contactUser);
    leg.invite = t;
    leg.usage = USAGE.RECEIVED;
    leg.offer = msg.body === '' ? leg.offer : 2;
    this.#add(leg);
    this.note(leg, `< INVITE ${msg.uri}`);
    return leg;
  }

  /** A leg that is about to call `target`. */
  outgoing(target: Target, from: string, to: string, callId: string): Leg {
    const tag = this.server.random.token(16);
    const dialog = new UaDialog(callId, from, tag, to, target.uri, this.calls.firstCseq());
    dialog.flow = target.nextHop;
    const leg = new Leg(
      this,
      this.server,
      this.tm,
      this.#nextId(),
      'uac',
      dialog,
      target.socket,
      this.options.contactUser,
    );
    this.#add(leg);
    return leg;
  }

  #nextId(): string {
    return `${this.id}-${++this.#legCount}`;
  }

  #add(leg: Leg): void {
    this.legs.push(leg);
    this.calls.addLeg(leg);
  }

  // ---- dialling

  /**
   * Calls all targets at once on behalf of `a`, with the request it came with; `done` is told once. The first answer
   * wins, the others are cancelled.
   */
  dial(a: Leg, targets: readonly Target[], request: SipMsg, done: (result: DialResult) => void): void {
    const dial: Dial = { legs: [], failures: [], done, isDone: false };
    this.#dial = dial;
    const rows = this.inviteRows(request);
    const type = contentTypeOf(request);
    for (const target of targets) {
      const b = this.outgoing(target, this.fromOf(request), this.toOf(request, target), this.#callIdOf(a));
      b.peer = a;
      dial.legs.push(b);
    }
    for (const b of dial.legs) b.sendInvite({ body: request.body, contentType: type, headers: rows });
    if (dial.legs.length === 0) this.#finish(dial, { leg: null, code: 404, reason: 'Not Found', reply: null });
  }

  /** Rows of the caller's INVITE that go on to the callee, with what is negotiated anew. */
  inviteRows(request: SipMsg): string {
    const left = request.header(HDR.MAXFORWARDS);
    const hops = left === null ? 70 : Math.max(0, Number.parseInt(left, 10) - 1);
    const { supportedRows } = this.calls.settings;
    return `Max-Forwards: ${Number.isNaN(hops) ? 70 : hops}\r\n${supportedRows(request)}${this.options.policy.rows(request)}`;
  }

  fromOf(request: SipMsg): string {
    const { from } = request;
    if (from === null) return '<sip:anonymous@anonymous.invalid>';
    return from.display === '' ? `<${from.uriText}>` : `${from.display} <${from.uriText}>`;
  }

  toOf(request: SipMsg, target: Target): string {
    const { to } = request;
    if (to === null) return `<${target.uri}>`;
    return to.display === '' ? `<${to.uriText}>` : `${to.display} <${to.uriText}>`;
  }

  #callIdOf(a: Leg): string {
    const { callIdMode } = this.options;
    if (callIdMode === 'keep') return a.dialog.callId;
    if (callIdMode === 'suffix') return `${a.dialog.callId}-b2b${this.#legCount + 1}`;
    return this.server.random.token(24);
  }

  #finish(dial: Dial, result: DialResult): void {
    if (dial.isDone) return;
    dial.isDone = true;
    if (this.#dial === dial) this.#dial = null;
    for (const leg of dial.legs) if (leg !== result.leg) leg.hangup(result.leg === null ? '' : COMPLETED_ELSEWHERE);
    dial.done(result);
  }

  /** Gives up what is being dialled. */
  cancelDial(headers: string): void {
    const dial = this.#dial;
    if (dial === null) return;
    for (const leg of dial.legs) leg.hangup(headers);
    this.#finish(dial, { leg: null, code: 487, reason: 'Request Terminated', reply: null });
  }

  // ---- what legs tell

  onProgress(leg: Leg, reply: SipMsg): void {
    this.post(() => {
      const a = leg.peer;
      if (a === null || a.isEnded || leg.isEnded) return;
      this.calls.onProgress(this, a, leg, this.edited(reply));
    });
  }

  onAnswer(leg: Leg, reply: SipMsg): void {
    this.post(() => {
      const dial = this.#dial;
      if (dial === null || dial.isDone || !dial.legs.includes(leg)) return leg.hangup();
      this.#finish(dial, { leg, code: reply.status, reason: reply.reason, reply: this.edited(reply) });
    });
  }

  onFailure(leg: Leg, code: number, reply: SipMsg | null): void {
    this.post(() => {
      const dial = this.#dial;
      this.calls.removeLeg(leg);
      if (dial === null || dial.isDone || !dial.legs.includes(leg)) return;
      dial.failures.push({ code, reply });
      const isOver = code >= 600 || dial.failures.length === dial.legs.length;
      if (!isOver) return;
      const best = bestFailure(dial.failures);
      this.#finish(dial, { leg: null, code: best.code, reason: best.reason, reply: best.reply });
    });
  }

  onAck(leg: Leg, ack: SipMsg): void {
    const edited = this.edited(ack);
    this.post(() => {
      const { peer } = leg;
      if (peer?.usage === USAGE.SENT_OK) peer.ack(edited.body, contentTypeOf(edited));
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
    const edited = this.edited(msg);
    this.post(() => relayRequest(this, leg, edited, t));
  }

  onLost(leg: Leg, cause: string): void {
    this.post(() => this.end(cause, 'Reason: SIP;cause=408;text="Request Timeout"\r\n'));
    this.note(leg, cause);
  }

  /** The message with the edits that the script made, so that what passes on has them. */
  edited(msg: SipMsg): SipMsg {
    return msg.lumpList === null ? msg : new SipMsg(this.calls.textOf(msg), msg.rcv);
  }

  // ---- the end

  /** Ends every leg as its state demands. Happens once; what comes later finds nothing. */
  end(cause: string, headers = ''): void {
    if (this.isEnded) return;
    this.endedMs = this.server.clock.now();
    this.cause ||= cause;
    const dial = this.#dial;
    this.#dial = null;
    if (dial !== null) dial.isDone = true;
    for (const leg of this.legs) leg.hangup(headers);
    this.note(null, `ended: ${this.cause}`);
    this.calls.ended(this);
  }
}

const COMPLETED_ELSEWHERE = 'Reason: SIP;cause=200;text="Call completed elsewhere"\r\n';

/**
 * Where a client is reached whatever its Contact says: over the connection it came on, or, when it asked for symmetric
 * replies (RFC 3581), at the address it came from. '' behind a proxy that stays in the way.
 */
function flowOf(msg: SipMsg): string {
  const { proto, srcIp, srcPort } = msg.rcv;
  if (msg.findHdr(HDR.RECORDROUTE) >= 0) return '';
  const host = srcIp.includes(':') ? `[${srcIp}]` : srcIp;
  const names = ['', '', ';transport=tcp', ';transport=tls', '', ';transport=ws', ';transport=ws'];
  if (msg.rcv.conId !== 0) return `sip:${host}:${srcPort}${names[proto] ?? ''}`;
  return msg.via1?.param('rport') == null ? '' : `sip:${host}:${srcPort}`;
}
