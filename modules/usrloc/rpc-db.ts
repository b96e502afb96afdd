import { type DbCondition, type DbResult, RpcFault, type RpcMethod, TableRow } from 'strowger';
import { DB_MODE } from './api.ts';
import { LocationRows } from './location-rows.ts';
import type { Usrloc } from './usrloc.ts';

/** Rows read at once. */
const PAGE = 5000;

/** ul.db_*: what is in the database. */
export const UL_DB_RPC: Readonly<Record<string, RpcMethod<Usrloc>>> = {
  'ul.db_users': {
    doc: 'Tells how many AORs have contacts in the database that have not expired.',
    params: ['table'],
    run: async (args, usrloc) => {
      const rows = new LocationRows(usrloc.ctx);
      const { user, domain } = rows.columns;
      const users = new Set<string>();
      const add = (row: TableRow): void => {
        users.add(usrloc.useDomain ? `${row.str(user)}@${row.str(domain)}` : row.str(user));
      };
      const query = { table: tableArg(args.all), columns: usrloc.useDomain ? [user, domain] : [user], what: 'AoR' };
      for (const where of present(rows, usrloc.nowSec())) await eachRow(usrloc, rows, { ...query, where }, add);
      return users.size;
    },
  },
  'ul.db_contacts': {
    doc: 'Tells how many contacts in the database have not expired.',
    params: ['table'],
    run: async (args, usrloc) => {
      const rows = new LocationRows(usrloc.ctx);
      return await countRows(usrloc, rows, tableArg(args.all), present(rows, usrloc.nowSec()));
    },
  },
  'ul.db_expired_contacts': {
    doc: 'Tells how many contacts in the database have expired.',
    params: ['table'],
    run: async (args, usrloc) => {
      const rows = new LocationRows(usrloc.ctx);
      return await countRows(usrloc, rows, tableArg(args.all), [rows.expired(usrloc.nowSec())]);
    },
  },
};

function tableArg(all: readonly unknown[]): string {
  const [name] = all;
  if (typeof name !== 'string') throw new RpcFault(500, 'Not enough parameters (table to lookup)');
  return name;
}

/** Those that end later, and those that never end. */
function present(rows: LocationRows, nowSec: number): readonly (readonly DbCondition[])[] {
  return [[{ column: rows.columns.expires, op: '>', value: rows.time(nowSec) }], rows.permanent()];
}

async function countRows(
  usrloc: Usrloc,
  rows: LocationRows,
  table: string,
  wheres: readonly (readonly DbCondition[])[],
): Promise<number> {
  let count = 0;
  const add = (): void => void count++;
  for (const where of wheres) await eachRow(usrloc, rows, { table, columns: [], where, what: 'contact' }, add);
  return count;
}

interface RowsQuery {
  readonly table: string;
  readonly columns: readonly string[];
  readonly where: readonly DbCondition[];
  /** For the error. */
  readonly what: string;
}

/** Reads rows page by page. */
async function eachRow(
  usrloc: Usrloc,
  rows: LocationRows,
  { table, columns, where, what }: RowsQuery,
  visit: (row: TableRow) => void,
): Promise<void> {
  if (usrloc.dbMode === DB_MODE.NONE) throw new RpcFault(500, 'Command is not supported in db_mode=0');
  const { ruid } = rows.columns;
  try {
    const db = await usrloc.database.get();
    for (let last: string | null = ''; last !== null; ) {
      const page: DbResult = await db.query({
        table,
        columns: [...columns, ruid],
        where: [...where, { column: ruid, op: '>', value: last }],
        orderBy: [ruid],
        limit: PAGE,
      });
      last = null;
      for (const values of page.rows) {
        const row = new TableRow(page, values);
        visit(row);
        last = row.str(ruid);
      }
    }
  } catch (error) {
    usrloc.ctx.log.error(`the table ${table} can not be asked: ${(error as Error).message}`);
    throw new RpcFault(500, `Failed to query ${what} count`);
  }
}
