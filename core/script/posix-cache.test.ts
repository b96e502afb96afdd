import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePosix, PosixCache, type PosixFlags } from './posix-cache.ts';

const LINES = { newline: true };
const ICASE = { ignoreCase: true };

/** expression, flags, text, the match (null: none) */
const MATCHES: [string, PosixFlags, string, string | null][] = [
  ['a.c', {}, 'xa\nc', 'a\nc'],
  ['a.c', LINES, 'xa\nc', null],
  ['a.*', LINES, 'a b\r\nc', 'a b\r'],
  ['^b.*$', LINES, 'a\nb c\nd', 'b c'],
  ['^b', LINES, 'a\rb', null],
  ['^b', {}, 'a\nb', null],
  ['a$', {}, 'a\nb', null],
  ['[^x]+', LINES, 'ab\ncd', 'ab'],
  ['[]x]+', {}, 'a]x]', ']x]'],
  ['[^]x]+', {}, ']abx', 'ab'],
  ['[a\\]+', {}, '\\a\\', '\\a\\'],
  ['[[:alpha:]_-]+', {}, '1aZ_-2', 'aZ_-'],
  ['[[:digit:][:space:]]+', {}, 'a1 2b', '1 2'],
  ['[[.-.]]', {}, 'a-b', '-'],
  ['[a-]+', {}, 'x-a-', '-a-'],
  ['\\.\\*', {}, 'a.*', '.*'],
  ['\\d+', {}, '12dd', 'dd'],
  ['\\w+', {}, '-ab_1-', 'ab_1'],
  ['\\<b', {}, 'ab b', 'b'],
  ['(a)(b)?\\1', {}, 'xaa', 'aa'],
  ['a{2,3}', {}, 'aaaa', 'aaa'],
  ['a{,2}', {}, 'aaaa', 'aa'],
  ['a+*', {}, 'aaa', 'aaa'],
  ['a+?', {}, 'aaa', 'aaa'],
  ['a)', {}, 'a)', 'a)'],
  ['ABC', ICASE, 'xabc', 'abc'],
  ['^sip:([0-9]+)@(.*)$', {}, 'sip:12@h', 'sip:12@h'],
  ['a|b', {}, 'cb', 'b'],
  ['a/b', {}, 'a/b', 'a/b'],
  ['', {}, 'x', ''],
];
for (const [source, flags, text, expected] of MATCHES) {
  test(`${source} ${JSON.stringify(flags)} on ${JSON.stringify(text)}`, () => {
    const regex = compilePosix(source, flags);
    assert.ok(typeof regex !== 'string');
    const match = regex.exec(text);
    assert.equal(match === null ? null : match.groups[0], expected);
    assert.equal(regex.test(text), expected !== null);
  });
}

for (const source of [
  '(',
  'a(b',
  '[a',
  '[[:nope:]]',
  '+a',
  '?',
  '(?:a)',
  'a{3,2}',
  'a\\',
  'a{99999}',
  '\\1',
  '[z-a]',
]) {
  test(`refused: ${source}`, () => assert.equal(typeof compilePosix(source), 'string'));
}

test('exec from an index gives places and groups', () => {
  const regex = compilePosix('(b)(c)?');
  assert.ok(typeof regex !== 'string');
  assert.deepEqual({ ...regex.exec('abab', 2), groups: null }, { start: 3, end: 4, groups: null });
  assert.deepEqual([...(regex.exec('ab')?.groups ?? [])], ['b', 'b', undefined]);
});

test('the cache keeps what was compiled and what was refused', () => {
  const cache = new PosixCache({});
  assert.equal(cache.get('a+'), cache.get('a+'));
  assert.equal(typeof cache.get('('), 'string');
  for (let i = 0; i < 1000; i++) cache.get(`x${i}`);
});
