import { Worker } from 'node:worker_threads';
import {
  type Clock,
  type DbResult,
  type DbValue,
  fromDbText,
  type SqlConnection,
  type SqlStatement,
  StrowgerError,
  toDbText,
} from 'strowger';
import type { SqliteValue, ThreadOpened, ThreadReply, ThreadRequest, ThreadSetup } from './protocol.ts';

/** SQLite's result codes for a database that another one has locked. */
const SQLITE_BUSY = 5;
const SQLITE_LOCKED = 6;
/** The low byte is the code, the rest says more. */
const PRIMARY_CODE = 0xff;

interface Waiting {
  resolve(result: DbResult): void;
  reject(error: Error): void;
}

/** One open database, in a thread of its own. */
export class SqliteConnection implements SqlConnection {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<unknown>;
  #lastId = 0;
  #isOpen = true;

  private constructor(path: string, thread: Worker, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#thread = thread;
    thread.unref();
    thread.on('message', (reply: ThreadReply) => this.#answered(reply));
    this.#ended = new Promise((resolve) => thread.once('exit', resolve));
    thread.once('exit', () => this.#lost());
    thread.once('error', () => this.#lost());
  }

  /** Rejects with DB_OPEN. */
  static async open(setup: ThreadSetup, clock: Clock): Promise<SqliteConnection> {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    const thread = new Worker(new URL(`./sqlite.thread.${extension}`, import.meta.url), { workerData: setup });
    const { opened, error } = await new Promise<ThreadOpened>((resolve) => {
      thread.once('message', resolve);
      thread.once('error', (why) => resolve({ opened: false, error: String(why) }));
    });
    if (opened) return new SqliteConnection(setup.path, thread, clock);
    await thread.terminate();
    throw new StrowgerError('DB_OPEN', `can not open the database ${setup.path}: ${error}`);
  }

  run({ sql, params }: SqlStatement): Promise<DbResult> {
    if (!this.#isOpen) return Promise.reject(this.#closed());
    const id = ++this.#lastId;
    // An idle database does not keep the process alive; one that owes an answer does.
    if (this.#waiting.size === 0) this.#thread.ref();
    const answer = new Promise<DbResult>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      const request: ThreadRequest = { id, sql: toDbText(sql), params: params.map(toSqlite) };
      this.#thread.postMessage(request);
    });
    this.#clock.standStill?.(answer);
    return answer;
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#thread.ref();
    this.#thread.postMessage('close');
    await this.#ended;
  }

  #answered({ id, columns, rows, affected, lastId, error }: ThreadReply): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    if (this.#waiting.size === 0 && this.#isOpen) this.#thread.unref();
    if (error !== null) waiting.reject(this.#refused(error));
    else waiting.resolve({ columns, rows: rows.map((row) => row.map(fromSqlite)), affected, lastId });
  }

  #refused({ message, code }: { readonly message: string; readonly code: number }): StrowgerError {
    const isBusy = [SQLITE_BUSY, SQLITE_LOCKED].includes(code & PRIMARY_CODE);
    return new StrowgerError(isBusy ? 'DB_BUSY' : 'DB_QUERY', `${this.#path}: ${message}`);
  }

  #lost(): void {
    this.#isOpen = false;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#closed());
    this.#waiting.clear();
  }

  #closed(): StrowgerError {
    return new StrowgerError('DB_CLOSED', `the database ${this.#path} is closed`);
  }
}

function toSqlite(value: DbValue): SqliteValue {
  if (typeof value === 'string') return toDbText(value);
  return value instanceof Date ? julianDay(value) : value;
}

function fromSqlite(value: SqliteValue): DbValue {
  return typeof value === 'string' ? fromDbText(value) : value;
}

/** The Julian day of 1970-01-01 00:00 UTC, and ms a day. */
const JULIAN_1970 = 2440587.5;
const DAY_MS = 86_400_000;

/** As Kamailio's db_sqlite stores times; SQLite's date functions read it: `SELECT datetime(time)`. */
function julianDay(date: Date): number {
  return date.getTime() / DAY_MS + JULIAN_1970;
}
