import { checkTableVersion, type Db, type ModuleContext } from 'strowger';

/** Versions of Kamailio's tables. */
const LOCATION_VERSION = 9;
const ATTRS_VERSION = 1;

/** The database of the contacts, opened when it is first needed. */
export class Database {
  readonly #ctx: ModuleContext;
  #opening: Promise<Db> | null = null;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
  }

  /** Rejects with DB_…; the next call tries again. */
  get(): Promise<Db> {
    this.#opening ??= this.#ctx.server.db.open(this.#ctx.str('db_url')).catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  /** Rejects with DB_VERSION where a table is not of Kamailio's version. */
  async check(table: string): Promise<void> {
    if (this.#ctx.int('version_table') === 0) return;
    const db = await this.get();
    await checkTableVersion(db, table, LOCATION_VERSION);
    if (this.#ctx.str('xavp_contact') !== '') await checkTableVersion(db, `${table}_attrs`, ATTRS_VERSION);
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    const db = await opening?.catch(() => null);
    await db?.close();
  }
}
