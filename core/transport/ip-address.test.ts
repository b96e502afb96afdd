import assert from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  bracketed,
  canonicalIp,
  formatIpv4,
  formatIpv6,
  hostPort,
  ipBytes,
  ipFamily,
  ipText,
  parseIpv4,
  parseIpv6,
  unbracketed,
} from './ip-address.ts';

test('IPv4: four decimal parts, nothing else', () => {
  assert.equal(parseIpv4('192.0.2.1'), 0xc0000201);
  assert.equal(parseIpv4('0.0.0.0'), 0);
  assert.equal(parseIpv4('255.255.255.255'), 0xffffffff);
  for (const bad of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '01.2.3.4',
    '1..2.3',
    '1.2.3.',
    '.1.2.3',
    '1.2.3.x',
    ' 1.2.3.4',
  ]) {
    assert.equal(parseIpv4(bad), -1, bad);
  }
});

test('IPv6 text in RFC 5952 form', () => {
  const table = [
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:192.0.2.1', '::ffff:c000:201'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
  ] as const;
  for (const [text, canonical] of table) assert.equal(canonicalIp(text), canonical);
  for (const bad of [
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    'g::',
    '1.2.3.4::',
    '::1%',
    '::1%a b',
    '1:2:3:4:5:6:7:8::',
  ]) {
    assert.equal(parseIpv6(bad), null, bad);
  }
});

test('both families against the platform (property)', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.ipV4(), fc.ipV6(), fc.string({ unit: fc.constantFrom('0', '1', 'a', 'f', ':', '.', '9', '2') })),
      (text) => {
        assert.equal(parseIpv4(text) !== -1, isIPv4(text), text);
        assert.equal(parseIpv6(text) !== null, isIPv6(text), text);
        assert.equal(ipFamily(text), isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0);
        const canonical = canonicalIp(text);
        if (canonical !== null) assert.equal(canonicalIp(canonical), canonical);
      },
    ),
  );
});

test('words to text and back (property)', () => {
  const word = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
  fc.assert(
    fc.property(word, fc.oneof(word, fc.constant(0)), fc.oneof(word, fc.constant(0)), word, (a, b, c, d) => {
      assert.equal(parseIpv4(formatIpv4(a)), a >>> 0);
      assert.deepEqual([...(parseIpv6(formatIpv6(a, b, c, d))?.words ?? [])], [a, b, c, d]);
    }),
  );
});

test('host and port as in a Via', () => {
  assert.equal(hostPort('192.0.2.1', 5060), '192.0.2.1:5060');
  assert.equal(hostPort('2001:db8::1', 5060), '[2001:db8::1]:5060');
});

test('text and bytes of addresses', () => {
  fc.assert(fc.property(fc.ipV4(), (ip) => assert.equal(ipText(ipBytes(ip) ?? []), ip)));
  fc.assert(fc.property(fc.ipV6(), (ip) => assert.equal(ipText(ipBytes(ip) ?? []), canonicalIp(ip))));
  assert.deepEqual(ipBytes('[::1%lo]'), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.equal(ipBytes('10.0.0.256'), null);
  assert.equal(ipText([10, 1]), '10.1.0.0');
});

test('brackets are for IPv6 as a host', () => {
  for (const [ip, host] of [
    ['::1', '[::1]'],
    ['10.0.0.1', '10.0.0.1'],
    ['example.org', 'example.org'],
  ] as const) {
    assert.equal(bracketed(ip), host);
    assert.equal(bracketed(host), host);
    assert.equal(unbracketed(host), ip);
  }
});
