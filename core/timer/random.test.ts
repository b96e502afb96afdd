import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CryptoRandom, SeededRandom } from './random.ts';

for (const [name, make] of [
  ['CryptoRandom', () => new CryptoRandom()],
  ['SeededRandom', () => new SeededRandom(42)],
] as const) {
  test(`${name}: uint32 fills its range and int stays below its bound, evenly`, () => {
    const random = make();
    const counts = [0, 0, 0, 0, 0, 0, 0];
    let or = 0;
    for (let i = 0; i < 70_000; i++) {
      or |= random.uint32();
      const n = random.int(7);
      counts[n] = (counts[n] ?? 0) + 1;
    }
    assert.equal(or >>> 0, 0xffff_ffff);
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 600, String(counts));
  });

  test(`${name}: tokens have the length and the alphabet asked for`, () => {
    const random = make();
    const seen = new Set<string>();
    for (let length = 0; length < 40; length++) {
      const token = random.token(length);
      assert.equal(token.length, length);
      assert.match(token, /^[0-9a-z]*$/);
      for (const c of token) seen.add(c);
    }
    assert.equal(seen.size, 36);
    assert.equal(random.bytes(7).length, 7);
  });
}

test('SeededRandom repeats with its seed, and near seeds differ', () => {
  const draw = (seed: number): string => new SeededRandom(seed).token(30);
  assert.equal(draw(5), draw(5));
  assert.equal(new Set([0, 1, 2, 3, 2 ** 33].map(draw)).size, 5);
});
