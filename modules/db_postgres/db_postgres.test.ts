import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareServer } from '../../test/support/bare-server.ts';
import { parseConParams } from './con-params.ts';
import postgres from './index.ts';
import { numberPlaces } from './placeholders.ts';
import { parserOf, toPostgres } from './values.ts';

test('places of parameters get numbers, others do not', () => {
  assert.equal(numberPlaces('SELECT 1'), 'SELECT 1');
  assert.equal(numberPlaces('a = ? AND b = ?'), 'a = $1 AND b = $2');
  assert.equal(numberPlaces(`'it''s ?' "a?" -- ?\n /* ? */ ? '?'`), `'it''s ?' "a?" -- ?\n /* ? */ $1 '?'`);
});

test('values of PostgreSQL', () => {
  const read = (oid: number, text: string): unknown => parserOf(oid)(text);
  assert.equal(read(16, 't'), 1);
  assert.equal(read(20, '9007199254740993'), 9007199254740993n);
  assert.equal(read(1700, '1.50'), 1.5);
  assert.deepEqual(read(1114, '2026-02-03 04:05:06.25'), new Date(2026, 1, 3, 4, 5, 6, 250));
  assert.deepEqual(read(1184, '2026-02-03 04:05:06+00'), new Date(Date.UTC(2026, 1, 3, 4, 5, 6)));
  assert.equal(read(1114, 'infinity'), 'infinity');
  for (const text of ['\\x615c00', 'a\\\\\\000'])
    assert.deepEqual([...(read(17, text) as Uint8Array)], [0x61, 0x5c, 0], text);
  assert.equal(read(25, 'ü'), '\xc3\xbc');
  assert.equal(toPostgres(new Date(2026, 1, 3, 4, 5, 6, 7)), '2026-02-03 04:05:06.007');
  assert.equal(toPostgres(5n), '5');
});

test('con_param', async () => {
  assert.deepEqual(
    [...(parseConParams(' connect_timeout = 3 ; sslmode=require;') as Map<string, string>)],
    [
      ['connect_timeout', '3'],
      ['sslmode', 'require'],
    ],
  );
  for (const bad of ['x', 'passfile=/x', 'sslmode=maybe', 'connect_timeout=soon'])
    assert.equal(typeof parseConParams(bad), 'string', bad);
  await assert.rejects(new BareServer().load(postgres, [['con_param', 'nosuch=1']]), /nosuch is not supported/);
});

test('a server that is not there is told, without the password', async () => {
  const bare = new BareServer();
  await bare.load(postgres);
  await assert.rejects(
    bare.server.db.open('postgres://u:topsecret@127.0.0.1:1/x'),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, 'DB_OPEN');
      assert.match(error.message, /^postgres:\/\/u:xxxx@127.0.0.1:1\/x: .*ECONNREFUSED/);
      return true;
    },
  );
  await bare.stop();
});
