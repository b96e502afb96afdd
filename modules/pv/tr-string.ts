import {
  intArg,
  intIn,
  type PvValue,
  strArg,
  strftime,
  strIn,
  stringToInt,
  type TransformDef,
  textCharTransform,
  textIntTransform,
  textStrTransform,
  textTransform,
  valueToString,
} from 'strowger';
import { coreHash } from './core-hash.ts';
import { caseChanger, type LetterCase, LOWER, UPPER } from './letter-case.ts';

/** As a separator: white space of any kind. */
const ANY_SPACE = '\\s';

/** Separators that are written with a backslash; Kamailio since 6.0. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\\\', '\\'],
  ['\\t', '\t'],
  ['\\n', '\n'],
  ['\\r', '\r'],
  [ANY_SPACE, ' '],
]);

/** What is at a place of the text; negative places count from the end. */
function charAt(doc: string, read: (text: string, at: number) => PvValue): TransformDef<never> {
  return {
    doc,
    params: [1, 1],
    bind: ([place]) => {
      if (place === undefined) return 'a place is needed';
      const at = intArg(place, 'the place');
      if (typeof at === 'string') return at;
      return (run, value) => {
        const index = typeof at === 'number' ? at : at(run);
        if (value === null || index === null) return null;
        const text = valueToString(value);
        const from = index < 0 ? text.length + index : index;
        return from >= 0 && from < text.length ? read(text, from) : null;
      };
    },
  };
}

/** {s.len}, {s.substr,…} …: cutting, searching and trimming of text. */
export const STRING_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  len: textTransform('Length.', (text) => text.length),
  int: textTransform('The text as an integer; null when it is none.', stringToInt),
  intv: textTransform('The text as an integer, which prints as its digits (Kamailio 5.7).', stringToInt),
  selectsw: textIntTransform('Field n (negative: from the end) of text cut at white space.', 'the index', (text, n) =>
    field(text.replace(/\s/g, ' '), n, ' '),
  ),
  tolower: caseTransform('ASCII letters in lower case.', LOWER),
  toupper: caseTransform('ASCII letters in upper case.', UPPER),
  numeric: textTransform('The digits only.', (text) => text.replace(/[^0-9]+/g, '')),
  rmws: textTransform('Without white space.', (text) => text.replace(/[ \t\r\n]+/g, '')),
  rmhdws: textTransform('A header on one line: each line end and the white space after it becomes one space.', (text) =>
    text.replace(/\r?\n[ \t]+/g, ' '),
  ),
  rmhlws: textTransform('A header on one line: each line end goes with the white space after it.', (text) =>
    text.replace(/\r?\n[ \t]+/g, ''),
  ),
  trim: textTransform('Without white space at both ends.', (text) => trimStart(trimEnd(text))),
  ltrim: textTransform('Without white space at the start.', trimStart),
  rtrim: textTransform('Without white space at the end.', trimEnd),
  unquote: textTransform('Without the quotes around it, " or \'.', (text) => unwrap(text, '"\'', '"\'')),
  unbracket: textTransform('Without the brackets around it: (), [], {} or <>.', (text) => unwrap(text, '([{<', ')]}>')),
  strip: textIntTransform('Without the first n characters.', 'the count', (text, n) => (n <= 0 ? text : text.slice(n))),
  striptail: textIntTransform('Without the last n characters.', 'the count', (text, n) =>
    n <= 0 ? text : text.slice(0, Math.max(0, text.length - n)),
  ),
  stripto: textCharTransform('From the first occurrence of a character on.', (text, c) => from(text, find(text, c))),
  rm: textStrTransform('Without every occurrence of a text.', (text, what) =>
    what === '' ? text : text.split(what).join(''),
  ),
  count: textCharTransform('How often a character occurs.', (text, c) =>
    c === '' ? 0 : text.split(c.charAt(0)).length - 1,
  ),
  before: textCharTransform('What stands before the first c; all of it without one.', (text, c) =>
    before(text, find(text, c)),
  ),
  rbefore: textCharTransform('What stands before the last c; all of it without one.', (text, c) =>
    before(text, findLast(text, c)),
  ),
  after: textCharTransform('What stands after the first c; nothing without one.', (text, c) =>
    after(text, find(text, c)),
  ),
  rafter: textCharTransform('What stands after the last c; nothing without one.', (text, c) =>
    after(text, findLast(text, c)),
  ),
  substr: {
    doc: 'Part from an offset (negative: from the end), of a length (0: to the end). Null when the offset is outside.',
    params: [2, 2],
    bind: ([at, count]) => {
      if (at === undefined || count === undefined) return 'an offset and a length are needed';
      const offset = intArg(at, 'the offset');
      const length = intArg(count, 'the length');
      if (typeof offset === 'string') return offset;
      if (typeof length === 'string') return length;
      if (typeof length === 'number' && length < 0) return 'the length can not be negative';
      if (typeof offset === 'number' && typeof length === 'number')
        return (_run, value) => (value === null ? null : substr(valueToString(value), offset, length));
      return (run, value) => {
        const start = intIn(offset, run);
        const size = intIn(length, run);
        return value === null || start === null || size === null ? null : substr(valueToString(value), start, size);
      };
    },
  },
  charat: charAt('Character at a place, from 0; null beyond the end.', (text, at) => text.charAt(at)),
  byteat: charAt('Number of the byte at a place, from 0; null beyond the end.', (text, at) => text.charCodeAt(at)),
  select: {
    doc: 'Field n (negative: from the end) of text cut at a character; nothing when there is none.',
    params: [2, 3],
    bind: ([n, separator, rest]) => {
      if (n === undefined || separator === undefined) return 'an index and a separator are needed';
      const index = intArg(n, 'the index');
      if (typeof index === 'string') return index;
      // `{s.select,1,,}`: the separator is the comma that cut the parameters
      const text = separator.kind === 'text' ? separator.text : '';
      const c = rest === undefined ? (ESCAPES.get(text) ?? text) : text === '' ? ',' : '';
      if (c.length !== 1) return 'the separator must be one character';
      if (text === ANY_SPACE) {
        return (run, value) => {
          const at = typeof index === 'number' ? index : index(run);
          return value === null || at === null ? null : field(valueToString(value).replace(/\s/g, c), at, c);
        };
      }
      if (typeof index === 'number')
        return (_run, value) => (value === null ? null : field(valueToString(value), index, c));
      return (run, value) => {
        const at = index(run);
        return value === null || at === null ? null : field(valueToString(value), at, c);
      };
    },
  },
  replace: {
    doc: 'Every occurrence of a text replaced by another.',
    params: [2, 2],
    bind: ([match, replacement]) => {
      if (match === undefined || replacement === undefined) return 'a text and its replacement are needed';
      const what = strArg(match);
      const by = strArg(replacement);
      return (run, value) => {
        const old = strIn(what, run);
        const put = strIn(by, run);
        if (value === null || old === null || put === null) return null;
        const text = valueToString(value);
        return old === '' ? text : text.split(old).join(put);
      };
    },
  },
  prefixes: prefixes('All prefixes, separated by commas, up to n characters: 1,12,123.', ''),
  'prefixes.quoted': prefixes('All prefixes in single quotes, separated by commas.', "'"),
  fmtlines: lines('Cut into lines of n characters, each but the first after m spaces.', ' '),
  fmtlinet: lines('Cut into lines of n characters, each but the first after m tabs.', '\t'),
  ftime: {
    doc: 'Seconds since 1970 written by a strftime format, in local time.',
    params: [1, 1],
    paramStyle: 'rest',
    bind: ([format]) => {
      if (format === undefined) return 'a format is needed';
      const arg = strArg(format);
      return (run, value) => {
        const text = strIn(arg, run);
        const seconds = typeof value === 'string' ? stringToInt(value) : value;
        return text === null || seconds === null ? null : strftime(text, seconds * 1000, false);
      };
    },
  },
  corehash: {
    doc: "Kamailio's core hash of the text, as text; with n, its low bits under n - 1.",
    params: [0, 1],
    bind: ([param]) => {
      const size = param === undefined ? 0 : intArg(param, 'the size');
      if (typeof size === 'string') return size;
      return (run, value) => {
        const n = intIn(size, run);
        return value === null || n === null ? null : String(coreHash(valueToString(value), n));
      };
    },
  },
};

function caseTransform(doc: string, letterCase: LetterCase): TransformDef {
  return {
    doc,
    params: [0, 0],
    bind: () => {
      const change = caseChanger(letterCase);
      return (_run, value) => (value === null ? null : change(valueToString(value)));
    },
  };
}

function trimStart(text: string): string {
  let i = 0;
  while (i < text.length && isSpace(text.charCodeAt(i))) i++;
  return i === 0 ? text : text.slice(i);
}

function trimEnd(text: string): string {
  let i = text.length;
  while (i > 0 && isSpace(text.charCodeAt(i - 1))) i--;
  return i === text.length ? text : text.slice(0, i);
}

function isSpace(c: number): boolean {
  return c === 32 || c === 9 || c === 10 || c === 13;
}

function unwrap(text: string, open: string, close: string): string {
  if (text.length < 2) return text;
  const at = open.indexOf(text.charAt(0));
  return at >= 0 && text.charAt(text.length - 1) === close.charAt(at) ? text.slice(1, -1) : text;
}

/** Nothing is found of the empty text. */
function find(text: string, c: string): number {
  return c === '' ? -1 : text.indexOf(c);
}

function findLast(text: string, c: string): number {
  return c === '' ? -1 : text.lastIndexOf(c);
}

function from(text: string, at: number): string {
  return at < 0 ? '' : text.slice(at);
}

function before(text: string, at: number): string {
  return at < 0 ? text : text.slice(0, at);
}

function after(text: string, at: number): string {
  return at < 0 ? '' : text.slice(at + 1);
}

function substr(text: string, offset: number, length: number): string | null {
  const start = offset < 0 ? text.length + offset : offset;
  if (start < 0 || start >= text.length || length < 0) return null;
  return length === 0 ? text.slice(start) : text.slice(start, start + length);
}

function field(text: string, index: number, separator: string): string {
  if (index < 0) {
    let end = text.length;
    for (let left = -index - 1; left > 0; left--) {
      end = end === 0 ? -1 : text.lastIndexOf(separator, end - 1);
      if (end < 0) return '';
    }
    return text.slice(end === 0 ? 0 : text.lastIndexOf(separator, end - 1) + 1, end);
  }
  let start = 0;
  for (let left = index; left > 0; left--) {
    start = text.indexOf(separator, start) + 1;
    if (start === 0) return '';
  }
  const end = text.indexOf(separator, start);
  return end < 0 ? text.slice(start) : text.slice(start, end);
}

/** Longest text whose prefixes are listed without a limit: the list grows with the square of the length. */
const MAX_PREFIXES = 512;

function prefixes(doc: string, quote: string): TransformDef {
  return {
    doc,
    params: [0, 1],
    bind: ([param]) => {
      const limit = param === undefined ? 0 : intArg(param, 'the length');
      if (typeof limit === 'string') return limit;
      return (run, value) => {
        const n = intIn(limit, run);
        if (value === null || n === null) return null;
        const text = valueToString(value);
        const longest = Math.min(n <= 0 ? text.length : n, text.length, MAX_PREFIXES);
        let out = '';
        for (let i = 1; i <= longest; i++) out += `${i === 1 ? '' : ','}${quote}${text.slice(0, i)}${quote}`;
        return out;
      };
    },
  };
}

function lines(doc: string, filler: string): TransformDef {
  return {
    doc,
    params: [2, 2],
    bind: ([width, indent]) => {
      if (width === undefined || indent === undefined) return 'a line length and an indentation are needed';
      const n = intArg(width, 'the line length');
      const m = intArg(indent, 'the indentation');
      if (typeof n === 'string') return n;
      if (typeof m === 'string') return m;
      return (run, value) => {
        const size = intIn(n, run);
        const pad = intIn(m, run);
        if (value === null || size === null || pad === null || size <= 0 || pad < 0 || pad > 1024) return null;
        const text = valueToString(value);
        const start = `\r\n${filler.repeat(pad)}`;
        let out = text.slice(0, size);
        for (let at = size; at < text.length; at += size) out += start + text.slice(at, at + size);
        return out;
      };
    },
  };
}
