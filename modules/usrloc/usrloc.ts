import type { Counter, ModuleContext, SharedHeap, SocketInfo } from 'strowger';
import {
  DB_MODE,
  type DbMode,
  type MatchingMode,
  type Ucontact,
  type Udomain,
  type UlEvent,
  type UsrlocApi,
} from './api.ts';
import type { StoredContact } from './contact.ts';
import { ContactStore } from './contact-store.ts';
import { MemoryTable } from './memory-table.ts';
import type { RecordRules } from './record.ts';
import { RecordLocks } from './record-locks.ts';
import { Ruids } from './ruid.ts';

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
  readonly #tables = new Map<string, MemoryTable>();
  readonly #heap: SharedHeap;
  readonly #locks: RecordLocks;
  readonly #ruids: Ruids;
  readonly #rules: RecordRules;
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
    this.#ruids = new Ruids(this.serverId, server.clock.wall(), server.random);
    this.#rules = this.#makeRules();
  }

  nowSec(): number {
    return Math.floor(this.ctx.server.clock.wall() / 1000);
  }

  domain(name: string): Udomain {
    return this.table(name);
  }

  domains(): readonly Udomain[] {
    return [...this.#tables.values()];
  }

  /** A table by name, made on first use. */
  table(name: string): MemoryTable {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const store = new ContactStore(this.#heap, name, this.ctx.int('hash_size'));
    const table = new MemoryTable({
      store,
      locks: this.#locks,
      rules: this.#rules,
      ownServerId: this.serverId,
      writeThrough: null,
    });
    this.#tables.set(name, table);
    this.#countTable(name, table);
    return table;
  }

  newRuid(): string {
    return this.#ruids.next();
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
    if (this.ctx.server.isFirstWorker) for (const { users } of this.#tables.values()) sum += users;
    return sum;
  }

  tell(event: UlEvent, contact: StoredContact): void {
    if (event === 'expire') this.#expired.get(contact.domain)?.inc();
    for (const listener of this.#listeners[event]) {
      try {
        listener(contact);
      } catch (error) {
        this.ctx.log.error(`a listener for ${event} failed`, { err: error });
      }
    }
  }

  #makeRules(): RecordRules {
    const now = (): number => this.nowSec();
    return {
      get nowSec() {
        return now();
      },
      serverId: this.serverId,
      newRuid: () => this.newRuid(),
      mode: this.matchingMode,
      cseqDelaySec: this.cseqDelaySec,
      descTimeOrder: this.descTimeOrder,
      deletesLater: this.dbMode === DB_MODE.WRITE_BACK,
      tell: (event, contact) => this.tell(event, contact),
    };
  }

  #countTable(name: string, table: MemoryTable): void {
    const { counters, isFirstWorker } = this.ctx.server;
    counters.register('usrloc', `${name}-users`, 'AORs with contacts.', () => (isFirstWorker ? table.users : 0));
    counters.register('usrloc', `${name}-contacts`, 'Contacts.', () => (isFirstWorker ? table.contacts : 0));
    this.#expired.set(name, counters.register('usrloc', `${name}-expires`, 'Contacts that have expired.'));
  }
}
