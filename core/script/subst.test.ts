import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sipMsg } from '../../test/support/index.ts';
import type { Run } from './run.ts';
import { compileSubst, Subst } from './subst.ts';

const RUN = { msg: sipMsg('OPTIONS sip:a@b SIP/2.0\r\n\r\n') } as Run;
/** Stands for the language's format strings: `$x` is X. */
const format = (text: string) => () => text.replaceAll('$$', '\0').replaceAll('$x', 'X').replaceAll('\0', '$');

/** expression, text, result (null: no match) */
const CASES: [string, string, string | null][] = [
  ['/a/b/', 'aa', 'ba'],
  ['/a/b/g', 'aba', 'bbb'],
  ['/A/b/i', 'xa', 'xb'],
  ['#a/b#c/d#', 'a/b', 'c/d'],
  ['/a\\/b/c\\/d/', 'a/b', 'c/d'],
  ['/^sip:([0-9]+)@(.*)$/sip:34\\1@\\2;orig=\\0/', 'sip:1@h', 'sip:341@h;orig=sip:1@h'],
  ['/(a)(b)?/[\\1\\2\\9]/', 'a', '[a]'],
  ['/a/<\\u>/', 'a', '<sip:a@b>'],
  ['/a/$x-\\1-\\$x/', 'a', 'X--$x'],
  ['/a/\\r\\n\\t\\\\/', 'a', '\r\n\t\\'],
  ['/^b$/c/', 'a\nb', 'a\nc'],
  ['/a.b/c/', 'a\nb', null],
  ['/a.b/c/s', 'a\nb', 'c'],
  ['/z*/-/g', 'ab', null],
  ['/x/y/', 'a', null],
];
for (const [source, text, expected] of CASES) {
  test(`${source} on ${JSON.stringify(text)}`, () => {
    const subst = compileSubst(source, format);
    assert.ok(subst instanceof Subst);
    assert.equal(subst.apply(RUN, text), expected);
  });
}

for (const source of ['', '/a/b', '/a', 'x', '/a/b/z', '/(/b/', '\\a\\b\\', '/a/b\\/']) {
  test(`refused: ${source}`, () => assert.equal(typeof compileSubst(source, format), 'string'));
}
