import type { ColumnDef, TableDef } from './table-def.ts';

export type SchemaDialect = 'sqlite' | 'postgres' | 'mysql';

/** Names of PostgreSQL's indexes end at 63 characters. */
const MAX_NAME = 60;

interface TypeNames {
  readonly [type: string]: string;
}

/** PostgreSQL's types, which Kamailio's SQLite schema has too, but for bytes. */
const STANDARD: TypeNames = {
  int: 'INTEGER',
  uint: 'INTEGER',
  small: 'SMALLINT',
  usmall: 'SMALLINT',
  tiny: 'SMALLINT',
  utiny: 'SMALLINT',
  float: 'REAL',
  time: 'TIMESTAMP WITHOUT TIME ZONE',
  text: 'TEXT',
  mediumtext: 'TEXT',
};
const TYPES: Readonly<Record<SchemaDialect, TypeNames>> = {
  sqlite: { ...STANDARD, blob: 'BLOB', mediumblob: 'BLOB' },
  postgres: { ...STANDARD, blob: 'BYTEA', mediumblob: 'BYTEA' },
  mysql: {
    int: 'INT',
    uint: 'INT UNSIGNED',
    small: 'SMALLINT',
    usmall: 'SMALLINT UNSIGNED',
    tiny: 'TINYINT',
    utiny: 'TINYINT UNSIGNED',
    float: 'FLOAT',
    time: 'DATETIME',
    text: 'TEXT',
    mediumtext: 'MEDIUMTEXT',
    blob: 'BLOB',
    mediumblob: 'MEDIUMBLOB',
  },
};
const ID: Readonly<Record<SchemaDialect, string>> = {
  sqlite: 'INTEGER PRIMARY KEY NOT NULL',
  postgres: 'SERIAL PRIMARY KEY NOT NULL',
  mysql: 'INT UNSIGNED AUTO_INCREMENT PRIMARY KEY NOT NULL',
};

/** The statements that make a table and its indexes, where they are not there. */
export function createSql(table: TableDef, dialect: SchemaDialect): string[] {
  const quote = dialect === 'mysql' ? '`' : '"';
  const quoted = (name: string): string => `${quote}${name}${quote}`;
  const list = (names: readonly string[]): string => names.map(quoted).join(', ');
  const lines = [
    `${quoted(table.id)} ${ID[dialect]}`,
    ...table.columns.map((column) => `${quoted(column.name)} ${columnSql(column, dialect)}`),
    ...table.unique.map((key) => `CONSTRAINT ${quoted(keyName(table, key, 'key'))} UNIQUE (${list(key)})`),
  ];
  // MySQL can not make an index unless it is there, so they are a part of the table.
  if (dialect === 'mysql')
    lines.push(...table.index.map((key) => `INDEX ${quoted(keyName(table, key, 'idx'))} (${list(key)})`));
  const make = `CREATE TABLE IF NOT EXISTS ${quoted(table.name)} (\n  ${lines.join(',\n  ')}\n)`;
  if (dialect === 'mysql') return [make];
  const indexes = table.index.map(
    (key) => `CREATE INDEX IF NOT EXISTS ${quoted(keyName(table, key, 'idx'))} ON ${quoted(table.name)} (${list(key)})`,
  );
  return [make, ...indexes];
}

function columnSql(column: ColumnDef, dialect: SchemaDialect): string {
  const parts = [typeSql(column.type, dialect)];
  if (column.default !== null) parts.push(`DEFAULT ${column.default}`);
  if (!column.isNullable) parts.push('NOT NULL');
  return parts.join(' ');
}

function typeSql(type: string, dialect: SchemaDialect): string {
  const [, name = '', size = ''] = /^([a-z]+)(.*)$/.exec(type) ?? [];
  if (name === 'v') return `VARCHAR(${size})`;
  const known = TYPES[dialect][name];
  if (known === undefined) throw new Error(`no type "${type}"`);
  return dialect === 'mysql' ? `${known}${size}` : known;
}

function keyName(table: TableDef, columns: readonly string[], end: string): string {
  return `${`${table.name}_${columns.join('_')}`.slice(0, MAX_NAME - end.length)}_${end}`;
}
