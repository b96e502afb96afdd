import { coreHash, type PvValue, type SharedStore, type StoreRecord, type StoreValue } from 'strowger';
import type { TableDef } from './definition.ts';

/** An item as RPC shows it. */
export interface Item {
  readonly key: string;
  readonly value: StoreValue;
  /** Second of its end, 0: never. */
  readonly expiresSec: number;
}

/**
 * One hash table. Time counts in whole seconds of the wall clock, as in Kamailio: an item whose second is n is there
 * until n has passed.
 */
export class HashTable {
  readonly def: TableDef;
  readonly store: SharedStore;
  readonly #wallMs: () => number;

  constructor(def: TableDef, store: SharedStore, wallMs: () => number) {
    this.def = def;
    this.store = store;
    this.#wallMs = wallMs;
  }

  get name(): string {
    return this.def.name;
  }

  /** Number of the slot that Kamailio keeps a key in: the order of iterations and dumps. */
  slotOf(key: string): number {
    return coreHash(key, this.def.slots);
  }

  /** The value, or what stands for one that is not there. */
  get(key: string): PvValue {
    return this.store.get(key, this.#wallMs()) ?? this.def.initval;
  }

  /** The value; undefined where there is no item. */
  find(key: string): StoreValue | undefined {
    return this.store.get(key, this.#wallMs());
  }

  item(key: string): Item | undefined {
    const record = this.store.record(key, this.#wallMs());
    return record === undefined ? undefined : itemOf(record);
  }

  /** False where there is no memory for it. */
  set(key: string, value: StoreValue): boolean {
    const fresh = this.#freshMs();
    if (this.def.updatesExpire) return this.store.set(key, value, fresh);
    return this.store.update(key, this.#wallMs(), (old) => ({ value, expiresMs: old?.expiresMs ?? fresh }));
  }

  /** With a lifetime of its own, seconds; 0 or less: the table's. */
  setFor(key: string, value: StoreValue, lifeSec: number): boolean {
    return this.store.set(key, value, lifeSec > 0 ? this.#endMs(lifeSec) : this.#freshMs());
  }

  /** For items of a database, which bring the second of their end; 0: the table's lifetime. */
  setUntil(key: string, value: StoreValue, expiresSec: number): boolean {
    const { autoexpireSec } = this.def;
    return this.store.set(key, value, autoexpireSec > 0 && expiresSec > 0 ? msOf(expiresSec) : this.#freshMs());
  }

  /** Adds to an integer. Null where there is none and the table has no initval, or where it is text. */
  add(key: string, delta: number): number | null {
    const { initval, updatesExpire } = this.def;
    const fresh = this.#freshMs();
    let sum: number | null = null;
    const isDone = this.store.update(key, this.#wallMs(), (old) => {
      const value = old?.value ?? initval;
      if (typeof value !== 'number') return undefined;
      sum = (value + delta) | 0;
      return { value: sum, expiresMs: old === undefined || updatesExpire ? fresh : old.expiresMs };
    });
    return isDone ? sum : null;
  }

  remove(key: string): boolean {
    return this.store.delete(key);
  }

  /** Seconds until the item ends; 0 where it is not there or does not. */
  life(key: string): number {
    const expiresSec = this.item(key)?.expiresSec ?? 0;
    return expiresSec === 0 ? 0 : expiresSec - this.#nowSec();
  }

  /** Seconds from now; 0 or less: it never ends. Only for items that are there, in tables whose items end. */
  setLife(key: string, lifeSec: number): void {
    if (this.def.autoexpireSec === 0) return;
    const expiresMs = lifeSec > 0 ? this.#endMs(lifeSec) : 0;
    this.store.update(key, this.#wallMs(), (old) => old && { value: old.value, expiresMs });
  }

  /** All items that are not over, in no order. */
  live(): Item[] {
    const nowMs = this.#wallMs();
    return this.store
      .records()
      .filter(({ expiresMs }) => expiresMs === 0 || expiresMs > nowMs)
      .map(itemOf);
  }

  /** The same by slot and hash, as Kamailio lists them. */
  items(): Item[] {
    const found = this.live().map((item) => ({ slot: this.slotOf(item.key), hash: coreHash(item.key), item }));
    found.sort((a, b) => a.slot - b.slot || a.hash - b.hash || (a.item.key < b.item.key ? -1 : 1));
    return found.map(({ item }) => item);
  }

  #nowSec(): number {
    return Math.floor(this.#wallMs() / 1000);
  }

  #freshMs(): number {
    const { autoexpireSec } = this.def;
    return autoexpireSec > 0 ? this.#endMs(autoexpireSec) : 0;
  }

  #endMs(lifeSec: number): number {
    return this.def.autoexpireSec > 0 ? msOf(this.#nowSec() + lifeSec) : 0;
  }
}

function msOf(expiresSec: number): number {
  return (expiresSec + 1) * 1000;
}

function itemOf({ key, value, expiresMs }: StoreRecord): Item {
  return { key, value, expiresSec: expiresMs === 0 ? 0 : expiresMs / 1000 - 1 };
}
