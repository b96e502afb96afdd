import { StrowgerError } from '../errors.ts';
import type { Db, DbCondition, DbQuery, DbRow, DbValue } from './db.ts';

/** SQL with `?` for each parameter. */
export interface SqlStatement {
  readonly sql: string;
  readonly params: readonly DbValue[];
}

/** Where databases differ. */
export interface SqlDialect {
  /** Around names. */
  readonly quote: '"' | '`';
  /** How a row takes the place of one with the same key. */
  readonly upsert: 'on-conflict' | 'on-duplicate-key';
  /** Names are folded to lower case, as the database does with names that are not quoted. */
  readonly lowerCase?: boolean;
  /** How an insertion begins; INSERT where absent. */
  readonly insert?: string;
  /** What stands for a point in time instead of `?`, and what is given for it. */
  readonly date?: { readonly place: string; value(date: Date): DbValue };
  /** The columns of each unique key of a table: for databases without REPLACE, which is done by hand then. */
  readonly uniqueKeys?: (db: Db, table: string) => Promise<readonly (readonly string[])[]>;
}

export function selectSql(query: DbQuery, dialect: SqlDialect): SqlStatement {
  const columns = query.columns?.map((column) => name(column, dialect)).join(', ') ?? '*';
  const where = conditions(query.where ?? [], dialect);
  const order = (query.orderBy ?? []).map((by) =>
    typeof by === 'string' ? name(by, dialect) : `${name(by.column, dialect)}${by.isDescending ? ' DESC' : ''}`,
  );
  let sql = `SELECT ${columns} FROM ${name(query.table, dialect)}${where.sql}`;
  if (order.length > 0) sql += ` ORDER BY ${order.join(', ')}`;
  if (query.limit !== undefined || query.offset !== undefined)
    sql += ` LIMIT ${count(query.limit ?? Number.MAX_SAFE_INTEGER)} OFFSET ${count(query.offset ?? 0)}`;
  return { sql, params: where.params };
}

export function insertSql(
  table: string,
  row: DbRow,
  dialect: SqlDialect,
  verb = dialect.insert ?? 'INSERT',
): SqlStatement {
  const columns = Object.keys(row);
  const values = Object.values(row);
  const places = values.map((value) => place(value, dialect)).join(', ');
  const names = columns.map((column) => name(column, dialect)).join(', ');
  return { sql: `${verb} INTO ${name(table, dialect)} (${names}) VALUES (${places})`, params: given(values, dialect) };
}

export function replaceSql(table: string, row: DbRow, dialect: SqlDialect): SqlStatement {
  return insertSql(table, row, dialect, 'REPLACE');
}

export function upsertSql(table: string, row: DbRow, keys: readonly string[], dialect: SqlDialect): SqlStatement {
  const { sql, params } = insertSql(table, row, dialect, 'INSERT');
  const changed = Object.keys(row).filter((column) => !keys.includes(column));
  if (dialect.upsert === 'on-duplicate-key') {
    const sets = changed.map((column) => `${name(column, dialect)} = VALUES(${name(column, dialect)})`);
    return { sql: `${sql} ON DUPLICATE KEY UPDATE ${sets.join(', ')}`, params };
  }
  const target = keys.map((column) => name(column, dialect)).join(', ');
  const sets = changed.map((column) => `${name(column, dialect)} = excluded.${name(column, dialect)}`);
  const action = sets.length === 0 ? 'NOTHING' : `UPDATE SET ${sets.join(', ')}`;
  return { sql: `${sql} ON CONFLICT (${target}) DO ${action}`, params };
}

export function updateSql(
  table: string,
  changes: DbRow,
  where: readonly DbCondition[],
  dialect: SqlDialect,
): SqlStatement {
  const sets = Object.entries(changes).map(([column, value]) => `${name(column, dialect)} = ${place(value, dialect)}`);
  const { sql, params } = conditions(where, dialect);
  return {
    sql: `UPDATE ${name(table, dialect)} SET ${sets.join(', ')}${sql}`,
    params: [...given(Object.values(changes), dialect), ...params],
  };
}

export function deleteSql(table: string, where: readonly DbCondition[], dialect: SqlDialect): SqlStatement {
  const { sql, params } = conditions(where, dialect);
  return { sql: `DELETE FROM ${name(table, dialect)}${sql}`, params };
}

function conditions(where: readonly DbCondition[], dialect: SqlDialect): SqlStatement {
  const params: DbValue[] = [];
  const parts = where.map(({ column, op = '=', value }) => {
    if (value === null && (op === '=' || op === '!='))
      return `${name(column, dialect)} IS ${op === '=' ? '' : 'NOT '}NULL`;
    params.push(value);
    return `${name(column, dialect)} ${op === 'like' ? 'LIKE' : op} ${place(value, dialect)}`;
  });
  return { sql: parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`, params: given(params, dialect) };
}

/** Names come from scripts: what can not be a name is refused, so that none can carry SQL. */
function name(text: string, { quote, lowerCase }: SqlDialect): string {
  if (!/^[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)?$/.test(text))
    throw new StrowgerError('DB_NAME', `"${text}" can not be the name of a table or column`);
  return (lowerCase === true ? text.toLowerCase() : text)
    .split('.')
    .map((part) => `${quote}${part}${quote}`)
    .join('.');
}

function place(value: DbValue, { date }: SqlDialect): string {
  return date !== undefined && value instanceof Date ? date.place : '?';
}

function given(values: readonly DbValue[], { date }: SqlDialect): readonly DbValue[] {
  return date === undefined ? values : values.map((value) => (value instanceof Date ? date.value(value) : value));
}

function count(value: number): string {
  return String(Math.max(0, Math.trunc(value)));
}
