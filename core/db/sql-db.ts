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

/** What a driver for an SQL database supplies. Statements of one text should be prepared once. */
export interface SqlConnection {
  /** Rejects with a StrowgerError. */
  run(statement: SqlStatement): Promise<DbResult>;
  close(): Promise<void>;
  onConnection?(listener: (isUp: boolean) => void): () => void;
}

export interface SqlDbOptions {
  readonly name: string;
  readonly dialect: SqlDialect;
  readonly wheel: TimerWheel;
  /** Ms a statement may take; 0 for any time. */
  readonly timeoutMs: number;
}

/** A database over a connection that takes SQL. */
export class SqlDb implements Db {
  readonly name: string;
  readonly #connection: SqlConnection;
  readonly #options: SqlDbOptions;
  /** Settles when the transactions asked for so far are over; null while there is none. */
  #transactions: Promise<unknown> | null = null;

  constructor(connection: SqlConnection, options: SqlDbOptions) {
    this.#connection = connection;
    this.#options = options;
    this.name = options.name;
  }

  query(query: DbQuery): Promise<DbResult> {
    return this.#inTurn(() => selectSql(query, this.#options.dialect));
  }

  insert(table: string, row: DbRow): Promise<DbResult> {
    return this.#inTurn(() => insertSql(table, row, this.#options.dialect));
  }

  update(table: string, changes: DbRow, where: readonly DbCondition[] = []): Promise<DbResult> {
    return this.#inTurn(() => updateSql(table, changes, where, this.#options.dialect));
  }

  delete(table: string, where: readonly DbCondition[] = []): Promise<DbResult> {
    return this.#inTurn(() => deleteSql(table, where, this.#options.dialect));
  }

  replace(table: string, row: DbRow): Promise<DbResult> {
    return this.#inTurn(() => replaceSql(table, row, this.#options.dialect));
  }

  insertUpdate(table: string, row: DbRow, keys: readonly string[]): Promise<DbResult> {
    return this.#inTurn(() => upsertSql(table, row, keys, this.#options.dialect));
  }

  raw(sql: string, params: readonly DbValue[] = []): Promise<DbResult> {
    return this.#inTurn(() => ({ sql, params }));
  }

  transaction<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const before = this.#transactions ?? Promise.resolve();
    const done = before.then(() => this.#transact(work));
    const settled = done.then(noop, noop).then(() => {
      if (this.#transactions === settled) this.#transactions = null;
    });
    this.#transactions = settled;
    return done;
  }

  onConnection(listener: (isUp: boolean) => void): () => void {
    return this.#connection.onConnection?.(listener) ?? noop;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  async #transact<T>(work: (db: Db) => Promise<T>): Promise<T> {
    const inside = new SqlDb(this.#connection, this.#options);
    await this.#run({ sql: 'BEGIN', params: [] });
    try {
      const result = await work(inside);
      await this.#run({ sql: 'COMMIT', params: [] });
      return result;
    } catch (error) {
      await this.#run({ sql: 'ROLLBACK', params: [] }).catch(noop);
      throw error;
    }
  }

  /** Statements outside a transaction wait until it is over. */
  async #inTurn(make: () => SqlStatement): Promise<DbResult> {
    const statement = make();
    while (this.#transactions !== null) await this.#transactions;
    return await this.#run(statement);
  }

  #run(statement: SqlStatement): Promise<DbResult> {
    const { timeoutMs, wheel } = this.#options;
    const running = this.#connection.run(statement);
    if (timeoutMs === 0) return running;
    return new Promise((resolve, reject) => {
      const timer = wheel.after(timeoutMs, () =>
        reject(new StrowgerError('DB_TIMEOUT', `${this.name}: no answer within ${timeoutMs} ms`)),
      );
      running.then(resolve, reject).finally(() => wheel.cancel(timer));
    });
  }
}

function noop(): void {}
