import { StrowgerError } from '../errors.ts';
import type { TimerWheel } from '../timer/wheel.ts';
import type { Db, DbCondition, DbQuery, DbResult, DbRow, DbValue } from './db.ts';
import {
  deleteSql,
  insertSql,
  replaceSql,
  type SqlDialect,
  type SqlStatement,
  selectSql,
  updateSql,
  upsertSql,
} from './sql.ts';
import { WriteOrder } from './write-order.ts';

/** A connection that one user has to himself. */
export interface SqlSession {
  run(statement: SqlStatement): Promise<DbResult>;
  /** Gives it back. `isClean` is false where a transaction may still be open in it. */
  release(isClean: boolean): void;
}

/** What a driver for an SQL database supplies. Statements of one text should be prepared once. */
export interface SqlConnection {
  /** Rejects with a StrowgerError. */
  run(statement: SqlStatement): Promise<DbResult>;
  /** A connection for a transaction. Absent where there is but one, in which all statements keep their order. */
  session?(): Promise<SqlSession>;
  close(): Promise<void>;
  onConnection?(listener: (isUp: boolean) => void): () => void;
}

export interface SqlDbOptions {
  readonly name: string;
  readonly dialect: SqlDialect;
  readonly wheel: TimerWheel;
  /** Ms a statement may take; 0 for any time, or where the connection sees to it. */
  readonly timeoutMs: number;
}

/** A database over a connection that takes SQL. */
export class SqlDb implements Db {
  readonly name: string;
  readonly #connection: SqlConnection;
  readonly #options: SqlDbOptions;
  readonly #order: WriteOrder;
  readonly #isLane: boolean;

  /** `isLane`: closing it leaves the connection open. */
  constructor(connection: SqlConnection, options: SqlDbOptions, isLane = false) {
    this.#connection = connection;
    this.#options = options;
    this.#order = new WriteOrder();
    this.#isLane = isLane;
    this.name = options.name;
  }

  query(query: DbQuery): Promise<DbResult> {
    return this.#read(() => selectSql(query, this.#options.dialect));
  }

  insert(table: string, row: DbRow): Promise<DbResult> {
    return this.#shared(() => insertSql(table, row, this.#options.dialect));
  }

  update(table: string, changes: DbRow, where: readonly DbCondition[] = []): Promise<DbResult> {
    return this.#write(() => updateSql(table, changes, where, this.#options.dialect));
  }

  delete(table: string, where: readonly DbCondition[] = []): Promise<DbResult> {
    return this.#write(() => deleteSql(table, where, this.#options.dialect));
  }

  replace(table: string, row: DbRow): Promise<DbResult> {
    const { dialect } = this.#options;
    if (dialect.uniqueKeys === undefined) return this.#write(() => replaceSql(table, row, dialect));
    const keysOf = dialect.uniqueKeys;
    return this.transaction(async (db) => {
      for (const key of await keysOf(db, table)) {
        const where = key.map((column) => ({ column, value: row[column] ?? null }));
        if (where.length > 0 && where.every(({ value }) => value !== null)) await db.delete(table, where);
      }
      return await db.insert(table, row);
    });
  }

  insertUpdate(table: string, row: DbRow, keys: readonly string[]): Promise<DbResult> {
    return this.#write(() => upsertSql(table, row, keys, this.#options.dialect));
  }

  raw(sql: string, params: readonly DbValue[] = []): Promise<DbResult> {
    return isReading(sql) ? this.#read(() => ({ sql, params })) : this.#write(() => ({ sql, params }));
  }

  transaction<T>(work: (db: Db) => Promise<T>): Promise<T> {
    return this.#order.exclusive(() => this.#transact(work));
  }

  onConnection(listener: (isUp: boolean) => void): () => void {
    return this.#connection.onConnection?.(listener) ?? noop;
  }

  lane(): Db {
    return this.#connection.session === undefined ? this : new SqlDb(this.#connection, this.#options, true);
  }

  async close(): Promise<void> {
    if (!this.#isLane) await this.#connection.close();
  }

  async #transact<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const session = await this.#session();
    let isClean = false;
    try {
      await this.#bounded(session.run({ sql: 'BEGIN', params: [] }));
      const connection = { run: (statement: SqlStatement) => session.run(statement), close: nothing };
      const result = await work(new SqlDb(connection, this.#options, true));
      await this.#bounded(session.run({ sql: 'COMMIT', params: [] }));
      isClean = true;
      return result;
    } catch (error) {
      isClean = await this.#bounded(session.run({ sql: 'ROLLBACK', params: [] })).then(yes, no);
      throw error;
    } finally {
      session.release(isClean);
    }
  }

  async #session(): Promise<SqlSession> {
    const connection = this.#connection;
    if (connection.session !== undefined) return await connection.session();
    return { run: (statement) => connection.run(statement), release: noop };
  }

  /** Where connections are several, reads go to any; where there is one, they keep their place. */
  async #read(make: () => SqlStatement): Promise<DbResult> {
    const statement = make();
    if (this.#connection.session === undefined) return await this.#order.shared(() => this.#run(statement));
    return await this.#run(statement);
  }

  /** Statements outside a transaction wait until it is over. */
  async #shared(make: () => SqlStatement): Promise<DbResult> {
    const statement = make();
    return await this.#order.shared(() => this.#run(statement));
  }

  async #write(make: () => SqlStatement): Promise<DbResult> {
    const statement = make();
    const run = (): Promise<DbResult> => this.#run(statement);
    return await (this.#connection.session === undefined ? this.#order.shared(run) : this.#order.exclusive(run));
  }

  #run(statement: SqlStatement): Promise<DbResult> {
    return this.#bounded(this.#connection.run(statement));
  }

  #bounded(running: Promise<DbResult>): Promise<DbResult> {
    const { timeoutMs, wheel } = this.#options;
    if (timeoutMs === 0) return running;
    return new Promise((resolve, reject) => {
      const timer = wheel.after(timeoutMs, () =>
        reject(new StrowgerError('DB_TIMEOUT', `${this.name}: no answer within ${timeoutMs} ms`)),
      );
      running.then(resolve, reject).finally(() => wheel.cancel(timer));
    });
  }
}

/** Does the statement change nothing, as far as its first word says? */
export function isReading(sql: string): boolean {
  return /^\s*(?:SELECT|SHOW)\b/i.test(sql);
}

function noop(): void {}
function nothing(): Promise<void> {
  return Promise.resolve();
}
function yes(): boolean {
  return true;
}
function no(): boolean {
  return false;
}
