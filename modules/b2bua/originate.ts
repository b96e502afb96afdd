import { SipMsg } from 'strowger';
import { reinvite } from './bridge.ts';
import type { Call } from './call.ts';
import type { Calls } from './calls.ts';
import type { DialResult, Target } from './dial.ts';
import type { Leg, LegRequest } from './leg.ts';
import { blackHoleAnswer, emptyOffer } from './sdp.ts';

/**
 * Third-party call control (RFC 3725 §4). `I`: the first side's offer goes to the second, its answer is waited for before
 * the first gets its ACK. `III` (`a-first`): the first is acknowledged at once, with media that go nowhere. `IV`: the same
 * with an offer without media.
 */
export type OriginateMode = 'I' | 'III' | 'IV';

export function parseOriginateMode(text: string): OriginateMode | null {
  switch (text.toLowerCase()) {
    case '':
    case 'i':
      return 'I';
    case 'iii':
    case 'a-first':
      return 'III';
    case 'iv':
      return 'IV';
    default:
      return null;
  }
}

/** What is asked for; URIs without brackets. */
export interface Origination {
  readonly a: Target;
  readonly b: Target;
  readonly mode: OriginateMode;
  /** From of both INVITEs; '' to show each side the other. */
  readonly from: string;
}

/** Begins a call between two sides; null beyond max_calls or where nothing can be sent. */
export function originate(calls: Calls, wanted: Origination): Call | null {
  const request = requestFor(calls, wanted);
  const call = request === null ? null : calls.newCall();
  if (call === null) return null;
  call.request = request;
  const run = async (): Promise<void> => {
    const cause = await new Originated(call, wanted).run();
    if (cause !== '') call.post(() => call.end(cause));
  };
  run().catch((error: unknown) => call.post(() => Promise.reject(error)));
  return call;
}

/** The INVITE that the event routes of the call are about. */
function requestFor(calls: Calls, { a, b, from }: Origination): SipMsg | null {
  const fake = calls.server.fakeMessage();
  if (fake === null) return null;
  const text =
    `INVITE ${b.uri} SIP/2.0\r\nVia: SIP/2.0/UDP ${fake.rcv.socket.sentBy};branch=z9hG4bKnone\r\n` +
    `From: <${from || a.uri}>;tag=none\r\nTo: <${b.uri}>\r\nCall-ID: none\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n`;
  return new SipMsg(text, fake.rcv);
}

class Originated {
  readonly #call: Call;
  readonly #wanted: Origination;

  constructor(call: Call, wanted: Origination) {
    this.#call = call;
    this.#wanted = wanted;
  }

  /** '' when both are joined, else why not. */
  async run(): Promise<string> {
    const { a, b, mode } = this.#wanted;
    const call = this.#call;
    const id = call.server.random.uint32();
    const first = await this.#dial(null, a, b.uri, mode === 'IV' ? { body: emptyOffer(id) } : {});
    const { leg, reply } = first;
    if (leg === null || reply === null) return failure(first);
    if (mode === 'I') return this.#flowOne(leg, reply.body);
    leg.ack(mode === 'III' ? blackHoleAnswer(reply.body, id) : '');
    return this.#flowTwo(leg);
  }

  async #flowOne(a: Leg, offer: string): Promise<string> {
    const second = await this.#dial(a, this.#wanted.b, this.#wanted.a.uri, { body: offer });
    const { leg, reply } = second;
    // BYE comes first in both flows: an ACK goes before it by itself.
    if (leg === null || reply === null) return failure(second);
    if (a.isEnded) return 'the first side has left';
    leg.ack();
    a.ack(reply.body);
    return this.#joined(a, leg);
  }

  /** The second side offers, the first answers in a re-INVITE. */
  async #flowTwo(a: Leg): Promise<string> {
    const second = await this.#dial(a, this.#wanted.b, this.#wanted.a.uri, {});
    const { leg, reply } = second;
    if (leg === null || reply === null) return failure(second);
    const answered = await reinvite(a, reply.body);
    if (answered.reply === null || answered.code >= 300) return `${answered.code} to the offer of the second side`;
    a.ack();
    leg.ack(answered.reply.body);
    return this.#joined(a, leg);
  }

  #joined(a: Leg, b: Leg): string {
    const call = this.#call;
    a.peer = b;
    b.peer = a;
    call.markAnswered();
    call.post(() => {
      const veto = call.fire('confirmed', a);
      return veto instanceof Promise ? veto.then(() => {}) : undefined;
    });
    return '';
  }

  #dial(caller: Leg | null, target: Target, other: string, form: LegRequest): Promise<DialResult> {
    const { from } = this.#wanted;
    return new Promise((resolve) =>
      this.#call.post(() => this.#call.dialFrom(caller, `<${from || other}>`, [target], form, resolve)),
    );
  }
}

function failure({ code, reason }: DialResult): string {
  return `${code} ${reason}`;
}
