import type { Db, DbCondition, Log, TimerWheel } from 'strowger';
import type { StoredContact } from './contact.ts';
import type { DbTable } from './db-table.ts';
import type { MemoryTable } from './memory-table.ts';
import type { Sweeper } from './sweeper.ts';

const TICK_MS = 1000;
/** Expired rows that are told of one by one, in one run. */
const ROWS_AT_ONCE = 2000;

/** What the timer does. */
export interface TimerParts {
  readonly wheel: TimerWheel;
  readonly log: Log;
  readonly sweeper: Sweeper;
  readonly intervalSec: number;
  memoryTables(): readonly MemoryTable[];
  dbTables(): readonly DbTable[];
  /** Keepalives to a part of a table. */
  ping(table: MemoryTable, part: number, parts: number): void;
  /** Null where there is nothing to clean. */
  readonly cleaning: Cleaning | null;
  /** db_mode 3: rows that ended before this time go. */
  expiredBeforeSec(): number;
  expired(contact: StoredContact): void;
}

/** Deletes expired rows of a table at once, whoever wrote them (db_timer_clean). */
export interface Cleaning {
  database(): Promise<Db>;
  conditions(): readonly DbCondition[];
}

/**
 * Looks at all contacts once in `timer_interval`: each second at a part of them, so that neither this server nor the
 * database nor the phones see a burst. Runs in one worker.
 */
export class UlTimer {
  readonly #parts: TimerParts;
  #part = 0;
  /** Parts whose time has come. */
  #due = 0;
  #running: Promise<void> | null = null;

  constructor(parts: TimerParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#parts.wheel.every(TICK_MS, () => this.#tick());
  }

  /** Resolves when what runs is done. */
  async settled(): Promise<void> {
    await this.#running;
  }

  #tick(): void {
    this.#due = Math.min(this.#due + 1, this.#parts.intervalSec);
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async #run(): Promise<void> {
    const { intervalSec, log } = this.#parts;
    while (this.#due > 0) {
      this.#due--;
      const part = this.#part;
      this.#part = (part + 1) % intervalSec;
      try {
        await this.#work(part, intervalSec);
        if (this.#part === 0) await this.#once();
      } catch (error) {
        log.error(`the timer of usrloc: ${(error as Error).message}`);
      }
    }
  }

  async #work(part: number, parts: number): Promise<void> {
    for (const table of this.#parts.memoryTables()) {
      await this.#parts.sweeper.sweep(table, part, parts);
      this.#parts.ping(table, part, parts);
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
