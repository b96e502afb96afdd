import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PvEvaluator, testMsg } from '../../test/support/pv-eval.ts';
import { isMyself, KEYWORDS, wordValue } from './operands.ts';

const REQUEST =
  'OPTIONS sip:a@127.0.0.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1\nFrom: <sip:f@x>\nTo: <sip:t@y>\nCall-ID: c\nCSeq: 1 OPTIONS\n\n';
const REPLY =
  'SIP/2.0 180 Ringing\nVia: SIP/2.0/UDP 192.0.2.1\nFrom: <sip:f@x>\nTo: <sip:t@y>\nCall-ID: c\nCSeq: 1 INVITE\n\n';

test('keywords read the message; uri is the status of a reply', () => {
  const ev = new PvEvaluator();
  const request = ev.run(testMsg(REQUEST));
  const reply = ev.run(testMsg(REPLY));
  const read = (name: string, run = request) => KEYWORDS.get(name)?.(run);
  assert.deepEqual(
    [read('method'), read('uri'), read('from_uri'), read('src_ip'), read('src_port'), read('proto'), read('af')],
    ['OPTIONS', 'sip:a@127.0.0.1', 'sip:f@x', '127.0.0.1', 5090, 1, 2],
  );
  assert.deepEqual([read('status', reply), read('uri', reply), read('method', reply)], ['180', '180', 'INVITE']);
  assert.deepEqual([read('to_ip'), read('snd_port')], [null, null]);
  request.sending = { text: '', ip: '2001:db8::1', port: 5070, proto: 2 };
  assert.deepEqual(
    [read('to_ip'), read('to_port'), read('to_proto'), read('to_af'), read('snd_ip')],
    ['2001:db8::1', 5070, 2, 10, '127.0.0.1'],
  );
});

test('bare words are protocols, families and methods', () => {
  assert.deepEqual(['UDP', 'tls', 'WSS', 'INET', 'INET6', 'INVITE', 'max_len', 'nope', 'NONE'].map(wordValue), [
    1,
    3,
    6,
    2,
    10,
    'INVITE',
    65535,
    undefined,
    undefined,
  ]);
});

test('a URI without a port is myself only on the default port', () => {
  const ev = new PvEvaluator();
  const run = ev.run(testMsg(REQUEST));
  const asked: unknown[] = [];
  Object.assign(run.server, {
    isMyself: (...question: unknown[]) => {
      asked.push(question);
      return true;
    },
  });
  for (const uri of ['sip:a@h', 'sips:h', 'sip:h;transport=tls', 'sip:h:5099']) isMyself(run, uri, 'uri');
  isMyself(run, '127.0.0.1', 'src_ip');
  assert.deepEqual(asked, [
    ['h', 5060, 0],
    ['h', 5061, 0],
    ['h', 5061, 0],
    ['h', 5099, 0],
    ['127.0.0.1', 0, 0],
  ]);
  assert.equal(isMyself(run, 'junk', 'uri'), false);
});
