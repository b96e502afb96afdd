import type { Counter, CounterRegistry } from '../counters/counters.ts';
import type { Bus } from './bus.ts';

const TOPIC = 'core.counters';

/** One counter as another worker sees it: what it has counted since it last told, or for a computed one what it is. */
type Reading = readonly [group: string, name: string, value: number];

interface Report {
  readonly counted: readonly Reading[];
  readonly computed: readonly Reading[];
}

/**
 * Counters count where things happen; what is read is the sum over all workers, at most a heartbeat old (an RPC asks anew).
 * What a worker counted stays when it dies; what it computed (transactions in memory) goes with it.
 */
export class SharedCounters {
  readonly #registry: CounterRegistry;
  readonly #bus: Bus;

  constructor(registry: CounterRegistry, bus: Bus) {
    this.#registry = registry;
    this.#bus = bus;
    bus.on(TOPIC, (report, from) => this.#learn(report as Report, from));
    bus.answer(TOPIC, () => {
      this.publish();
      return null;
    });
    bus.replicate(TOPIC, {
      snapshot: (): Report => ({
        counted: this.#all((counter) => counter.compute === null && counter.others + counter.told !== 0).map(
          (counter) => reading(counter, counter.others + counter.told),
        ),
        computed: [],
      }),
      restore: (report) => this.#learn(report as Report, -1),
    });
  }

  /** Tells the others what has changed. */
  publish(): void {
    const changed = this.#all((counter) => counter.own !== counter.told);
    if (changed.length === 0) return;
    const counted = changed.filter((counter) => counter.compute === null).map((c) => reading(c, c.own - c.told));
    const computed = changed.filter((counter) => counter.compute !== null).map((c) => reading(c, c.own));
    for (const counter of changed) counter.told = counter.own;
    this.#bus.publish(TOPIC, { counted, computed } satisfies Report);
  }

  /** Brings what is known of the others up to date: they tell before they answer. */
  async refresh(): Promise<void> {
    await this.#bus.ask(TOPIC, null);
  }

  /** A worker has died: what it computed is gone, and the one that takes its place is to be told what we compute. */
  forget(worker: number): void {
    for (const counter of this.#all(({ compute }) => compute !== null)) {
      counter.othersNow[worker] = 0;
      counter.told = 0;
    }
  }

  #learn({ counted, computed }: Report, from: number): void {
    for (const [group, name, value] of counted) this.#registry.register(group, name).others += value;
    for (const [group, name, value] of computed) this.#registry.register(group, name).othersNow[from] = value;
  }

  #all(fits: (counter: Counter) => boolean): Counter[] {
    return this.#registry.groups().flatMap((group) => this.#registry.members(group).filter(fits));
  }
}

function reading({ group, name }: Counter, value: number): Reading {
  return [group, name, value];
}
