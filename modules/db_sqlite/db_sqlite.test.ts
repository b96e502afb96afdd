import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BareServer } from '../../test/support/bare-server.ts';
import sqlite from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-sqlite-'));
after(() => rmSync(folder, { recursive: true }));

async function withServer(
  params: readonly (readonly [string, string | number])[],
  use: (bare: BareServer) => Promise<void>,
): Promise<void> {
  const bare = new BareServer();
  await bare.load(sqlite, params);
  try {
    await use(bare);
  } finally {
    await bare.stop();
  }
}

test('rows go in and come out: text as UTF-8 bytes, numbers, null, blobs, dates', () =>
  withServer([], async ({ server }) => {
    const db = await server.db.open('sqlite://:memory:');
    await db.raw('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, x REAL, b BLOB, at DATETIME)');
    const at = new Date(Date.UTC(2026, 1, 3, 4, 5, 6));
    const { lastId, affected } = await db.insert('t', {
      name: 'G\xc3\xbcnther',
      x: 1.5,
      b: new Uint8Array([1, 2]),
      at,
    });
    assert.deepEqual([Number(lastId), affected], [1, 1]);
    await db.insert('t', { name: null, x: null, b: null, at: null });
    const { columns, rows } = await db.query({ table: 't', orderBy: ['id'] });
    assert.deepEqual(columns, ['id', 'name', 'x', 'b', 'at']);
    assert.deepEqual(
      rows.map((row) => [...row]),
      [
        [1, 'G\xc3\xbcnther', 1.5, new Uint8Array([1, 2]), at.getTime() / 86_400_000 + 2440587.5],
        [2, null, null, null, null],
      ],
    );
    const told = await db.raw('SELECT datetime(at) FROM t WHERE id = 1');
    assert.equal(told.rows[0]?.[0], '2026-02-03 04:05:06');
    const found = await db.raw('SELECT length(name) FROM t WHERE name = ?', ['G\xc3\xbcnther']);
    assert.deepEqual(found.rows[0]?.[0], 7);
    assert.equal((await db.update('t', { x: 2 }, [{ column: 'id', op: '<', value: 9 }])).affected, 2);
    assert.equal((await db.insertUpdate('t', { id: 2, name: 'b' }, ['id'])).affected, 1);
    assert.equal((await db.delete('t', [{ column: 'name', value: 'b' }])).affected, 1);
    await db.close();
  }));

test('a transaction is all or nothing, and nobody sees it half-way', () =>
  withServer([], async ({ server }) => {
    const url = `sqlite://${join(folder, 'tx.db')}`;
    const [a, b] = [await server.db.open(url), await server.db.open(url)];
    await a.raw('CREATE TABLE t (x INTEGER UNIQUE)');
    const writing = a.transaction(async (inside) => {
      for (let x = 0; x < 5; x++) await inside.insert('t', { x });
    });
    const counted = b.query({ table: 't' });
    await writing;
    assert.equal((await counted).rows.length, 5);
    const failing = a.transaction(async (inside) => {
      await inside.insert('t', { x: 7 });
      await inside.insert('t', { x: 1 });
    });
    await assert.rejects(failing, { code: 'DB_QUERY', message: /UNIQUE/ });
    assert.equal((await b.query({ table: 't' })).rows.length, 5);
    await Promise.all([a.close(), b.close()]);
    await assert.rejects(async () => a.query({ table: 't' }), { code: 'DB_CLOSED' });
  }));

test('what can not be opened, read-only databases and journal modes', async () => {
  const path = join(folder, 'ro.db');
  await withServer([['db_set_journal_mode', `${path}=WAL;`]], async ({ server }) => {
    await assert.rejects(server.db.open(`sqlite://${folder}/no/such/folder/x.db`), { code: 'DB_OPEN' });
    const db = await server.db.open(`sqlite://${path}`);
    await db.raw('CREATE TABLE t (x)');
    assert.equal((await db.raw('PRAGMA journal_mode')).rows[0]?.[0], 'wal');
    await db.close();
  });
  await withServer([['db_set_readonly', path]], async ({ server }) => {
    const db = await server.db.open(`sqlite://${path}`);
    await assert.rejects(db.insert('t', { x: 1 }), { code: 'DB_QUERY', message: /readonly/ });
    await db.close();
  });
  await withServer([['db_set_busy_timeout', `${path}=70;`]], async ({ server }) => {
    const db = await server.db.open(`sqlite://${path}`);
    assert.equal((await db.raw('PRAGMA busy_timeout')).rows[0]?.[0], 70);
    await db.close();
  });
  await assert.rejects(new BareServer().load(sqlite, [['db_set_busy_timeout', `${path}=x`]]), /milliseconds/);
  await assert.rejects(new BareServer().load(sqlite, [['db_set_journal_mode', `${path}=FAST`]]), /one of DELETE/);
});

test('many queries at once are answered in order', () =>
  withServer([], async ({ server }) => {
    const db = await server.db.open('sqlite://:memory:');
    const answers = await Promise.all(Array.from({ length: 500 }, (_, i) => db.raw('SELECT ?', [i])));
    assert.deepEqual(
      answers.map(({ rows }) => rows[0]?.[0]),
      Array.from({ length: 500 }, (_, i) => i),
    );
    await db.close();
  }));

test('make_tables: a file that is not there is made once, with its folder and tables, for its owner only', async () => {
  const path = join(folder, 'new/run/made.sqlite');
  await Promise.all(
    [1, 2, 3].map(() =>
      withServer([['make_tables', 1]], async ({ server }) => {
        const db = await server.db.open(`sqlite://${path}`);
        assert.deepEqual((await db.query({ table: 'location' })).rows, []);
        await db.insert('subscriber', { username: 'alice', domain: 'example.org' });
        await db.close();
      }).catch((error: Error) => assert.match(error.message, /UNIQUE/)),
    ),
  );
  assert.deepEqual(readdirSync(join(folder, 'new/run')), ['made.sqlite']);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await withServer([['make_tables', 1]], async ({ server }) => {
    const db = await server.db.open(`sqlite://${path}`);
    assert.equal((await db.query({ table: 'subscriber' })).rows.length, 1);
    assert.equal(
      (await db.query({ table: 'version', where: [{ column: 'table_name', value: 'location' }] })).rows.length,
      1,
    );
    await assert.rejects(server.db.open(`sqlite://${path}/below/x.db`), { code: 'DB_OPEN' });
  });
});
