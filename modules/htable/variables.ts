import type { PvAccessor, PvDef, PvUse, Run } from 'strowger';
import { Iterators } from './iterators.ts';
import { countTest, matches, type Part } from './match.ts';
import type { HashTable } from './table.ts';
import { expiredOf, type Tables } from './tables.ts';

type Bound = Omit<PvAccessor, 'text'>;

/** A key as it is written, or computed per run. */
type Key = (run: Run) => string;

/** What an access to a table that is not defined gives: Kamailio loads such scripts too. */
const NO_TABLE: Bound = { get: () => null, set: () => false };

/** A variable whose name is `table=>key`; the key may hold variables, blanks in it count. */
function ofItem(
  doc: string,
  access: (table: HashTable, key: Key, tables: Tables) => Bound,
  isWritable = false,
): PvDef<Tables> {
  return {
    doc,
    name: 'required',
    ...(isWritable ? { writable: true } : {}),
    bind(use, tables) {
      const name = use.name ?? '';
      const arrow = name.indexOf('=>');
      if (arrow < 0) return `${use.text}: expected a table and a key, $${use.className}(table=>key)`;
      const tableName = name.slice(0, arrow).trim();
      const key = keyOf(use, name.slice(arrow + 2));
      const table = tables.find(tableName);
      if (table !== undefined) return access(table, key, tables);
      tables.ctx.log.error(`${use.text}: there is no hash table "${tableName}"`);
      return NO_TABLE;
    },
  };
}

function keyOf(use: PvUse, text: string): Key {
  return text.includes('$') ? use.format(text) : () => text;
}

function adding(doc: string, delta: number): PvDef<Tables> {
  return ofItem(doc, (table, key) => ({ get: (run) => table.add(key(run), delta) }));
}

function counting(doc: string, part: Part): PvDef<Tables> {
  return ofItem(doc, (table, key, tables) => ({
    get(run) {
      const expression = key(run);
      const test = countTest(expression, tables.regexes);
      if (typeof test === 'function')
        return table.live().reduce((count, item) => count + (matches(item, part, test) ? 1 : 0), 0);
      tables.ctx.log.error(`"${expression}": ${test}`);
      return 0;
    },
  }));
}

/** A variable of an iterator. */
function ofIterator(doc: string, get: (run: Run, name: string) => string | number | null): PvDef<Tables> {
  return {
    doc,
    name: 'required',
    bind(use) {
      const name = use.isNameDynamic ? use.nameFormat() : use.name?.trim();
      return { get: (run) => get(run, typeof name === 'function' ? name(run) : (name ?? '')) };
    },
  };
}

export const VARIABLES: Readonly<Record<string, PvDef<Tables>>> = {
  sht: ofItem(
    'Item of a hash table: table=>key. Null removes it.',
    (table, key) => ({
      get: (run) => table.get(key(run)),
      set: (run, value) => {
        if (value !== null) return table.set(key(run), value);
        table.remove(key(run));
        return true;
      },
    }),
    true,
  ),
  shtex: ofItem(
    'Seconds until an item ends, in a table with autoexpire; 0 assigned: it does not end.',
    (table, key) => ({
      get: (run) => table.life(key(run)),
      set: (run, value) => table.setLife(key(run), typeof value === 'number' ? value : 0),
    }),
    true,
  ),
  shtcn: counting('How many keys match: table=>expression.', 'key'),
  shtcv: counting('How many values match: table=>expression.', 'value'),
  shtinc: adding('Adds 1 to an item at once for all workers, and returns the sum.', 1),
  shtdec: adding('Subtracts 1 from an item at once for all workers, and returns the difference.', -1),
  shtitkey: ofIterator(
    'Key of the present item of an iterator.',
    (run, name) => Iterators.of(run).current(name)?.key ?? null,
  ),
  shtitval: ofIterator(
    'Value of the present item of an iterator.',
    (run, name) => Iterators.of(run).value(name) ?? null,
  ),
  shtrecord: {
    doc: 'In event_route[htable:expired:…], the item that has expired: key or value.',
    name: 'required',
    bind({ name }) {
      const part = name?.trim();
      if (part !== 'key' && part !== 'value') return `$shtrecord(${name}): expected key or value`;
      return { get: (run) => expiredOf(run)?.[part] ?? '' };
    },
  },
};
