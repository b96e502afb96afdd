import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from './random.ts';
import { VirtualClock } from './virtual-clock.ts';

test('calls run by due time, then by order of scheduling, each at its own time', () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  clock.schedule(20, () => ran.push(`b@${clock.now()}`));
  clock.schedule(10, () => {
    ran.push(`a@${clock.now()}`);
    clock.schedule(10, () => ran.push(`d@${clock.now()}`));
  });
  clock.schedule(20, () => ran.push(`c@${clock.now()}`));
  clock.advance(15);
  assert.equal(clock.now(), 15);
  assert.equal(clock.nextDueMs, 20);
  clock.advance(15);
  assert.deepEqual(ran, ['a@10', 'b@20', 'c@20', 'd@20']);
  assert.equal(clock.now(), 30);
});

test('an unscheduled call does not run, and leaves nothing pending', () => {
  const clock = new VirtualClock();
  const handle = clock.schedule(5, () => assert.fail('ran'));
  clock.unschedule(handle);
  clock.unschedule(handle);
  assert.equal(clock.pending, 0);
  assert.equal(clock.runUntilIdle(), true);
  assert.equal(clock.now(), 0);
});

test('many calls in random order come out sorted', () => {
  const clock = new VirtualClock();
  const random = new SeededRandom(7);
  const ran: number[] = [];
  for (let i = 0; i < 5000; i++) {
    const handle = clock.schedule(random.int(1000), () => ran.push(clock.now()));
    if (random.int(3) === 0) clock.unschedule(handle);
  }
  assert.equal(clock.runUntilIdle(), true);
  assert.deepEqual(
    ran,
    ran.toSorted((a, b) => a - b),
  );
});

test('advanceAsync settles chains of promises between events', async () => {
  const clock = new VirtualClock();
  const ran: string[] = [];
  const work = async (name: string): Promise<void> => {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    ran.push(`${name}@${clock.now()}`);
    clock.schedule(3, () => ran.push(`${name}+3@${clock.now()}`));
  };
  clock.schedule(10, () => void work('a'));
  clock.schedule(10, () => void work('b'));
  await clock.advanceAsync(20);
  assert.deepEqual(ran, ['a@10', 'b@10', 'a+3@13', 'b+3@13']);
  assert.equal(clock.now(), 20);
});

test('runUntilSettled runs as long as a promise needs, and no longer than its limit', async () => {
  const clock = new VirtualClock();
  const value = new Promise<number>((resolve) => clock.schedule(1500, () => resolve(42)));
  assert.equal(await clock.runUntilSettled(value), 42);
  assert.equal(clock.now(), 1500);
  await assert.rejects(clock.runUntilSettled(new Promise(() => {}), 100), /not settled/);
});

test('advancing from inside a call is refused', () => {
  const clock = new VirtualClock();
  clock.schedule(1, () => clock.advance(1));
  assert.throws(() => clock.advance(5), /inside/);
});

test('wall time follows, and may jump', () => {
  const clock = new VirtualClock(1000);
  clock.advance(50);
  assert.equal(clock.wall(), 1050);
  clock.jumpWall(-500);
  assert.equal(clock.wall(), 550);
  assert.equal(clock.now(), 50);
});

test('time stands still while work goes on outside of it', async () => {
  const clock = new VirtualClock();
  let isLate = false;
  clock.schedule(30_000, () => {
    isLate = true;
  });
  const work = new Promise<string>((resolve) => {
    setTimeout(resolve, 20, 'done');
  });
  clock.standStill(work);
  assert.equal(await clock.runUntilSettled(work), 'done');
  assert.equal(isLate, false);
  clock.standStill(Promise.reject(new Error('no')));
  await clock.advanceAsync(30_000);
  assert.equal(isLate, true);
});
