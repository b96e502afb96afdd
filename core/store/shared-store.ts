import type { Server } from '../server.ts';
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

/** Words of a store's region: records, buckets, segments of buckets. */
const COUNT = 0;
const BUCKETS = 1;
const SEGMENTS = 2;
const SEGMENT_COUNT = 22;
const REGION_WORDS = SEGMENTS + SEGMENT_COUNT;
/** Buckets of the first segment; each further one has as many as all before it. */
const FIRST_BUCKETS = 64;
const MOST_BUCKETS = FIRST_BUCKETS * 2 ** (SEGMENT_COUNT - 1);

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
 *
 * Buckets are added one by one as records come (linear hashing), so that no write takes longer than another.
 */
export class SharedStore {
  /** Told of each record that was found to be over and was removed by a read, update or sweep of this worker. */
  onExpired: ((record: StoreRecord) => void) | null = null;
  readonly #heap: SharedHeap;
  readonly #at: number;

  /** `name` is the store's, the module's in front. */
  constructor(heap: SharedHeap, name: string) {
    this.#heap = heap;
    this.#at = heap.region(`store ${name}`, REGION_WORDS);
  }

  /** Records, those among them that are over but have not been found yet. */
  get size(): number {
    return Atomics.load(this.#heap.words, this.#at + COUNT);
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
    this.#eachBucket((head) => {
      const { words } = this.#heap;
      while ((words[head] as number) !== 0) this.#remove(words[head] as number);
    });
  }

  /**
   * Removes what is over in `count` buckets from the one given on, all where it is not. Returns the bucket to go on with,
   * 0 after the last.
   */
  sweep(nowMs: number, from = 0, count = MOST_BUCKETS): number {
    const over: StoreRecord[] = [];
    const next = this.#eachBucket((head) => this.#sweepBucket(head, nowMs, over), from, count);
    for (const record of over) this.onExpired?.(record);
    return next;
  }

  #sweepBucket(head: number, nowMs: number, over: StoreRecord[]): void {
    const { words } = this.#heap;
    for (let at = words[head] as number; at !== 0; ) {
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
    this.#eachBucket((head) => {
      const { words } = this.#heap;
      for (let at = words[head] as number; at !== 0; at = words[at + NEXT] as number) {
        const record = this.#read(at);
        found.set(record.key, record);
      }
    });
    return [...found.values()];
  }

  /** Calls `fn` with the word that heads each bucket, locked, and lets others in between. Returns as `sweep`. */
  #eachBucket(fn: (head: number) => void, from = 0, count = MOST_BUCKETS): number {
    const heap = this.#heap;
    for (let bucket = from; bucket < from + count; bucket++) {
      heap.lock();
      try {
        if (bucket >= (heap.words[this.#at + BUCKETS] as number)) return 0;
        fn(this.#head(bucket));
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

  /** The word with the address of a bucket's first record. */
  #head(bucket: number): number {
    const segment = bucket < FIRST_BUCKETS ? 0 : 26 - Math.clz32(bucket);
    const first = segment === 0 ? 0 : FIRST_BUCKETS << (segment - 1);
    return (this.#heap.words[this.#at + SEGMENTS + segment] as number) + bucket - first;
  }

  /** The bucket a hash belongs to when there are `count`, 0 < count. */
  #bucketOf(hash: number, count: number): number {
    const mask = (1 << (32 - Math.clz32(count - 1))) - 1;
    const bucket = hash & mask;
    return bucket < count ? bucket : hash & (mask >>> 1);
  }

  #find(key: string, hash: number): number {
    const { words, bytes } = this.#heap;
    const count = words[this.#at + BUCKETS] as number;
    if (count === 0) return 0;
    for (let at = words[this.#head(this.#bucketOf(hash, count))] as number; at !== 0; at = words[at + NEXT] as number) {
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
      if (!this.#makeRoom()) return false;
      target = heap.allocate(need);
      if (target === 0) return false;
      if (at !== 0) this.#remove(at);
      this.#insert(target, hash);
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

  #insert(record: number, hash: number): void {
    const { words } = this.#heap;
    const head = this.#head(this.#bucketOf(hash, words[this.#at + BUCKETS] as number));
    words[record + HASH] = hash;
    words[record + NEXT] = words[head] as number;
    words[head] = record;
    words[this.#at + COUNT] = (words[this.#at + COUNT] as number) + 1;
  }

  #remove(record: number): void {
    const { words } = this.#heap;
    const hash = words[record + HASH] as number;
    let link = this.#head(this.#bucketOf(hash, words[this.#at + BUCKETS] as number));
    while (words[link] !== record) link = (words[link] as number) + NEXT;
    words[link] = words[record + NEXT] as number;
    words[this.#at + COUNT] = (words[this.#at + COUNT] as number) - 1;
    this.#heap.release(record);
  }

  /** Before a record is added: one bucket for each record. False where not even the first can be had. */
  #makeRoom(): boolean {
    const heap = this.#heap;
    const count = heap.words[this.#at + BUCKETS] as number;
    if (count === 0) {
      if (!this.#addSegment(0, FIRST_BUCKETS)) return false;
      heap.words[this.#at + BUCKETS] = FIRST_BUCKETS;
      return true;
    }
    if ((heap.words[this.#at + COUNT] as number) < count || count >= MOST_BUCKETS) return true;
    const segment = 26 - Math.clz32(count);
    // Where a segment can not be had the buckets get longer.
    if (count === FIRST_BUCKETS << (segment - 1) && !this.#addSegment(segment, count)) return true;
    heap.words[this.#at + BUCKETS] = count + 1;
    this.#split(count);
    return true;
  }

  #addSegment(segment: number, buckets: number): boolean {
    const heap = this.#heap;
    const at = heap.allocate(buckets);
    if (at === 0) return false;
    heap.words.fill(0, at, at + buckets);
    heap.words[this.#at + SEGMENTS + segment] = at;
    return true;
  }

  /** Moves to the newest bucket what belongs there. */
  #split(newest: number): void {
    const { words } = this.#heap;
    const from = this.#head(newest & ((1 << (31 - Math.clz32(newest))) - 1));
    const to = this.#head(newest);
    let link = from;
    while ((words[link] as number) !== 0) {
      const record = words[link] as number;
      if (this.#bucketOf(words[record + HASH] as number, newest + 1) === newest) {
        words[link] = words[record + NEXT] as number;
        words[record + NEXT] = words[to] as number;
        words[to] = record;
      } else link = record + NEXT;
    }
  }
}

/** A store of this server that all its workers have. `name` is its own, the module's in front. */
export function sharedStore(server: Pick<Server, 'sharedHeap'>, name: string): SharedStore {
  return new SharedStore(server.sharedHeap, name);
}
