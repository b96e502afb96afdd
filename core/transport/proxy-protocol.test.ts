import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseProxyHeader } from './proxy-protocol.ts';

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n';
const V4 = `${SIGNATURE}\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x9c\x40\x13\xc4`;
const V6 = `${SIGNATURE}\x21\x21\x00\x27${'\x20\x01\x0d\xb8'.padEnd(15, '\0')}\x01${'\x20\x01\x0d\xb8'.padEnd(15, '\0')}\x02\x9c\x40\x13\xc4\x04\x00\x00`;
const FOUR = { remoteIp: '192.0.2.1', remotePort: 40000, localIp: '192.0.2.2', localPort: 5060 };

test('both versions, both families', () => {
  const text = 'PROXY TCP4 192.0.2.1 192.0.2.2 40000 5060\r\n';
  assert.deepEqual(parseProxyHeader(`${text}INVITE`), { kind: 'done', length: text.length, addresses: FOUR });
  assert.deepEqual(parseProxyHeader(V4), { kind: 'done', length: 28, addresses: FOUR });
  assert.deepEqual(parseProxyHeader(V6), {
    kind: 'done',
    length: V6.length,
    addresses: { ...FOUR, remoteIp: '2001:db8::1', localIp: '2001:db8::2' },
  });
  const six = parseProxyHeader('PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n');
  assert.ok(six.kind === 'done' && six.addresses?.remoteIp === '2001:db8::1');
});

test('a balancer that speaks for itself', () => {
  assert.deepEqual(parseProxyHeader('PROXY UNKNOWN\r\n'), { kind: 'done', length: 15, addresses: null });
  assert.deepEqual(parseProxyHeader('PROXY UNKNOWN ::1 ::1 1 2\r\n'), { kind: 'done', length: 27, addresses: null });
  assert.deepEqual(parseProxyHeader(`${SIGNATURE}\x20\x00\x00\x00`), { kind: 'done', length: 16, addresses: null });
});

test('what is none is refused at once', () => {
  for (const text of [
    'OPTIONS sip:x SIP/2.0\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 40000\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 40000 99999\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n',
    'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n',
    `PROXY ${'x'.repeat(200)}`,
    `${SIGNATURE}\x11\x11\x00\x0c`,
    `${SIGNATURE}\x22\x11\x00\x0c`,
    `${SIGNATURE}\x21\x11\xff\xff`,
    `${SIGNATURE}\x21\x11\x00\x04abcd`,
  ]) {
    assert.equal(parseProxyHeader(text).kind, 'bad', JSON.stringify(text));
  }
});

test('every beginning of a header is incomplete, and any text is judged (property)', () => {
  for (const whole of ['PROXY TCP4 192.0.2.1 192.0.2.2 40000 5060\r\n', V4, V6]) {
    for (let i = 0; i < whole.length; i++) assert.equal(parseProxyHeader(whole.slice(0, i)).kind, 'incomplete');
  }
  const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
  fc.assert(
    fc.property(fc.constantFrom('', 'PROXY ', SIGNATURE), fc.string({ unit: byte, maxLength: 120 }), (start, rest) => {
      const header = parseProxyHeader(start + rest);
      if (header.kind === 'done') assert.ok(header.length <= start.length + rest.length);
    }),
  );
});
