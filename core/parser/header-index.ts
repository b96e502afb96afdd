import { COMMON_LENGTHS, COMMON_NAMES, commonKind, HDR, headerKind } from './hf.ts';
import { isLws } from './params.ts';

/** Ints per header in the index: kind, start of the name, start of the value, end of the value (trimmed). */
export const HDR_STRIDE = 4;
/** More headers than this and the message is refused: parsing stays bounded (architecture §9). */
export const MAX_HEADERS = 512;

/**
 * An index that whoever received the message has made already (native/rows.h): at `at` the number of rows (-1: none was
 * made), the end of the headers, the start of the body, then the rows; a kind of -1 is still to be found by its name.
 */
export interface RowIndex {
  readonly words: Int32Array;
  at: number;
  /** At `factsAt` the usual rows taken apart (row-facts.ts). */
  readonly facts: Int32Array;
  factsAt: number;
}

const HEAD_WORDS = 3;

/** The rows of one message, and what is wrong with them. */
export interface HeaderRows {
  /** `count` rows of HDR_STRIDE numbers; the rest is left over from other messages. */
  readonly rows: number[];
  count: number;
  headersEnd: number;
  bodyStart: number;
  error: string | null;
  errorAt: number;
}

/** Reused between messages, so that the index of one costs a single copy of the right size. */
const found: HeaderRows = { rows: [], count: 0, headersEnd: 0, bodyStart: 0, error: null, errorAt: 0 };

/** The header rows of `buf` from `start` on, right until the next call. */
export function headerRows(buf: string, start: number, index: RowIndex | undefined): HeaderRows {
  found.error = null;
  if (index === undefined || (index.words[index.at] as number) < 0) scan(buf, start);
  else takeOver(buf, index);
  return found;
}

/** The names whose kinds a receiver finds: for each its kind, its length and its characters, one byte each. */
export function usualNames(): Buffer {
  return Buffer.concat(COMMON_NAMES.map(([kind, name]) => Buffer.from([kind, name.length, ...Buffer.from(name)])));
}

function takeOver(buf: string, { words, at }: RowIndex): void {
  const { rows } = found;
  const count = words[at] as number;
  found.count = count;
  found.headersEnd = words[at + 1] as number;
  found.bodyStart = words[at + 2] as number;
  const from = at + HEAD_WORDS;
  for (let i = 0; i < count * HDR_STRIDE; i += HDR_STRIDE) {
    const kind = words[from + i] as number;
    const start = words[from + i + 1] as number;
    rows[i] = kind < 0 ? headerKind(buf, start, buf.indexOf(':', start)) : kind;
    rows[i + 1] = start;
    rows[i + 2] = words[from + i + 2] as number;
    rows[i + 3] = words[from + i + 3] as number;
  }
}

/** One pass; a line that is no header marks the message, and the rest is still indexed. */
function scan(buf: string, start: number): void {
  const { rows } = found;
  const end = buf.length;
  let pos = start;
  let n = 0;
  if (isFold(buf.charCodeAt(pos))) fail('white space before the first header', pos);
  found.headersEnd = end;
  found.bodyStart = end;
  let nextCr = buf.indexOf('\r', pos);
  while (pos < end) {
    const c = buf.charCodeAt(pos);
    if (c === 10 || (c === 13 && buf.charCodeAt(pos + 1) === 10)) {
      found.headersEnd = pos;
      found.bodyStart = c === 10 ? pos + 1 : pos + 2;
      break;
    }
    let lineStop = buf.indexOf('\n', pos);
    while (lineStop >= 0 && isFold(buf.charCodeAt(lineStop + 1))) lineStop = buf.indexOf('\n', lineStop + 1);
    if (lineStop < 0) lineStop = end;
    // A CR that ends no line: others may take it for a line end, and see headers there that we do not.
    while (nextCr >= 0 && nextCr < lineStop) {
      if (buf.charCodeAt(nextCr + 1) !== 10) fail('bare CR', nextCr);
      nextCr = buf.indexOf('\r', nextCr + 1);
    }
    // Nearly every name is one of a dozen, spelt as in the RFC: those cost no walk over their characters.
    let kind: number = commonKind(buf, pos, c);
    let colon = pos + (COMMON_LENGTHS[kind] as number);
    let nameEnd = colon;
    if (kind === HDR.OTHER) {
      while (colon < lineStop && buf.charCodeAt(colon) !== 58) colon++;
      nameEnd = colon;
      while (nameEnd > pos && isFold(buf.charCodeAt(nameEnd - 1))) nameEnd--;
    }
    if (colon === lineStop || nameEnd === pos || c === 13) {
      fail(c === 13 ? 'bare CR' : colon === lineStop ? 'header line without a colon' : 'header without a name', pos);
      pos = lineStop + 1;
      continue;
    }
    let valueStart = colon + 1;
    while (valueStart < lineStop && isLws(buf.charCodeAt(valueStart))) valueStart++;
    let valueEnd = lineStop;
    while (valueEnd > valueStart && isLws(buf.charCodeAt(valueEnd - 1))) valueEnd--;
    if (kind === HDR.OTHER) kind = headerKind(buf, pos, nameEnd);
    const at = n * HDR_STRIDE;
    rows[at] = kind;
    rows[at + 1] = pos;
    rows[at + 2] = valueStart;
    rows[at + 3] = valueEnd;
    n++;
    pos = lineStop + 1;
    if (n === MAX_HEADERS) {
      fail('too many headers', pos);
      found.headersEnd = Math.min(pos, end);
      break;
    }
  }
  found.count = n;
}

/** What was found first counts. */
function fail(error: string, at: number): void {
  if (found.error !== null) return;
  found.error = error;
  found.errorAt = at;
}

export function isFold(c: number): boolean {
  return c === 32 || c === 9;
}
