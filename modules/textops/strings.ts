/** Comparisons of texts, is_method, is_privacy, regex_substring. */

import { HDR, METHOD, methodId, type PvAccessor, type Run } from 'strowger';
import type { Textops } from './state.ts';

/** in_list: items lose the white space around them. */
export function inList(subject: string, list: string, separator: string): number {
  const wanted = subject.trim();
  if (wanted === '') return -1;
  return list.split(separator).some((item) => item.trim() === wanted) ? 1 : -1;
}

/** in_list_prefix: an item that the subject begins with; empty items do not count. */
export function inListPrefix(subject: string, list: string, separator: string): number {
  const wanted = subject.trim();
  if (wanted === '') return -1;
  const hit = list.split(separator).some((item) => item.trim() !== '' && wanted.startsWith(item.trim()));
  return hit ? 1 : -1;
}

export function checkSeparator(value: string | number | undefined): string | null {
  return value === undefined || String(value).length === 1 ? null : 'the separator must be one character';
}

/** str_find: place of the first hit, counted from 1; an empty text is found behind the end. */
export function strFind(text: string, part: string): number {
  if (part === '') return text.length + 1;
  const at = text.indexOf(part);
  return at < 0 ? -1 : at + 1;
}

export function strAnyIn(text: string, chars: string): number {
  const wanted = new Set(chars.split(''));
  for (let i = 0; i < text.length; i++) if (wanted.has(text.charAt(i))) return 1;
  return -1;
}

/** str_all_in: every character of the text is one of these; an empty text has none that is not. */
export function strAllIn(text: string, chars: string): number {
  const allowed = new Set(chars.split(''));
  for (let i = 0; i < text.length; i++) if (!allowed.has(text.charAt(i))) return -1;
  return 1;
}

/** Methods of a list `A|B`, as bits; null when a list names one that has no number. */
export function methodBits(list: string): number | null {
  const names = list.split('|');
  let bits = 0;
  for (const name of names) {
    const bit = methodId(name.trim().toUpperCase());
    if (bit === METHOD.OTHER && names.length > 1) return null;
    bits |= bit;
  }
  return bits;
}

/** is_method: by number, or a name without one by comparing without case. */
export function isMethod(run: Run, list: string, bits: number | null): number {
  const { msg } = run;
  if (bits === null) return -1;
  if (bits === METHOD.OTHER) return msg.methodName.toUpperCase() === list.trim().toUpperCase() ? 1 : -1;
  return (msg.methodBit & bits) !== 0 ? 1 : -1;
}

/** Privacy values that Kamailio knows (RFC 3323, RFC 3325, RFC 4244). */
const PRIVACY_VALUES = ['none', 'session', 'header', 'user', 'id', 'critical', 'history'];

export function checkPrivacy(value: string | number | undefined): string | null {
  if (value === undefined || PRIVACY_VALUES.includes(String(value).toLowerCase())) return null;
  return `'${value}' is no privacy value: ${PRIVACY_VALUES.join(', ')}`;
}

/** is_privacy: values are joined by semicolons, as the grammar has it, or by commas. */
export function isPrivacy(run: Run, value: string): number {
  const { msg } = run;
  const wanted = value.toLowerCase();
  for (let row = msg.findHdr(HDR.PRIVACY); row >= 0; row = msg.findHdr(HDR.PRIVACY, row + 1)) {
    if (
      msg
        .hdrValue(row)
        .split(/[;,]/, 32)
        .some((item) => item.trim().toLowerCase() === wanted)
    )
      return 1;
  }
  return -1;
}

/**
 * regex_substring: sets the variable to a group of the match. -1 bad arguments or expression, -2 no match, -3 no such
 * group, -4 it can not be assigned.
 */
export function regexSubstring(
  run: Run,
  textops: Textops,
  text: string,
  expression: string,
  index: number,
  count: number,
  target: PvAccessor & Required<Pick<PvAccessor, 'set'>>,
): number {
  const regex = textops.plainRegex(expression);
  if (regex === null || index < 0 || count < 0) return -1;
  const match = regex.exec(text);
  if (match === null) return -2;
  const group = index > count ? undefined : match.groups[index];
  if (group === undefined) return -3;
  return target.set(run, group) === false ? -4 : 1;
}
