import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { heapMemory, SharedHeap } from './shared-heap.ts';
import { SharedLocks } from './shared-locks.ts';

const clock = new VirtualClock();

function worker(memory: SharedArrayBuffer, workerIndex: number): SharedLocks {
  return new SharedLocks({ sharedHeap: new SharedHeap(memory, workerIndex), workerIndex, clock }, 'test', 4);
}

suite('shared locks', { timeout: 10_000 }, () => {
  test('one owner at a time, in order, within a worker and between them', async () => {
    const memory = heapMemory(1);
    const workers = [worker(memory, 0), worker(memory, 1)] as const;
    let inside = 0;
    let done = 0;
    const owners = Array.from({ length: 20 }, (_, i) => ({ i, locks: workers[i % 2] ?? workers[0] }));
    await Promise.all(
      owners.map(async (owner) => {
        await owner.locks.lock(2, owner);
        assert.equal(++inside, 1);
        await Promise.resolve();
        inside--;
        done++;
        assert.ok(owner.locks.unlock(2, owner));
      }),
    );
    assert.equal(done, 20);
  });

  test('re-entrant for its owner, free for none other; other locks are free', () => {
    const locks = worker(heapMemory(1), 0);
    const [a, b] = [{}, {}];
    assert.equal(locks.lock(0, a), true);
    assert.equal(locks.lock(0, a), true);
    assert.ok(locks.lock(0, b) instanceof Promise);
    assert.equal(locks.lock(1, b), true);
    assert.equal(locks.unlock(0, b), false);
    assert.ok(locks.unlock(0, a));
    assert.ok(locks.unlock(0, a));
    assert.equal(locks.unlock(0, a), false);
    assert.ok(locks.unlock(0, b));
  });

  test('who gives up is not given it, and leaves nothing behind', async () => {
    const memory = heapMemory(1);
    const [one, two] = [worker(memory, 0), worker(memory, 1)];
    const [a, b, c] = [{}, {}, {}];
    assert.equal(one.lock(0, a), true);
    const [here, there] = [one.lock(0, b), two.lock(0, c)];
    one.giveUp(0, b);
    two.giveUp(0, c);
    assert.deepEqual(await Promise.all([here, there]), [false, false]);
    one.release(a);
    assert.ok(one.isIdle && two.isIdle);
    assert.equal(two.lock(0, c), true);
  });

  test('what a worker held that died is free for the others', async () => {
    const memory = heapMemory(1);
    assert.equal(worker(memory, 1).lock(3, {}), true);
    const other = worker(memory, 0);
    const waiting = other.lock(3, {});
    worker(memory, 1);
    assert.equal(await waiting, true);
  });
});
