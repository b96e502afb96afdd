import assert from 'node:assert/strict';
import { test } from 'node:test';
import { challengeQops, digestCredentials, digestError, isStale, parseAuth } from './digest.ts';

const GOOD =
  'Digest username="bob@biloxi.com", realm="bi\\"loxi", nonce="dcd98b", uri="sip:bob@biloxi.com", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc"';

test('credentials are read, commas and escapes in quotes included', () => {
  const auth = parseAuth(GOOD.replace('dcd98b', 'a, b'));
  assert.ok(auth);
  const digest = digestCredentials(auth);
  assert.ok(digest);
  assert.deepEqual(
    [digest.user, digest.domain, digest.realm, digest.nonce, digest.qop, digest.ncValue, digest.algorithm],
    ['bob', 'biloxi.com', 'bi"loxi', 'a, b', 'auth', 1, ''],
  );
  assert.equal(digestError(auth), null);
});

const ERRORS: [string, string][] = [
  [GOOD.replace('Digest', 'NoOneKnowsThisScheme'), 'scheme'],
  [GOOD.replace('username="bob@biloxi.com", ', ''), 'username'],
  [GOOD.replace(/realm="[^,]*, /, ''), 'realm'],
  [GOOD.replace('nonce="dcd98b", ', ''), 'nonce'],
  [GOOD.replace('uri="sip:bob@biloxi.com"', 'uri=""'), 'uri'],
  [GOOD.replace('response="6629', 'response="662'), 'response'],
  [GOOD.replace('qop', 'algorithm=SHA-256, qop'), 'response'],
  [GOOD.replace('cnonce="0a4f113b", ', ''), 'cnonce'],
  [GOOD.replace('nc=00000001', 'nc=1'), 'nc'],
];
for (const [text, name] of ERRORS) {
  test(`digestError names ${name}`, () => {
    const auth = parseAuth(text);
    assert.ok(auth);
    assert.equal(digestError(auth), name);
  });
}

test('without qop the old formula needs no cnonce (rule 86)', () => {
  const auth = parseAuth(
    'Digest username="a", realm="", nonce="n", uri="sip:b", response="6629fae49393a05397450978507c4ef1"',
  );
  assert.ok(auth);
  assert.equal(digestError(auth), null);
});

for (const text of [
  '',
  '  ',
  'Digest a="x',
  'Digest a=1, a=2',
  'Digest a=1, b',
  'Digest a=1, ="x"',
  `Digest ${'a1=1,'.repeat(3)}`,
]) {
  test(`parseAuth refuses ${JSON.stringify(text)}`, () => assert.equal(parseAuth(text), null));
}

test('schemes with a token', () => {
  assert.equal(parseAuth('Basic dXNlcjpwYXNz==')?.token, 'dXNlcjpwYXNz==');
  assert.equal(parseAuth('Bearer abc.def')?.token, 'abc.def');
  assert.equal(parseAuth('NoOneKnowsThisScheme opaque-data=here')?.params.get('opaque-data'), 'here');
});

test('challenges: qop list and stale (rule 83)', () => {
  const auth = parseAuth('Digest realm="x", nonce="y", qop="auth, auth-int", stale=TRUE');
  assert.ok(auth);
  assert.deepEqual(challengeQops(auth), ['auth', 'auth-int']);
  assert.ok(isStale(auth));
});
