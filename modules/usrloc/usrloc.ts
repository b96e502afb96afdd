import {
  type Counter,
  type DbCondition,
  type ModuleContext,
  type SharedHeap,
  SharedLocks,
  type SocketInfo,
} from 'strowger';
import {
  DB_MODE,
  type DbMode,
  type MatchingMode,
  type Ucontact,
  type Udomain,
  UL_FLAG,
  type UlEvent,
  type UsrlocApi,
} from './api.ts';
import type { StoredContact } from './contact.ts';
import { ContactStore } from './contact-store.ts';
import { Database } from './database.ts';
import { DbTable } from './db-table.ts';
import { Keepalives } from './keepalive.ts';
import { MemoryTable } from './memory-table.ts';
import { Preload } from './preload.ts';
import type { RecordRules, RowChange, StoredRecord } from './record.ts';
import { RecordLocks } from './record-locks.ts';
import { RowWriter } from './row-writer.ts';
import { Ruids } from './ruid.ts';
import { Sweeper } from './sweeper.ts';
import { UlTimer } from './timer.ts';

/** At the end of the server, how often a database that is away is tried again, and the time between. */
const LAST_TRIES = 20;
const LAST_PAUSE_MS = 250;

/** The module's state in one worker. */
export class Usrloc implements UsrlocApi {
  readonly ctx: ModuleContext;
  readonly dbMode: DbMode;
  readonly useDomain: boolean;
  readonly matchingMode: MatchingMode;
  readonly descTimeOrder: boolean;
  readonly natFlag: number;
  readonly xavpContact: string;
  readonly cseqDelaySec: number;
  readonly handlesLostTcp: boolean;
  readonly serverId: number;
  readonly database: Database;
  readonly keepalives: Keepalives;
  readonly #memory = new Map<string, MemoryTable>();
  readonly #dbOnly = new Map<string, DbTable>();
  readonly #heap: SharedHeap;
  readonly #locks: RecordLocks;
  readonly #ruids: Ruids;
  readonly #rpcRuids: Ruids;
  readonly #rules: RecordRules;
  readonly #writer: RowWriter;
  readonly #sweeper: Sweeper;
  #timer: UlTimer | null = null;
  #isStarted = false;
  readonly #undo: (() => void)[] = [];
  readonly #expired = new Map<string, Counter>();
  readonly #listeners: Readonly<Record<UlEvent, Set<(contact: Ucontact) => void>>> = {
    insert: new Set(),
    update: new Set(),
    delete: new Set(),
    expire: new Set(),
  };
  keepaliveTimeoutSec = 0;

  constructor(ctx: ModuleContext) {
    const { server } = ctx;
    this.ctx = ctx;
    this.dbMode = ctx.int('db_mode') as DbMode;
    this.useDomain = ctx.int('use_domain') !== 0;
    this.matchingMode = ctx.int('matching_mode') as MatchingMode;
    this.descTimeOrder = ctx.int('desc_time_order') !== 0;
    this.natFlag = ctx.int('nat_bflag') < 0 ? 0 : (1 << ctx.int('nat_bflag')) >>> 0;
    this.xavpContact = ctx.str('xavp_contact');
    this.cseqDelaySec = ctx.int('cseq_delay');
    this.handlesLostTcp = ctx.int('handle_lost_tcp') !== 0;
    this.serverId = server.settings.int('server_id');
    this.#heap = server.sharedHeap;
    this.#locks = new RecordLocks(this.#heap, server.workerIndex, server.workerCount === 1);
    this.#ruids = new Ruids('uloc', this.serverId, server);
    this.#rpcRuids = new Ruids('ulcx', this.serverId, server);
    this.#rules = new Rules(this);
    this.database = new Database(ctx);
    this.#writer = new RowWriter(ctx);
    this.#sweeper = this.#makeSweeper();
    this.keepalives = new Keepalives(ctx, this.natFlag, () => this.memoryTables());
    for (const name of ctx.list('preload')) this.domain(name);
  }

  nowSec(): number {
    const { clock } = this.ctx.server;
    return Math.floor((clock.heldWall?.() ?? clock.wall()) / 1000);
  }

  /** Reads tables and follows connections; before messages come. Rejects with DB_…. */
  async start(): Promise<void> {
    const { hooks } = this.ctx.server;
    if (this.dbMode !== DB_MODE.NONE) await this.#load();
    if (this.handlesLostTcp) this.#undo.push(hooks.connectionClosed.add(({ conId }) => this.#lost(conId)));
    if (this.ctx.int('close_expired_tcp') === 1) this.on('expire', (contact) => this.#closeConnection(contact));
  }

  /** Starts what is done in one worker only. */
  startTimer(): void {
    this.#timer = this.#makeTimer();
    this.#timer.start();
  }

  /** Resolves when what the timer has begun is done. */
  async settled(): Promise<void> {
    await this.#timer?.settled();
  }

  /** Writes what the database does not have yet. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo();
    await this.#timer?.stop();
    for (let tries = 1; !(await this.flush()) && tries < LAST_TRIES; tries++) await this.#pause(LAST_PAUSE_MS);
    await this.database.close();
  }

  /** Writes all that has changed (db_mode 1 and 2). False where the database is away. */
  async flush(): Promise<boolean> {
    if (!this.#writes) return true;
    for (const table of this.#memory.values()) if (!(await this.#sweeper.flushAll(table))) return false;
    return true;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.ctx.server.wheel.after(ms, resolve));
  }

  domain(name: string): Udomain {
    return this.#memory.get(name) ?? this.#dbOnly.get(name) ?? this.#make(name);
  }

  /** A table there is; undefined where nobody has named it. */
  findDomain(name: string): Udomain | undefined {
    return this.#memory.get(name) ?? this.#dbOnly.get(name);
  }

  domains(): readonly Udomain[] {
    return [...this.#memory.values(), ...this.#dbOnly.values()];
  }

  memoryTables(): readonly MemoryTable[] {
    return [...this.#memory.values()];
  }

  newRuid(): string {
    return this.#ruids.next();
  }

  /** An AOR as an RPC gives it: without domains, what is behind the user does not count. */
  rpcAor(aor: string): string {
    return this.useDomain ? aor : (aor.split('@', 1)[0] ?? aor);
  }

  /** For contacts that an RPC adds. */
  newRpcRuid(): string {
    return this.#rpcRuids.next();
  }

  socketOf({ socket }: Pick<Ucontact, 'socket'>): SocketInfo | null {
    return socket === '' ? null : this.ctx.server.transport.findSocket(socket);
  }

  on(event: UlEvent, listener: (contact: Ucontact) => void): () => void {
    const listeners = this.#listeners[event];
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }

  setKeepaliveTimeout(sec: number): void {
    this.keepaliveTimeoutSec = sec;
  }

  /** AORs of all tables. */
  get registeredUsers(): number {
    let sum = 0;
    // All workers see one memory: only one may count it.
    if (this.ctx.server.isFirstWorker) for (const { users } of this.#memory.values()) sum += users;
    return sum;
  }

  tell(event: UlEvent, contact: StoredContact): void {
    if (event === 'expire') this.#expired.get(contact.domain)?.inc();
    const listeners = this.#listeners[event];
    if (listeners.size === 0) return;
    for (const listener of listeners) {
      try {
        listener(contact);
      } catch (error) {
        this.ctx.log.error(`a listener for ${event} failed`, { err: error });
      }
    }
  }

  #makeSweeper(): Sweeper {
    return new Sweeper({
      log: this.ctx.log,
      writer: this.#writer,
      database: this.#writes ? () => this.database.get() : null,
      flushLock: new SharedLocks(this.ctx.server, 'usrloc flush', 1),
      nowSec: () => this.nowSec(),
      keepaliveTimeoutSec: () => this.keepaliveTimeoutSec,
      kaTimeoutSec: () => this.ctx.int('ka_timeout'),
      expired: (contact) => this.tell('expire', contact),
    });
  }

  #makeTimer(): UlTimer {
    const { ctx } = this;
    const writer = this.#writer;
    const cleans = this.#writes && ctx.int('db_timer_clean') === 1;
    return new UlTimer({
      wheel: ctx.server.wheel,
      log: ctx.log,
      sweeper: this.#sweeper,
      intervalSec: ctx.int('timer_interval'),
      memoryTables: () => this.memoryTables(),
      dbTables: () => [...this.#dbOnly.values()],
      ping: (table, part, parts) => this.keepalives.send(table, part, parts),
      cleaning: cleans
        ? {
            database: () => this.database.get(),
            conditions: () => [...writer.rows.expired(this.nowSec()), ...this.#ownRows()],
          }
        : null,
      expiredBeforeSec: () => this.nowSec() - ctx.int('rm_expired_delay'),
      expired: (contact) => this.tell('expire', contact),
    });
  }

  get #writes(): boolean {
    return this.dbMode === DB_MODE.WRITE_THROUGH || this.dbMode === DB_MODE.WRITE_BACK;
  }

  #ownRows(): DbCondition[] {
    if (this.ctx.int('server_id_filter') === 0) return [];
    return [{ column: this.#writer.rows.columns.serverId, value: this.serverId }];
  }

  #make(name: string): Udomain {
    if (this.dbMode === DB_MODE.DB_ONLY) return this.#makeDbTable(name);
    const store = new ContactStore(this.#heap, name, this.ctx.int('hash_size'));
    const table: MemoryTable = new MemoryTable({
      store,
      locks: this.#locks,
      rules: this.#rules,
      ownServerId: this.serverId,
      writeThrough: this.dbMode === DB_MODE.WRITE_THROUGH ? (to, changes) => this.#writeThrough(to, changes) : null,
    });
    this.#memory.set(name, table);
    this.#countTable(name, table);
    if (this.#isStarted && this.dbMode !== DB_MODE.NONE)
      this.#loadTable(table).catch((error: unknown) =>
        this.ctx.log.error(`the table ${name} can not be read: ${String(error)}`),
      );
    return table;
  }

  #makeDbTable(name: string): DbTable {
    const table = new DbTable({
      name,
      writer: this.#writer,
      rules: this.#rules,
      ownServerId: this.serverId,
      database: () => this.database.get(),
    });
    this.#dbOnly.set(name, table);
    this.#countTable(name, table);
    return table;
  }

  /** The first worker that gets here reads; it has done so before the others start. A table that comes later is read then. */
  async #load(): Promise<void> {
    for (const { name } of this.domains()) await this.database.check(name);
    this.#isStarted = true;
    for (const table of this.memoryTables()) await this.#loadTable(table);
  }

  async #loadTable(table: MemoryTable): Promise<void> {
    if (!table.store.claimLoading()) return;
    const preload = new Preload(this.ctx, this.#writer, (socket) => this.socketOf({ socket }) !== null);
    const count = await preload.run(await this.database.get(), table.name, table, this.nowSec());
    this.ctx.log.info(`${count} contacts read from the table ${table.name}`);
  }

  /** Rejects where the database fails; the contacts are kept, and written by the timer once it can. */
  async #writeThrough(table: MemoryTable, changes: readonly RowChange[]): Promise<void> {
    try {
      const db = await this.database.get();
      for (const change of changes)
        if ((change.contact.flags & UL_FLAG.MEMORY_ONLY) === 0) await this.#writer.apply(db, table.name, change);
    } catch (error) {
      table.markUnwritten(changes);
      throw error;
    }
  }

  #lost(conId: number): void {
    for (const table of this.#memory.values()) {
      for (const { aor, ruid } of table.store.byConnection(conId)) {
        const removed = table.edit(aor, (record) => {
          const contact = record.contacts.find((each) => each.ruid === ruid && each.tcpconnId === conId);
          if (contact !== undefined) (record as StoredRecord).expire(contact as StoredContact);
        });
        if (removed instanceof Promise)
          removed.catch((error: unknown) =>
            this.ctx.log.error(`a lost contact stays in the database: ${String(error)}`),
          );
      }
    }
  }

  #closeConnection({ tcpconnId }: Ucontact): void {
    if (tcpconnId > 0) this.ctx.server.connections.end(tcpconnId);
  }

  #countTable(name: string, table: Udomain): void {
    const { counters, isFirstWorker } = this.ctx.server;
    counters.register('usrloc', `${name}_users`, 'AORs with contacts.', () => (isFirstWorker ? table.users : 0));
    counters.register('usrloc', `${name}_contacts`, 'Contacts.', () => (isFirstWorker ? table.contacts : 0));
    this.#expired.set(name, counters.register('usrloc', `${name}_expires`, 'Contacts that have expired.'));
  }
}

/** A class: an object with a getter of its own is a hash table in V8. */
class Rules implements RecordRules {
  readonly serverId: number;
  readonly mode: MatchingMode;
  readonly cseqDelaySec: number;
  readonly descTimeOrder: boolean;
  readonly writesNow: boolean;
  readonly deletesLater: boolean;
  readonly #usrloc: Usrloc;

  constructor(usrloc: Usrloc) {
    const { dbMode } = usrloc;
    this.serverId = usrloc.serverId;
    this.mode = usrloc.matchingMode;
    this.cseqDelaySec = usrloc.cseqDelaySec;
    this.descTimeOrder = usrloc.descTimeOrder;
    this.writesNow = dbMode === DB_MODE.WRITE_THROUGH || dbMode === DB_MODE.DB_ONLY;
    this.deletesLater = dbMode === DB_MODE.WRITE_BACK;
    this.#usrloc = usrloc;
  }

  get nowSec(): number {
    return this.#usrloc.nowSec();
  }

  newRuid(): string {
    return this.#usrloc.newRuid();
  }

  tell(event: UlEvent, contact: StoredContact): void {
    this.#usrloc.tell(event, contact);
  }
}
