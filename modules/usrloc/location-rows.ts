import {
  coreHash,
  type DbCondition,
  type DbRow,
  type DbValue,
  dbDate,
  dbText,
  type ModuleContext,
  type TableRow,
} from 'strowger';
import { Q_UNSPECIFIED } from './api.ts';
import { type Columns, columnsOf } from './columns.ts';
import type { ContactData, StoredContact } from './contact.ts';

/** `methods` where every method is allowed. */
const ALL_METHODS = 0xffffffff;
/** Rows fall into so many parts, by which pings are shared out. */
export const PARTITIONS = 3600;

/** What never ends is at 1970; Kamailio's db_sqlite puts it half a second before. */
const NEVER_SEC = 1;

/** How contacts are written as rows of Kamailio's table `location`, and read from them. */
export class LocationRows {
  readonly columns: Columns;
  /** Columns that are read, in this order. */
  readonly names: readonly string[];
  readonly #useDomain: boolean;
  readonly #timesAreNumbers: boolean;
  readonly #insertsNull: boolean;

  constructor(ctx: Pick<ModuleContext, 'str' | 'int'>) {
    this.columns = columnsOf(ctx);
    this.#useDomain = ctx.int('use_domain') !== 0;
    this.#timesAreNumbers = ctx.int('expires_type') === 1;
    this.#insertsNull = ctx.int('db_insert_null') === 1;
    this.names = Object.values(this.columns).filter((name) => this.#useDomain || name !== this.columns.domain);
  }

  /** Seconds since 1970 as the column's type has them. */
  time(sec: number): DbValue {
    return this.#timesAreNumbers ? sec : new Date(sec * 1000);
  }

  /** Rows of an AOR. */
  ofAor(aor: string): DbCondition[] {
    const { user, domain } = this.#split(aor);
    const where: DbCondition[] = [{ column: this.columns.user, value: user }];
    if (this.#useDomain) where.push({ column: this.columns.domain, value: domain });
    return where;
  }

  /** The row of a contact. */
  ofContact({ ruid }: Pick<StoredContact, 'ruid'>): DbCondition[] {
    return [{ column: this.columns.ruid, value: ruid }];
  }

  /** Rows that have ended at a time. */
  expired(nowSec: number): DbCondition[] {
    const column = this.columns.expires;
    return [
      { column, op: '<=', value: this.time(nowSec) },
      { column, op: '>', value: this.time(NEVER_SEC) },
    ];
  }

  /** Rows that never end. */
  permanent(): DbCondition[] {
    return [{ column: this.columns.expires, op: '<=', value: this.time(NEVER_SEC) }];
  }

  /** All columns of a new row. */
  insertRow(contact: StoredContact): DbRow {
    const { columns } = this;
    const row: Record<string, DbValue> = {
      [columns.ruid]: contact.ruid,
      [columns.user]: this.#split(contact.aor).user,
      [columns.contact]: contact.contact,
      [columns.partition]: coreHash(contact.ruid, 0) % PARTITIONS,
      ...this.#changing(contact),
    };
    if (this.#useDomain) row[columns.domain] = this.#split(contact.aor).domain;
    if (!this.#insertsNull) for (const [name, value] of Object.entries(row)) if (value === null) delete row[name];
    return row;
  }

  /** What may change in a row. */
  updateRow(contact: StoredContact): DbRow {
    return { [this.columns.contact]: contact.contact, ...this.#changing(contact) };
  }

  /** Null for a row without an AOR or a contact. */
  read(row: TableRow, nowSec: number): { readonly aor: string; readonly data: ContactData } | null {
    const { columns } = this;
    const text = (column: string): string => dbText(row.value(column));
    const user = text(columns.user);
    const contact = text(columns.contact);
    if (user === '' && contact === '') return null;
    const q = Number(text(columns.q) || Q_UNSPECIFIED);
    return {
      aor: this.#useDomain && text(columns.domain) !== '' ? `${user}@${text(columns.domain)}` : user,
      data: {
        ruid: text(columns.ruid),
        contact,
        received: text(columns.received),
        path: text(columns.path),
        expires: this.#seconds(row.value(columns.expires)),
        q: q < 0 ? Q_UNSPECIFIED : Math.round(q * 1000),
        callid: text(columns.callid),
        cseq: row.int(columns.cseq) >>> 0,
        flags: row.int(columns.flags) >>> 0,
        cflags: row.int(columns.cflags) >>> 0,
        userAgent: text(columns.userAgent),
        socket: text(columns.socket),
        methods: row.int(columns.methods, ALL_METHODS) >>> 0,
        instance: text(columns.instance),
        regId: row.int(columns.regId),
        serverId: row.int(columns.serverId),
        tcpconnId: row.int(columns.connectionId, -1),
        keepalive: row.int(columns.keepalive),
        lastModified: this.#seconds(row.value(columns.lastModified)),
        lastKeepalive: nowSec,
        keepaliveRoundtripUs: 0,
        xavpText: '',
        state: 0,
      },
    };
  }

  /** `user` and `domain` of an AOR, for attributes too. */
  account(aor: string): DbRow {
    const { user, domain } = this.#split(aor);
    return this.#useDomain ? { username: user, domain } : { username: user };
  }

  #changing(contact: StoredContact): Record<string, DbValue> {
    const { columns } = this;
    return {
      [columns.received]: contact.received || null,
      [columns.path]: contact.path || null,
      [columns.expires]: this.time(contact.expires),
      [columns.q]: contact.q < 0 ? -1 : contact.q / 1000,
      [columns.callid]: contact.callid,
      // Columns are signed, 32 bits; Kamailio's too.
      [columns.cseq]: contact.cseq | 0,
      [columns.lastModified]: this.time(contact.lastModified),
      [columns.flags]: contact.flags | 0,
      [columns.cflags]: contact.cflags | 0,
      [columns.userAgent]: contact.userAgent,
      [columns.socket]: contact.socket || null,
      [columns.methods]: contact.methods === ALL_METHODS ? null : contact.methods | 0,
      [columns.instance]: contact.instance || null,
      [columns.regId]: contact.regId,
      [columns.serverId]: contact.serverId,
      [columns.connectionId]: contact.tcpconnId,
      [columns.keepalive]: contact.keepalive,
    };
  }

  #seconds(value: DbValue): number {
    if (this.#timesAreNumbers) return Number(dbText(value) || 0);
    // Not -0.
    return Math.round((dbDate(value)?.getTime() ?? 0) / 1000) + 0;
  }

  #split(aor: string): { readonly user: string; readonly domain: string } {
    const at = this.#useDomain ? aor.lastIndexOf('@') : -1;
    return at < 0 ? { user: aor, domain: '' } : { user: aor.slice(0, at), domain: aor.slice(at + 1) };
  }
}
