import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeUri, encodeUri } from './uri-code.ts';

/** As Kamailio 5.6.3 writes them. */
const KNOWN = [
  ['sip:alice@example.org', 'sip:new@gotham.org', '', 'AAAAAA8JHiMCLxEQAABeAxdJb3Jn'],
  ['sip:alice@example.org;x=y', 'sip:new@gotham.org', '', 'AAAAAA8JHiMCLxEQAABeAxdJb3JnO3g9eQ--'],
  ['sip:alice@example.org', 'sip:x@y', '', 'AAAAABksEGNlQGV4YW1wbGUub3Jn'],
  ['sip:alice@example.org', 'sip:new@gotham.org', 'secret', 'c2Vjcmp9bUZhXXRkc2U9cXI9HBcE'],
  ['sip:bob@example.org', 'sip:t@t', 'secret', 'c2VjcnNbZSUGCgQZAwkGXAoGFA--'],
] as const;

test('what Kamailio writes', () => {
  for (const [original, replacement, password, value] of KNOWN) {
    assert.equal(encodeUri(original, replacement, password), value);
    assert.equal(decodeUri(value, replacement, password), original);
    assert.equal(decodeUri(value, original, password), replacement);
  }
});

const uri = fc.stringMatching(/^[!#-;=?-~]{1,60}$/);

test('either URI gives the other', () => {
  fc.assert(
    fc.property(uri, uri, fc.string({ maxLength: 10, unit: 'binary-ascii' }), (a, b, password) => {
      const value = encodeUri(a, b, password);
      assert.match(value, /^[A-Za-z0-9+/]+-*$/);
      assert.equal(decodeUri(value, a, password), b);
      assert.equal(decodeUri(value, b, password), a);
    }),
  );
});

test('no text makes a URI that ends a header', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 40 }), uri, (value, known) => {
      const decoded = decodeUri(value, known, '');
      assert.ok(decoded === null || !/[\r\n<>"\0 ]/.test(decoded));
    }),
  );
  for (const bad of ['', 'AAA', '!!!!', 'AA--', 'AAAA=', 'AAAAABssE2NlQGV4YW1wbGUub3J'])
    assert.equal(decodeUri(bad, 'sip:alice@example.org', ''), null);
  const injection = encodeUri('sip:a@b>\r\nX: 1', 'sip:z@z', '');
  assert.equal(decodeUri(injection, 'sip:z@z', ''), null);
});
