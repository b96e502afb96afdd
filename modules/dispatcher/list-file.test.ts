import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAttributes, splitAttributes } from './attributes.ts';
import { parseList } from './list-file.ts';
import { parseExtraAttrs } from './params.ts';
import { parseReplyCodes } from './reply-codes.ts';
import { parseRules } from './routes-rules.ts';
import { parseRpcState, parseState } from './states.ts';

test('a list has set, URI, flags, priority and attributes; the last three may be missing', () => {
  const { entries, remarks } = parseList(
    [
      '# a comment',
      '',
      '1 sip:a.example.org',
      '\t2   sip:b.example.org;transport=tcp  8 5  duid=b;weight=50 \r',
      '0 sip:c.example.org 2 a=1',
      '-3 sip:d.example.org x=y',
      '4 sip:e.example.org 0 0 # nothing more',
    ].join('\n'),
  );
  assert.deepEqual(remarks, []);
  assert.deepEqual(
    entries.map(({ setId, uri, flags, priority, attrs, line }) => [line, setId, uri, flags, priority, attrs.body]),
    [
      [3, 1, 'sip:a.example.org', 0, 0, ''],
      [4, 2, 'sip:b.example.org;transport=tcp', 8, 5, 'duid=b;weight=50'],
      [5, 0, 'sip:c.example.org', 2, 0, 'a=1'],
      [6, -3, 'sip:d.example.org', 0, 0, 'x=y'],
      [7, 4, 'sip:e.example.org', 0, 0, ''],
    ],
  );
});

test('what is wrong with a list is told with its line', () => {
  const { entries, remarks } = parseList(
    '1 sip:a\n\nx sip:b\n1\n2 sip:c 0 0 weight=101;maxload=many\n99999999999 sip:d\n',
  );
  assert.deepEqual(
    remarks.map(({ line, isError, text }) => [line, isError, text]),
    [
      [3, true, '"x" is no set id (a number)'],
      [4, true, 'there is no destination after the set id'],
      [5, false, 'maxload=many is no number'],
      [5, false, 'weight=101 is not 1-100, so it does not count'],
      [6, true, '"99999999999" is no set id (a number)'],
    ],
  );
  assert.equal(entries.length, 2);
});

test('attributes with a meaning are read, the others kept', () => {
  const body =
    'duid=x1;maxload=20;weight=10;rweight=30;socket=udp:10.0.0.1:5060;sockname=s;ping_from=sip:p@q;obproxy=sip:o;cc=1;latency=24;ping_socket=udp:10.0.0.2:5060;ocmin=10;ocmax=90;my="a;b"';
  const { attrs, remarks } = readAttributes(body);
  assert.deepEqual(remarks, []);
  assert.deepEqual(attrs, {
    body,
    duid: 'x1',
    maxLoad: 20,
    weight: 10,
    rweight: 30,
    socket: 'udp:10.0.0.1:5060',
    sockname: 's',
    pingSocket: 'udp:10.0.0.2:5060',
    pingFrom: 'sip:p@q',
    obproxy: 'sip:o',
    hasCongestionControl: true,
    latencyMs: 24,
    overload: { min: 10, max: 90 },
  });
  assert.deepEqual(splitAttributes('a=1; b = "x;y" ;c;d='), [
    ['a', '1'],
    ['b', 'x;y'],
    ['c', ''],
    ['d', ''],
  ]);
  assert.deepEqual(splitAttributes(';=;'), []);
});

test('ds_ping_reply_codes', () => {
  assert.deepEqual([...(parseReplyCodes('class=2; code=404;class=400') as Set<number>)], [2, 404, 4]);
  for (const bad of ['class=9', 'code=99', '404', 'code=x']) assert.equal(typeof parseReplyCodes(bad), 'string', bad);
});

test('ds_db_extra_attrs and the rules of ds_select_routes', () => {
  assert.deepEqual(parseExtraAttrs('socket=socket;pref=prefix;'), [
    ['socket', 'socket'],
    ['pref', 'prefix'],
  ]);
  assert.equal(parseExtraAttrs('a'), null);
  assert.deepEqual(parseRules('1=4;-2=8;'), [
    [1, 4],
    [-2, 8],
  ]);
  for (const bad of ['', '1', '1=x', ' 1=4', '1=4; 2=4']) assert.equal(typeof parseRules(bad), 'string', bad);
});

test('states in letters', () => {
  assert.deepEqual(['a', 'i', 'T', 'd', 'p', 'ip', 'pa', 'tpi', 'x', ''].map(parseState), [
    0,
    1,
    2,
    4,
    8,
    9,
    0,
    11,
    null,
    0,
  ]);
  assert.deepEqual(['', 'i', 'ap', 'dp', 'ia', 'p', 'x'].map(parseRpcState), [1, 1, 8, 4, 1, null, null]);
});
