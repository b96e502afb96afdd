import assert from 'node:assert/strict';
import process from 'node:process';
import { test } from 'node:test';
import { simulate, type World } from './simulate.ts';

/** Seconds the simulation may take; every run goes on with seeds of its own. */
const BUDGET_S = Number(process.env['STROWGER_SIM_SECONDS'] ?? 10);
/** A run begins at a seed that the time gives; STROWGER_SIM_SEED repeats one. */
const FIRST_SEED = Number(
  process.env['STROWGER_SIM_SEED'] ?? 1 + (Math.floor(performance.timeOrigin / 1000) % 1_000_000),
);

const WORLDS: readonly (readonly [World, string])[] = [
  ['proxy', 'two user agents and a proxy on a bad network: one final reply for each request, nothing left behind'],
  ['b2bua', 'two user agents and a B2BUA on a bad network: the same, and no call or leg left'],
];

for (const [world, what] of WORLDS) {
  test(what, async (t) => {
    const end = performance.now() + (BUDGET_S * 1000) / WORLDS.length;
    let seed = FIRST_SEED;
    let calls = 0;
    do {
      const result = await simulate(seed, world);
      assert.deepEqual(result.faults, [], `seed ${seed}: repeat with STROWGER_SIM_SEED=${seed}`);
      calls += result.calls;
      seed++;
    } while (performance.now() < end);
    t.diagnostic(`${seed - FIRST_SEED} seeds from ${FIRST_SEED} on, ${calls} calls`);
  });
}
