import type { Log } from '../log/log.ts';
import type { Random } from '../timer/clock.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import { type DnsReply, decodeReply, encodeQuery } from './dns-message.ts';
import type { DnsType } from './dns-records.ts';
import type { DnsSettings } from './dns-settings.ts';
import type { DnsTransport } from './dns-transport.ts';
import type { DnsServerAddress, ResolvConf } from './resolv-conf.ts';

/** Queries on the way at one time; traffic that names one unknown host after another must not open sockets without end. */
const MAX_PENDING = 512;
/** A TCP connection may take longer than one datagram's turn, but not much. */
const TCP_TIMEOUT_FACTOR = 2;

/** `found` has a reply with the records, `none` is the server's word that there are none, `failed` is nobody's word. */
type QueryResult =
  | { readonly status: 'found'; readonly name: string; readonly reply: DnsReply }
  | { readonly status: 'none' }
  | { readonly status: 'failed'; readonly reason: string };

interface DnsClientOptions {
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly transport: DnsTransport;
  readonly settings: DnsSettings;
  readonly log: Log | null;
  /** Counts queries that took longer than `dns_slow_query_ms`. */
  readonly onSlow: () => void;
}

type Attempt = DnsReply | string;

/** A stub resolver: asks the servers of resolv.conf in turn, with retries, search list, EDNS, and TCP where a reply was cut. */
export class DnsClient {
  readonly #options: DnsClientOptions;
  #conf: ResolvConf;
  #pending = 0;
  #turn = 0;
  #isClosed = false;
  /** Servers that choked on EDNS, by address. */
  readonly #withoutEdns = new Set<string>();
  readonly #open = new Set<(outcome: Attempt) => void>();

  constructor(options: DnsClientOptions, conf: ResolvConf) {
    this.#options = options;
    this.#conf = conf;
  }

  /** Takes a new resolv.conf; queries on the way finish with the old one. */
  configure(conf: ResolvConf): void {
    this.#conf = conf;
    this.#withoutEdns.clear();
  }

  /** Looks `name` (normalised) up; `isAbsolute` where it was written with a dot at the end. Never rejects. */
  async query(name: string, type: DnsType, isAbsolute: boolean): Promise<QueryResult> {
    if (this.#pending >= MAX_PENDING)
      return { status: 'failed', reason: `more than ${MAX_PENDING} DNS queries pending` };
    this.#pending++;
    const startMs = this.#options.wheel.now();
    try {
      for (const candidate of this.#candidates(name, isAbsolute)) {
        const reply = await this.#ask(candidate, type);
        if (typeof reply === 'string') return { status: 'failed', reason: reply };
        if (reply.rcode === 'NOERROR' && reply.answers.length > 0) return { status: 'found', name: candidate, reply };
      }
      return { status: 'none' };
    } finally {
      this.#pending--;
      this.#checkSlow(name, type, this.#options.wheel.now() - startMs);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const finish of this.#open) finish('resolver closed');
  }

  #checkSlow(name: string, type: DnsType, tookMs: number): void {
    const limitMs = this.#options.settings.slowQueryMs;
    if (limitMs <= 0 || tookMs <= limitMs) return;
    this.#options.onSlow();
    this.#options.log?.warn('slow DNS query', { name, type, tookMs });
  }

  /** The name itself and with each domain of the search list, in libc's order (resolv.conf(5), `ndots`). */
  #candidates(name: string, isAbsolute: boolean): string[] {
    if (isAbsolute || this.#options.settings.useSearchList === 0) return [name];
    const extended = this.#conf.search.map((domain) => `${name}.${domain}`).filter((full) => full.length <= 253);
    const dots = name.split('.').length - 1;
    return dots >= this.#conf.ndots ? [name, ...extended] : [...extended, name];
  }

  /** A usable reply (records, or none for sure), or why there is none. */
  async #ask(name: string, type: DnsType): Promise<Attempt> {
    const { settings } = this.#options;
    const all = this.#conf.servers;
    const servers = settings.serversNo > 0 ? all.slice(0, settings.serversNo) : all;
    const timeoutMs = 1000 * (settings.retrTime > 0 ? settings.retrTime : this.#conf.timeoutSec);
    const rounds = settings.retrNo >= 0 ? settings.retrNo + 1 : this.#conf.attempts;
    const first = this.#conf.isRotating ? this.#turn++ : 0;
    let last = 'no name server';
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < servers.length; i++) {
        const server = servers[(first + i) % servers.length];
        if (server === undefined || this.#isClosed) continue;
        const outcome = await this.#askServer(server, name, type, timeoutMs);
        if (typeof outcome !== 'string' && (outcome.rcode === 'NOERROR' || outcome.rcode === 'NXDOMAIN'))
          return outcome;
        last = `${server.ip}: ${typeof outcome === 'string' ? outcome : outcome.rcode}`;
      }
    }
    return last;
  }

  async #askServer(server: DnsServerAddress, name: string, type: DnsType, timeoutMs: number): Promise<Attempt> {
    const key = `${server.ip} ${server.port}`;
    const proto = this.#conf.usesTcp ? 'tcp' : 'udp';
    const withEdns = !this.#withoutEdns.has(key);
    let outcome = await this.#exchange(server, proto, name, type, withEdns, timeoutMs);
    // RFC 6891 §7: a server that does not know EDNS says FORMERR or NOTIMP.
    if (withEdns && typeof outcome !== 'string' && (outcome.rcode === 'FORMERR' || outcome.rcode === 'NOTIMP')) {
      outcome = await this.#exchange(server, proto, name, type, false, timeoutMs);
      if (typeof outcome !== 'string' && outcome.rcode !== 'FORMERR') this.#withoutEdns.add(key);
    }
    if (typeof outcome === 'string' || !outcome.isTruncated || proto === 'tcp') return outcome;
    return await this.#exchange(server, 'tcp', name, type, withEdns, timeoutMs * TCP_TIMEOUT_FACTOR);
  }

  #exchange(
    server: DnsServerAddress,
    proto: 'udp' | 'tcp',
    name: string,
    type: DnsType,
    withEdns: boolean,
    timeoutMs: number,
  ): Promise<Attempt> {
    const { wheel, random, transport } = this.#options;
    const id = random.uint32() & 0xffff;
    return new Promise((resolve) => {
      const finish = (outcome: Attempt): void => {
        if (!this.#open.delete(finish)) return;
        wheel.cancel(timer);
        channel.close();
        resolve(outcome);
      };
      this.#open.add(finish);
      const timer = wheel.after(timeoutMs, () => finish('timeout'));
      const channel = transport.ask(
        server,
        proto,
        encodeQuery(id, name, type, withEdns),
        (packet) => {
          const reply = decodeReply(packet, id, name, type);
          if (reply !== null) finish(reply);
        },
        (error) => finish(error.message),
      );
    });
  }
}
