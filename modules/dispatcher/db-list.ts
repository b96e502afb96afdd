import { checkTableVersion, type Db, type DbValue, dbColumn, type ModuleContext, StrowgerError } from 'strowger';
import { readAttributes } from './attributes.ts';
import type { DestEntry } from './destination.ts';
import { parseExtraAttrs } from './params.ts';

/** Version of Kamailio's table. */
const TABLE_VERSION = 4;

/** The destination sets in a table of a database (Kamailio: dispatcher, db_url). */
export class DbList {
  readonly #ctx: ModuleContext;
  readonly #extra: readonly (readonly [attribute: string, column: string])[];
  #db: Db | null = null;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#extra = parseExtraAttrs(ctx.str('ds_db_extra_attrs')) ?? [];
  }

  /** The rows as entries, in the order of the table. Rejects where the database can not be read. */
  async load(): Promise<{ readonly entries: readonly DestEntry[]; readonly remarks: readonly string[] }> {
    const ctx = this.#ctx;
    const db = await this.#open();
    const names = ['setid_col', 'destination_col', 'flags_col', 'priority_col', 'attrs_col'].map((name) =>
      ctx.str(name),
    );
    const [setid = '', destination = '', flags = '', priority = '', attrs = ''] = names;
    const columns = [...names, ...this.#extra.map(([, column]) => column)];
    const result = await db.query({ table: ctx.str('table_name'), columns });
    const entries: DestEntry[] = [];
    const remarks: string[] = [];
    for (const row of result.rows) {
      const value = (column: string): DbValue => dbColumn(result, row, column) ?? null;
      const body = this.#attributes(textOf(value(attrs)), value);
      const read = readAttributes(body);
      const uri = textOf(value(destination));
      for (const remark of read.remarks) remarks.push(`${uri}: ${remark}`);
      entries.push({
        setId: Number(value(setid)),
        uri,
        flags: Number(value(flags)),
        priority: Number(value(priority)),
        attrs: read.attrs,
      });
    }
    return { entries, remarks };
  }

  async close(): Promise<void> {
    await this.#db?.close();
    this.#db = null;
  }

  async #open(): Promise<Db> {
    if (this.#db !== null) return this.#db;
    const db = await this.#ctx.server.db.open(this.#ctx.str('db_url'));
    try {
      await checkTableVersion(db, this.#ctx.str('table_name'), TABLE_VERSION);
    } catch (error) {
      await db.close();
      throw error instanceof Error ? error : new StrowgerError('DB_QUERY', String(error));
    }
    this.#db = db;
    return db;
  }

  /** The columns of ds_db_extra_attrs behind the attributes, those that hold something. */
  #attributes(body: string, value: (column: string) => DbValue): string {
    const more = this.#extra.flatMap(([attribute, column]) => {
      const text = textOf(value(column));
      return text === '' ? [] : [`${attribute}=${text}`];
    });
    return [body.replace(/;$/, ''), ...more].filter((part) => part !== '').join(';');
  }
}

function textOf(value: DbValue): string {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
}
