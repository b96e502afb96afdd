import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TextArena } from './text-arena.ts';

test('texts come back as they were written, bytes above 127 too', () => {
  const arena = new TextArena();
  const texts = ['', 'INVITE', '\xff\x00\x80é', 'x'.repeat(70_000), 'y'.repeat(TextArena.MAX_LENGTH)];
  const kept = texts.map((text) => {
    const at = arena.reserve(text.length);
    arena.write(at, text);
    return at;
  });
  texts.forEach((text, i) => assert.equal(arena.read(kept[i] as number, text.length), text));
});

test('several texts share one reservation', () => {
  const arena = new TextArena();
  const at = arena.reserve(5);
  arena.write(at, 'ab');
  arena.write(at + 2, 'cde');
  assert.deepEqual([arena.read(at, 2), arena.read(at + 2, 3)], ['ab', 'cde']);
});

test('blocks are used again once all of their texts are released', () => {
  const arena = new TextArena();
  const kept: number[] = [];
  for (let i = 0; i < 10_000; i++) {
    const at = arena.reserve(1000);
    arena.write(at, String(i).padEnd(1000));
    kept.push(at);
    if (kept.length > 1000) {
      const oldest = kept.shift() as number;
      assert.equal(Number(arena.read(oldest, 1000)), i - 1000);
      arena.release(oldest);
    }
  }
  // 1,000 texts of 1,000 bytes are four blocks' worth.
  assert.ok(arena.blocks <= 6, `${arena.blocks} blocks`);
  for (const at of kept) arena.release(at);
  assert.equal(arena.blocks, 1);
});
