import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLog } from '../../test/support/fake-run.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { checkTableVersion, type DbResult } from './db.ts';
import { DbRegistry } from './db-registry.ts';
import { fromDbText, toDbText } from './db-text.ts';
import type { SqlStatement } from './sql.ts';
import { SqlDb } from './sql-db.ts';

const NOTHING: DbResult = { columns: [], rows: [], affected: 0, lastId: null };

/** A connection that answers nothing, and keeps what it was asked. */
function recording(): { readonly db: SqlDb; readonly asked: string[]; readonly clock: VirtualClock; stuck: boolean } {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const connection = {
    run: ({ sql, params }: SqlStatement): Promise<DbResult> => {
      asked.push(params.length === 0 ? sql : `${sql} <- ${params.map(String).join(',')}`);
      return self.stuck ? new Promise(() => {}) : Promise.resolve(NOTHING);
    },
    close: () => Promise.resolve(),
  };
  const db = new SqlDb(connection, {
    name: 'test',
    dialect: { quote: '"', upsert: 'on-conflict' },
    wheel: new TimerWheel(clock),
    timeoutMs: 1000,
  });
  const self = { db, asked, clock, stuck: false };
  return self;
}

test('what is asked becomes SQL with parameters', async () => {
  const { db, asked } = recording();
  await db.query({ table: 't' });
  await db.query({
    table: 't',
    columns: ['a', 'b'],
    where: [
      { column: 'a', value: 1 },
      { column: 'b', op: '!=', value: null },
      { column: 'c', op: 'like', value: 'x%' },
    ],
    orderBy: ['a', { column: 'b', isDescending: true }],
    limit: 5,
  });
  await db.insert('t', { a: 1, b: 'x' });
  await db.update('t', { a: 2 }, [{ column: 'b', op: '>=', value: 'y' }]);
  await db.delete('t', [{ column: 'a', value: null }]);
  await db.replace('t', { a: 1 });
  await db.insertUpdate('t', { a: 1, b: 2 }, ['a']);
  await db.raw('SELECT ?', [7]);
  assert.deepEqual(asked, [
    'SELECT * FROM "t"',
    'SELECT "a", "b" FROM "t" WHERE "a" = ? AND "b" IS NOT NULL AND "c" LIKE ? ORDER BY "a", "b" DESC LIMIT 5 OFFSET 0 <- 1,x%',
    'INSERT INTO "t" ("a", "b") VALUES (?, ?) <- 1,x',
    'UPDATE "t" SET "a" = ? WHERE "b" >= ? <- 2,y',
    'DELETE FROM "t" WHERE "a" IS NULL',
    'REPLACE INTO "t" ("a") VALUES (?) <- 1',
    'INSERT INTO "t" ("a", "b") VALUES (?, ?) ON CONFLICT ("a") DO UPDATE SET "b" = excluded."b" <- 1,2',
    'SELECT ? <- 7',
  ]);
});

test('a name that can not be one is refused', async () => {
  const { db } = recording();
  for (const table of ['t; drop table x', 'a b', '"', '', '1'])
    await assert.rejects(db.query({ table }), { code: 'DB_NAME' });
  await assert.rejects(db.insert('t', { 'a"': 1 }), { code: 'DB_NAME' });
});

test('others wait while a transaction lasts, which is taken back when its work fails', async () => {
  const { db, asked } = recording();
  const first = db.transaction(async (inside) => {
    await inside.raw('one');
    await inside.raw('two');
  });
  const outside = db.raw('outside');
  const second = db.transaction(async (inside) => {
    await inside.raw('three');
    throw new Error('no');
  });
  await first;
  await assert.rejects(second, { message: 'no' });
  await outside;
  assert.deepEqual(
    asked.filter((sql) => sql !== 'outside'),
    ['BEGIN', 'one', 'two', 'COMMIT', 'BEGIN', 'three', 'ROLLBACK'],
  );
  assert.ok(asked.indexOf('outside') > asked.indexOf('COMMIT'));
});

test('a statement that takes too long is given up', async () => {
  const world = recording();
  world.stuck = true;
  const running = assert.rejects(world.db.raw('slow'), {
    code: 'DB_TIMEOUT',
    message: 'test: no answer within 1000 ms',
  });
  await world.clock.advanceAsync(1100);
  await running;
});

test('text is UTF-8 at the edge; what is not is kept as it is', () => {
  assert.equal(toDbText('G\xc3\xbcnther'), 'Günther');
  assert.equal(fromDbText('Günther'), 'G\xc3\xbcnther');
  assert.equal(toDbText('\xff'), '\xff');
  assert.equal(fromDbText(toDbText('plain')), 'plain');
});

test('users of one URL share its connection; the last closes it', async () => {
  const clock = new VirtualClock();
  const registry = new DbRegistry({ wheel: new TimerWheel(clock), log: new MemoryLog() });
  let opened = 0;
  let closed = 0;
  const forget = registry.register('x', {
    open: () => {
      opened++;
      const { db } = recording();
      db.close = () => Promise.resolve(void closed++);
      return Promise.resolve(db);
    },
  });
  const [a, b] = await Promise.all([registry.open('x://1'), registry.open('x://1')]);
  assert.equal(opened, 1);
  await a?.close();
  await a?.close();
  assert.equal(closed, 0);
  await b?.close();
  assert.equal(closed, 1);
  await assert.rejects(registry.open('nonsense'), { code: 'DB_URL' });
  await assert.rejects(
    registry.open('y://u:secret@h/d'),
    (error: Error) => /db_y\.so/.test(error.message) && !error.message.includes('secret'),
  );
  forget();
  await assert.rejects(registry.open('x://1'), { code: 'DB_DRIVER' });
});

test('latency_limit_db: what takes longer is told, with its table and time', async () => {
  const clock = new VirtualClock();
  const log = new MemoryLog();
  const registry = new DbRegistry({
    wheel: new TimerWheel(clock),
    log,
    limitMicros: () => 50_000,
    slowLevel: () => -1,
  });
  let delayMs = 10;
  registry.register('x', {
    open: () => {
      const { db } = recording();
      db.query = () =>
        new Promise(
          (resolve) =>
            void clock.schedule(delayMs, () => resolve({ columns: [], rows: [], affected: 0, lastId: null })),
        );
      return Promise.resolve(db);
    },
  });
  const db = await registry.open('x://1');
  await clock.runUntilSettled(db.query({ table: 'quick' }));
  delayMs = 80;
  await clock.runUntilSettled(db.query({ table: 'slow' }));
  assert.deepEqual(log.lines, ['-1 test: query slow took 80000 usec']);
  await db.close();
});

test('version_table: where versions of tables are looked up', async () => {
  const registry = new DbRegistry({
    wheel: new TimerWheel(new VirtualClock()),
    log: new MemoryLog(),
    versionTable: 'version44',
  });
  const { db: own, asked } = recording();
  registry.register('x', { open: () => Promise.resolve(own) });
  const db = await registry.open('x://1');
  await assert.rejects(checkTableVersion(db, 't', 3), /the table t is not listed in the table version44/);
  assert.match(asked.join(), /version44/);
  await db.close();
});
