import type { Clock, ClockHandle, Random } from '../../core/timer/clock.ts';
import type { UdpEndpoint } from '../../core/transport/drivers.ts';
import { response, TestMsg } from '../support/msg.ts';
import { Talker } from './talker.ts';

const T1_MS = 500;
const T2_MS = 4000;
const GIVE_UP_MS = 64 * T1_MS;

/** How a callee treats calls: the chance of each outcome out of 100, the rest is silence after ringing. */
export interface Temper {
  readonly answers: number;
  readonly refuses: number;
  /** Never says anything. */
  readonly isDead: number;
  readonly ringMs: readonly [min: number, max: number];
  /** Changes its calls while they last, and hangs up at some time. */
  readonly talks: boolean;
}

interface Call {
  readonly invite: TestMsg;
  readonly tag: string;
  /** Last reply, for repeated INVITEs. */
  last: string;
  status: number;
  isAcknowledged: boolean;
  talker: Talker | null;
  intervalMs: number;
  handle: ClockHandle | null;
}

/** The called side of RFC 3261 §13.3 and §17.2. */
export class Callee {
  /** Calls answered with 2xx whose ACK never came. */
  unacknowledged = 0;
  answered = 0;
  /** Requests it had to refuse because nothing fits them: none of them should reach it. */
  readonly surprises: string[] = [];
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #endpoint: UdpEndpoint;
  readonly #contact: string;
  readonly #name: string;
  readonly #temper: Temper;
  /** By the branch of the INVITE. */
  readonly #calls = new Map<string, Call>();
  readonly #dialogs = new Map<string, Call>();
  readonly #others = new Map<string, string>();

  constructor(clock: Clock, random: Random, endpoint: UdpEndpoint, ip: string, name: string, temper: Temper) {
    this.#clock = clock;
    this.#random = random;
    this.#endpoint = endpoint;
    this.#contact = `<sip:${name}@${ip}:${endpoint.port}>`;
    this.#name = name;
    this.#temper = temper;
  }

  hears(text: string, ip: string, port: number): void {
    const msg = new TestMsg(text, ip, port);
    const dialog = this.#dialogs.get(msg.param(msg.status > 0 ? 'From' : 'To', 'tag'));
    if (dialog?.talker?.hears(msg) === true && msg.method !== 'ACK') return;
    switch (msg.method) {
      case 'INVITE':
        return this.#invite(msg);
      case 'ACK':
        return this.#ack(msg);
      case 'CANCEL':
        return this.#cancel(msg);
      case '':
        return;
      default:
        return this.#other(msg);
    }
  }

  #invite(msg: TestMsg): void {
    const known = this.#calls.get(msg.branch);
    if (known !== undefined) {
      if (known.last !== '' && known.status < 300) this.#out(known.last, msg);
      return;
    }
    const tag = `${this.#name}-${this.#random.token(8)}`;
    const call: Call = {
      invite: msg,
      tag,
      last: '',
      status: 0,
      isAcknowledged: false,
      talker: null,
      intervalMs: T1_MS,
      handle: null,
    };
    this.#calls.set(msg.branch, call);
    const fate = this.#random.int(100);
    const { answers, refuses, isDead, ringMs } = this.#temper;
    if (fate < isDead) return;
    if (this.#random.int(4) > 0) this.#reply(call, this.#random.int(2) === 0 ? 100 : 180);
    else this.#clock.schedule(this.#random.int(800), () => call.status === 0 && this.#reply(call, 180));
    const delayMs = ringMs[0] + this.#random.int(ringMs[1] - ringMs[0] + 1);
    const status = fate < isDead + answers ? 200 : fate < isDead + answers + refuses ? this.#refusal() : 0;
    if (status !== 0) this.#clock.schedule(delayMs, () => call.status < 200 && this.#final(call, status));
  }

  #refusal(): number {
    const codes = [404, 408, 480, 486, 500, 503, 603, 302, 401];
    return codes[this.#random.int(codes.length)] ?? 486;
  }

  #reply(call: Call, status: number): void {
    const contact = status >= 180 && status < 400 ? { contact: this.#contact } : {};
    call.last = response(call.invite, status, { toTag: call.tag, ...contact });
    call.status = status;
    this.#out(call.last, call.invite);
  }

  /** A final reply, repeated until its ACK comes (for a 2xx end to end). */
  #final(call: Call, status: number): void {
    this.#reply(call, status);
    if (status < 300) {
      this.answered++;
      this.#dialogs.set(call.tag, call);
      if (this.#temper.talks) this.#talk(call);
    }
    const again = (): void => {
      if (call.isAcknowledged) return;
      this.#out(call.last, call.invite);
      call.intervalMs = Math.min(call.intervalMs * 2, T2_MS);
      call.handle = this.#clock.schedule(call.intervalMs, again);
    };
    call.handle = this.#clock.schedule(call.intervalMs, again);
    this.#clock.schedule(GIVE_UP_MS, () => {
      if (call.handle !== null) this.#clock.unschedule(call.handle);
      if (!call.isAcknowledged && status < 300) this.unacknowledged++;
    });
  }

  #talk(call: Call): void {
    const { invite, tag } = call;
    const bare = (name: string): string => invite.get(name).replace(/;tag=.*/, '');
    const dialog = {
      callId: invite.get('Call-ID'),
      from: bare('To'),
      fromTag: tag,
      to: bare('From'),
      toTag: invite.param('From', 'tag'),
      target: /<([^>]*)>/.exec(invite.get('Contact'))?.[1] ?? '',
      contact: this.#contact,
      sentBy: /@([^>]*)/.exec(this.#contact)?.[1] ?? '',
      cseq: 1,
    };
    call.talker = new Talker(this.#clock, this.#random, dialog, (text) => this.#out(text, invite));
    call.talker.starts(1000 + this.#random.int(60_000));
  }

  #ack(msg: TestMsg): void {
    const call = this.#calls.get(msg.branch) ?? this.#dialogs.get(msg.param('To', 'tag'));
    if (call === undefined) {
      this.surprises.push(`ACK without a call: ${msg.get('Call-ID')}`);
      return;
    }
    call.isAcknowledged = true;
    if (call.handle !== null) this.#clock.unschedule(call.handle);
  }

  #cancel(msg: TestMsg): void {
    const call = this.#calls.get(msg.branch);
    if (call === undefined) {
      // Overtook its INVITE: it will come again.
      this.#out(response(msg, 481, { toTag: 'none' }), msg);
      return;
    }
    this.#out(response(msg, 200, { toTag: call.tag }), msg);
    if (call.status < 200) this.#final(call, 487);
  }

  #other(msg: TestMsg): void {
    const known = this.#others.get(msg.branch);
    const text =
      known ??
      response(msg, msg.method === 'BYE' && !this.#dialogs.has(msg.param('To', 'tag')) ? 481 : 200, { toTag: 'x' });
    this.#others.set(msg.branch, text);
    this.#out(text, msg);
  }

  #out(text: string, to: TestMsg): void {
    this.#endpoint.send(text, to.srcIp, to.srcPort);
  }
}
