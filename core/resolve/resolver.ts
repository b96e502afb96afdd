import { Settings } from '../cfg/settings.ts';
import type { CounterRegistry } from '../counters/counters.ts';
import type { Log } from '../log/log.ts';
import type { Random } from '../timer/clock.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import { canonicalIp, ipFamily, parseIpv4, parseIpv6 } from '../transport/ip-address.ts';
import { PROTO, type Proto } from '../transport/socket-info.ts';
import { DnsCache, sortSrv } from './dns-cache.ts';
import { DnsClient } from './dns-client.ts';
import type { DnsReply, ReplyRecord } from './dns-message.ts';
import { type DnsDataOf, DnsEntry, type DnsRecord, type DnsType, normalizeName, reverseName } from './dns-records.ts';
import { DnsSettings } from './dns-settings.ts';
import { type DnsFiles, type DnsTransport, readDnsFiles, SystemDnsTransport } from './dns-transport.ts';
import { DstBlocklist } from './dst-blocklist.ts';
import { parseHosts, parseResolvConf } from './resolv-conf.ts';
import { defaultPort, type SipTargetQuery, TargetIterator, type TargetSource } from './targets.ts';

const MAX_CNAMES = 10;

interface ResolverOptions {
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly settings?: Settings;
  readonly log?: Log;
  readonly counters?: CounterRegistry;
  /** The machine's sockets where not given. */
  readonly transport?: DnsTransport;
  /** Reads resolv.conf and hosts, at start and at each `dns_reinit`. */
  readonly readFiles?: () => DnsFiles;
  /** Whether there is a socket to send from. Everything but WebSockets where not given. */
  readonly canSend?: (proto: Proto, family: 4 | 6) => boolean;
}

/** A name's records, null when there are none, or the promise of that. */
type Lookup<T extends DnsType> = DnsEntry<T> | null | Promise<DnsEntry<T> | null>;

/**
 * Names to addresses for one server: cache, name servers, RFC 3263. Answers at once what it knows; what it has to ask
 * for it answers with a promise that never rejects. Kamailio's `dns_*` switches hold, at runtime too.
 */
export class Resolver implements TargetSource {
  readonly settings: DnsSettings;
  readonly random: Random;
  readonly cache: DnsCache;
  readonly blocklist: DstBlocklist;
  /** For `dns.stats_get`. */
  readonly stats = { requests: 0, hits: 0, negativeHits: 0 };
  readonly #client: DnsClient;
  readonly #wheel: TimerWheel;
  readonly #log: Log | null;
  readonly #readFiles: () => DnsFiles;
  readonly #canSend: (proto: Proto, family: 4 | 6) => boolean;
  readonly #waiting = new Map<string, Promise<DnsEntry | null>>();
  readonly #countFailed: () => void;
  #hosts: Map<string, string[]>;
  #areServersUp = true;

  constructor(options: ResolverOptions) {
    const settings = options.settings ?? new Settings();
    this.settings = new DnsSettings(settings);
    this.random = options.random;
    this.#wheel = options.wheel;
    this.#log = options.log ?? null;
    this.#readFiles = options.readFiles ?? readDnsFiles;
    this.#canSend = options.canSend ?? ((proto) => proto !== PROTO.WS && proto !== PROTO.WSS);
    this.cache = new DnsCache(options.wheel, this.settings);
    this.blocklist = new DstBlocklist(options.wheel, settings);
    const failed = options.counters?.register(
      'dns',
      'failed_dns_request',
      'incremented each time a DNS request has failed.',
    );
    const slow = options.counters?.register(
      'dns',
      'slow_dns_request',
      'incremented each time a DNS request took longer than dns_slow_query_ms.',
    );
    this.#countFailed = () => failed?.inc();
    const files = this.#readFiles();
    this.#hosts = parseHosts(files.hosts);
    this.#client = new DnsClient(
      {
        wheel: options.wheel,
        random: options.random,
        transport: options.transport ?? new SystemDnsTransport(),
        settings: this.settings,
        log: this.#log,
        onSlow: () => slow?.inc(),
      },
      parseResolvConf(files.resolvConf),
    );
    settings.watch('dns_reinit', (value) => {
      if (Number(value) !== 0) this.reinit();
    });
  }

  /** Reads resolv.conf and hosts again (Kamailio: `cfg.set_now_int core dns_reinit 1`). The cache stays. */
  reinit(): void {
    const files = this.#readFiles();
    this.#hosts = parseHosts(files.hosts);
    this.#client.configure(parseResolvConf(files.resolvConf));
  }

  /** False: name servers are known to be down, so nothing is asked and expired answers serve on (`dns.set_server_state`). */
  get areServersUp(): boolean {
    return this.#areServersUp;
  }

  set areServersUp(isUp: boolean) {
    this.#areServersUp = isUp;
    this.cache.servesExpired = !isUp;
  }

  /** Address families to look up, in order (dns_cache_flags, dns_try_ipv6, the sockets there are). */
  get families(): readonly ('A' | 'AAAA')[] {
    const { cacheFlags, tryIpv6 } = this.settings;
    if ((cacheFlags & 1) !== 0 || tryIpv6 === 0 || !this.#hasFamily(6)) return A_ONLY;
    if ((cacheFlags & 2) !== 0 || !this.#hasFamily(4)) return AAAA_ONLY;
    return (cacheFlags & 4) !== 0 ? AAAA_FIRST : A_FIRST;
  }

  isUsable(proto: Proto): boolean {
    return this.#canSend(proto, 4) || this.#canSend(proto, 6);
  }

  /** The addresses a SIP URI leads to. A literal never waits, neither does what is cached. */
  sipTargets(query: SipTargetQuery): TargetIterator {
    if (!isLiteral(query.host)) return new TargetIterator(this, query);
    const proto = query.proto !== PROTO.NONE ? query.proto : query.isSips ? PROTO.TLS : PROTO.UDP;
    return TargetIterator.single(this, { ip: query.host, port: query.port || defaultPort(proto), proto, host: '' });
  }

  /** Addresses of a host by A and AAAA alone, the preferred family's if it has any; a literal is its own address. Empty when there is none. */
  addresses(host: string): readonly string[] | Promise<readonly string[]> {
    if (isLiteral(host)) return [host];
    return this.#addressesOf(host, this.families);
  }

  /** Names of an address in the hosts file, in its order. */
  hostNames(ip: string): readonly string[] {
    return [...this.#hosts].filter(([, ips]) => ips.includes(ip)).map(([name]) => name);
  }

  /** Names of an address (PTR), for `rev_dns`. Empty when there is none. */
  reverse(ip: string): readonly string[] | Promise<readonly string[]> {
    const v4 = parseIpv4(ip);
    const words = v4 >= 0 ? [v4] : [...(parseIpv6(ip)?.words ?? [])];
    if (words.length === 0) return [];
    return dataOf(this.lookup(reverseName(v4 >= 0 ? 4 : 6, words), 'PTR'));
  }

  /** The records of a name. CNAMEs are followed; the entry then has the name they lead to. */
  lookup<T extends DnsType>(host: string, type: T): Lookup<T> {
    // Most names are spelled as the cache has them; what it has is a name, so nothing needs checking.
    const known = this.#usesCache ? this.cache.find(host, type) : undefined;
    if (known !== undefined) return this.#fromCache(known);
    const name = normalizeName(host);
    return name === null ? null : this.#lookup(name, type, host.endsWith('.'), 0);
  }

  close(): void {
    this.#client.close();
    this.cache.close();
    this.blocklist.close();
  }

  #lookup<T extends DnsType>(name: string, type: T, isAbsolute: boolean, depth: number): Lookup<T> {
    if (depth > MAX_CNAMES) return null;
    const local = this.#localEntry(name, type);
    if (local !== undefined) return local;
    if (this.#usesCache) {
      const known = this.cache.find(name, type);
      if (known !== undefined) return this.#fromCache(known);
      const alias = type === 'CNAME' ? undefined : this.cache.find(name, 'CNAME')?.records[0]?.data;
      if (alias !== undefined) return this.#lookup(alias, type, true, depth + 1);
    }
    return this.#areServersUp ? this.#fetch(name, type, isAbsolute, depth) : null;
  }

  #fromCache<T extends DnsType>(known: DnsEntry<T>): DnsEntry<T> | null {
    this.stats.hits++;
    if (!known.isNegative) return known;
    this.stats.negativeHits++;
    return null;
  }

  get #usesCache(): boolean {
    return this.settings.useCache !== 0 && this.settings.cacheInit !== 0;
  }

  /** `localhost` (RFC 6761 §6.3) and, as in Kamailio only where the cache is off, /etc/hosts. Undefined: ask on. */
  #localEntry<T extends DnsType>(name: string, type: T): DnsEntry<T> | undefined {
    if (type !== 'A' && type !== 'AAAA') return undefined;
    const ips = this.#usesCache ? undefined : this.#hosts.get(name);
    const all = ips ?? (name === 'localhost' || name.endsWith('.localhost') ? LOOPBACK : undefined);
    const family = type === 'A' ? 4 : 6;
    const fitting = all?.filter((ip) => ipFamily(ip) === family) ?? [];
    return fitting.length === 0 ? undefined : this.#literalEntry(name, type, fitting);
  }

  #literalEntry<T extends DnsType>(name: string, type: T, ips: readonly string[]): DnsEntry<T> {
    const records = ips.map((data) => ({ data: data as DnsDataOf[T], expiresMs: Infinity }));
    return new DnsEntry(name, type, records, Infinity, this.#wheel.now());
  }

  /** Asks the name servers; those who want the same while it lasts wait for the one answer. */
  #fetch<T extends DnsType>(name: string, type: T, isAbsolute: boolean, depth: number): Promise<DnsEntry<T> | null> {
    const key = `${type} ${name}${isAbsolute ? '.' : ''}`;
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) return waiting as Promise<DnsEntry<T> | null>;
    const asked = this.#ask(name, type, isAbsolute, depth).finally(() => this.#waiting.delete(key));
    this.#waiting.set(key, asked);
    return asked;
  }

  async #ask<T extends DnsType>(
    name: string,
    type: T,
    isAbsolute: boolean,
    depth: number,
  ): Promise<DnsEntry<T> | null> {
    this.stats.requests++;
    const result = await this.#client.query(name, type, isAbsolute);
    if (result.status === 'found') {
      const { entry, finalName } = this.#accept(result.name, type, result.reply);
      if (result.name !== name) this.#keepSearchAlias(name, result.name, entry);
      if (entry !== null) return entry;
      if (finalName !== result.name) return await this.#lookup(finalName, type, true, depth + 1);
    }
    this.#countFailed();
    if (result.status === 'failed') this.#log?.warn('DNS query failed', { name, type, reason: result.reason });
    this.#keepNegative(name, type);
    return null;
  }

  /** A name found through the search list is remembered as an alias of the full one, for as long as that lasts. */
  #keepSearchAlias(name: string, fullName: string, entry: DnsEntry | null): void {
    const nowMs = this.#wheel.now();
    const expiresMs = entry?.expiresMs ?? nowMs + this.settings.negativeTtl * 1000;
    this.#keep(new DnsEntry(name, 'CNAME', [{ data: fullName, expiresMs }], expiresMs, nowMs));
  }

  /** Takes the records that belong to the question out of a reply: the CNAME chain from it, what stands at its end, and their glue. */
  #accept<T extends DnsType>(name: string, type: T, reply: DnsReply): { entry: DnsEntry<T> | null; finalName: string } {
    let finalName = name;
    for (let i = type === 'CNAME' ? MAX_CNAMES : 0; i < MAX_CNAMES; i++) {
      const alias = this.#entryFrom(finalName, 'CNAME', reply.answers);
      const target = alias?.records[0]?.data;
      if (alias === null || target === undefined) break;
      this.#keep(alias);
      finalName = target;
    }
    const entry = this.#entryFrom(finalName, type, reply.answers);
    if (entry !== null) {
      this.#keep(entry);
      this.#keepGlue(entry, reply);
    }
    return { entry, finalName };
  }

  /** Addresses of SRV targets that came along (RFC 2782 asks servers to send them). Nothing else of the section is trusted. */
  #keepGlue(entry: DnsEntry, reply: DnsReply): void {
    for (const { data } of entry.records) {
      if (typeof data !== 'object' || !('target' in data)) continue;
      for (const type of A_FIRST) {
        const glue = this.#entryFrom(data.target, type, reply.additionals);
        if (glue !== null) this.#keep(glue);
      }
    }
  }

  #entryFrom<T extends DnsType>(name: string, type: T, found: readonly ReplyRecord[]): DnsEntry<T> | null {
    const nowMs = this.#wheel.now();
    const records: DnsRecord<T>[] = [];
    for (const record of found) {
      if (record.type !== type || record.name !== name) continue;
      records.push({
        data: record.data as DnsDataOf[T],
        expiresMs: nowMs + 1000 * this.settings.clampTtl(record.ttlSec),
      });
    }
    if (records.length === 0) return null;
    // RFC 2181 §5.2: one set, one TTL; the least where a server has it otherwise.
    const expiresMs = Math.min(...records.map((record) => record.expiresMs));
    return new DnsEntry(name, type, sortSrv(records), expiresMs, nowMs);
  }

  #keep(entry: DnsEntry): void {
    if (this.#usesCache && entry.expiresMs > this.#wheel.now()) this.cache.put(entry);
  }

  #keepNegative(name: string, type: DnsType): void {
    const ttlSec = this.settings.negativeTtl;
    const nowMs = this.#wheel.now();
    if (ttlSec > 0) this.#keep(new DnsEntry(name, type, [], nowMs + ttlSec * 1000, nowMs));
  }

  #addressesOf(host: string, types: readonly ('A' | 'AAAA')[]): readonly string[] | Promise<readonly string[]> {
    const [type, ...others] = types;
    if (type === undefined) return [];
    const found = dataOf(this.lookup(host, type));
    const orNext = (ips: readonly string[]): readonly string[] | Promise<readonly string[]> =>
      ips.length > 0 ? ips : this.#addressesOf(host, others);
    return found instanceof Promise ? found.then(orNext) : orNext(found);
  }

  #hasFamily(family: 4 | 6): boolean {
    for (const proto of ALL_PROTOS) if (this.#canSend(proto, family)) return true;
    return false;
  }
}

const A_ONLY = ['A'] as const;
const AAAA_ONLY = ['AAAA'] as const;
const A_FIRST = ['A', 'AAAA'] as const;
const AAAA_FIRST = ['AAAA', 'A'] as const;
const LOOPBACK = ['127.0.0.1', '::1'];
const ALL_PROTOS: readonly Proto[] = [PROTO.UDP, PROTO.TCP, PROTO.TLS, PROTO.SCTP, PROTO.WS, PROTO.WSS];

function isLiteral(host: string): boolean {
  return host.includes(':') ? ipFamily(host) === 6 : parseIpv4(host) >= 0;
}

function dataOf<T extends DnsType>(found: Lookup<T>): readonly DnsDataOf[T][] | Promise<readonly DnsDataOf[T][]> {
  const take = (entry: DnsEntry<T> | null): readonly DnsDataOf[T][] =>
    entry?.records.map((record) => record.data) ?? [];
  return found instanceof Promise ? found.then(take) : take(found);
}

/** An entry for a literal asked for by type, as `dns.lookup A 10.0.0.1` shows it; null when the type is of the other family. */
export function literalEntry(ip: string, type: DnsType): DnsEntry | null {
  const text = canonicalIp(ip);
  const isFitting =
    text !== null && ((type === 'A' && ipFamily(text) === 4) || (type === 'AAAA' && ipFamily(text) === 6));
  return isFitting ? new DnsEntry(text, type, [{ data: text, expiresMs: -1 }], -1, 0) : null;
}
