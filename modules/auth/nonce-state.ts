import type { SharedHeap } from 'strowger';

/** Words in front of the tables: the id of the next nonce, and 1 once that has its first value. */
const NEXT = 0;
const IS_SET = 1;
const HEADER = 2;

/** Highest nonce count that is remembered; a byte is kept for each nonce (Kamailio: nonce_count). */
const MAX_NC = 255;

/** What was found of a nonce. `old`: it is not among those remembered, or its count is not a new one. */
export type NonceUse = 'fresh' | 'used' | 'old';

/**
 * What is known of the nonces handed out last: the count last used with each, or whether it was used. In memory that all
 * workers share, so that a replay is seen by whichever worker gets it.
 */
export class NonceState {
  readonly #heap: SharedHeap;
  readonly #at: number;
  /** Nonces in each table, powers of 2; 0 where there is none. */
  readonly #ncSize: number;
  readonly #onceSize: number;

  /** `first`: id of the first nonce, so that nonces of an earlier life of the server are not taken for present ones. */
  constructor(heap: SharedHeap, ncSize: number, onceSize: number, first: number) {
    this.#heap = heap;
    this.#ncSize = ncSize;
    this.#onceSize = onceSize;
    this.#at = heap.region(`auth.nonces.${ncSize}.${onceSize}`, HEADER + ncSize / 4 + Math.ceil(onceSize / 32));
    heap.lock();
    if (heap.words[this.#at + IS_SET] === 0) {
      heap.words[this.#at + NEXT] = first;
      heap.words[this.#at + IS_SET] = 1;
    }
    heap.unlock();
  }

  /** The id of a new nonce. What was known of the one that had its place is forgotten. */
  next(): number {
    const { words, bytes } = this.#heap;
    const id = Atomics.add(words, this.#at + NEXT, 1) >>> 0;
    if (this.#ncSize > 0) Atomics.store(bytes, this.#ncByte(id), 0);
    if (this.#onceSize > 0) Atomics.and(words, this.#onceWord(id), ~(1 << (id & 31)));
    return id;
  }

  /** Takes note of a count; `fresh` when it is higher than any before. */
  useCount(id: number, nc: number): NonceUse {
    if (!this.#isKnown(id, this.#ncSize) || nc > MAX_NC) return 'old';
    const { bytes } = this.#heap;
    const at = this.#ncByte(id);
    for (;;) {
      const last = Atomics.load(bytes, at);
      if (nc <= last) return 'old';
      if (Atomics.compareExchange(bytes, at, last, nc) === last) return 'fresh';
    }
  }

  /** What `useCount` would say, without taking note. */
  seeCount(id: number, nc: number): NonceUse {
    if (!this.#isKnown(id, this.#ncSize) || nc > MAX_NC) return 'old';
    return nc > Atomics.load(this.#heap.bytes, this.#ncByte(id)) ? 'fresh' : 'old';
  }

  /** Takes note that a nonce is used; `fresh` the first time. */
  useOnce(id: number): NonceUse {
    if (!this.#isKnown(id, this.#onceSize)) return 'old';
    const bit = 1 << (id & 31);
    return (Atomics.or(this.#heap.words, this.#onceWord(id), bit) & bit) === 0 ? 'fresh' : 'used';
  }

  #isKnown(id: number, size: number): boolean {
    const age = (Atomics.load(this.#heap.words, this.#at + NEXT) - id) >>> 0;
    return age >= 1 && age <= size;
  }

  #ncByte(id: number): number {
    return (this.#at + HEADER) * 4 + (id & (this.#ncSize - 1));
  }

  #onceWord(id: number): number {
    return this.#at + HEADER + this.#ncSize / 4 + ((id & (this.#onceSize - 1)) >>> 5);
  }
}
