import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { Md5 } from './md5.ts';

/** A text of all bytes, the same for the same length. */
const textOf = (length: number): string =>
  Array.from({ length }, (_, i) => String.fromCharCode((i * 31 + length * 7) & 0xff)).join('');
const reference = (text: string): string => hash('md5', Buffer.from(text, 'latin1'), 'hex');

test('the test suite of RFC 1321 §A.5', () => {
  const md5 = new Md5();
  const is = (text: string, digits: string): void => assert.ok(md5.begin().add(text).finish().isHex(digits), text);
  is('', 'd41d8cd98f00b204e9800998ecf8427e');
  is('a', '0cc175b9c0f1b6a831c399e269772661');
  is('abc', '900150983cd24fb0d6963f7d28e17f72');
  is('message digest', 'f96b697d7cb7938d525a2f31aaf161d0');
  is('abcdefghijklmnopqrstuvwxyz', 'c3fcd3d76192e4007dfb496cca67e13b');
  is('1234567890'.repeat(8), '57edf4a22be3c955ac49da2e2107b67a');
});

test('texts of every length, in one piece and in several', () => {
  const md5 = new Md5();
  for (let length = 0; length < 1300; length++) {
    const text = textOf(length);
    const digits = reference(text);
    const cut = (length * 5) % (length + 1);
    assert.ok(md5.begin().add(text).finish().isHex(digits), `${length}`);
    assert.ok(md5.begin().add(text.slice(0, cut)).add(text.slice(cut)).finish().isHex(digits), `${length} at ${cut}`);
  }
  const long = textOf(100_000);
  assert.ok(
    md5
      .begin()
      .add(long)
      .part(long)
      .finish()
      .isHex(reference(`${long}:${long}`)),
  );
});

test('the digits of one text begin the next', () => {
  const md5 = new Md5();
  md5.begin().add('Mufasa').part('testrealm@host.com').part('Circle Of Life').finish();
  assert.ok(md5.isHex('939e7578ed9e3c518a452acee763bce9'));
  assert.ok(md5.beginWithHex().part('x').finish().isHex(reference('939e7578ed9e3c518a452acee763bce9:x')));
});

test('every digit counts, and its case', () => {
  const md5 = new Md5().begin().add('abc').finish();
  const right = reference('abc');
  assert.ok(md5.isHex(right));
  for (let i = 0; i < right.length; i++) {
    const wrong = right.charAt(i) === '0' ? '1' : '0';
    assert.equal(md5.isHex(right.slice(0, i) + wrong + right.slice(i + 1)), false);
  }
  for (const text of ['', right.slice(1), `${right}0`, right.toUpperCase()]) assert.equal(md5.isHex(text), false);
});
