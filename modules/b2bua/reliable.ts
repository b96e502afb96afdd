import { HDR, parseDecimal, type SipMsg, type Timer } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import type { Call } from './call.ts';
import { optionTags } from './headers.ts';
import { contentTypeOf, LEG, type Leg } from './leg.ts';
import { rseqOf } from './rseq.ts';
import { reasonOf } from './status.ts';

/** How provisional replies are made reliable (RFC 3262): not at all, by both ends, or by us on each side. */
export type Rel100 = 'off' | 'pass' | 'leg';

const T1_MS = 500;
/** How long a provisional reply of ours is repeated, in ms (64*T1). */
const PRACK_WAIT_MS = 32_000;
const MAX_RSEQ = 0x7fffffff;

/** RAck of a PRACK (RFC 3262 §7.2). */
export interface RAck {
  readonly rseq: number;
  readonly cseq: number;
}

/** Null where it can not be read, or is about no INVITE. */
export function parseRAck(value: string): RAck | null {
  const [rseq = '', cseq = '', method = ''] = value.trim().split(/[ \t]+/);
  const numbers = [rseq, cseq].map((digits) => parseDecimal(digits, 0, digits.length, 0xffffffff));
  const [first = -1, second = -1] = numbers;
  return first < 0 || second < 0 || method !== 'INVITE' ? null : { rseq: first, cseq: second };
}

function takes100rel(msg: SipMsg): boolean {
  return optionTags(msg, HDR.SUPPORTED).includes('100rel') || optionTags(msg, HDR.REQUIRE).includes('100rel');
}

/** A reliable reply that a caller has, or is to acknowledge. */
interface Sent {
  readonly rseq: number;
  /** Sends it, and sends it again. */
  readonly say: () => void;
  /** Whose reply it was; null for one of our own, which we repeat. */
  readonly origin: { readonly leg: Leg; readonly rseq: number; readonly reply: SipMsg } | null;
  readonly hasSdp: boolean;
  timer: Timer<undefined> | null;
  waitMs: number;
  leftMs: number;
}

/** Reliable provisional replies of one call. */
export class ReliableReplies {
  readonly #call: Call;
  /** What was sent to each caller, by RSeq; what was acknowledged is taken out. */
  readonly #sent = new Map<number, Sent>();
  /** The last number that came from each leg, by its tag. */
  readonly #received = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #last = 0;

  constructor(call: Call) {
    this.#call = call;
  }

  /** A reply that came: true when it is to be passed on now, the first time that it came. */
  receives(leg: Leg, reply: SipMsg): boolean {
    const rseq = rseqOf(reply);
    if (rseq === 0 || this.#call.options.rel100 === 'off') return true;
    const key = `${leg.id} ${reply.toTag}`;
    const last = this.#received.get(key);
    if (last !== undefined && rseq <= last) {
      // It came again: the caller has not acknowledged it yet.
      for (const sent of this.#sent.values()) if (sent.origin?.leg === leg && sent.origin.rseq === rseq) sent.say();
      return false;
    }
    // One that overtook another comes again when that has come (RFC 3262 §4).
    if (last !== undefined && rseq !== last + 1) return false;
    this.#received.set(key, rseq);
    if (this.#call.options.rel100 === 'leg') prack(leg, reply, rseq, {});
    return true;
  }

  /** Passes a provisional reply to the caller: reliable where the caller takes that and the mode says so. */
  passes(a: Leg, leg: Leg, reply: SipMsg, say: (rows: string) => void, hasSdp: boolean): void {
    const { rel100 } = this.#call.options;
    const rseq = rseqOf(reply);
    const request = a.invite?.request;
    const isOwn = rel100 === 'leg' && request !== undefined && takes100rel(request);
    if (rel100 === 'off' || (rel100 === 'pass' && rseq === 0) || (rel100 === 'leg' && !isOwn)) return say('');
    if (this.#last === 0) this.#last = 1 + this.#call.server.random.int(0xffff);
    else this.#last = (this.#last % MAX_RSEQ) + 1;
    const rows = `Require: 100rel\r\nRSeq: ${this.#last}\r\n`;
    const sent: Sent = {
      rseq: this.#last,
      say: () => say(rows),
      origin: isOwn ? null : { leg, rseq, reply },
      hasSdp,
      timer: null,
      waitMs: T1_MS,
      leftMs: PRACK_WAIT_MS,
    };
    this.#sent.set(sent.rseq, sent);
    say(rows);
    if (isOwn) this.#arm(a, sent);
  }

  #arm(a: Leg, sent: Sent): void {
    sent.timer = this.#call.server.wheel.after(sent.waitMs, () => this.#repeat(a, sent));
  }

  #repeat(a: Leg, sent: Sent): void {
    if (a.isEnded || a.state !== LEG.EARLY || !this.#sent.has(sent.rseq)) return;
    sent.leftMs -= sent.waitMs;
    if (sent.leftMs <= 0) {
      this.#sent.delete(sent.rseq);
      a.refuse(504, 'Server Time-out');
      this.#call.end('no PRACK');
      return;
    }
    sent.waitMs *= 2;
    sent.say();
    this.#arm(a, sent);
  }

  /** Runs when the caller has acknowledged the descriptions it got: a 2xx must not overtake them (RFC 3262 §3). */
  whenAcknowledged(then: () => void): void {
    if ([...this.#sent.values()].some((sent) => sent.origin === null && sent.hasSdp)) this.#waiting.push(then);
    else then();
  }

  /** True for a PRACK of a reply that was passed on or made here. */
  takes(msg: SipMsg): boolean {
    return this.#call.options.rel100 !== 'off' && parseRAck(msg.header(HDR.RACK) ?? '') !== null;
  }

  /** PRACK of the caller. */
  acknowledged(leg: Leg, msg: SipMsg, t: Transaction): void {
    const rack = parseRAck(msg.header(HDR.RACK) ?? '');
    const sent = rack === null ? undefined : this.#sent.get(rack.rseq);
    if (rack === null || sent === undefined) {
      this.#call.note(leg, '> 481 (PRACK)');
      return leg.reply(t, 481, reasonOf(481));
    }
    this.#sent.delete(rack.rseq);
    this.#cancel(sent);
    const { origin } = sent;
    if (origin === null) {
      // An offer in it has nobody to go to: the other side's PRACK is sent already.
      const code = msg.body === '' ? 200 : 488;
      leg.reply(t, code, code === 200 ? 'OK' : reasonOf(code));
    } else this.#pass(leg, msg, t, origin);
    if ([...this.#sent.values()].some((each) => each.origin === null && each.hasSdp)) return;
    for (const then of this.#waiting.splice(0)) then();
  }

  #pass(leg: Leg, msg: SipMsg, t: Transaction, { leg: b, rseq, reply }: NonNullable<Sent['origin']>): void {
    if (b.isEnded) return leg.reply(t, 481, reasonOf(481));
    const { policy } = this.#call.options;
    const isSent = prack(b, reply, rseq, {
      body: msg.body,
      contentType: contentTypeOf(msg),
      headers: policy.rows(msg),
      onFinal: (code, answer) => {
        const rows = answer === null ? '' : policy.rows(answer);
        leg.reply(
          t,
          code,
          answer?.reason ?? reasonOf(code),
          rows,
          answer?.body ?? '',
          answer === null ? '' : contentTypeOf(answer),
        );
      },
    });
    if (!isSent) leg.reply(t, 491, reasonOf(491));
  }

  /** The call has ended, or its caller was answered. */
  stop(): void {
    for (const sent of this.#sent.values()) this.#cancel(sent);
    this.#sent.clear();
    this.#waiting.length = 0;
  }

  #cancel({ timer }: Sent): void {
    if (timer !== null) this.#call.server.wheel.cancel(timer);
  }
}

/** Acknowledges a reliable reply, in the early dialog that it belongs to; false where its offer would cross another. */
function prack(leg: Leg, reply: SipMsg, rseq: number, form: Parameters<Leg['send']>[1]): boolean {
  const isCurrent = leg.dialog.remoteTag === reply.toTag;
  const dialog = isCurrent ? leg.dialog : leg.dialog.ofReply(reply);
  // Both early dialogs count on from here.
  if (!isCurrent) leg.dialog.localCseq++;
  const headers = `RAck: ${rseq} ${reply.cseqNumber} INVITE\r\n${form?.headers ?? ''}`;
  return leg.send('PRACK', { ...form, headers, dialog });
}
