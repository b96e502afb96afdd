import type { MatchingMode, Ucontact, UcontactInfo, UcontactMatch, UlEvent, Urecord } from './api.ts';
import {
  type ContactData,
  type ContactDefaults,
  contactData,
  EXPIRED_TIME,
  STATE,
  type StoredContact,
} from './contact.ts';
import { matchContact, matchInstance } from './matching.ts';

/** What is to be done to the row of a contact. */
export interface RowChange {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly contact: StoredContact;
}

/** Where a record's contacts are. */
export interface RecordStore {
  /** Counts up when something changes, so that a record knows to read anew. */
  readonly version: number;
  read(aor: string): StoredContact[];
  insert(aor: string, data: ContactData, before: StoredContact | null): StoredContact;
  update(contact: StoredContact, data: ContactData): StoredContact;
  reorder(contact: StoredContact, before: StoredContact | null): void;
  /** False where it is gone. */
  remove(ruid: string): boolean;
}

/** How a table treats its records. */
export interface RecordRules extends ContactDefaults {
  readonly mode: MatchingMode;
  readonly cseqDelaySec: number;
  readonly descTimeOrder: boolean;
  /** Changes are written at once: a contact counts as written. */
  readonly writesNow: boolean;
  /** Rows are deleted later, by who writes back: until then a contact stays, with an end in the past. */
  readonly deletesLater: boolean;
  tell(event: UlEvent, contact: StoredContact): void;
}

/** The record of an AOR while it is edited. */
export class StoredRecord implements Urecord {
  readonly aor: string;
  readonly #store: RecordStore;
  readonly #rules: RecordRules;
  #contacts: StoredContact[] = [];
  #version = -1;
  #changes: RowChange[] = [];

  constructor(aor: string, store: RecordStore, rules: RecordRules) {
    this.aor = aor;
    this.#store = store;
    this.#rules = rules;
  }

  /** Rows that are no longer what they should be, in order. */
  get changes(): readonly RowChange[] {
    return this.#changes;
  }

  get contacts(): readonly StoredContact[] {
    if (this.#version !== this.#store.version) {
      this.#contacts = this.#store.read(this.aor);
      this.#version = this.#store.version;
    }
    return this.#contacts;
  }

  match(contact: string, callid: string, path: string, cseq: number, mode?: MatchingMode): UcontactMatch {
    const { cseqDelaySec, nowSec } = this.#rules;
    const rules = { mode: mode ?? this.#rules.mode, cseqDelaySec, nowSec };
    return matchContact(this.contacts, { contact, callid, path, cseq }, rules);
  }

  matchInstance(instance: string, regId: number, callid: string, cseq: number): UcontactMatch {
    return matchInstance(this.contacts, instance, regId, { callid, cseq }, this.#rules);
  }

  insert(info: UcontactInfo): Ucontact {
    const data = contactData(info, this.#rules, null, this.#changed(0));
    const made = this.#store.insert(this.aor, data, this.#placeFor(data, ''));
    this.#note({ kind: 'insert', contact: made });
    this.#rules.tell('insert', made);
    return made;
  }

  update(contact: Ucontact, info: UcontactInfo): Ucontact {
    const old = this.#own(contact);
    const changed = this.#store.update(old, contactData(info, this.#rules, old, this.#changed(old.state)));
    if (this.#rules.descTimeOrder || changed.q !== old.q)
      this.#store.reorder(changed, this.#placeFor(changed, changed.ruid));
    this.#note({ kind: 'update', contact: changed });
    this.#rules.tell('update', changed);
    return changed;
  }

  delete(contact: Ucontact): void {
    const old = this.#own(contact);
    this.#rules.tell('delete', old);
    this.remove(old);
  }

  /** As `delete`, for a contact that is over. */
  expire(old: StoredContact): void {
    this.#rules.tell('expire', old);
    this.remove(old);
  }

  /** Deletes without telling. */
  remove(old: StoredContact): void {
    if (this.#rules.deletesLater && (old.state & STATE.IN_DB) !== 0) {
      this.#store.update(old, old.with({ expires: EXPIRED_TIME }));
      return;
    }
    this.#store.remove(old.ruid);
    this.#note({ kind: 'delete', contact: old });
  }

  /** Takes in a contact that was read from the database: nobody is told, no row changes. */
  load(data: ContactData): void {
    this.#store.insert(this.aor, data, this.#placeFor(data, ''));
  }

  /** Most often there is one: an array that grows by itself would have room for 17. */
  #note(change: RowChange): void {
    if (this.#changes.length === 0) this.#changes = [change];
    else this.#changes.push(change);
  }

  #changed(state: number): number {
    return this.#rules.writesNow ? STATE.IN_DB : state | STATE.DIRTY;
  }

  /** The contact in front of which one with this data belongs; null: behind all. Equals keep their order. */
  #placeFor({ q, lastModified }: ContactData, ownRuid: string): StoredContact | null {
    const others = this.contacts.filter(({ ruid }) => ruid !== ownRuid);
    const isBefore = this.#rules.descTimeOrder
      ? (other: StoredContact) => other.lastModified <= lastModified
      : (other: StoredContact) => other.q < q;
    return others.find(isBefore) ?? null;
  }

  #own(contact: Ucontact): StoredContact {
    const own = this.contacts.find(({ ruid }) => ruid === contact.ruid);
    if (own === undefined) throw new Error(`contact ${contact.ruid} is not of ${this.aor}`);
    return own;
  }
}
