import type { Random } from '../timer/clock.ts';
import { PROTO, type Proto } from '../transport/socket-info.ts';
import type { DnsEntry, DnsType } from './dns-records.ts';
import type { DnsSettings } from './dns-settings.ts';
import { orderNaptr, orderSrv, protocolsByPreference, srvName } from './naptr-srv.ts';

/** One address to send to. */
export interface Target {
  /** IP literal without brackets. */
  readonly ip: string;
  readonly port: number;
  readonly proto: Proto;
  /** The host of the URI, which a TLS certificate has to name (RFC 5922 §7.2); empty for a literal. */
  readonly host: string;
}

/** What a SIP URI says of where it leads. */
export interface SipTargetQuery {
  /** Host without brackets; `maddr` is the caller's business. */
  readonly host: string;
  /** 0 where the URI has none. */
  readonly port: number;
  /** PROTO.NONE where the URI has no transport. */
  readonly proto: Proto;
  readonly isSips: boolean;
}

/** What the iterator needs of the resolver. */
export interface TargetSource {
  readonly settings: DnsSettings;
  readonly random: Random;
  readonly families: readonly ('A' | 'AAAA')[];
  isUsable(proto: Proto): boolean;
  lookup<T extends DnsType>(name: string, type: T): DnsEntry<T> | null | Promise<DnsEntry<T> | null>;
}

type Step =
  | { readonly kind: 'naptr' }
  | { readonly kind: 'srv'; readonly name: string; readonly proto: Proto }
  | {
      readonly kind: 'addresses';
      readonly name: string;
      readonly port: number;
      readonly proto: Proto;
      readonly type: 'A' | 'AAAA';
    }
  | { readonly kind: 'fallback'; readonly proto: Proto };

/** Bounds what one URI can make us look up. */
const MAX_STEPS = 256;

export function defaultPort(proto: Proto): number {
  return proto === PROTO.TLS || proto === PROTO.WSS ? 5061 : 5060;
}

/**
 * The addresses a URI leads to, best first (RFC 3263 §4.2, §4.3), looked up as far as they are asked for. Without
 * `use_dns_failover` there is no second one.
 */
export class TargetIterator {
  readonly #source: TargetSource;
  readonly #query: SipTargetQuery;
  /** What is left to do, the next at the end. */
  readonly #steps: Step[] = [];
  #addresses: readonly string[] = [];
  #at = 0;
  #port = 0;
  #proto: Proto = PROTO.UDP;
  #hasSrv = false;
  #isDone = false;
  #stepsTaken = 0;

  constructor(source: TargetSource, query: SipTargetQuery) {
    this.#source = source;
    this.#query = query;
    this.#plan();
  }

  /** An iterator over one known address. */
  static single(source: TargetSource, target: Target): TargetIterator {
    const iterator = new TargetIterator(source, { host: '', port: target.port, proto: target.proto, isSips: false });
    iterator.#steps.length = 0;
    iterator.#addresses = [target.ip];
    iterator.#port = target.port;
    iterator.#proto = target.proto;
    return iterator;
  }

  /** The next address, null when there is no more; at once where no query is needed. Never rejects. */
  next(): Target | null | Promise<Target | null> {
    for (;;) {
      const ip = this.#addresses[this.#at];
      if (this.#isDone) return null;
      if (ip !== undefined) {
        this.#at++;
        this.#isDone = this.#source.settings.useFailover === 0;
        return { ip, port: this.#port, proto: this.#proto, host: this.#query.host };
      }
      const step = this.#steps.pop();
      if (step === undefined || this.#stepsTaken++ > MAX_STEPS) return null;
      const waiting = this.#take(step);
      if (waiting !== null) return waiting.then(() => this.next());
    }
  }

  #plan(): void {
    const { host, port, proto, isSips } = this.#query;
    const ownProto = proto !== PROTO.NONE ? proto : isSips ? PROTO.TLS : PROTO.UDP;
    if (port !== 0) {
      // RFC 3263 §4.2: a port means the addresses of the host itself.
      this.#pushAddresses(host, port, ownProto);
      return;
    }
    this.#steps.push({ kind: 'fallback', proto: ownProto });
    if (proto === PROTO.NONE && this.#source.settings.tryNaptr !== 0) this.#steps.push({ kind: 'naptr' });
    else this.#pushSrv(ownProto);
  }

  /** Starts a step; a promise where it has to wait. */
  #take(step: Step): Promise<void> | null {
    switch (step.kind) {
      case 'naptr':
        return this.#lookup(this.#query.host, 'NAPTR', (entry) => this.#expandNaptr(entry));
      case 'srv':
        return this.#lookup(step.name, 'SRV', (entry) => this.#expandSrv(entry, step.proto));
      case 'addresses':
        return this.#lookup(step.name, step.type, (entry) => {
          this.#addresses = entry?.records.map((record) => record.data) ?? [];
          this.#at = 0;
          this.#port = step.port;
          this.#proto = step.proto;
        });
      case 'fallback':
        if (!this.#hasSrv) this.#pushAddresses(this.#query.host, defaultPort(step.proto), step.proto);
        return null;
    }
  }

  #lookup<T extends DnsType>(name: string, type: T, use: (entry: DnsEntry<T> | null) => void): Promise<void> | null {
    const found = this.#source.lookup(name, type);
    if (found instanceof Promise) return found.then(use);
    use(found);
    return null;
  }

  #expandNaptr(entry: DnsEntry<'NAPTR'> | null): void {
    const { settings } = this.#source;
    const isUsable = (proto: Proto): boolean => this.#source.isUsable(proto);
    const records = entry?.records.map((record) => record.data) ?? [];
    const choices = orderNaptr(records, settings, this.#query.isSips, isUsable);
    for (const choice of choices.reverse()) this.#steps.push({ kind: 'srv', ...choice });
    if (choices.length > 0) return;
    // RFC 3263 §4.1: no NAPTR records, so SRV for each transport.
    const protos = this.#query.isSips ? [PROTO.TLS] : protocolsByPreference(settings, isUsable);
    for (const proto of protos.reverse()) this.#pushSrv(proto);
  }

  #expandSrv(entry: DnsEntry<'SRV'> | null, proto: Proto): void {
    if (entry === null) return;
    this.#hasSrv = true;
    const { settings, random } = this.#source;
    const records = orderSrv(
      entry.records.map((record) => record.data),
      settings.srvLb !== 0 ? random : null,
    );
    for (const record of records.reverse()) {
      if (record.target !== '.') this.#pushAddresses(record.target, record.port || defaultPort(proto), proto);
    }
  }

  #pushSrv(proto: Proto): void {
    const name = srvName(this.#query.host, proto, this.#query.isSips);
    if (name !== null) this.#steps.push({ kind: 'srv', name, proto });
  }

  #pushAddresses(name: string, port: number, proto: Proto): void {
    const { families } = this.#source;
    for (let i = families.length - 1; i >= 0; i--) {
      const type = families[i];
      if (type !== undefined) this.#steps.push({ kind: 'addresses', name, port, proto, type });
    }
  }
}
