import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestAlgorithm, digestResponse, ha1Of } from './digest.ts';

interface Vector {
  readonly name: string;
  readonly algorithm: string;
  readonly username: string;
  readonly realm: string;
  readonly password: string;
  readonly nonce: string;
  readonly method: string;
  readonly uri: string;
  readonly qop?: string;
  readonly nc?: string;
  readonly cnonce?: string;
  readonly body?: string;
  readonly ha1: string;
  readonly response: string;
}

const { vectors } = JSON.parse(readFileSync(join(import.meta.dirname, 'testdata/digest-vectors.json'), 'utf8')) as {
  readonly vectors: readonly Vector[];
};

/** Texts go over the wire as UTF-8, one char a byte. */
const wire = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

for (const vector of vectors) {
  test(`digest: ${vector.name}`, () => {
    const isSession = vector.algorithm.endsWith('-sess');
    const algorithm = digestAlgorithm(vector.algorithm.replace(/-sess$/, ''));
    assert.ok(algorithm !== null);
    const nonce = wire(vector.nonce);
    const cnonce = wire(vector.cnonce ?? '');
    const ha1 = ha1Of(algorithm, wire(vector.username), wire(vector.realm), wire(vector.password));
    if (!isSession) assert.equal(ha1, vector.ha1);
    const response = digestResponse(algorithm, ha1, {
      method: vector.method,
      uri: wire(vector.uri),
      nonce,
      qop: vector.qop ?? '',
      nc: vector.nc ?? '',
      cnonce,
      body: wire(vector.body ?? ''),
      isSession,
    });
    assert.equal(response, vector.response);
  });
}

test('names of algorithms', () => {
  assert.equal(digestAlgorithm('')?.name, 'MD5');
  assert.equal(digestAlgorithm('sha-512-256')?.name, 'SHA-512-256');
  for (const name of ['SHA-1', 'MD5-sess', 'md', 'constructor']) assert.equal(digestAlgorithm(name), null);
});
