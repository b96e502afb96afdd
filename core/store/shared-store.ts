import type { Server } from '../server.ts';
import { HashIndex, INDEX_WORDS } from './hash-index.ts';
import type { SharedHeap } from './shared-heap.ts';

export type StoreValue = string | number;

/** A record as it is at one moment. */
export interface StoreRecord {
  readonly key: string;
  readonly value: StoreValue;
  /** Wall time at which it ends, milliseconds; 0: never. */
  readonly expiresMs: number;
}

/** What an update makes of a record: another value or end, or `null`: it is to be removed. `undefined` leaves it as it is. */
export type StoreChange = { readonly value: StoreValue; readonly expiresMs: number } | null | undefined;

/** Buckets to begin with. */
const FIRST_BUCKETS = 64;

/** Words of a record: the texts follow, key first. */
const NEXT = 0;
const HASH = 1;
const KEY_LENGTH = 2;
/** -1 where the value is a number. */
const VALUE_LENGTH = 3;
const EXPIRES = 4;
const NUMBER = 6;
const TEXT = 8;

/**
 * Records by key, the same for all workers of a server: what one writes the next read of any other sees, and `update` and
 * `add` are atomic. Keys are latin1 text, values latin1 text or numbers; nothing is kept of the strings given. Records end
 * at their time for who reads them, and leave the memory when they are found or swept. Where there is no more memory a
 * write fails, and nothing else does.
 */
export class SharedStore {
  /** Told of each record that was found to be over and was removed by a read, update or sweep of this worker. */
  onExpired: ((record: StoreRecord) => void) | null = null;
  readonly #heap: SharedHeap;
  readonly #index: HashIndex;

  /** `name` is the store's, the module's in front. */
  constructor(heap: SharedHeap, name: string) {
    this.#heap = heap;
    this.#index = new HashIndex(heap, heap.region(`store ${name}`, INDEX_WORDS), NEXT, HASH, FIRST_BUCKETS);
  }

  /** Records, those among them that are over but have not been found yet. */
  get size(): number {
    return this.#index.count;
  }

  get(key: string, nowMs: number): StoreValue | undefined {
    const heap = this.#heap;
    const hash = heap.hash(key);
    heap.lock();
    try {
      const at = this.#find(key, hash);
      if (at === 0) return undefined;
      if (!this.#isOver(at, nowMs)) return this.#value(at);
    } finally {
      heap.unlock();
    }
    this.update(key, nowMs, () => undefined);
    return undefined;
  }

  record(key: string, nowMs: number): StoreRecord | undefined {
    let found: StoreRecord | undefined;
    this.update(key, nowMs, (record) => {
      found = record;
      return undefined;
    });
    return found;
  }

  /** Sets value and end (0: never). False where there is no memory for it. */
  set(key: string, value: StoreValue, expiresMs = 0): boolean {
    const heap = this.#heap;
    const hash = heap.hash(key);
    heap.lock();
    try {
      return this.#put(key, hash, this.#find(key, hash), value, expiresMs);
    } finally {
      heap.unlock();
    }
  }

  /**
   * Changes a record by what it is (undefined: there is none, or it is over) while no other worker can. `change` only
   * computes: it must not use the store. False where there is no memory for the result.
   */
  update(key: string, nowMs: number, change: (record: StoreRecord | undefined) => StoreChange): boolean {
    const heap = this.#heap;
    const hash = heap.hash(key);
    let over: StoreRecord | undefined;
    let isDone = true;
    heap.lock();
    try {
      let at = this.#find(key, hash);
      const record = at === 0 ? undefined : this.#read(at, key);
      if (record !== undefined && this.#isOver(at, nowMs)) {
        over = record;
        this.#remove(at);
        at = 0;
      }
      const result = change(over === undefined ? record : undefined);
      if (result === null) {
        if (at !== 0) this.#remove(at);
      } else if (result !== undefined) isDone = this.#put(key, hash, at, result.value, result.expiresMs);
    } finally {
      heap.unlock();
    }
    if (over !== undefined) this.onExpired?.(over);
    return isDone;
  }

  /** Adds to a number; what is missing, over or text counts as 0. `expiresMs` is of a new one. Null where there is no memory. */
  add(key: string, delta: number, nowMs: number, expiresMs = 0): number | null {
    let sum = delta;
    const isDone = this.update(key, nowMs, (record) => {
      if (record === undefined) return { value: delta, expiresMs };
      sum = (typeof record.value === 'number' ? record.value : 0) + delta;
      return { value: sum, expiresMs: record.expiresMs };
    });
    return isDone ? sum : null;
  }

  /** False where there is no such record. */
  delete(key: string): boolean {
    const heap = this.#heap;
    const hash = heap.hash(key);
    heap.lock();
    try {
      const at = this.#find(key, hash);
      if (at !== 0) this.#remove(at);
      return at !== 0;
    } finally {
      heap.unlock();
    }
  }

  clear(): void {
    this.#eachBucket((first) => {
      for (let at = first; at !== 0; ) {
        const next = this.#heap.words[at + NEXT] as number;
        this.#remove(at);
        at = next;
      }
    });
  }

  /**
   * Removes what is over in `count` buckets from the one given on, all where it is not. Returns the bucket to go on with,
   * 0 after the last.
   */
  sweep(nowMs: number, from = 0, count = Number.POSITIVE_INFINITY): number {
    const over: StoreRecord[] = [];
    const next = this.#eachBucket((first) => this.#sweepBucket(first, nowMs, over), from, count);
    for (const record of over) this.onExpired?.(record);
    return next;
  }

  #sweepBucket(first: number, nowMs: number, over: StoreRecord[]): void {
    const { words } = this.#heap;
    for (let at = first; at !== 0; ) {
      const next = words[at + NEXT] as number;
      if (this.#isOver(at, nowMs)) {
        if (this.onExpired !== null) over.push(this.#read(at));
        this.#remove(at);
      }
      at = next;
    }
  }

  /** All records, those that are over too, in no order: as they were some time during the call. */
  records(): StoreRecord[] {
    const found = new Map<string, StoreRecord>();
    this.#eachBucket((first) => {
      const { words } = this.#heap;
      for (let at = first; at !== 0; at = words[at + NEXT] as number) {
        const record = this.#read(at);
        found.set(record.key, record);
      }
    });
    return [...found.values()];
  }

  /** Calls `fn` with the first record of each bucket (0: none), locked, and lets others in between. Returns as `sweep`. */
  #eachBucket(fn: (first: number) => void, from = 0, count = Number.POSITIVE_INFINITY): number {
    const heap = this.#heap;
    for (let bucket = from; bucket < from + count; bucket++) {
      heap.lock();
      try {
        if (bucket >= this.#index.buckets) return 0;
        fn(this.#index.firstOf(bucket));
      } finally {
        heap.unlock();
      }
    }
    return from + count;
  }

  #isOver(at: number, nowMs: number): boolean {
    const expiresMs = this.#heap.floats[(at + EXPIRES) >>> 1] as number;
    return expiresMs !== 0 && expiresMs <= nowMs;
  }

  #read(at: number, key = this.#key(at)): StoreRecord {
    return { key, value: this.#value(at), expiresMs: this.#heap.floats[(at + EXPIRES) >>> 1] as number };
  }

  #key(at: number): string {
    const { words, bytes } = this.#heap;
    const start = (at + TEXT) * 4;
    return bytes.latin1Slice(start, start + (words[at + KEY_LENGTH] as number));
  }

  #value(at: number): StoreValue {
    const { words, bytes, floats } = this.#heap;
    const length = words[at + VALUE_LENGTH] as number;
    if (length < 0) return floats[(at + NUMBER) >>> 1] as number;
    const start = (at + TEXT) * 4 + (words[at + KEY_LENGTH] as number);
    return bytes.latin1Slice(start, start + length);
  }

  #find(key: string, hash: number): number {
    const { words, bytes } = this.#heap;
    for (let at = this.#index.first(hash); at !== 0; at = words[at + NEXT] as number) {
      if (words[at + HASH] === (hash | 0) && words[at + KEY_LENGTH] === key.length) {
        const start = (at + TEXT) * 4;
        let i = 0;
        while (i < key.length && bytes[start + i] === key.charCodeAt(i)) i++;
        if (i === key.length) return at;
      }
    }
    return 0;
  }

  /** Writes a record over the one at `at`, or a new one where that is 0. */
  #put(key: string, hash: number, at: number, value: StoreValue, expiresMs: number): boolean {
    const heap = this.#heap;
    const valueLength = typeof value === 'string' ? value.length : 0;
    const need = TEXT + ((key.length + valueLength + 3) >>> 2);
    let target = at;
    if (at === 0 || heap.roomOf(at) < need) {
      target = heap.allocate(need);
      if (target === 0) return false;
      if (at !== 0) this.#remove(at);
      if (!this.#index.insert(target, hash)) {
        heap.release(target);
        return false;
      }
      heap.words[target + KEY_LENGTH] = key.length;
      heap.bytes.latin1Write(key, (target + TEXT) * 4);
    }
    heap.floats[(target + EXPIRES) >>> 1] = expiresMs;
    if (typeof value === 'string') {
      heap.words[target + VALUE_LENGTH] = valueLength;
      heap.bytes.latin1Write(value, (target + TEXT) * 4 + key.length);
    } else {
      heap.words[target + VALUE_LENGTH] = -1;
      heap.floats[(target + NUMBER) >>> 1] = value;
    }
    return true;
  }

  #remove(record: number): void {
    this.#index.remove(record);
    this.#heap.release(record);
  }
}

/** A store of this server that all its workers have. `name` is its own, the module's in front. */
export function sharedStore(server: Pick<Server, 'sharedHeap'>, name: string): SharedStore {
  return new SharedStore(server.sharedHeap, name);
}
