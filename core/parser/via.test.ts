import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseVia } from './via.ts';

const parse = (text: string) => parseVia(text, 0, text.length);

/** text, protocol number, host, port, branch */
const GOOD: [string, number, string, number, string | null][] = [
  ['SIP/2.0/UDP pc33.atlanta.com:8000;branch=z9hG4bK776', 1, 'pc33.atlanta.com', 8000, 'z9hG4bK776'],
  ['SIP / 2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw', 1, '192.0.2.2', 0, '390skdjuw'],
  [
    'SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8',
    2,
    'spindle.example.com',
    0,
    'z9hG4bK9ikj8',
  ],
  ['sip/2.0/tls [2001:db8::9:255] : 5061 ;branch=x', 3, '[2001:db8::9:255]', 5061, 'x'],
  ['SIP/2.0/UNKNOWN t5.example.com;branch=z9hG4bK423', 0, 't5.example.com', 0, 'z9hG4bK423'],
  ['SIP/2.0/WSS df7jal23ls0d.invalid;branch=z', 6, 'df7jal23ls0d.invalid', 0, 'z'],
  ['SIP/2.0/UDP h', 1, 'h', 0, null],
  ['SIP/2.0/UDP h;x="a;branch=no";branch=yes', 1, 'h', 0, 'yes'],
  ["SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~", 2, 'host1.example.com', 0, "z9hG4bK-.!%66*_+`'~"],
];
for (const [text, proto, host, port, branch] of GOOD) {
  test(`parseVia: ${JSON.stringify(text)}`, () => {
    const via = parse(text);
    assert.ok(via);
    assert.deepEqual([via.proto, via.host, via.port, via.branch], [proto, host, port, branch]);
  });
}

const BAD = [
  '',
  'SIP/2.0/UDP',
  'SIP/2.0/UDP ',
  'SIP/2.0 h',
  'SIP/3.0/UDP h',
  'HTTP/2.0/UDP h',
  'SIP/2.0/UDP h:',
  'SIP/2.0/UDP h:70000',
  'SIP/2.0/UDP h:x',
  'SIP/2.0/UDP [::1',
  'SIP/2.0/UDP 2001:db8::1;branch=x',
  'SIP/2.0/UDP h x',
  'SIP/2.0/UDP h;',
  'SIP/2.0/UDP 192.0.2.15;;',
  'SIP/2.0/UDP ;branch=x',
];
for (const text of BAD) test(`parseVia refuses ${JSON.stringify(text)}`, () => assert.equal(parse(text), null));

test('received is read with and without brackets (rule 16, RFC 5118 §4.5)', () => {
  assert.equal(parse('SIP/2.0/UDP h;received=[2001:db8::9:255];branch=x')?.received, '2001:db8::9:255');
  assert.equal(parse('SIP/2.0/UDP h;received=2001:db8::9:255;branch=x')?.received, '2001:db8::9:255');
  assert.equal(parse('SIP/2.0/UDP h;branch=x')?.received, null);
});

test('rport: empty, with a value, broken (RFC 3581)', () => {
  assert.equal(parse('SIP/2.0/UDP h;rport')?.param('rport'), '');
  assert.equal(parse('SIP/2.0/UDP h;rport=5062')?.rport, 5062);
  assert.equal(parse('SIP/2.0/UDP h;rport=99999')?.rport, 0);
});
