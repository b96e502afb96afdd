import assert from 'node:assert/strict';
import { test } from 'node:test';
import { caseChanger, LOWER, UPPER } from './letter-case.ts';

test('letters of ASCII change, others do not, however often they are asked for', () => {
  const [lower, upper] = [caseChanger(LOWER), caseChanger(UPPER)];
  const texts = ['', 'a', 'Z', 'Example.ORG', '192.0.2.1', 'stra\xdfe', '\xc0\xe9\xb5\xff@X', 'x'.repeat(200), '\xe0B'];
  for (let round = 0; round < 3; round++) {
    for (const text of texts) {
      assert.equal(
        lower(text),
        text.replace(/[A-Z]/g, (c) => c.toLowerCase()),
      );
      assert.equal(
        upper(text),
        text.replace(/[a-z]/g, (c) => c.toUpperCase()),
      );
    }
  }
});

test('texts that share a place among the remembered ones do not get each other’s', () => {
  const lower = caseChanger(LOWER);
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 500; i++) assert.equal(lower(`Host-${i}.Example.com`), `host-${i}.example.com`);
});
