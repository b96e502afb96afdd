import { StrowgerError } from '../errors.ts';
import type { DbCondition, DbQuery, DbRow, DbValue } from './db.ts';

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

export function insertSql(table: string, row: DbRow, dialect: SqlDialect, verb = 'INSERT'): SqlStatement {
  const columns = Object.keys(row);
  const places = columns.map(() => '?').join(', ');
  const names = columns.map((column) => name(column, dialect)).join(', ');
  return { sql: `${verb} INTO ${name(table, dialect)} (${names}) VALUES (${places})`, params: Object.values(row) };
}

export function replaceSql(table: string, row: DbRow, dialect: SqlDialect): SqlStatement {
  return insertSql(table, row, dialect, 'REPLACE');
}

export function upsertSql(table: string, row: DbRow, keys: readonly string[], dialect: SqlDialect): SqlStatement {
  const { sql, params } = insertSql(table, row, dialect);
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
  const sets = Object.keys(changes).map((column) => `${name(column, dialect)} = ?`);
  const { sql, params } = conditions(where, dialect);
  return {
    sql: `UPDATE ${name(table, dialect)} SET ${sets.join(', ')}${sql}`,
    params: [...Object.values(changes), ...params],
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
    return `${name(column, dialect)} ${op === 'like' ? 'LIKE' : op} ?`;
  });
  return { sql: parts.length === 0 ? '' : ` WHERE ${parts.join(' AND ')}`, params };
}

/** Names come from scripts: what can not be a name is refused, so that none can carry SQL. */
function name(text: string, { quote }: SqlDialect): string {
  if (!/^[A-Za-z_][\w$]*(?:\.[A-Za-z_][\w$]*)?$/.test(text))
    throw new StrowgerError('DB_NAME', `"${text}" can not be the name of a table or column`);
  return text
    .split('.')
    .map((part) => `${quote}${part}${quote}`)
    .join('.');
}

function count(value: number): string {
  return String(Math.max(0, Math.trunc(value)));
}
