/** `npm run soak [SEEDS] [FIRST] [proxy|b2bua]`: many seeds of the simulation (10,000 from 1 on), with those that fail. */
import process from 'node:process';
import { simulate, type World } from './simulate.ts';

const seeds = Number(process.argv[2] ?? 10_000);
const first = Number(process.argv[3] ?? 1);
const world: World = process.argv[4] === 'b2bua' ? 'b2bua' : 'proxy';
const failed: number[] = [];
let calls = 0;
let packets = 0;
const begun = performance.now();
for (let seed = first; seed < first + seeds; seed++) {
  const result = await simulate(seed, world);
  calls += result.calls;
  packets += result.packets;
  if (result.faults.length > 0) {
    failed.push(seed);
    console.error(`seed ${seed}: ${result.faults.join('; ')}`);
  }
  if ((seed - first + 1) % 1000 === 0) console.error(`${seed - first + 1} seeds, ${failed.length} failed`);
}
const seconds = ((performance.now() - begun) / 1000).toFixed(1);
console.log(
  `${seeds} seeds in ${seconds} s: ${calls} calls, ${packets} packets, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(' ')}` : ''}`,
);
process.exitCode = failed.length > 0 ? 1 : 0;
