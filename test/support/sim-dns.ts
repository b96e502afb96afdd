import dnsPacket, { type Answer } from 'dns-packet';
import type { DnsChannel, DnsTransport } from '../../core/resolve/dns-transport.ts';
import type { DnsServerAddress } from '../../core/resolve/resolv-conf.ts';
import type { Clock } from '../../core/timer/clock.ts';

/** A query as a name server of the test saw it. */
export interface SeenQuery {
  readonly server: string;
  readonly proto: 'udp' | 'tcp';
  readonly name: string;
  readonly type: string;
  readonly hasEdns: boolean;
}

/**
 * Name servers of a simulated network: they answer from one zone table, after a delay on the test's clock. A name the
 * table does not have is NXDOMAIN; CNAMEs are chased; every query is kept in `seen`.
 */
export class SimDns implements DnsTransport {
  readonly seen: SeenQuery[] = [];
  delayMs = 5;
  /** Names whose UDP replies come cut, so that TCP is needed. */
  readonly truncated = new Set<string>();
  /** Addresses of servers that do not answer. */
  readonly silent = new Set<string>();
  /** An rcode (2 SERVFAIL, 5 REFUSED …) that the server at this address gives to every query. */
  readonly rcodes = new Map<string, number>();
  /** Servers that answer FORMERR to EDNS. */
  readonly withoutEdns = new Set<string>();
  /** Puts packets before the real reply, as a forger would. */
  forge: ((query: Uint8Array) => Uint8Array[]) | null = null;
  readonly #clock: Clock;
  readonly #zone = new Map<string, Answer[]>();
  readonly #glue = new Map<string, Answer[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `add('example.org', 'SRV', 60, { priority: 1, weight: 1, port: 5060, target: 'a.example.org' })` */
  add(name: string, type: string, ttl: number, data: unknown): this {
    const key = name.toLowerCase();
    this.#zone.set(key, [...(this.#zone.get(key) ?? []), { name, type, class: 'IN', ttl, data }]);
    return this;
  }

  /** A record sent along in the additional section with every answer about `name`. */
  addAdditional(name: string, record: Answer): this {
    this.#glue.set(name, [...(this.#glue.get(name) ?? []), record]);
    return this;
  }

  remove(name: string): void {
    this.#zone.delete(name.toLowerCase());
  }

  /** How often a name was asked for, of one type or of all. */
  count(name: string, type?: string): number {
    return this.seen.filter((query) => query.name === name && (type === undefined || query.type === type)).length;
  }

  ask(
    server: DnsServerAddress,
    proto: 'udp' | 'tcp',
    query: Uint8Array,
    onReply: (packet: Uint8Array) => void,
  ): DnsChannel {
    const decoded = dnsPacket.decode(Buffer.from(query));
    const { name = '', type = '' } = decoded.questions[0] ?? {};
    const hasEdns = decoded.additionals.some((record) => record.type === 'OPT');
    this.seen.push({ server: server.ip, proto, name, type, hasEdns });
    if (this.silent.has(server.ip)) return { close: () => {} };
    const handle = this.#clock.schedule(this.delayMs, () => {
      for (const packet of this.forge?.(query) ?? []) onReply(packet);
      onReply(this.#reply(server, proto, decoded.id, name, type, hasEdns));
    });
    return { close: () => this.#clock.unschedule(handle) };
  }

  #reply(
    server: DnsServerAddress,
    proto: 'udp' | 'tcp',
    id: number,
    name: string,
    type: string,
    hasEdns: boolean,
  ): Uint8Array {
    const question = { name, type, class: 'IN' };
    const rcode =
      hasEdns && this.withoutEdns.has(server.ip)
        ? 1
        : (this.rcodes.get(server.ip) ?? (this.#zone.has(name.toLowerCase()) ? 0 : 3));
    const isCut = proto === 'udp' && this.truncated.has(name);
    const answers = rcode === 0 && !isCut ? this.#answers(name, type) : [];
    return dnsPacket.encode({
      type: 'response',
      id,
      flags: dnsPacket.RECURSION_DESIRED | rcode | (isCut ? dnsPacket.TRUNCATED_RESPONSE : 0),
      questions: rcode === 1 ? [] : [question],
      answers,
      additionals: answers.length > 0 ? (this.#glue.get(name) ?? []) : [],
    });
  }

  #answers(name: string, type: string): Answer[] {
    const answers: Answer[] = [];
    let owner = name;
    for (let i = 0; i < 16; i++) {
      const records = this.#zone.get(owner.toLowerCase()) ?? [];
      answers.push(...records.filter((record) => record.type === type).map((record) => ({ ...record, name: owner })));
      const alias = records.find((record) => record.type === 'CNAME');
      if (alias === undefined || type === 'CNAME') break;
      answers.push({ ...alias, name: owner });
      owner = String(alias.data);
    }
    return answers;
  }
}
