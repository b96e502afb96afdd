import type { SocketInfo, XavpList } from 'strowger';

/** How the contacts of one AOR are told apart (Kamailio: `matching_mode`). */
export const MATCHING_MODE = { CONTACT: 0, CONTACT_CALLID: 1, CONTACT_PATH: 2, CALLID: 3 } as const;
export type MatchingMode = (typeof MATCHING_MODE)[keyof typeof MATCHING_MODE];

/** Where contacts are kept (Kamailio: `db_mode`). */
export const DB_MODE = { NONE: 0, WRITE_THROUGH: 1, WRITE_BACK: 2, DB_ONLY: 3, READ_ONLY: 4 } as const;
export type DbMode = (typeof DB_MODE)[keyof typeof DB_MODE];

/** Internal flags of contacts (Kamailio: FL_…). */
export const UL_FLAG = {
  /** Only in memory: it is not written to the database (registrar: save flag 0x01). */
  MEMORY_ONLY: 1,
} as const;

/** q of a contact that gives none (Kamailio: Q_UNSPECIFIED). */
export const Q_UNSPECIFIED = -1;

/** What a REGISTER says of one contact. Strings are latin1; they may be slices of a message, usrloc copies them. */
export interface UcontactInfo {
  /** The URI as registered, without angle brackets. */
  readonly contact: string;
  /** Seconds since 1970; 0 never expires. */
  readonly expires: number;
  /** Thousandths, 0 … 1000; Q_UNSPECIFIED where not given. */
  readonly q: number;
  readonly callid: string;
  readonly cseq: number;
  /** Internal flags of a contact, bits of UL_FLAG. */
  readonly flags: number;
  /** Branch flags, bits. */
  readonly cflags: number;
  readonly userAgent: string;
  /** URI to send to instead of the contact's (NAT); '' for none. */
  readonly received: string;
  /** Value of the Path header, to be used as Route; '' for none. */
  readonly path: string;
  /** Our socket it came in on, `udp:10.0.0.1:5060`; '' for any. */
  readonly socket: string;
  /** Bits of METHOD; 0xffffffff (all) where not given. */
  readonly methods: number;
  /** `+sip.instance`, with its angle brackets; '' for none. */
  readonly instance: string;
  /** reg-id of RFC 5626; 0 for none. */
  readonly regId: number;
  /** Core parameter `server_id` of the server that took the REGISTER; this server's where not given. */
  readonly serverId?: number;
  /** Connection it came in on (`rcv.conId`); 0 or below for none. */
  readonly tcpconnId: number;
  /** 1: it is pinged by who watches for its answers (nathelper's keepalive_timeout), 0 not. */
  readonly keepalive: number;
  /** Attributes of the parameter `xavp_contact`: the list that `$xavp(name)` holds; null for none. */
  readonly xavp: XavpList | null;
  /** Seconds since 1970; now where not given. */
  readonly lastModified?: number;
  /** Unique id; a new one where not given. */
  readonly ruid?: string;
}

/** A contact as it was when it was read: it does not change and may be kept. */
export interface Ucontact extends Readonly<Required<UcontactInfo>> {
  /** Name of the table (Kamailio: domain): `location`. */
  readonly domain: string;
  readonly aor: string;
  /** Seconds since 1970 at which its last keepalive was answered, or it was made. */
  readonly lastKeepalive: number;
  /** Microseconds from the last keepalive to its answer, 0 where unknown. */
  readonly keepaliveRoundtripUs: number;
  /** True where it has not expired; Kamailio's VALID_CONTACT. */
  isValid(nowSec: number): boolean;
}

/** What `match` finds: Kamailio's return values of get_ucontact. */
export type UcontactMatch =
  | { readonly found: 'contact'; readonly contact: Ucontact }
  | { readonly found: 'none' }
  /** The same Call-ID with a CSeq that is not higher: to be refused. */
  | { readonly found: 'out-of-order'; readonly contact: Ucontact }
  /** The same Call-ID and CSeq within `cseq_delay`: to be answered again, nothing changes. */
  | { readonly found: 'retransmission'; readonly contact: Ucontact };

/** The record of one AOR while `edit` runs. Not to be kept. */
export interface Urecord {
  readonly aor: string;
  /** In order: by q, highest first, or with `desc_time_order` newest first. Those that have expired are among them. */
  readonly contacts: readonly Ucontact[];
  /** Looks for a contact by `matching_mode` (or `mode`). */
  match(contact: string, callid: string, path: string, cseq: number, mode?: MatchingMode): UcontactMatch;
  /** By instance and reg-id (RFC 5626 §6); with the same rules for Call-ID and CSeq. */
  matchInstance(instance: string, regId: number, callid: string, cseq: number): UcontactMatch;
  insert(info: UcontactInfo): Ucontact;
  /** Everything but the ruid becomes what `info` says. Returns the contact as it then is. */
  update(contact: Ucontact, info: UcontactInfo): Ucontact;
  delete(contact: Ucontact): void;
}

/** Which contacts `each` visits. */
export interface UcontactFilter {
  /** Of `parts` equal parts only the `part`-th (0 …): several calls share the work. All where absent. */
  readonly part?: number;
  readonly parts?: number;
  /** Contacts with one of these branch flags; all where absent or 0. */
  readonly cflags?: number;
  /** Those that have expired too; false where absent. */
  readonly expired?: boolean;
  /** Those that this server took only (by `server_id`). */
  readonly ownOnly?: boolean;
}

/**
 * One table of contacts (Kamailio: udomain). With a table in memory answers come at once, in db_mode 1 (writes) and 3
 * (everything) as promises, which reject with a StrowgerError DB_… where the database fails.
 */
export interface Udomain {
  readonly name: string;
  /** Contacts of an AOR in order, without those that have expired; empty where there are none. */
  lookup(aor: string): readonly Ucontact[] | Promise<readonly Ucontact[]>;
  /**
   * Runs `work` on the record of an AOR; no other worker changes it meanwhile. `work` must not wait. Where `work` throws,
   * what it did stays done. The promise (modes 1 and 3) resolves once the database has everything.
   */
  edit<T>(aor: string, work: (record: Urecord) => T): T | Promise<T>;
  /** A contact by its unique id (GRUU, dialogs); null where there is none. It may have expired. */
  byRuid(ruid: string): Ucontact | null | Promise<Ucontact | null>;
  /** False where there is none. */
  deleteByRuid(ruid: string): boolean | Promise<boolean>;
  /** All contacts of an AOR; returns how many there were. */
  deleteAor(aor: string): number | Promise<number>;
  /** Visits contacts, in no order. `visit` returns false to end it, and must not change the table. */
  each(visit: (contact: Ucontact) => boolean | void, filter?: UcontactFilter): void | Promise<void>;
  /** A keepalive was answered: the contact lives on (ka_timeout). False where there is no such contact. */
  refreshKeepalive(ruid: string, roundtripUs?: number): boolean;
  /** AORs and contacts in memory. */
  readonly users: number;
  readonly contacts: number;
}

/** What happens to contacts. With several workers, it is told in the worker in which it happens. */
export type UlEvent = 'insert' | 'update' | 'delete' | 'expire';

/** What other modules use of usrloc: `ctx.api<UsrlocApi>('usrloc')` (types only: `import type`). */
export interface UsrlocApi {
  readonly dbMode: DbMode;
  /** AORs are `user@domain`, else `user`. */
  readonly useDomain: boolean;
  readonly matchingMode: MatchingMode;
  readonly descTimeOrder: boolean;
  /** `nat_bflag` as a bit, 0 where it is not set. */
  readonly natFlag: number;
  /** Name of the XAVP with attributes of contacts; '' where there is none. */
  readonly xavpContact: string;
  readonly cseqDelaySec: number;
  /** `handle_lost_tcp` */
  readonly handlesLostTcp: boolean;
  /** Seconds since 1970, as contacts are compared with. */
  nowSec(): number;
  /** A table by name, made on first use; before `childInit`, where it is to be read from the database at start. */
  domain(name: string): Udomain;
  /** All tables there are. */
  domains(): readonly Udomain[];
  /** A new unique id, `uloc-…`. */
  newRuid(): string;
  /** The socket that a contact names; null where it is none of ours (any more). */
  socketOf(contact: Pick<Ucontact, 'socket'>): SocketInfo | null;
  /**
   * Told of changes, while the record is locked: it must not wait. `expire` comes before the contact goes, and stands for
   * `delete`. Returns what takes it back.
   */
  on(event: UlEvent, listener: (contact: Ucontact) => void): () => void;
  /** Contacts with `keepalive` 1 that were not refreshed for so long are removed; 0 never. For nathelper. */
  setKeepaliveTimeout(sec: number): void;
}
