import { type ModuleContext, PosixCache, type Run, SharedLocks, type StoreRecord, sharedStore } from 'strowger';
import { DbTables } from './db-tables.ts';
import { parseDefinition, type TableDef } from './definition.ts';
import { HashTable } from './table.ts';

/** Buckets that are swept in one turn of the event loop, and the pause to the next, milliseconds. */
const SWEEP_BUCKETS = 4096;
const SWEEP_PAUSE_MS = 10;
/** Locks a table has at most; slots above it share them. */
const MOST_LOCKS = 1024;

/** Key of the expired item on the message of its event route. */
const EXPIRED: object = { name: 'htable-expired' };

/** The item that the event route of this run is about. */
export function expiredOf(run: Run): StoreRecord | undefined {
  return run.msg.extension<StoreRecord>(EXPIRED);
}

/** All tables of one server: their expiry and locks. */
export class Tables {
  readonly ctx: ModuleContext;
  readonly db: DbTables;
  /** What scripts look for in keys and values: REG_ICASE and REG_NEWLINE, as Kamailio's. */
  readonly regexes = new PosixCache({ ignoreCase: true, newline: true });
  readonly #byName = new Map<string, HashTable>();
  readonly #locks = new Map<HashTable, SharedLocks>();
  /** Expired items whose event route has not run yet. */
  readonly #expired: (readonly [event: string, record: StoreRecord])[] = [];
  #isTelling = false;
  #stop: (() => void) | null = null;
  #unhook: (() => void)[] = [];

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.db = new DbTables(ctx);
    for (const text of ctx.list('htable')) {
      const def = parseDefinition(text);
      if (typeof def === 'string') throw new Error(`htable: ${def}`);
      if (this.#byName.has(def.name)) throw new Error(`htable: the table ${def.name} is defined twice`);
      this.#byName.set(def.name, this.#make(def));
    }
  }

  find(name: string): HashTable | undefined {
    return this.#byName.get(name);
  }

  /** The table, with an error in the log where there is none. */
  need(name: string, command: string): HashTable | undefined {
    const table = this.#byName.get(name);
    if (table === undefined) this.ctx.log.error(`${command}: there is no hash table "${name}"`);
    return table;
  }

  /** In the order of their definition. */
  all(): HashTable[] {
    return [...this.#byName.values()];
  }

  /** The locks of a table's slots. */
  locks(table: HashTable): SharedLocks {
    const { server } = this.ctx;
    let locks = this.#locks.get(table);
    if (locks === undefined) {
      locks = new SharedLocks(server, `htable.${table.name}`, Math.min(table.def.slots, MOST_LOCKS));
      this.#locks.set(table, locks);
      if (this.#unhook.length === 0) {
        const release = (msg: object): void => this.#release(msg);
        this.#unhook = [server.hooks.requestDone.add(release), server.hooks.replyDone.add(release)];
      }
    }
    return locks;
  }

  lockOf(table: HashTable, key: string): number {
    return table.slotOf(key) & (MOST_LOCKS - 1);
  }

  /** Sweeps what is over, `intervalSec` between two sweeps. */
  startSweeping(intervalSec: number): void {
    const { wheel } = this.ctx.server;
    const timer = wheel.every(intervalSec * 1000, () => {
      for (const table of this.#byName.values()) if (table.def.autoexpireSec > 0) this.#sweep(table, 0);
    });
    this.#stop = () => wheel.cancel(timer);
  }

  close(): void {
    this.#stop?.();
    for (const unhook of this.#unhook.splice(0)) unhook();
  }

  #make(def: TableDef): HashTable {
    const { server } = this.ctx;
    const store = sharedStore(server, `htable.${def.name}`);
    const table = new HashTable(def, store, () => server.clock.wall());
    const event = `htable:expired:${def.name}`;
    store.onExpired = (record) => this.#tell(event, record);
    return table;
  }

  #sweep(table: HashTable, from: number): void {
    const { clock } = this.ctx.server;
    const next = table.store.sweep(clock.wall(), from, SWEEP_BUCKETS);
    if (next > 0) clock.schedule(SWEEP_PAUSE_MS, () => this.#sweep(table, next));
  }

  /** Runs the event route for an expired item, after those before it. */
  #tell(event: string, record: StoreRecord): void {
    const { server } = this.ctx;
    if (!server.program?.event.has(event)) return;
    this.#expired.push([event, record]);
    if (this.#isTelling) return;
    this.#isTelling = true;
    try {
      for (let next = this.#expired.shift(); next !== undefined; next = this.#expired.shift()) {
        const msg = server.fakeMessage();
        if (msg === null) continue;
        msg.setExtension(EXPIRED, next[1]);
        void server.runEventRoute(next[0], msg);
      }
    } finally {
      this.#isTelling = false;
    }
  }

  /** A message has been dealt with: locks that its script forgot are free. */
  #release(msg: object): void {
    for (const locks of this.#locks.values()) if (!locks.isIdle) locks.release(msg);
  }
}
