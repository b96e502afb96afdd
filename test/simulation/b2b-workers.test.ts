import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { simulateWorkers } from './b2b-workers.ts';

/** Seconds that it may take. */
const BUDGET_S = Number(process.env['STROWGER_SIM_SECONDS'] ?? 5);
/** A run begins at a seed that the time gives; STROWGER_SIM_SEED repeats one. */
const FIRST_SEED = Number(
  process.env['STROWGER_SIM_SEED'] ?? 1 + (Math.floor(performance.timeOrigin / 1000) % 1_000_000),
);

test('calls that move between workers at random: every dialog ends, and nothing is left in either worker', async (t) => {
  const end = performance.now() + BUDGET_S * 1000;
  let seed = FIRST_SEED;
  let dialogs = 0;
  let moved = 0;
  do {
    const result = await simulateWorkers(seed);
    assert.deepEqual(result.faults, [], `seed ${seed}: repeat with STROWGER_SIM_SEED=${seed}`);
    dialogs += result.dialogs;
    moved += result.moved;
    seed++;
  } while (performance.now() < end);
  t.diagnostic(`${seed - FIRST_SEED} seeds from ${FIRST_SEED} on, ${dialogs} dialogs, ${moved} calls moved`);
});
