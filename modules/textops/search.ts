/** search*, replace*: regular expressions and plain strings over the message as received. */

import { type PosixMatch, type PosixRegex, type Run, replaceSpan, rowsByName, type SipMsg } from 'strowger';
import type { Textops } from './state.ts';

/** Edits made by one call. */
const MAX_EDITS = 10_000;

/** A part of the message, by its places. */
type Area = (msg: SipMsg) => readonly [start: number, end: number];

export const WHOLE: Area = (msg) => [0, msg.bodyEnd];
/** All but the first line. */
export const HEADERS_AND_BODY: Area = (msg) => [msg.firstLineEnd, msg.bodyEnd];
export const HEADERS: Area = (msg) => [msg.firstLineEnd, msg.headersEnd];
export const BODY: Area = (msg) => [msg.bodyStart, msg.bodyEnd];

/** search, search_body: 1 when it matches, else -1. */
export function search(run: Run, textops: Textops, expression: string, area: Area): number {
  const [start, end] = area(run.msg);
  const regex = textops.regex(expression);
  return regex !== null && end > start && regex.test(run.msg.buf.slice(start, end)) ? 1 : -1;
}

/** search_str: -2 when there is nothing to search or search with. */
export function searchStr(textops: Textops, text: string, expression: string): number {
  if (text === '' || expression === '') return -2;
  const regex = textops.regex(expression);
  if (regex === null) return -2;
  return regex.test(text) ? 1 : -1;
}

/** Rows of a name that `flag` means: `a` all, `f` the first, `l` the last. */
export function flaggedRows(msg: SipMsg, name: string, flag: string): number[] {
  const rows = rowsByName(msg, name);
  if (flag === 'f') return rows.slice(0, 1);
  return flag === 'l' ? rows.slice(-1) : rows;
}

export function searchHf(run: Run, textops: Textops, name: string, expression: string, flag: string): number {
  const regex = textops.regex(expression);
  if (regex === null) return -1;
  return flaggedRows(run.msg, name, flag).some((row) => regex.test(run.msg.hdrValue(row))) ? 1 : -1;
}

/** search_append: text behind the first match. */
export function searchAppend(run: Run, textops: Textops, expression: string, text: string, area: Area): number {
  const [match] = matches(run.msg, textops.regex(expression), area, false);
  if (match === undefined) return -1;
  run.msg.lumps.anchor(match.end).insertAfter(text);
  return 1;
}

/** replace, replace_all …: the first match, or all of them. */
export function replace(run: Run, regex: PosixRegex | null, text: string, area: Area, isGlobal: boolean): number {
  const found = matches(run.msg, regex, area, isGlobal);
  for (const match of found) replaceSpan(run.msg, match.start, match.end, text);
  return found.length > 0 ? 1 : -1;
}

/** replace_body_all: as replace over the body, a line at a time. */
export function replaceBodyLines(run: Run, textops: Textops, expression: string, text: string): number {
  const { msg } = run;
  const regex = textops.regex(expression);
  if (regex === null) return -1;
  let count = 0;
  for (let at = msg.bodyStart; at < msg.bodyEnd && count < MAX_EDITS; ) {
    const eol = msg.buf.indexOf('\n', at);
    const next = eol < 0 || eol >= msg.bodyEnd ? msg.bodyEnd : eol + 1;
    for (const match of matchesIn(msg.buf.slice(at, next), regex, true)) {
      replaceSpan(msg, at + match.start, at + match.end, text);
      count++;
    }
    at = next;
  }
  return count > 0 ? 1 : -1;
}

function matches(msg: SipMsg, regex: PosixRegex | null, area: Area, isGlobal: boolean): Found[] {
  const [start, end] = area(msg);
  if (regex === null || end <= start) return [];
  return matchesIn(msg.buf.slice(start, end), regex, isGlobal).map((match) => ({
    start: match.start + start,
    end: match.end + start,
  }));
}

interface Found {
  readonly start: number;
  readonly end: number;
}

/** Matches in order; an empty one ends the walk, as in Kamailio. */
function matchesIn(text: string, regex: PosixRegex, isGlobal: boolean): Found[] {
  const found: Found[] = [];
  while (found.length < MAX_EDITS) {
    const match: PosixMatch | null = regex.exec(text, found.at(-1)?.end ?? 0);
    if (match === null || match.end === match.start) break;
    found.push({ start: match.start, end: match.end });
    if (!isGlobal) break;
  }
  return found;
}

/** replace_str and its like: by plain comparison; `mode` f or a. True also when nothing was there to replace. */
export function replaceStr(run: Run, match: string, text: string, mode: string, area: Area): number {
  const { msg } = run;
  if (match === '' || (mode !== 'f' && mode !== 'a' && mode !== '')) return -1;
  const [start, end] = area(msg);
  let left = mode === 'a' ? MAX_EDITS : 1;
  for (let at = msg.buf.indexOf(match, start); at >= 0 && at + match.length <= end && left > 0; left--) {
    replaceSpan(msg, at, at + match.length, text);
    at = msg.buf.indexOf(match, at + match.length);
  }
  return 1;
}
