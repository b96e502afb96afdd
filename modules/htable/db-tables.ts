import { type Db, type DbRow, type DbValue, dbText, type ModuleContext, type StoreValue } from 'strowger';
import type { HashTable } from './table.ts';

export const NO_DB = 'No htable db_url';

/** `key_type` of rows that are elements of an array: `key[0]`, `key[1]` … and `key::size`. */
const KEY_ARRAY = 1;
/** `value_type` of integers. */
const VALUE_INT = 1;
/** What stands for NULL where columns are named by `cols`. */
const NULL_PART = '*';

interface Loaded {
  readonly value: StoreValue;
  /** Second of its end, 0: the table's lifetime. */
  readonly expiresSec: number;
}

/** Hash tables in a database: loads and stores them. */
export class DbTables {
  readonly #ctx: ModuleContext;
  #opening: Promise<Db> | null = null;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
  }

  get isConfigured(): boolean {
    return this.#ctx.str('db_url') !== '';
  }

  /** Puts the rows in the place of what the table has. Rejects with what the database says. */
  async load(table: HashTable): Promise<void> {
    if (table.def.dbTable === '') return;
    const rows = table.def.columns === null ? await this.#standardRows(table) : await this.#packedRows(table);
    for (const [key, { value, expiresSec }] of rows) {
      if (!table.setUntil(key, value, expiresSec)) throw new Error('no memory for all rows');
    }
    for (const { key } of table.live()) if (!rows.has(key)) table.remove(key);
  }

  /** Puts the items in the place of the rows, all or none. */
  async store(table: HashTable): Promise<void> {
    const { def } = table;
    if (def.dbTable === '') return;
    if (def.columns !== null) {
      this.#ctx.log.warn(`table ${def.name}: one with columns of its own is not stored`);
      return;
    }
    const items = table.items();
    const db = await this.#open();
    await db.transaction(async (inside) => {
      await inside.delete(def.dbTable);
      for (const { key, value, expiresSec } of items) {
        const row: Record<string, DbValue> = {
          [this.#column('key_name')]: key,
          [this.#column('key_type')]: 0,
          [this.#column('value_type')]: typeof value === 'number' ? VALUE_INT : 0,
          [this.#column('key_value')]: String(value),
        };
        if (this.#keepsExpires) row[this.#column('expires')] = def.autoexpireSec > 0 ? expiresSec : 0;
        await inside.insert(def.dbTable, row satisfies DbRow);
      }
    });
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = null;
    await (await opening?.catch(() => null))?.close();
  }

  get #keepsExpires(): boolean {
    return this.#ctx.int('db_expires') !== 0;
  }

  #column(name: string): string {
    return this.#ctx.str(`${name}_column`);
  }

  #open(): Promise<Db> {
    if (this.#opening === null) {
      const opening = this.#ctx.server.db.open(this.#ctx.str('db_url'));
      this.#opening = opening;
      opening.catch(() => {
        this.#opening = null;
      });
    }
    return this.#opening;
  }

  async #standardRows({ def }: HashTable): Promise<Map<string, Loaded>> {
    const columns = ['key_name', 'key_type', 'value_type', 'key_value', ...(this.#keepsExpires ? ['expires'] : [])];
    const db = await this.#open();
    const { rows } = await db.query({ table: def.dbTable, columns: columns.map((name) => this.#column(name)) });
    const nowSec = Math.floor(this.#ctx.server.clock.wall() / 1000);
    const loaded = new Map<string, Loaded>();
    const sizes = new Map<string, number>();
    for (const [name, keyType, valueType, value, expires] of rows) {
      const expiresSec = Number(expires ?? 0);
      if (def.autoexpireSec > 0 && expiresSec > 0 && expiresSec < nowSec) continue;
      let key = dbText(name);
      if (Number(keyType) === KEY_ARRAY) {
        const index = sizes.get(key) ?? 0;
        sizes.set(key, index + 1);
        key = `${key}[${index}]`;
      }
      const text = dbText(value);
      loaded.set(key, { value: Number(valueType) === VALUE_INT ? toInt(text) : text, expiresSec });
    }
    const suffix = this.#ctx.str('array_size_suffix');
    for (const [key, size] of sizes) loaded.set(key + suffix, { value: size, expiresSec: 0 });
    return loaded;
  }

  /** `cols`: the first is the key, the others make the value, a text with commas between them. */
  async #packedRows({ def }: HashTable): Promise<Map<string, Loaded>> {
    const db = await this.#open();
    const { rows } = await db.query({ table: def.dbTable, columns: def.columns ?? [] });
    const loaded = new Map<string, Loaded>();
    for (const [key, ...values] of rows) {
      const value = values.map((part) => (part === null ? NULL_PART : dbText(part))).join(',');
      loaded.set(dbText(key), { value, expiresSec: 0 });
    }
    return loaded;
  }
}

/** The number that text begins with, 0 where it does not. */
function toInt(text: string): number {
  return (Number.parseInt(text, 10) || 0) | 0;
}
