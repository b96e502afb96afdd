import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, sipMsg } from '../../test/support/index.ts';
import { contactExpires, contactQ, parseContacts, parseDeltaSeconds } from './contact.ts';
import { HDR } from './hf.ts';
import {
  firstNameAddr,
  hasToken,
  lastNameAddr,
  listValues,
  MAX_LIST_VALUES,
  nameAddrs,
  tokens,
  viaCount,
  vias,
} from './list.ts';

const withHeaders = (headers: Record<string, string | string[]>) => sipMsg(request('INVITE', 'sip:a@b', { headers }));

test('rows and commas make one list, in order (rule 3)', () => {
  const msg = withHeaders({ Route: ['<sip:a;lr>, <sip:b;lr>', ' <sip:c;lr>'], 'Record-Route': '<sip:d>' });
  assert.deepEqual(
    nameAddrs(msg, HDR.ROUTE).map((r) => r?.uriText),
    ['sip:a;lr', 'sip:b;lr', 'sip:c;lr'],
  );
  assert.equal(firstNameAddr(msg, HDR.ROUTE)?.uriText, 'sip:a;lr');
  assert.equal(lastNameAddr(msg, HDR.ROUTE)?.uriText, 'sip:c;lr');
  assert.equal(firstNameAddr(msg, HDR.PATH), null);
});

test('vias: all of them, a broken one is null', () => {
  const msg = withHeaders({ Via: ['SIP/2.0/UDP a;branch=1 , SIP/2.0/TCP b', 'SIP/2.0/UDP'] });
  assert.deepEqual(
    vias(msg).map((v) => v?.host),
    ['a', 'b', undefined],
  );
  assert.equal(viaCount(msg), 3);
});

test('tokens compare without case; parameters and empty values do not count', () => {
  const msg = withHeaders({ Supported: ['100rel, , Timer', 'path;x=1'], Require: '' });
  assert.deepEqual(tokens(msg, HDR.SUPPORTED), ['100rel', 'Timer', 'path']);
  assert.ok(hasToken(msg, HDR.SUPPORTED, 'timer'));
  assert.ok(!hasToken(msg, HDR.SUPPORTED, 'time'));
  assert.ok(!hasToken(msg, HDR.REQUIRE, 'timer'));
});

test('walking a list is bounded', () => {
  assert.equal(listValues(withHeaders({ Supported: 'a,'.repeat(5000) }), HDR.SUPPORTED).length, MAX_LIST_VALUES);
});

test('contacts: star, values, broken ones', () => {
  assert.ok(parseContacts(withHeaders({ Contact: '*' })).isStar);
  const msg = withHeaders({ Contact: ['"a, b" <sip:a@b>;q=0.5;expires=60, sip:c@d;expires=x', '<sip:e'] });
  const contacts = parseContacts(msg);
  assert.equal(contacts.values.length, 2);
  assert.ok(contacts.errorAt > 0);
  const [first, second] = contacts.values;
  assert.ok(first && second);
  assert.deepEqual([contactQ(first), contactExpires(first)], [500, 60]);
  assert.deepEqual([contactQ(second), contactExpires(second)], [-1, -1]);
});

test('delta-seconds are capped, never wrapped (RFC 4475 §3.1.2.4)', () => {
  const cases: [string, number | null][] = [
    ['0', 0],
    ['3600', 3600],
    ['1000000000000000000000000', 0xffffffff],
    ['', null],
    ['-1', null],
    ['1h', null],
  ];
  for (const [text, value] of cases) assert.equal(parseDeltaSeconds(text), value, text);
});
