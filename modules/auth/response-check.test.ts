import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type DigestAlgorithm,
  type DigestCredentials,
  digestAlgorithm,
  digestResponse,
  ha1Of,
  type SipMsg,
} from 'strowger';
import type { FoundCredentials } from './api.ts';
import { ResponseCheck } from './response-check.ts';
import { SafeEqual } from './safe-equal.ts';

const MSG = { body: 'v=0\r\n' } as SipMsg;
const PASSWORD = 'a rather long secret, as some have';

function found(algorithm: DigestAlgorithm, qop: string, isSession: boolean, uri: string): FoundCredentials {
  const username = 'alice';
  const realm = 'example.org';
  const nonce = '5f7c0a21AbCdEfGhIjKlMnOpQrStUvWx';
  const [nc, cnonce] = qop === '' ? ['', ''] : ['00000001', '0a4f113b'];
  const input = { method: 'REGISTER', uri, nonce, qop, nc, cnonce, body: MSG.body, isSession };
  const response = digestResponse(algorithm, ha1Of(algorithm, username, realm, PASSWORD), input);
  const credentials = { username, realm, nonce, uri, qop, nc, cnonce, response } as DigestCredentials;
  return { target: 'www', row: 0, realm, credentials, algorithm, isSession, takesCount: false };
}

test('every algorithm, qop and kind of secret', () => {
  const check = new ResponseCheck(new SafeEqual());
  for (const name of ['MD5', 'SHA-256', 'SHA-512-256'])
    for (const qop of ['', 'auth', 'AUTH', 'auth-int'])
      for (const isSession of [false, true])
        for (const uri of ['sip:example.org', 'sip:example.net']) {
          const algorithm = digestAlgorithm(name);
          assert.ok(algorithm !== null);
          const one = found(algorithm, qop, isSession, uri);
          const label = `${name} ${qop} ${isSession} ${uri}`;
          const ha1 = ha1Of(algorithm, 'alice', 'example.org', PASSWORD);
          assert.ok(check.isRight(MSG, one, { text: PASSWORD, isHa1: false }, 'REGISTER'), label);
          assert.ok(check.isRight(MSG, one, { text: ha1, isHa1: true }, 'REGISTER'), label);
          assert.equal(check.isRight(MSG, one, { text: `${PASSWORD}.`, isHa1: false }, 'REGISTER'), false, label);
          assert.equal(check.isRight(MSG, one, { text: ha1.slice(1), isHa1: true }, 'REGISTER'), false, label);
          assert.equal(check.isRight(MSG, one, { text: PASSWORD, isHa1: false }, 'INVITE'), false, label);
        }
});
