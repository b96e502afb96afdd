/** Scanning of `;name=value` parameters inside a span of a message, without building anything. */

import { equalsLower } from './hf.ts';

const SEMI = 59;
const QUOTE = 34;
const BACKSLASH = 92;
const EQUALS = 61;

/** End of a quoted string whose opening quote is at `at`: the index after the closing quote, or `end` when it never closes. */
export function skipQuoted(buf: string, at: number, end: number): number {
  const close = closingQuote(buf, at + 1, end);
  return close < 0 ? end : close + 1;
}

/** Place of the quote that closes a string whose text begins at `at`; -1 where there is none before `end`. */
export function closingQuote(buf: string, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const c = buf.charCodeAt(i);
    if (c === QUOTE) return i;
    if (c === BACKSLASH) i++;
  }
  return -1;
}

export function isLws(c: number): boolean {
  return c === 32 || c === 9 || c === 13 || c === 10;
}

/** The first place from `at` on that is no linear white space. */
export function skipLws(buf: string, at: number, end: number): number {
  let i = at;
  while (i < end && isLws(buf.charCodeAt(i))) i++;
  return i;
}

export function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/** The digits of `buf[start … end)`, all of it, as a number 0 … max; -2 when it is anything else. */
export function parseDecimal(buf: string, start: number, end: number, max: number): number {
  let number = 0;
  for (let i = start; i < end; i++) {
    const digit = buf.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return -2;
    number = number * 10 + digit;
    if (number > max) return -2;
  }
  return start < end ? number : -2;
}

/**
 * Value of parameter `lower` (name in lower case) in `buf[start … end)`, which begins at or before the first `;`.
 * Null when absent, '' when it has no value; quotes are kept. Linear.
 */
export function findParam(buf: string, start: number, end: number, lower: string): string | null {
  const at = findParamAt(buf, start, end, lower);
  return at < 0 ? null : paramValue(buf, at + lower.length, end);
}

/** Value of the parameter whose name ends at `nameEnd`; '' when it has none. */
export function paramValue(buf: string, nameEnd: number, end: number): string {
  let from = nameEnd;
  while (from < end && isLws(buf.charCodeAt(from))) from++;
  if (buf.charCodeAt(from) !== EQUALS || from >= end) return '';
  from++;
  while (from < end && isLws(buf.charCodeAt(from))) from++;
  let to = paramEnd(buf, from, end);
  while (to > from && isLws(buf.charCodeAt(to - 1))) to--;
  return buf.slice(from, to);
}

/** Index of the name of parameter `lower`, or -1. */
export function findParamAt(buf: string, start: number, end: number, lower: string): number {
  let i = paramEnd(buf, start, end);
  while (i < end) {
    let nameStart = i + 1;
    while (nameStart < end && isLws(buf.charCodeAt(nameStart))) nameStart++;
    if (isParamAt(buf, nameStart, end, lower)) return nameStart;
    i = paramEnd(buf, nameStart, end);
  }
  return -1;
}

/** True when the parameter name at `at` is `lower`. */
export function isParamAt(buf: string, at: number, end: number, lower: string): boolean {
  const after = at + lower.length;
  if (after > end || !equalsLower(buf, at, lower)) return false;
  const c = after === end ? SEMI : buf.charCodeAt(after);
  return c === EQUALS || c === SEMI || isLws(c);
}

/** Index of the next `;` outside quotes at or after `at`, or `end`. */
export function paramEnd(buf: string, at: number, end: number): number {
  let i = at;
  while (i < end) {
    const c = buf.charCodeAt(i);
    if (c === SEMI) return i;
    i = c === QUOTE ? skipQuoted(buf, i, end) : i + 1;
  }
  return end;
}

/** Called per parameter with its name as written and its value ('' when there is none, quotes kept); false ends the walk. */
export type ParamVisitor = (name: string, value: string, nameStart: number, valueEnd: number) => boolean | void;

/** Walks the parameters in `buf[start … end)`, which begins at or before the first `;`. Empty ones are passed over. */
export function eachParam(buf: string, start: number, end: number, visit: ParamVisitor): void {
  let i = paramEnd(buf, start, end);
  while (i < end) {
    const stop = paramEnd(buf, i + 1, end);
    let nameStart = i + 1;
    while (nameStart < stop && isLws(buf.charCodeAt(nameStart))) nameStart++;
    let valueEnd = stop;
    while (valueEnd > nameStart && isLws(buf.charCodeAt(valueEnd - 1))) valueEnd--;
    if (valueEnd > nameStart) {
      let equals = nameStart;
      while (equals < valueEnd && buf.charCodeAt(equals) !== EQUALS) equals++;
      let nameEnd = equals;
      while (nameEnd > nameStart && isLws(buf.charCodeAt(nameEnd - 1))) nameEnd--;
      let valueStart = equals + 1;
      while (valueStart < valueEnd && isLws(buf.charCodeAt(valueStart))) valueStart++;
      const value = equals >= valueEnd ? '' : buf.slice(valueStart, valueEnd);
      if (visit(buf.slice(nameStart, nameEnd), value, nameStart, valueEnd) === false) return;
    }
    i = stop;
  }
}
