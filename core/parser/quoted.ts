/** Quoted strings, tokens and percent escapes (RFC 3261 §25.1, RFC 3986 §2.1). */

import { isLws } from './params.ts';

/** Content of a quoted string: quotes off, `\x` turned into `x`. Text that does not begin with a quote comes back as it is. */
export function unquote(text: string): string {
  if (text.charCodeAt(0) !== 34) return text;
  const closed = text.length > 1 && text.charCodeAt(text.length - 1) === 34;
  const inner = text.slice(1, closed ? -1 : undefined);
  return inner.includes('\\') ? inner.replace(/\\([\s\S])/g, '$1') : inner;
}

/** A quoted string that holds `text`. CR and LF can not stand in one and become spaces. */
export function quoteString(text: string): string {
  if (!/[\r\n"\\]/.test(text)) return `"${text}"`;
  return `"${text.replace(/[\r\n]+/g, ' ').replace(/(["\\])/g, '\\$1')}"`;
}

/** True when `text` is a token: letters, digits and ``-.!%*_+`'~``. */
export function isToken(text: string): boolean {
  return /^[A-Za-z0-9\-.!%*_+`'~]+$/.test(text);
}

const HEX_PAIR = /%([0-9A-Fa-f]{2})/g;

/** Undoes each percent escape once. A `%` without two hex digits stays. Only to compare or show: never forward the result. */
export function unescapePercent(text: string): string {
  return text.includes('%')
    ? text.replace(HEX_PAIR, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;
}

/** Escapes all but what a user part may hold unescaped (RFC 3261 §25.1 unreserved and user-unreserved). */
export function escapeUser(text: string): string {
  return text.replace(/[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/g, percent);
}

/** Escapes all but what a URI parameter may hold unescaped. */
export function escapeParam(text: string): string {
  return text.replace(/[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g, percent);
}

function percent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** True when every `%` begins an escape. */
export function hasValidEscapes(text: string): boolean {
  return !/%(?![0-9A-Fa-f]{2})/.test(text);
}

/** A folded value on one line: each line end with the white space around it becomes one space (RFC 3261 §7.3.1). */
export function unfold(value: string): string {
  return value.includes('\n') ? value.split('\n').map(trimLws).join(' ') : value;
}

/** White space cut off at both ends: SP, HTAB, CR, LF and nothing else. */
export function trimLws(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isLws(text.charCodeAt(start))) start++;
  while (end > start && isLws(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}
