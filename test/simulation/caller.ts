import type { Clock, ClockHandle, Random } from '../../core/timer/clock.ts';
import type { UdpEndpoint } from '../../core/transport/drivers.ts';
import { request, TestMsg } from '../support/msg.ts';
import { Talker } from './talker.ts';

const T1_MS = 500;
const GIVE_UP_MS = 64 * T1_MS;

export interface CallPlan {
  readonly uri: string;
  /** ms after the INVITE at which the caller gives up, if there is no final reply by then; Infinity never. */
  readonly cancelAfterMs: number;
  /** ms after a 2xx at which it hangs up. */
  readonly talkMs: number;
  readonly method: 'INVITE' | 'MESSAGE';
}

/** What a call came to at the caller. */
export interface CallRecord {
  readonly callId: string;
  readonly plan: CallPlan;
  /** `status tag` of each final reply, once each, in the order they came. */
  readonly finals: string[];
  provisionals: number;
  /** No reply at all came in 64 T1. */
  isTimedOut: boolean;
  readonly byeStatuses: number[];
  cancelStatus: number;
}

interface Client {
  readonly text: string;
  readonly branch: string;
  intervalMs: number;
  handle: ClockHandle | null;
  isInvite: boolean;
  onReply: (msg: TestMsg) => void;
  isOver: boolean;
}

/** The calling side of RFC 3261 §13.2 and §17.1, written for itself: it must not share the server's mistakes. */
export class Caller {
  readonly records: CallRecord[] = [];
  readonly #clock: Clock;
  readonly #endpoint: UdpEndpoint;
  readonly #proxy: { readonly ip: string; readonly port: number };
  readonly #name: string;
  readonly #sentBy: string;
  readonly #clients = new Map<string, Client>();
  #count = 0;
  /** By Call-ID: calls in which it does more than wait; null where it never does. */
  readonly #talkers = new Map<string, Talker>();
  readonly #talks: Random | null;

  constructor(
    clock: Clock,
    endpoint: UdpEndpoint,
    ip: string,
    name: string,
    proxy: { ip: string; port: number },
    talks: Random | null = null,
  ) {
    this.#talks = talks;
    this.#clock = clock;
    this.#endpoint = endpoint;
    this.#proxy = proxy;
    this.#name = name;
    this.#sentBy = `${ip}:${endpoint.port}`;
  }

  hears(text: string): void {
    const msg = new TestMsg(text);
    if (this.#talkers.get(msg.get('Call-ID'))?.hears(msg) === true || msg.status === 0) return;
    const client = this.#clients.get(`${msg.branch} ${msg.cseqMethod}`);
    client?.onReply(msg);
  }

  starts(plan: CallPlan): void {
    const callId = `${this.#name}-${++this.#count}`;
    const record: CallRecord = {
      callId,
      plan,
      finals: [],
      provisionals: 0,
      isTimedOut: false,
      byeStatuses: [],
      cancelStatus: 0,
    };
    this.records.push(record);
    const text = this.#request(plan.method, plan.uri, callId, 1, this.#branch(), '');
    const client = this.#send(text, plan.method, (msg) => this.#onReply(record, client, msg));
    this.#clock.schedule(GIVE_UP_MS, () => {
      if (record.provisionals === 0 && record.finals.length === 0) record.isTimedOut = true;
      if (record.provisionals === 0 || plan.method !== 'INVITE') this.#over(client);
    });
    if (plan.method === 'INVITE' && Number.isFinite(plan.cancelAfterMs))
      this.#clock.schedule(plan.cancelAfterMs, () => this.#cancel(record, client));
  }

  #onReply(record: CallRecord, client: Client, msg: TestMsg): void {
    if (msg.status < 200) {
      record.provisionals++;
      if (client.isInvite) this.#over(client);
      return;
    }
    this.#over(client);
    const final = `${msg.status} ${msg.param('To', 'tag')}`;
    const isNew = !record.finals.includes(final);
    if (isNew) record.finals.push(final);
    if (!client.isInvite) return;
    if (msg.status >= 300) this.#out(this.#ackOf(client, msg));
    else this.#answered(record, msg, isNew);
  }

  /** Each 2xx is acknowledged, repeated ones with the same ACK; each dialog is ended (RFC 3261 §13.2.2.4). */
  #answered(record: CallRecord, msg: TestMsg, isNew: boolean): void {
    const target = /<([^>]*)>/.exec(msg.get('Contact'))?.[1] ?? record.plan.uri;
    const tag = msg.param('To', 'tag');
    const routes = msg.all('Record-Route').reverse();
    this.#out(
      this.#request('ACK', target, record.callId, 1, `z9hG4bK-${this.#name}-ack-${tag}-${record.callId}`, tag, routes),
    );
    if (!isNew) return;
    if (this.#talks !== null) return this.#talk(record, msg, target, this.#talks);
    this.#clock.schedule(record.plan.talkMs, () => {
      const bye = this.#request('BYE', target, record.callId, 2, this.#branch(), tag, routes);
      const client = this.#send(bye, 'BYE', (reply) => {
        if (reply.status < 200) return;
        this.#over(client);
        record.byeStatuses.push(reply.status);
      });
      this.#clock.schedule(GIVE_UP_MS, () => this.#over(client));
    });
  }

  /** The same in a call that is changed while it lasts. */
  #talk(record: CallRecord, msg: TestMsg, target: string, random: Random): void {
    const dialog = {
      callId: record.callId,
      from: `<sip:${this.#name}@example.org>`,
      fromTag: `${this.#name}-tag`,
      to: '<sip:someone@example.org>',
      toTag: msg.param('To', 'tag'),
      target,
      contact: `<sip:${this.#name}@${this.#sentBy}>`,
      sentBy: this.#sentBy,
      cseq: 1,
    };
    const talker = new Talker(this.#clock, random, dialog, (text) => this.#out(text));
    this.#talkers.set(record.callId, talker);
    talker.starts(record.plan.talkMs);
  }

  /** CANCEL once a provisional reply allows it (RFC 3261 §9.1). */
  #cancel(record: CallRecord, invite: Client): void {
    if (record.finals.length > 0 || record.isTimedOut) return;
    if (record.provisionals === 0) {
      this.#clock.schedule(T1_MS, () => this.#cancel(record, invite));
      return;
    }
    const text = invite.text.replace(/^INVITE/, 'CANCEL').replace('CSeq: 1 INVITE', 'CSeq: 1 CANCEL');
    const client = this.#send(text, 'CANCEL', (msg) => {
      if (msg.status < 200) return;
      this.#over(client);
      record.cancelStatus = msg.status;
    });
    this.#clock.schedule(GIVE_UP_MS, () => this.#over(client));
  }

  /** Sends a request, again and again until `over` (RFC 3261 §17.1). */
  #send(text: string, method: string, onReply: (msg: TestMsg) => void): Client {
    const { branch } = new TestMsg(text);
    const isInvite = method === 'INVITE';
    const client: Client = { text, branch, intervalMs: T1_MS, handle: null, isInvite, onReply, isOver: false };
    this.#clients.set(`${branch} ${method}`, client);
    const again = (): void => {
      if (client.isOver) return;
      this.#out(text);
      client.handle = this.#clock.schedule(client.intervalMs, again);
      client.intervalMs = isInvite ? client.intervalMs * 2 : Math.min(client.intervalMs * 2, 4000);
    };
    again();
    return client;
  }

  #over(client: Client): void {
    client.isOver = true;
    if (client.handle !== null) this.#clock.unschedule(client.handle);
    client.handle = null;
  }

  #ackOf(client: Client, reply: TestMsg): string {
    const ack = client.text.replace(/^INVITE/, 'ACK').replace('CSeq: 1 INVITE', 'CSeq: 1 ACK');
    return ack.replace(/To: [^\r]*/, `To: ${reply.get('To')}`);
  }

  #request(
    method: string,
    uri: string,
    callId: string,
    cseq: number,
    branch: string,
    toTag: string,
    route: readonly string[] = [],
  ): string {
    return request(method, uri, {
      from: `<sip:${this.#name}@example.org>`,
      fromTag: `${this.#name}-tag`,
      to: '<sip:someone@example.org>',
      ...(toTag === '' ? {} : { toTag }),
      sentBy: this.#sentBy,
      branch,
      callId,
      cseq,
      route,
      contact: `<sip:${this.#name}@${this.#sentBy}>`,
    });
  }

  #branch(): string {
    return `z9hG4bK-${this.#name}-${++this.#count}`;
  }

  #out(text: string): void {
    this.#endpoint.send(text, this.#proxy.ip, this.#proxy.port);
  }
}
