import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { Exchange, RECORD } from './exchange.ts';
import { workerMemory } from './memory.ts';

const RING_BYTES = 4096;

/** Two workers' ends in one thread, which wake each other without the addon. */
function pair(): { readonly a: Exchange; readonly b: Exchange; readonly close: () => void } {
  const memory = workerMemory(2, 0, RING_BYTES);
  const clock = new VirtualClock();
  const a = new Exchange(memory, 0, clock, false);
  const b = new Exchange(memory, 1, clock, false);
  return {
    a,
    b,
    close: () => {
      a.close();
      b.close();
    },
  };
}

const unexpected = (error: unknown): never => {
  throw error;
};

suite('exchange', { timeout: 10_000 }, () => {
  test('records go both ways, and wake who sleeps', async () => {
    const { a, b, close } = pair();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const heard: string[] = [];
    b.on(RECORD.MESSAGE, ({ numbers, c }, from) => {
      heard.push(`b ${numbers[0]} ${c} from ${from}`);
      b.push(from, RECORD.MESSAGE, [Number(numbers[0]) + 1], '', '', c.toUpperCase());
    });
    a.on(RECORD.MESSAGE, ({ numbers, c }, from) => {
      heard.push(`a ${numbers[0]} ${c} from ${from}`);
      if (heard.length < 8) a.push(from, RECORD.MESSAGE, [Number(numbers[0]) + 1], '', '', c.toLowerCase());
      else resolve();
    });
    a.start(unexpected);
    b.start(unexpected);
    a.push(1, RECORD.MESSAGE, [1], '', '', 'ping');
    await done;
    close();
    assert.deepEqual(heard.slice(0, 3), ['b 1 ping from 0', 'a 2 PING from 1', 'b 3 ping from 0']);
  });

  test('what one turn pushes comes in order; more than a ring holds is dropped and counted', async () => {
    const { a, b, close } = pair();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const seen: number[] = [];
    b.on(RECORD.CLOSED, ({ numbers }) => void seen.push(numbers[0] ?? -1));
    b.on(RECORD.END, () => resolve());
    b.start(unexpected);
    let pushed = 0;
    while (a.push(1, RECORD.CLOSED, [pushed])) pushed++;
    assert.equal(a.counts.dropped, 1);
    assert.ok(pushed > RING_BYTES / 50, `${pushed}`);
    while (!a.push(1, RECORD.END, [])) await new Promise((turn) => void setImmediate(turn));
    await done;
    close();
    assert.deepEqual(
      seen,
      Array.from({ length: pushed }, (_, i) => i),
    );
  });

  test('what was pushed before the reader began is read when it begins; a failing handler costs its record only', async () => {
    const { a, b, close } = pair();
    a.push(1, RECORD.CLOSED, [1]);
    a.push(1, RECORD.CLOSED, [2]);
    await Promise.resolve();
    const errors: unknown[] = [];
    const seen: unknown[] = [];
    b.on(RECORD.CLOSED, ({ numbers }) => {
      if (numbers[0] === 1) throw new Error('bad record');
      seen.push(numbers[0]);
    });
    b.start((error) => void errors.push((error as Error).message));
    close();
    assert.deepEqual([errors, seen], [['bad record'], [2]]);
  });
});
