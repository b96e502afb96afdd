import type { LookupFunction } from 'node:net';
import type { ClientOptions, WebSocket } from 'ws';
import type { Random } from '../timer/clock.ts';
import { Timer } from '../timer/timer.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import { ipFamily } from './ip-address.ts';
import type { UdpAnswer, UdpPatience } from './udp-client.ts';

/** Where a WebSocket client's peer listens. */
export interface WebSocketPeerAddress {
  /** `ws://host:port/path`, `wss://…`: certificates are checked against the name. */
  readonly url: string;
  /** The host's address. */
  readonly ip: string;
}

export interface WebSocketClientOptions {
  readonly wheel: TimerWheel;
  readonly random: Random;
  /** Subprotocol (RFC 6455 §1.9) that the server must agree to. */
  readonly protocol: string;
  /** Address to connect from; the system's choice where not given. */
  readonly localAddress?: string;
  /** Authorities that are trusted in place of those that Node.js knows, PEM. */
  readonly ca?: string;
}

const COOKIE_LENGTH = 12;
/** Bytes of an answer at most. */
const MAX_ANSWER_BYTES = 1 << 20;

interface Pending {
  readonly link: Link;
  readonly timer: Timer;
  readonly done: (answer: UdpAnswer) => void;
}

/** A connection, or one that is being made. */
interface Link {
  /** Null until the library is loaded. */
  socket: WebSocket | null;
  isOpen: boolean;
  /** What waits for it to be open. */
  readonly waiting: Buffer[];
}

/**
 * The same as `UdpClient` for servers that take such requests over WebSocket (rtpengine): each is a binary message, its
 * first word a cookie that the answer repeats. Connections are made when they are needed and stay; when one breaks, what
 * waits for an answer on it is refused.
 */
export class WebSocketClient {
  readonly #options: WebSocketClientOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #links = new Map<string, Link>();
  #isClosed = false;

  constructor(options: WebSocketClientOptions) {
    this.#options = options;
  }

  /** Sends `payload` (latin1), once, and waits as long as for all tries. Never rejects. */
  ask(peer: WebSocketPeerAddress, payload: string, patience: UdpPatience): Promise<UdpAnswer> {
    if (this.#isClosed) return Promise.resolve({ ok: false, why: 'closed' });
    return new Promise((resolve) => {
      const { random, wheel } = this.#options;
      const cookie = random.token(COOKIE_LENGTH);
      const link = this.#linkTo(peer);
      const timer = new Timer((key: string) => this.#timedOut(key), cookie);
      this.#pending.set(cookie, { link, timer, done: resolve });
      wheel.arm(timer, patience.timeoutMs * Math.max(1, patience.tries));
      const bytes = Buffer.from(`${cookie} ${payload}`, 'latin1');
      if (link.isOpen) link.socket?.send(bytes);
      else link.waiting.push(bytes);
    });
  }

  /** Gives up what is under way and closes the connections. */
  close(): void {
    this.#isClosed = true;
    for (const cookie of this.#pending.keys()) this.#end(cookie, { ok: false, why: 'closed' });
    for (const { socket } of this.#links.values()) socket?.terminate();
    this.#links.clear();
  }

  #linkTo(peer: WebSocketPeerAddress): Link {
    const key = `${peer.ip} ${peer.url}`;
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    const link: Link = { socket: null, isOpen: false, waiting: [] };
    this.#links.set(key, link);
    this.#connect(key, link, peer).catch(() => this.#gone(key, link));
    return link;
  }

  async #connect(key: string, link: Link, { url, ip }: WebSocketPeerAddress): Promise<void> {
    // Few servers need it: it is loaded when one does.
    const { WebSocket } = await import('ws');
    if (this.#isClosed) return;
    const { protocol, localAddress, ca } = this.#options;
    // The name has been looked up.
    const lookup: LookupFunction = (_host, { all }, done) => {
      const family = ipFamily(ip);
      if (all === true) done(null, [{ address: ip, family }]);
      else done(null, ip, family);
    };
    const options: ClientOptions & { readonly lookup: LookupFunction } = {
      lookup,
      perMessageDeflate: false,
      maxPayload: MAX_ANSWER_BYTES,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(ca === undefined ? {} : { ca }),
    };
    const socket = new WebSocket(url, protocol, options);
    link.socket = socket;
    socket.on('open', () => {
      link.isOpen = true;
      for (const bytes of link.waiting.splice(0)) socket.send(bytes);
    });
    socket.on('message', (data) => this.#received(link, (data as Buffer).latin1Slice()));
    // `close` follows.
    socket.on('error', () => {});
    socket.on('close', () => this.#gone(key, link));
  }

  #received(link: Link, text: string): void {
    const space = text.indexOf(' ');
    if (space < 0) return;
    const cookie = text.slice(0, space);
    if (this.#pending.get(cookie)?.link === link) this.#end(cookie, { ok: true, text: text.slice(space + 1) });
  }

  #timedOut(cookie: string): void {
    const link = this.#pending.get(cookie)?.link;
    this.#end(cookie, { ok: false, why: 'timeout' });
    // Who does not even finish the handshake gets a new connection next time.
    if (link !== undefined && !link.isOpen) link.socket?.terminate();
  }

  /** The connection has ended, or never was: what waits on it waits in vain. */
  #gone(key: string, link: Link): void {
    if (this.#links.get(key) === link) this.#links.delete(key);
    link.isOpen = false;
    for (const [cookie, pending] of this.#pending)
      if (pending.link === link) this.#end(cookie, { ok: false, why: 'refused' });
  }

  #end(cookie: string, answer: UdpAnswer): void {
    const pending = this.#pending.get(cookie);
    if (pending === undefined) return;
    this.#pending.delete(cookie);
    this.#options.wheel.cancel(pending.timer);
    pending.done(answer);
  }
}
