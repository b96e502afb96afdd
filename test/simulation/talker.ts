import type { Clock, ClockHandle, Random } from '../../core/timer/clock.ts';
import { request, response, type TestMsg } from '../support/msg.ts';

const T1_MS = 500;
const T2_MS = 4000;
const GIVE_UP_MS = 64 * T1_MS;

/** One side of a dialog, from where it stands: header values without tags. */
export interface TalkDialog {
  readonly callId: string;
  readonly from: string;
  readonly fromTag: string;
  readonly to: string;
  readonly toTag: string;
  readonly target: string;
  readonly contact: string;
  readonly sentBy: string;
  /** Of its last request. */
  readonly cseq: number;
}

/** What a side asks for while it talks. */
const ACTS = ['INVITE', 'INVITE-LATE', 'UPDATE', 'UPDATE-EMPTY', 'INFO', 'HOLD', 'REFER'] as const;
type Act = (typeof ACTS)[number];

interface Sending {
  readonly text: string;
  readonly isLate: boolean;
  intervalMs: number;
  handle: ClockHandle | null;
  isOver: boolean;
}

/**
 * A user agent in a dialog (RFC 3261 §12 to §15, RFC 3311): asks for changes of its session at any time, whether the other
 * side does so as well or not, answers or refuses what it is asked for, and hangs up in the end. It may die.
 */
export class Talker {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #send: (text: string) => void;
  readonly #dialog: TalkDialog;
  readonly #sent = new Map<string, Sending>();
  /** Final replies by branch; those to INVITE are repeated until their ACK. */
  readonly #replies = new Map<string, string>();
  readonly #unacknowledged = new Set<number>();
  #cseq: number;
  #version = 1;
  #isOver = false;
  #isDead = false;

  constructor(clock: Clock, random: Random, dialog: TalkDialog, send: (text: string) => void) {
    this.#clock = clock;
    this.#random = random;
    this.#dialog = dialog;
    this.#send = send;
    this.#cseq = dialog.cseq;
  }

  /** Acts some times within `talkMs`, and hangs up then. */
  starts(talkMs: number): void {
    for (let times = this.#random.int(5); times > 0; times--)
      this.#clock.schedule(this.#random.int(talkMs), () => this.#act(ACTS[this.#random.int(ACTS.length)] ?? 'INFO'));
    if (this.#random.int(12) === 0)
      this.#clock.schedule(this.#random.int(talkMs), () => {
        this.#isDead = true;
      });
    this.#clock.schedule(talkMs, () => this.hangsUp());
  }

  hangsUp(): void {
    if (this.#isOver || this.#isDead) return;
    this.#request('BYE');
    this.#isOver = true;
  }

  #act(act: Act): void {
    if (this.#isOver || this.#isDead) return;
    const withOffer = { body: this.#sdp(), contentType: 'application/sdp' };
    switch (act) {
      case 'INVITE':
        return this.#request('INVITE', withOffer);
      case 'INVITE-LATE':
        return this.#request('INVITE');
      case 'UPDATE':
        return this.#request('UPDATE', withOffer);
      case 'UPDATE-EMPTY':
        return this.#request('UPDATE');
      case 'INFO':
        return this.#request('INFO');
      case 'HOLD':
        return this.#request('INFO', { body: 'hold', contentType: 'text/plain' });
      case 'REFER':
        return this.#request('REFER', { headers: { 'Refer-To': '<sip:c@10.0.2.2>' } });
    }
  }

  #sdp(): string {
    const { fromTag } = this.#dialog;
    return `v=0\r\no=${fromTag} 1 ${++this.#version} IN IP4 10.0.9.9\r\ns=-\r\nc=IN IP4 10.0.9.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n`;
  }

  #request(method: string, more: object = {}, cseq = ++this.#cseq): void {
    const { callId, from, fromTag, to, toTag, target, contact, sentBy } = this.#dialog;
    const branch = `z9hG4bK-${fromTag}-${this.#random.token(10)}`;
    const text = request(method, target, { callId, from, fromTag, to, toTag, contact, sentBy, branch, cseq, ...more });
    if (method === 'ACK') return this.#send(text);
    const isInvite = method === 'INVITE';
    const isLate = isInvite && !text.includes('v=0');
    const sending: Sending = { text, isLate, intervalMs: T1_MS, handle: null, isOver: false };
    this.#sent.set(`${branch} ${method}`, sending);
    const again = (): void => {
      if (sending.isOver) return;
      this.#send(text);
      sending.handle = this.#clock.schedule(sending.intervalMs, again);
      sending.intervalMs = isInvite ? sending.intervalMs * 2 : Math.min(sending.intervalMs * 2, T2_MS);
    };
    again();
    this.#clock.schedule(GIVE_UP_MS, () => this.#stop(sending));
  }

  #stop(sending: Sending): void {
    sending.isOver = true;
    if (sending.handle !== null) this.#clock.unschedule(sending.handle);
    sending.handle = null;
  }

  /** A message in the dialog: requests, and replies to its own requests. False for a reply to somebody else's. */
  hears(msg: TestMsg): boolean {
    if (msg.status > 0) return this.#reply(msg);
    if (this.#isDead) return true;
    if (msg.method === 'ACK') this.#unacknowledged.delete(Number.parseInt(msg.get('CSeq'), 10));
    else this.#answer(msg);
    return true;
  }

  #reply(msg: TestMsg): boolean {
    const sending = this.#sent.get(`${msg.branch} ${msg.cseqMethod}`);
    if (sending === undefined) return false;
    if (msg.status < 200 && msg.cseqMethod !== 'INVITE') return true;
    this.#stop(sending);
    if (this.#isDead || msg.status < 200 || msg.cseqMethod !== 'INVITE') return true;
    const cseq = Number.parseInt(msg.get('CSeq'), 10);
    if (msg.status >= 300) this.#send(this.#ackOf(sending.text, msg));
    else this.#request('ACK', sending.isLate ? { body: this.#sdp(), contentType: 'application/sdp' } : {}, cseq);
    return true;
  }

  #ackOf(invite: string, reply: TestMsg): string {
    const ack = invite.replace(/^INVITE/, 'ACK').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 ACK');
    const bare = ack.slice(0, ack.indexOf('\r\n\r\n') + 4).replace(/Content-(?:Type|Length): [^\r]*\r\n/g, '');
    return bare.replace(/To: [^\r]*/, `To: ${reply.get('To')}`).replace(/\r\n\r\n$/, '\r\nContent-Length: 0\r\n\r\n');
  }

  #answer(msg: TestMsg): void {
    const known = this.#replies.get(`${msg.branch} ${msg.method}`);
    if (known !== undefined) return this.#send(known);
    const isOffered = msg.method === 'INVITE' || (msg.method === 'UPDATE' && msg.body !== '');
    const fate = this.#random.int(10);
    const status = !isOffered || fate < 6 ? 200 : fate < 7 ? 488 : fate < 8 ? 504 : 491;
    const sdp = isOffered && status === 200 ? { body: this.#sdp(), contentType: 'application/sdp' } : {};
    const text = response(msg, status, { contact: this.#dialog.contact, ...sdp });
    this.#replies.set(`${msg.branch} ${msg.method}`, text);
    if (msg.method === 'BYE') this.#isOver = true;
    if (msg.method === 'INVITE') this.#repeats(text, Number.parseInt(msg.get('CSeq'), 10));
    else this.#send(text);
  }

  #repeats(text: string, cseq: number): void {
    this.#unacknowledged.add(cseq);
    let intervalMs = T1_MS;
    let leftMs = GIVE_UP_MS;
    const again = (): void => {
      if (!this.#unacknowledged.has(cseq) || leftMs <= 0) return;
      this.#send(text);
      this.#clock.schedule(intervalMs, again);
      leftMs -= intervalMs;
      intervalMs = Math.min(intervalMs * 2, T2_MS);
    };
    again();
  }
}
