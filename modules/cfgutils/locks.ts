import { coreHash, type Run } from 'strowger';

/** Most a lock() may wait, and how many may wait for one lock: beyond it lock() fails. */
const MAX_WAITING = 1000;

interface Lock {
  owner: Run | null;
  /** Resolved, in order, when the lock is theirs. */
  readonly waiting: { readonly run: Run; readonly grant: () => void }[];
}

/**
 * Locks by key, for scripts whose commands wait: a fixed number, which keys are spread over by their hash. A lock
 * belongs to a run; a second lock() of the same run on the same one is granted, for it would wait for itself for ever.
 */
export class LockSet {
  readonly #locks: readonly Lock[];

  /** `power` is the logarithm of the number of locks; 0 makes none. */
  constructor(power: number) {
    this.#locks =
      power <= 0 ? [] : Array.from({ length: 2 ** Math.min(power, 16) }, () => ({ owner: null, waiting: [] }));
  }

  get isEmpty(): boolean {
    return this.#locks.length === 0;
  }

  /** Takes the key's lock, at once or when its turn comes. False when too many wait. */
  lock(run: Run, key: string): boolean | Promise<boolean> {
    const lock = this.#of(key);
    if (lock === undefined) return false;
    if (lock.owner === null || lock.owner === run) {
      lock.owner = run;
      return true;
    }
    if (lock.waiting.length >= MAX_WAITING) return false;
    return new Promise((resolve) => {
      lock.waiting.push({ run, grant: () => resolve(true) });
    });
  }

  /** Takes it only if it is free. */
  tryLock(run: Run, key: string): boolean {
    const lock = this.#of(key);
    if (lock === undefined || lock.owner !== null) return false;
    lock.owner = run;
    return true;
  }

  /** Gives it to the next that waits. */
  unlock(key: string): boolean {
    const lock = this.#of(key);
    if (lock === undefined) return false;
    const next = lock.waiting.shift();
    lock.owner = next?.run ?? null;
    next?.grant();
    return true;
  }

  /** Lets all that wait go on, at the end. */
  releaseAll(): void {
    for (const lock of this.#locks) {
      lock.owner = null;
      for (const { grant } of lock.waiting.splice(0)) grant();
    }
  }

  #of(key: string): Lock | undefined {
    return this.#locks[coreHash(key, this.#locks.length)];
  }
}
