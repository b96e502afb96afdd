import type { Server } from '../server.ts';
import type { Bus } from '../workers/bus.ts';

type Change<V> = readonly [key: string, value: V];

/**
 * A table that all workers of a server have: reads are local, a write shows at once where it was made and everywhere else
 * as soon as the others hear of it. Writes are put in one order by the bus, so that all copies end up the same; a copy
 * does not go back to an older value while a write of its own is on its way. Values are structured clones; strings
 * that come from a message must be flat copies.
 */
export class SharedMap<V> {
  readonly #values: Map<string, V>;
  readonly #bus: Bus;
  readonly #topic: string;
  /** Writes of our own that have not come back yet, by key. */
  readonly #pending = new Map<string, number>();
  readonly #isAlone: boolean;

  /** `topic` names it on the bus; `initial` must be the same on all workers. */
  constructor(bus: Bus, topic: string, initial: Iterable<Change<V>> = [], isAlone = false) {
    this.#values = new Map(initial);
    this.#bus = bus;
    this.#topic = topic;
    this.#isAlone = isAlone;
    bus.onOrdered(topic, (change, _from, isOwn) => this.#apply(change as Change<V>, isOwn));
    bus.replicate(topic, {
      snapshot: () => [...this.#values],
      restore: (values) => {
        for (const [key, value] of values as Change<V>[]) this.#values.set(key, value);
      },
    });
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** Writes here and tells the others. */
  set(key: string, value: V): void {
    this.#values.set(key, value);
    if (this.#isAlone) return;
    this.#pending.set(key, (this.#pending.get(key) ?? 0) + 1);
    this.#bus.publish(this.#topic, [key, value] satisfies Change<V>);
  }

  /** Sets a value that every worker sets by itself, such as the first one of a name in the script. */
  declare(key: string, value: V): void {
    if (!this.#values.has(key)) this.#values.set(key, value);
  }

  [Symbol.iterator](): IterableIterator<[string, V]> {
    return this.#values[Symbol.iterator]();
  }

  #apply([key, value]: Change<V>, isOwn: boolean): void {
    const waiting = (this.#pending.get(key) ?? 0) - (isOwn ? 1 : 0);
    if (waiting > 0) {
      this.#pending.set(key, waiting);
      return;
    }
    this.#pending.delete(key);
    this.#values.set(key, value);
  }
}

/** A table that all workers of this server have. `topic` is a name of its own, the module's in front. */
export function sharedMap<V>(
  server: Pick<Server, 'bus' | 'workerCount'>,
  topic: string,
  initial: Iterable<readonly [string, V]> = [],
): SharedMap<V> {
  return new SharedMap(server.bus, topic, initial, server.workerCount === 1);
}
