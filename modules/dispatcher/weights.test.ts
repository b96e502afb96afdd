import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from 'strowger/testing';
import { readAttributes } from './attributes.ts';
import type { Dest } from './destination.ts';
import { LatencyStats } from './latency.ts';
import { relativeWeights, weightSlots } from './weights.ts';

const random = new SeededRandom(7);
const below = (n: number): number => random.int(n);

function dest(body: string, isUsable = true, congestionMs = 0): Dest {
  const latency = new LatencyStats(20);
  latency.estimate += congestionMs;
  return { attrs: readAttributes(body).attrs, isUsable, latency } as unknown as Dest;
}

function shares(slots: Uint16Array): number[] {
  const counts = new Array<number>(Math.max(...slots) + 1).fill(0);
  for (const index of slots) counts[index] = (counts[index] ?? 0) + 1;
  return counts;
}

/** Kamailio 5.6.3, asked: sums over 100 are cut, what is missing is the last one's, the first must have a weight. */
test('weights are percents', () => {
  const of = (...weights: number[]): number[] =>
    shares(
      weightSlots(
        weights.map((w) => dest(w === 0 ? '' : `weight=${w}`)),
        below,
      ),
    );
  assert.deepEqual(of(50, 50), [50, 50]);
  assert.deepEqual(of(30, 60), [30, 70]);
  assert.deepEqual(of(60, 50, 30), [60, 40]);
  assert.deepEqual(of(50, 0), [50, 50]);
  assert.deepEqual(of(0, 50), [100]);
});

test('weights are spread, not in blocks', () => {
  const slots = [...weightSlots([dest('weight=50'), dest('weight=50')], below)];
  const changes = slots.filter((index, i) => i > 0 && index !== slots[i - 1]).length;
  assert.ok(changes > 25, `${changes}`);
});

test('relative weights are shared by who is usable; what is left by rounding is the last one’s', () => {
  assert.deepEqual(
    shares(relativeWeights([dest('rweight=1'), dest('rweight=2'), dest('rweight=1')], below)),
    [25, 50, 25],
  );
  assert.deepEqual(
    shares(relativeWeights([dest('rweight=1'), dest('rweight=2'), dest('rweight=1', false)], below)),
    [33, 67],
  );
  assert.deepEqual(shares(relativeWeights([dest(''), dest('')], below)), [100]);
});

test('congestion takes relative weight away', () => {
  const cc = 'rweight=50;weight=50;cc=1';
  assert.deepEqual(shares(relativeWeights([dest(cc, true, 25), dest(cc)], below)), [33, 67]);
  assert.deepEqual(shares(relativeWeights([dest(cc, true, 60), dest(cc)], below)), [0, 100]);
  // All beyond their threshold: by the ratio of their congestion.
  assert.deepEqual(shares(relativeWeights([dest(cc, true, 60), dest(cc, true, 180)], below)), [75, 25]);
});

/** Kamailio 5.6.3's numbers for these answers to pings. */
test('latency: mean, deviation and estimate', () => {
  const fresh = new LatencyStats();
  for (const ms of [40, 20, 40, 20, 100, 20, 20, 40, 20, 36]) fresh.add(ms, 0.9);
  assert.equal(fresh.estimate, fresh.average);
  fresh.add(20, 0.9);
  assert.ok(Math.abs(fresh.estimate - (35.6 * 0.9 + 2)) < 1e-9);
  const given = new LatencyStats(30);
  for (const [ms, average, deviation, estimate] of [
    [40, 30, 0.099, 31],
    [20, 30, 0.141, 29.9],
    [40, 30, 0.173, 30.91],
  ] as const) {
    given.add(ms, 0.9);
    assert.ok(Math.abs(given.average - average) < 0.002 && Math.abs(given.deviation - deviation) < 0.002);
    assert.ok(Math.abs(given.estimate - estimate) < 0.002);
  }
  assert.equal(given.max, 40);
});
