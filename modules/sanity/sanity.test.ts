import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run } from 'strowger';
import { ModuleBench, request, response, sipMsg } from 'strowger/testing';
import sanity from './index.ts';

const ALL = 32767;
const BASE = request('INVITE', 'sip:bob@example.org');
const DIGEST = 'Digest username="a", realm="r", nonce="n", uri="sip:x", response="6629fae49393a05397450978507c4ef1"';
const withHeaders = (headers: Record<string, string>): string => request('INVITE', 'sip:bob@example.org', { headers });

async function setUp(params: Record<string, string | number> = {}) {
  const replies: string[] = [];
  const sl = {
    sendReply: (run: Run, code: number, reason: string) => {
      replies.push(`${code} ${reason}${(run.msg.replyLumps ?? []).join('')}`);
      return 1;
    },
  };
  const bench = await new ModuleBench(sanity, params, {}, { sl }).init();
  return { bench, replies };
}

/** name, message, checks, URI checks, answer ('' passes) */
const CASES: [string, string, number, number, string][] = [
  ['good', BASE, ALL, 15, ''],
  ['good reply', response(BASE, 200), ALL, 15, ''],
  ['scheme (rule 26)', BASE.replace('sip:bob', 'http:bob'), 2, 0, '416 Unsupported URI Scheme in Request URI'],
  ['scheme tel', BASE.replace('sip:bob@example.org SIP', 'tel:+1 SIP'), 2, 0, ''],
  ['Request-URI', BASE.replace('sip:bob@example.org SIP', 'sip:bob@ SIP'), 2, 0, '400 Bad Request URI'],
  ['required', BASE.replace('Call-ID', 'X'), 4, 0, '400 Missing Required Header in Request'],
  ['two Max-Forwards', BASE.replace('To:', 'Max-Forwards: 5\r\nTo:'), 4, 0, '400 Duplicate Header in Request'],
  ['CSeq method (rule 11)', BASE.replace('1 INVITE', '1 BYE'), 32, 0, '400 CSeq method does not match request method'],
  ['CSeq number (rule 11)', BASE.replace('1 INVITE', '2147483648 INVITE'), 64, 0, '400 CSeq number is illegal'],
  ['Content-Length (rule 7)', BASE.replace('Length: 0', 'Length: 7'), 128, 0, '400 Content-Length mis-match'],
  ['no blank line', BASE.slice(0, -2), 128, 0, '400 Content-Length Body Failure'],
  ['Expires', withHeaders({ Expires: '1h' }), 256, 0, '400 Expires value is illegal'],
  [
    'Proxy-Require (rule 27)',
    withHeaders({ 'Proxy-Require': 'foo, baz, QUX' }),
    512,
    0,
    '420 Bad Proxy Require ExtensionUnsupported: baz, QUX\r\n',
  ],
  ['Proxy-Require we have', withHeaders({ 'Proxy-Require': 'FOO' }), 512, 0, ''],
  ['From URI', BASE.replace('sip:alice@', 'alice@'), 1024, 2, '400 Invalid From Header'],
  ['To URI', BASE.replace('To: <sip', 'To: <'), 1024, 4, '400 Invalid To Header'],
  ['To URI not asked for', BASE.replace('To: <sip', 'To: <'), 1024, 3, ''],
  ['Contact', withHeaders({ Contact: '<bob@x>' }), 1024, 8, '400 Bad Contact URI'],
  ['Contact without brackets', withHeaders({ Contact: 'sip:u@x?Route=y' }), 1024, 8, '400 Bad Contact URI'],
  ['Contact *', withHeaders({ Contact: '*' }), 1024, 8, ''],
  [
    'headers in the Request-URI',
    BASE.replace('sip:bob@example.org SIP', 'sip:bob@x?Route=y SIP'),
    1024,
    1,
    '400 Bad Request URI',
  ],
  ['digest', withHeaders({ Authorization: DIGEST }), 2048, 0, ''],
  [
    'digest incomplete',
    withHeaders({ Authorization: DIGEST.replace('nonce', 'nunce') }),
    2048,
    0,
    '400 Bad Auth Credentials',
  ],
  ['other scheme, check 2048', withHeaders({ Authorization: 'Basic abc=' }), 2048, 0, '400 Bad Auth Scheme'],
  ['other scheme, check 8192 (rule 90)', withHeaders({ Authorization: 'Basic abc=' }), 8192, 0, ''],
  ['two tags', BASE.replace(';tag=alice-tag', ';tag=1;tag=2'), 4096, 0, '400 Many From Tag Params'],
  ['first Via', BASE.replace('SIP/2.0/UDP', 'SIP/3.0/UDP'), 16384, 0, '400 Bad First Via Header'],
  ['not asked for', BASE.replace('1 INVITE', '1 BYE'), 64, 0, ''],
];
for (const [name, text, checks, uris, answer] of CASES) {
  test(`check ${checks}: ${name}`, async () => {
    const { bench, replies } = await setUp({ proxy_require: 'foo, bar' });
    assert.equal(bench.call(bench.run(sipMsg(text)), 'sanity_check', checks, uris), answer === '' ? 1 : 0);
    assert.deepEqual(replies, answer === '' ? [] : [answer]);
  });
}

test('autodrop 0 returns false, and defaults come from the parameters', async () => {
  const { bench } = await setUp({ autodrop: 0 });
  assert.equal(bench.call(bench.run(sipMsg(BASE.replace('1 INVITE', '1 BYE'))), 'sanity_check'), -1);
});

test('noreply leaves the answer to sanity_reply', async () => {
  const { bench, replies } = await setUp({ autodrop: 0, noreply: 1 });
  const run = bench.run(sipMsg(BASE.replace('1 INVITE', '1 BYE')));
  assert.equal(bench.call(run, 'sanity_reply'), 1);
  assert.equal(bench.call(run, 'sanity_check'), -1);
  assert.deepEqual(replies, []);
  assert.equal(bench.call(run, 'sanity_reply'), 1);
  assert.deepEqual(replies, ['400 CSeq method does not match request method']);
});

test('a reply that fails is not answered', async () => {
  const { bench, replies } = await setUp();
  const text = response(BASE, 200).replace('CSeq', 'X');
  assert.equal(bench.call(bench.run(sipMsg(text)), 'sanity_check'), 0);
  assert.deepEqual(replies, []);
});
