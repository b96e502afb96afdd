/** append_hf, insert_hf, remove_hf*, is_present_hf*. */

import {
  appendHeader,
  formatSipDate,
  HDR,
  headerKindOf,
  insertHeader,
  type Run,
  removeHeaderRow,
  rowsByName,
  type SipMsg,
} from 'strowger';
import type { Textops } from './state.ts';

/** append_hf: at the end, or behind the last header of the name. -1 without text. */
export function appendHf(run: Run, rows: string, name: string | undefined): number {
  if (rows === '') return -1;
  const last = name === undefined ? undefined : rowsByName(run.msg, nameIn(name)).at(-1);
  if (last === undefined) appendHeader(run.msg, rows, kindOfRows(rows));
  else run.msg.lumps.anchor(run.msg.hdrEnd(last), kindOfRows(rows)).insertAfter(rows);
  return 1;
}

/** insert_hf: at the top, or in front of the first header of the name. */
export function insertHf(run: Run, rows: string, name: string | undefined): number {
  if (rows === '') return -1;
  const first = name === undefined ? -1 : run.msg.findHdrByName(nameIn(name));
  if (first < 0) insertHeader(run.msg, rows, kindOfRows(rows));
  else run.msg.lumps.anchor(run.msg.hdrStart(first), kindOfRows(rows)).insertAfter(rows);
  return 1;
}

/** The name in `Name`, `Name:` or `Name: `; scripts write all three. */
export function nameIn(text: string): string {
  return text.trimEnd().replace(/:$/, '').trimEnd();
}

/** Kind of the first header in a text of rows. */
function kindOfRows(rows: string): number {
  const colon = rows.indexOf(':');
  return colon < 0 ? HDR.OTHER : headerKindOf(rows.slice(0, colon).trim());
}

export function appendUriHf(run: Run, prefix: string, suffix: string): number {
  appendHeader(run.msg, prefix + run.msg.originalUri + suffix, kindOfRows(prefix));
  return 1;
}

export function appendTimeToRequest(run: Run): number {
  appendHeader(run.msg, dateRow(run), HDR.DATE);
  return 1;
}

/** append_time: into the replies made to this request. */
export function appendTime(run: Run): number {
  return appendToReply(run, dateRow(run));
}

function dateRow(run: Run): string {
  return `Date: ${formatSipDate(run.server.clock.wall())}\r\n`;
}

export function appendToReply(run: Run, rows: string): number {
  if (rows === '') return -1;
  run.msg.replyLumps ??= [];
  run.msg.replyLumps.push(rows);
  return 1;
}

/** Removes the rows given; 1 when there were any. */
function removeRows(msg: SipMsg, rows: readonly number[]): number {
  for (const row of rows) removeHeaderRow(msg, row);
  return rows.length > 0 ? 1 : -1;
}

export function removeHf(run: Run, name: string): number {
  return name === '' ? -1 : removeRows(run.msg, rowsByName(run.msg, name));
}

/** remove_hf_re, remove_hf_exp: rows whose name matches one expression and not another. */
export function removeHfMatching(run: Run, textops: Textops, expression: string, keep: string | null): number {
  const regex = textops.regex(expression);
  const keepRegex = keep === null ? null : textops.regex(keep);
  if (regex === null || (keep !== null && keepRegex === null)) return -1;
  const rows: number[] = [];
  for (let row = 0; row < run.msg.hdrCount; row++) {
    const name = run.msg.hdrName(row);
    if (regex.test(name) && keepRegex?.test(name) !== true) rows.push(row);
  }
  return removeRows(run.msg, rows);
}

/** remove_hf_idx: from 0, negative from the end. 2 when there is no such row. */
export function removeHfIdx(run: Run, name: string, index: number): number {
  const row = rowsByName(run.msg, name).at(index);
  if (row === undefined) return 2;
  removeHeaderRow(run.msg, row);
  return 1;
}

/** remove_hf_match: by the value. -1 unknown operator or bad expression, -2 when nothing was removed. */
export function removeHfMatch(run: Run, textops: Textops, name: string, operator: string, text: string): number {
  const { msg } = run;
  const test = valueTest(textops, operator, text);
  if (test === null) return -1;
  return removeRows(
    msg,
    rowsByName(msg, name).filter((row) => test(msg.hdrValue(row))),
  ) > 0
    ? 1
    : -2;
}

function valueTest(textops: Textops, operator: string, text: string): ((value: string) => boolean) | null {
  switch (operator) {
    case 'eq':
      return (value) => value === text;
    case 'ne':
      return (value) => value !== text;
    case 'in':
      return (value) => value.includes(text);
    case 're': {
      const regex = textops.regex(text);
      return regex === null ? null : (value) => regex.test(value);
    }
    default:
      return null;
  }
}

export function isPresentHf(run: Run, name: string): number {
  return name !== '' && run.msg.findHdrByName(name) >= 0 ? 1 : -1;
}

export function isPresentHfRe(run: Run, textops: Textops, expression: string): number {
  const regex = textops.regex(expression);
  if (regex === null) return -1;
  for (let row = 0; row < run.msg.hdrCount; row++) if (regex.test(run.msg.hdrName(row))) return 1;
  return -1;
}
