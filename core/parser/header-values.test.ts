import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contentTypeParam, parseContentType } from './content-type.ts';
import { formatSipDate, parseSipDate } from './date.ts';
import { parseEvent, parseSubscriptionState } from './event.ts';
import { formatQ, parseQ } from './q-value.ts';
import { escapeUser, hasValidEscapes, isToken, quoteString, unescapePercent, unfold, unquote } from './quoted.ts';
import { parseRack } from './rack.ts';
import { parseReplaces } from './replaces.ts';
import { parseRetryAfter } from './retry-after.ts';
import { parseMinSe, parseSessionExpires } from './session-expires.ts';

/** A table: text to what is expected, null where it must be refused. */
function table<T>(name: string, parse: (text: string) => T, cases: readonly (readonly [string, T])[]): void {
  for (const [text, expected] of cases) {
    test(`${name}: ${JSON.stringify(text)}`, () => assert.deepEqual(parse(text), expected));
  }
}

table('q', parseQ, [
  ['0', 0],
  ['1', 1000],
  ['1.000', 1000],
  ['0.5', 500],
  ['0.123', 123],
  ['.7', 700],
  ['0.', 0],
  ['1.001', -1],
  ['2', -1],
  ['-1', -1],
  ['', -1],
  ['0.1a', -1],
]);
test('formatQ', () => assert.deepEqual([0, 5, 500, 250, 1000].map(formatQ), ['0', '0.005', '0.5', '0.25', '1']));

table('Date', parseSipDate, [
  ['Sat, 13 Nov 2010 23:29:00 GMT', 1289690940],
  ['Fri, 01 Jan 2010 16:00:00 EST', null],
  ['Sat, 31 Feb 2010 00:00:00 GMT', null],
  ['Sat, 13 Nov 2010 24:00:00 GMT', null],
  ['13 Nov 2010 23:29:00 GMT', null],
  ['', null],
]);
test('formatSipDate', () => assert.equal(formatSipDate(1289690940_000), 'Sat, 13 Nov 2010 23:29:00 GMT'));

table('RAck', parseRack, [
  ['776656 1 INVITE', { rseq: 776656, cseq: 1, method: 'INVITE' }],
  ['1\t2\r\n INVITE', { rseq: 1, cseq: 2, method: 'INVITE' }],
  ['4294967296 1 INVITE', null],
  ['1 INVITE', null],
  ['1 2', null],
]);
table('Replaces', parseReplaces, [
  [
    '425928@bobster.example.org;to-tag=7743;from-tag=6472',
    { callId: '425928@bobster.example.org', toTag: '7743', fromTag: '6472', earlyOnly: false },
  ],
  ['a;early-only;from-tag=1;to-tag=2', { callId: 'a', toTag: '2', fromTag: '1', earlyOnly: true }],
  ['a;local-tag=1;remote-tag=2', { callId: 'a', toTag: '1', fromTag: '2', earlyOnly: false }],
  ['a;to-tag=1', null],
  ['a', null],
  [';to-tag=1;from-tag=2', null],
]);
table('Session-Expires', parseSessionExpires, [
  ['1800', { intervalSec: 1800, refresher: null }],
  ['90 ; Refresher=UAS', { intervalSec: 90, refresher: 'uas' }],
  ['90;refresher=me', null],
  ['x', null],
]);
table('Min-SE', parseMinSe, [
  ['90', 90],
  ['120;x=y', 120],
  ['', null],
]);
table('Retry-After', parseRetryAfter, [
  ['120', { seconds: 120, durationSec: null }],
  ['18000;duration=3600', { seconds: 18000, durationSec: 3600 }],
  ["120 (I'm in a meeting)", { seconds: 120, durationSec: null }],
  ['949302838503028349304023988', { seconds: 0xffffffff, durationSec: null }],
  ['soon', null],
]);
test('Event', () => {
  const event = parseEvent('dialog;id=12;sla');
  assert.deepEqual([event?.token, event?.id, event?.params.get('sla')], ['dialog', '12', '']);
  assert.equal(parseEvent(''), null);
});
test('Subscription-State', () => {
  const state = parseSubscriptionState('Terminated;reason=timeout;retry-after=5');
  assert.deepEqual(
    [state?.state, state?.reason, state?.retryAfterSec, state?.expiresSec],
    ['terminated', 'timeout', 5, null],
  );
});
test('Content-Type', () => {
  const type = parseContentType('Multipart / Mixed ;boundary="a;\\"b"');
  assert.ok(type);
  assert.equal(type.mime, 'multipart/mixed');
  assert.equal(contentTypeParam(type, 'boundary'), 'a;"b');
  for (const bad of ['', 'text', '/plain', 'text/', 'a b/c']) assert.equal(parseContentType(bad), null, bad);
});
test('quoted strings and escapes', () => {
  assert.equal(unquote('"a\\"b\\\\"'), 'a"b\\');
  assert.equal(unquote('abc'), 'abc');
  assert.equal(quoteString('a"b\\\r\nc'), '"a\\"b\\\\ c"');
  assert.equal(unescapePercent('%41%zz%25%34'), 'A%zz%4');
  assert.equal(escapeUser('a b@c%'), 'a%20b%40c%25');
  assert.ok(!hasValidEscapes('%4'));
  assert.ok(isToken("a-.!%*_+`'~") && !isToken('a b') && !isToken(''));
  assert.equal(unfold('a \r\n\t b\r\n c'), 'a b c');
});
