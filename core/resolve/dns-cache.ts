import type { Clock } from '../timer/clock.ts';
import { Timer } from '../timer/timer.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import { type DnsDataOf, DnsEntry, type DnsRecord, type DnsType, type SrvData } from './dns-records.ts';
import type { DnsSettings } from './dns-settings.ts';
import { EntryTable } from './entry-table.ts';

/** A full cache looks for expired entries at most this often. */
const PURGE_INTERVAL_MS = 1000;

/** A full cache makes this part of its size free at once, so that not every new name has to look for room. */
const EVICT_PART = 1 / 32;

/** Entries by type and name, bounded by `dns_cache_mem`, expiring by the server's clock. */
export class DnsCache {
  readonly #clock: Clock;
  readonly #wheel: TimerWheel;
  readonly #settings: DnsSettings;
  readonly #table = new EntryTable();
  readonly #sweeper: Timer<DnsCache>;
  #usedBytes = 0;
  #purgedMs = -Infinity;
  /** Entries dropped to make room (`dns.stats_get dc_lru_cnt`). */
  evicted = 0;
  /** Keeps expired entries in use while the name servers are known to be down (`dns.set_server_state 0`). */
  servesExpired = false;

  constructor(wheel: TimerWheel, settings: DnsSettings) {
    this.#clock = wheel.clock;
    this.#wheel = wheel;
    this.#settings = settings;
    this.#sweeper = new Timer((cache: DnsCache) => cache.#sweep(), this);
  }

  /** Time of the clock that expiry is measured on. */
  get nowMs(): number {
    return this.#clock.now();
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get maxBytes(): number {
    return this.#settings.cacheMem * 1024;
  }

  /** The entry of a normalised name, positive or negative; undefined when nothing current is known. */
  find<T extends DnsType>(name: string, type: T): DnsEntry<T> | undefined {
    let entry = this.#table.get(type, name);
    if (entry === undefined) return undefined;
    const nowMs = this.#clock.now();
    if (entry.firstExpiresMs <= nowMs && !this.servesExpired) {
      this.#remove(entry);
      if (entry.expiresMs <= nowMs) return undefined;
      const left = entry.records.filter((record) => record.expiresMs > nowMs);
      entry = new DnsEntry(name, type, left, entry.expiresMs, nowMs, entry.isPermanent);
      this.put(entry);
    }
    entry.lastUsedMs = nowMs;
    entry.wasUsed = true;
    return entry;
  }

  /** Keeps an entry in place of the one there, as `dns_cache_rec_pref` says. False when there is no room. */
  put(entry: DnsEntry): boolean {
    const old = this.#table.get(entry.type, entry.name);
    const nowMs = this.#clock.now();
    if (old !== undefined && old.expiresMs > nowMs && this.#prefersOld(old, entry)) return true;
    if (old !== undefined) this.#remove(old);
    if (!this.#makeRoom(entry.sizeBytes, nowMs)) return false;
    this.#table.set(entry);
    this.#usedBytes += entry.sizeBytes;
    if (!this.#sweeper.isArmed) this.#wheel.arm(this.#sweeper, this.#settings.gcInterval * 1000);
    return true;
  }

  /** Adds a record by hand to those of its name; one with the same data is replaced. False when there is no room. */
  addRecord<T extends DnsType>(
    name: string,
    type: T,
    data: DnsDataOf[T],
    ttlSec: number,
    isPermanent: boolean,
  ): boolean {
    const nowMs = this.#clock.now();
    const expiresMs = isPermanent ? Infinity : nowMs + ttlSec * 1000;
    const text = JSON.stringify(data);
    const others =
      this.find(name, type)?.records.filter((r) => r.expiresMs > nowMs && JSON.stringify(r.data) !== text) ?? [];
    const records: DnsRecord<T>[] = [{ data, expiresMs }, ...others];
    const latestMs = Math.max(...records.map((record) => record.expiresMs));
    this.delete(name, type);
    return this.put(new DnsEntry(name, type, sortSrv(records), latestMs, nowMs, isPermanent));
  }

  /** Notes by hand that a name has no records of this type. */
  addNegative(name: string, type: DnsType, ttlSec: number, isPermanent: boolean): boolean {
    const nowMs = this.#clock.now();
    this.delete(name, type);
    return this.put(new DnsEntry(name, type, [], isPermanent ? Infinity : nowMs + ttlSec * 1000, nowMs, isPermanent));
  }

  delete(name: string, type: DnsType): boolean {
    const entry = this.#table.get(type, name);
    if (entry === undefined) return false;
    this.#remove(entry);
    return true;
  }

  /** Permanent entries stay unless `withPermanent`. */
  clear(withPermanent: boolean): void {
    for (const entry of this.entries()) if (withPermanent || !entry.isPermanent) this.#remove(entry);
  }

  /** All entries. Deleting while going through is fine. */
  entries(): Generator<DnsEntry> {
    return this.#table.entries();
  }

  close(): void {
    this.#wheel.cancel(this.#sweeper);
  }

  /** Kamailio: core, dns_cache_rec_pref. A negative entry never outlives a positive answer. */
  #prefersOld(old: DnsEntry, entry: DnsEntry): boolean {
    if (old.isPermanent && !entry.isPermanent) return true;
    if (old.isNegative) return false;
    const preference = this.#settings.recPref;
    return preference === 1 || (preference === 3 && old.expiresMs > entry.expiresMs);
  }

  #remove(entry: DnsEntry): void {
    if (this.#table.delete(entry)) this.#usedBytes -= entry.sizeBytes;
  }

  #makeRoom(bytes: number, nowMs: number): boolean {
    const limit = this.maxBytes;
    if (this.#usedBytes + bytes <= limit) return true;
    if (nowMs - this.#purgedMs >= PURGE_INTERVAL_MS) this.#purge(nowMs);
    if (this.#usedBytes + bytes > limit && this.#settings.delNonexp !== 0) this.#evict(limit - bytes);
    return this.#usedBytes + bytes <= limit;
  }

  #purge(nowMs: number): void {
    this.#purgedMs = nowMs;
    if (this.servesExpired) return;
    for (const entry of this.entries()) if (entry.expiresMs <= nowMs) this.#remove(entry);
  }

  /** Drops entries that were not used since it last came by, oldest first, until `targetBytes` are left. */
  #evict(targetBytes: number): void {
    const target = targetBytes - this.maxBytes * EVICT_PART;
    // Twice round: what was used gets a second chance.
    for (let round = 0; round < 2 && this.#usedBytes > target; round++) {
      for (const entry of this.#table.entries()) {
        if (this.#usedBytes <= target) break;
        if (entry.isPermanent) continue;
        if (entry.wasUsed) {
          entry.wasUsed = false;
          continue;
        }
        this.#remove(entry);
        this.evicted++;
      }
    }
  }

  #sweep(): void {
    this.#purge(this.#clock.now());
    if (this.#usedBytes > 0) this.#wheel.arm(this.#sweeper, this.#settings.gcInterval * 1000);
  }
}

/** SRV records by priority, then by falling weight, as Kamailio keeps them; others stay as they are. */
export function sortSrv<T extends DnsType>(records: readonly DnsRecord<T>[]): readonly DnsRecord<T>[] {
  if (!records.every(isSrv)) return records;
  return records.toSorted((a, b) => a.data.priority - b.data.priority || b.data.weight - a.data.weight);
}

function isSrv<T extends DnsType>(record: DnsRecord<T>): record is DnsRecord<T> & { readonly data: SrvData } {
  return typeof record.data === 'object' && 'target' in record.data;
}
