import type { MatchingMode, Ucontact, UcontactInfo, UcontactMatch, UlEvent, Urecord } from './api.ts';
import { type ContactDefaults, contactData, EXPIRED_TIME, STATE, StoredContact } from './contact.ts';
import { matchContact, matchInstance } from './matching.ts';

/** What is to be done to the row of a contact. */
export interface RowChange {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly contact: StoredContact;
  /** The ruid its row has, where the change gives it another one. */
  readonly oldRuid: string;
}

/** Where a record's contacts are. */
export interface RecordStore {
  /** Counts up when something changes, so that a record knows to read anew. */
  readonly version: number;
  read(aor: string): StoredContact[];
  insert(aor: string, data: ReturnType<typeof contactData>, before: StoredContact | null): StoredContact;
  update(contact: StoredContact, data: ReturnType<typeof contactData>): StoredContact;
  reorder(contact: StoredContact, before: StoredContact | null): void;
  remove(contact: StoredContact): void;
}

/** How a table treats its records. */
export interface RecordRules extends ContactDefaults {
  readonly mode: MatchingMode;
  readonly cseqDelaySec: number;
  readonly descTimeOrder: boolean;
  /** Rows are deleted later, by who writes back: until then a contact stays, with an end in the past. */
  readonly deletesLater: boolean;
  tell(event: UlEvent, contact: StoredContact): void;
}

/** The record of an AOR while it is edited. */
export class StoredRecord implements Urecord {
  readonly aor: string;
  /** Rows that are no longer what they should be, in order. */
  readonly changes: RowChange[] = [];
  readonly #store: RecordStore;
  readonly #rules: RecordRules;
  #contacts: StoredContact[] = [];
  #version = -1;

  constructor(aor: string, store: RecordStore, rules: RecordRules) {
    this.aor = aor;
    this.#store = store;
    this.#rules = rules;
  }

  get contacts(): readonly StoredContact[] {
    if (this.#version !== this.#store.version) {
      this.#contacts = this.#store.read(this.aor);
      this.#version = this.#store.version;
    }
    return this.#contacts;
  }

  match(contact: string, callid: string, path: string, cseq: number, mode?: MatchingMode): UcontactMatch {
    const rules = mode === undefined ? this.#rules : { ...this.#rules, mode, nowSec: this.#rules.nowSec };
    return matchContact(this.contacts, { contact, callid, path, cseq }, rules);
  }

  matchInstance(instance: string, regId: number, callid: string, cseq: number): UcontactMatch {
    return matchInstance(this.contacts, instance, regId, { callid, cseq }, this.#rules);
  }

  insert(info: UcontactInfo): Ucontact {
    const data = contactData(info, this.#rules, null);
    const made = this.#store.insert(this.aor, { ...data, state: STATE.DIRTY }, this.#placeFor(data.q, ''));
    this.changes.push({ kind: 'insert', contact: made, oldRuid: made.ruid });
    this.#rules.tell('insert', made);
    return made;
  }

  update(contact: Ucontact, info: UcontactInfo): Ucontact {
    const old = this.#own(contact);
    const data = contactData(info, this.#rules, old);
    const changed = this.#store.update(old, { ...data, state: old.state | STATE.DIRTY });
    if (this.#rules.descTimeOrder || changed.q !== old.q)
      this.#store.reorder(changed, this.#placeFor(changed.q, changed.ruid));
    this.changes.push({ kind: 'update', contact: changed, oldRuid: old.ruid });
    this.#rules.tell('update', changed);
    return changed;
  }

  delete(contact: Ucontact): void {
    const old = this.#own(contact);
    this.#rules.tell('delete', old);
    this.remove(old);
  }

  /** Deletes without telling. */
  remove(old: StoredContact): void {
    if (this.#rules.deletesLater && (old.state & STATE.IN_DB) !== 0) {
      this.#store.update(old, old.with({ expires: EXPIRED_TIME }));
      return;
    }
    this.#store.remove(old);
    this.changes.push({ kind: 'delete', contact: old, oldRuid: old.ruid });
  }

  /** The contact in front of which one with this q belongs; null: behind all. Newest first among equals is not kept. */
  #placeFor(q: number, ownRuid: string): StoredContact | null {
    const others = this.contacts.filter(({ ruid }) => ruid !== ownRuid);
    if (this.#rules.descTimeOrder) return others[0] ?? null;
    return others.find((other) => other.q < q) ?? null;
  }

  #own(contact: Ucontact): StoredContact {
    const own = this.contacts.find(({ ruid }) => ruid === contact.ruid);
    if (own === undefined) throw new Error(`contact ${contact.ruid} is not of ${this.aor}`);
    return own;
  }
}
