import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from './random.ts';
import { RealClock } from './real-clock.ts';
import { Timer } from './timer.ts';
import { VirtualClock } from './virtual-clock.ts';
import { TimerWheel } from './wheel.ts';

function setup(): {
  clock: VirtualClock;
  wheel: TimerWheel;
  fired: [string, number][];
  timer: (name: string) => Timer<string>;
} {
  const clock = new VirtualClock();
  const wheel = new TimerWheel(clock);
  const fired: [string, number][] = [];
  const timer = (name: string): Timer<string> => new Timer((n: string) => fired.push([n, clock.now()]), name);
  return { clock, wheel, fired, timer };
}

test('a timer fires once, at exactly its due time, on every level of the wheel', () => {
  for (const delay of [
    0, 1, 255, 256, 500, 16_383, 16_384, 32_000, 1_048_576, 67_108_864, 2_147_483_647, 5_000_000_000,
  ]) {
    for (const start of [0, 1, 255, 77_777, 3_000_000_000, 4_294_967_295]) {
      const { clock, wheel, fired, timer } = setup();
      clock.advance(start);
      wheel.arm(timer('t'), delay);
      clock.advance(delay - 1);
      if (delay > 0) assert.deepEqual(fired, [], `early: ${start} + ${delay}`);
      clock.advance(5);
      assert.deepEqual(fired, [['t', start + delay]]);
      assert.equal(wheel.size, 0);
      assert.equal(clock.pending, 0);
    }
  }
});

test('timers due together fire in the order they were armed, whatever their delay was', () => {
  const { clock, wheel, fired, timer } = setup();
  wheel.arm(timer('a'), 40_000);
  clock.advance(30_000);
  wheel.arm(timer('b'), 10_000);
  clock.advance(9_900);
  wheel.arm(timer('c'), 100);
  clock.advance(99);
  wheel.arm(timer('d'), 1);
  clock.advance(1);
  assert.deepEqual(
    fired.map(([name]) => name),
    ['a', 'b', 'c', 'd'],
  );
});

test('a cancelled timer does not fire, an armed one can be moved, a fired one armed again', () => {
  const { clock, wheel, fired, timer } = setup();
  const [a, b] = [timer('a'), timer('b')];
  wheel.arm(a, 10);
  wheel.arm(b, 10);
  assert.equal(a.isArmed, true);
  wheel.cancel(a);
  wheel.cancel(a);
  wheel.arm(b, 20);
  clock.advance(30);
  wheel.arm(b, 5);
  clock.advance(30);
  assert.deepEqual(fired, [
    ['b', 20],
    ['b', 35],
  ]);
  assert.equal(a.isArmed, false);
});

test('a timer may cancel another due at the same time, and arm itself with no delay', () => {
  const { clock, wheel, fired, timer } = setup();
  const victim = timer('victim');
  const killer = new Timer(() => wheel.cancel(victim), null);
  let rounds = 0;
  const eager: Timer<null> = new Timer(() => {
    if (++rounds < 3) wheel.arm(eager, 0);
  }, null);
  wheel.arm(killer, 10);
  wheel.arm(victim, 10);
  wheel.arm(eager, 10);
  clock.advance(10);
  assert.deepEqual(fired, []);
  assert.equal(rounds, 3);
  assert.equal(wheel.size, 0);
});

test('random arming and cancelling agrees with a sorted list', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const clock = new VirtualClock();
    const wheel = new TimerWheel(clock);
    const fired: string[] = [];
    const expected = new Map<number, { dueMs: number; order: number }>();
    const timers = Array.from(
      { length: 200 },
      (_, id) =>
        new Timer((n: number) => {
          fired.push(`${n}@${clock.now()}`);
          expected.delete(n);
        }, id),
    );
    const due: string[] = [];
    let order = 0;
    for (let step = 0; step < 3000; step++) {
      const id = random.int(200);
      const timer = timers[id];
      assert.ok(timer);
      const action = random.int(10);
      if (action < 6) {
        const delay = random.int(2 ** (1 + random.int(22)));
        wheel.arm(timer, delay);
        expected.set(id, { dueMs: clock.now() + delay, order: order++ });
      } else if (action < 8) {
        wheel.cancel(timer);
        expected.delete(id);
      } else {
        const ms = random.int(2 ** (1 + random.int(16)));
        const untilMs = clock.now() + ms;
        const ready = [...expected].filter(([, e]) => e.dueMs <= untilMs);
        ready.sort(([, x], [, y]) => x.dueMs - y.dueMs || x.order - y.order);
        for (const [n, e] of ready) due.push(`${n}@${e.dueMs}`);
        clock.advance(ms);
        assert.equal(wheel.size, expected.size);
      }
    }
    assert.deepEqual(fired, due, `seed ${seed}`);
  }
});

test('one clock call is outstanding however many timers are armed, none when all have fired', () => {
  const { clock, wheel } = setup();
  for (let i = 0; i < 50_000; i++) wheel.after(1000 + i, () => {});
  assert.equal(clock.pending, 1);
  clock.advance(100_000);
  assert.equal(clock.pending, 0);
});

test('every() keeps its period without drift, may be cancelled from inside, and skips what it missed', () => {
  const { clock, wheel } = setup();
  const at: number[] = [];
  const timer = wheel.every(100, () => {
    at.push(clock.now());
    if (at.length === 3) wheel.cancel(timer);
  });
  clock.advance(1000);
  assert.deepEqual(at, [100, 200, 300]);
});

test('an error thrown by one timer is reported and does not keep others from firing', () => {
  const clock = new VirtualClock();
  const errors: unknown[] = [];
  const wheel = new TimerWheel(clock, { onError: (error) => errors.push(error) });
  let ran = 0;
  wheel.after(5, () => {
    throw new Error('first');
  });
  wheel.after(5, () => ran++);
  clock.advance(5);
  assert.equal(errors.length, 1);
  assert.equal(ran, 1);
});

test('close() forgets the timers and releases the clock', () => {
  const { clock, wheel, fired, timer } = setup();
  wheel.arm(timer('a'), 10);
  wheel.close();
  wheel.arm(timer('b'), 10);
  assert.equal(clock.pending, 0);
  clock.advance(100);
  assert.deepEqual(fired, []);
});

test('on a coarse clock timers fire at or after their due time, less than one grain late', () => {
  const clock = new VirtualClock();
  const coarse = {
    now: () => clock.now(),
    wall: () => clock.wall(),
    schedule: (ms: number, fn: () => void) => clock.schedule(ms, fn),
    unschedule: clock.unschedule.bind(clock),
    granularityMs: 10,
  };
  const wheel = new TimerWheel(coarse);
  for (let i = 1; i <= 3000; i++) {
    const dueMs = clock.now() + i;
    wheel.after(i, () => assert.ok(clock.now() >= dueMs && clock.now() < dueMs + 10));
  }
  clock.advance(4000);
  assert.equal(wheel.size, 0);
});

test('it works on the real clock', async () => {
  const clock = new RealClock();
  const wheel = new TimerWheel(clock);
  const startMs = clock.now();
  await new Promise<void>((resolve) => wheel.after(15, resolve));
  assert.ok(clock.now() - startMs >= 15);
  wheel.close();
});
