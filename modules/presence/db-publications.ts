import type { Db, DbRow } from 'strowger';
import { blob, equal, pages, Row, rowsOf } from './db-rows.ts';
import type { PresSettings } from './params.ts';
import { byOrder, isOver, NEVER, type Publication, type PublicationStore } from './publication.ts';

const COLUMNS = [
  'id',
  'username',
  'domain',
  'event',
  'etag',
  'expires',
  'received_time',
  'body',
  'sender',
  'priority',
  'ruid',
];

interface DbPublicationsParts {
  readonly db: Db;
  readonly table: string;
  readonly settings: PresSettings;
  /** Wall time in seconds. */
  readonly now: () => number;
  /** Is this presentity ours? */
  readonly owns: (user: string, domain: string) => boolean;
}

/** Publications in the table presentity; with an index, memory knows who has any. */
export class DbPublications implements PublicationStore {
  readonly #parts: DbPublicationsParts;
  /** Presentity and package of those that have rows, ours and others'; null without an index. */
  readonly #index: Set<string> | null;

  constructor(parts: DbPublicationsParts) {
    this.#parts = parts;
    this.#index = parts.settings.indexesPublications ? new Set() : null;
  }

  /** Fills the index. */
  async load(): Promise<void> {
    const { db, table, settings } = this.#parts;
    if (this.#index === null) return;
    for await (const rows of pages(db, { table, columns: ['username', 'domain', 'event'] }, settings.fetchRows)) {
      for (const row of rows) this.#index.add(keyOf(row.str('username'), row.str('domain'), row.str('event')));
    }
  }

  async list(user: string, domain: string, event: string, isForced = false): Promise<readonly Publication[]> {
    if (!isForced && this.#index !== null && !this.#index.has(keyOf(user, domain, event))) return [];
    const { db, table, settings, now } = this.#parts;
    const where = equal({ username: user, domain, event });
    const rows = await rowsOf(db, { table, columns: COLUMNS, where, orderBy: ['id'] });
    const nowSec = now();
    if (rows.length > 0) this.#index?.add(keyOf(user, domain, event));
    else this.#index?.delete(keyOf(user, domain, event));
    return rows
      .map(publicationOf)
      .filter((one) => !isOver(one, nowSec))
      .sort(byOrder(settings.order));
  }

  async insert(publication: Publication): Promise<void> {
    this.#index?.add(keyOf(publication.user, publication.domain, publication.event));
    await this.#parts.db.insert(this.#parts.table, rowOf(publication));
  }

  async update(oldEtag: string, publication: Publication): Promise<void> {
    await this.#parts.db.update(this.#parts.table, rowOf(publication), this.#where({ ...publication, etag: oldEtag }));
  }

  async remove(publication: Publication): Promise<void> {
    await this.#parts.db.delete(this.#parts.table, this.#where(publication));
  }

  async expire(nowSec: number): Promise<readonly Publication[]> {
    const { db, table, settings, owns } = this.#parts;
    const over: Publication[] = [];
    const where = [
      { column: 'expires', op: '<=' as const, value: nowSec },
      { column: 'expires', op: '!=' as const, value: NEVER },
    ];
    const columns = COLUMNS.filter((column) => column !== 'id');
    for await (const rows of pages(db, { table, columns, where }, settings.fetchRows))
      over.push(...rows.map(publicationOf).filter(({ user, domain }) => owns(user, domain)));
    const removed: Publication[] = [];
    for (const publication of over) {
      // Where another server shares the table, only one of the two finds the row still there.
      const { affected } = await db.delete(table, this.#where(publication));
      if (affected > 0) removed.push(publication);
    }
    return removed;
  }

  inMemory(): readonly Publication[] {
    return [];
  }

  #where({ user, domain, event, etag }: Publication): ReturnType<typeof equal> {
    return equal({ username: user, domain, event, etag });
  }
}

function keyOf(user: string, domain: string, event: string): string {
  return `${user}\n${domain}\n${event}`;
}

function publicationOf(row: Row): Publication {
  return {
    user: row.str('username'),
    domain: row.str('domain'),
    event: row.str('event'),
    etag: row.str('etag'),
    expires: row.int('expires'),
    receivedTime: row.int('received_time'),
    body: row.str('body'),
    sender: row.str('sender'),
    priority: row.int('priority'),
    ruid: row.str('ruid'),
  };
}

function rowOf(publication: Publication): DbRow {
  return {
    username: publication.user,
    domain: publication.domain,
    event: publication.event,
    etag: publication.etag,
    expires: publication.expires,
    received_time: publication.receivedTime,
    body: blob(publication.body),
    sender: publication.sender,
    priority: publication.priority,
    ruid: publication.ruid,
  };
}
