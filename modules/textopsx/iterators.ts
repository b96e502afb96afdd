/** Iterators over headers and over lines of the body: up to four of each a run, by name. */

import { LineIterators, type PvDef, type PvUse, type PvValue, type Run, removeHeaderRow } from 'strowger';

const MAX_ITERATORS = 4;

interface HeaderIterator {
  readonly buf: string;
  /** -1 before the first. */
  row: number;
}

type HeaderIterators = Map<string, HeaderIterator>;

/** Iterators live with the run, under this module's key. */
function iteratorsOf(run: Run, key: object): HeaderIterators {
  run.locals ??= new Map();
  let found = run.locals.get(key) as HeaderIterators | undefined;
  if (found === undefined) run.locals.set(key, (found = new Map()));
  return found;
}

/** An iterator that was started on the text the message still has. */
function current(run: Run, key: object, name: string): HeaderIterator | null {
  const found = iteratorsOf(run, key).get(name);
  return found === undefined || found.buf !== run.msg.buf ? null : found;
}

export function hfStart(run: Run, key: object, name: string): number {
  const iterators = iteratorsOf(run, key);
  if (!iterators.has(name) && iterators.size >= MAX_ITERATORS) return -1;
  iterators.set(name, { buf: run.msg.buf, row: -1 });
  return 1;
}

export function hfEnd(run: Run, key: object, name: string): number {
  return iteratorsOf(run, key).delete(name) ? 1 : -1;
}

export function hfNext(run: Run, key: object, name: string): number {
  const iterator = current(run, key, name);
  if (iterator === null || iterator.row + 1 >= run.msg.hdrCount) return -1;
  iterator.row++;
  return 1;
}

/** hf_iterator_prev: from before the first it goes to the first. */
export function hfPrev(run: Run, key: object, name: string): number {
  const iterator = current(run, key, name);
  if (iterator === null || iterator.row === 0 || run.msg.hdrCount === 0) return -1;
  iterator.row = Math.max(0, iterator.row - 1);
  return 1;
}

/** The row the iterator stands at, -1 when it stands at none. */
function rowOf(run: Run, key: object, name: string): number {
  return current(run, key, name)?.row ?? -1;
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

/** Key of the iterators over lines. */
const LINES: object = { name: 'textopsx-lines' };

/** The iterators over lines of the body that a run has. */
export function bodyLines(run: Run): LineIterators {
  return LineIterators.of(run, LINES);
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
  blitval: iteratorPv('Line of the body that an iterator stands at, line end included.', (run, _key, name) =>
    bodyLines(run).text(run, name),
  ),
};
