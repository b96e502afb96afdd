import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PosixRegex } from './posix-regex.ts';
import { compileRegex, type RegexOptions } from './regex-compile.ts';

function compiled(source: string, options?: RegexOptions): PosixRegex {
  const regex = compileRegex(source, options);
  if (typeof regex === 'string') throw new Error(`${source}: ${regex}`);
  return regex;
}

const SENSITIVE = { ignoreCase: false };

test('expressions match as glibc reads them', () => {
  const cases: readonly (readonly [source: string, text: string, whole: string | null])[] = [
    ['^sip:(.*)@', 'sip:a@b', 'sip:a@'],
    ['a{2,3}', 'xaaaa', 'aaa'],
    ['a{,2}b', 'aaab', 'aab'],
    ['a{2}', 'a', null],
    ['a**', 'aa', 'aa'],
    ['a+?', 'aa', 'aa'],
    ['[[:digit:]]+', 'ab123', '123'],
    ['[^[:alpha:]]', 'ab1', '1'],
    ['[]x]', ']', ']'],
    ['[a\\]', '\\', '\\'],
    ['[a-]', '-', '-'],
    ['[[.-.]]', '-', '-'],
    ['\\.', 'a.b', '.'],
    ['\\d', 'd', 'd'],
    ['x\\n', 'xn', 'xn'],
    ['\\w+', '--ab_1--', 'ab_1'],
    ['\\W', 'ab-', '-'],
    ['\\s', 'a\tb', '\t'],
    ['\\bfoo\\b', 'a foo b', 'foo'],
    ['\\<foo\\>', 'afoo foo', 'foo'],
    ['(a)(b)\\2', 'abb', 'abb'],
    ['^(a|ab)(c|bcd)$', 'abcd', 'abcd'],
    ['a|', 'b', ''],
    ['()', 'b', ''],
    [')', ')', ')'],
    ['a$b', 'a$b', null],
    ['.', '\n', '\n'],
    ['.', '\0', null],
    ['[^a]', '\n', '\n'],
    ['^.$', '\xe9', '\xe9'],
  ];
  for (const [source, text, whole] of cases) {
    const match = compiled(source, SENSITIVE).exec(text);
    assert.equal(match?.groups[0] ?? null, whole, `${source} on ${JSON.stringify(text)}`);
  }
});

test('what glibc refuses is refused', () => {
  for (const source of [
    '*a',
    'a|*b',
    '(*)',
    '+',
    '{1}',
    'a{',
    'a{x}',
    'a{2,1}',
    'a{99999}',
    '(',
    '(a',
    '[a',
    '[z-a]',
    '[a-c-e]',
    '[[:nope:]]',
    'a\\',
    '\\1(a)',
    '^*',
  ]) {
    assert.equal(typeof compileRegex(source), 'string', source);
  }
});

test('case folds for ASCII letters only, and not behind a backslash, as in glibc', () => {
  assert.ok(compiled('^abc[x-z]$').test('ABCY'));
  assert.ok(!compiled('^\xe0$').test('\xc0'));
  assert.ok(compiled('[^a]', SENSITIVE).test('A'));
  assert.ok(!compiled('[^a]').test('A'));
  assert.ok(!compiled('\\d').test('d'));
  assert.ok(compiled('\\D').test('d'));
});

test('with REG_NEWLINE lines end at line feeds only', () => {
  const lines = { newline: true };
  assert.equal(compiled('^b$', lines).exec('a\nb\nc')?.start, 2);
  assert.equal(compiled('^b$', lines).exec('a\r\nb\r\nc'), null);
  assert.deepEqual(compiled('^b(\r)$', lines).exec('a\r\nb\r\nc')?.groups, ['b\r', '\r']);
  assert.ok(!compiled('a.b', lines).test('a\nb'));
  assert.ok(!compiled('a[^x]b', lines).test('a\nb'));
  assert.ok(compiled('a.b', lines).test('a\rb'));
});

test('exec begins where it is told and says where it matched', () => {
  const regex = compiled('a(.)');
  assert.deepEqual(regex.exec('xab ac', 3), { start: 4, end: 6, groups: ['ac', 'c'] });
  assert.equal(regex.exec('xab', 3), null);
});

test('expressions that backtrack exponentially end at once, on any text', () => {
  const text = `${'a'.repeat(50_000)}!`;
  const start = process.hrtime.bigint();
  for (const source of ['(a+)+$', '^(a|aa)+$', '(a*)*b', '^(([a-z])+.)+[A-Z]([a-z])+$', '(a|a|a)*c']) {
    assert.ok(!compiled(source, SENSITIVE).test(text), source);
    compiled(source).test(text);
  }
  // More than the linear engine repeats: written out, or limited in time.
  for (const source of ['^((a{1,100}){1,20})+$', '^([a-c]{2,40}[a-b]{1,40})+$', '^(([ab]{1,3}){1,40})+$'])
    assert.ok(!compiled(source).test(text), source);
  for (const source of ['(a+)+\\1$', '(a*)*\\1b', '\\<(a+)+\\>$']) compiled(source).test(text);
  assert.ok(Number(process.hrtime.bigint() - start) / 1e9 < 10);
});

test('large bounded repeats count as others do', () => {
  const number = compiled('^(\\+?[0-9]{3,40})(;[a-z]{1,20})*$');
  assert.deepEqual(number.exec(`+${'1'.repeat(40)};ab;cd`)?.groups, [
    `+${'1'.repeat(40)};ab;cd`,
    `+${'1'.repeat(40)}`,
    ';cd',
  ]);
  assert.ok(!number.test('1'.repeat(41)));
  assert.ok(!number.test('12'));
  assert.ok(compiled('^([a-z]{20,}-?)+$').test(`${'a'.repeat(20)}-${'b'.repeat(300)}`));
});

test('a match is the longest that begins there, with the groups that glibc gives it', () => {
  // expression, text, groups; GNU sed -E says the same
  const cases: [string, string, (string | undefined)[]][] = [
    ['a|ab', 'abc', ['ab']],
    ['(foo|foobar)(bar)?', 'foobar', ['foobar', 'foo', 'bar']],
    ['(foo|foobar)(baz)?', 'foobarbaz', ['foobarbaz', 'foobar', 'baz']],
    ['(a|ab)(c|bcd)(d*)', 'abcd', ['abcd', 'a', 'bcd', '']],
    ['(a|ab)*', 'aababx', ['aabab', 'ab']],
    ['x*|b', 'b', ['b']],
    ['a*(ab)?', 'aabx', ['aab', 'ab']],
    ['(sip|sips|tel):(.*)', 'sips:a', ['sips:a', 'sips', 'a']],
    ['(0|00)?(49)?(1|15)', '0049151', ['004915', '00', '49', '15']],
    ['(a|ab)(\\b|c)', 'abc', ['abc', 'ab', 'c']],
  ];
  for (const [source, text, groups] of cases) assert.deepEqual(compiled(source).exec(text)?.groups, groups, source);
  assert.deepEqual(compiled('(a|ab|abc)', { newline: true }).exec('x\nab\r')?.groups, ['ab', 'ab']);
  assert.equal(compiled('(a|ab)+').exec('ab'.repeat(20_000))?.end, 40_000);
});

test('an expression may not grow without bound', () => {
  assert.equal(typeof compileRegex('((a{1,200}){1,200}){1,200}'), 'string');
  assert.equal(typeof compileRegex('('.repeat(500)), 'string');
});
