import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { type Bus, LocalBus, type Replica } from '../workers/bus.ts';
import { SharedMap } from './shared-map.ts';

type Listener = (value: unknown, from: number, isOwn: boolean) => void;

/** Several buses that are tied together; what is published waits until it is let through, worker by worker, in one order. */
class TestStar {
  readonly #order: { readonly value: unknown; readonly from: number }[] = [];
  readonly #heard: number[] = [];
  readonly #listeners: Listener[] = [];
  readonly #replicas: Replica[] = [];

  bus(own: number): Bus {
    this.#heard[own] = this.#order.length;
    const bus = new LocalBus();
    return Object.assign(bus, {
      publish: (_topic: string, value: unknown) => void this.#order.push({ value: structuredClone(value), from: own }),
      onOrdered: (_topic: string, fn: Listener) => {
        this.#listeners[own] = fn;
        return () => {};
      },
      replicate: (_topic: string, replica: Replica) => void (this.#replicas[own] = replica),
    });
  }

  /** Lets worker `to` hear the next event it has not heard. */
  deliver(to: number): boolean {
    const event = this.#order[this.#heard[to] ?? 0];
    if (event === undefined) return false;
    this.#heard[to] = (this.#heard[to] ?? 0) + 1;
    this.#listeners[to]?.(event.value, event.from, event.from === to);
    return true;
  }

  snapshot(of: number): unknown {
    return structuredClone(this.#replicas[of]?.snapshot());
  }

  restore(to: number, value: unknown): void {
    this.#replicas[to]?.restore(value);
  }
}

const WORKERS = 3;

suite('shared map', () => {
  test('a write shows at once where it was made; whatever the delays, all copies end up the same', () => {
    const write = fc.record({ by: fc.nat(WORKERS - 1), key: fc.constantFrom('a', 'b'), value: fc.nat(1000) });
    const step = fc.oneof(write, fc.record({ to: fc.nat(WORKERS - 1) }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const star = new TestStar();
        const maps = Array.from({ length: WORKERS }, (_, own) => new SharedMap<number>(star.bus(own), 't'));
        for (const action of steps) {
          if ('to' in action) star.deliver(action.to);
          else {
            maps[action.by]?.set(action.key, action.value);
            assert.equal(maps[action.by]?.get(action.key), action.value);
          }
        }
        for (let to = 0; to < WORKERS; to++) while (star.deliver(to));
        const [first, ...others] = maps.map((map) => new Map(map));
        for (const other of others) assert.deepEqual(other, first);
      }),
    );
  });

  test('one that starts later takes over what the others have', () => {
    const star = new TestStar();
    const old = new SharedMap<string>(star.bus(0), 't', [['a', 'first']]);
    old.set('a', 'second');
    star.deliver(0);
    const fresh = new SharedMap<string>(star.bus(1), 't', [['a', 'first']]);
    star.restore(1, star.snapshot(0));
    assert.equal(fresh.get('a'), 'second');
  });

  test('alone it is a map', () => {
    const map = new SharedMap<number>(new LocalBus(), 't', [], true);
    map.declare('x', 1);
    map.declare('x', 2);
    assert.equal(map.get('x'), 1);
    map.set('x', 3);
    assert.deepEqual([...map], [['x', 3]]);
  });
});
