import type { Db, DbRow } from 'strowger';
import { equal, pages, Row, rowsOf } from './db-rows.ts';
import { type DialogKey, STATUS_CODE, type Subscription, stateOf } from './subscription.ts';
import type { SubscriptionStore } from './subscription-store.ts';

const COLUMNS = [
  'presentity_uri',
  'watcher_username',
  'watcher_domain',
  'to_user',
  'to_domain',
  'event',
  'event_id',
  'to_tag',
  'from_tag',
  'callid',
  'local_cseq',
  'remote_cseq',
  'contact',
  'record_route',
  'expires',
  'status',
  'reason',
  'version',
  'socket_info',
  'local_contact',
  'from_user',
  'from_domain',
  'flags',
  'user_agent',
];
const KEY = ['callid', 'to_tag', 'from_tag'];

/** The table active_watchers. */
export class SubscriptionRows {
  readonly #db: Db;
  readonly #table: string;
  readonly #pageRows: number;

  constructor(db: Db, table: string, pageRows: number) {
    this.#db = db;
    this.#table = table;
    this.#pageRows = pageRows;
  }

  all(): AsyncGenerator<readonly Subscription[]> {
    return this.#pages([]);
  }

  over(nowSec: number): AsyncGenerator<readonly Subscription[]> {
    return this.#pages([{ column: 'expires', op: '<=', value: nowSec }]);
  }

  async *#pages(where: NonNullable<Parameters<Db['query']>[0]['where']>): AsyncGenerator<readonly Subscription[]> {
    const query = { table: this.#table, columns: COLUMNS, where };
    for await (const rows of pages(this.#db, query, this.#pageRows)) yield rows.map(subscriptionOf);
  }

  async find(conditions: Readonly<Record<string, string>>): Promise<Subscription[]> {
    const rows = await rowsOf(this.#db, { table: this.#table, columns: COLUMNS, where: equal(conditions) });
    return rows.map(subscriptionOf);
  }

  async save(sub: Subscription): Promise<void> {
    await this.#db.insertUpdate(this.#table, rowOf(sub), KEY);
  }

  /** Nothing where the row is gone. */
  async change(sub: Subscription): Promise<void> {
    await this.#db.update(this.#table, rowOf(sub), keyOf(sub));
  }

  async remove(key: DialogKey): Promise<void> {
    await this.#db.delete(this.#table, keyOf(key));
  }

  /** In one transaction: saves subscriptions, and removes those of which only the key is given. */
  async write(changes: readonly (Subscription | DialogKey)[]): Promise<void> {
    await this.#db.transaction(async (db) => {
      const rows = new SubscriptionRows(db, this.#table, this.#pageRows);
      for (const change of changes) {
        if ('presUri' in change) await rows.save(change);
        else await rows.remove(change);
      }
    });
  }
}

/** Subscriptions in the database only (subs_db_mode 3): what is found is a copy, written back by `update`. */
export class DbSubscriptions implements SubscriptionStore {
  readonly #rows: SubscriptionRows;
  readonly #owns: (presUri: string) => boolean;

  constructor(rows: SubscriptionRows, owns: (presUri: string) => boolean) {
    this.#rows = rows;
    this.#owns = owns;
  }

  async find({ callId, toTag, fromTag }: DialogKey): Promise<Subscription | null> {
    return (await this.#rows.find({ callid: callId, to_tag: toTag, from_tag: fromTag }))[0] ?? null;
  }

  list(presUri: string, event: string): Promise<readonly Subscription[]> {
    return this.#rows.find({ presentity_uri: presUri, event });
  }

  insert(sub: Subscription): Promise<void> {
    return this.#rows.save(sub);
  }

  update(sub: Subscription): Promise<void> {
    return this.#rows.change(sub);
  }

  remove(sub: Subscription): Promise<void> {
    return this.#rows.remove(sub);
  }

  async over(nowSec: number): Promise<readonly Subscription[]> {
    const over: Subscription[] = [];
    for await (const subs of this.#rows.over(nowSec)) over.push(...subs.filter(({ presUri }) => this.#owns(presUri)));
    return over;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

function keyOf({ callId, toTag, fromTag }: DialogKey): ReturnType<typeof equal> {
  return equal({ callid: callId, to_tag: toTag, from_tag: fromTag });
}

function subscriptionOf(row: Row): Subscription {
  return {
    presUri: row.str('presentity_uri'),
    watcherUser: row.str('watcher_username'),
    watcherDomain: row.str('watcher_domain'),
    toUser: row.str('to_user'),
    toDomain: row.str('to_domain'),
    fromUser: row.str('from_user'),
    fromDomain: row.str('from_domain'),
    event: row.str('event'),
    eventId: row.str('event_id'),
    callId: row.str('callid'),
    toTag: row.str('to_tag'),
    fromTag: row.str('from_tag'),
    localCseq: row.int('local_cseq'),
    remoteCseq: row.int('remote_cseq'),
    contact: row.str('contact'),
    localContact: row.str('local_contact'),
    recordRoute: row.str('record_route'),
    expires: row.int('expires'),
    status: stateOf(row.int('status')),
    reason: row.str('reason'),
    version: row.int('version'),
    socket: row.str('socket_info'),
    flags: row.int('flags'),
    userAgent: row.str('user_agent'),
  };
}

function rowOf(sub: Subscription): DbRow {
  return {
    presentity_uri: sub.presUri,
    watcher_username: sub.watcherUser,
    watcher_domain: sub.watcherDomain,
    to_user: sub.toUser,
    to_domain: sub.toDomain,
    event: sub.event,
    event_id: sub.eventId === '' ? null : sub.eventId,
    to_tag: sub.toTag,
    from_tag: sub.fromTag,
    callid: sub.callId,
    local_cseq: sub.localCseq,
    remote_cseq: sub.remoteCseq,
    contact: sub.contact,
    record_route: sub.recordRoute,
    expires: sub.expires,
    status: STATUS_CODE[sub.status],
    reason: sub.reason === '' ? null : sub.reason,
    version: sub.version,
    socket_info: sub.socket,
    local_contact: sub.localContact,
    from_user: sub.fromUser,
    from_domain: sub.fromDomain,
    // Of no use here: they tell Kamailio's notifier processes what is to be sent.
    updated: -1,
    updated_winfo: -1,
    flags: sub.flags,
    user_agent: sub.userAgent,
  };
}
