import { challengeOf, digestAnswer } from './digest-client.ts';
import { type RequestOptions, type ResponseOptions, request, response, type TestMsg } from './msg.ts';
import { type Expected, fits } from './sip-peer.ts';
import { openWire, type PhoneTransport, VIA_NAMES, type Wire } from './wire.ts';

export interface PhoneOptions {
  /** User of the account. */
  readonly name: string;
  readonly domain: string;
  /** Without one, challenges are not answered. */
  readonly password?: string;
  /** Of the server, on loopback. */
  readonly serverPort: number;
  readonly transport?: PhoneTransport;
  /** The address it sends from; 127.0.0.1 where not given. */
  readonly ip?: string;
  /** `host:port` it believes to have, for Via and Contact, where that is not the one it sends from. */
  readonly inside?: string;
  /** Put into its branches and Call-IDs, where phones of one name must not be taken for one another. */
  readonly series?: string;
  /** Origin of a WebSocket's handshake. */
  readonly origin?: string;
  /** Told of every message that a wait takes. */
  readonly onTaken?: (phone: SoftPhone, msg: TestMsg) => void;
}

/** One side of a dialog: who it is to, and where its requests go. */
interface Dialog {
  readonly callId: string;
  readonly from: string;
  readonly to: string;
  readonly target: string;
  readonly route: readonly string[];
}

/** How long a phone waits for what must come, milliseconds. */
const PATIENCE_MS = 5000;

/** A phone of an account: registers, answers challenges, calls and is called, over any transport. */
export class SoftPhone {
  readonly name: string;
  readonly aor: string;
  readonly contact: string;
  /** Heard and not yet taken, oldest first; repetitions of what was heard are left out. */
  readonly inbox: TestMsg[] = [];
  /** The same address and port as its URI and Via have them. */
  readonly address: string;
  readonly #options: PhoneOptions;
  readonly #wire: Wire;
  readonly #heard = new Set<string>();
  #wake: (() => void) | null = null;
  #count = 0;

  private constructor(options: PhoneOptions, wire: Wire, early: readonly string[]) {
    const transport = options.transport ?? 'udp';
    this.#options = options;
    this.#wire = wire;
    this.name = options.name;
    this.aor = `sip:${options.name}@${options.domain}`;
    this.address = options.inside ?? wire.address;
    const parameter = transport === 'udp' ? '' : `;transport=${transport === 'wss' ? 'ws' : transport}`;
    this.contact = `sip:${options.name}@${this.address}${parameter}`;
    for (const text of early) this.#hear(text);
    wire.hear = (text) => this.#hear(text);
  }

  static async open(options: PhoneOptions): Promise<SoftPhone> {
    const early: string[] = [];
    const wire = await openWire(options.transport ?? 'udp', options, (text) => early.push(text));
    return new SoftPhone(options, wire, early);
  }

  /** `host:port` that its messages come from. */
  get source(): string {
    return this.#wire.source;
  }

  /** A request from its own address of record; a fresh transaction, and a fresh call unless told otherwise. */
  request(method: string, uri: string, options: RequestOptions = {}): string {
    const cseq = ++this.#count;
    const id = `${this.name}-${this.#options.series ?? ''}${cseq}`;
    return request(method, uri, {
      from: `<${this.aor}>`,
      fromTag: `${this.name}-tag`,
      sentBy: this.address,
      transport: VIA_NAMES[this.#options.transport ?? 'udp'],
      branch: `z9hG4bK-${id}`,
      callId: id,
      cseq,
      contact: `<${this.contact}>`,
      ...options,
    });
  }

  sends(text: string): void {
    this.#wire.send(text);
  }

  /** Answers a request. Returns what it sent. */
  replies(req: TestMsg, status: number, options: ResponseOptions = {}): string {
    const isDialog = status > 100 && status < 300 && req.method !== 'BYE';
    const contact = isDialog ? { contact: `<${this.contact}>` } : {};
    const text = response(req, status, { toTag: `${this.name}-tag`, ...contact, ...options });
    this.sends(text);
    return text;
  }

  /** The oldest message that fits, waited for; rejects when none comes. */
  async hears(expected: Expected, withinMs = PATIENCE_MS): Promise<TestMsg> {
    const end = performance.now() + withinMs;
    for (;;) {
      const at = this.inbox.findIndex((msg) => fits(msg, expected));
      const [msg] = at < 0 ? [] : this.inbox.splice(at, 1);
      if (msg !== undefined) {
        this.#options.onTaken?.(this, msg);
        return msg;
      }
      const left = end - performance.now();
      if (left <= 0) {
        const others = this.inbox.map(({ startLine }) => startLine).join(', ') || 'nothing';
        throw new Error(`${this.name} waited for ${String(expected)}; heard: ${others}`);
      }
      await this.#arrival(left);
    }
  }

  /** True where nothing that fits comes in that time. */
  async hearsNothing(withinMs: number, expected: Expected = () => true): Promise<boolean> {
    const end = performance.now() + withinMs;
    for (let left = withinMs; left > 0; left = end - performance.now()) {
      if (this.inbox.some((msg) => fits(msg, expected))) return false;
      await this.#arrival(left);
    }
    return !this.inbox.some((msg) => fits(msg, expected));
  }

  /** Sends a request, once more with an answer to a challenge; the final reply, an INVITE's refusal acknowledged. */
  async asks(method: string, uri: string, options: RequestOptions = {}): Promise<TestMsg> {
    const { final } = await this.#asks(method, uri, options);
    return final;
  }

  /** REGISTER; 0 seconds for the end of the registration. */
  async registers(seconds = 600, options: RequestOptions = {}): Promise<TestMsg> {
    const headers = { Expires: seconds, ...options.headers };
    return await this.asks('REGISTER', `sip:${this.#options.domain}`, { to: `<${this.aor}>`, ...options, headers });
  }

  /** INVITE, up to the point where it has been let in: with credentials where they are asked for. */
  async invites(uri: string, options: RequestOptions = {}): Promise<string> {
    const first = this.request('INVITE', uri, options);
    this.sends(first);
    const msg = await this.hears((each) => each.cseqMethod === 'INVITE' && each.status > 0);
    if (msg.status !== 401 && msg.status !== 407) return first;
    this.acknowledges(first, msg);
    const second = this.#withCredentials('INVITE', uri, options, msg);
    this.sends(second);
    await this.hears(100);
    return second;
  }

  /** ACK of a refusal: the same transaction (RFC 3261 §17.1.1.3). */
  acknowledges(invite: string, refusal: TestMsg): void {
    this.sends(derived(invite, 'ACK').replace(/\r\nTo: [^\r]*/, `\r\nTo: ${refusal.get('To')}`));
  }

  /** CANCEL of its INVITE. */
  cancels(invite: string): void {
    this.sends(derived(invite, 'CANCEL').replace(/\r\nTo: ([^\r]*)/, '\r\nTo: $1'));
  }

  /** A request within the dialog that its INVITE and the 2xx to it made. */
  callerSends(method: string, accepted: TestMsg, cseq: number, options: RequestOptions = {}): void {
    this.#sendIn(method, callerDialog(accepted), cseq, options);
  }

  /** A request within the dialog that it has accepted with `reply`. */
  calleeSends(method: string, invite: TestMsg, reply: string, options: RequestOptions = {}): void {
    this.#sendIn(method, calleeDialog(invite, reply), 900 + ++this.#count, options);
  }

  close(): void {
    this.#wire.close();
  }

  #sendIn(method: string, dialog: Dialog, cseq: number, options: RequestOptions): void {
    const { callId, from, to, target, route } = dialog;
    this.sends(this.request(method, target, { callId, from, fromTag: '', to, route, cseq, ...options }));
  }

  async #asks(method: string, uri: string, options: RequestOptions): Promise<{ sent: string; final: TestMsg }> {
    let sent = this.request(method, uri, options);
    this.sends(sent);
    let final = await this.#final(method, sent);
    if ((final.status === 401 || final.status === 407) && this.#options.password !== undefined) {
      sent = this.#withCredentials(method, uri, options, final);
      this.sends(sent);
      final = await this.#final(method, sent);
    }
    return { sent, final };
  }

  async #final(method: string, sent: string): Promise<TestMsg> {
    const final = await this.hears((msg) => msg.status >= 200 && msg.cseqMethod === method);
    if (method === 'INVITE' && final.status >= 300) this.acknowledges(sent, final);
    return final;
  }

  #withCredentials(method: string, uri: string, options: RequestOptions, reply: TestMsg): string {
    const { name: user, password = '' } = this.#options;
    const header = reply.status === 401 ? 'Authorization' : 'Proxy-Authorization';
    const answer = digestAnswer(challengeOf(reply), { user, password, method, uri });
    const callId = reply.get('Call-ID');
    return this.request(method, uri, { callId, ...options, headers: { ...options.headers, [header]: answer } });
  }

  #hear(text: string): void {
    if (this.#heard.has(text)) return;
    this.#heard.add(text);
    this.inbox.push(this.#wire.read(text));
    this.#wake?.();
  }

  #arrival(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, withinMs);
      this.#wake = done;
    });
  }
}

/** The request of another method in an INVITE's transaction. */
function derived(invite: string, method: string): string {
  const end = invite.indexOf('\r\n\r\n');
  return `${invite
    .slice(0, end)
    .replace(/^INVITE/, method)
    .replace(/\r\nCSeq: (\d+) INVITE/, `\r\nCSeq: $1 ${method}`)
    .replace(/\r\nContent-Type: [^\r]*/, '')
    .replace(/\r\nContent-Length: \d+/, '\r\nContent-Length: 0')}\r\n\r\n`;
}

/** The values of a header, comma-joined ones apart. */
function values(msg: TestMsg, name: string): string[] {
  return msg.all(name).flatMap((value) => value.split(/,\s*(?=<)/));
}

function uriOf(contact: string): string {
  return /<([^>]*)>/.exec(contact)?.[1] ?? contact;
}

function callerDialog(accepted: TestMsg): Dialog {
  return {
    callId: accepted.get('Call-ID'),
    from: accepted.get('From'),
    to: accepted.get('To'),
    target: uriOf(accepted.get('Contact')),
    route: values(accepted, 'Record-Route').reverse(),
  };
}

function calleeDialog(invite: TestMsg, reply: string): Dialog {
  return {
    callId: invite.get('Call-ID'),
    from: /\r\nTo: ([^\r]*)/.exec(reply)?.[1] ?? '',
    to: invite.get('From'),
    target: uriOf(invite.get('Contact')),
    route: values(invite, 'Record-Route'),
  };
}
