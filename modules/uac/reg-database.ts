import { checkTableVersion, type Db, type ModuleContext } from 'strowger';
import { type RegRecord, readRecords, UACREG_VERSION } from './records.ts';
import type { Registrations } from './registrations.ts';

/** Why a reload was not done. */
class ReloadTooSoon extends Error {}

/** Fills the registrations from the table uacreg (Kamailio: uac, reg_db_url). */
export class RegDatabase {
  readonly #ctx: ModuleContext;
  readonly #registrations: Registrations;
  #opening: Promise<Db> | null = null;
  #lastLoadMs = -Infinity;

  constructor(ctx: ModuleContext, registrations: Registrations) {
    this.#ctx = ctx;
    this.#registrations = registrations;
  }

  /** False where the script names no database. */
  get isNamed(): boolean {
    return this.#ctx.str('reg_db_url') !== '';
  }

  /** Rejects where the database can not be read, or the table has another version. */
  async load(): Promise<void> {
    this.#lastLoadMs = this.#ctx.server.clock.now();
    const db = await this.#open();
    await checkTableVersion(db, this.#table, UACREG_VERSION);
    this.#registrations.replaceAll(await this.#read(db, null));
  }

  /** As `load`, but not within reg_gc_interval of the last: rejects with ReloadTooSoon. */
  async reload(): Promise<void> {
    const sinceMs = this.#ctx.server.clock.now() - this.#lastLoadMs;
    const leastSec = this.#ctx.int('reg_gc_interval');
    if (sinceMs < leastSec * 1000) throw new ReloadTooSoon(`not within ${leastSec} seconds of the last`);
    await this.load();
  }

  /** Reads one record anew, and registers it anew. False where there is none. */
  async refresh(uuid: string): Promise<boolean> {
    const [record] = await this.#read(await this.#open(), uuid);
    if (record === undefined) return false;
    this.#registrations.put(record);
    return true;
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    await (await opening?.catch(() => null))?.close();
  }

  get #table(): string {
    return this.#ctx.str('reg_db_table');
  }

  #read(db: Db, uuid: string | null): Promise<RegRecord[]> {
    const onBad = (bad: string, why: string): void => this.#ctx.log.error(`${this.#table}: ${bad} is left out: ${why}`);
    return readRecords(db, this.#table, onBad, uuid);
  }

  async #open(): Promise<Db> {
    if (!this.isNamed) throw new Error('reg_db_url is not set');
    this.#opening ??= this.#ctx.server.db.open(this.#ctx.str('reg_db_url'));
    try {
      return await this.#opening;
    } catch (error) {
      this.#opening = null;
      throw error;
    }
  }
}
