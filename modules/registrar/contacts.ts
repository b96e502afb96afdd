import {
  HDR,
  isDigit,
  isLws,
  listValueEnd,
  MAX_DELTA_SECONDS,
  METHOD,
  methodId,
  type NameAddr,
  parseDecimal,
  parseNameAddr,
  type SipMsg,
} from 'strowger';

const STAR = 42;
const COMMA = 44;

/** All methods: the contact did not say. */
export const ALL_METHODS = 0xffff_ffff;
/** More contacts than this in one REGISTER are not taken. */
const MAX_CONTACTS = 64;

/** The Contact values of a REGISTER. */
export interface RegContacts {
  /** `*` is among them. */
  readonly isStar: boolean;
  /** Number of values, `*` included. */
  readonly count: number;
  readonly values: readonly NameAddr[];
}

const NO_CONTACTS: RegContacts = { isStar: false, count: 0, values: [] };

/**
 * Reads the Contact header fields (RFC 3261 §20.10); null where one can not be read. Rows in order, the values of one row
 * from the last to the first: the order in which Kamailio stores them.
 */
export function readContacts(msg: SipMsg): RegContacts | null {
  let row = msg.findHdr(HDR.CONTACT);
  if (row < 0) return NO_CONTACTS;
  const { buf } = msg;
  // Most often there is one: an array that grows by itself would have room for 17.
  let values: NameAddr[] = [];
  let count = 0;
  let isStar = false;
  for (; row >= 0; row = msg.findHdr(HDR.CONTACT, row + 1)) {
    const end = msg.hdrValueEnd(row);
    const first = values.length;
    for (let at = msg.hdrValueStart(row); at < end; ) {
      const stop = listValueEnd(buf, at, end);
      if (count++ === MAX_CONTACTS) return null;
      if (isStarAt(buf, at, stop)) isStar = true;
      else {
        const value = readContact(buf, at, stop);
        if (value === null) return null;
        if (values.length === 0) values = [value];
        else values.push(value);
      }
      at = stop + 1;
    }
    if (values.length - first > 1) reverse(values, first);
  }
  return { isStar, count, values };
}

function isStarAt(buf: string, start: number, end: number): boolean {
  let at = start;
  while (at < end && isLws(buf.charCodeAt(at))) at++;
  if (buf.charCodeAt(at) !== STAR || at >= end) return false;
  for (at++; at < end; at++) if (!isLws(buf.charCodeAt(at))) return buf.charCodeAt(at) === COMMA;
  return true;
}

/** A value with something that can be a URI. */
function readContact(buf: string, start: number, end: number): NameAddr | null {
  const value = parseNameAddr(buf, start, end);
  if (value === null) return null;
  const colon = buf.indexOf(':', value.uriStart);
  return colon <= value.uriStart || colon >= value.uriEnd ? null : value;
}

function reverse(values: NameAddr[], first: number): void {
  for (let a = first, b = values.length - 1; a < b; a++, b--) {
    const kept = values[a] as NameAddr;
    values[a] = values[b] as NameAddr;
    values[b] = kept;
  }
}

/** Seconds in the `expires` of a contact; -1 where it has none that says something, -2 where it can not be read. */
export function expiresOf(contact: NameAddr): number {
  const text = contact.param('expires');
  if (text === null || text === '' || text === '""') return -1;
  return text.charCodeAt(0) === 34 ? deltaSeconds(text, 1, text.length - 1) : deltaSeconds(text, 0, text.length);
}

/** Seconds in the Expires header; -1 without one, -2 where it can not be read. */
export function expiresHeader(msg: SipMsg): number {
  const row = msg.findHdr(HDR.EXPIRES);
  if (row < 0) return -1;
  const start = msg.hdrValueStart(row);
  let end = start;
  const rowEnd = msg.hdrValueEnd(row);
  while (end < rowEnd && isDigit(msg.buf.charCodeAt(end))) end++;
  return deltaSeconds(msg.buf, start, end);
}

function deltaSeconds(buf: string, start: number, end: number): number {
  return parseDecimal(buf, start, end, MAX_DELTA_SECONDS);
}

/** Text of a parameter without the quotes around it. */
export function unquoted(text: string): string {
  return text.length > 1 && text.charCodeAt(0) === 34 && text.charCodeAt(text.length - 1) === 34
    ? text.slice(1, -1)
    : text;
}

/** The bits of METHOD in a list of methods; -1 where it is none. */
export function methodsOf(list: string): number {
  let bits = 0;
  for (const part of list.split(',')) {
    const name = part.trim();
    if (name === '') continue;
    if (!/^[A-Za-z0-9\-.!%*_+`'~]+$/.test(name)) return -1;
    bits |= methodId(name);
  }
  return bits >>> 0;
}

/** Lists of Allow are few and long: their bits are remembered. */
export class AllowCache {
  readonly #known = new Map<string, number>();

  /** Methods that the Allow header fields name; all where there is none, or none that can be read. */
  of(msg: SipMsg): number {
    let row = msg.findHdr(HDR.ALLOW);
    if (row < 0) return ALL_METHODS;
    let bits = 0;
    for (; row >= 0; row = msg.findHdr(HDR.ALLOW, row + 1)) {
      const found = this.#bits(msg.hdrValue(row));
      if (found < 0) return ALL_METHODS;
      bits |= found;
    }
    return bits >>> 0;
  }

  #bits(list: string): number {
    let bits = this.#known.get(list);
    if (bits === undefined) {
      bits = methodsOf(list);
      if (this.#known.size >= MAX_ALLOW_LISTS) this.#known.clear();
      this.#known.set(Buffer.from(list, 'latin1').toString('latin1'), bits);
    }
    return bits;
  }
}

const MAX_ALLOW_LISTS = 256;

/** True where a contact takes the method: methods without a bit of their own share METHOD.OTHER. */
export function takesMethod(methods: number, method: number): boolean {
  return methods === ALL_METHODS || (methods & (method === METHOD.UNDEF ? METHOD.OTHER : method)) !== 0;
}
