import type { Clock, Random } from '../../core/timer/clock.ts';
import type { UdpEndpoint } from '../../core/transport/drivers.ts';
import { request, response, TestMsg } from '../support/msg.ts';
import type { SimNetwork } from '../support/sim-network.ts';

/** A dialog of a phone's. */
export interface PhoneDialog {
  readonly callId: string;
  readonly own: string;
  readonly ownTag: string;
  readonly other: string;
  readonly otherTag: string;
  readonly target: string;
  cseq: number;
  state: 'up' | 'ending' | 'ended';
}

const SDP = 'v=0\r\no=p 1 1 IN IP4 10.0.0.9\r\ns=-\r\nc=IN IP4 10.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n';

/** A phone that rings, answers most calls, and does in its dialogs what it is told to. The network loses nothing. */
export class Phone {
  readonly name: string;
  readonly dialogs: PhoneDialog[] = [];
  /** Calls of its own that have no final reply: the INVITE, by Call-ID. */
  readonly calling = new Map<string, string>();
  /** Calls that ring here: the INVITE, by branch. */
  readonly #ringing = new Map<string, TestMsg>();
  readonly #ip: string;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #server: string;
  #endpoint: UdpEndpoint | null = null;
  #last = 0;

  constructor(name: string, ip: string, server: string, clock: Clock, random: Random) {
    this.name = name;
    this.#ip = ip;
    this.#server = server;
    this.#clock = clock;
    this.#random = random;
  }

  async opens(network: SimNetwork): Promise<void> {
    const { udp } = network.host(this.#ip);
    const heard = (text: string, ip: string, port: number): void => this.#hear(new TestMsg(text, ip, port));
    this.#endpoint = await udp.open({ address: this.#ip, port: 5060, family: 4 }, heard, (error) => {
      throw error;
    });
  }

  /** Whether everything that was answered has ended, by a BYE of either side. */
  get faults(): string[] {
    return this.dialogs.flatMap(({ state, callId }) =>
      state === 'ended' ? [] : [`${this.name}: ${callId} is ${state}`],
    );
  }

  calls(user: string, headers: Record<string, string> = {}): void {
    const callId = `${this.name}-${++this.#last}-${this.#random.token(4)}`;
    const text = request('INVITE', `sip:${user}@${this.#server}`, {
      ...this.#ids(),
      callId,
      fromTag: callId,
      to: `<sip:${user}@${this.#server}>`,
      headers,
      body: SDP,
    });
    this.calling.set(callId, text);
    this.#sends(text);
  }

  gives(callId: string): void {
    const text = this.calling.get(callId);
    if (text === undefined) return;
    const cancel = text.replace(/^INVITE/, 'CANCEL').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 CANCEL');
    const head = cancel.slice(0, cancel.indexOf('\r\n\r\n') + 4);
    this.#sends(head.replace(/Content-Type: [^\r]*\r\n/, '').replace(/Content-Length: \d+/, 'Content-Length: 0'));
  }

  /** A request in a dialog. */
  says(dialog: PhoneDialog, method: string, headers: Record<string, string> = {}): void {
    if (dialog.state !== 'up') return;
    if (method === 'BYE') dialog.state = 'ending';
    this.#sends(
      request(method, dialog.target, {
        ...this.#inDialog(dialog),
        cseq: ++dialog.cseq,
        headers,
        ...(method === 'INVITE' ? { body: SDP } : {}),
      }),
    );
  }

  #inDialog({ callId, own, ownTag, other, otherTag }: PhoneDialog) {
    return { ...this.#ids(), callId, from: own, fromTag: ownTag, to: other, toTag: otherTag };
  }

  #ids() {
    const contact = `<sip:${this.name}@${this.#ip}:5060>`;
    const branch = `z9hG4bK-${this.name}-${++this.#last}`;
    return { sentBy: `${this.#ip}:5060`, from: `<sip:${this.name}@${this.#server}>`, branch, contact };
  }

  #sends(text: string, ip = this.#server, port = 5060): void {
    this.#endpoint?.send(text, ip, port);
  }

  #hear(msg: TestMsg): void {
    if (msg.method !== '') this.#request(msg);
    else if (msg.status >= 200) this.#final(msg);
  }

  #request(msg: TestMsg): void {
    const tag = msg.param('To', 'tag');
    if (msg.method === 'ACK') return;
    if (msg.method === 'INVITE' && tag === '') return this.#rings(msg);
    if (msg.method === 'CANCEL') return this.#cancelled(msg);
    if (msg.method === 'BYE') for (const each of this.dialogs) if (isOf(each, msg, tag)) each.state = 'ended';
    this.#reply(msg, 200, tag, msg.method === 'INVITE' ? { body: SDP } : {});
  }

  #rings(msg: TestMsg): void {
    const known = this.#ringing.has(msg.branch);
    if (known) return;
    this.#ringing.set(msg.branch, msg);
    const tag = this.#random.token(8);
    this.#clock.schedule(5 + this.#random.int(50), () => this.#reply(msg, 180, tag));
    const kind = this.#random.int(10);
    if (kind === 0) return;
    this.#clock.schedule(100 + this.#random.int(4000), () => {
      if (!this.#ringing.delete(msg.branch)) return;
      if (kind < 3) return this.#reply(msg, 486, tag);
      this.#reply(msg, 200, tag, { body: SDP });
      const [own, other] = [bare(msg, 'To'), bare(msg, 'From')];
      this.#begins({ callId: msg.get('Call-ID'), own, ownTag: tag, other, otherTag: msg.param('From', 'tag') }, msg);
    });
  }

  #begins(ids: Pick<PhoneDialog, 'callId' | 'own' | 'ownTag' | 'other' | 'otherTag'>, msg: TestMsg): void {
    const target = /<([^>]*)>/.exec(msg.get('Contact'))?.[1] ?? '';
    this.dialogs.push({ ...ids, target, cseq: 1, state: 'up' });
  }

  #cancelled(msg: TestMsg): void {
    const invite = this.#ringing.get(msg.branch);
    this.#reply(msg, 200, 'cancel');
    if (invite === undefined || !this.#ringing.delete(msg.branch)) return;
    this.#reply(invite, 487, 'cancelled');
  }

  #reply(msg: TestMsg, status: number, toTag: string, more: { body?: string } = {}): void {
    const contact = `<sip:${this.name}@${this.#ip}:5060>`;
    this.#sends(response(msg, status, { toTag, contact, ...more }), msg.srcIp, msg.srcPort);
  }

  #final(msg: TestMsg): void {
    const callId = msg.get('Call-ID');
    const [tag, ownTag] = [msg.param('To', 'tag'), msg.param('From', 'tag')];
    const dialog = this.dialogs.find(
      (each) => each.callId === callId && each.ownTag === ownTag && each.otherTag === tag,
    );
    if (msg.cseqMethod === 'BYE' && dialog !== undefined && msg.status < 300) dialog.state = 'ended';
    if (msg.cseqMethod !== 'INVITE') return;
    if (msg.status >= 300) return this.#refused(msg, callId);
    if (dialog === undefined) {
      this.calling.delete(callId);
      const [own, other] = [bare(msg, 'From'), bare(msg, 'To')];
      this.#begins({ callId, own, ownTag, other, otherTag: tag }, msg);
    }
    const made = dialog ?? this.dialogs.at(-1);
    if (made !== undefined) this.#sends(request('ACK', made.target, { ...this.#inDialog(made), cseq: msg.cseqNumber }));
  }

  #refused(msg: TestMsg, callId: string): void {
    const invite = this.calling.get(callId);
    this.calling.delete(callId);
    const branch = msg.branch;
    const to = bare(msg, 'To');
    this.#sends(
      request('ACK', new TestMsg(invite ?? request('INVITE', `sip:${this.#server}`)).startLine.split(' ')[1] ?? '', {
        ...this.#ids(),
        branch,
        callId,
        from: bare(msg, 'From'),
        fromTag: msg.param('From', 'tag'),
        to,
        toTag: msg.param('To', 'tag'),
        cseq: msg.cseqNumber,
      }),
    );
  }
}

function bare(msg: TestMsg, name: string): string {
  return msg.get(name).replace(/;tag=.*/, '');
}

function isOf(dialog: PhoneDialog, msg: TestMsg, tag: string): boolean {
  return dialog.callId === msg.get('Call-ID') && dialog.ownTag === tag;
}
