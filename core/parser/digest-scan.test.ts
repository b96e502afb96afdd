import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { digestCredentials, parseAuth } from './digest.ts';
import { scanDigest } from './digest-scan.ts';

const scan = (text: string): ReturnType<typeof scanDigest> => scanDigest(`x${text}y`, 1, 1 + text.length);

test('credentials are read as the general parser reads them', () => {
  for (const text of [
    'Digest username="alice", realm="example.com", nonce="n", uri="sip:x", response="00"',
    ' dIGEST USERNAME = "a\\"l@b,c" ,, Realm="a \\\\", qop=auth-int,NC=0000001f, cnonce="", opaque="o", algorithm=MD5',
    'Digest realm="x", auth-param=1, another="t\\"wo", nc=0000001x',
    'Digest nc=1,uri=*',
    'Digest username=bare',
    'Digest realm="folded\r\n value"',
  ]) {
    const auth = parseAuth(text);
    assert.ok(auth !== null, text);
    assert.deepEqual(scan(text), digestCredentials(auth), text);
  }
});

test('what is no digest, and what is none that can be read', () => {
  for (const text of ['', 'Basic YWJj', 'Digestive x="1"', 'garbage', 'Digest', 'NTLM'])
    assert.equal(scan(text), 'other', text);
  for (const text of [
    'Digest realm',
    'Digest realm="x',
    'Digest realm="x\\"',
    'Digest realm="x" nonce="y"',
    'Digest ="x"',
    'Digest realm="x", REALM="y"',
    `Digest ${'a=1,'.repeat(65)}`,
  ])
    assert.equal(scan(text), 'malformed', text);
  assert.equal(scanDigest('Digest realm="x", nonce="beyond"', 0, 25), 'malformed');
});

test('both readers agree on any text', () => {
  const name = fc.constantFrom(
    'username',
    'Realm',
    'nonce',
    'URI',
    'response',
    'qop',
    'nc',
    'cnonce',
    'opaque',
    'other',
    'x',
  );
  const raw = fc.string({ unit: fc.constantFrom('a', 'B', '0', '"', '\\', ',', '=', ' ', '@', '\r\n ') });
  const value = fc.oneof(
    raw,
    fc.stringMatching(/^[a-z0-9@.]{1,9}$/),
    raw.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`),
  );
  const param = fc.tuple(name, fc.constantFrom('=', ' = ', '', '=='), value).map((parts) => parts.join(''));
  const text = fc.array(param, { maxLength: 8 }).map((params) => `Digest ${params.join(', ')}`);
  fc.assert(
    fc.property(text, (input) => {
      const auth = parseAuth(input);
      const found = scan(input);
      const wanted = auth === null || auth.token !== '' ? null : digestCredentials(auth);
      if (typeof found !== 'string') assert.deepEqual(found, wanted ?? found);
      else if (wanted !== null && auth?.params.size !== 0) assert.fail(`${found}: ${JSON.stringify(wanted)}`);
    }),
    { numRuns: 2000, examples: [['Digest username="\\"']] },
  );
});
