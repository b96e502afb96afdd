import type { Db } from 'strowger';
import { equal, Row, rowsOf } from './db-rows.ts';
import { type Authorization, STATUS_CODE, stateOf, topicKey, type Watcher } from './subscription.ts';

/** A watcher and what was decided about it. */
interface KnownWatcher extends Watcher, Authorization {}

/** What was decided about watchers, by presentity and package. */
export interface WatcherStore {
  get(presUri: string, event: string, watcher: Watcher): Promise<Authorization | null>;
  list(presUri: string, event: string): Promise<readonly KnownWatcher[]>;
  set(presUri: string, event: string, watcher: Watcher, decided: Authorization, nowSec: number): Promise<void>;
  /** Forgets watchers that have been pending since before that time; in memory others too, which are decided anew. */
  clean(beforeSec: number): Promise<void>;
}

interface Remembered extends KnownWatcher {
  readonly insertedSec: number;
}

/** In memory, where there is no database. */
export class MemoryWatchers implements WatcherStore {
  readonly #topics = new Map<string, Map<string, Remembered>>();

  get(presUri: string, event: string, watcher: Watcher): Promise<Authorization | null> {
    return Promise.resolve(this.#topics.get(topicKey(presUri, event))?.get(nameOf(watcher)) ?? null);
  }

  list(presUri: string, event: string): Promise<readonly KnownWatcher[]> {
    return Promise.resolve([...(this.#topics.get(topicKey(presUri, event))?.values() ?? [])]);
  }

  set(presUri: string, event: string, watcher: Watcher, decided: Authorization, nowSec: number): Promise<void> {
    const key = topicKey(presUri, event);
    const topic = this.#topics.get(key) ?? new Map<string, Remembered>();
    this.#topics.set(key, topic);
    const insertedSec = topic.get(nameOf(watcher))?.insertedSec ?? nowSec;
    const { user, domain } = watcher;
    topic.set(nameOf(watcher), { user, domain, status: decided.status, reason: decided.reason, insertedSec });
    return Promise.resolve();
  }

  clean(beforeSec: number): Promise<void> {
    for (const [key, topic] of this.#topics) {
      for (const [name, { insertedSec }] of topic) if (insertedSec < beforeSec) topic.delete(name);
      if (topic.size === 0) this.#topics.delete(key);
    }
    return Promise.resolve();
  }
}

export function nameOf({ user, domain }: Watcher): string {
  return `${user}\n${domain}`;
}

/** In the table watchers. */
export class DbWatchers implements WatcherStore {
  readonly #db: Db;
  readonly #table: string;

  constructor(db: Db, table: string) {
    this.#db = db;
    this.#table = table;
  }

  async get(presUri: string, event: string, { user, domain }: Watcher): Promise<Authorization | null> {
    const [row] = await rowsOf(this.#db, {
      table: this.#table,
      columns: ['status', 'reason'],
      where: equal({ presentity_uri: presUri, watcher_username: user, watcher_domain: domain, event }),
    });
    return row === undefined ? null : decidedIn(row);
  }

  async list(presUri: string, event: string): Promise<readonly KnownWatcher[]> {
    const rows = await rowsOf(this.#db, {
      table: this.#table,
      columns: ['watcher_username', 'watcher_domain', 'status', 'reason'],
      where: equal({ presentity_uri: presUri, event }),
    });
    return rows.map((row) => ({
      user: row.str('watcher_username'),
      domain: row.str('watcher_domain'),
      ...decidedIn(row),
    }));
  }

  async set(presUri: string, event: string, watcher: Watcher, decided: Authorization, nowSec: number): Promise<void> {
    const where = { presentity_uri: presUri, watcher_username: watcher.user, watcher_domain: watcher.domain, event };
    const what = { status: STATUS_CODE[decided.status], reason: decided.reason };
    const { affected } = await this.#db.update(this.#table, what, equal(where));
    if (affected === 0)
      await this.#db.insertUpdate(this.#table, { ...where, ...what, inserted_time: nowSec }, Object.keys(where));
  }

  async clean(beforeSec: number): Promise<void> {
    await this.#db.delete(this.#table, [
      { column: 'inserted_time', op: '<', value: beforeSec },
      { column: 'status', value: STATUS_CODE.pending },
    ]);
  }
}

function decidedIn(row: Row): Authorization {
  return { status: stateOf(row.int('status')), reason: row.str('reason') };
}
