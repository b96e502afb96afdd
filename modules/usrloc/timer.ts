import type { Db, DbCondition, Log, Timer, TimerWheel } from 'strowger';
import type { StoredContact } from './contact.ts';
import type { DbTable } from './db-table.ts';
import type { MemoryTable } from './memory-table.ts';
import type { Sweeper } from './sweeper.ts';

const TICK_MS = 1000;
/** Among the parts that are due: the work that is not divided. */
const ONCE = -1;
/** Expired rows that are told of one by one, in one run. */
const ROWS_AT_ONCE = 2000;

/** What the timer does. */
interface TimerParts {
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly sweeper: Sweeper;
  readonly intervalSec: number;
  readonly memoryTables: () => readonly MemoryTable[];
  dbTables(): readonly DbTable[];
  /** Keepalives to a part of a table. */
  readonly ping: (table: MemoryTable, part: number, parts: number) => void;
  /** Null where there is nothing to clean. */
  readonly cleaning: Cleaning | null;
  /** db_mode 3: rows that ended before this time go. */
  expiredBeforeSec(): number;
  expired(contact: StoredContact): void;
}

/** Deletes expired rows of a table at once, whoever wrote them (db_timer_clean). */
interface Cleaning {
  database(): Promise<Db>;
  conditions(): readonly DbCondition[];
}

/**
 * Looks at all contacts once in `timer_interval`: each second at a part of them, so that neither this server nor the
 * database nor the phones see a burst. Runs in one worker.
 */
export class UlTimer {
  readonly #parts: TimerParts;
  #timer: Timer<undefined> | null = null;
  #part = 0;
  /** Parts that are to be written, and -1 for what is done once in an interval. */
  readonly #due = new Set<number>();
  #running: Promise<void> | null = null;

  constructor(parts: TimerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = this.#parts.wheel.every(TICK_MS, () => this.#tick());
  }

  /** Resolves when what has begun is done; nothing begins any more. */
  async stop(): Promise<void> {
    if (this.#timer !== null) this.#parts.wheel.cancel(this.#timer);
    await this.settled();
  }

  /** Resolves when what has begun is done. */
  async settled(): Promise<void> {
    await this.#running;
  }

  /** What a slow database holds up is the writing only. */
  #tick(): void {
    const { intervalSec, sweeper, memoryTables, ping } = this.#parts;
    const part = this.#part;
    this.#part = (part + 1) % intervalSec;
    for (const table of memoryTables()) {
      sweeper.expire(table, part, intervalSec);
      ping(table, part, intervalSec);
    }
    this.#due.add(part);
    if (this.#part === 0) this.#due.add(ONCE);
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async #run(): Promise<void> {
    const { intervalSec, log, sweeper, memoryTables } = this.#parts;
    for (const part of this.#due) {
      this.#due.delete(part);
      try {
        if (part === ONCE) await this.#once();
        else for (const table of memoryTables()) await sweeper.flush(table, part, intervalSec);
      } catch (error) {
        log.error(`the timer of usrloc: ${(error as Error).message}`);
      }
    }
  }

  /** Once in an interval. */
  async #once(): Promise<void> {
    const { cleaning } = this.#parts;
    for (const table of this.#parts.dbTables()) await this.#expireRows(table);
    if (cleaning === null) return;
    const db = await cleaning.database();
    for (const { name } of this.#parts.memoryTables()) await db.delete(name, cleaning.conditions());
  }

  async #expireRows(table: DbTable): Promise<void> {
    const sec = this.#parts.expiredBeforeSec();
    for (;;) {
      const found = await table.expiredBefore(sec, ROWS_AT_ONCE);
      for (const contact of found) if (await table.deleteExpired(contact, sec)) this.#parts.expired(contact);
      if (found.length < ROWS_AT_ONCE) return;
    }
  }
}
