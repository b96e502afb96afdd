import {
  type RpcArgs,
  RpcElement,
  RpcFault,
  RpcMany,
  type RpcMethod,
  type RpcValue,
  requireArgs,
  type StoreValue,
  strftime,
} from 'strowger';
import { type DbTables, NO_DB } from './db-tables.ts';
import type { HashTable, Item } from './table.ts';
import type { Tables } from './tables.ts';

type Method = RpcMethod<Tables>;

const NAME_AND_KEY = 'Not enough parameters (htable name and key name)';
const NAME_KEY_VALUE = 'Not enough parameters (htable name, key name and value)';
const NAME_KEY_EXPIRE = 'Not enough parameters (htable name, item name and expire)';
const NAME_AND_KEY_DELETE = 'Not enough parameters (htable name & key name';
const NAME_KEY_VALUE_EXPIRE = 'Not enough parameters (htable name, key name, value and expire)';
const NAME = 'No htable name given';
/** `flags` of an item whose value is text, Kamailio's AVP_VAL_STR. */
const FLAG_TEXT = 2;

function tableOf(tables: Tables, name: string): HashTable {
  const table = tables.find(name);
  if (table === undefined) throw new RpcFault(500, 'No such htable');
  return table;
}

/** What RPC sets: `write` gets the table once the parameters have been read. */
function setting(doc: string, hasLife: boolean, read: (args: RpcArgs) => (table: HashTable) => boolean): Method {
  return {
    doc,
    params: ['table', 'key', 'value', ...(hasLife ? ['lifetime'] : [])],
    run: (args, tables) => {
      const [name, write] = requireArgs(
        500,
        hasLife ? NAME_KEY_VALUE_EXPIRE : NAME_KEY_VALUE,
        () => [args.str(0), read(args)] as const,
      );
      const table = tables.find(name);
      if (table === undefined && !hasLife) throw new RpcFault(500, 'No such htable');
      if (table === undefined || !write(table)) throw new RpcFault(500, 'Failed to set the item');
      return 'Ok. Key set to new value.';
    },
  };
}

/** Items by slot, in order. */
function dump(table: HashTable): RpcMany {
  const bySlot = new Map<number, Item[]>();
  for (const item of table.items()) {
    const slot = table.slotOf(item.key);
    const items = bySlot.get(slot);
    if (items === undefined) bySlot.set(slot, [item]);
    else items.push(item);
  }
  return new RpcMany(
    [...bySlot].map(([entry, items]) => ({
      entry,
      size: items.length,
      slot: items.map(({ key, value }) => RpcElement.of({ name: key, value, type: typeOf(value) })),
    })),
  );
}

function typeOf(value: StoreValue): string {
  return typeof value === 'number' ? 'int' : 'str';
}

function describe({ key, value, expiresSec }: Item): RpcValue {
  const expire = expiresSec === 0 ? 'NEVER' : strftime('%Y-%m-%d %H:%M:%S', expiresSec * 1000, false);
  return { item: { name: key, value, flags: typeof value === 'string' ? FLAG_TEXT : 0, expire } };
}

function statistics(table: HashTable): RpcValue {
  const counts = new Map<number, number>();
  let all = 0;
  for (const { key } of table.live()) {
    all++;
    const slot = table.slotOf(key);
    counts.set(slot, (counts.get(slot) ?? 0) + 1);
  }
  const { name, slots } = table.def;
  const filled = [...counts.values()];
  const most = filled.reduce((max, count) => Math.max(max, count), 0);
  const least = filled.length < slots ? 0 : filled.reduce((min, count) => Math.min(min, count), most);
  return { name, slots, all, min: least, max: most };
}

/** A method that works on the database. */
function storing(
  doc: string,
  done: string,
  failed: string,
  run: (db: DbTables, table: HashTable) => Promise<void>,
): Method {
  return {
    doc,
    params: ['table'],
    async run(args, tables) {
      const { db } = tables;
      if (!db.isConfigured) throw new RpcFault(500, NO_DB);
      const table = tableOf(
        tables,
        requireArgs(500, NAME, () => args.str(0)),
      );
      try {
        await run(db, table);
      } catch (error) {
        tables.ctx.log.error(`table ${table.name}: ${(error as Error).message}`);
        throw new RpcFault(500, failed);
      }
      return done;
    },
  };
}

export const RPC: Readonly<Record<string, Method>> = {
  'htable.get': {
    doc: 'Shows an item.',
    params: ['table', 'key'],
    run: (args, tables) => {
      const [name, key] = requireArgs(500, NAME_AND_KEY, () => [args.str(0), args.str(1)] as const);
      const item = tableOf(tables, name).item(key);
      if (item === undefined) throw new RpcFault(500, "Key name doesn't exist in htable.");
      return describe(item);
    },
  },
  'htable.delete': {
    doc: 'Removes an item.',
    params: ['table', 'key'],
    run: (args, tables) => {
      const [name, key] = requireArgs(500, NAME_AND_KEY_DELETE, () => [args.str(0), args.str(1)] as const);
      if (!tableOf(tables, name).remove(key)) throw new RpcFault(404, 'Key not found in htable.');
      return 'Ok. Key deleted.';
    },
  },
  'htable.sets': setting('Sets an item to text.', false, (args) => {
    const [key, value] = [args.str(1), args.str(2)];
    return (table) => table.set(key, value);
  }),
  'htable.seti': setting('Sets an item to an integer.', false, (args) => {
    const [key, value] = [args.str(1), args.int(2)];
    return (table) => table.set(key, value);
  }),
  'htable.setxs': setting('Sets an item to text, with a lifetime in seconds.', true, (args) => {
    const [key, value, life] = [args.str(1), args.str(2), args.int(3)];
    return (table) => table.setFor(key, value, life);
  }),
  'htable.setxi': setting('Sets an item to an integer, with a lifetime in seconds.', true, (args) => {
    const [key, value, life] = [args.str(1), args.int(2), args.int(3)];
    return (table) => table.setFor(key, value, life);
  }),
  'htable.setex': {
    doc: 'Sets the lifetime of an item, seconds; nothing happens where there is none.',
    params: ['table', 'key', 'lifetime'],
    run: (args, tables) => {
      const [name, key, life] = requireArgs(
        500,
        NAME_KEY_EXPIRE,
        () => [args.str(0), args.str(1), args.int(2)] as const,
      );
      tableOf(tables, name).setLife(key, life);
      return 'Ok';
    },
  },
  'htable.dump': {
    doc: 'Shows all items of a table.',
    params: ['table'],
    run: (args, tables) =>
      dump(
        tableOf(
          tables,
          requireArgs(500, NAME, () => args.str(0)),
        ),
      ),
  },
  'htable.flush': {
    doc: 'Removes all items of a table.',
    params: ['table'],
    run: (args, tables) => {
      tableOf(
        tables,
        requireArgs(500, NAME, () => args.str(0)),
      ).store.clear();
      return 'Ok. Htable flushed.';
    },
  },
  'htable.listTables': {
    doc: 'Shows how the tables are defined.',
    run: (_args, tables) =>
      new RpcMany(
        tables
          .all()
          .toReversed()
          .map(({ def }) => ({
            name: def.name,
            dbtable: def.dbTable,
            dbmode: def.isStoredAtEnd ? 1 : 0,
            expire: def.autoexpireSec,
            updateexpire: def.updatesExpire ? 1 : 0,
            size: def.slots,
            dmqreplicate: def.isReplicated ? 1 : 0,
          })),
      ),
  },
  'htable.stats': {
    doc: 'How many items the tables have, and their slots.',
    run: (_args, tables) => new RpcMany(tables.all().toReversed().map(statistics)),
  },
  'htable.reload': {
    ...storing(
      'Loads a table from the database again.',
      'Ok. Htable reloaded.',
      'Error reloading table.',
      (db, table) => db.load(table),
    ),
    isReload: true,
  },
  'htable.store': storing(
    'Writes a table to the database.',
    'Ok. Htable successfully stored to DB.',
    'Error storing htable.',
    (db, table) => db.store(table),
  ),
};
