import { HashIndex, INDEX_WORDS, mixHash, type SharedHeap, StrowgerError } from 'strowger';
import { type ContactData, hasTexts, StoredContact } from './contact.ts';
import {
  CONTACT,
  contactWords,
  isTextAt,
  RECORD,
  readAor,
  readContact,
  writeContact,
  writeNumbers,
} from './contact-block.ts';

/** Words of a table's region, in front of its indices. */
const LOADED = 0;
const BY_AOR = 2;
const BY_RUID = BY_AOR + INDEX_WORDS;
const BY_CONNECTION = BY_RUID + INDEX_WORDS;
const REGION_WORDS = BY_CONNECTION + INDEX_WORDS;
/** Buckets of the index by connection to begin with: many servers have no connections. */
const FIRST_CONNECTIONS = 16;

/** The most buckets that `hash_size` can ask for at start; more come as they are needed. */
const MAX_FIRST_BITS = 16;

/**
 * The contacts of one table, in memory that all workers share: what one writes the others see with the next read. Each
 * method is one step that nobody sees half-way; who needs several in a row holds the record's lock (`RecordLocks`).
 */
export class ContactStore {
  readonly name: string;
  readonly heap: SharedHeap;
  readonly #at: number;
  readonly #records: HashIndex;
  readonly #ruids: HashIndex;
  /** Only contacts that came over a connection. */
  readonly #connections: HashIndex;
  /** Counts this worker's changes, so that who keeps what it read can see that it is old. */
  version = 0;

  /** `hashSize`: 2^n buckets to begin with. */
  constructor(heap: SharedHeap, name: string, hashSize: number) {
    this.name = name;
    this.heap = heap;
    this.#at = heap.region(`usrloc ${name}`, REGION_WORDS);
    const first = 2 ** Math.min(MAX_FIRST_BITS, Math.max(0, hashSize));
    this.#records = new HashIndex(heap, this.#at + BY_AOR, RECORD.NEXT, RECORD.HASH, first);
    this.#ruids = new HashIndex(heap, this.#at + BY_RUID, CONTACT.RUID_NEXT, CONTACT.RUID_HASH, first);
    this.#connections = new HashIndex(
      heap,
      this.#at + BY_CONNECTION,
      CONTACT.CONN_NEXT,
      CONTACT.CONN_HASH,
      FIRST_CONNECTIONS,
    );
  }

  get users(): number {
    return this.#locked(() => this.#records.count);
  }

  get contacts(): number {
    return this.#locked(() => this.#ruids.count);
  }

  /** Buckets of records: what parts are parts of. */
  get buckets(): number {
    return this.#locked(() => this.#records.buckets);
  }

  /** True for the first who asks: it is to read the table from the database. */
  claimLoading(): boolean {
    return Atomics.compareExchange(this.heap.words, this.#at + LOADED, 0, 1) === 0;
  }

  /** Contacts of an AOR in their order. */
  read(aor: string): StoredContact[] {
    return this.#locked(() => {
      const record = this.#findRecord(aor, this.heap.hash(aor));
      return record === 0 ? [] : this.#readRecord(record, aor);
    });
  }

  byRuid(ruid: string): StoredContact | null {
    return this.#locked(() => {
      const at = this.#findRuid(ruid);
      return at === 0 ? null : this.#readAt(at);
    });
  }

  /** Contacts that came in on a connection. */
  byConnection(conId: number): StoredContact[] {
    return this.#locked(() => {
      const { words } = this.heap;
      const found: StoredContact[] = [];
      for (let at = this.#connections.first(mixHash(conId)); at !== 0; at = words[at + CONTACT.CONN_NEXT] as number)
        if (words[at + CONTACT.TCPCONN] === conId) found.push(this.#readAt(at));
      return found;
    });
  }

  /** Whether something holds for a contact's block; false where it is gone. */
  test(ruid: string, holds: (heap: SharedHeap, at: number) => boolean): boolean {
    return this.#locked(() => {
      const at = this.#findRuid(ruid);
      return at !== 0 && holds(this.heap, at);
    });
  }

  /**
   * Contacts of a bucket for which `wants` holds, which looks at the words of their blocks: cheaper than reading all of
   * them where few are wanted.
   */
  pickFromBucket(bucket: number, wants: (heap: SharedHeap, at: number) => boolean): StoredContact[] {
    return this.#locked(() => {
      const found: StoredContact[] = [];
      if (bucket >= this.#records.buckets) return found;
      const { heap } = this;
      const { words } = heap;
      for (let record = this.#records.firstOf(bucket); record !== 0; record = words[record + RECORD.NEXT] as number)
        for (let at = words[record + RECORD.FIRST] as number; at !== 0; at = words[at + CONTACT.NEXT] as number)
          if (wants(heap, at)) found.push(this.#readAt(at));
      return found;
    });
  }

  /** Adds a contact in front of another one of its AOR, or behind all (null). Throws USRLOC_FULL, USRLOC_RUID (it is taken). */
  insert(aor: string, data: ContactData, before: StoredContact | null): StoredContact {
    this.version++;
    return this.#locked(() => {
      const { heap } = this;
      if (this.#findRuid(data.ruid) !== 0)
        throw new StrowgerError('USRLOC_RUID', `there is a contact ${data.ruid} already`);
      const at = heap.allocate(contactWords(data));
      if (at === 0) throw full();
      let record = this.#findRecord(aor, heap.hash(aor));
      if (record === 0) record = this.#addRecord(aor);
      if (record === 0 || !this.#ruids.insert(at, heap.hash(data.ruid))) {
        heap.release(at);
        if (record !== 0) this.#dropIfEmpty(record);
        throw full();
      }
      writeContact(heap, at, data, null);
      if (data.tcpconnId > 0) this.#connections.insert(at, mixHash(data.tcpconnId));
      this.#link(record, at, before === null ? 0 : this.#present(before));
      return new StoredContact(this.name, aor, readContact(heap, at), at);
    });
  }

  /**
   * Gives a contact other data, whose texts nobody else holds on to (`contactData`), but the same ruid; its block may move.
   * Throws USRLOC_FULL, and it stays as it was.
   */
  update(contact: StoredContact, data: ContactData): StoredContact {
    this.version++;
    return this.#locked(() => {
      const { heap } = this;
      let at = this.#present(contact);
      if (hasTexts(contact, data) && contact.tcpconnId === data.tcpconnId) {
        writeNumbers(heap, at, data);
        return new StoredContact(this.name, contact.aor, data, at);
      }
      const words = contactWords(data);
      const moved = heap.roomOf(at) < words ? heap.allocate(words) : at;
      if (moved === 0) throw full();
      this.#disconnect(at);
      const isMoved = moved !== at;
      if (isMoved) {
        this.#move(at, moved);
        at = moved;
      }
      writeContact(heap, at, data, isMoved ? null : contact);
      if (data.tcpconnId > 0) this.#connections.insert(at, mixHash(data.tcpconnId));
      return new StoredContact(this.name, contact.aor, data, at);
    });
  }

  /** Puts a contact in front of another one of its AOR, or behind all (null). */
  reorder(contact: StoredContact, before: StoredContact | null): void {
    this.version++;
    this.#locked(() => {
      const at = this.#present(contact);
      const record = this.heap.words[at + CONTACT.RECORD] as number;
      this.#unlink(at);
      this.#link(record, at, before === null ? 0 : this.#present(before));
    });
  }

  /** Removes a contact, and the record with its last one. False where there is none. */
  remove(ruid: string): boolean {
    this.version++;
    return this.#locked(() => {
      const { heap } = this;
      const at = this.#findRuid(ruid);
      if (at === 0) return false;
      const record = heap.words[at + CONTACT.RECORD] as number;
      this.#unlink(at);
      this.#disconnect(at);
      this.#ruids.remove(at);
      this.#release(at);
      this.#dropIfEmpty(record);
      return true;
    });
  }

  /** Changes words of a contact where it is; false where there is none with this ruid. */
  touch(ruid: string, change: (heap: SharedHeap, at: number) => void): boolean {
    return this.#locked(() => {
      const at = this.#findRuid(ruid);
      if (at !== 0) change(this.heap, at);
      return at !== 0;
    });
  }

  #locked<T>(work: () => T): T {
    this.heap.lock();
    try {
      return work();
    } finally {
      this.heap.unlock();
    }
  }

  #readRecord(record: number, aor: string): StoredContact[] {
    const { heap } = this;
    const { words } = heap;
    let at = words[record + RECORD.FIRST] as number;
    if (at === 0) return [];
    // Most have one contact: an array that grows by itself would have room for 17.
    const found = [new StoredContact(this.name, aor, readContact(heap, at), at)];
    while ((at = words[at + CONTACT.NEXT] as number) !== 0)
      found.push(new StoredContact(this.name, aor, readContact(heap, at), at));
    return found;
  }

  #readAt(at: number): StoredContact {
    const { heap } = this;
    const aor = readAor(heap, heap.words[at + CONTACT.RECORD] as number);
    return new StoredContact(this.name, aor, readContact(heap, at), at);
  }

  #findRecord(aor: string, hash: number): number {
    const { words, bytes } = this.heap;
    for (let at = this.#records.first(hash); at !== 0; at = words[at + RECORD.NEXT] as number) {
      if (words[at + RECORD.HASH] !== (hash | 0) || words[at + RECORD.LENGTH] !== aor.length) continue;
      if (isTextAt(bytes, (at + RECORD.TEXT) * 4, aor)) return at;
    }
    return 0;
  }

  /** The ruid is the first of a block's texts. */
  #findRuid(ruid: string): number {
    const { words } = this.heap;
    const hash = this.heap.hash(ruid);
    for (let at = this.#ruids.first(hash); at !== 0; at = words[at + CONTACT.RUID_NEXT] as number) {
      if (words[at + CONTACT.RUID_HASH] !== (hash | 0)) continue;
      if (this.#isAt(at, ruid)) return at;
    }
    return 0;
  }

  /** Where a contact is now: another step may have moved it. Throws where it is gone, which is a bug of the caller. */
  #present(contact: StoredContact): number {
    const at = this.#isAt(contact.address, contact.ruid) ? contact.address : this.#findRuid(contact.ruid);
    if (at === 0) throw new StrowgerError('USRLOC_GONE', `there is no contact ${contact.ruid} any more`);
    return at;
  }

  #isAt(at: number, ruid: string): boolean {
    const { words, bytes } = this.heap;
    return (
      ((words[at + CONTACT.LENGTHS] as number) & 0xffff) === ruid.length &&
      isTextAt(bytes, (at + CONTACT.TEXT) * 4, ruid)
    );
  }

  /** Gives a block back. It has no ruid any more, for those who remember where it was. */
  #release(at: number): void {
    this.heap.words[at + CONTACT.LENGTHS] = 0;
    this.heap.release(at);
  }

  #disconnect(at: number): void {
    if ((this.heap.words[at + CONTACT.TCPCONN] as number) > 0) this.#connections.remove(at);
  }

  #addRecord(aor: string): number {
    const { heap } = this;
    const at = heap.allocate(RECORD.TEXT + ((aor.length + 3) >>> 2));
    if (at === 0) return 0;
    if (!this.#records.insert(at, heap.hash(aor))) {
      heap.release(at);
      return 0;
    }
    heap.words[at + RECORD.FIRST] = 0;
    heap.words[at + RECORD.LENGTH] = aor.length;
    heap.bytes.latin1Write(aor, (at + RECORD.TEXT) * 4);
    return at;
  }

  #dropIfEmpty(record: number): void {
    if ((this.heap.words[record + RECORD.FIRST] as number) !== 0) return;
    this.#records.remove(record);
    this.heap.release(record);
  }

  #link(record: number, at: number, before: number): void {
    const { words } = this.heap;
    let prev = 0;
    if (before !== 0) prev = words[before + CONTACT.PREV] as number;
    else
      for (let last = words[record + RECORD.FIRST] as number; last !== 0; last = words[last + CONTACT.NEXT] as number)
        prev = last;
    words[at + CONTACT.RECORD] = record;
    words[at + CONTACT.NEXT] = before;
    words[at + CONTACT.PREV] = prev;
    if (before !== 0) words[before + CONTACT.PREV] = at;
    words[prev === 0 ? record + RECORD.FIRST : prev + CONTACT.NEXT] = at;
  }

  #unlink(at: number): void {
    const { words } = this.heap;
    const next = words[at + CONTACT.NEXT] as number;
    const prev = words[at + CONTACT.PREV] as number;
    words[prev === 0 ? (words[at + CONTACT.RECORD] as number) + RECORD.FIRST : prev + CONTACT.NEXT] = next;
    if (next !== 0) words[next + CONTACT.PREV] = prev;
  }

  /** Puts the block `to` in the place of `from`, which is released. */
  #move(from: number, to: number): void {
    const { heap } = this;
    const { words } = heap;
    words.copyWithin(to, from, from + CONTACT.TEXT);
    this.#ruids.replace(from, to);
    const next = words[from + CONTACT.NEXT] as number;
    const prev = words[from + CONTACT.PREV] as number;
    if (next !== 0) words[next + CONTACT.PREV] = to;
    words[prev === 0 ? (words[from + CONTACT.RECORD] as number) + RECORD.FIRST : prev + CONTACT.NEXT] = to;
    this.#release(from);
  }
}

function full(): StrowgerError {
  return new StrowgerError('USRLOC_FULL', 'no shared memory for a contact');
}
