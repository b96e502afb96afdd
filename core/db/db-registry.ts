import { StrowgerError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import { microsOf } from '../timer/clock.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import type { Db } from './db.ts';
import { type DbUrl, parseDbUrl, printDbUrl } from './db-url.ts';

/** What a driver is given to work with. */
export interface DbContext {
  readonly wheel: TimerWheel;
  readonly log: Log;
  /** `version_table` */
  readonly versionTable?: string;
  /** `latency_limit_db`, microseconds; 0 (or absent): nothing is measured. */
  readonly limitMicros?: () => number;
  /** `latency_log`: the level of reports of slow operations. */
  readonly slowLevel?: () => number;
}

/** What a module `db_…` registers for its scheme. */
export interface DbDriver {
  /** Opens a connection of its own; rejects with DB_OPEN. */
  open(url: DbUrl, context: DbContext): Promise<Db>;
}

interface OpenDb {
  readonly opened: Promise<Db>;
  users: number;
}

/** The databases of a server: drivers by scheme, and one connection for each URL, shared by all who open it. */
export class DbRegistry {
  readonly #context: DbContext;
  readonly #drivers = new Map<string, DbDriver>();
  readonly #open = new Map<string, OpenDb>();

  constructor(context: DbContext) {
    this.#context = context;
  }

  /** A driver of this scheme; a second one takes its place. Returns what takes it back. */
  register(scheme: string, driver: DbDriver): () => void {
    this.#drivers.set(scheme, driver);
    return () => {
      if (this.#drivers.get(scheme) === driver) this.#drivers.delete(scheme);
    };
  }

  /** Rejects with DB_URL, DB_DRIVER (no module for the scheme) or what the driver rejects with. */
  async open(url: string): Promise<Db> {
    const parsed = parseDbUrl(url);
    if (typeof parsed === 'string') throw new StrowgerError('DB_URL', parsed);
    const known = this.#open.get(url) ?? this.#start(parsed);
    known.users++;
    try {
      const db = await known.opened;
      return new SharedDb(db.lane?.() ?? db, this.#context, () => this.#leave(url, known));
    } catch (error) {
      this.#open.delete(url);
      throw error;
    }
  }

  /** Closes what is still open: the server ends. */
  async close(): Promise<void> {
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.allSettled(open.map(async ({ opened }) => (await opened).close()));
  }

  #start(url: DbUrl): OpenDb {
    const driver = this.#drivers.get(url.scheme);
    if (driver === undefined)
      throw new StrowgerError('DB_DRIVER', `${printDbUrl(url)} needs a module: loadmodule "db_${url.scheme}.so"`);
    const open = { opened: driver.open(url, this.#context), users: 0 };
    this.#open.set(url.text, open);
    return open;
  }

  async #leave(url: string, open: OpenDb): Promise<void> {
    if (--open.users > 0) return;
    if (this.#open.get(url) === open) this.#open.delete(url);
    await (await open.opened).close();
  }
}

/** One user's hold on a shared connection. */
class SharedDb implements Db {
  readonly #db: Db;
  readonly #context: DbContext;
  readonly #leave: () => Promise<void>;
  #isClosed = false;

  constructor(db: Db, context: DbContext, leave: () => Promise<void>) {
    this.#db = db;
    this.#context = context;
    this.#leave = leave;
  }

  get name(): string {
    return this.#db.name;
  }

  get versionTable(): string {
    return this.#context.versionTable ?? 'version';
  }

  query: Db['query'] = (query) => this.#timed(`query ${query.table}`, (db) => db.query(query));
  insert: Db['insert'] = (table, row) => this.#timed(`insert ${table}`, (db) => db.insert(table, row));
  update: Db['update'] = (table, changes, where) =>
    this.#timed(`update ${table}`, (db) => db.update(table, changes, where));
  delete: Db['delete'] = (table, where) => this.#timed(`delete ${table}`, (db) => db.delete(table, where));
  replace: Db['replace'] = (table, row) => this.#timed(`replace ${table}`, (db) => db.replace(table, row));
  insertUpdate: Db['insertUpdate'] = (table, row, keys) =>
    this.#timed(`insert or update ${table}`, (db) => db.insertUpdate(table, row, keys));
  raw: Db['raw'] = (sql, params) => this.#timed(sql, (db) => db.raw(sql, params));
  transaction: Db['transaction'] = (work) => this.#timed('transaction', (db) => db.transaction(work));
  onConnection: Db['onConnection'] = (listener) => this.#db.onConnection(listener);

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#leave();
  }

  /** Reports what takes longer than `latency_limit_db`, waiting for its turn included. */
  #timed<T>(what: string, run: (db: Db) => Promise<T>): Promise<T> {
    const db = this.#usable();
    const limitMicros = this.#context.limitMicros?.() ?? 0;
    if (limitMicros === 0) return run(db);
    const { clock } = this.#context.wheel;
    const begun = microsOf(clock);
    return run(db).finally(() => {
      const took = Math.round(microsOf(clock) - begun);
      if (took >= limitMicros)
        this.#context.log.write(this.#context.slowLevel?.() ?? -1, `${this.name}: ${what} took ${took} usec`);
    });
  }

  #usable(): Db {
    if (this.#isClosed) throw new StrowgerError('DB_CLOSED', `${this.name} is closed`);
    return this.#db;
  }
}
