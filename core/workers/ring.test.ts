import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { RingReader, RingRecord, RingWriter, ringMemory } from './ring.ts';

const CAPACITY = 1024;

/** Sets both positions of an empty ring, as if that many bytes had passed. */
function startAt(memory: SharedArrayBuffer, position: number): void {
  const words = new Int32Array(memory);
  words[0] = position;
  words[16] = position;
}

suite('ring', () => {
  test('what is pushed comes out in order, unchanged, whatever is read in between', () => {
    const latin1 = fc.string({
      unit: fc.integer({ min: 0, max: 255 }).map((n) => String.fromCharCode(n)),
      maxLength: 200,
    });
    const record = fc.record({
      kind: fc.integer({ min: 0, max: 9 }),
      numbers: fc.array(fc.integer(), { minLength: 6, maxLength: 6 }),
      texts: fc.tuple(latin1, latin1, latin1),
    });
    const step = fc.oneof({ weight: 3, arbitrary: record }, { weight: 2, arbitrary: fc.constant(null) });
    const start = fc.constantFrom(0, CAPACITY - 4, -4, -CAPACITY, 0x7fff_fffc, -0x8000_0000);
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 200 }), (position, steps) => {
        const memory = ringMemory(CAPACITY);
        startAt(memory, position);
        const writer = new RingWriter(memory);
        const reader = new RingReader(memory);
        const expected: object[] = [];
        const into = new RingRecord();
        const take = (): void => {
          const wanted = expected.shift();
          assert.equal(reader.next(into), wanted !== undefined);
          if (wanted === undefined) return;
          const { kind, numbers, a, b, c } = into;
          assert.deepEqual({ kind, numbers: [...numbers], texts: [a, b, c] }, wanted);
        };
        for (const item of steps) {
          if (item === null) take();
          else if (writer.push(item.kind, item.numbers, ...item.texts)) {
            writer.publish();
            expected.push({ ...item });
          } else assert.ok(expected.length > 0 || item.texts.join('').length > writer.maxTextBytes);
        }
        while (expected.length > 0) take();
        assert.ok(reader.isEmpty);
      }),
    );
  });

  test('a full ring refuses, and takes again once something is read', () => {
    const memory = ringMemory(CAPACITY);
    const writer = new RingWriter(memory);
    const reader = new RingReader(memory);
    let pushed = 0;
    while (writer.push(1, [pushed], 'x'.repeat(100), '', '')) pushed++;
    writer.publish();
    assert.equal(pushed, Math.floor(CAPACITY / 144));
    const record = new RingRecord();
    assert.ok(reader.next(record) && reader.next(record));
    assert.equal(record.numbers[0], 1);
    assert.ok(writer.push(1, [pushed], 'x'.repeat(100), '', ''));
  });

  test('what was not published is lost with its writer, and a successor goes on behind the last whole record', () => {
    const memory = ringMemory(CAPACITY);
    const first = new RingWriter(memory);
    first.push(1, [1], 'one', '', '');
    first.publish();
    first.push(1, [2], 'two', '', '');
    const second = new RingWriter(memory);
    second.push(1, [3], 'three', '', '');
    second.publish();
    const reader = new RingReader(memory);
    const record = new RingRecord();
    const seen: string[] = [];
    while (reader.next(record)) seen.push(record.a);
    assert.deepEqual(seen, ['one', 'three']);
  });

  test('a record is out of the ring before it is looked at: a reader that dies of it does not pass it on', () => {
    const memory = ringMemory(CAPACITY);
    const writer = new RingWriter(memory);
    writer.push(1, [], 'deadly', '', '');
    writer.push(1, [], 'harmless', '', '');
    writer.publish();
    const record = new RingRecord();
    new RingReader(memory).next(record);
    const successor = new RingReader(memory);
    assert.ok(successor.next(record));
    assert.equal(record.a, 'harmless');
  });

  test('a text longer than half the ring is refused at once', () => {
    const writer = new RingWriter(ringMemory(CAPACITY));
    assert.ok(writer.push(1, [], 'x'.repeat(writer.maxTextBytes), '', ''));
    assert.equal(new RingWriter(ringMemory(CAPACITY)).push(1, [], 'x'.repeat(writer.maxTextBytes + 1), '', ''), false);
  });
});
