import { type Db, type DbCondition, TableRow } from 'strowger';
import type { Ucontact, UcontactFilter, Udomain, Urecord } from './api.ts';
import { type ContactData, StoredContact } from './contact.ts';
import { PARTITIONS } from './location-rows.ts';
import { type RecordRules, type RecordStore, StoredRecord } from './record.ts';
import type { RowWriter } from './row-writer.ts';

/** Rows read at once by `each`. */
const PAGE = 1000;

/** What a table that is only in the database works with. */
interface DbTableParts {
  readonly name: string;
  readonly writer: RowWriter;
  readonly rules: RecordRules;
  readonly ownServerId: number;
  database(): Promise<Db>;
}

/** A table of which nothing is in memory (db_mode 3): every operation asks the database. */
export class DbTable implements Udomain {
  readonly name: string;
  readonly users = 0;
  readonly contacts = 0;
  readonly #parts: DbTableParts;
  /** Edits of one AOR wait for each other. */
  readonly #edits = new Map<string, Promise<unknown>>();

  constructor(parts: DbTableParts) {
    this.name = parts.name;
    this.#parts = parts;
  }

  async lookup(aor: string): Promise<readonly StoredContact[]> {
    const { nowSec } = this.#parts.rules;
    return (await this.#read(aor)).filter((contact) => contact.isValid(nowSec));
  }

  edit<T>(aor: string, work: (record: Urecord) => T): Promise<T> {
    const before = this.#edits.get(aor) ?? Promise.resolve();
    const done = before.then(() => this.#edit(aor, work));
    const settled = done.then(noop, noop).then(() => {
      if (this.#edits.get(aor) === settled) this.#edits.delete(aor);
    });
    this.#edits.set(aor, settled);
    return done;
  }

  async byRuid(ruid: string): Promise<StoredContact | null> {
    const found = await this.#query([{ column: this.#parts.writer.rows.columns.ruid, value: ruid }]);
    return found[0] ?? null;
  }

  async deleteByRuid(ruid: string): Promise<boolean> {
    const found = await this.byRuid(ruid);
    if (found === null) return false;
    return await this.edit(found.aor, (record) => {
      const contact = record.contacts.find((each) => each.ruid === ruid);
      if (contact !== undefined) record.delete(contact);
      return contact !== undefined;
    });
  }

  deleteAor(aor: string): Promise<number> {
    return this.edit(aor, (record) => {
      const { contacts } = record;
      for (const contact of contacts) record.delete(contact);
      return contacts.length;
    });
  }

  async each(visit: (contact: Ucontact) => boolean | void, filter: UcontactFilter = {}): Promise<void> {
    const { rows } = this.#parts.writer;
    const { nowSec } = this.#parts.rules;
    const { part = 0, parts = 1, cflags = 0, expired = false } = filter;
    const where: DbCondition[] = [];
    if (parts > 1) {
      const { partition } = rows.columns;
      where.push({ column: partition, op: '>=', value: Math.floor((part * PARTITIONS) / parts) });
      where.push({ column: partition, op: '<', value: Math.floor(((part + 1) * PARTITIONS) / parts) });
    }
    if (filter.ownOnly === true) where.push({ column: rows.columns.serverId, value: this.#parts.ownServerId });
    for (let last: string | null = ''; last !== null; ) {
      const page: StoredContact[] = await this.#query(
        [{ column: rows.columns.ruid, op: '>', value: last }, ...where],
        rows.columns.ruid,
        PAGE,
      );
      for (const contact of page) {
        if (cflags !== 0 && (contact.cflags & cflags) === 0) continue;
        if ((expired || contact.isValid(nowSec)) && visit(contact) === false) return;
      }
      last = page.length < PAGE ? null : (page.at(-1)?.ruid ?? null);
    }
  }

  /** Keepalives are remembered in memory only, as Kamailio's are. */
  refreshKeepalive(): boolean {
    return false;
  }

  /** Rows that have ended, some at a time; they are deleted by `deleteAor` or `clean`. */
  expiredBefore(sec: number, limit: number): Promise<StoredContact[]> {
    return this.#query(this.#parts.writer.rows.expired(sec), this.#parts.writer.rows.columns.ruid, limit);
  }

  /** Deletes a row that has ended; false where it has been refreshed or is gone. */
  async deleteExpired({ ruid }: StoredContact, sec: number): Promise<boolean> {
    const { writer } = this.#parts;
    const db = await this.#parts.database();
    const { affected } = await db.delete(this.name, [...writer.rows.ofContact({ ruid }), ...writer.rows.expired(sec)]);
    if (affected > 0) await writer.attributes?.remove(db, this.name, ruid);
    return affected > 0;
  }

  async #edit<T>(aor: string, work: (record: Urecord) => T): Promise<T> {
    const { writer, rules } = this.#parts;
    const record = new StoredRecord(aor, new ListStore(this.name, await this.#read(aor)), rules);
    const result = work(record);
    const db = await this.#parts.database();
    for (const change of record.changes) await writer.apply(db, this.name, change);
    return result;
  }

  async #read(aor: string): Promise<StoredContact[]> {
    const contacts = await this.#query(this.#parts.writer.rows.ofAor(aor));
    return contacts.sort(
      this.#parts.rules.descTimeOrder ? (a, b) => b.lastModified - a.lastModified : (a, b) => b.q - a.q,
    );
  }

  async #query(where: readonly DbCondition[], orderBy = '', limit = 0): Promise<StoredContact[]> {
    const { rows, attributes } = this.#parts.writer;
    const db = await this.#parts.database();
    const result = await db.query({
      table: this.name,
      columns: rows.names,
      where,
      ...(orderBy === '' ? {} : { orderBy: [orderBy] }),
      ...(limit === 0 ? {} : { limit }),
    });
    const found: StoredContact[] = [];
    for (const values of result.rows) {
      const row = rows.read(new TableRow(result, values), this.#parts.rules.nowSec);
      if (row === null) continue;
      const { ruid } = row.data;
      const texts = await attributes?.read(db, this.name, ruid, ruid);
      const data: ContactData = { ...row.data, xavpText: texts?.get(ruid) ?? '', state: 1 };
      found.push(new StoredContact(this.name, row.aor, data, 0));
    }
    return found;
  }
}

/** The contacts of one AOR while they are edited. */
class ListStore implements RecordStore {
  version = 0;
  readonly #domain: string;
  #contacts: StoredContact[];

  constructor(domain: string, contacts: StoredContact[]) {
    this.#domain = domain;
    this.#contacts = contacts;
  }

  read(): StoredContact[] {
    return [...this.#contacts];
  }

  insert(aor: string, data: ContactData, before: StoredContact | null): StoredContact {
    const made = new StoredContact(this.#domain, aor, data, 0);
    this.#put(made, before);
    return made;
  }

  update(contact: StoredContact, data: ContactData): StoredContact {
    this.version++;
    const made = new StoredContact(this.#domain, contact.aor, data, 0);
    this.#contacts = this.#contacts.map((each) => (each.ruid === contact.ruid ? made : each));
    return made;
  }

  reorder(contact: StoredContact, before: StoredContact | null): void {
    this.#contacts = this.#contacts.filter(({ ruid }) => ruid !== contact.ruid);
    this.#put(contact, before);
  }

  remove(ruid: string): boolean {
    this.version++;
    const left = this.#contacts.filter((each) => each.ruid !== ruid);
    const isThere = left.length < this.#contacts.length;
    this.#contacts = left;
    return isThere;
  }

  #put(contact: StoredContact, before: StoredContact | null): void {
    this.version++;
    const at = before === null ? -1 : this.#contacts.findIndex(({ ruid }) => ruid === before.ruid);
    this.#contacts.splice(at < 0 ? this.#contacts.length : at, 0, contact);
  }
}

function noop(): void {}
