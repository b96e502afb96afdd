import type { Clock } from '../../core/timer/clock.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type {
  StreamConnection,
  StreamDriver,
  StreamListener,
  UdpDriver,
  UdpEndpoint,
} from '../../core/transport/drivers.ts';
import { type RequestOptions, type ResponseOptions, request, response, TestMsg } from './msg.ts';

/** What to wait for: a method, a status, a class such as `2xx`, or a test of one's own. */
export type Expected = string | number | ((msg: TestMsg) => boolean);

export interface PeerOptions {
  readonly clock: Clock;
  /** For error texts and URIs. */
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
  /** Where `sends` goes when it is not told. */
  readonly target?: { readonly ip: string; readonly port: number };
  /** How long `receives` waits, milliseconds of the clock; 2000 where not given. */
  readonly patienceMs?: number;
}

/**
 * A scripted user agent: says what the test tells it to and keeps what it hears. On a virtual clock its waiting moves
 * the time; on the real one it really waits. Messages that a wait passes over stay for later waits.
 */
export class SipPeer {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly proto: 'UDP' | 'TCP';
  target: { ip: string; port: number };
  /** Heard and not yet taken by a `receives`, oldest first. */
  readonly inbox: TestMsg[] = [];
  /** Every message heard, for counting. */
  readonly heard: TestMsg[] = [];
  /** Answers at once and by itself where it returns a text; the message is then not put into the inbox. */
  autoReply: ((msg: TestMsg) => string | null) | null = null;
  readonly #clock: Clock;
  readonly #patienceMs: number;
  readonly #waiters = new Set<() => void>();
  #endpoint: UdpEndpoint | null = null;
  #listener: StreamListener | null = null;
  readonly #connections: StreamConnection[] = [];
  #branches = 0;

  private constructor(options: PeerOptions, proto: 'UDP' | 'TCP', ip: string, port: number) {
    this.#clock = options.clock;
    this.#patienceMs = options.patienceMs ?? 2000;
    this.name = options.name;
    this.proto = proto;
    this.ip = ip;
    this.port = port;
    this.target = options.target ?? { ip: '127.0.0.1', port: 5060 };
  }

  static async udp(driver: UdpDriver, options: PeerOptions): Promise<SipPeer> {
    const address = options.address ?? '127.0.0.1';
    const early: [string, string, number][] = [];
    let peer: SipPeer | null = null;
    const endpoint = await driver.open(
      { address, port: options.port ?? 0, family: address.includes(':') ? 6 : 4 },
      (text, ip, port) => (peer === null ? early.push([text, ip, port]) : peer.#hear(text, ip, port, null)),
      (error) => {
        throw error;
      },
    );
    peer = new SipPeer(options, 'UDP', address, endpoint.port);
    peer.#endpoint = endpoint;
    for (const [text, ip, port] of early) peer.#hear(text, ip, port, null);
    return peer;
  }

  /** Listens for streams; replies go back on the connection their request came on. */
  static async tcp(driver: StreamDriver, options: PeerOptions): Promise<SipPeer> {
    const address = options.address ?? '127.0.0.1';
    let peer: SipPeer | null = null;
    const listener = await driver.listen(
      { address, port: options.port ?? 0, family: address.includes(':') ? 6 : 4 },
      (conn) => {
        if (peer !== null) peer.#adopt(conn);
      },
      (error) => {
        throw error;
      },
    );
    peer = new SipPeer(options, 'TCP', address, listener.port);
    peer.#listener = listener;
    return peer;
  }

  /** Connects to `target` at once; all it sends goes over that connection. */
  static async tcpClient(driver: StreamDriver, options: PeerOptions): Promise<SipPeer> {
    const target = options.target ?? { ip: '127.0.0.1', port: 5060 };
    const connecting = driver.connect({ ...target, timeoutMs: options.patienceMs ?? 2000 });
    const conn =
      options.clock instanceof VirtualClock ? await options.clock.runUntilSettled(connecting) : await connecting;
    const peer = new SipPeer(options, 'TCP', conn.localIp, conn.localPort);
    peer.#adopt(conn);
    return peer;
  }

  /** `sip:alice@10.0.0.1:5060`, the address it can be reached at. */
  get uri(): string {
    const host = this.ip.includes(':') ? `[${this.ip}]` : this.ip;
    return `sip:${this.name}@${host}:${this.port}${this.proto === 'TCP' ? ';transport=tcp' : ''}`;
  }

  get sentBy(): string {
    return this.ip.includes(':') ? `[${this.ip}]:${this.port}` : `${this.ip}:${this.port}`;
  }

  /** A request of this peer's: its own Via with a fresh branch, From and Contact where not given. */
  request(method: string, uri: string, options: RequestOptions = {}): string {
    return request(method, uri, {
      from: `<sip:${this.name}@example.org>`,
      fromTag: `${this.name}-tag`,
      sentBy: this.sentBy,
      transport: this.proto,
      branch: `z9hG4bK-${this.name}-${++this.#branches}`,
      contact: `<${this.uri}>`,
      ...options,
    });
  }

  sends(text: string, to: { ip: string; port: number } = this.target): void {
    const conn =
      this.#connections.find((c) => c.remoteIp === to.ip && c.remotePort === to.port) ?? this.#connections[0];
    if (this.#endpoint !== null) this.#endpoint.send(text, to.ip, to.port);
    else if (conn !== undefined) conn.write(text);
    else throw new Error(`${this.name}: no connection to send on`);
  }

  /** Answers a request to where it came from. Returns what it sent. */
  replies(req: TestMsg, status: number, options: ResponseOptions = {}): string {
    const defaults: ResponseOptions = {
      toTag: `${this.name}-tag`,
      ...(status > 100 && status < 400 ? { contact: `<${this.uri}>` } : {}),
    };
    const text = response(req, status, { ...defaults, ...options });
    this.sends(text, { ip: req.srcIp, port: req.srcPort });
    return text;
  }

  /** The oldest message heard that fits, waiting for it when there is none; rejects when the time is up. */
  async receives(expected: Expected, withinMs = this.#patienceMs): Promise<TestMsg> {
    const found = this.#take(expected);
    if (found !== null) return found;
    const arrival = this.#arrival(expected, withinMs);
    if (this.#clock instanceof VirtualClock) return await this.#clock.runUntilSettled(arrival, withinMs + 1);
    return await arrival;
  }

  /** Fails when something that fits is there or comes within that time. */
  async receivesNothing(withinMs: number, expected: Expected = () => true): Promise<void> {
    if (this.#clock instanceof VirtualClock) await this.#clock.advanceAsync(withinMs);
    else await new Promise<void>((resolve) => void this.#clock.schedule(withinMs, resolve));
    const found = this.#take(expected);
    if (found !== null) throw new Error(`${this.name} received ${found.startLine}`);
  }

  /** How many messages of this kind it has heard so far. */
  count(expected: Expected): number {
    return this.heard.filter((msg) => fits(msg, expected)).length;
  }

  async close(): Promise<void> {
    this.#endpoint?.close();
    for (const conn of this.#connections) conn.destroy();
    await this.#listener?.close();
  }

  #arrival(expected: Expected, withinMs: number): Promise<TestMsg> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const msg = this.#take(expected);
        if (msg === null) return;
        this.#clock.unschedule(timeout);
        this.#waiters.delete(look);
        resolve(msg);
      };
      const timeout = this.#clock.schedule(withinMs, () => {
        this.#waiters.delete(look);
        const others = this.inbox.map((msg) => msg.startLine).join(', ') || 'nothing';
        reject(new Error(`${this.name} waited ${withinMs} ms for ${describe(expected)}; in its inbox: ${others}`));
      });
      this.#waiters.add(look);
    });
  }

  #take(expected: Expected): TestMsg | null {
    const at = this.inbox.findIndex((msg) => fits(msg, expected));
    return at < 0 ? null : (this.inbox.splice(at, 1)[0] ?? null);
  }

  #hear(text: string, ip: string, port: number, conn: StreamConnection | null): void {
    const msg = new TestMsg(text, ip, port);
    this.heard.push(msg);
    const answer = this.autoReply?.(msg) ?? null;
    if (answer !== null) {
      if (conn === null) this.#endpoint?.send(answer, ip, port);
      else conn.write(answer);
      return;
    }
    this.inbox.push(msg);
    for (const look of this.#waiters) look();
  }

  #adopt(conn: StreamConnection): void {
    this.#connections.push(conn);
    let buffered = '';
    conn.onData = (chunk) => {
      buffered += chunk;
      for (;;) {
        buffered = buffered.replace(/^(\r\n)+/, '');
        const end = buffered.indexOf('\r\n\r\n');
        if (end < 0) return;
        const length = Number(/\r\n(?:content-length|l)\s*:\s*(\d+)/i.exec(buffered.slice(0, end))?.[1] ?? 0);
        if (buffered.length < end + 4 + length) return;
        const text = buffered.slice(0, end + 4 + length);
        buffered = buffered.slice(text.length);
        this.#hear(text, conn.remoteIp, conn.remotePort, conn);
      }
    };
    conn.onClose = () => {
      const at = this.#connections.indexOf(conn);
      if (at >= 0) this.#connections.splice(at, 1);
    };
  }
}

/** True for a message that was waited for. */
export function fits(msg: TestMsg, expected: Expected): boolean {
  if (typeof expected === 'function') return expected(msg);
  if (typeof expected === 'number') return msg.status === expected;
  if (/^[1-6]xx$/.test(expected)) return Math.floor(msg.status / 100) === Number(expected[0]);
  return msg.method === expected;
}

function describe(expected: Expected): string {
  return typeof expected === 'function' ? 'a message that fits' : String(expected);
}
