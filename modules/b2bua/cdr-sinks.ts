import { appendFile } from 'node:fs/promises';
import { type Db, type DbOpener, type Log, StrowgerError, tableVersion } from 'strowger';
import type { Cdr } from './cdr.ts';

/** Where CDRs go. */
export interface CdrSink {
  open(): Promise<void>;
  write(cdr: Cdr): void;
  close(): Promise<void>;
}

/** Told of a CDR that could not be written. */
export type OnLost = (error: unknown, id: string) => void;

/** Name and version of the table for CDRs. */
const CDR_TABLE = 'b2b_cdr';
const CDR_TABLE_VERSION = 1;
/** CDRs that wait to be written; what comes beyond them is lost. */
const MAX_WAITING = 10_000;

/** A line of the log for each call. */
export class LogSink implements CdrSink {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  write(cdr: Cdr): void {
    this.#log.notice(`CDR ${JSON.stringify(cdr)}`);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** A line of a file for each call. The file is opened anew for each write, so that it may be moved away any time. */
export class FileSink implements CdrSink {
  readonly #path: string;
  readonly #onLost: OnLost;
  #waiting: Cdr[] = [];
  #writing: Promise<void> | null = null;

  constructor(path: string, onLost: OnLost) {
    this.#path = path;
    this.#onLost = onLost;
  }

  /** Rejects where it can not be written to. */
  async open(): Promise<void> {
    await appendFile(this.#path, '');
  }

  write(cdr: Cdr): void {
    if (this.#waiting.length >= MAX_WAITING) return this.#onLost(new Error('too many wait for the file'), cdr.id);
    this.#waiting.push(cdr);
    this.#writing ??= this.#drain().finally(() => (this.#writing = null));
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const cdrs = this.#waiting;
      this.#waiting = [];
      try {
        await appendFile(this.#path, cdrs.map((cdr) => `${JSON.stringify(cdr)}\n`).join(''));
      } catch (error) {
        for (const { id } of cdrs) this.#onLost(error, id);
      }
    }
  }

  async close(): Promise<void> {
    await this.#writing;
  }
}

/** A row of the table b2b_cdr for each call. */
export class DbSink implements CdrSink {
  readonly #opener: DbOpener;
  readonly #url: string;
  readonly #onLost: OnLost;
  readonly #writing = new Set<Promise<void>>();
  #db: Db | null = null;

  constructor(opener: DbOpener, url: string, onLost: OnLost) {
    this.#opener = opener;
    this.#url = url;
    this.#onLost = onLost;
  }

  async open(): Promise<void> {
    this.#db = await this.#opener.open(this.#url);
    const version = await tableVersion(this.#db, CDR_TABLE);
    if (version !== CDR_TABLE_VERSION)
      throw new StrowgerError('DB_VERSION', `${this.#db.name}: the table ${CDR_TABLE} has version ${version}`);
  }

  write(cdr: Cdr): void {
    const db = this.#db;
    if (db === null || this.#writing.size >= MAX_WAITING)
      return this.#onLost(new Error('the database is not open, or too slow'), cdr.id);
    const written = this.#insert(db, cdr)
      .catch((error: unknown) => this.#onLost(error, cdr.id))
      .finally(() => this.#writing.delete(written));
    this.#writing.add(written);
  }

  async #insert(db: Db, cdr: Cdr): Promise<void> {
    await db.insert(CDR_TABLE, {
      call_id: cdr.id,
      start_time: new Date(cdr.start),
      answer_time: cdr.answer === null ? null : new Date(cdr.answer),
      end_time: new Date(cdr.end),
      duration: cdr.duration,
      setup_ms: cdr.setup_ms,
      status: cdr.status,
      cause: cdr.cause.slice(0, 128),
      caller: cdr.caller.slice(0, 255),
      callee: cdr.callee.slice(0, 255),
      ruri: cdr.ruri.slice(0, 255),
      cdr: JSON.stringify(cdr),
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#writing);
    await this.#db?.close();
    this.#db = null;
  }
}
