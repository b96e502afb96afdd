/** Iterators over headers and over lines of the body: up to four of each a run, by name. */

import type { PvDef, PvUse, PvValue, Run, SipMsg } from 'strowger';
import { removeHeaderRow } from 'strowger';

const MAX_ITERATORS = 4;

interface HeaderIterator {
  readonly buf: string;
  /** -1 before the first. */
  row: number;
}

interface LineIterator {
  readonly buf: string;
  start: number;
  end: number;
}

/** The iterators of one run. */
interface Iterators {
  readonly headers: Map<string, HeaderIterator>;
  readonly lines: Map<string, LineIterator>;
}

/** Iterators live with the run, under this module's key. */
function iteratorsOf(run: Run, key: object): Iterators {
  run.locals ??= new Map();
  let found = run.locals.get(key) as Iterators | undefined;
  if (found === undefined) run.locals.set(key, (found = { headers: new Map(), lines: new Map() }));
  return found;
}

/** An iterator that was started on the text the message still has. */
function current<T extends { readonly buf: string }>(map: ReadonlyMap<string, T>, name: string, msg: SipMsg): T | null {
  const found = map.get(name);
  return found === undefined || found.buf !== msg.buf ? null : found;
}

function start<T>(map: Map<string, T>, name: string, fresh: T): number {
  if (!map.has(name) && map.size >= MAX_ITERATORS) return -1;
  map.set(name, fresh);
  return 1;
}

export function hfStart(run: Run, key: object, name: string): number {
  return start(iteratorsOf(run, key).headers, name, { buf: run.msg.buf, row: -1 });
}

export function hfEnd(run: Run, key: object, name: string): number {
  return iteratorsOf(run, key).headers.delete(name) ? 1 : -1;
}

export function hfNext(run: Run, key: object, name: string): number {
  const iterator = current(iteratorsOf(run, key).headers, name, run.msg);
  if (iterator === null || iterator.row + 1 >= run.msg.hdrCount) return -1;
  iterator.row++;
  return 1;
}

/** hf_iterator_prev: from before the first it goes to the first. */
export function hfPrev(run: Run, key: object, name: string): number {
  const iterator = current(iteratorsOf(run, key).headers, name, run.msg);
  if (iterator === null || iterator.row === 0 || run.msg.hdrCount === 0) return -1;
  iterator.row = Math.max(0, iterator.row - 1);
  return 1;
}

/** The row the iterator stands at, -1 when it stands at none. */
function rowOf(run: Run, key: object, name: string): number {
  return current(iteratorsOf(run, key).headers, name, run.msg)?.row ?? -1;
}

export function hfRemove(run: Run, key: object, name: string): number {
  const row = rowOf(run, key, name);
  if (row < 0) return -1;
  removeHeaderRow(run.msg, row);
  return 1;
}

export function hfAppend(run: Run, key: object, name: string, text: string): number {
  const row = rowOf(run, key, name);
  if (row < 0 || text === '') return -1;
  run.msg.lumps.anchor(run.msg.hdrEnd(row)).insertAfter(text);
  return 1;
}

export function hfInsert(run: Run, key: object, name: string, text: string): number {
  const row = rowOf(run, key, name);
  if (row < 0 || text === '') return -1;
  run.msg.lumps.anchor(run.msg.hdrStart(row)).insertAfter(text);
  return 1;
}

export function blStart(run: Run, key: object, name: string): number {
  const { bodyStart, buf } = run.msg;
  return start(iteratorsOf(run, key).lines, name, { buf, start: bodyStart, end: bodyStart });
}

export function blEnd(run: Run, key: object, name: string): number {
  return iteratorsOf(run, key).lines.delete(name) ? 1 : -1;
}

export function blNext(run: Run, key: object, name: string): number {
  const { msg } = run;
  const iterator = current(iteratorsOf(run, key).lines, name, msg);
  if (iterator === null || iterator.end >= msg.bodyEnd) return -1;
  const eol = msg.buf.indexOf('\n', iterator.end);
  iterator.start = iterator.end;
  iterator.end = eol < 0 || eol >= msg.bodyEnd ? msg.bodyEnd : eol + 1;
  return 1;
}

/** The line an iterator stands at, null before the first. */
function lineOf(run: Run, key: object, name: string): LineIterator | null {
  const iterator = current(iteratorsOf(run, key).lines, name, run.msg);
  return iterator === null || iterator.end === iterator.start ? null : iterator;
}

export function blRemove(run: Run, key: object, name: string): number {
  const line = lineOf(run, key, name);
  if (line === null) return -1;
  run.msg.lumps.del(line.start, line.end - line.start);
  return 1;
}

export function blAppend(run: Run, key: object, name: string, text: string): number {
  const line = lineOf(run, key, name);
  if (line === null || text === '') return -1;
  run.msg.lumps.anchor(line.end).insertAfter(text);
  return 1;
}

export function blInsert(run: Run, key: object, name: string, text: string): number {
  const line = lineOf(run, key, name);
  if (line === null || text === '') return -1;
  run.msg.lumps.anchor(line.start).insertAfter(text);
  return 1;
}

/** A variable named by its iterator. */
function iteratorPv(doc: string, get: (run: Run, key: object, name: string) => PvValue): PvDef<object> {
  return {
    doc,
    name: 'required',
    bind: (use: PvUse, key) => {
      const name = use.nameFormat();
      return { get: (run) => get(run, key, name(run)) };
    },
  };
}

export const ITERATOR_PVS: Readonly<Record<string, PvDef<object>>> = {
  hfitname: iteratorPv('Name of the header that an iterator stands at.', (run, key, name) => {
    const row = rowOf(run, key, name);
    return row < 0 ? null : run.msg.hdrName(row);
  }),
  hfitbody: iteratorPv('Value of the header that an iterator stands at.', (run, key, name) => {
    const row = rowOf(run, key, name);
    return row < 0 ? null : run.msg.hdrValue(row);
  }),
  blitval: iteratorPv('Line of the body that an iterator stands at, line end included.', (run, key, name) => {
    const line = lineOf(run, key, name);
    return line === null ? null : run.msg.buf.slice(line.start, line.end);
  }),
};
