import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextMap } from './text-map.ts';

type Step = readonly ['set' | 'delete', string, number];

test('does what a Map does, whatever is set and deleted in whatever order', () => {
  const key = fc.oneof(fc.string({ maxLength: 3 }), fc.integer({ min: 0, max: 300 }).map(String));
  const step = fc.tuple(fc.constantFrom('set', 'set', 'delete'), key, fc.integer()) as fc.Arbitrary<Step>;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 0, max: 0xffffffff }), (steps, seed) => {
      const ours = new TextMap<number>(seed);
      const model = new Map<string, number>();
      for (const [what, name, value] of steps) {
        if (what === 'set') {
          ours.set(name, value);
          model.set(name, value);
        } else assert.equal(ours.delete(name), model.delete(name));
        assert.equal(ours.get(name), model.get(name));
        assert.equal(ours.has(name), model.has(name));
      }
      assert.equal(ours.size, model.size);
      assert.deepEqual(new Map(ours), model);
      ours.clear();
      assert.deepEqual([ours.size, [...ours.keys()], [...ours.values()]], [0, [], []]);
    }),
  );
});

test('going through it shows what was there at the beginning', () => {
  const map = new TextMap<number>(1);
  for (let i = 0; i < 100; i++) map.set(`k${i}`, i);
  for (const [key, value] of map) map.set(`${key}x`, value);
  assert.equal(map.size, 200);
  for (let i = 0; i < 100; i++) assert.equal(map.get(`k${i}x`), i);
});

test('A3: 100,000 dialogs are found as fast as 1,000, and leave nothing behind', () => {
  const seed = Math.trunc(performance.timeOrigin) | 0;
  const dialogs = new TextMap<number>(seed);
  const callId = (n: number): string => `${n}-1795270951@198.51.100.${n % 250}`;
  for (let n = 0; n < 1000; n++) dialogs.set(callId(n), n);
  const few = dialogs.longestChain;
  for (let n = 1000; n < 100_000; n++) dialogs.set(callId(n), n);
  // Chains of random hashes grow with log n / log log n: by two or three from 1,000 to 100,000.
  assert.ok(dialogs.longestChain <= Math.max(few, 4) + 6, `${few}, then ${dialogs.longestChain}; seed ${seed}`);
  for (let n = 0; n < 100_000; n++) assert.equal(dialogs.get(callId(n)), n);
  for (let n = 0; n < 100_000; n++) dialogs.delete(callId(n));
  assert.deepEqual([dialogs.size, dialogs.longestChain], [0, 0]);
});
