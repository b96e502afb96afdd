import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eachParam, findParam, parseDecimal } from './params.ts';

test('findParam: names without case, whole names only, quotes hide', () => {
  const text = 'x;tagx=1;Tag = 2 ;q="a;tag=3";lr;e=';
  const get = (name: string) => findParam(text, 0, text.length, name);
  assert.equal(get('tag'), '2');
  assert.equal(get('q'), '"a;tag=3"');
  assert.equal(get('lr'), '');
  assert.equal(get('e'), '');
  assert.equal(get('a'), null);
});

test('eachParam walks in order, passes over empty ones and stops when told', () => {
  const text = '<sip:a@b>;;a=1; b ;c = "x;y" ;';
  const seen: string[] = [];
  eachParam(text, 9, text.length, (name, value) => {
    seen.push(`${name}|${value}`);
  });
  assert.deepEqual(seen, ['a|1', 'b|', 'c|"x;y"']);
  let count = 0;
  eachParam(text, 9, text.length, () => ++count < 2);
  assert.equal(count, 2);
});

test('an unclosed quote ends with the span', () => {
  assert.equal(findParam(';a="x;b=1', 0, 9, 'b'), null);
});

test('parseDecimal: digits only, bounded', () => {
  const cases: [string, number][] = [
    ['0', 0],
    ['007', 7],
    ['65535', 65535],
    ['65536', -2],
    ['', -2],
    ['-1', -2],
    ['1 ', -2],
    ['9'.repeat(400), -2],
  ];
  for (const [text, value] of cases) assert.equal(parseDecimal(text, 0, text.length, 65535), value, text);
});
