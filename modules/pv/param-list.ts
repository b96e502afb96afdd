import { isLws } from 'strowger';

const EQUALS = 61;
const COMMA = 44;
const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;

/** One `name=value`; the value is '' where there is none, and without the quotes that were around it. */
export interface ListParam {
  readonly name: string;
  readonly value: string;
}

/** More parameters than this and the list is refused. */
const MAX_PARAMS = 1024;

/**
 * Parses `a=1;b="x;y";c` with a separator of one character, as Kamailio's parameter parser does: a comma ends the list,
 * white space may stand around `=` and separators but not in front of the list. Null when the text is no such list.
 */
export function parseParamList(text: string, separator = ';'): ListParam[] | null {
  const params: ListParam[] = [];
  const { length } = text;
  const delimiter = separator.charCodeAt(0);
  if (length === 0) return null;
  for (let at = 0; ; ) {
    const nameStart = at;
    at = tokenEnd(text, at, delimiter, EQUALS);
    const name = text.slice(nameStart, at);
    at = skipSpace(text, at);
    let value = '';
    if (text.charCodeAt(at) === EQUALS) {
      at = skipSpace(text, at + 1);
      if (at < length) {
        const quote = text.charCodeAt(at);
        const isQuoted = quote === QUOTE || quote === APOSTROPHE;
        const end = isQuoted ? closingQuote(text, at, quote) : tokenEnd(text, at, delimiter, COMMA);
        if (end <= at) return null;
        value = isQuoted ? text.slice(at + 1, end - 1) : text.slice(at, end);
        at = skipSpace(text, end);
      }
    }
    if (params.length === MAX_PARAMS) return null;
    params.push({ name, value });
    if (at >= length || text.charCodeAt(at) === COMMA) return params;
    if (text.charCodeAt(at) !== delimiter) return null;
    if (++at >= length) return params;
    at = skipSpace(text, at);
    if (at >= length) return null;
  }
}

/** Value of the last parameter of the name, compared without case; null when there is none. */
export function paramByName(params: readonly ListParam[], name: string): string | null {
  const lower = name.toLowerCase();
  for (let i = params.length - 1; i >= 0; i--) {
    const param = params[i] as ListParam;
    if (param.name === name || (param.name.length === name.length && param.name.toLowerCase() === lower))
      return param.value;
  }
  return null;
}

function skipSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && isLws(text.charCodeAt(i))) i++;
  return i;
}

/** Index of the first white space, comma, separator or `other` at or after `at`. */
function tokenEnd(text: string, at: number, delimiter: number, other: number): number {
  let i = at;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === delimiter || c === COMMA || c === other || isLws(c)) break;
  }
  return i;
}

/** One past the closing quote, or -1. A backslash keeps the character behind it. */
function closingQuote(text: string, at: number, quote: number): number {
  for (let i = at + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === quote) return i + 1;
  }
  return -1;
}
