import NodeCache from 'node-cache';
import { flatCopy } from '../values.ts';
import type { DnsEntry, DnsType } from './dns-records.ts';

/**
 * DNS entries by type and name: a node-cache whose own expiry is off, since entries live and die by the server's clock
 * (`DnsCache`). Its keys are members of a plain object, so every key begins with its type: no name from a message can
 * be `__proto__`.
 */
export class EntryTable {
  readonly #cache = new NodeCache({ stdTTL: 0, checkperiod: 0, useClones: false, deleteOnExpire: false });

  get<T extends DnsType>(type: T, name: string): DnsEntry<T> | undefined {
    return this.#cache.get<DnsEntry<T>>(`${type}:${name}`);
  }

  set(entry: DnsEntry): void {
    // The name may be cut from a message, which must not stay for its sake.
    this.#cache.set(flatCopy(`${entry.type}:${entry.name}`), entry);
  }

  /** True when it was there. */
  delete(entry: DnsEntry): boolean {
    return this.#cache.del(`${entry.type}:${entry.name}`) > 0;
  }

  /** All entries as they are now, oldest first; the table may change meanwhile. */
  *entries(): Generator<DnsEntry> {
    for (const key of this.#cache.keys()) {
      const entry = this.#cache.get<DnsEntry>(key);
      if (entry !== undefined) yield entry;
    }
  }
}
