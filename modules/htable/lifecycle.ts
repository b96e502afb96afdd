import type { Server } from 'strowger';
import type { Tables } from './tables.ts';

/** Words of the region that says what has been done: tables loaded, event run. */
const LOADED = 0;
const STARTED = 1;
const REGION_WORDS = 2;

/** True once in the life of a server, whatever workers come and go. */
function isFirst({ sharedHeap }: Server, word: number): boolean {
  const at = sharedHeap.region('htable', REGION_WORDS) + word;
  return Atomics.compareExchange(sharedHeap.words, at, 0, 1) === 0;
}

/** Are the tables to be loaded? Once, by the first worker. */
export function isFirstStart(server: Server): boolean {
  return server.isFirstWorker && isFirst(server, LOADED);
}

/** Loads the tables that are kept in a database. Rejects where one can not be read. */
export async function loadAll(tables: Tables): Promise<void> {
  if (!tables.db.isConfigured) return;
  for (const table of tables.all()) {
    try {
      await tables.db.load(table);
    } catch (error) {
      throw new Error(`table ${table.name}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** Runs event_route[htable:mod-init]: now, or once everything runs. */
export async function startEvents(tables: Tables): Promise<void> {
  const { server } = tables.ctx;
  if (tables.ctx.int('event_callback_mode') === 0) await runModInit(server);
  else server.hooks.started.add(() => void runModInit(server));
}

async function runModInit(server: Server): Promise<void> {
  if (!isFirst(server, STARTED)) return;
  const msg = server.fakeMessage();
  if (msg !== null) await server.runEventRoute('htable:mod-init', msg);
}

/** Stores the tables that are to outlive the server. What can not be stored is logged. */
export async function storeAll(tables: Tables): Promise<void> {
  if (!tables.db.isConfigured) return;
  for (const table of tables.all()) {
    if (!table.def.isStoredAtEnd) continue;
    try {
      await tables.db.store(table);
    } catch (error) {
      tables.ctx.log.error(`table ${table.name} is not stored: ${(error as Error).message}`);
    }
  }
}
