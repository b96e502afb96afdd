import { checkTableVersion, type Db, type DbQuery, type DbResult, type DbValue, dbText } from './db.ts';

/** Opens a database by its URL: the server's registry. */
export interface DbOpener {
  open(url: string): Promise<Db>;
}

/** What to read of a table. */
export interface TableQuery extends DbQuery {
  readonly columns: readonly string[];
  /** The version that the table `version` must have for it; absent: not checked. */
  readonly version?: number;
}

/** One row, by names of columns. */
export class TableRow {
  readonly #result: DbResult;
  readonly #row: readonly DbValue[];

  constructor(result: DbResult, row: readonly DbValue[]) {
    this.#result = result;
    this.#row = row;
  }

  /** Null also where there is no such column. */
  value(column: string): DbValue {
    return this.#row[this.#result.columns.indexOf(column)] ?? null;
  }

  isNull(column: string): boolean {
    return this.value(column) === null;
  }

  /** NULL is ''. */
  str(column: string): string {
    return dbText(this.value(column));
  }

  /** What is no number is `none`. */
  int(column: string, none = 0): number {
    const value = this.value(column);
    const number = typeof value === 'object' || value === '' ? Number.NaN : Number(value);
    return Number.isFinite(number) ? Math.trunc(number) : none;
  }
}

/** Reads tables for a cache. Rejects with DB_VERSION, or what the database rejects with. */
export interface TableReader {
  rows(query: TableQuery): Promise<readonly TableRow[]>;
}

/**
 * What a module keeps in memory of a database's tables: read at start, read anew when someone asks, and swapped at once.
 * While or when a reload fails, the old one is used. Each worker has its own.
 */
export class TableCache<T> {
  readonly #opener: DbOpener;
  readonly #url: string;
  readonly #build: (tables: TableReader) => Promise<T>;
  readonly #checked = new Set<string>();
  #value: T;
  #opening: Promise<Db> | null = null;
  #loading: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** `initial` is there until the first load; `build` makes the value of what it reads. */
  constructor(opener: DbOpener, url: string, initial: T, build: (tables: TableReader) => Promise<T>) {
    this.#opener = opener;
    this.#url = url;
    this.#value = initial;
    this.#build = build;
  }

  get value(): T {
    return this.#value;
  }

  /**
   * Reads the tables, and puts what they hold in the place of what was. Rejects where they can not be read. What is asked
   * while one runs is done once more after it, for its tables may have been read before a change.
   */
  load(): Promise<void> {
    if (this.#loading === null) return this.#start();
    this.#next ??= this.#loading.then(noop, noop).then(() => {
      this.#next = null;
      return this.#start();
    });
    return this.#next;
  }

  /** Gives the connection back; the value stays. */
  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    await (await opening?.catch(() => null))?.close();
  }

  #start(): Promise<void> {
    const loading = this.#load().finally(() => {
      if (this.#loading === loading) this.#loading = null;
    });
    this.#loading = loading;
    return loading;
  }

  async #load(): Promise<void> {
    const db = await this.#open();
    this.#value = await this.#build({ rows: (query) => this.#rows(db, query) });
  }

  async #rows(db: Db, { version, ...query }: TableQuery): Promise<readonly TableRow[]> {
    if (version !== undefined && !this.#checked.has(query.table)) {
      await checkTableVersion(db, query.table, version);
      this.#checked.add(query.table);
    }
    const result = await db.query(query);
    return result.rows.map((row) => new TableRow(result, row));
  }

  async #open(): Promise<Db> {
    this.#opening ??= this.#opener.open(this.#url);
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }
}

function noop(): void {}
