import { keyedHash } from '../msg/hash.ts';

const FEWEST = 16;

interface Entry<V> {
  readonly key: string;
  readonly hash: number;
  value: V;
  next: Entry<V> | null;
}

/**
 * A map by text for keys that come from messages. V8 interns every string that is looked up in a `Map`: for a key cut out
 * of a message, which is a new string each time, that costs 0.3 to 0.5 µs and fills its table of names. This one
 * hashes the text itself (1 ns a char) and compares. Order is not kept. Keys that stay must be flat copies.
 */
export class TextMap<V> {
  #heads: (Entry<V> | null)[] = new Array<Entry<V> | null>(FEWEST).fill(null);
  #size = 0;
  readonly #seed: number;

  /** `seed` begins every hash: a random one where keys come from strangers, who could else choose keys that collide. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    return this.#find(key, this.#hash(key))?.value;
  }

  has(key: string): boolean {
    return this.#find(key, this.#hash(key)) !== null;
  }

  set(key: string, value: V): this {
    const hash = this.#hash(key);
    const found = this.#find(key, hash);
    if (found !== null) {
      found.value = value;
      return this;
    }
    if (this.#size >= this.#heads.length) this.#grow();
    const at = hash & (this.#heads.length - 1);
    this.#heads[at] = { key, hash, value, next: this.#heads[at] as Entry<V> | null };
    this.#size++;
    return this;
  }

  delete(key: string): boolean {
    const hash = this.#hash(key);
    const at = hash & (this.#heads.length - 1);
    let before: Entry<V> | null = null;
    for (let entry = this.#heads[at] as Entry<V> | null; entry !== null; before = entry, entry = entry.next) {
      if (entry.hash !== hash || entry.key !== key) continue;
      if (before === null) this.#heads[at] = entry.next;
      else before.next = entry.next;
      this.#size--;
      return true;
    }
    return false;
  }

  clear(): void {
    this.#heads = new Array<Entry<V> | null>(FEWEST).fill(null);
    this.#size = 0;
  }

  /** As it is now: what is set or deleted meanwhile makes no difference. In no order that means anything. */
  [Symbol.iterator](): IterableIterator<[key: string, value: V]> {
    const all: [string, V][] = [];
    for (const head of this.#heads)
      for (let entry = head; entry !== null; entry = entry.next) all.push([entry.key, entry.value]);
    return all[Symbol.iterator]();
  }

  *keys(): Generator<string> {
    for (const [key] of this) yield key;
  }

  *values(): Generator<V> {
    for (const [, value] of this) yield value;
  }

  /** Entries of the fullest chain: the most that a look-up has to compare. Walks over everything. */
  get longestChain(): number {
    let longest = 0;
    for (const head of this.#heads) {
      let length = 0;
      for (let entry = head; entry !== null; entry = entry.next) length++;
      if (length > longest) longest = length;
    }
    return longest;
  }

  /** As a small integer: V8 keeps unsigned ones as doubles. */
  #hash(key: string): number {
    return keyedHash(key, this.#seed) | 0;
  }

  #find(key: string, hash: number): Entry<V> | null {
    let entry = this.#heads[hash & (this.#heads.length - 1)] as Entry<V> | null;
    while (entry !== null && (entry.hash !== hash || entry.key !== key)) entry = entry.next;
    return entry;
  }

  #grow(): void {
    const old = this.#heads;
    const heads = new Array<Entry<V> | null>(old.length * 2).fill(null);
    for (const head of old) {
      for (let entry = head; entry !== null; ) {
        const following: Entry<V> | null = entry.next;
        const at = entry.hash & (heads.length - 1);
        entry.next = heads[at] as Entry<V> | null;
        heads[at] = entry;
        entry = following;
      }
    }
    this.#heads = heads;
  }
}
