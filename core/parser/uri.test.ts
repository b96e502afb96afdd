import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUri, URI_SCHEME } from './uri.ts';

/** text, user, password, host, port, params, headers */
const GOOD: [string, string, string, string, number, string, string][] = [
  ['sip:a@b', 'a', '', 'b', 0, '', ''],
  ['SIP:a@b', 'a', '', 'b', 0, '', ''],
  ['sip:b', '', '', 'b', 0, '', ''],
  ['sip:b:5060', '', '', 'b', 5060, '', ''],
  ['sip:a:p@b:5060;x=y?h=v', 'a', 'p', 'b', 5060, 'x=y', 'h=v'],
  ['sip:a@b:0', 'a', '', 'b', 0, '', ''],
  ['sip:a:@b', 'a', '', 'b', 0, '', ''],
  ['sips:a@b', 'a', '', 'b', 0, '', ''],
  ['sip:a@[::1]:5060', 'a', '', '[::1]', 5060, '', ''],
  ['sip:[2001:db8::9:1]', '', '', '[2001:db8::9:1]', 0, '', ''],
  ['sip:[::ffff:192.0.2.1];lr', '', '', '[::ffff:192.0.2.1]', 0, 'lr', ''],
  ['sip:a?x@b', 'a?x', '', 'b', 0, '', ''],
  ['sip:user;par=u%40example.net@example.com', 'user;par=u%40example.net', '', 'example.com', 0, '', ''],
  ['sip:a@b;lr;lr=on', 'a', '', 'b', 0, 'lr;lr=on', ''],
  ['sip:a@b?x', 'a', '', 'b', 0, '', 'x'],
  ['sip:%00@b', '%00', '', 'b', 0, '', ''],
  ['sip:sips%3Auser%40example.com@example.net', 'sips%3Auser%40example.com', '', 'example.net', 0, '', ''],
  [
    "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
    "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
    "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)",
    'example.com',
    0,
    '',
    '',
  ],
  ['tel:+1-201;phone-context=x', '+1-201', '', '', 0, 'phone-context=x', ''],
  ['urn:service:sos', 'service:sos', '', '', 0, '', ''],
  ['soap.beep://192.0.2.103:3002', '//192.0.2.103:3002', '', '', 0, '', ''],
];

for (const [text, user, password, host, port, params, headers] of GOOD) {
  test(`parseUri: ${text}`, () => {
    const uri = parseUri(text);
    assert.ok(uri);
    assert.deepEqual(
      [uri.user, uri.password, uri.host, uri.port, uri.params, uri.headers],
      [user, password, host, port, params, headers],
    );
  });
}

const BAD = [
  '',
  'sip',
  'sip:',
  'a@b',
  ':a@b',
  'sip:a@',
  'sip:@b',
  'sip::@b',
  'sip:a@b@c',
  'sip:a@b:70000',
  'sip:a@b:5060x',
  'sip:a@b:+5',
  'sip:[::1',
  'sip:[zz]',
  'sip:[]',
  'sip:[::1]x',
  'sip:a@b c',
  'sip:a b@c',
  'sip:a@b; lr',
  'sip:a@b/x',
  'sip:a@b>',
  '<sip:a@b>',
  ' sip:a@b',
  'tel:',
  'urn:',
  'sip:a@b;x=\t1',
  '1a:b',
  'sip:a@b"',
];
for (const text of BAD) {
  test(`parseUri refuses ${JSON.stringify(text)}`, () => assert.equal(parseUri(text), null));
}

test('schemes compare without case (rule 5)', () => {
  assert.equal(parseUri('SiPs:a@b')?.scheme, URI_SCHEME.SIPS);
  assert.equal(parseUri('TEL:+1')?.scheme, URI_SCHEME.TEL);
  assert.equal(parseUri('nobodyKnowsThisScheme:x')?.scheme, URI_SCHEME.OTHER);
});

test('URI parameters: names without case, first one wins, no value is the empty string', () => {
  const uri = parseUri('sip:a@b;Transport=TCP;lr;maddr=239.255.255.1');
  assert.equal(uri?.param('transport'), 'TCP');
  assert.equal(uri?.param('lr'), '');
  assert.equal(uri?.param('ttl'), null);
  assert.equal(uri?.transport, 2);
});

test('bareHost is without brackets', () => {
  assert.equal(parseUri('sip:[::1]')?.bareHost, '::1');
  assert.equal(parseUri('sip:h')?.bareHost, 'h');
});
