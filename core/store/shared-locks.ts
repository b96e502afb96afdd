import type { Server } from '../server.ts';
import type { SharedHeap } from './shared-heap.ts';

/** One that waits for a lock, or has it. */
interface Holder {
  readonly owner: object;
  depth: number;
}

interface Waiting {
  readonly owner: object;
  readonly resolve: (isHeld: boolean) => void;
}

/** What this worker knows of one lock. */
interface Local {
  holder: Holder | null;
  readonly queue: Waiting[];
}

/** In case the word of another worker is missed: how often it is looked at, milliseconds. */
const LOOK_MS = 50;

/**
 * Locks that a script holds over commands that wait, the same for all workers of a server: so many, by number. Who waits
 * for one waits as a promise, in order within a worker. They are re-entrant for their owner (a run). What a worker held
 * that died is free when another takes its place.
 */
export class SharedLocks {
  readonly #heap: SharedHeap;
  readonly #at: number;
  readonly #own: number;
  readonly #schedule: (fn: () => void) => void;
  readonly #locals = new Map<number, Local>();

  constructor(server: Pick<Server, 'sharedHeap' | 'workerIndex' | 'clock'>, name: string, count: number) {
    this.#heap = server.sharedHeap;
    this.#at = this.#heap.region(`locks ${name}`, count);
    this.#own = server.workerIndex + 1;
    this.#schedule = (fn) => void server.clock.schedule(LOOK_MS, fn);
    for (let i = 0; i < count; i++) this.#free(i);
  }

  /** Is nothing held or waited for on this worker? */
  get isIdle(): boolean {
    return this.#locals.size === 0;
  }

  /** Takes a lock for `owner`: at once where it returns true, or when what it returns resolves; false: it gave up. */
  lock(index: number, owner: object): Promise<boolean> | true {
    let local = this.#locals.get(index);
    if (local === undefined) this.#locals.set(index, (local = { holder: null, queue: [] }));
    const { holder, queue } = local;
    if (holder?.owner === owner) {
      holder.depth++;
      return true;
    }
    if (holder === null && queue.length === 0 && this.#take(index)) {
      local.holder = { owner, depth: 1 };
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    queue.push({ owner, resolve });
    if (holder === null && queue.length === 1) this.#await(index, local);
    return promise;
  }

  /** Ends the wait of an owner. */
  giveUp(index: number, owner: object): void {
    const local = this.#locals.get(index);
    const at = local?.queue.findIndex((waiting) => waiting.owner === owner) ?? -1;
    if (local === undefined || at < 0) return;
    const [gone] = local.queue.splice(at, 1);
    if (local.queue.length === 0 && local.holder === null) this.#locals.delete(index);
    gone?.resolve(false);
  }

  /** Gives it back; false where the owner does not have it. */
  unlock(index: number, owner: object): boolean {
    const local = this.#locals.get(index);
    if (local?.holder?.owner !== owner) return false;
    if (--local.holder.depth > 0) return true;
    local.holder = null;
    const next = local.queue.shift();
    if (next === undefined) {
      this.#locals.delete(index);
      this.#free(index);
    } else this.#hand(local, next);
    return true;
  }

  /** Gives back all that an owner has. */
  release(owner: object): void {
    for (const [index, local] of this.#locals) {
      if (local.holder?.owner !== owner) continue;
      local.holder.depth = 1;
      this.unlock(index, owner);
    }
  }

  #hand(local: Local, { owner, resolve }: Waiting): void {
    local.holder = { owner, depth: 1 };
    resolve(true);
  }

  #take(index: number): boolean {
    return Atomics.compareExchange(this.#heap.words, this.#at + index, 0, this.#own) === 0;
  }

  #free(index: number): void {
    const word = this.#at + index;
    if (Atomics.compareExchange(this.#heap.words, word, this.#own, 0) === this.#own)
      Atomics.notify(this.#heap.words, word);
  }

  /** Another worker has it: gives it to the first of the queue once it is free. */
  #await(index: number, local: Local): void {
    if (this.#take(index)) {
      const next = local.queue.shift();
      if (next !== undefined) this.#hand(local, next);
      return;
    }
    const again = (): void => {
      if (local.holder === null && local.queue.length > 0) this.#await(index, local);
    };
    const word = this.#at + index;
    const holder = Atomics.load(this.#heap.words, word);
    const wait = Atomics.waitAsync(this.#heap.words, word, holder, LOOK_MS);
    if (wait.async) void wait.value.then(again);
    else this.#schedule(again);
  }
}
