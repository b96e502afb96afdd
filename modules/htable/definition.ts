/** One table as `modparam("htable", "htable", …)` defines it. */
export interface TableDef {
  readonly name: string;
  /** A power of two. */
  readonly slots: number;
  /** Seconds; 0: items stay. */
  readonly autoexpireSec: number;
  /** What stands for an item that is not there. */
  readonly initval: number | null;
  /** Writing an item lets its time begin again. */
  readonly updatesExpire: boolean;
  /** '' where nothing is loaded. */
  readonly dbTable: string;
  /** The items are stored when the server ends. */
  readonly isStoredAtEnd: boolean;
  /** Columns of the key and the values; null: those that the module's parameters name. */
  readonly columns: readonly string[] | null;
  readonly isReplicated: boolean;
}

/** Logarithm of the number of slots: what stands for one that is too small or too large, as in Kamailio 5.6. */
const SMALLEST_POWER = 2;
const FOR_TOO_SMALL = 3;
const LARGEST_POWER = 31;
const FOR_TOO_LARGE = 14;
/** More slots than this only cost memory: items are found by a hash of their own. */
const MOST_POWER = 24;

/** Parses `name=>attribute=value;…`. An error text where it is none. */
export function parseDefinition(text: string): TableDef | string {
  const arrow = text.indexOf('=>');
  const name = arrow < 0 ? '' : text.slice(0, arrow).trim();
  if (name === '') return `"${text}": expected name=>attribute=value;…`;
  let power = FOR_TOO_SMALL;
  let def: Omit<TableDef, 'slots' | 'name'> = {
    autoexpireSec: 0,
    initval: null,
    updatesExpire: true,
    dbTable: '',
    isStoredAtEnd: false,
    columns: null,
    isReplicated: false,
  };
  for (const pair of splitAttributes(text.slice(arrow + 2))) {
    const equals = pair.indexOf('=');
    const key = (equals < 0 ? pair : pair.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? '' : unquoted(pair.slice(equals + 1).trim());
    if (key === 'size') power = Number.parseInt(value, 10) || 0;
    else {
      const changed = attribute(def, key, value);
      if (typeof changed === 'string') return `table ${name}: ${changed}`;
      def = changed;
    }
  }
  if (power < SMALLEST_POWER) power = FOR_TOO_SMALL;
  else if (power > LARGEST_POWER) power = FOR_TOO_LARGE;
  return { name, slots: 2 ** Math.min(power, MOST_POWER), ...def };
}

function attribute(
  def: Omit<TableDef, 'slots' | 'name'>,
  key: string,
  value: string,
): Omit<TableDef, 'slots' | 'name'> | string {
  const number = Number.parseInt(value, 10);
  switch (key) {
    case 'autoexpire':
      return { ...def, autoexpireSec: Math.max(0, number || 0) };
    case 'initval':
      return Number.isNaN(number) ? `"${value}" is no integer` : { ...def, initval: number | 0 };
    case 'updateexpire':
      return { ...def, updatesExpire: number !== 0 };
    case 'dbtable':
      return { ...def, dbTable: value };
    case 'dbmode':
      return { ...def, isStoredAtEnd: number !== 0 };
    case 'dmqreplicate':
      return { ...def, isReplicated: number !== 0 };
    case 'cols': {
      const columns = value.split(',').map((column) => column.trim());
      return columns.length < 2 || columns.includes('') ? `cols="${value}": at least two columns` : { ...def, columns };
    }
    default:
      return `unknown attribute "${key}"`;
  }
}

/** Cuts at `;` outside quotes. */
function splitAttributes(text: string): string[] {
  return (text.match(/(?:"[^"]*"|'[^']*'|[^;"'])+/g) ?? []).filter((part) => part.trim() !== '');
}

function unquoted(text: string): string {
  const quote = text.charAt(0);
  return (quote === '"' || quote === "'") && text.length > 1 && text.endsWith(quote) ? text.slice(1, -1) : text;
}
