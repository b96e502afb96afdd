import type { SharedHeap } from 'strowger';
import type { Ucontact, UcontactFilter, Udomain, Urecord } from './api.ts';
import { type ContactData, STATE, type StoredContact } from './contact.ts';
import { CONTACT } from './contact-block.ts';
import type { ContactStore } from './contact-store.ts';
import { type RecordRules, type RowChange, StoredRecord } from './record.ts';
import type { RecordLocks } from './record-locks.ts';

/** What a table in memory works with. */
interface MemoryTableParts {
  readonly store: ContactStore;
  readonly locks: RecordLocks;
  readonly rules: RecordRules;
  readonly ownServerId: number;
  /** Writes rows at once (db_mode 1); null where nobody waits for the database. */
  readonly writeThrough: ((table: MemoryTable, changes: readonly RowChange[]) => Promise<void>) | null;
}

/** A table whose contacts are in memory: db_mode 0, 1, 2 and 4. */
export class MemoryTable implements Udomain {
  readonly name: string;
  readonly store: ContactStore;
  readonly #parts: MemoryTableParts;

  constructor(parts: MemoryTableParts) {
    this.name = parts.store.name;
    this.store = parts.store;
    this.#parts = parts;
  }

  get users(): number {
    return this.store.users;
  }

  get contacts(): number {
    return this.store.contacts;
  }

  lookup(aor: string): readonly StoredContact[] {
    const { nowSec } = this.#parts.rules;
    const found = this.store.read(aor);
    for (const contact of found) if (!contact.isValid(nowSec)) return found.filter((each) => each.isValid(nowSec));
    return found;
  }

  edit<T>(aor: string, work: (record: Urecord) => T): T | Promise<T> {
    const { writeThrough } = this.#parts;
    const { result, changes } = this.withRecord(aor, work);
    if (writeThrough === null || changes.length === 0) return result;
    return writeThrough(this, changes).then(() => result);
  }

  /** As `edit`, but nothing is written: returns what is to be. */
  withRecord<T>(
    aor: string,
    work: (record: StoredRecord) => T,
  ): { readonly result: T; readonly changes: readonly RowChange[] } {
    const record = new StoredRecord(aor, this.store, this.#parts.rules);
    const result = this.#parts.locks.with(aor, () => work(record));
    return { result, changes: record.changes };
  }

  /** What was to be written at once has not been: the timer is to write it. */
  markUnwritten(changes: readonly RowChange[]): void {
    for (const { kind, contact } of changes)
      this.store.touch(contact.ruid, ({ words }, at) => {
        words[at + CONTACT.STATE] = STATE.DIRTY | (kind === 'insert' ? 0 : STATE.IN_DB);
      });
  }

  /** A contact out of the database. */
  load(aor: string, data: ContactData): void {
    this.withRecord(aor, (record) => record.load(data));
  }

  byRuid(ruid: string): Ucontact | null {
    return this.store.byRuid(ruid);
  }

  deleteByRuid(ruid: string): boolean | Promise<boolean> {
    const found = this.store.byRuid(ruid);
    if (found === null) return false;
    return this.edit(found.aor, (record) => {
      const contact = record.contacts.find((each) => each.ruid === ruid);
      if (contact !== undefined) record.delete(contact);
      return contact !== undefined;
    });
  }

  deleteAor(aor: string): number | Promise<number> {
    return this.edit(aor, (record) => {
      const { contacts } = record;
      for (const contact of contacts) record.delete(contact);
      return contacts.length;
    });
  }

  each(visit: (contact: Ucontact) => boolean | void, filter: UcontactFilter = {}): void {
    const { part = 0, parts = 1 } = filter;
    const wants = this.#wants(filter);
    const { buckets } = this.store;
    const end = Math.floor(((part + 1) * buckets) / parts);
    for (let bucket = Math.floor((part * buckets) / parts); bucket < end; bucket++)
      for (const contact of this.store.pickFromBucket(bucket, wants)) if (visit(contact) === false) return;
  }

  refreshKeepalive(ruid: string, roundtripUs = 0): boolean {
    const { nowSec } = this.#parts.rules;
    return this.store.touch(ruid, ({ words }, at) => {
      words[at + CONTACT.LAST_KEEPALIVE] = nowSec;
      if (roundtripUs > 0) words[at + CONTACT.ROUNDTRIP] = roundtripUs;
    });
  }

  #wants({ cflags = 0, expired = false, ownOnly = false }: UcontactFilter): (heap: SharedHeap, at: number) => boolean {
    const { nowSec } = this.#parts.rules;
    const { ownServerId } = this.#parts;
    return ({ words, floats }, at) => {
      if (cflags !== 0 && ((words[at + CONTACT.CFLAGS] as number) & cflags) === 0) return false;
      if (ownOnly && words[at + CONTACT.SERVER_ID] !== ownServerId) return false;
      const expires = floats[(at + CONTACT.EXPIRES) >>> 1] as number;
      return expired || expires === 0 || expires > nowSec;
    };
  }
}
