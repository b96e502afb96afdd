import assert from 'node:assert/strict';
import { test } from 'node:test';
import { digestChallenges } from 'strowger';
import { digestResponse, ha1Of, MD5 } from '../../core/auth/digest.ts';
import { digestCredentials, parseAuth } from '../../core/parser/digest.ts';
import { sipMsg } from '../../test/support/fake-msg.ts';
import { answerChallenges } from './answer.ts';
import { type Credential, CredentialStore, parseCredential } from './credentials.ts';

const REQUEST = { method: 'INVITE', uri: 'sip:bob@example.org', body: 'v=0' };
const CREDENTIAL: Credential = { realm: '', username: 'al "ice"', secret: 'pw', isHa1: false };

function rows(challenges: readonly string[], find: (realm: string) => Credential | null = () => CREDENTIAL): string[] {
  const reply = sipMsg(
    `SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP h\r\n${challenges.map((each) => `${each}\r\n`).join('')}\r\n`,
  );
  return answerChallenges(
    REQUEST,
    digestChallenges(reply),
    ({ realm }) => find(realm),
    () => 'cn',
  ).map(({ row }) => row);
}

const W = 'WWW-Authenticate: Digest realm="r"';

test('each algorithm, quality of protection and session is answered so that a server agrees', () => {
  for (const algorithm of ['', 'MD5', 'SHA-256', 'SHA-512-256', 'MD5-sess', 'SHA-256-sess']) {
    for (const qop of ['', 'auth', 'auth-int', 'auth-int, auth']) {
      const [row = ''] = rows([
        `${W}, nonce="n"${algorithm === '' ? '' : `, algorithm=${algorithm}`}${qop === '' ? '' : `, qop="${qop}"`}`,
      ]);
      const auth = parseAuth(row.slice('Authorization: '.length).trimEnd());
      assert.ok(auth !== null);
      const given = digestCredentials(auth);
      assert.ok(given !== null);
      assert.equal(given.algorithm, algorithm === '' ? 'MD5' : algorithm);
      assert.equal(given.qop, qop === 'auth-int, auth' ? 'auth' : qop);
      assert.equal(given.username, 'al "ice"');
      const found = digestChallenges(
        sipMsg(`SIP/2.0 401 U\r\n${W}, nonce="n", algorithm=${given.algorithm}\r\n\r\n`),
      )[0];
      assert.ok(found !== undefined);
      const ha1 = ha1Of(found.algorithm, given.username, 'r', 'pw');
      const { nonce, nc, cnonce } = given;
      const input = { method: 'INVITE', uri: given.uri, nonce, qop: given.qop, nc, cnonce, body: 'v=0' };
      assert.equal(digestResponse(found.algorithm, ha1, { ...input, isSession: found.isSession }), given.response);
    }
  }
});

test('one answer for each realm: the first challenge that can be answered', () => {
  assert.deepEqual(
    rows(
      [
        `${W}, nonce="a", algorithm=SHA-9`,
        `${W}, nonce="b", algorithm=SHA-256`,
        `${W}, nonce="c", algorithm=MD5`,
        'Proxy-Authenticate: Digest realm="r", nonce="p"',
        'Proxy-Authenticate: Digest realm="unknown", nonce="q"',
      ],
      (realm) => (realm === 'r' ? CREDENTIAL : null),
    ).map((row) => /^([\w-]+): .*nonce="(\w)"/.exec(row)?.slice(1)),
    [
      ['Authorization', 'b'],
      ['Proxy-Authorization', 'p'],
    ],
  );
});

test('an H(A1) goes with the algorithm of its length only', () => {
  const ha1 = { ...CREDENTIAL, secret: ha1Of(MD5, 'u', 'r', 'pw'), isHa1: true };
  const both = [`${W}, nonce="a", algorithm=SHA-256`, `${W}, nonce="b"`];
  assert.match(rows(both, () => ha1)[0] ?? '', /nonce="b"/);
  assert.deepEqual(
    rows(both.slice(0, 1), () => ha1),
    [],
  );
});

test('what can not be answered', () => {
  for (const bad of [
    'WWW-Authenticate: Basic realm="r"',
    'WWW-Authenticate: Digest nonce="n"',
    'WWW-Authenticate: Digest realm="r"',
    `${W}, nonce="n", qop="token"`,
    `${W}, nonce="n", algorithm=AKAv1-MD5`,
    'WWW-Authenticate: Digest',
    'Authentication-Info: nextnonce="n"',
  ])
    assert.deepEqual(rows([bad]), [], bad);
});

test('credentials by realm', () => {
  assert.deepEqual(parseCredential('u:r:p:q'), { realm: 'r', username: 'u', secret: 'p:q', isHa1: false });
  for (const bad of ['', 'u', 'u:r', 'u:r:', ':r:p', 'u::p']) assert.equal(parseCredential(bad), null);
  const store = new CredentialStore();
  for (const username of ['a', 'b']) store.add({ realm: 'r', username, secret: '1', isHa1: false });
  store.add({ realm: 'r', username: 'b', secret: '2', isHa1: false });
  assert.equal(store.find('r')?.username, 'a');
  assert.equal(store.find('r', 'b')?.secret, '2');
  assert.equal(store.find('r', 'c'), null);
  assert.equal(store.find('R'), null);
});
