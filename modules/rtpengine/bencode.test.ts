import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BDict, type BValue, bdecode, bencode } from './bencode.ts';

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

const { value } = fc.letrec<{ value: BValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    latin1,
    fc.maxSafeInteger(),
    fc.array(tie('value')),
    fc.array(fc.tuple(latin1, tie('value'))).map((entries) => {
      const dict = new BDict();
      for (const [key, item] of entries) dict.add(key, item);
      return dict;
    }),
  ),
}));

/** Comparable by deepEqual. */
function plain(item: BValue): unknown {
  if (item instanceof BDict) return { entries: item.entries.map(([key, inner]) => [key, plain(inner)]) };
  return typeof item === 'object' ? item.map(plain) : item;
}

describe('bencode', () => {
  test('what is written is read back', () => {
    fc.assert(
      fc.property(value, (item) => {
        const back = bdecode(bencode(item));
        assert.ok(back !== null);
        assert.deepEqual(plain(back), plain(item));
      }),
    );
  });

  test('any text is read or refused, and what was read is written the same where it was canonical', () => {
    fc.assert(
      fc.property(latin1, (text) => {
        const item = bdecode(text);
        if (item !== null) assert.equal(plain(bdecode(bencode(item)) as BValue) === undefined, false);
      }),
    );
  });

  test('a truncated value is refused at every length', () => {
    const text = bencode(new BDict().add('a', [1, 'xy', new BDict().add('k', -5)]).add('b', 'c'));
    for (let length = 0; length < text.length; length++) assert.equal(bdecode(text.slice(0, length)), null);
    assert.equal(bdecode(`${text}x`), null);
  });

  test('the notation of its specification', () => {
    assert.equal(bencode('spam'), '4:spam');
    assert.equal(bencode(-3), 'i-3e');
    assert.equal(bencode(['spam', 'eggs']), 'l4:spam4:eggse');
    assert.equal(bencode(new BDict().add('cow', 'moo').add('spam', [])), 'd3:cow3:moo4:spamlee');
  });

  test('hostile input: depth, lengths, keys', () => {
    for (const text of [
      'l'.repeat(1000),
      'd'.repeat(200_000),
      '99999999999:x',
      'i--1e',
      'ie',
      'i1',
      '-1:x',
      'di1e1:xe',
      'd1:ae',
      'e',
      '',
    ])
      assert.equal(bdecode(text), null, text.slice(0, 20));
    assert.equal(bdecode(`${'l'.repeat(64)}${'e'.repeat(64)}`) === null, false);
  });
});
