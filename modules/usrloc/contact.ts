import { flatCopy, type XavpList } from 'strowger';
import type { Ucontact, UcontactInfo } from './api.ts';
import { xavpFromText, xavpToText } from './xavp-text.ts';

/** Whether the database has a contact as it is (Kamailio's CS_NEW, CS_SYNC, CS_DIRTY). */
export const STATE = {
  /** The database has a row of it. */
  IN_DB: 1,
  /** The row is not (or not yet) what the contact is. */
  DIRTY: 2,
} as const;

/** `expires` of a contact that is deleted, but has a row in the database yet; Kamailio's UL_EXPIRED_TIME. */
export const EXPIRED_TIME = 10;

/** Everything kept of a contact. */
export interface ContactData extends Required<Omit<UcontactInfo, 'xavp'>> {
  readonly xavpText: string;
  readonly lastKeepalive: number;
  readonly keepaliveRoundtripUs: number;
  /** Bits of STATE. */
  readonly state: number;
}

/** A contact as it was when it was read. */
export class StoredContact implements Ucontact, ContactData {
  readonly domain: string;
  readonly aor: string;
  readonly contact: string;
  readonly expires: number;
  readonly q: number;
  readonly callid: string;
  readonly cseq: number;
  readonly flags: number;
  readonly cflags: number;
  readonly userAgent: string;
  readonly received: string;
  readonly path: string;
  readonly socket: string;
  readonly methods: number;
  readonly instance: string;
  readonly regId: number;
  readonly serverId: number;
  readonly tcpconnId: number;
  readonly keepalive: number;
  readonly lastModified: number;
  readonly lastKeepalive: number;
  readonly keepaliveRoundtripUs: number;
  readonly ruid: string;
  readonly xavpText: string;
  readonly state: number;
  /** Its block, 0 where it has none. Holds while the record is locked. */
  readonly address: number;

  constructor(domain: string, aor: string, data: ContactData, address: number) {
    this.domain = domain;
    this.aor = aor;
    this.contact = data.contact;
    this.expires = data.expires;
    this.q = data.q;
    this.callid = data.callid;
    this.cseq = data.cseq;
    this.flags = data.flags;
    this.cflags = data.cflags;
    this.userAgent = data.userAgent;
    this.received = data.received;
    this.path = data.path;
    this.socket = data.socket;
    this.methods = data.methods;
    this.instance = data.instance;
    this.regId = data.regId;
    this.serverId = data.serverId;
    this.tcpconnId = data.tcpconnId;
    this.keepalive = data.keepalive;
    this.lastModified = data.lastModified;
    this.lastKeepalive = data.lastKeepalive;
    this.keepaliveRoundtripUs = data.keepaliveRoundtripUs;
    this.ruid = data.ruid;
    this.xavpText = data.xavpText;
    this.state = data.state;
    this.address = address;
  }

  get xavp(): XavpList | null {
    return xavpFromText(this.xavpText);
  }

  /** The same data but for some of it. */
  with(changes: Partial<ContactData>): ContactData {
    return Object.assign(Object.create(StoredContact.prototype) as StoredContact, this, changes);
  }

  isValid(nowSec: number): boolean {
    return this.expires === 0 || this.expires > nowSec;
  }
}

/** What a server gives contacts that say nothing of it. */
export interface ContactDefaults {
  readonly nowSec: number;
  readonly serverId: number;
  newRuid(): string;
}

/**
 * The data of a new contact, or of `old` as `info` makes it. The texts of the latter are `old`'s where they stay as they
 * are, and copies else: those of `info` may be parts of a message.
 */
export function contactData(
  info: UcontactInfo,
  defaults: ContactDefaults,
  old: StoredContact | null,
  state: number,
): ContactData {
  const { nowSec } = defaults;
  return {
    contact: kept(info.contact, old?.contact),
    expires: info.expires,
    q: info.q,
    callid: kept(info.callid, old?.callid),
    cseq: info.cseq,
    flags: info.flags,
    cflags: info.cflags,
    userAgent: kept(info.userAgent, old?.userAgent),
    received: kept(info.received, old?.received),
    path: kept(info.path, old?.path),
    socket: kept(info.socket, old?.socket),
    methods: info.methods,
    instance: kept(info.instance, old?.instance),
    regId: info.regId,
    serverId: info.serverId ?? defaults.serverId,
    tcpconnId: info.tcpconnId > 0 ? info.tcpconnId : -1,
    keepalive: info.keepalive,
    lastModified: info.lastModified ?? nowSec,
    lastKeepalive: nowSec,
    keepaliveRoundtripUs: old?.keepaliveRoundtripUs ?? 0,
    ruid: old?.ruid ?? info.ruid ?? defaults.newRuid(),
    xavpText: xavpToText(info.xavp),
    state,
  };
}

/** Whether all texts of a contact stay as they are: true of most refreshes. */
export function hasTexts(contact: StoredContact, data: ContactData): boolean {
  return (
    contact.contact === data.contact &&
    contact.callid === data.callid &&
    contact.userAgent === data.userAgent &&
    contact.received === data.received &&
    contact.path === data.path &&
    contact.socket === data.socket &&
    contact.instance === data.instance &&
    contact.xavpText === data.xavpText &&
    contact.ruid === data.ruid
  );
}

function kept(text: string, old: string | undefined): string {
  return old === undefined ? text : old === text ? old : flatCopy(text);
}
