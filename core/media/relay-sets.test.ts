import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Server } from '../server.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import type { Bus, Replica } from '../workers/bus.ts';
import { callHash, pickRelay, type RelayUrl } from './relay-node.ts';
import { RelaySets } from './relay-sets.ts';

/** Two workers' buses: what one publishes the other hears. */
class PairBus implements Bus {
  other: PairBus | null = null;
  replica: Replica | null = null;
  #hear: ((value: unknown) => void) | null = null;

  publish(_topic: string, value: unknown): void {
    this.other?.hears(structuredClone(value));
  }
  hears(value: unknown): void {
    this.#hear?.(value);
  }
  on(_topic: string, fn: (value: unknown, from: number) => void): () => void {
    this.#hear = (value) => fn(value, 0);
    return () => {};
  }
  onOrdered(): () => void {
    return () => {};
  }
  ask(): Promise<unknown[]> {
    return Promise.resolve([]);
  }
  answer(): void {}
  replicate(_topic: string, replica: Replica): void {
    this.replica = replica;
  }
}

function url(port: number, weight = 1): RelayUrl {
  return { url: `udp:10.0.0.1:${port}`, host: '10.0.0.1', port, family: 4, weight };
}

/** A worker with three nodes; its clock begins at `startMs`. */
function worker(bus: Bus, startMs: number): { readonly sets: RelaySets; readonly clock: VirtualClock } {
  const clock = new VirtualClock();
  clock.advance(startMs);
  const sets = new RelaySets({ bus, clock } as unknown as Server, 'test');
  for (const port of [1, 2, 3]) sets.add(0, url(port));
  return { sets, clock };
}

describe('sets of media relays', () => {
  test('all workers know which nodes answer, each by its own clock', () => {
    const [bus, otherBus] = [new PairBus(), new PairBus()];
    bus.other = otherBus;
    otherBus.other = bus;
    const one = worker(bus, 0);
    const two = worker(otherBus, 50_000);
    const node = one.sets.find(0, 'udp:10.0.0.1:2');
    const theirs = two.sets.find(0, 'udp:10.0.0.1:2');
    assert.ok(node !== undefined && theirs !== undefined);
    one.sets.disable(node, 30_000);
    assert.deepEqual(
      [theirs.isDisabled, theirs.isPermanent, theirs.recheckMs],
      [true, false, two.clock.now() + 30_000],
    );
    two.sets.enable(theirs);
    assert.equal(node.isDisabled, false);
    two.sets.disableForGood(theirs);
    assert.deepEqual([node.isDisabled, node.isPermanent], [true, true]);
    // One that takes a worker's place.
    const third = worker(new PairBus(), 0);
    const replica = new PairBus();
    const fourth = worker(replica, 0);
    assert.equal(
      third.sets.all().some((each) => each.isDisabled),
      false,
    );
    replica.replica?.restore(bus.replica?.snapshot());
    assert.deepEqual(
      fourth.sets.all().map((each) => each.isPermanent),
      [false, true, false],
    );
  });

  test('weights share calls out', () => {
    const sets = new RelaySets({ bus: new PairBus(), clock: new VirtualClock() } as unknown as Server, 'test');
    for (const [port, weight] of [
      [1, 1],
      [2, 3],
      [3, 0],
    ] as const)
      sets.add(0, url(port, weight));
    const counts = new Map<number, number>();
    for (let i = 0; i < 4000; i++) {
      const port = pickRelay(sets.set(0), callHash(`call-${i}@example.org`, 2))?.port ?? 0;
      counts.set(port, (counts.get(port) ?? 0) + 1);
    }
    assert.equal(counts.get(3), undefined);
    assert.ok(Math.abs((counts.get(1) ?? 0) - 1000) < 120);
    assert.equal(pickRelay([], 5), undefined);
  });

  test('calls fall where Kamailio lets them fall', () => {
    // Sum of characters, signed sum of the SHA-1 digest's bytes, CRC-32: the last as its specification's check value.
    assert.equal(callHash('abc', 0), (97 + 98 + 99) & 255);
    assert.equal(callHash('123456789', 2), 0xcbf43926);
    assert.equal(callHash('\xff\xff', 0), 254);
    assert.ok(callHash('abc', 1) >= 0);
  });
});
