import { type Connection, type ConnectionOptions, createConnection, type FieldPacket, type QueryError } from 'mysql2';
import {
  type Counter,
  type DbResult,
  type DbValue,
  dbErrorText,
  fromDbText,
  type SqlLink,
  type SqlStatement,
  StrowgerError,
  toDbText,
} from 'strowger';
import { fromMysql, type TimeZone, toMysql } from './values.ts';

/** Prepared statements kept by a connection. */
const MAX_STATEMENTS = 256;
/** A lock that could not be had in time, a deadlock, too many connections. */
const BUSY = new Set([
  'ER_LOCK_WAIT_TIMEOUT',
  'ER_LOCK_DEADLOCK',
  'ER_CON_COUNT_ERROR',
  'ER_TOO_MANY_USER_CONNECTIONS',
]);
/** The server ends the connection. */
const GONE = new Set([
  'ER_SERVER_SHUTDOWN',
  'ER_CONNECTION_KILLED',
  'ER_NORMAL_SHUTDOWN',
  'ER_CLIENT_INTERACTION_TIMEOUT',
]);

interface Header {
  readonly affectedRows: number;
  readonly insertId: number;
}

/** A connection to MySQL or MariaDB. */
export class MysqlLink implements SqlLink {
  readonly #name: string;
  readonly #connection: Connection;
  readonly #zone: TimeZone;
  readonly #failures: Counter;
  #hasEnded = false;
  #listener: () => void = noop;
  /** Rejects what runs. */
  #break: ((error: Error) => void) | null = null;

  private constructor(name: string, connection: Connection, zone: TimeZone, failures: Counter) {
    this.#failures = failures;
    this.#name = name;
    this.#connection = connection;
    this.#zone = zone;
    connection.on('error', (error: unknown) => this.#ended(error));
    connection.on('end', () => this.#ended(null));
  }

  /** Rejects with DB_OPEN. `isServerTime`: times are read in the server's zone. `failures` counts what fails. */
  static async connect(
    name: string,
    options: ConnectionOptions,
    isServerTime: boolean,
    signal: AbortSignal,
    failures: Counter,
  ): Promise<MysqlLink> {
    const connection = createConnection({
      ...options,
      charset: 'utf8mb4',
      rowsAsArray: true,
      dateStrings: true,
      supportBigNumbers: true,
      jsonStrings: true,
      maxPreparedStatements: MAX_STATEMENTS,
      // The pool bounds it, on the server's own clock.
      connectTimeout: 0,
    });
    nameForTls(connection, options.host);
    const abort = (): void => connection.destroy();
    try {
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => {
          abort();
          reject(new Error('given up'));
        });
        connection.on('error', reject);
        connection.once('connect', () => resolve());
      });
      const link = new MysqlLink(name, connection, { offsetSec: null }, failures);
      return isServerTime ? await link.#inServerTime() : link;
    } catch (error) {
      connection.destroy();
      failures.inc();
      throw new StrowgerError('DB_OPEN', `${name}: ${dbErrorText(error)}`, error);
    }
  }

  async run({ sql, params }: SqlStatement): Promise<DbResult> {
    if (this.#hasEnded) throw this.#lost(null);
    try {
      return await this.#ask(toDbText(sql), params);
    } catch (error) {
      this.#failures.inc();
      throw this.#refused(error as QueryError);
    } finally {
      this.#break = null;
    }
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#connection.end(() => resolve()));
    this.#ended(null);
  }

  destroy(): void {
    this.#ended(null);
    this.#connection.destroy();
  }

  onEnd(listener: () => void): void {
    if (this.#hasEnded) listener();
    else this.#listener = listener;
  }

  async #inServerTime(): Promise<MysqlLink> {
    const { rows } = await this.run({ sql: 'SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW())', params: [] });
    return new MysqlLink(this.#name, this.#connection, { offsetSec: Number(rows[0]?.[0] ?? 0) }, this.#failures);
  }

  #ask(sql: string, params: readonly DbValue[]): Promise<DbResult> {
    return new Promise((resolve, reject) => {
      this.#break = reject;
      const done = (error: QueryError | null, result: unknown, fields: FieldPacket[] | undefined): void => {
        if (error !== null) reject(error);
        else resolve(this.#result(result, fields));
      };
      if (params.length === 0) this.#connection.query(sql, done);
      else this.#connection.execute(sql, params.map(toMysql), done);
    });
  }

  #result(result: unknown, fields: FieldPacket[] | undefined): DbResult {
    if (!Array.isArray(result) || fields === undefined) {
      const { affectedRows, insertId } = result as Header;
      return { columns: [], rows: [], affected: affectedRows, lastId: insertId === 0 ? null : insertId };
    }
    const types = fields.map(({ columnType }) => columnType ?? 0);
    const rows = (result as readonly (readonly unknown[])[]).map((row) =>
      row.map((value, i) => fromMysql(value, types[i] ?? 0, this.#zone)),
    );
    return { columns: fields.map(({ name }) => fromDbText(name)), rows, affected: 0, lastId: null };
  }

  #refused(error: QueryError | StrowgerError): StrowgerError {
    if (error instanceof StrowgerError) return error;
    if (('fatal' in error && error.fatal) || GONE.has(error.code) || !('sqlState' in error)) return this.#lost(error);
    return new StrowgerError(
      BUSY.has(error.code) ? 'DB_BUSY' : 'DB_QUERY',
      `${this.#name}: ${dbErrorText(error)}`,
      error,
    );
  }

  #lost(cause: unknown): StrowgerError {
    const why = cause === null ? '' : `: ${dbErrorText(cause)}`;
    return new StrowgerError('DB_LOST', `${this.#name}: the connection is lost${why}`, cause ?? undefined);
  }

  #ended(cause: unknown): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#listener();
    this.#break?.(this.#lost(cause));
  }
}

/**
 * Lets the certificate be compared with a host that is an IP address: the library names none to TLS then, and Node.js takes
 * what the socket below says of itself, `localhost` where that is nothing.
 */
function nameForTls(connection: Connection, host: string | undefined): void {
  const { stream } = connection as Connection & { readonly stream: { _host?: string } };
  if (host !== undefined) stream._host = host;
}

function noop(): void {}
