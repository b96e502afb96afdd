import { type ModuleContext, TableCache, type TableReader, type TableRow } from 'strowger';
import { readAttributes } from './attributes.ts';
import type { DestEntry } from './destination.ts';
import { parseExtraAttrs } from './params.ts';

/** Version of Kamailio's table. */
const TABLE_VERSION = 4;

interface List {
  readonly entries: readonly DestEntry[];
  readonly remarks: readonly string[];
}

/** The destination sets in a table of a database (Kamailio: dispatcher, db_url). */
export class DbList {
  readonly #ctx: ModuleContext;
  readonly #extra: readonly (readonly [attribute: string, column: string])[];
  readonly #cache: TableCache<List>;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#extra = parseExtraAttrs(ctx.str('ds_db_extra_attrs')) ?? [];
    const none: List = { entries: [], remarks: [] };
    this.#cache = new TableCache(ctx.server.db, ctx.str('db_url'), none, (tables) => this.#read(tables));
  }

  /** The rows as entries, in the order of the table. Rejects where the database can not be read. */
  async load(): Promise<List> {
    await this.#cache.load();
    return this.#cache.value;
  }

  close(): Promise<void> {
    return this.#cache.close();
  }

  async #read(tables: TableReader): Promise<List> {
    const ctx = this.#ctx;
    const names = ['setid_col', 'destination_col', 'flags_col', 'priority_col', 'attrs_col'].map((name) =>
      ctx.str(name),
    );
    const [setid = '', destination = '', flags = '', priority = '', attrs = ''] = names;
    const rows = await tables.rows({
      table: ctx.str('table_name'),
      columns: [...names, ...this.#extra.map(([, column]) => column)],
      version: TABLE_VERSION,
    });
    const entries: DestEntry[] = [];
    const remarks: string[] = [];
    for (const row of rows) {
      const read = readAttributes(this.#attributes(row.str(attrs), row));
      const uri = row.str(destination);
      for (const remark of read.remarks) remarks.push(`${uri}: ${remark}`);
      entries.push({
        setId: row.int(setid),
        uri,
        flags: row.int(flags),
        priority: row.int(priority),
        attrs: read.attrs,
      });
    }
    return { entries, remarks };
  }

  /** The columns of ds_db_extra_attrs behind the attributes, those that hold something. */
  #attributes(body: string, row: TableRow): string {
    const more = this.#extra.flatMap(([attribute, column]) => {
      const text = row.str(column);
      return text === '' ? [] : [`${attribute}=${text}`];
    });
    return [body.replace(/;$/, ''), ...more].filter((part) => part !== '').join(';');
  }
}
