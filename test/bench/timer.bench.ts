/** `node test/bench/timer.bench.ts`: cost of arming, cancelling and firing timers, and of randomness. */
import { Bench } from 'tinybench';
import { CryptoRandom, SeededRandom } from '../../core/timer/random.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { Timer } from '../../core/timer/timer.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { TimerWheel } from '../../core/timer/wheel.ts';

const BATCH = 1000;
const bench = new Bench({ time: 300 });
const realClock = new RealClock();
const real = new TimerWheel(realClock);
const timers = Array.from({ length: BATCH }, () => new Timer(() => {}, null));
for (let i = 0; i < 50_000; i++) real.after(30_000 + i, () => {});

bench.add(`arm + cancel × ${BATCH}, real clock, 50,000 armed`, () => {
  for (const timer of timers) {
    real.arm(timer, 500);
    real.cancel(timer);
  }
});
const clock = new VirtualClock();
const wheel = new TimerWheel(clock);
bench.add(`arm + fire × ${BATCH}, 500 ms, virtual clock`, () => {
  for (const timer of timers) wheel.arm(timer, 500);
  clock.advance(500);
});
bench.add(`RealClock.now × ${BATCH}`, () => {
  for (let i = 0; i < BATCH; i++) realClock.now();
});
const crypto = new CryptoRandom();
const seeded = new SeededRandom(1);
bench.add(`CryptoRandom.uint32 × ${BATCH}`, () => {
  for (let i = 0; i < BATCH; i++) crypto.uint32();
});
bench.add(`CryptoRandom.token(10) × ${BATCH}`, () => {
  for (let i = 0; i < BATCH; i++) crypto.token(10);
});
bench.add(`SeededRandom.uint32 × ${BATCH}`, () => {
  for (let i = 0; i < BATCH; i++) seeded.uint32();
});

await bench.run();
for (const task of bench.tasks) {
  const result = task.result;
  if ('latency' in result)
    console.log(`${((result.latency.p50 * 1e6) / BATCH).toFixed(1).padStart(8)} ns each  ${task.name}`);
}

const cpu = process.cpuUsage();
const startMs = realClock.now();
await new Promise((resolve) => setTimeout(resolve, 2000));
const used = process.cpuUsage(cpu);
const ms = realClock.now() - startMs;
console.log(
  `${(((used.user + used.system) / 1000 / ms) * 100).toFixed(2).padStart(8)} % CPU    idle with ${real.size} timers armed`,
);
real.close();
