import { findParam, isLws, skipQuoted } from './params.ts';
import { parseUri, type SipUri } from './uri.ts';

/** A name-addr or addr-spec with header parameters: From, To, Contact, Route … (RFC 3261 §20.10, §25.1). */
export class NameAddr {
  readonly buf: string;
  readonly start: number;
  readonly end: number;
  readonly uriStart: number;
  readonly uriEnd: number;
  /** Index where header parameters begin (at the `;`), or `end`. */
  readonly paramsStart: number;
  #uri: SipUri | null | undefined = undefined;
  #tag: string | null | undefined = undefined;

  constructor(buf: string, start: number, end: number, uriStart: number, uriEnd: number, paramsStart: number) {
    this.buf = buf;
    this.start = start;
    this.end = end;
    this.uriStart = uriStart;
    this.uriEnd = uriEnd;
    this.paramsStart = paramsStart;
  }

  /** From the words of a fact (native/facts.h); `end` is the row's. */
  static ofFacts(buf: string, facts: Int32Array, at: number, end: number): NameAddr {
    const start = facts[at] as number;
    const tagStart = facts[at + 4] as number;
    const addr = new NameAddr(
      buf,
      start,
      end,
      facts[at + 1] as number,
      facts[at + 2] as number,
      facts[at + 3] as number,
    );
    addr.#tag = tagStart < 0 ? null : buf.slice(tagStart, facts[at + 5]);
    return addr;
  }

  /** The display name as written, quotes kept; '' where absent. */
  get display(): string {
    // In front of the `<`, where there is one.
    let end = this.uriStart - 1;
    while (end > this.start && isLws(this.buf.charCodeAt(end - 1))) end--;
    return end <= this.start ? '' : this.buf.slice(this.start, end);
  }

  get uriText(): string {
    return this.buf.slice(this.uriStart, this.uriEnd);
  }

  /** Null when the text in it is no URI. */
  get uri(): SipUri | null {
    if (this.#uri === undefined) this.#uri = parseUri(this.uriText);
    return this.#uri;
  }

  /** Header parameter: null when absent, '' without value. */
  param(lower: string): string | null {
    return this.paramsStart >= this.end ? null : findParam(this.buf, this.paramsStart, this.end, lower);
  }

  get tag(): string | null {
    if (this.#tag === undefined) this.#tag = this.param('tag');
    return this.#tag;
  }
}

/** Parses one value in `buf[start … end)`. Null when it has no URI or an unclosed bracket. */
export function parseNameAddr(buf: string, start: number, end: number): NameAddr | null {
  let i = start;
  while (i < end && isLws(buf.charCodeAt(i))) i++;
  const valueStart = i;
  let last = end;
  while (last > i && isLws(buf.charCodeAt(last - 1))) last--;
  const open = findOpen(buf, i, last);
  if (open >= 0) {
    const close = buf.indexOf('>', open);
    if (close < 0 || close >= last) return null;
    let params = close + 1;
    while (params < last && isLws(buf.charCodeAt(params))) params++;
    if (params < last && buf.charCodeAt(params) !== 59) return null;
    return close === open + 1 ? null : new NameAddr(buf, valueStart, last, open + 1, close, params);
  }
  // addr-spec: without brackets every `;` begins a header parameter (RFC 3261 §20.10)
  let uriEnd = buf.indexOf(';', i);
  if (uriEnd < 0 || uriEnd > last) uriEnd = last;
  let trimmed = uriEnd;
  while (trimmed > i && isLws(buf.charCodeAt(trimmed - 1))) trimmed--;
  if (trimmed === i) return null;
  for (let k = i; k < trimmed; k++) {
    const c = buf.charCodeAt(k);
    // a URI with headers needs its brackets (RFC 3261 §20.10), one with a quote in front never got any
    if (isLws(c) || c === 63 || c === 34) return null;
  }
  return new NameAddr(buf, valueStart, last, i, trimmed, uriEnd);
}

/** Index of the `<` that opens the URI, or -1; quoted display names are skipped. */
function findOpen(buf: string, start: number, end: number): number {
  let i = start;
  while (i < end) {
    const c = buf.charCodeAt(i);
    if (c === 60) return i;
    if (c === 59) return -1;
    i = c === 34 ? skipQuoted(buf, i, end) : i + 1;
  }
  return -1;
}

/**
 * Index of the comma that ends the list value beginning at `start`, or `end`: commas inside quotes and `<>` do not count
 * (RFC 3261 §7.3.1).
 */
export function listValueEnd(buf: string, start: number, end: number): number {
  // Most rows hold one value, and most messages hold few commas: then one search answers.
  const comma = buf.indexOf(',', start);
  if (comma < 0 || comma >= end) return end;
  let i = start;
  while (i < end) {
    const c = buf.charCodeAt(i);
    if (c === 44) return i;
    if (c === 34) i = skipQuoted(buf, i, end);
    else if (c === 60) {
      const close = buf.indexOf('>', i);
      i = close < 0 || close >= end ? end : close + 1;
    } else i++;
  }
  return end;
}
