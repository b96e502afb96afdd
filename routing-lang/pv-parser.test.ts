import assert from 'node:assert/strict';
import test from 'node:test';
import { parseFormat, parsePv } from './pv-parser.ts';

/** A variable as `class(name)[index]{transformations}`, or the error. */
function show(text: string): string {
  const { pv, error, end } = parsePv(text);
  if (error !== null) return `error at ${error.offset}`;
  const index = pv.index === null ? '' : `[${typeof pv.index === 'object' ? pv.index.text : pv.index}]`;
  const name = pv.name === null ? '' : `(${pv.name})`;
  const rest = end < text.length ? ` + ${text.slice(end)}` : '';
  const tr = pv.transformations.map((x) => `{${x.className}|${x.name}|${x.params ?? '-'}}`).join('');
  return `${pv.className}${name}${index}${tr}${rest}`;
}

test('variables and their parts', () => {
  const rows: [text: string, shown: string][] = [
    ['$ru', 'ru'],
    ['$(ru)', 'ru'],
    ['$?', '?'],
    ['$(?)', '?'],
    ['$var(x)', 'var(x)'],
    ['$var( x )', 'var( x )'],
    ['$var((x))', 'var((x))'],
    ['$hdr(X-A)', 'hdr(X-A)'],
    ['$avp(s:x)', 'avp(s:x)'],
    ['$avp($var(x))', 'avp($var(x))'],
    ['$sht(a=>$(ci{s.md5})::b)', 'sht(a=>$(ci{s.md5})::b)'],
    ['$xavp(a[0]=>b[1].c)', 'xavp(a[0]=>b[1].c)'],
    ['$(hdr(From)[0])', 'hdr(From)[0]'],
    ['$(hdr(From)[-1])', 'hdr(From)[-1]'],
    ['$(hdr(From)[*])', 'hdr(From)[*]'],
    ['$(avp(y)[$var(i)])', 'avp(y)[$var(i)]'],
    ['$(avp(y)[$(var(i){s.int})])', 'avp(y)[$(var(i){s.int})]'],
    ['$(ru{uri.user}{s.len})', 'ru{uri|user|-}{s|len|-}'],
    ['$(ru{s.len} {s.len})', 'ru{s|len|-}{s|len|-}'],
    ['$(avp(y)[0]{s.encode.hexa})', 'avp(y)[0]{s|encode.hexa|-}'],
    ['$(var(x){s.substr,1,$var(n)})', 'var(x){s|substr|1,$var(n)}'],
    ['$(var(x){s.select,1,,})', 'var(x){s|select|1,,}'],
    ['$(var(x){s.select,1,}})', 'var(x){s|select|1,}}'],
    ['$(var(x){re.subst,/a{2}/b/})', 'var(x){re|subst|/a{2}/b/}'],
    ['$(hdr(Via){s.select,0,;})', 'hdr(Via){s|select|0,;}'],
    ['$rU@x', 'rU + @x'],
    ['$var(x){s.len}', 'var(x) + {s.len}'],
    ['$T_req($ru)', 'T_req($ru)'],
    ['$(leg(callee)=>callid)', 'leg(callee=>callid)'],
    ['$(leg(callee)=>uri{uri.user})', 'leg(callee=>uri){uri|user|-}'],
  ];
  for (const [text, shown] of rows) assert.equal(show(text), shown, text);
});

test('what kamailio refuses is an error at its place', () => {
  const rows: [text: string, offset: number][] = [
    ['$', 0],
    ['$ ru', 0],
    ['$-', 0],
    ['$()', 0],
    ['$( ru)', 0],
    ['$(ru )', 4],
    ['$(ru', 0],
    ['$var(x', 4],
    ['$(var(x) {s.len})', 8],
    ['$(var(x){ s.len })', 8],
    ['$(var(x){s.len}x)', 15],
    ['$(var(x){})', 8],
    ['$(var(x){s})', 8],
    ['$(var(x){s.})', 8],
    ['$(var(x){s.len}', 0],
    ['$(avp(y)[x])', 9],
    ['$(avp(y)[])', 9],
    ['$(avp(y)[ 0 ])', 9],
    ['$(avp(y)[+1])', 9],
    ['$(avp(y)[1][0])', 11],
    ['$(avp(y){s.len}[0])', 15],
    ['$($var(x))', 0],
    ['$rd.', 0],
    ['$rU?', 0],
    ['$(var(x)=>y)', 8],
    ['$(leg(a)=>)', 8],
  ];
  for (const [text, offset] of rows) assert.equal(show(text), `error at ${offset}`, text);
});

test('format strings: text and variables in turn', () => {
  const pieces = (text: string): unknown[] =>
    parseFormat(text).pieces.map((p) => (typeof p === 'string' ? p : [p.text, p.offset]));
  assert.deepEqual(pieces(''), []);
  assert.deepEqual(pieces('plain % text'), ['plain % text']);
  assert.deepEqual(pieces('a $ru-b $(rd)!'), ['a ', ['$ru', 2], '-b ', ['$(rd)', 8], '!']);
  assert.deepEqual(pieces('$var(x)$var(y)'), [
    ['$var(x)', 0],
    ['$var(y)', 7],
  ]);
  assert.deepEqual(pieces('5$$ and $$ru'), ['5$ and $ru']);
  assert.deepEqual(pieces('$$$ru'), ['$', ['$ru', 2]]);
  assert.deepEqual(pieces('x$var(a){s.len}'), ['x', ['$var(a)', 1], '{s.len}']);
});

test('format strings: errors carry offsets, and the text goes on', () => {
  const { pieces, errors } = parseFormat('a 5$ b $ru $(x');
  assert.deepEqual(
    errors.map((e) => e.offset),
    [3, 11],
  );
  assert.deepEqual(
    pieces.map((p) => (typeof p === 'string' ? p : p.text)),
    ['a 5$ b ', '$ru', ' $(x'],
  );
});

test('nesting is bounded', () => {
  const deep = `${'$(avp(a)['.repeat(50)}1${'])'.repeat(50)}`;
  assert.match(show(deep), /^error/);
});
