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
  if (length === 0) return null;
  let at = 0;
  for (;;) {
    const nameStart = at;
    while (at < length && !isBreak(text.charAt(at), separator) && text.charAt(at) !== '=') at++;
    const name = text.slice(nameStart, at);
    at = skipSpace(text, at);
    let value = '';
    if (text.charAt(at) === '=') {
      at = skipSpace(text, at + 1);
      if (at < length) {
        const quote = text.charAt(at);
        const end = quote === '"' || quote === "'" ? closingQuote(text, at, quote) : tokenEnd(text, at, separator);
        if (end <= at) return null;
        value = quote === '"' || quote === "'" ? text.slice(at + 1, end - 1) : text.slice(at, end);
        at = skipSpace(text, end);
      }
    }
    if (params.length === MAX_PARAMS) return null;
    params.push({ name, value });
    if (at >= length || text.charAt(at) === ',') return params;
    if (text.charAt(at) !== separator) return null;
    at++;
    if (at >= length) return params;
    at = skipSpace(text, at);
    if (at >= length) return null;
  }
}

/** Value of the last parameter of the name, compared without case; null when there is none. */
export function paramByName(params: readonly ListParam[], name: string): string | null {
  const lower = name.toLowerCase();
  return params.findLast((param) => param.name.toLowerCase() === lower)?.value ?? null;
}

function isBreak(c: string, separator: string): boolean {
  return c === separator || c === ',' || c === ' ' || c === '\t' || c === '\r' || c === '\n';
}

function skipSpace(text: string, at: number): number {
  let i = at;
  while (i < text.length && ' \t\r\n'.includes(text.charAt(i))) i++;
  return i;
}

function tokenEnd(text: string, at: number, separator: string): number {
  let i = at;
  while (i < text.length && !isBreak(text.charAt(i), separator)) i++;
  return i;
}

/** One past the closing quote, or -1. A backslash keeps the character behind it. */
function closingQuote(text: string, at: number, quote: string): number {
  for (let i = at + 1; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '\\') i++;
    else if (c === quote) return i + 1;
  }
  return -1;
}
