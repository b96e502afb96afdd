import type { Db, Log, SharedHeap, SharedLocks } from 'strowger';
import { UL_FLAG } from './api.ts';
import { EXPIRED_TIME, STATE, type StoredContact } from './contact.ts';
import { CONTACT } from './contact-block.ts';
import type { ContactStore } from './contact-store.ts';
import type { MemoryTable } from './memory-table.ts';
import type { RowChange } from './record.ts';
import type { RowWriter } from './row-writer.ts';

/** Contacts written in one transaction when everything is written at once. */
const MOST_AT_ONCE = 10_000;
/** Rows to be deleted that are kept while the database is away. */
const MOST_PENDING = 100_000;

/** What the sweeper works with. */
interface SweeperParts {
  readonly log: Log;
  readonly writer: RowWriter;
  /** Null where nothing is written. */
  readonly database: (() => Promise<Db>) | null;
  /** One flush at a time, over all workers: a later one must not be overtaken by an earlier one. */
  readonly flushLock: SharedLocks;
  nowSec(): number;
  /** Contacts that did not answer for so long are over; 0: none. For those with `keepalive`, and for all. */
  keepaliveTimeoutSec(): number;
  kaTimeoutSec(): number;
  /** Told of each contact that is over, before it goes. */
  expired(contact: StoredContact): void;
}

/** Takes contacts that are over out of the memory, and brings the database up to date with what is in it. */
export class Sweeper {
  readonly #parts: SweeperParts;
  /** Rows that could not be deleted yet, by table. */
  #pending: { readonly table: string; readonly change: RowChange }[] = [];

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  /** Takes what is over out of one of `parts` equal parts of a table. */
  expire(table: MemoryTable, part: number, parts: number): void {
    const [from, to] = rangeOf(table, part, parts);
    const deletions = this.#expire(table, from, to);
    if (this.#parts.database !== null) for (const change of deletions) this.#postpone(table.name, change);
  }

  /** Writes what has changed in a part of a table, in one transaction. False where the database is away; never rejects. */
  async flush(table: MemoryTable, part: number, parts: number): Promise<boolean> {
    const { database, flushLock, log } = this.#parts;
    if (database === null) return true;
    const owner = {};
    await flushLock.lock(0, owner);
    const pending = this.#pending;
    this.#pending = [];
    const [from, to] = rangeOf(table, part, parts);
    const taken = takeDirty(table.store, from, to);
    try {
      if (pending.length + taken.length > 0) await this.#write(await database(), table.name, pending, taken);
      return true;
    } catch (error) {
      log.error(`contacts of ${table.name} can not be written: ${(error as Error).message}`);
      giveBack(table.store, taken);
      for (const { table: name, change } of pending) this.#postpone(name, change);
      return false;
    } finally {
      flushLock.unlock(0, owner);
    }
  }

  /** Writes what has changed in all of a table; in several transactions where it is much. As `flush`. */
  async flushAll(table: MemoryTable): Promise<boolean> {
    const parts = Math.ceil(table.contacts / MOST_AT_ONCE) || 1;
    for (let part = 0; part < parts; part++) {
      this.expire(table, part, parts);
      if (!(await this.flush(table, part, parts))) return false;
    }
    return true;
  }

  async #write(
    db: Db,
    table: string,
    pending: readonly { table: string; change: RowChange }[],
    taken: readonly Taken[],
  ) {
    const { writer, log } = this.#parts;
    const changes = [...pending, ...taken.map((each) => ({ table, change: rowChange(each) }))];
    try {
      await db.transaction(async (inside) => {
        await Promise.all(changes.map(({ table: name, change }) => writer.apply(inside, name, change)));
      });
    } catch (error) {
      if ((error as { code?: string }).code !== 'DB_QUERY') throw error;
      // One row that the database refuses must not keep the others out.
      for (const { table: name, change } of changes) {
        try {
          await writer.applyAnyway(db, name, change);
        } catch (why) {
          if ((why as { code?: string }).code !== 'DB_QUERY') throw why;
          log.error(`contact ${change.contact.ruid} of ${change.contact.aor} is refused: ${(why as Error).message}`);
        }
      }
    }
  }

  #postpone(table: string, change: RowChange): void {
    if (this.#pending.length < MOST_PENDING) this.#pending.push({ table, change });
  }

  /** Removes what is over; returns what is to be done to rows. */
  #expire(table: MemoryTable, from: number, to: number): RowChange[] {
    const isOver = this.#judge();
    const changes: RowChange[] = [];
    for (let bucket = from; bucket < to; bucket++)
      for (const { aor, ruid } of table.store.pickFromBucket(bucket, isOver)) {
        table.withRecord(aor, (record) => {
          // It may have been refreshed since.
          const contact = record.contacts.find((each) => each.ruid === ruid);
          if (contact === undefined || !table.store.test(ruid, isOver)) return;
          if (contact.expires !== EXPIRED_TIME) this.#parts.expired(contact);
          if (!table.store.remove(ruid)) return;
          if ((contact.state & STATE.IN_DB) !== 0) changes.push({ kind: 'delete', contact });
        });
      }
    return changes;
  }

  #judge(): (heap: SharedHeap, at: number) => boolean {
    const nowSec = this.#parts.nowSec();
    const watched = this.#parts.keepaliveTimeoutSec();
    const all = this.#parts.kaTimeoutSec();
    return ({ words, floats }, at) => {
      const expires = floats[(at + CONTACT.EXPIRES) >>> 1] as number;
      if (expires !== 0 && expires <= nowSec) return true;
      if (watched === 0 && all === 0) return false;
      const silentSec = nowSec - ((words[at + CONTACT.LAST_KEEPALIVE] as number) >>> 0);
      if (all > 0 && silentSec > all) return true;
      return watched > 0 && words[at + CONTACT.KEEPALIVE] === 1 && silentSec > watched;
    };
  }
}

/** The buckets of a part. */
function rangeOf(table: MemoryTable, part: number, parts: number): readonly [from: number, to: number] {
  const { buckets } = table.store;
  return [Math.floor((part * buckets) / parts), Math.floor(((part + 1) * buckets) / parts)];
}

/** A contact that is being written, and what the database had of it before. */
interface Taken {
  readonly contact: StoredContact;
  readonly wasInDb: boolean;
}

function rowChange({ contact, wasInDb }: Taken): RowChange {
  return { kind: wasInDb ? 'update' : 'insert', contact };
}

/** The contacts that the database does not have as they are. They count as written from now on. */
function takeDirty(store: ContactStore, from: number, to: number): Taken[] {
  const taken: Taken[] = [];
  for (let bucket = from; bucket < to; bucket++) {
    const before: number[] = [];
    const contacts = store.pickFromBucket(bucket, ({ words }, at) => {
      const state = words[at + CONTACT.STATE] as number;
      if ((state & STATE.DIRTY) === 0) return false;
      if (((words[at + CONTACT.FLAGS] as number) & UL_FLAG.MEMORY_ONLY) !== 0) return false;
      words[at + CONTACT.STATE] = STATE.IN_DB;
      before.push(state);
      return true;
    });
    contacts.forEach((contact, i) => taken.push({ contact, wasInDb: ((before[i] ?? 0) & STATE.IN_DB) !== 0 }));
  }
  return taken;
}

/** They could not be written. */
function giveBack(store: ContactStore, taken: readonly Taken[]): void {
  for (const { contact, wasInDb } of taken)
    store.touch(contact.ruid, ({ words }, at) => {
      words[at + CONTACT.STATE] = STATE.DIRTY | (wasInDb ? STATE.IN_DB : 0);
    });
}
