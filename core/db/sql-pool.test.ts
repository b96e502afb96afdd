import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLog } from '../../test/support/fake-run.ts';
import { StrowgerError } from '../errors.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import type { DbResult } from './db.ts';
import type { SqlStatement } from './sql.ts';
import { SqlDb } from './sql-db.ts';
import { type SqlLink, SqlPool, type SqlPoolOptions } from './sql-pool.ts';

const NOTHING: DbResult = { columns: [], rows: [], affected: 0, lastId: null };

/** A link whose statements are answered when the test says so. */
class FakeLink implements SqlLink {
  readonly world: FakeServer;
  readonly number: number;
  hasEnded = false;
  #reject: ((error: Error) => void) | null = null;
  #listener: () => void = () => {};

  constructor(world: FakeServer, number: number) {
    this.world = world;
    this.number = number;
  }

  async run({ sql }: SqlStatement): Promise<DbResult> {
    assert.equal(this.#reject, null, 'one statement at a time');
    this.world.asked.push(`${this.number}:${sql}`);
    const stuck = new Promise<never>((_, reject) => {
      this.#reject = reject;
    });
    try {
      await Promise.race([stuck, this.world.gates.get(sql)?.promise ?? null]);
    } finally {
      this.#reject = null;
    }
    if (sql.startsWith('BAD')) throw new StrowgerError('DB_QUERY', 'bad');
    return NOTHING;
  }

  close(): Promise<void> {
    this.destroy();
    return Promise.resolve();
  }

  destroy(): void {
    if (this.hasEnded) return;
    this.hasEnded = true;
    this.#listener();
    this.#reject?.(new StrowgerError('DB_LOST', 'lost'));
  }

  onEnd(listener: () => void): void {
    this.#listener = listener;
  }
}

class FakeServer {
  readonly clock = new VirtualClock();
  readonly wheel = new TimerWheel(this.clock);
  readonly log = new MemoryLog();
  readonly asked: string[] = [];
  readonly links: FakeLink[] = [];
  readonly gates = new Map<string, PromiseWithResolvers<void>>();
  isDown = false;
  isSilent = false;

  open(more: Partial<SqlPoolOptions> = {}): Promise<SqlPool> {
    return SqlPool.open({
      name: 'fake',
      wheel: this.wheel,
      log: this.log,
      size: 2,
      connectTimeoutMs: 500,
      timeoutMs: 3000,
      retries: 1,
      pingMs: 0,
      reconnects: true,
      connect: (signal) => {
        if (this.isDown) return Promise.reject(new StrowgerError('DB_OPEN', 'refused'));
        if (this.isSilent)
          return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
        const link = new FakeLink(this, this.links.length + 1);
        this.links.push(link);
        return Promise.resolve(link);
      },
      ...more,
    });
  }

  /** A statement of this text waits until its gate is opened. */
  holds(sql: string): PromiseWithResolvers<void> {
    const gate = Promise.withResolvers<void>();
    this.gates.set(sql, gate);
    return gate;
  }

  /** The server goes away, with all its connections. */
  dies(): void {
    this.isDown = true;
    for (const link of this.links) link.destroy();
  }
}

const select = (what: string): SqlStatement => ({ sql: `SELECT ${what}`, params: [] });

test('connections are opened as they are needed, and the longest waiter comes first', async () => {
  const world = new FakeServer();
  const pool = await world.open();
  await pool.run(select('a'));
  await pool.run(select('b'));
  assert.equal(world.links.length, 1);
  const gate = world.holds('SELECT slow');
  const done: string[] = [];
  const slow = ['slow', 'slow', 'c', 'd'].map((what) => pool.run(select(what)).then(() => done.push(what)));
  await world.clock.advanceAsync(0);
  assert.deepEqual(world.asked.slice(2), ['1:SELECT slow', '2:SELECT slow']);
  gate.resolve();
  await Promise.all(slow);
  assert.deepEqual(done.slice(2), ['c', 'd']);
  await pool.close();
  await assert.rejects(pool.run(select('e')), { code: 'DB_CLOSED' });
});

test('a statement that takes too long ends with its connection, and the next has another', async () => {
  const world = new FakeServer();
  const pool = await world.open({ size: 1 });
  world.holds('SELECT slow');
  const late = assert.rejects(pool.run(select('slow')), {
    code: 'DB_TIMEOUT',
    message: 'fake: no answer within 3000 ms',
  });
  const waits = assert.rejects(pool.run(select('x')), { code: 'DB_TIMEOUT', message: /no connection was free/ });
  await world.clock.advanceAsync(3001);
  await Promise.all([late, waits]);
  assert.equal(world.links[0]?.hasEnded, true);
  await pool.run(select('y'));
  assert.equal(world.asked.at(-1), '2:SELECT y');
  await pool.close();
});

test('a database that is gone refuses at once, and is used again when it is back', async () => {
  const world = new FakeServer();
  const pool = await world.open();
  const told: boolean[] = [];
  pool.onConnection((isUp) => told.push(isUp));
  world.holds('INSERT');
  const lost = assert.rejects(pool.run({ sql: 'INSERT', params: [] }), { code: 'DB_LOST' });
  await world.clock.advanceAsync(0);
  world.dies();
  await lost;
  await assert.rejects(pool.run(select('x')), { code: 'DB_OPEN', message: 'refused' });
  await world.clock.advanceAsync(2500);
  const before = world.clock.now();
  await assert.rejects(pool.run(select('x')), { code: 'DB_OPEN' });
  assert.equal(world.clock.now(), before);
  world.isDown = false;
  await world.clock.advanceAsync(1001);
  await pool.run(select('x'));
  assert.deepEqual(told, [false, true]);
  await pool.close();
});

test('a read whose connection breaks is repeated, a write is not', async () => {
  const world = new FakeServer();
  const pool = await world.open();
  const gate = world.holds('SELECT x');
  const reading = pool.run(select('x'));
  await world.clock.advanceAsync(0);
  world.links[0]?.destroy();
  gate.resolve();
  await reading;
  assert.deepEqual(world.asked, ['1:SELECT x', '2:SELECT x']);
  await pool.close();
});

test('what can not be opened in time is refused; without reconnecting it stays lost', async () => {
  const silent = new FakeServer();
  silent.isSilent = true;
  const opening = assert.rejects(silent.open(), { code: 'DB_OPEN', message: 'fake: no connection within 500 ms' });
  await silent.clock.advanceAsync(501);
  await opening;
  const world = new FakeServer();
  const pool = await world.open({ reconnects: false });
  world.dies();
  world.isDown = false;
  await world.clock.advanceAsync(5000);
  await assert.rejects(pool.run(select('x')), { code: 'DB_LOST' });
  await pool.close();
});

test('idle connections are asked whether they live', async () => {
  const world = new FakeServer();
  const pool = await world.open({ pingMs: 10_000 });
  world.holds('SELECT 1');
  await world.clock.advanceAsync(10_600);
  assert.deepEqual(world.asked, ['1:SELECT 1']);
  assert.equal(world.links[0]?.hasEnded, true);
  assert.equal(world.links.length, 2);
  await pool.close();
});

test('changes keep their order, insertions and reads do not wait, a transaction has its connection', async () => {
  const world = new FakeServer();
  const pool = await world.open({ size: 4 });
  const db = new SqlDb(pool, {
    name: 'fake',
    dialect: { quote: '"', upsert: 'on-conflict' },
    wheel: world.wheel,
    timeoutMs: 0,
  });
  const order: string[] = [];
  const note = (what: string) => (): void => void order.push(what);
  const gate = world.holds('INSERT INTO "t" ("a") VALUES (?)');
  const work = [
    db.insert('t', { a: 1 }).then(note('insert')),
    db.update('t', { a: 2 }).then(note('update')),
    db.transaction(async (inside) => void (await inside.raw('inside'))).then(note('transaction')),
    db.insert('t', { b: 1 }).then(note('second insert')),
    db.query({ table: 't' }).then(note('query')),
    (db.lane() as SqlDb).delete('t').then(note('another lane')),
  ];
  await world.clock.advanceAsync(0);
  assert.deepEqual(order.sort(), ['another lane', 'query']);
  order.length = 0;
  gate.resolve();
  await Promise.all(work);
  assert.deepEqual(order, ['insert', 'update', 'transaction', 'second insert']);
  const [begin] = world.asked.filter((asked) => asked.endsWith(':BEGIN'));
  const number = begin?.split(':')[0];
  assert.ok(world.asked.includes(`${number}:inside`) && world.asked.includes(`${number}:COMMIT`));
  await assert.rejects(
    db.transaction((inside) => inside.raw('BAD')),
    { code: 'DB_QUERY' },
  );
  assert.match(world.asked.at(-1) ?? '', /ROLLBACK$/);
  await db.close();
});
