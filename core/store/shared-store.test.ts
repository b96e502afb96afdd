import assert from 'node:assert/strict';
import { once } from 'node:events';
import { suite, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { heapMemory, SharedHeap } from './shared-heap.ts';
import { SharedStore, type StoreValue } from './shared-store.ts';

const SEED = 7;

function newStore(largest?: number): SharedStore {
  return new SharedStore(new SharedHeap(heapMemory(SEED, largest)), 'test');
}

const key = fc.constantFrom('', 'a', 'b', 'key::size', 'x'.repeat(40), '\xff\x00');
const value = fc.oneof(fc.integer(), fc.constantFrom('', '1', 'some text', 'y'.repeat(300)));
const action = fc.oneof(
  fc.record({ do: fc.constant('set' as const), key, value, life: fc.constantFrom(0, 5, 50) }),
  fc.record({ do: fc.constant('delete' as const), key }),
  fc.record({ do: fc.constant('add' as const), key, by: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.nat(10) }),
  fc.record({ do: fc.constant('sweep' as const) }),
);

suite('shared store', { timeout: 30_000 }, () => {
  test('behaves as a map with an end for each entry', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const store = newStore();
        const model = new Map<string, { value: StoreValue; expiresMs: number }>();
        let now = 1000;
        const live = (name: string) => {
          const found = model.get(name);
          if (found === undefined || found.expiresMs === 0 || found.expiresMs > now) return found;
          model.delete(name);
          return undefined;
        };
        for (const step of actions) {
          if (step.do === 'set') {
            const expiresMs = step.life === 0 ? 0 : now + step.life;
            model.set(step.key, { value: step.value, expiresMs });
            assert.ok(store.set(step.key, step.value, expiresMs));
          } else if (step.do === 'delete') {
            model.delete(step.key);
            store.delete(step.key);
          } else if (step.do === 'add') {
            const old = live(step.key);
            const sum = (typeof old?.value === 'number' ? old.value : 0) + step.by;
            model.set(step.key, { value: sum, expiresMs: old?.expiresMs ?? 0 });
            assert.equal(store.add(step.key, step.by, now), sum);
          } else if (step.do === 'wait') now += step.ms;
          else {
            store.sweep(now);
            for (const name of model.keys()) live(name);
            assert.equal(store.size, model.size);
          }
          if ('key' in step) assert.equal(store.get(step.key, now), live(step.key)?.value);
        }
        store.sweep(now);
        const left = store.records().map((record) => [record.key, record.value] as const);
        const wanted = [...model.keys()].flatMap((name) => {
          const found = live(name);
          return found === undefined ? [] : [[name, found.value] as const];
        });
        assert.deepEqual(new Map(left), new Map(wanted));
      }),
      { numRuns: 200 },
    );
  });

  test('holds as many records as there is memory for, finds each, and uses again what was freed', () => {
    const store = newStore(4 * 1024 * 1024);
    let count = 0;
    while (store.set(`key ${count}`, count)) count++;
    assert.ok(count > 20_000, `${count}`);
    for (let i = 0; i < count; i++) assert.equal(store.get(`key ${i}`, 0), i);
    assert.equal(store.add('one more', 1, 0), null);
    assert.equal(store.size, count);
    store.clear();
    assert.equal(store.size, 0);
    for (let i = 0; i < count; i++) assert.ok(store.set(`new ${i}`, i));
  });

  test('tells of what is over once, with its value', () => {
    const store = newStore();
    const over: string[] = [];
    store.onExpired = (record) => over.push(`${record.key}=${record.value}`);
    store.set('read', 'r', 10);
    store.set('added', 5, 10);
    store.set('swept', 's', 10);
    store.set('stays', 't', 11);
    assert.equal(store.get('read', 9), 'r');
    assert.equal(store.get('read', 10), undefined);
    assert.equal(store.add('added', 1, 10, 99), 1);
    store.sweep(10);
    store.sweep(10);
    assert.deepEqual(over, ['read=r', 'added=5', 'swept=s']);
    assert.deepEqual(store.record('added', 10), { key: 'added', value: 1, expiresMs: 99 });
    assert.equal(store.size, 2);
  });

  test('several threads: no addition is lost, and each sees sums of its own', async () => {
    const threads = 3;
    const rounds = 5000;
    const memory = heapMemory(SEED);
    const url = new URL('testdata/adder.thread.ts', import.meta.url);
    const seen = await Promise.all(
      Array.from({ length: threads }, async (_, index) => {
        const thread = new Worker(url, { workerData: { memory, index: index + 1, rounds } });
        const [sums] = (await once(thread, 'message')) as [number[]];
        await thread.terminate();
        return sums;
      }),
    );
    const store = new SharedStore(new SharedHeap(memory), 'test');
    assert.equal(store.get('all', 0), threads * rounds);
    assert.equal(new Set(seen.flat()).size, threads * rounds);
    assert.match(String(store.get('text', 0)), /^x+$/);
    const left = Math.floor((rounds * 2) / 3);
    assert.equal(store.size, 2 + threads * left);
    assert.equal(store.get('2/4999', 0), 'v'.repeat(99));
  });

  test('addresses beyond two gigabytes hold', () => {
    const heap = new SharedHeap(heapMemory(SEED));
    const store = new SharedStore(heap, 'test');
    store.set('low', 'text');
    heap.lock();
    // Memory that nobody touches is none.
    for (let i = 0; i < 5; i++) assert.notEqual(heap.allocate(2 ** 27), 0);
    heap.unlock();
    assert.ok(heap.usedBytes > 2 ** 31);
    assert.ok(store.set('high', 'another text', 5));
    assert.deepEqual(store.record('high', 0), { key: 'high', value: 'another text', expiresMs: 5 });
    assert.equal(store.get('low', 0), 'text');
    assert.ok(store.delete('high'));
  });

  test('a worker that takes the place of one that died with the lock goes on', () => {
    const memory = heapMemory(SEED);
    new SharedHeap(memory, 3).lock();
    const heap = new SharedHeap(memory, 3);
    new SharedStore(heap, 'test').set('a', 1);
    assert.equal(new SharedStore(new SharedHeap(memory, 0), 'test').get('a', 0), 1);
  });
});
