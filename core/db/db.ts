import { StrowgerError } from '../errors.ts';

/**
 * A value in a database. Text is what scripts see: its UTF-8 bytes, one char each. A Date is a point in time that the
 * driver stores in its own way; bytes are a blob.
 */
export type DbValue = string | number | bigint | null | Date | Uint8Array;

/** Columns and their values. */
export type DbRow = Readonly<Record<string, DbValue>>;

export interface DbCondition {
  readonly column: string;
  /** `=` where absent. `=` and `!=` with null ask for NULL. */
  readonly op?: '=' | '!=' | '<' | '>' | '<=' | '>=' | 'like';
  readonly value: DbValue;
}

export interface DbQuery {
  readonly table: string;
  /** All where absent. */
  readonly columns?: readonly string[];
  /** All must hold. */
  readonly where?: readonly DbCondition[];
  readonly orderBy?: readonly (string | { readonly column: string; readonly isDescending: boolean })[];
  readonly limit?: number;
  readonly offset?: number;
}

export interface DbResult {
  readonly columns: readonly string[];
  /** In the order of `columns`. */
  readonly rows: readonly (readonly DbValue[])[];
  /** Rows that were changed. */
  readonly affected: number;
  /** Id of the row that was inserted last, where the driver knows it; else null. */
  readonly lastId: number | bigint | null;
}

/**
 * A database as modules use it (Kamailio: db API). Everything waits, and not forever; what goes wrong rejects with a
 * StrowgerError: DB_OPEN (it can not be reached), DB_LOST (the connection broke while the statement ran: it may have been
 * done or not), DB_CLOSED, DB_TIMEOUT, DB_QUERY (the database refused), DB_BUSY (a lock, or too much waits), DB_NAME (a
 * table or column name that can not be one). Connections that break are made anew without anybody's doing.
 *
 * One user's changes are made in the order in which he asks for them, but insertions may overtake each other; reads go
 * beside them: who wants to read what he wrote waits for the writing first.
 */
export interface Db {
  /** For logs: the URL without its password. */
  readonly name: string;
  /** The table of the other tables' versions, `version` where not given: core parameter `version_table`. */
  readonly versionTable?: string;
  query(query: DbQuery): Promise<DbResult>;
  insert(table: string, row: DbRow): Promise<DbResult>;
  /** Without conditions it changes every row. */
  update(table: string, changes: DbRow, where?: readonly DbCondition[]): Promise<DbResult>;
  delete(table: string, where?: readonly DbCondition[]): Promise<DbResult>;
  /** Inserts, after removing rows with the same unique key. */
  replace(table: string, row: DbRow): Promise<DbResult>;
  /** Inserts, or where a row with the same `keys` is there changes its other columns. */
  insertUpdate(table: string, row: DbRow, keys: readonly string[]): Promise<DbResult>;
  /** SQL of the caller's own, with `?` for each parameter. Statements of one text are prepared once. */
  raw(sql: string, params?: readonly DbValue[]): Promise<DbResult>;
  /** Runs `work` in a transaction, which is taken back when it rejects. Other users of the database wait meanwhile. */
  transaction<T>(work: (db: Db) => Promise<T>): Promise<T>;
  /** The same database with an order of its own; absent where all share one. */
  lane?(): Db;
  /** Told when the connection is lost (false) and there again (true). Returns what takes it back. */
  onConnection(listener: (isUp: boolean) => void): () => void;
  /** Gives it back; the last of those who opened the URL closes the connection. */
  close(): Promise<void>;
}

/** A value as text: blobs are bytes, one char each; null and points in time are ''. */
export function dbText(value: DbValue | undefined): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  return value === undefined || typeof value === 'object' ? '' : String(value);
}

/** The Julian day of 1970-01-01 00:00 UTC, and ms a day. */
const JULIAN_1970 = 2440587.5;
const DAY_MS = 86_400_000;
/** Numbers below are Julian days (until the year 22666), others seconds since 1970. */
const MAX_JULIAN = 10_000_000;

/**
 * A value as a point in time, whatever the database has for it: SQLite has Julian days, or text in UTC. Null for what is
 * none.
 */
export function dbDate(value: DbValue | undefined): Date | null {
  if (value instanceof Date) return value;
  if (typeof value === 'number' || typeof value === 'bigint') {
    const number = Number(value);
    return new Date(number < MAX_JULIAN ? Math.round((number - JULIAN_1970) * DAY_MS) : number * 1000);
  }
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d(?:\.\d+)?)?)?$/.test(value)) return null;
  const date = new Date(`${value.length > 10 ? value.replace(' ', 'T') : `${value}T00:00`}Z`);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** The value in a column of a row; undefined where the result has no such column. */
export function dbColumn(result: DbResult, row: readonly DbValue[], column: string): DbValue | undefined {
  const at = result.columns.indexOf(column);
  return at < 0 ? undefined : row[at];
}

/** Version of a table in the table of versions, as Kamailio's modules check it; 0 where it is not listed. */
export async function tableVersion(db: Db, table: string): Promise<number> {
  const { rows } = await db.query({
    table: db.versionTable ?? 'version',
    columns: ['table_version'],
    where: [{ column: 'table_name', value: table }],
  });
  return Number(rows[0]?.[0] ?? 0);
}

/** Rejects with DB_VERSION where a table is of another version than the module knows. */
export async function checkTableVersion(db: Db, table: string, wanted: number): Promise<void> {
  const found = await tableVersion(db, table);
  if (found === wanted) return;
  const what = found === 0 ? `is not listed in the table ${db.versionTable ?? 'version'}` : `has version ${found}`;
  throw new StrowgerError('DB_VERSION', `${db.name}: the table ${table} ${what}, needed is version ${wanted}`);
}
