import { canonicalIp, type Server } from 'strowger';
import { type Dest, DS_FLAG } from './destination.ts';
import { DNS_MODE, type DsSettings } from './params.ts';
import type { DsTable } from './table.ts';

/** Addresses by SRV that are taken of one name. */
const MAX_TARGETS = 16;

/** The addresses behind destinations' host names, which ds_is_from_list() compares (Kamailio: dispatcher, ds_dns_mode). */
export class DestNames {
  readonly #server: Server;
  readonly #settings: DsSettings;
  readonly #table: DsTable;

  constructor(server: Server, settings: DsSettings, table: DsTable) {
    this.#server = server;
    this.#settings = settings;
    this.#table = table;
  }

  get looksUpAlways(): boolean {
    return (this.#settings.dnsMode & DNS_MODE.ALWAYS) !== 0;
  }

  /** Addresses known of a destination now. */
  ipsOf(dest: Dest): readonly string[] {
    return dest.addresses?.ips ?? [];
  }

  /** Of any host. */
  addresses(host: string): readonly string[] | Promise<readonly string[]> {
    const literal = canonicalIp(host);
    return literal !== null ? [literal] : this.#server.resolver.addresses(host);
  }

  /** After a load and, where the mode says so, from time to time: literals at once, names in the background. */
  refresh(): Promise<void> {
    const { dnsMode } = this.#settings;
    const isNow = (dnsMode & (DNS_MODE.AT_LOAD | DNS_MODE.TIMER)) !== 0;
    const names: Dest[] = [];
    for (const dest of this.#table.dests()) {
      const literal = canonicalIp(dest.host);
      if (literal !== null) dest.addresses = { ips: [literal], port: 0, expiresMs: Infinity, lookedUpSec: 0 };
      else if (isNow && (dest.flags & DS_FLAG.NO_DNS) === 0) names.push(dest);
    }
    return names.length === 0 ? Promise.resolve() : this.lookUp(names);
  }

  /** Looks names up whose addresses have expired. Those that can not be found keep what they had. */
  async lookUp(dests: Iterable<Dest>): Promise<void> {
    const now = this.#server.clock.now();
    const waiting: Promise<void>[] = [];
    for (const dest of dests) {
      if ((dest.flags & DS_FLAG.NO_DNS) !== 0 || canonicalIp(dest.host) !== null) continue;
      if ((dest.addresses?.expiresMs ?? 0) > now) continue;
      waiting.push(this.#lookUp(dest, now));
    }
    await Promise.all(waiting);
  }

  async #lookUp(dest: Dest, now: number): Promise<void> {
    const { dnsMode, dnsTtlMs } = this.#settings;
    const found = (dnsMode & DNS_MODE.SRV) !== 0 && dest.port === 0 ? await this.#bySrv(dest) : null;
    const ips = found?.ips ?? (await this.#server.resolver.addresses(dest.host));
    if (ips.length === 0) return;
    const lookedUpSec = Math.floor(this.#server.clock.wall() / 1000);
    dest.addresses = { ips: [...ips], port: found?.port ?? 0, expiresMs: now + dnsTtlMs, lookedUpSec };
  }

  async #bySrv(dest: Dest): Promise<{ ips: readonly string[]; port: number } | null> {
    const query = { host: dest.host, port: 0, proto: dest.proto, isSips: dest.scheme === 'sips' };
    const targets = this.#server.resolver.sipTargets(query);
    const ips: string[] = [];
    let port = 0;
    for (let i = 0; i < MAX_TARGETS; i++) {
      const target = await targets.next();
      if (target === null) break;
      if (port === 0) port = target.port;
      if (target.port === port) ips.push(target.ip);
    }
    return ips.length === 0 ? null : { ips, port };
  }
}
