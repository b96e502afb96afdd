/** Finding the ends of the elements that both the preprocessor and the lexer must step over alike. */

const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const LINE_FEED = 10;
const PAREN_OPEN = 40;
const PAREN_CLOSE = 41;

/**
 * The offset behind a string that starts at `start` with `"` (backslash escapes) or `'` (none); -1 where it does
 * not end.
 */
export function endOfString(text: string, start: number): number {
  const quote = text.charCodeAt(start);
  if (quote === APOSTROPHE) return text.indexOf("'", start + 1) + 1 || -1;
  return endOfQuoted(text, start + 1);
}

/** The offset behind the `"` that closes a string of which `from` is inside; -1 where there is none. */
export function endOfQuoted(text: string, from: number): number {
  for (let i = from; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === BACKSLASH) i++;
    else if (c === QUOTE) return i + 1;
  }
  return -1;
}

/** The offset of the line feed that ends the line, or the text's length. */
export function endOfLine(text: string, from: number): number {
  const at = text.indexOf('\n', from);
  return at < 0 ? text.length : at;
}

const COMMENT_EDGE = /\/\*|\*\//g;

/** The offset behind a block comment that starts at `start`; they nest, as in Kamailio. -1 where it does not end. */
export function endOfBlockComment(text: string, start: number): number {
  COMMENT_EDGE.lastIndex = start + 2;
  let depth = 1;
  for (let m = COMMENT_EDGE.exec(text); m !== null; m = COMMENT_EDGE.exec(text)) {
    depth += m[0] === '/*' ? 1 : -1;
    if (depth === 0) return COMMENT_EDGE.lastIndex;
  }
  return -1;
}

const PV_NAME = /\?|[A-Za-z0-9_]+/y;
/** SER's attributes with a track and class: `$f.did`, `$tu.x`. */
const ATTRIBUTE = /(?:f|t|fr|tr|fu|tu|fd|td|g)\.[A-Za-z_]\w*/y;

/**
 * The offset behind the pseudo-variable that starts with the `$` at `start`: `$name`, `$name(…)` or `$(…)`, where
 * parentheses are counted. -1 where a parenthesis does not end; `start + 1` for a lone `$`.
 */
export function endOfPv(text: string, start: number): number {
  let at = start + 1;
  if (text.charCodeAt(at) === PAREN_OPEN) return endOfParens(text, at);
  ATTRIBUTE.lastIndex = at;
  if (ATTRIBUTE.test(text)) return ATTRIBUTE.lastIndex;
  PV_NAME.lastIndex = at;
  if (!PV_NAME.test(text)) return start + 1;
  at = PV_NAME.lastIndex;
  return text.charCodeAt(at) === PAREN_OPEN ? endOfParens(text, at) : at;
}

/** The offset behind the parenthesis that closes the one at `start`; -1 where none does. */
export function endOfParens(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === PAREN_OPEN) depth++;
    else if (c === PAREN_CLOSE && --depth === 0) return i + 1;
  }
  return -1;
}

/** True for the codes of letters, digits and the underscore. */
export function isWordCode(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || (c >= 48 && c <= 57) || c === 95;
}

export { LINE_FEED };
