import assert from 'node:assert/strict';
import { test } from 'node:test';
import dnsPacket, { type Answer } from 'dns-packet';
import { SeededRandom } from '../timer/random.ts';
import { decodeReply, encodeQuery } from './dns-message.ts';
import { normalizeName, reverseName } from './dns-records.ts';

function reply(answers: readonly Answer[], name = 'a.example.org', type = 'A'): Uint8Array {
  return dnsPacket.encode({ type: 'response', id: 7, questions: [{ name, type }], answers });
}

test('a query asks one question, with recursion, and offers EDNS', () => {
  const query = dnsPacket.decode(Buffer.from(encodeQuery(0x1234, '_sip._udp.example.org', 'SRV', true)));
  assert.equal(query.id, 0x1234);
  assert.deepEqual([query.questions[0]?.name, query.questions[0]?.type], ['_sip._udp.example.org', 'SRV']);
  assert.equal(query.flags & dnsPacket.RECURSION_DESIRED, dnsPacket.RECURSION_DESIRED);
  assert.equal(query.additionals[0]?.udpPayloadSize, 1232);
  assert.equal(dnsPacket.decode(Buffer.from(encodeQuery(1, 'a', 'EBL', false))).questions[0]?.type, 'UNKNOWN_65300');
});

test('records of every type are read; names come lower case, TTLs with the top bit as 0', () => {
  const answers: Answer[] = [
    { name: 'A.Example.org', type: 'A', ttl: 60, data: '192.0.2.1' },
    { name: 'a.example.org', type: 'AAAA', ttl: 0x8000_0000, data: '2001:db8::1' },
    { name: 'a.example.org', type: 'CNAME', ttl: 1, data: 'B.example.org' },
    { name: 'a.example.org', type: 'TXT', ttl: 1, data: ['one', Buffer.from([0xe9])] },
    { name: 'a.example.org', type: 'SRV', ttl: 1, data: { priority: 1, weight: 2, port: 3, target: 'C.example.org' } },
    { name: 'a.example.org', type: 'SRV', ttl: 1, data: { priority: 1, weight: 2, port: 3, target: '.' } },
    {
      name: 'a.example.org',
      type: 'NAPTR',
      ttl: 1,
      data: {
        order: 1,
        preference: 2,
        flags: 's',
        services: 'SIP+D2U',
        regexp: '',
        replacement: '_sip._udp.example.org',
      },
    },
    { name: 'a.example.org', type: 'UNKNOWN_65300', ttl: 1, data: Buffer.from('\x04\x01i\x03org\0', 'latin1') },
    { name: 'a.example.org', type: 'MX', ttl: 1, data: { preference: 1, exchange: 'x.example.org' } },
  ];
  const found = decodeReply(reply(answers), 7, 'a.example.org', 'A')?.answers ?? [];
  assert.deepEqual(
    found.map((r) => [r.name, r.ttlSec, r.data]),
    [
      ['a.example.org', 60, '192.0.2.1'],
      ['a.example.org', 0, '2001:db8::1'],
      ['a.example.org', 1, 'b.example.org'],
      ['a.example.org', 1, ['one', '\xe9']],
      ['a.example.org', 1, { priority: 1, weight: 2, port: 3, target: 'c.example.org' }],
      ['a.example.org', 1, { priority: 1, weight: 2, port: 3, target: '.' }],
      [
        'a.example.org',
        1,
        { order: 1, preference: 2, flags: 's', services: 'SIP+D2U', regexp: '', replacement: '_sip._udp.example.org' },
      ],
      ['a.example.org', 1, { position: 4, separator: 'i', apex: 'org' }],
    ],
  );
});

test('what does not answer the question is no reply', () => {
  assert.equal(decodeReply(reply([]), 8, 'a.example.org', 'A'), null);
  assert.equal(decodeReply(reply([]), 7, 'b.example.org', 'A'), null);
  assert.equal(decodeReply(reply([]), 7, 'a.example.org', 'AAAA'), null);
  assert.equal(decodeReply(encodeQuery(7, 'a.example.org', 'A', true), 7, 'a.example.org', 'A'), null);
  assert.equal(decodeReply(new Uint8Array(5), 7, 'a.example.org', 'A'), null);
});

test('broken packets never throw', () => {
  const random = new SeededRandom(1);
  const good = reply([
    { name: 'a.example.org', type: 'SRV', ttl: 1, data: { priority: 1, weight: 2, port: 3, target: 'c.example.org' } },
  ]);
  for (let i = 0; i < 5000; i++) {
    const bad = Uint8Array.from(good.subarray(0, 12 + random.int(good.length - 11)));
    for (let n = random.int(4); n >= 0; n--) bad[2 + random.int(bad.length - 2)] = random.int(256);
    decodeReply(bad, 7, 'a.example.org', 'A');
  }
});

test('only DNS names become queries', () => {
  assert.equal(normalizeName('Example.ORG.'), 'example.org');
  assert.equal(normalizeName('_sip._udp.example.org'), '_sip._udp.example.org');
  for (const bad of [
    '',
    '.',
    'a..b',
    'a b',
    'a\0b',
    'ex\xe4mple.org',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(130)}org`,
  ]) {
    assert.equal(normalizeName(bad), null, bad);
  }
});

test('reverse names of both families (RFC 1035 §3.5, RFC 3596 §2.5)', () => {
  assert.equal(reverseName(4, [0xc0000201]), '1.2.0.192.in-addr.arpa');
  assert.equal(
    reverseName(6, [0x20010db8, 0, 0, 1]),
    '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
  );
});
