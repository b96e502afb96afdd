/** Walking headers that are lists: several rows, each with values joined by commas, are one list (RFC 3261 §7.3.1). */

import { equalsLower, HDR } from './hf.ts';
import { listValueEnd, type NameAddr, parseNameAddr } from './name-addr.ts';
import { isLws } from './params.ts';
import type { SipMsg } from './sip-msg.ts';
import { parseVia, type Via } from './via.ts';

/** One value of a list header: its row and its place in `msg.buf`, white space cut off. */
export interface ListValue {
  readonly row: number;
  readonly start: number;
  readonly end: number;
}

/** Values beyond this many of one header are not looked at: walking stays bounded. */
export const MAX_LIST_VALUES = 1024;

/** Calls `visit` for each value of the header kind, in order; empty values are passed over. False ends the walk. */
export function eachListValue(
  msg: SipMsg,
  kind: number,
  visit: (start: number, end: number, row: number) => boolean | void,
): void {
  let left = MAX_LIST_VALUES;
  for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1)) {
    const rowEnd = msg.hdrValueEnd(row);
    for (let at = msg.hdrValueStart(row); at < rowEnd; ) {
      const comma = listValueEnd(msg.buf, at, rowEnd);
      let start = at;
      let end = comma;
      while (start < end && isLws(msg.buf.charCodeAt(start))) start++;
      while (end > start && isLws(msg.buf.charCodeAt(end - 1))) end--;
      if (start < end && (left-- === 0 || visit(start, end, row) === false)) return;
      at = comma + 1;
    }
  }
}

/** All values of a list header. */
export function listValues(msg: SipMsg, kind: number): ListValue[] {
  const values: ListValue[] = [];
  eachListValue(msg, kind, (start, end, row) => {
    values.push({ row, start, end });
  });
  return values;
}

/** Values of Route, Record-Route, Contact, Path, P-Asserted-Identity … ; null for one that can not be read. */
export function nameAddrs(msg: SipMsg, kind: number): (NameAddr | null)[] {
  const values: (NameAddr | null)[] = [];
  eachListValue(msg, kind, (start, end) => {
    values.push(parseNameAddr(msg.buf, start, end));
  });
  return values;
}

/** The first value of a header of addresses; null when there is none or it can not be read. */
export function firstNameAddr(msg: SipMsg, kind: number): NameAddr | null {
  let found: NameAddr | null = null;
  eachListValue(msg, kind, (start, end) => {
    found = parseNameAddr(msg.buf, start, end);
    return false;
  });
  return found;
}

/** The last value of a header of addresses. */
export function lastNameAddr(msg: SipMsg, kind: number): NameAddr | null {
  let last: NameAddr | null = null;
  eachListValue(msg, kind, (start, end) => {
    last = parseNameAddr(msg.buf, start, end);
  });
  return last;
}

/** All Via values, topmost first; null for one that can not be read. */
export function vias(msg: SipMsg): (Via | null)[] {
  const values: (Via | null)[] = [];
  eachListValue(msg, HDR.VIA, (start, end) => {
    values.push(parseVia(msg.buf, start, end));
  });
  return values;
}

/** Number of Via values. */
export function viaCount(msg: SipMsg): number {
  let count = 0;
  eachListValue(msg, HDR.VIA, () => {
    count++;
  });
  return count;
}

/** Tokens of Supported, Require, Allow … as written, parameters cut off. */
export function tokens(msg: SipMsg, kind: number): string[] {
  const found: string[] = [];
  eachListValue(msg, kind, (start, end) => {
    found.push(msg.buf.slice(start, tokenEnd(msg.buf, start, end)));
  });
  return found;
}

/** True when the list holds the token `lower` (in lower case), compared without case: option tags. */
export function hasToken(msg: SipMsg, kind: number, lower: string): boolean {
  let found = false;
  eachListValue(msg, kind, (start, end) => {
    found = tokenEnd(msg.buf, start, end) - start === lower.length && equalsLower(msg.buf, start, lower);
    return !found;
  });
  return found;
}

function tokenEnd(buf: string, start: number, end: number): number {
  let i = start;
  while (i < end && buf.charCodeAt(i) !== 59 && !isLws(buf.charCodeAt(i))) i++;
  return i;
}
