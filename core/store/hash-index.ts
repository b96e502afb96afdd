import type { SharedHeap } from './shared-heap.ts';

/** Words of an index in its region: entries, buckets, then the addresses of the segments that buckets lie in. */
const COUNT = 0;
const BUCKETS = 1;
const SEGMENTS = 2;
const SEGMENT_COUNT = 24;
export const INDEX_WORDS = SEGMENTS + SEGMENT_COUNT;

/**
 * A hash table over blocks of a shared heap, which hold the link to the next and their hash. Buckets are added one by one
 * as entries come (linear hashing), so that a search costs the same whatever their number, and no insertion is slow.
 * All methods need the heap's lock.
 */
export class HashIndex {
  readonly #heap: SharedHeap;
  readonly #at: number;
  readonly #next: number;
  readonly #hash: number;
  readonly #first: number;
  readonly #firstBits: number;

  /** `at`: INDEX_WORDS words of zeros; `next` and `hash`: words of a block; `first`: the least number of buckets, 2^n. */
  constructor(heap: SharedHeap, at: number, next: number, hash: number, first: number) {
    this.#heap = heap;
    this.#at = at;
    this.#next = next;
    this.#hash = hash;
    this.#first = first;
    this.#firstBits = 31 - Math.clz32(first);
  }

  get count(): number {
    return this.#heap.words[this.#at + COUNT] as number;
  }

  get buckets(): number {
    return this.#heap.words[this.#at + BUCKETS] as number;
  }

  /** Address of the first block in the bucket of a hash; 0 where it is empty. */
  first(hash: number): number {
    const { buckets } = this;
    return buckets === 0 ? 0 : (this.#heap.words[this.#head(this.#bucketOf(hash, buckets))] as number);
  }

  /** Address of the first block of a bucket. */
  firstOf(bucket: number): number {
    return this.#heap.words[this.#head(bucket)] as number;
  }

  /** False where there is no memory. */
  insert(block: number, hash: number): boolean {
    if (!this.#makeRoom()) return false;
    const { words } = this.#heap;
    const head = this.#head(this.#bucketOf(hash, this.buckets));
    words[block + this.#hash] = hash;
    words[block + this.#next] = words[head] as number;
    words[head] = block;
    words[this.#at + COUNT] = this.count + 1;
    return true;
  }

  remove(block: number): void {
    const { words } = this.#heap;
    const link = this.#linkTo(block);
    words[link] = words[block + this.#next] as number;
    words[this.#at + COUNT] = this.count - 1;
  }

  /** Puts a block, which has the same hash, in the place of another. */
  replace(block: number, by: number): void {
    const { words } = this.#heap;
    words[this.#linkTo(block)] = by;
    words[by + this.#next] = words[block + this.#next] as number;
    words[by + this.#hash] = words[block + this.#hash] as number;
  }

  #linkTo(block: number): number {
    const { words } = this.#heap;
    let link = this.#head(this.#bucketOf(words[block + this.#hash] as number, this.buckets));
    while (words[link] !== block) link = (words[link] as number) + this.#next;
    return link;
  }

  /** The word with the address of a bucket's first block. */
  #head(bucket: number): number {
    const segment = 32 - Math.clz32(bucket >>> this.#firstBits);
    const start = segment === 0 ? 0 : this.#first << (segment - 1);
    return (this.#heap.words[this.#at + SEGMENTS + segment] as number) + bucket - start;
  }

  /** The bucket a hash belongs to when there are `count`, 0 < count. */
  #bucketOf(hash: number, count: number): number {
    const mask = count === 1 ? 0 : (1 << (32 - Math.clz32(count - 1))) - 1;
    const bucket = hash & mask;
    return bucket < count ? bucket : hash & (mask >>> 1);
  }

  /** Before a block is added: one bucket for each. False where not even the first can be had. */
  #makeRoom(): boolean {
    const { words } = this.#heap;
    const { buckets } = this;
    if (buckets === 0) {
      if (!this.#addSegment(0, this.#first)) return false;
      this.#heap.words[this.#at + BUCKETS] = this.#first;
      return true;
    }
    if ((words[this.#at + COUNT] as number) < buckets || buckets >= this.#first * 2 ** (SEGMENT_COUNT - 1)) return true;
    const segment = 32 - Math.clz32(buckets >>> this.#firstBits);
    // Where a segment can not be had the buckets get longer.
    if (buckets === this.#first << (segment - 1) && !this.#addSegment(segment, buckets)) return true;
    this.#heap.words[this.#at + BUCKETS] = buckets + 1;
    this.#split(buckets);
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
    const from = this.#head(newest - 2 ** (31 - Math.clz32(newest)));
    const to = this.#head(newest);
    let link = from;
    while ((words[link] as number) !== 0) {
      const block = words[link] as number;
      if (this.#bucketOf(words[block + this.#hash] as number, newest + 1) === newest) {
        words[link] = words[block + this.#next] as number;
        words[block + this.#next] = words[to] as number;
        words[to] = block;
      } else link = block + this.#next;
    }
  }
}
