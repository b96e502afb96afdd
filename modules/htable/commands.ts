import { ANY_ROUTE, type CommandDef, command, type Run } from 'strowger';
import { Iterators } from './iterators.ts';
import { countTest, matches, operatorTest, type Part } from './match.ts';
import type { HashTable } from './table.ts';
import type { Tables } from './tables.ts';

type Def = CommandDef<Tables>;
type ItemTest = Exclude<ReturnType<typeof operatorTest>, string | null>;

/** How long sht_lock() waits, milliseconds. */
const LOCK_WAIT_MS = 10_000;
/** What locking returns where there is no such table, as Kamailio. */
const NO_TABLE = -11;

const routes = ANY_ROUTE;

/** Table and the rest of `table=>rest`. */
function splitName(text: string): readonly [table: string, rest: string] {
  const arrow = text.indexOf('=>');
  return arrow < 0 ? [text.trim(), ''] : [text.slice(0, arrow).trim(), text.slice(arrow + 2)];
}

function checkName([text]: readonly (string | number | undefined)[]): string | null {
  return text === undefined || String(text).includes('=>') ? null : `"${text}": expected table=>…`;
}

function removeWhere(table: HashTable, part: Part, test: ItemTest): void {
  for (const item of table.live()) if (matches(item, part, test)) table.remove(item.key);
}

/** sht_rm_name_re(), sht_rm_value_re() */
function removingByRegex(part: Part): Def {
  return command({
    doc: `Removes the items whose ${part} matches: table=>expression.`,
    args: ['str'],
    argNames: ['name'],
    routes,
    check: checkName,
    run: (_run: Run, tables: Tables, text) => {
      const [name, source] = splitName(text);
      const table = tables.need(name, `sht_rm_${part === 'key' ? 'name' : 'value'}_re`);
      if (table === undefined) return 1;
      const test = countTest(`~~${source}`, tables.regexes);
      if (typeof test === 'string') {
        tables.ctx.log.error(test);
        return -1;
      }
      removeWhere(table, part, test);
      return 1;
    },
  });
}

/** Table and test of a command with an operator; null with the reason logged where there is none. */
function operation(
  tables: Tables,
  { name, operator, operand, allowed }: { name: string; operator: string; operand: string; allowed: readonly string[] },
): { readonly table: HashTable; readonly test: ItemTest } | null {
  const { log } = tables.ctx;
  const table = tables.need(name, 'htable');
  if (table === undefined) return null;
  const test = allowed.includes(operator) ? operatorTest(operator, operand, tables.regexes) : null;
  if (test === null) log.warn(`"${operator}" is no operator here: ${allowed.join(', ')}`);
  else if (typeof test === 'string') log.error(test);
  else return { table, test };
  return null;
}

const OPERATOR_ARGS = {
  args: ['str', 'str', 'str'],
  argNames: ['table', 'operator', 'operand'],
  routes,
} as const;

/** sht_rm_name(), sht_rm_value() */
function removing(part: Part): Def {
  return command({
    ...OPERATOR_ARGS,
    doc: `Removes the items whose ${part} matches (re), starts so (sw), ends so (ew) or has the text in it (in).`,
    run: (_run: Run, tables: Tables, name, operator, operand) => {
      const found = operation(tables, { name, operator, operand, allowed: ['re', 'sw', 'ew', 'in'] });
      if (found === null) return -1;
      removeWhere(found.table, part, found.test);
      return 1;
    },
  });
}

/** sht_match_name(), sht_match_str_value() and their other names. */
function matching(part: Part): Def {
  return command({
    ...OPERATOR_ARGS,
    doc: `Is there an item whose ${part} is equal (eq), not equal (ne), matches (re) or starts so (sw)?`,
    run: (_run: Run, tables: Tables, name, operator, operand) => {
      const found = operation(tables, { name, operator, operand, allowed: ['eq', 'ne', 're', 'sw'] });
      if (found === null) return -1;
      return found.table.live().some((item) => matches(item, part, found.test)) ? 1 : -1;
    },
  });
}

function setting(type: 'str' | 'int'): Def {
  return command({
    doc: `Sets an item to ${type === 'str' ? 'text' : 'an integer'}, with a lifetime in seconds.`,
    args: ['str', 'str', type, 'int'],
    argNames: ['table', 'key', 'value', 'lifetime'],
    routes,
    run: (_run: Run, tables: Tables, name, key, value, life) =>
      tables.need(name, 'sht_setx')?.setFor(key, value, life) === true ? 1 : -1,
  });
}

type Act<V> = (table: HashTable, key: string, value: V) => void;

/** A command about the present item of an iterator. */
function onItem(doc: string, act: Act<string>): Def {
  return command({
    doc,
    args: ['str', 'str'],
    argNames: ['iterator', 'value'],
    routes,
    run: (run: Run, tables: Tables, name, value) => actOn(run, tables, name, (table, key) => act(table, key, value)),
  });
}

/** The same with a number. */
function onItemInt(doc: string, act: Act<number>): Def {
  return command({
    doc,
    args: ['str', 'int'],
    argNames: ['iterator', 'value'],
    routes,
    run: (run: Run, tables: Tables, name, value) => actOn(run, tables, name, (table, key) => act(table, key, value)),
  });
}

function actOn(run: Run, tables: Tables, name: string, act: (table: HashTable, key: string) => void): number {
  const current = Iterators.of(run).current(name);
  if (current === undefined) return noItem(tables, name);
  act(current.table, current.key);
  return 1;
}

function noItem({ ctx }: Tables, name: string): number {
  ctx.log.error(`the iterator "${name}" is at no item`);
  return -1;
}

function lock(run: Run, tables: Tables, text: string): number | Promise<number> {
  const [name, key] = splitName(text);
  const table = tables.need(name, 'sht_lock');
  if (table === undefined) return NO_TABLE;
  const locks = tables.locks(table);
  const index = tables.lockOf(table, key);
  const held = locks.lock(index, run.msg);
  if (held === true) return 1;
  const { clock } = tables.ctx.server;
  const timer = clock.schedule(LOCK_WAIT_MS, () => {
    tables.ctx.log.error(`sht_lock("${name}=>${key}"): not free after ${LOCK_WAIT_MS / 1000} seconds`);
    locks.giveUp(index, run.msg);
  });
  return held.then((isHeld) => {
    clock.unschedule(timer);
    return isHeld ? 1 : -1;
  });
}

function unlock(run: Run, tables: Tables, text: string): number {
  const [name, key] = splitName(text);
  const table = tables.need(name, 'sht_unlock');
  if (table === undefined) return NO_TABLE;
  tables.locks(table).unlock(tables.lockOf(table, key), run.msg);
  return 1;
}

/** sht_inc, sht_dec (Kamailio 6): 1, or -1 where there is no such item. */
function adding(doc: string, delta: number): Def {
  return command({
    doc,
    args: ['str', 'str'],
    argNames: ['table', 'key'],
    routes,
    run: (_run: Run, tables: Tables, name, key) =>
      (tables.need(name, delta > 0 ? 'sht_inc' : 'sht_dec')?.add(key, delta) ?? null) === null ? -1 : 1,
  });
}

export const COMMANDS: Readonly<Record<string, Def>> = {
  sht_print: command({
    doc: 'Logs all items of all tables as errors.',
    args: [],
    routes,
    run: (_run: Run, tables: Tables) => {
      for (const table of tables.all()) {
        for (const { key, value, expiresSec } of table.items())
          tables.ctx.log.error(
            `htable[${table.name}] slot ${table.slotOf(key)}: ${key} => ${value} (expires ${expiresSec})`,
          );
      }
      return 1;
    },
  }),
  sht_rm: command({
    doc: 'Removes an item.',
    args: ['str', 'str'],
    argNames: ['table', 'key'],
    routes,
    run: (_run: Run, tables: Tables, name, key) => {
      const table = tables.need(name, 'sht_rm');
      table?.remove(key);
      return table === undefined ? -1 : 1;
    },
  }),
  sht_inc: adding('Adds 1 to an item at once for all workers.', 1),
  sht_dec: adding('Subtracts 1 from an item at once for all workers.', -1),
  sht_is_null: command({
    doc: 'True when there is no such item, nor a table.',
    args: ['str', 'str'],
    argNames: ['table', 'key'],
    routes,
    run: (_run: Run, tables: Tables, name, key) => {
      const table = tables.need(name, 'sht_is_null');
      return table !== undefined && table.find(key) !== undefined ? -1 : 1;
    },
  }),
  sht_rm_name_re: removingByRegex('key'),
  sht_rm_value_re: removingByRegex('value'),
  sht_rm_name: removing('key'),
  sht_rm_value: removing('value'),
  sht_match_name: matching('key'),
  sht_has_name: matching('key'),
  sht_match_str_value: matching('value'),
  sht_has_str_value: matching('value'),
  sht_setxs: setting('str'),
  sht_setxi: setting('int'),
  sht_reset: command({
    doc: 'Removes all items.',
    args: ['str'],
    argNames: ['table'],
    routes,
    run: (_run: Run, tables: Tables, name) => {
      const table = tables.need(name, 'sht_reset');
      table?.store.clear();
      return table === undefined ? -1 : 1;
    },
  }),
  sht_lock: command({
    doc: 'Takes the lock of a key, table=>key, which keys of the same slot share; waits until it is free.',
    args: ['str'],
    argNames: ['name'],
    routes,
    isAsync: true,
    check: checkName,
    run: lock,
  }),
  sht_unlock: command({
    doc: 'Gives the lock of a key back.',
    args: ['str'],
    argNames: ['name'],
    routes,
    check: checkName,
    run: unlock,
  }),
  sht_iterator_start: command({
    doc: 'Starts an iterator over a table; sht_iterator_next() goes to its first item.',
    args: ['str', 'str'],
    argNames: ['iterator', 'table'],
    routes,
    run: (run: Run, tables: Tables, name, tableName) => {
      const table = tables.need(tableName, 'sht_iterator_start');
      if (table === undefined) return -1;
      const error = Iterators.of(run).start(name, table);
      if (error !== null) tables.ctx.log.error(`sht_iterator_start: ${error}`);
      return error === null ? 1 : -1;
    },
  }),
  sht_iterator_next: command({
    doc: 'Goes on to the next item; false when there is no more.',
    args: ['str'],
    argNames: ['iterator'],
    routes,
    run: (run: Run, tables: Tables, name) => {
      const isThere = Iterators.of(run).next(name);
      if (isThere === undefined) return noItem(tables, name);
      return isThere ? 1 : -1;
    },
  }),
  sht_iterator_end: command({
    doc: 'Ends an iterator.',
    args: ['str'],
    argNames: ['iterator'],
    routes,
    run: (run: Run, tables: Tables, name) => (Iterators.of(run).end(name) ? 1 : noItem(tables, name)),
  }),
  sht_iterator_rm: command({
    doc: 'Removes the present item and goes on to the next; -2 when there is no more.',
    args: ['str'],
    argNames: ['iterator'],
    routes,
    run: (run: Run, tables: Tables, name) => {
      const iterators = Iterators.of(run);
      const current = iterators.current(name);
      if (current === undefined) return noItem(tables, name);
      current.table.remove(current.key);
      return iterators.next(name) === true ? 1 : -2;
    },
  }),
  sht_iterator_sets: onItem('Sets the present item to text.', (table, key, value) => void table.set(key, value)),
  sht_iterator_seti: onItemInt(
    'Sets the present item to an integer.',
    (table, key, value) => void table.set(key, value),
  ),
  sht_iterator_setex: onItemInt('Sets the lifetime of the present item, seconds.', (table, key, life) =>
    table.setLife(key, life),
  ),
};
