import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Db, DbQuery, DbResult, DbValue } from './db.ts';
import { TableCache } from './table-cache.ts';

/** A database with a table `t` of two columns and its version; counts what it is asked. */
class FakeDb {
  version = 3;
  rows: DbValue[][] = [[1, 'a']];
  readonly asked: string[] = [];
  fails = false;
  opened = 0;
  closed = 0;
  /** Answers wait for it. */
  gate: Promise<void> = Promise.resolve();

  open(): Promise<Db> {
    this.opened++;
    const query = async ({ table }: DbQuery): Promise<DbResult> => {
      this.asked.push(table);
      const rows = table === 'version' ? [[this.version]] : [...this.rows];
      await this.gate;
      if (this.fails) throw new Error('gone');
      return { columns: table === 'version' ? ['table_version'] : ['id', 'name'], rows, affected: 0, lastId: null };
    };
    return Promise.resolve({ name: 'fake', query, close: () => Promise.resolve(void this.closed++) } as unknown as Db);
  }
}

function cacheOf(db: FakeDb): TableCache<readonly string[]> {
  return new TableCache<readonly string[]>(db, 'fake://', [], async (tables) => {
    const rows = await tables.rows({ table: 't', columns: ['id', 'name'], version: 3 });
    return rows.map((row) => `${row.int('id', -1)}${row.str('name')}${row.isNull('name') ? 'NULL' : ''}`);
  });
}

test('a table is swapped at once, and stays when a reload fails', async () => {
  const db = new FakeDb();
  const cache = cacheOf(db);
  assert.deepEqual(cache.value, []);
  await cache.load();
  assert.deepEqual(cache.value, ['1a']);
  db.rows = [
    [2, null],
    ['x', 'y'],
    ['7', 5],
  ];
  const reload = cache.load();
  assert.deepEqual(cache.value, ['1a']);
  await reload;
  assert.deepEqual(cache.value, ['2NULL', '-1y', '75']);
  db.fails = true;
  await assert.rejects(cache.load(), /gone/);
  assert.deepEqual(cache.value, ['2NULL', '-1y', '75']);
  await cache.close();
  assert.deepEqual([db.opened, db.closed], [1, 1]);
  assert.deepEqual(db.asked, ['version', 't', 't', 't']);
});

test('a table of another version is refused, until it has the right one', async () => {
  const db = new FakeDb();
  db.version = 2;
  const cache = cacheOf(db);
  await assert.rejects(cache.load(), { code: 'DB_VERSION', message: /has version 2, needed is version 3/ });
  db.version = 3;
  await cache.load();
  assert.deepEqual(cache.value, ['1a']);
});

test('reloads asked for while one runs are one more, which sees what came in between', async () => {
  const db = new FakeDb();
  const cache = cacheOf(db);
  await cache.load();
  const { promise, resolve } = Promise.withResolvers<void>();
  db.gate = promise;
  const running = cache.load();
  while (db.asked.length < 3) await Promise.resolve();
  db.rows = [[9, 'z']];
  const more = [cache.load(), cache.load()];
  resolve();
  await running;
  assert.deepEqual(cache.value, ['1a']);
  await Promise.all(more);
  assert.deepEqual(cache.value, ['9z']);
  assert.equal(db.asked.filter((table) => table === 't').length, 3);
});

test('a database that can not be opened is tried again', async () => {
  const db = new FakeDb();
  let isDown = true;
  const opener = { open: () => (isDown ? Promise.reject(new Error('down')) : db.open()) };
  const cache = new TableCache<number>(
    opener,
    'fake://',
    0,
    async (tables) => (await tables.rows({ table: 't', columns: [] })).length,
  );
  await assert.rejects(cache.load(), /down/);
  await cache.close();
  isDown = false;
  await cache.load();
  assert.equal(cache.value, 1);
});
