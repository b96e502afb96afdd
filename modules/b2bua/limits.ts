import { type Server, type SharedStore, sharedStore } from 'strowger';

/** How many hold a slot of one limit. */
export interface LimitUse {
  readonly name: string;
  /** '' where the limit has no key. */
  readonly key: string;
  readonly count: number;
}

/** Longest name and key together; longer ones are cut, so that what a caller writes takes no more memory. */
const MAX_KEY = 256;

/**
 * Counted slots by name and key, the same for all workers of a server. A slot belongs to its holder (a call, or a leg)
 * and is given back with all others of that holder by `release`, which may come more than once.
 *
 * A record holds what each worker has, so that what a worker held that died is found again by the one in its place.
 */
export class Limits {
  readonly #store: SharedStore;
  readonly #worker: number;
  readonly #held = new Map<object, Set<string>>();

  constructor(server: Pick<Server, 'sharedHeap' | 'workerIndex'>) {
    this.#store = sharedStore(server, 'b2bua.limits');
    this.#worker = server.workerIndex;
    for (const { key } of this.#store.records()) this.#change(key, (counts) => (counts[this.#worker] = 0));
  }

  /** Holders here. */
  get holders(): number {
    return this.#held.size;
  }

  /** A slot for `holder`: false where `max` are taken. Who holds one of this name and key already keeps that one. */
  take(holder: object, name: string, max: number, key = ''): boolean {
    const record = recordOf(name, key);
    const held = this.#held.get(holder);
    if (held?.has(record) === true) return true;
    let isTaken = false;
    const hasRoom = this.#change(record, (counts) => {
      isTaken = sum(counts) < max;
      if (isTaken) counts[this.#worker] = (counts[this.#worker] ?? 0) + 1;
    });
    if (!isTaken || !hasRoom) return false;
    if (held === undefined) this.#held.set(holder, new Set([record]));
    else held.add(record);
    return true;
  }

  /** Names and keys of what `holder` has, for `restore`. */
  of(holder: object): string[] {
    return [...(this.#held.get(holder) ?? [])];
  }

  /** What `holder` had before a restart, or in another worker, whatever the limits are now. */
  restore(holder: object, records: readonly string[]): void {
    for (const record of records)
      this.#change(record, (counts) => (counts[this.#worker] = (counts[this.#worker] ?? 0) + 1));
    if (records.length > 0) this.#held.set(holder, new Set(records));
  }

  /** Gives back all that `holder` has. */
  release(holder: object): void {
    const held = this.#held.get(holder);
    if (held === undefined) return;
    this.#held.delete(holder);
    for (const record of held)
      this.#change(record, (counts) => (counts[this.#worker] = Math.max(0, (counts[this.#worker] ?? 0) - 1)));
  }

  /** Slots that are taken, over all workers. */
  count(name: string, key = ''): number {
    return sum(parse(this.#store.get(recordOf(name, key), 0)));
  }

  /** All limits with a slot taken, over all workers. */
  list(): LimitUse[] {
    return this.#store.records().map(({ key: record, value }) => {
      const at = record.indexOf('\0');
      return { name: record.slice(0, at), key: record.slice(at + 1), count: sum(parse(value)) };
    });
  }

  /** The server ends, or this worker does. */
  close(): void {
    for (const holder of this.#held.keys()) this.release(holder);
  }

  /** False where there is no memory. */
  #change(record: string, change: (counts: number[]) => void): boolean {
    return this.#store.update(record, 0, (old) => {
      const counts = parse(old?.value);
      change(counts);
      return sum(counts) === 0 ? null : { value: Array.from(counts, (count) => count ?? 0).join(','), expiresMs: 0 };
    });
  }
}

function recordOf(name: string, key: string): string {
  return `${name.replaceAll('\0', '')}\0${key}`.slice(0, MAX_KEY);
}

function parse(value: string | number | undefined): number[] {
  return value === undefined ? [] : String(value).split(',').map(Number);
}

function sum(counts: readonly number[]): number {
  let total = 0;
  for (const count of counts) total += count ?? 0;
  return total;
}
