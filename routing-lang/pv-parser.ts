import type { PvSyntax, TransformSyntax } from './ast.ts';
import { endOfParens } from './scan.ts';

/** What is wrong with a variable; the offset is within the text that was parsed. */
export interface PvError {
  readonly message: string;
  readonly offset: number;
}

/** One parsed variable and where it ends, or the error. */
export type PvResult =
  | { readonly pv: PvSyntax; readonly end: number; readonly error: null }
  | { readonly pv: null; readonly end: number; readonly error: PvError };

/** A format string: literal text and variables in turn. Errors leave their text as a literal piece. */
export interface FormatSyntax {
  readonly pieces: readonly (string | PvSyntax)[];
  readonly errors: readonly PvError[];
}

const MAX_NESTING = 16;

/** Class names: Kamailio counts dots and question marks to the name, so that `$ru.` is an error for `$(ru).`. */
const NAME = /[A-Za-z0-9_.?]+/y;

/** Of these a part may be chosen behind the name, too: `$(leg(callee)=>callid)` is `$leg(callee=>callid)`. */
const SELECTABLE = new Set(['leg', 'peer']);
const SELECTOR = /=>[A-Za-z_]+/y;

/** Parses the variable that starts at `start` of `text` with a `$`; text may go on behind it. */
export function parsePv(text: string, start = 0, depth = 0): PvResult {
  if (text.charCodeAt(start) !== 36) return fail(start, 'a variable starts with "$"');
  if (depth > MAX_NESTING) return fail(start, 'variables are nested too deep');
  const isWrapped = text.charAt(start + 1) === '(';
  let at = start + (isWrapped ? 2 : 1);
  NAME.lastIndex = at;
  const className = NAME.exec(text)?.[0] ?? '';
  if (className === '')
    return fail(
      start,
      text.charAt(at) === ''
        ? 'a lone "$": write "$$" for a dollar'
        : `no variable name behind "${text.slice(start, at)}"`,
    );
  if (className.length > 1 && /[.?]$/.test(className)) {
    const bare = className.replace(/[.?]+$/, '');
    return fail(
      start,
      `"${className.slice(bare.length)}" would be part of the name: write $(${bare})${className.slice(bare.length)}`,
    );
  }
  at += className.length;
  let name: string | null = null;
  if (text.charAt(at) === '(') {
    const close = endOfParens(text, at);
    if (close < 0) return fail(at, `the parenthesis of $${className}( is not closed`);
    name = text.slice(at + 1, close - 1);
    at = close;
    SELECTOR.lastIndex = at;
    const selector = isWrapped && SELECTABLE.has(className) ? (SELECTOR.exec(text)?.[0] ?? '') : '';
    name += selector;
    at += selector.length;
  }
  if (!isWrapped) return done(text, start, at, { className, name, index: null, transformations: [] });
  return parseWrapped(text, start, at, className, name, depth);
}

/** What follows the name inside `$(…)`: an index, transformations, the closing parenthesis. */
function parseWrapped(
  text: string,
  start: number,
  from: number,
  className: string,
  name: string | null,
  depth: number,
): PvResult {
  let at = from;
  let index: PvSyntax['index'] = null;
  if (text.charAt(at) === '[') {
    const parsed = parseIndex(text, at, depth);
    if (parsed.error !== null) return { pv: null, end: parsed.end, error: parsed.error };
    index = parsed.index;
    at = parsed.end;
  }
  const transformations: TransformSyntax[] = [];
  while (text.charAt(at) === '{') {
    const parsed = parseTransform(text, at, start);
    if (typeof parsed === 'string') return fail(at, parsed);
    transformations.push(parsed.transform);
    at = parsed.end;
    while (text.charAt(at) === ' ') at++;
  }
  if (text.charAt(at) === ')') return done(text, start, at + 1, { className, name, index, transformations });
  if (at >= text.length) return fail(start, `${text.slice(start)} has no closing parenthesis`);
  return fail(at, `unexpected "${text.charAt(at)}" in a variable`);
}

function parseIndex(
  text: string,
  open: number,
  depth: number,
): { index: PvSyntax['index']; end: number; error: PvError | null } {
  const at = open + 1;
  let end: number;
  let index: PvSyntax['index'];
  if (text.charAt(at) === '$') {
    const inner = parsePv(text, at, depth + 1);
    if (inner.error !== null) return { index: null, end: inner.end, error: inner.error };
    index = inner.pv;
    end = inner.end;
  } else {
    const m = /^(?:\*|-?\d{1,9})/.exec(text.slice(at, at + 12));
    if (m === null)
      return { index: null, end: at, error: { message: 'an index is a number, "*" or a variable', offset: at } };
    index = m[0] === '*' ? '*' : Number(m[0]);
    end = at + m[0].length;
  }
  if (text.charAt(end) !== ']')
    return { index: null, end, error: { message: '"]" expected behind the index', offset: end } };
  return { index, end: end + 1, error: null };
}

const TRANSFORM = /^([a-z][\w]*)\.([^,]+)(?:,([\s\S]*))?$/;

/** `{class.name,params}`; braces inside the parameters nest. A string is an error message. */
function parseTransform(
  text: string,
  open: number,
  pvStart: number,
): { transform: TransformSyntax; end: number } | string {
  const close = endOfBraces(text, open);
  if (close < 0) return 'the transformation is not closed by "}"';
  const inner = text.slice(open + 1, close - 1);
  const m = TRANSFORM.exec(inner);
  if (m === null) return `"${inner}" is no transformation: {class.name} or {class.name,parameters} expected`;
  const transform = {
    text: inner,
    className: m[1] ?? '',
    name: m[2] ?? '',
    params: m[3] ?? null,
    offset: open + 1 - pvStart,
  };
  return { transform, end: close };
}

/** `{s.select,1,}}` and the like: the parameter is a closing brace. */
const BRACE_PARAMETER = /\{(?:s\.select,[^{}]*,|s\.rm,|s\.index,)\}\}/y;

function endOfBraces(text: string, open: number): number {
  BRACE_PARAMETER.lastIndex = open;
  if (BRACE_PARAMETER.test(text)) return BRACE_PARAMETER.lastIndex;
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 123) depth++;
    else if (c === 125 && --depth === 0) return i + 1;
  }
  return -1;
}

function done(text: string, start: number, end: number, parts: Omit<PvSyntax, 'text' | 'offset'>): PvResult {
  return { pv: { text: text.slice(start, end), ...parts, offset: start }, end, error: null };
}

function fail(offset: number, message: string): PvResult {
  return { pv: null, end: offset + 1, error: { message, offset } };
}

/** Splits a format string (`xlog`, most string parameters) into text and variables; `$$` is a dollar. */
export function parseFormat(text: string): FormatSyntax {
  const pieces: (string | PvSyntax)[] = [];
  const errors: PvError[] = [];
  let literal = '';
  let from = 0;
  for (let at = text.indexOf('$'); at >= 0; at = text.indexOf('$', from)) {
    literal += text.slice(from, at);
    if (text.charCodeAt(at + 1) === 36) {
      literal += '$';
      from = at + 2;
      continue;
    }
    const parsed = parsePv(text, at);
    if (parsed.error !== null) {
      errors.push(parsed.error);
      literal += '$';
      from = at + 1;
      continue;
    }
    if (literal !== '') pieces.push(literal);
    literal = '';
    pieces.push(parsed.pv);
    from = parsed.end;
  }
  literal += text.slice(from);
  if (literal !== '') pieces.push(literal);
  return { pieces, errors };
}
