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

/** A contact as it was when it was read. Two are made for each REGISTER, so that they do not copy the data. */
export class StoredContact implements Ucontact, ContactData {
  readonly domain: string;
  readonly aor: string;
  /** Its block, 0 where it has none. Holds while the record is locked. */
  readonly address: number;
  readonly #data: ContactData;

  constructor(domain: string, aor: string, data: ContactData, address: number) {
    this.domain = domain;
    this.aor = aor;
    this.address = address;
    this.#data = data;
  }

  get contact(): string {
    return this.#data.contact;
  }
  get expires(): number {
    return this.#data.expires;
  }
  get q(): number {
    return this.#data.q;
  }
  get callid(): string {
    return this.#data.callid;
  }
  get cseq(): number {
    return this.#data.cseq;
  }
  get flags(): number {
    return this.#data.flags;
  }
  get cflags(): number {
    return this.#data.cflags;
  }
  get userAgent(): string {
    return this.#data.userAgent;
  }
  get received(): string {
    return this.#data.received;
  }
  get path(): string {
    return this.#data.path;
  }
  get socket(): string {
    return this.#data.socket;
  }
  get methods(): number {
    return this.#data.methods;
  }
  get instance(): string {
    return this.#data.instance;
  }
  get regId(): number {
    return this.#data.regId;
  }
  get serverId(): number {
    return this.#data.serverId;
  }
  get tcpconnId(): number {
    return this.#data.tcpconnId;
  }
  get keepalive(): number {
    return this.#data.keepalive;
  }
  get lastModified(): number {
    return this.#data.lastModified;
  }
  get lastKeepalive(): number {
    return this.#data.lastKeepalive;
  }
  get keepaliveRoundtripUs(): number {
    return this.#data.keepaliveRoundtripUs;
  }
  get ruid(): string {
    return this.#data.ruid;
  }
  get xavpText(): string {
    return this.#data.xavpText;
  }
  get state(): number {
    return this.#data.state;
  }
  get xavp(): XavpList | null {
    return xavpFromText(this.xavpText);
  }

  /** The same data but for some of it. */
  with(changes: Partial<ContactData>): ContactData {
    return { ...this.#data, ...changes };
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
