/** A column as the tables write it: `name type`, `?` where it may be NULL, ` = default`. */
export interface ColumnDef {
  readonly name: string;
  /** `v64` (VARCHAR), `int`, `small`, `tiny` and with `u` unsigned, `float`, `time`, `text`, `blob` … */
  readonly type: string;
  readonly isNullable: boolean;
  /** SQL of the default; null for none. */
  readonly default: string | null;
}

/** A table of Kamailio's schema. */
export interface TableDef {
  readonly name: string;
  readonly version: number;
  /** The column that counts rows. */
  readonly id: string;
  readonly columns: readonly ColumnDef[];
  /** Columns of keys, each of several. */
  readonly unique: readonly (readonly string[])[];
  readonly index: readonly (readonly string[])[];
}

/** Columns are lines; keys are names with spaces between. */
export function table(
  name: string,
  version: number,
  columns: string,
  more: { readonly id?: string; readonly unique?: readonly string[]; readonly index?: readonly string[] } = {},
): TableDef {
  const lines = columns.split('\n').flatMap((line) => line.trim() || []);
  const keys = (list: readonly string[] = []): string[][] => list.map((key) => key.split(' '));
  return {
    name,
    version,
    id: more.id ?? 'id',
    columns: lines.map(parseColumn),
    unique: keys(more.unique),
    index: keys(more.index),
  };
}

function parseColumn(line: string): ColumnDef {
  const match = /^(\w+) ([\w(),]+)(\?)?(?: = (.+))?$/.exec(line);
  if (match === null) throw new Error(`"${line}" is no column`);
  const [, name = '', type = '', nullable, value] = match;
  return { name, type, isNullable: nullable !== undefined, default: value ?? null };
}
