import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseUri, type SipUri } from './uri.ts';
import { aorsEqual, urisEqual } from './uri-compare.ts';

function uri(text: string): SipUri {
  const parsed = parseUri(text);
  assert.ok(parsed, text);
  return parsed;
}

/** The examples of RFC 3261 §19.1.4 and rules 5, 14 and 15. */
const EQUAL: [string, string][] = [
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;newparam=5'],
  [
    'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
    'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
  ],
  [
    'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
  ],
  ['tel:+1-201-555-0123', 'tel:+12015550123'],
  ['tel:123;a=1;b=2', 'tel:123;b=2;a=1'],
  ['urn:service:SOS', 'urn:service:sos'],
];
const DIFFERENT: [string, string][] = [
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
  ['sip:a@b;x=1', 'sip:a@b;x=2'],
  ['sip:a@b;maddr=1.2.3.4', 'sip:a@b'],
  ['sip:a@b', 'sips:a@b'],
  ['sip:a@b', 'sip:b'],
  ['tel:123;a=1', 'tel:123'],
];

for (const [a, b] of EQUAL) {
  test(`equal: ${a} and ${b} (RFC 3261 §19.1.4)`, () => {
    assert.ok(urisEqual(uri(a), uri(b)));
    assert.ok(urisEqual(uri(b), uri(a)));
  });
}
for (const [a, b] of DIFFERENT) {
  test(`different: ${a} and ${b} (RFC 3261 §19.1.4)`, () => {
    assert.ok(!urisEqual(uri(a), uri(b)));
    assert.ok(!urisEqual(uri(b), uri(a)));
  });
}

test('escapes are undone once only: %25%34%31 is not %41 or A (rule 14)', () => {
  assert.ok(urisEqual(uri('sip:%25%34%31@h'), uri('sip:%2541@h')));
  assert.ok(!urisEqual(uri('sip:%25%34%31@h'), uri('sip:A@h')));
});

test('addresses of record: port and parameters do not count', () => {
  assert.ok(aorsEqual(uri('sip:a@H:5061;x=1'), uri('sip:a@h')));
  assert.ok(!aorsEqual(uri('sip:A@h'), uri('sip:a@h')));
});

test('comparing is bounded', () => {
  const many = `sip:a@b${';x'.repeat(5000)}`;
  assert.ok(!urisEqual(uri(`${many};y=1`), uri(`${many};y=2`)));
});
