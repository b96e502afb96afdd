/** Values of headers that are lists, by index, and their parameters: append_hf_value and its kin. */

import {
  appendHeader,
  findParamAt,
  isLws,
  listValueEnd,
  paramEnd,
  type Run,
  removeHeaderRow,
  replaceSpan,
  rowsByName,
  type SipMsg,
  skipQuoted,
} from 'strowger';

/** A place in a header: `Name`, `Name[2]`, `Name[-1].param`, `Name[*].param`. */
export interface HfPlace {
  readonly name: string;
  /** From 1, negative from the end, `*` for all, null where none is written. 0: the first, to append behind the last. */
  readonly index: number | '*' | null;
  readonly param: string | null;
}

/** Null when the text is no place. Underscores stay as they are. */
export function parsePlace(text: string): HfPlace | null {
  const match = /^\s*([^\s.[\]]+)\s*(?:\[\s*(\*|-?\d{1,4})\s*\])?\s*(?:\.\s*([^\s.[\]]+))?\s*$/.exec(text);
  if (match === null) return null;
  const index = match[2] === undefined ? null : match[2] === '*' ? '*' : Number(match[2]);
  return { name: match[1] ?? '', index, param: match[3] ?? null };
}

/** A value of a list: `start … end` is the text between commas, white space included; `textStart … textEnd` without it. */
interface HfValue {
  readonly row: number;
  readonly start: number;
  readonly end: number;
  readonly textStart: number;
  readonly textEnd: number;
}

const MAX_VALUES = 1024;

/** All values of a header's rows. `isList` false: each row is one value (Authorization). */
function hfValues(msg: SipMsg, name: string, isList = true): HfValue[] {
  const values: HfValue[] = [];
  for (const row of rowsByName(msg, name)) {
    const rowEnd = msg.hdrValueEnd(row);
    let at = msg.hdrValueStart(row);
    while (at <= rowEnd && values.length < MAX_VALUES) {
      const end = isList ? listValueEnd(msg.buf, at, rowEnd) : rowEnd;
      let textStart = at;
      let textEnd = end;
      while (textStart < end && isLws(msg.buf.charCodeAt(textStart))) textStart++;
      while (textEnd > textStart && isLws(msg.buf.charCodeAt(textEnd - 1))) textEnd--;
      values.push({ row, start: at, end, textStart, textEnd });
      at = end + 1;
    }
  }
  return values;
}

export const textOf = (msg: SipMsg, value: HfValue): string => msg.buf.slice(value.textStart, value.textEnd);

/** The value of an index from 1, negative from the end; 0 is the first, too. */
export function valueAt(values: readonly HfValue[], index: number): HfValue | undefined {
  return index > 0 ? values[index - 1] : values.at(index);
}

function selected(values: readonly HfValue[], index: HfPlace['index']): readonly HfValue[] {
  if (index === '*') return values;
  const value = valueAt(values, index ?? 1);
  return value === undefined ? [] : [value];
}

const addRow = (run: Run, name: string, value: string): number => {
  appendHeader(run.msg, `${name}: ${value}\r\n`);
  return 1;
};

/** append_hf_value: behind the value of the index, else as a header of its own. */
export function appendHfValue(run: Run, place: HfPlace, text: string): number {
  const values = place.index === null ? [] : hfValues(run.msg, place.name);
  const value = typeof place.index === 'number' ? valueAt(values, place.index || -1) : undefined;
  if (value === undefined) return addRow(run, place.name, text);
  run.msg.lumps.anchor(value.end).insertAfter(`,${text}`);
  return 1;
}

/** insert_hf_value: in front of the value of the index; without one as a row in front of the first. -1 no such index. */
export function insertHfValue(run: Run, place: HfPlace, text: string): number {
  const values = hfValues(run.msg, place.name);
  const [first] = values;
  if (first === undefined) return addRow(run, place.name, text);
  if (place.index === null) {
    run.msg.lumps.anchor(run.msg.hdrStart(first.row)).insertAfter(`${place.name}: ${text}\r\n`);
    return 1;
  }
  const value = typeof place.index === 'number' ? valueAt(values, place.index) : first;
  if (value === undefined) return -1;
  run.msg.lumps.anchor(value.start).insertAfter(`${text},`);
  return 1;
}

/** Takes one value out, with the comma behind it, or in front of it when it is the last of its row; the row when it is alone. */
function removeValue(msg: SipMsg, value: HfValue): void {
  const rowStart = msg.hdrValueStart(value.row);
  const rowEnd = msg.hdrValueEnd(value.row);
  if (value.start === rowStart && value.end === rowEnd) removeHeaderRow(msg, value.row);
  else if (value.end < rowEnd) msg.lumps.del(value.start, value.end + 1 - value.start);
  else msg.lumps.del(value.start - 1, value.end - value.start + 1);
}

/** remove_hf_value: -1 when there is no such value or parameter. */
export function removeHfValue(run: Run, place: HfPlace): number {
  const { msg } = run;
  const found = selected(hfValues(msg, place.name), place.index);
  if (place.param !== null) return removeParams(msg, found, place.param) ? 1 : -1;
  if (found.length === 0) return -1;
  if (place.index === '*') for (const row of new Set(found.map((value) => value.row))) removeHeaderRow(msg, row);
  else for (const value of found) removeValue(msg, value);
  return 1;
}

/** Where parameters begin: behind `>` or, without brackets, at the first `;`. */
function paramsStart(msg: SipMsg, value: HfValue): number {
  let at = value.textStart;
  while (at < value.textEnd) {
    const c = msg.buf.charCodeAt(at);
    if (c === 59) return at;
    if (c === 60) {
      const close = msg.buf.indexOf('>', at);
      return close < 0 || close >= value.textEnd ? value.textEnd : close + 1;
    }
    at = c === 34 ? skipQuoted(msg.buf, at, value.textEnd) : at + 1;
  }
  return value.textEnd;
}

function removeParams(msg: SipMsg, values: readonly HfValue[], name: string): boolean {
  let isFound = false;
  for (const value of values) {
    const at = findParamAt(msg.buf, paramsStart(msg, value), value.textEnd, name.toLowerCase());
    if (at < 0) continue;
    const semi = msg.buf.lastIndexOf(';', at);
    msg.lumps.del(semi, paramEnd(msg.buf, at, value.textEnd) - semi);
    isFound = true;
  }
  return isFound;
}

/** assign_hf_value: the value, or one of its parameters, which is added where it is absent. -1 when there is no such value. */
export function assignHfValue(run: Run, place: HfPlace, text: string): number {
  const { msg } = run;
  const found = selected(hfValues(msg, place.name), place.index);
  for (const value of found) {
    if (place.param === null) replaceSpan(msg, value.textStart, value.textEnd, text);
    else assignParam(msg, value, place.param, text);
  }
  return found.length > 0 ? 1 : -1;
}

function assignParam(msg: SipMsg, value: HfValue, name: string, text: string): void {
  const written = text === '' ? name : `${name}=${text}`;
  const at = findParamAt(msg.buf, paramsStart(msg, value), value.textEnd, name.toLowerCase());
  if (at < 0) msg.lumps.anchor(value.textEnd).insertAfter(`;${written}`);
  else {
    const end = paramEnd(msg.buf, at, value.textEnd);
    const kept = msg.buf.slice(at, at + name.length);
    replaceSpan(msg, at, end, text === '' ? kept : `${kept}=${text}`);
  }
}

/** The first value with this text, compared without case. */
function findText(msg: SipMsg, name: string, text: string): HfValue | undefined {
  const lower = text.toLowerCase();
  return hfValues(msg, name).find((value) => textOf(msg, value).toLowerCase() === lower);
}

/** include_hf_value: behind the values of the first row, where none has the text. */
export function includeHfValue(run: Run, name: string, text: string): number {
  if (findText(run.msg, name, text) !== undefined) return 1;
  const row = run.msg.findHdrByName(name);
  if (row < 0) return addRow(run, name, text);
  run.msg.lumps.anchor(run.msg.hdrValueEnd(row)).insertAfter(`,${text}`);
  return 1;
}

export function excludeHfValue(run: Run, name: string, text: string): number {
  const value = findText(run.msg, name, text);
  if (value !== undefined) removeValue(run.msg, value);
  return 1;
}

/** hf_value_exists: underscores in the name mean dashes. */
export function hfValueExists(run: Run, name: string, text: string): number {
  return findText(run.msg, name.replaceAll('_', '-'), text) === undefined ? -1 : 1;
}

/** A parameter of a value such as Authorization's: `name=value` joined by commas behind a scheme. */
interface AuthParam {
  readonly nameStart: number;
  readonly end: number;
  /** Index of the comma in front, -1 for the first. */
  readonly comma: number;
}

function findAuthParam(msg: SipMsg, value: HfValue, name: string): AuthParam | null {
  const { buf } = msg;
  let at = value.textStart;
  while (at < value.textEnd && !isLws(buf.charCodeAt(at))) at++;
  let comma = -1;
  while (at < value.textEnd) {
    let nameStart = comma < 0 ? at : comma + 1;
    while (nameStart < value.textEnd && isLws(buf.charCodeAt(nameStart))) nameStart++;
    let end = nameStart;
    while (end < value.textEnd && buf.charCodeAt(end) !== 44) {
      end = buf.charCodeAt(end) === 34 ? skipQuoted(buf, end, value.textEnd) : end + 1;
    }
    const equals = buf.indexOf('=', nameStart);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (buf.slice(nameStart, nameEnd).trim().toLowerCase() === name.toLowerCase()) return { nameStart, end, comma };
    comma = end;
    at = end + 1;
  }
  return null;
}

/** remove_hf_value2: a row, or a parameter of it. */
export function removeHfValue2(run: Run, place: HfPlace): number {
  const { msg } = run;
  const found = selected(hfValues(msg, place.name, false), place.index);
  let count = 0;
  for (const value of found) {
    if (place.param === null) {
      removeHeaderRow(msg, value.row);
      count++;
      continue;
    }
    const param = findAuthParam(msg, value, place.param);
    if (param === null) continue;
    // The comma in front goes too; of the first parameter the one behind it.
    if (param.comma >= 0) msg.lumps.del(param.comma, param.end - param.comma);
    else msg.lumps.del(param.nameStart, Math.min(param.end + 1, value.textEnd) - param.nameStart);
    count++;
  }
  return count > 0 ? 1 : -1;
}

/** assign_hf_value2: the value is written as it is given, quotes are the caller's. */
export function assignHfValue2(run: Run, place: HfPlace, text: string): number {
  const { msg } = run;
  const found = selected(hfValues(msg, place.name, false), place.index);
  for (const value of found) {
    if (place.param === null) {
      replaceSpan(msg, value.textStart, value.textEnd, text);
      continue;
    }
    const written = text === '' ? place.param : `${place.param}=${text}`;
    const param = findAuthParam(msg, value, place.param);
    if (param === null) msg.lumps.anchor(value.textEnd).insertAfter(`,${written}`);
    else replaceSpan(msg, param.nameStart, param.end, written);
  }
  return found.length > 0 ? 1 : -1;
}
