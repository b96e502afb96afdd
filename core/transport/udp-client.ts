import type { Random } from '../timer/clock.ts';
import { Timer } from '../timer/timer.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import type { UdpDriver, UdpEndpoint, UdpOptions } from './drivers.ts';
import { hostPort, ipFamily } from './ip-address.ts';

/** Where a UDP client's peer listens; an IP literal without brackets. */
export interface UdpPeerAddress {
  readonly ip: string;
  readonly port: number;
}

/** How long to wait for an answer, and how often to ask. */
export interface UdpPatience {
  /** For each try. */
  readonly timeoutMs: number;
  /** Times the request is sent, at least 1. */
  readonly tries: number;
}

/** The answer without its cookie; or why there is none. */
export type UdpAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: 'timeout' | 'refused' | 'closed' };

/** What a client is made of. */
export interface UdpClientOptions {
  readonly driver: UdpDriver;
  readonly wheel: TimerWheel;
  readonly random: Random;
  /** Address to send from; the system's choice where not given. */
  readonly localAddress?: string;
  /** IP_TOS byte of what is sent; -1 or absent leaves it alone. */
  readonly tos?: number;
}

/** Characters of a cookie: enough that nobody off the path can answer in a server's place. */
const COOKIE_LENGTH = 12;
/** Sockets kept, one a server; beyond it those that wait for nothing are closed. */
const MAX_SOCKETS = 128;

/** One request under way. */
interface Pending {
  readonly datagram: string;
  readonly timer: Timer;
  readonly link: Link;
  triesLeft: number;
  readonly timeoutMs: number;
  readonly done: (answer: UdpAnswer) => void;
}

/** The socket for one server. */
interface Link {
  readonly peer: UdpPeerAddress;
  /** Null until it is open. */
  endpoint: UdpEndpoint | null;
  pending: number;
}

/**
 * Asks servers over UDP that repeat a request's first word, its cookie, in the answer (`cookie payload`): rtpengine's NG
 * protocol, rtpproxy's. What is lost is sent again, with the same cookie, so that a server can tell a repetition; an
 * answer that comes after its request was given up is dropped. Any number of requests may be under way to any number of
 * servers.
 */
export class UdpClient {
  readonly #options: UdpClientOptions;
  readonly #pending = new Map<string, Pending>();
  readonly #links = new Map<string, Link>();
  #isClosed = false;

  constructor(options: UdpClientOptions) {
    this.#options = options;
  }

  /** Requests that wait for an answer. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Sends `payload` (latin1) and waits for the answer. Never rejects. */
  ask(peer: UdpPeerAddress, payload: string, patience: UdpPatience): Promise<UdpAnswer> {
    if (this.#isClosed) return Promise.resolve({ ok: false, why: 'closed' });
    return new Promise((resolve) => {
      const cookie = this.#options.random.token(COOKIE_LENGTH);
      const link = this.#linkTo(peer);
      const pending: Pending = {
        datagram: `${cookie} ${payload}`,
        timer: new Timer((key: string) => this.#timedOut(key), cookie),
        link,
        triesLeft: Math.max(1, patience.tries),
        timeoutMs: patience.timeoutMs,
        done: resolve,
      };
      this.#pending.set(cookie, pending);
      link.pending++;
      this.#send(pending);
    });
  }

  /** Gives up what is under way and closes the sockets. */
  close(): void {
    this.#isClosed = true;
    for (const cookie of this.#pending.keys()) this.#end(cookie, { ok: false, why: 'closed' });
    for (const link of this.#links.values()) link.endpoint?.close();
    this.#links.clear();
  }

  #send(pending: Pending): void {
    const { link } = pending;
    pending.triesLeft--;
    this.#options.wheel.arm(pending.timer, pending.timeoutMs);
    link.endpoint?.send(pending.datagram, link.peer.ip, link.peer.port);
  }

  #timedOut(cookie: string): void {
    const pending = this.#pending.get(cookie);
    if (pending === undefined) return;
    if (pending.triesLeft > 0) this.#send(pending);
    else this.#end(cookie, { ok: false, why: 'timeout' });
  }

  #received(link: Link, text: string): void {
    const space = text.indexOf(' ');
    if (space < 0) return;
    const cookie = text.slice(0, space);
    if (this.#pending.get(cookie)?.link === link) this.#end(cookie, { ok: true, text: text.slice(space + 1) });
  }

  #end(cookie: string, answer: UdpAnswer): void {
    const pending = this.#pending.get(cookie);
    if (pending === undefined) return;
    this.#pending.delete(cookie);
    this.#options.wheel.cancel(pending.timer);
    pending.link.pending--;
    pending.done(answer);
  }

  /** Nobody listens there: what waits for this server waits in vain. */
  #refused(link: Link): void {
    for (const [cookie, pending] of this.#pending)
      if (pending.link === link) this.#end(cookie, { ok: false, why: 'refused' });
  }

  #linkTo(peer: UdpPeerAddress): Link {
    const key = hostPort(peer.ip, peer.port);
    const known = this.#links.get(key);
    if (known !== undefined) return known;
    if (this.#links.size >= MAX_SOCKETS) this.#closeIdle();
    const link: Link = { peer, endpoint: null, pending: 0 };
    this.#links.set(key, link);
    this.#open(link).then(
      (endpoint) => this.#opened(key, link, endpoint),
      () => {
        this.#links.delete(key);
        this.#refused(link);
      },
    );
    return link;
  }

  #opened(key: string, link: Link, endpoint: UdpEndpoint): void {
    if (this.#isClosed || this.#links.get(key) !== link) return endpoint.close();
    link.endpoint = endpoint;
    for (const pending of this.#pending.values())
      if (pending.link === link) endpoint.send(pending.datagram, link.peer.ip, link.peer.port);
  }

  #open(link: Link): Promise<UdpEndpoint> {
    const { driver, localAddress, tos = -1 } = this.#options;
    const { ip, port } = link.peer;
    const onDatagram = (text: string, srcIp: string, srcPort: number): void => {
      if (srcPort === port && srcIp === ip) this.#received(link, text);
    };
    const onError = (): void => this.#refused(link);
    if (tos < 0 && driver.dial !== undefined) {
      const local = localAddress === undefined ? {} : { localAddress };
      return driver.dial({ ip, port, ...local }, onDatagram, onError);
    }
    const family = ipFamily(ip) === 6 ? 6 : 4;
    const options: UdpOptions = { address: localAddress ?? (family === 6 ? '::' : '0.0.0.0'), port: 0, family, tos };
    return driver.open(options, onDatagram, onError);
  }

  #closeIdle(): void {
    for (const [key, link] of this.#links) {
      if (link.pending > 0) continue;
      link.endpoint?.close();
      this.#links.delete(key);
    }
  }
}
