import type { SharedHeap } from 'strowger';

const LOCKS = 256;
/** How often a lock is looked at before the thread sleeps for it, and how long it sleeps. */
const SPINS = 500;
const NAP_MS = 1;
/** Naps after which a lock is taken from a worker that must have died with it: no edit takes so long. */
const MOST_NAPS = 5000;

/**
 * Locks on records, for the few steps that an edit takes. Records share locks by hash. An edit within an edit of the same
 * worker takes no second one, so that no two workers wait for each other.
 */
export class RecordLocks {
  readonly #heap: SharedHeap;
  readonly #at: number;
  readonly #own: number;
  readonly #isAlone: boolean;
  #depth = 0;

  constructor(heap: SharedHeap, workerIndex: number, isAlone: boolean) {
    this.#heap = heap;
    this.#at = heap.region('usrloc locks', LOCKS);
    this.#own = workerIndex + 1;
    this.#isAlone = isAlone;
    for (let i = 0; i < LOCKS; i++) Atomics.compareExchange(heap.words, this.#at + i, this.#own, 0);
  }

  /** Runs `work`, which must not wait, while no other worker has the lock of this AOR. */
  with<T>(aor: string, work: () => T): T {
    if (this.#isAlone) return work();
    const word = this.#at + (this.#heap.hash(aor) & (LOCKS - 1));
    const isOuter = this.#depth === 0;
    if (isOuter) this.#take(word);
    this.#depth++;
    try {
      return work();
    } finally {
      this.#depth--;
      if (isOuter) Atomics.store(this.#heap.words, word, 0);
    }
  }

  #take(word: number): void {
    for (let spins = 0, naps = 0; ; spins++) {
      const holder = Atomics.compareExchange(this.#heap.words, word, 0, this.#own);
      if (holder === 0) return;
      if (spins < SPINS) continue;
      Atomics.wait(this.#heap.words, word, holder, NAP_MS);
      if (++naps < MOST_NAPS) continue;
      if (Atomics.compareExchange(this.#heap.words, word, holder, this.#own) === holder) return;
    }
  }
}
