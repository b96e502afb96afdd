import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Db, DbValue } from '../../core/db/db.ts';
import type { ModuleDef } from '../../core/module/define-module.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { BareServer } from './bare-server.ts';
import { DatabaseServer } from './database.ts';

interface DatabaseCase<S> {
  readonly kind: 'postgres' | 'mariadb';
  readonly module: ModuleDef<S>;
  /** Statements must be given up after a few seconds at most. */
  readonly params: readonly (readonly [name: string, value: string | number])[];
  /** A database that is there from the start. */
  readonly admin: string;
  /** A statement that takes longer than that. */
  readonly sleep: string;
  /** Makes a table t: id (counted up), name (unique), x, b (bytes), at (a time), big. */
  readonly table: string;
}

/** What any driver of an SQL server must do, against a real server. Call it in a suite. */
export function databaseTests<S>(spec: DatabaseCase<S>): void {
  let database: DatabaseServer;
  let bare: BareServer;
  let db: Db;

  before(async () => {
    database = await DatabaseServer.start(spec.kind);
    bare = new BareServer({ clock: new RealClock() });
    await bare.load(spec.module, spec.params);
    const admin = await bare.server.db.open(database.url(spec.admin));
    await admin.raw('CREATE DATABASE sip');
    await admin.close();
    db = await bare.server.db.open(database.url('sip'));
    await db.raw(spec.table);
  });
  after(async () => {
    await bare?.stop();
    bare?.server.wheel.close();
    await database?.stop();
  });

  const names = async (): Promise<DbValue[]> =>
    (await db.query({ table: 't', columns: ['name'], orderBy: ['id'] })).rows.map(([name]) => name ?? null);

  test('rows go in and come out: text as UTF-8 bytes, numbers, null, blobs, times', async () => {
    const at = new Date(2026, 1, 3, 4, 5, 6);
    const row = { name: 'G\xc3\xbcnther \'";--', x: 1.5, b: new Uint8Array([0, 92, 255]), at, big: 2n ** 60n };
    assert.equal((await db.insert('t', row)).affected, 1);
    await db.insert('t', { name: null, x: null, b: null, at: null, big: 7 });
    const { columns, rows } = await db.query({ table: 't', orderBy: ['id'] });
    assert.deepEqual(columns, ['id', 'name', 'x', 'b', 'at', 'big']);
    assert.deepEqual(
      rows.map((values) => values.map((value) => (value instanceof Uint8Array ? [...value] : value))),
      [
        [1, row.name, 1.5, [0, 92, 255], at, 2n ** 60n],
        [2, null, null, null, null, 7],
      ],
    );
    const found = await db.raw("SELECT '?' AS q, id FROM t WHERE name = ? AND at = ?", [row.name, at]);
    assert.deepEqual(found.rows, [['?', 1]]);
    assert.deepEqual((await db.raw('SELECT char_length(name) FROM t WHERE id = 1')).rows, [[row.name.length - 1]]);
    // Bytes that are no UTF-8 are Latin-1.
    await db.insert('t', { name: '\xe9' });
    assert.equal((await names()).at(-1), '\xc3\xa9');
    await db.delete('t');
  });

  test('changes of all kinds', async () => {
    await db.insert('t', { name: 'a', x: 1 });
    await db.insert('t', { name: 'b', x: 2 });
    assert.equal((await db.update('t', { x: 3 }, [{ column: 'x', op: '<', value: 9 }])).affected, 2);
    await db.insertUpdate('t', { name: 'a', x: 7 }, ['name']);
    await db.insertUpdate('t', { name: 'c', x: 8 }, ['name']);
    await db.replace('t', { name: 'b', x: 9 });
    const { rows } = await db.query({ table: 't', columns: ['name', 'x'], orderBy: ['name'] });
    assert.deepEqual(rows, [
      ['a', 7],
      ['b', 9],
      ['c', 8],
    ]);
    assert.equal((await db.delete('t', [{ column: 'name', op: 'like', value: '%' }])).affected, 3);
    await assert.rejects(db.insert('t', { nosuch: 1 }), { code: 'DB_QUERY' });
    await assert.rejects(db.raw('SELEKT ?', [1]), { code: 'DB_QUERY' });
  });

  test('a transaction is all or nothing, and nobody sees it half-way', async () => {
    const other = await bare.server.db.open(database.url('sip'));
    let seen = -1;
    await db.transaction(async (inside) => {
      for (const name of ['1', '2', '3']) await inside.insert('t', { name });
      seen = (await other.query({ table: 't' })).rows.length;
    });
    assert.equal(seen, 0);
    const failing = db.transaction(async (inside) => {
      await inside.insert('t', { name: '4' });
      await inside.insert('t', { name: '1' });
    });
    await assert.rejects(failing, { code: 'DB_QUERY' });
    assert.deepEqual(await names(), ['1', '2', '3']);
    await other.close();
    await db.delete('t');
  });

  test('a table that is changed under prepared statements', async () => {
    await db.query({ table: 't', where: [{ column: 'id', value: 1 }] });
    await db.raw('ALTER TABLE t ADD COLUMN extra INT');
    const { columns } = await db.query({ table: 't', where: [{ column: 'id', value: 1 }] });
    assert.equal(columns.at(-1), 'extra');
  });

  test('a statement that takes too long is given up, others go on', async () => {
    const sleeping = assert.rejects(db.raw(spec.sleep), { code: 'DB_TIMEOUT' });
    await db.insert('t', { name: 'meanwhile' });
    await sleeping;
    assert.deepEqual(await names(), ['meanwhile']);
  });

  test('a database that crashes gives errors at once, and is used again when it is back', async () => {
    const told: boolean[] = [];
    const forget = db.onConnection((isUp) => told.push(isUp));
    await database.crash();
    for (let i = 0; i < 3; i++) {
      const started = performance.now();
      await assert.rejects(db.query({ table: 't' }), (error: { code?: string }) =>
        ['DB_OPEN', 'DB_LOST'].includes(error.code ?? ''),
      );
      assert.ok(performance.now() - started < 3000);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    db.onConnection((isUp) => isUp && resolve());
    await database.resume();
    await promise;
    assert.deepEqual(await names(), ['meanwhile']);
    await db.insert('t', { name: 'after' });
    assert.deepEqual(told, [false, true]);
    forget();
  });

  test('many at once, on several connections', async () => {
    const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => db.raw('SELECT ? + 0', [i])));
    assert.deepEqual(
      answers.map(({ rows }) => Number(rows[0]?.[0])),
      Array.from({ length: 300 }, (_, i) => i),
    );
  });

  test('what can not be opened is told without the password', async () => {
    const url = database.url('nosuch').replace('@', ':topsecret@').replace(':any:', ':');
    await assert.rejects(
      bare.server.db.open(url),
      (error: Error & { code?: string }) => error.code === 'DB_OPEN' && !error.message.includes('topsecret'),
    );
  });
}
