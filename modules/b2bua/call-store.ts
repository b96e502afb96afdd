import { checkTableVersion, type Db, hashText, type ModuleContext, TableRow, type Timer } from 'strowger';
import type { Call } from './call.ts';
import { type CallRecord, parseRecord, recordOf, textOf } from './call-record.ts';
import { LEG } from './leg.ts';

/** Name and version of the table with calls (`strowger db create` makes it). */
const CALL_TABLE = 'b2b_call';
const CALL_TABLE_VERSION = 1;
/** Calls written in one transaction. */
const BATCH = 100;
/** Columns that are only there to be looked at. */
const MAX_SHOWN = 255;

/**
 * Keeps calls in a database (parameter `store`): those that were answered, as they are at most `store_interval` before.
 * Calls that ring do not survive a restart, for their transactions do not.
 */
export class CallStore {
  readonly #ctx: ModuleContext;
  readonly #db: Db;
  readonly #intervalMs: number;
  readonly #changed = new Set<Call>();
  /** Calls that the table has, with a hash of what it has of them. */
  readonly #written = new Map<string, number>();
  readonly #gone = new Set<string>();
  #timer: Timer<undefined> | null = null;
  #running: Promise<boolean> | null = null;
  #isClosed = false;

  private constructor(ctx: ModuleContext, db: Db) {
    this.#ctx = ctx;
    this.#db = db;
    this.#intervalMs = ctx.int('store_interval');
  }

  /** Null where calls are kept in memory only; rejects where the database can not be used. */
  static async open(ctx: ModuleContext): Promise<CallStore | null> {
    const url = ctx.str('store');
    if (url === 'memory') return null;
    const db = await ctx.server.db.open(url);
    await checkTableVersion(db, CALL_TABLE, CALL_TABLE_VERSION);
    return new CallStore(ctx, db);
  }

  /** All calls that the table has, whosoever they are. */
  async records(): Promise<CallRecord[]> {
    const result = await this.#db.query({ table: CALL_TABLE, columns: ['call_id', 'state'] });
    return result.rows.flatMap((values) => {
      const row = new TableRow(result, values);
      const record = parseRecord(row.str('state'));
      if (record === null) this.#ctx.log.error(`${CALL_TABLE}: ${row.str('call_id')} can not be read`);
      return record ?? [];
    });
  }

  /** The table has a call: it was read from there, or another worker wrote it. */
  knows(call: Call): void {
    this.#written.set(call.id, 0);
    this.changed(call);
  }

  /** It is written, now or soon: nothing is lost of it when the server stops. */
  has(call: Call): boolean {
    return this.#written.has(call.id);
  }

  /** Something has happened in a call. */
  changed(call: Call): void {
    if (this.#isClosed || (call.isEnded && !this.#written.has(call.id))) return;
    this.#changed.add(call);
    this.#wait();
  }

  /** A call is over. */
  ended(call: Call): void {
    this.#changed.delete(call);
    if (!this.#written.delete(call.id) || this.#isClosed) return;
    this.#gone.add(call.id);
    this.#wait();
  }

  /** Another worker has it now, and writes it. */
  leaves(call: Call): void {
    this.#changed.delete(call);
    this.#written.delete(call.id);
  }

  #wait(): void {
    if (this.#timer !== null || this.#running !== null) return;
    this.#timer = this.#ctx.server.wheel.after(this.#intervalMs, () => {
      this.#timer = null;
      void this.#flush();
    });
  }

  /** Writes what has changed; what could not be written is tried again later. */
  async #flush(): Promise<boolean> {
    if (this.#running !== null) return this.#running;
    this.#running = this.#write();
    const isDone = await this.#running;
    this.#running = null;
    if (!this.#isClosed && this.#changed.size + this.#gone.size > 0) this.#wait();
    return isDone;
  }

  async #write(): Promise<boolean> {
    while (this.#changed.size + this.#gone.size > 0) {
      const gone = take(this.#gone);
      const changed = take(this.#changed);
      // All of one batch is of one moment.
      const rows = changed.flatMap((call) => this.#row(call) ?? []);
      if (rows.length + gone.length === 0) continue;
      try {
        await this.#db.transaction(async (db) => {
          for (const id of gone) await db.delete(CALL_TABLE, [{ column: 'call_id', value: id }]);
          for (const { row } of rows) await db.insertUpdate(CALL_TABLE, row, ['call_id']);
        });
      } catch (error) {
        this.#ctx.log.error(`calls could not be written: ${(error as Error).message}`);
        for (const id of gone) this.#gone.add(id);
        for (const { call } of rows) {
          if (this.#written.get(call.id) !== undefined) this.#written.set(call.id, 0);
          if (!call.isEnded) this.#changed.add(call);
        }
        return false;
      }
    }
    return true;
  }

  /** Null where the table has it as it is, or it is not to be there. */
  #row(call: Call) {
    if (call.isEnded || !(this.#written.has(call.id) || isSettled(call))) return null;
    const state = textOf(recordOf(call));
    const hash = hashText(state);
    if (this.#written.get(call.id) === hash) return null;
    this.#written.set(call.id, hash);
    const { clock } = this.#ctx.server;
    const { request } = call;
    const row = {
      call_id: call.id,
      start_time: new Date(clock.wall() - clock.now() + call.startedMs),
      caller: (request?.from?.uriText ?? '').slice(0, MAX_SHOWN),
      callee: (request?.to?.uriText ?? '').slice(0, MAX_SHOWN),
      state,
    };
    return { call, row };
  }

  /** Writes what is left; nothing is written any more then. */
  async close(): Promise<void> {
    if (this.#timer !== null) this.#ctx.server.wheel.cancel(this.#timer);
    this.#isClosed = true;
    await this.#running;
    await this.#flush();
    await this.#db.close();
  }
}

/** Somebody has answered, and nobody rings: only then is it worth going on with. */
function isSettled(call: Call): boolean {
  const live = call.legs.filter((leg) => !leg.isEnded);
  return live.length > 0 && live.every((leg) => leg.state === LEG.CONFIRMED && leg.isIdle);
}

function take<T>(from: Set<T>): T[] {
  const taken: T[] = [];
  for (const each of from) {
    if (taken.length === BATCH) break;
    taken.push(each);
    from.delete(each);
  }
  return taken;
}
