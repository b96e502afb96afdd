import { type Db, type DbCondition, type DbQuery, type DbValue, dbColumn } from 'strowger';

/** One row by names of columns. */
export class Row {
  readonly #columns: readonly string[];
  readonly #values: readonly DbValue[];

  constructor(columns: readonly string[], values: readonly DbValue[]) {
    this.#columns = columns;
    this.#values = values;
  }

  /** Text as the script has it, a blob's bytes as chars; '' for NULL. */
  str(column: string): string {
    const value = this.#values[this.#columns.indexOf(column)] ?? '';
    if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
    return value instanceof Date ? '' : String(value);
  }

  int(column: string): number {
    return Math.trunc(Number(this.str(column))) || 0;
  }
}

/** All rows of a query, page by page in the order of the id, so that no answer is larger than `pageRows`. */
export async function* pages(db: Db, query: DbQuery, pageRows: number): AsyncGenerator<readonly Row[]> {
  let last: DbValue = 0;
  const columns = ['id', ...(query.columns ?? [])];
  for (;;) {
    const where: DbCondition[] = [...(query.where ?? []), { column: 'id', op: '>', value: last }];
    const result = await db.query({ ...query, columns, where, orderBy: ['id'], limit: pageRows });
    yield result.rows.map((row) => new Row(result.columns, row));
    const end = result.rows.at(-1);
    if (end === undefined || result.rows.length < pageRows) return;
    last = dbColumn(result, end, 'id') ?? null;
  }
}

/** The rows of a query. */
export async function rowsOf(db: Db, query: DbQuery): Promise<Row[]> {
  const result = await db.query(query);
  return result.rows.map((row) => new Row(result.columns, row));
}

/** For columns that take no NULL. */
export function equal(conditions: Readonly<Record<string, DbValue>>): DbCondition[] {
  return Object.entries(conditions).map(([column, value]) => ({ column, value }));
}

/** Bytes of a text for a blob column. */
export function blob(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
