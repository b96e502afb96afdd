import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Bus, TimerWheel } from 'strowger';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { Owners } from './owners.ts';
import { Serial } from './serial.ts';

/** What several workers' busses do when one asks. */
class TestBus {
  readonly #answers = new Map<number, (value: unknown) => unknown>();
  readonly #listeners = new Map<number, (value: unknown) => void>();

  of(worker: number): Bus {
    const nothing = (): void => {};
    return {
      publish: (_topic, value) => {
        for (const [index, fn] of this.#listeners) if (index !== worker) fn(value);
      },
      on: (_topic, fn) => {
        this.#listeners.set(worker, (value) => fn(value, 0));
        return nothing;
      },
      onOrdered: () => nothing,
      replicate: () => {},
      answer: (_topic, fn) => void this.#answers.set(worker, fn),
      ask: async (_topic, value) => {
        const others = [...this.#answers].filter(([index]) => index !== worker);
        return await Promise.all(others.map(([, fn]) => fn(structuredClone(value))));
      },
    };
  }

  end(worker: number): void {
    this.#answers.delete(worker);
  }
}

interface Job {
  readonly uri: string;
}

function workers(count: number): { bus: TestBus; owners: Owners<Job, string>[]; after: string[]; clock: VirtualClock } {
  const bus = new TestBus();
  const after: string[] = [];
  const clock = new VirtualClock();
  const wheel = new TimerWheel(clock);
  const owners = Array.from(
    { length: count },
    (_, workerIndex) =>
      new Owners<Job, string>(
        { bus: bus.of(workerIndex), workerCount: count, workerIndex, wheel },
        'topic',
        ({ uri }, respond) => {
          void Promise.resolve(respond(`${uri} by ${workerIndex}`)).then(() => after.push(uri));
        },
        'failed',
      ),
  );
  return { bus, owners, after, clock };
}

const asked = (owners: Owners<Job, string> | undefined, uri: string): Promise<string> =>
  new Promise((resolve) => owners?.run(uri, { uri }, resolve));

test('whoever is asked, the owner does it', async () => {
  const { owners } = workers(3);
  const seen = new Set<number>();
  for (let i = 0; i < 30; i++) {
    const uri = `sip:user${i}@example.org`;
    const owner = owners[0]?.ownerOf(uri) ?? -1;
    seen.add(owner);
    for (const one of owners) assert.equal(await asked(one, uri), `${uri} by ${owner}`);
    assert.deepEqual(
      owners.map((one) => one.owns(uri)),
      [0, 1, 2].map((index) => index === owner),
    );
  }
  assert.equal(seen.size, 3);
});

test('what comes of a job waits until it is answered', async () => {
  const { owners, after, clock } = workers(2);
  const uri = ['a', 'b', 'c', 'd', 'e'].find((name) => owners[0]?.ownerOf(name) === 1) ?? '';
  await new Promise<void>((resolve) => {
    owners[0]?.run(uri, { uri }, () => {
      assert.deepEqual(after, []);
      resolve();
    });
  });
  await clock.advanceAsync(1);
  assert.deepEqual(after, [uri]);
});

test('of an owner that is not there nothing comes', async () => {
  const { bus, owners } = workers(2);
  const uri = ['a', 'b', 'c', 'd', 'e'].find((name) => owners[0]?.ownerOf(name) === 1) ?? '';
  bus.end(1);
  assert.equal(await asked(owners[0], uri), 'failed');
});

test('work on one key is done in order, on others at the same time; a failure stops nothing', async () => {
  const serial = new Serial();
  const done: string[] = [];
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const first = serial.run('a', async () => {
    await gate;
    done.push('a1');
    throw new Error('of no use');
  });
  const second = serial.run('a', async () => void done.push('a2'));
  await serial.run('b', async () => void done.push('b'));
  assert.deepEqual(done, ['b']);
  release();
  await assert.rejects(first);
  await second;
  await serial.idle();
  assert.deepEqual(done, ['b', 'a1', 'a2']);
});
