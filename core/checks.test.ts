import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request, response, sipMsg } from '../test/support/index.ts';
import { checkMessage } from './checks.ts';

const BASE = request('INVITE', 'sip:bob@example.org');

const REFUSED: [string, string, number, RegExp][] = [
  ['version (rule 10)', BASE.replace('SIP/2.0\r\nVia', 'SIP/7.0\r\nVia'), 505, /Version/],
  ['trailing space', BASE.replace('SIP/2.0\r\nVia', 'SIP/2.0 \r\nVia'), 400, /version/],
  ['no colon', BASE.replace('CSeq', 'oops\r\nCSeq'), 400, /colon/],
  ['no From (rule 12)', BASE.replace('From', 'Frem'), 400, /Missing/],
  ['no Call-ID (rule 12)', BASE.replace('Call-ID', 'X'), 400, /Missing/],
  ['two From', BASE.replace('To:', 'From: <sip:x@y>;tag=1\r\nTo:'), 400, /Duplicate/],
  ['two Content-Length', BASE.replace('To:', 'l: 0\r\nTo:'), 400, /Duplicate/],
  ['CSeq of 2^31 (rule 11)', BASE.replace('1 INVITE', '2147483648 INVITE'), 400, /CSeq/],
  ['broken To', BASE.replace('To: <', 'To: "<'), 400, /Bad To/],
  ['short body (rule 7)', BASE.replace('Content-Length: 0', 'Content-Length: 9'), 400, /Content-Length/],
  ['negative length', BASE.replace('Content-Length: 0', 'Content-Length: -9'), 400, /Content-Length/],
];
for (const [name, text, code, reason] of REFUSED) {
  test(`refused: ${name}`, () => {
    const failure = checkMessage(sipMsg(text));
    assert.equal(failure?.code, code);
    assert.match(failure?.reason ?? '', reason);
    assert.ok(failure?.isAnswerable);
  });
}

test('a good request and a good reply pass; Max-Forwards is not asked for (rule 12)', () => {
  assert.equal(checkMessage(sipMsg(BASE)), null);
  assert.equal(checkMessage(sipMsg(response(BASE, 200))), null);
  assert.equal(checkMessage(sipMsg(BASE.replace(/Max-Forwards.*\r\n/, ''))), null);
  assert.equal(checkMessage(sipMsg(BASE.replace(/Content-Length.*\r\n/, ''))), null);
});

test('what has no Via, is an ACK or a reply is not answered', () => {
  assert.equal(checkMessage(sipMsg(BASE.replace('Via', 'X')))?.isAnswerable, false);
  assert.equal(checkMessage(sipMsg(request('ACK', 'sip:a@b').replace('Call-ID', 'X')))?.isAnswerable, false);
  assert.equal(checkMessage(sipMsg(response(BASE, 200).replace('Call-ID', 'X')))?.isAnswerable, false);
});
