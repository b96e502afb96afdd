/**
 * POSIX extended regular expressions, as glibc reads them, in JavaScript's (architecture §3). One difference stays: of
 * several alternatives that match at one place POSIX takes the longest, JavaScript the first.
 */

import type { PosixMatch, PosixRegex } from './posix-regex.ts';

export interface PosixFlags {
  /** REG_ICASE. */
  readonly ignoreCase?: boolean;
  /** REG_NEWLINE: `.` and `[^…]` stop at a line feed, `^` and `$` match at each. */
  readonly newline?: boolean;
}

/** Longer expressions are refused. */
export const MAX_REGEX_LENGTH = 8192;
/** Repeat counts beyond RE_DUP_MAX are refused. */
const MAX_REPEAT = 32767;

class CompiledPosix implements PosixRegex {
  readonly source: string;
  readonly #regex: RegExp;
  readonly #global: RegExp;

  constructor(source: string, pattern: string, flags: string) {
    this.source = source;
    this.#regex = new RegExp(pattern, flags);
    this.#global = new RegExp(pattern, `${flags}g`);
  }

  test(text: string): boolean {
    return this.#regex.test(text);
  }

  exec(text: string, from = 0): PosixMatch | null {
    this.#global.lastIndex = from;
    const match = this.#global.exec(text);
    return match === null ? null : { start: match.index, end: match.index + match[0].length, groups: match };
  }
}

/** The compiled expression, or what is wrong with it. */
export function compilePosix(source: string, flags: PosixFlags = {}): PosixRegex | string {
  if (source.length > MAX_REGEX_LENGTH) return 'the regular expression is too long';
  const pattern = new Translator(source, flags.newline === true).run();
  if (pattern === null) return `bad regular expression '${source}'`;
  try {
    return new CompiledPosix(source, pattern, flags.ignoreCase === true ? 'i' : '');
  } catch (error) {
    return `bad regular expression '${source}': ${error instanceof Error ? error.message : ''}`;
  }
}

const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: ' \\t-\\r',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** GNU's escapes; what is not here and no digit stands for itself. */
const ESCAPES: Readonly<Record<string, string>> = {
  w: '\\w',
  W: '\\W',
  s: '[ \\t-\\r]',
  S: '[^ \\t-\\r]',
  b: '\\b',
  B: '\\B',
  '<': '\\b(?=\\w)',
  '>': '\\b(?<=\\w)',
  '`': '^',
  "'": '$',
};

class Translator {
  readonly #source: string;
  readonly #newline: boolean;
  #at = 0;
  #out = '';
  #depth = 0;
  #groups = 0;
  /** False where a repeat has nothing to repeat. */
  #canRepeat = false;

  constructor(source: string, newline: boolean) {
    this.#source = source;
    this.#newline = newline;
  }

  run(): string | null {
    while (this.#at < this.#source.length) if (!this.#step()) return null;
    return this.#depth === 0 ? this.#out : null;
  }

  #emit(text: string, canRepeat: boolean): true {
    this.#out += text;
    this.#canRepeat = canRepeat;
    return true;
  }

  #step(): boolean {
    const c = this.#source.charAt(this.#at++);
    switch (c) {
      case '.':
        return this.#emit(this.#newline ? '[^\\n]' : '[^]', true);
      case '^':
        return this.#emit(this.#newline ? '(?<![^\\n])' : '^', false);
      case '$':
        return this.#emit(this.#newline ? '(?![^\\n])' : '$', false);
      case '[':
        return this.#bracket();
      case '(':
        this.#depth++;
        this.#groups++;
        return this.#emit('(', false);
      case ')':
        // glibc takes one that closes nothing as itself
        if (this.#depth === 0) return this.#emit('\\)', true);
        this.#depth--;
        return this.#emit(')', true);
      case '|':
        return this.#emit('|', false);
      case '*':
        return this.#canRepeat ? this.#repeat('*') : this.#emit('\\*', true);
      case '+':
      case '?':
        return this.#canRepeat && this.#repeat(c);
      case '{':
        return this.#interval();
      case '\\':
        return this.#escape();
      default:
        return this.#emit(/[/}\]]/.test(c) ? `\\${c}` : c, true);
    }
  }

  /** Of repeats in a row (`a+*`) the whole is repeated, as in POSIX; JavaScript would make them lazy. */
  #repeat(mark: string): true {
    const next = this.#source.charAt(this.#at);
    if (next !== '*' && next !== '+' && next !== '?') return this.#emit(mark, true);
    while (/[*+?]/.test(this.#source.charAt(this.#at))) this.#at++;
    return this.#emit('*', true);
  }

  #interval(): boolean {
    const match = /^(\d*)(?:(,)(\d*))?\}/.exec(this.#source.slice(this.#at, this.#at + 16));
    if (match === null || (match[1] === '' && match[2] === undefined)) return this.#emit('\\{', true);
    if (!this.#canRepeat) return false;
    const low = Number(match[1] ?? '');
    const high = match[2] === undefined ? low : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (low > high || low > MAX_REPEAT || (Number.isFinite(high) && high > MAX_REPEAT)) return false;
    this.#at += match[0].length;
    while (/[*+?]/.test(this.#source.charAt(this.#at))) this.#at++;
    return this.#emit(`{${low},${Number.isFinite(high) ? high : ''}}`, true);
  }

  #escape(): boolean {
    const c = this.#source.charAt(this.#at++);
    if (c === '') return false;
    if (c >= '1' && c <= '9') return Number(c) <= this.#groups && this.#emit(`\\${c}(?:)`, true);
    const known = Object.hasOwn(ESCAPES, c) ? ESCAPES[c] : undefined;
    if (known !== undefined) return this.#emit(known, c === 'w' || c === 'W' || c === 's' || c === 'S');
    return this.#emit(/[A-Za-z0-9_]/.test(c) ? c : literal(c), true);
  }

  /** A bracket expression: `]` first is itself, backslashes are themselves, classes by name. */
  #bracket(): boolean {
    const source = this.#source;
    let i = this.#at;
    const negated = source.charAt(i) === '^';
    if (negated) i++;
    let set = negated && this.#newline ? '\\n' : '';
    const first = i;
    for (;;) {
      const c = source.charAt(i);
      if (c === '') return false;
      if (c === ']' && i > first) break;
      const kind = c === '[' ? source.charAt(i + 1) : '';
      if (kind === ':' || kind === '.' || kind === '=') {
        const close = source.indexOf(`${kind}]`, i + 2);
        if (close < 0) return false;
        const name = source.slice(i + 2, close);
        const content = kind === ':' ? CLASSES[name] : name.length === 1 ? literal(name) : undefined;
        if (content === undefined) return false;
        set += content;
        i = close + 2;
      } else if (source.charAt(i + 1) === '-' && source.charAt(i + 2) !== ']' && source.charAt(i + 2) !== '') {
        if (source.charCodeAt(i + 2) < source.charCodeAt(i)) return false;
        set += `${literal(c)}-${literal(source.charAt(i + 2))}`;
        i += 3;
      } else {
        set += literal(c);
        i++;
      }
    }
    this.#at = i + 1;
    return this.#emit(`[${negated ? '^' : ''}${set}]`, true);
  }
}

/** A char that means itself, inside brackets too. */
function literal(c: string): string {
  return /[A-Za-z0-9_]/.test(c) ? c : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Expressions made from variables: the last few of them stay compiled. Not for expressions that come from a message. */
export class PosixCache {
  readonly #flags: PosixFlags;
  readonly #compiled = new Map<string, PosixRegex | string>();

  constructor(flags: PosixFlags) {
    this.#flags = flags;
  }

  /** The compiled expression, or what is wrong with it. */
  get(source: string): PosixRegex | string {
    let found = this.#compiled.get(source);
    if (found === undefined) {
      found = compilePosix(source, this.#flags);
      const oldest = this.#compiled.size >= CACHE_SIZE ? this.#compiled.keys().next() : null;
      if (oldest !== null && oldest.done !== true) this.#compiled.delete(oldest.value);
      this.#compiled.set(source, found);
    }
    return found;
  }
}

const CACHE_SIZE = 256;
