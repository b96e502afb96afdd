import { HDR } from './hf.ts';
import { eachListValue } from './list.ts';
import { type NameAddr, parseNameAddr } from './name-addr.ts';
import { parseDecimal } from './params.ts';
import { parseQ } from './q-value.ts';
import type { SipMsg } from './sip-msg.ts';

/** All Contact values of a message (RFC 3261 §20.10). */
export interface Contacts {
  /** `Contact: *`. With `values` not empty the message contradicts itself. */
  readonly isStar: boolean;
  readonly values: readonly NameAddr[];
  /** Index in the message of the first value that can not be read, -1 when all could. */
  readonly errorAt: number;
}

export function parseContacts(msg: SipMsg): Contacts {
  const values: NameAddr[] = [];
  let isStar = false;
  let errorAt = -1;
  eachListValue(msg, HDR.CONTACT, (start, end) => {
    if (end - start === 1 && msg.buf.charCodeAt(start) === 42) {
      isStar = true;
      return;
    }
    const value = parseNameAddr(msg.buf, start, end);
    if (value !== null) values.push(value);
    else if (errorAt < 0) errorAt = start;
  });
  return { isStar, values, errorAt };
}

/** A delta-seconds value is capped here (RFC 3261 §20.19): it never wraps. */
export const MAX_DELTA_SECONDS = 0xffffffff;

/**
 * delta-seconds, digits only; larger ones give 2^32-1. Null where the text is none (a registrar takes 3600 then,
 * RFC 3261 §10.2.1.1).
 */
export function parseDeltaSeconds(text: string): number | null {
  if (!/^\d+$/.test(text)) return null;
  const value = parseDecimal(text, 0, text.length, MAX_DELTA_SECONDS);
  return value < 0 ? MAX_DELTA_SECONDS : value;
}

/** `expires` of a contact in seconds; null when it is absent, -1 when it is malformed. */
export function contactExpires(contact: NameAddr): number | null {
  const text = contact.param('expires');
  return text === null ? null : (parseDeltaSeconds(text) ?? -1);
}

/** `q` of a contact in thousandths, -1 when absent or malformed. */
export function contactQ(contact: NameAddr): number {
  const text = contact.param('q');
  return text === null ? -1 : parseQ(text);
}
