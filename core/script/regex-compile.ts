import { setFlagsFromString } from 'node:v8';
import type { PosixMatch, PosixRegex } from './posix-regex.ts';
import { BudgetMatcher } from './regex-budget.ts';
import { type ByteSet, hasByte, parseRegex, type RegexNode, type RegexSyntax, WORD_SET } from './regex-parse.ts';

/**
 * POSIX extended expressions on V8. They are written for JavaScript without its `i` and `m` flags (case is written out
 * as sets, so that only ASCII letters fold, as in the C locale), because then V8's linear engine can take over an
 * expression that backtracks too much: no text can stall the process. What that engine has not (back-references, `\<` in
 * odd places) runs on a matcher of ours with a budget of steps.
 *
 * Matching differs from POSIX in one way: of alternatives that match at the same place the first is taken, not the
 * longest. Whether an expression matches is not affected, only what the groups hold.
 */
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');

export interface RegexOptions {
  /** REG_ICASE, which the `=~` of scripts has; true where not given. */
  readonly ignoreCase?: boolean;
  /** REG_NEWLINE; false where not given. */
  readonly newline?: boolean;
}

/** Compiles an expression, or says what is wrong with it. */
export function compileRegex(source: string, options: RegexOptions = {}): PosixRegex | string {
  const syntax: RegexSyntax = { ignoreCase: options.ignoreCase ?? true, newline: options.newline ?? false };
  const parsed = parseRegex(source, syntax);
  if (typeof parsed === 'string') return parsed;
  const js = toJavaScript(parsed.root, syntax);
  if (js === null) return new BudgetMatcher(source, parsed, syntax);
  try {
    return new NativeRegex(source, new RegExp(js, syntax.newline ? 'm' : ''), syntax.newline);
  } catch (error) {
    return error instanceof SyntaxError ? 'Regular expression too big' : String(error);
  }
}

/** In newline mode a CR is written as this char, because JavaScript counts it as a line end and POSIX does not. */
const CR_STAND_IN = '\u0100';

class NativeRegex implements PosixRegex {
  readonly source: string;
  /** Without the g flag, for then a test is cheapest. */
  readonly #regex: RegExp;
  /** The same that begins at `lastIndex`; made on first use. */
  #global: RegExp | null = null;
  readonly #hidesCr: boolean;

  constructor(source: string, regex: RegExp, hidesCr: boolean) {
    this.source = source;
    this.#regex = regex;
    this.#hidesCr = hidesCr;
  }

  test(text: string): boolean {
    return this.#regex.test(this.#hidesCr ? hideCr(text) : text);
  }

  exec(text: string, from = 0): PosixMatch | null {
    this.#global ??= new RegExp(this.#regex.source, `${this.#regex.flags}g`);
    this.#global.lastIndex = from;
    const m = this.#global.exec(this.#hidesCr ? hideCr(text) : text);
    if (m === null) return null;
    const groups = this.#hidesCr ? m.map((group) => group?.replaceAll(CR_STAND_IN, '\r')) : [...m];
    return { start: m.index, end: m.index + m[0].length, groups };
  }
}

function hideCr(text: string): string {
  return text.includes('\r') ? text.replaceAll('\r', CR_STAND_IN) : text;
}

/** The expression for JavaScript; null where it needs what V8's linear engine can not do. */
function toJavaScript(root: RegexNode, syntax: RegexSyntax): string | null {
  try {
    return write(root, syntax);
  } catch (error) {
    if (error instanceof Unsupported) return null;
    throw error;
  }
}

class Unsupported extends Error {}

function write(node: RegexNode, syntax: RegexSyntax): string {
  switch (node.type) {
    case 'set':
      return writeSet(node.set, syntax.newline);
    case 'group':
      return `(${write(node.body, syntax)})`;
    case 'choice':
      return node.items.map((item) => write(item, syntax)).join('|');
    case 'sequence':
      return node.items.map((item, i) => writeItem(node.items, item, i, syntax)).join('');
    case 'repeat':
      return `${writeRepeated(node.body, syntax)}${quantifier(node.min, node.max)}`;
    case 'assert':
      return writeAssertion(node.what, syntax);
    case 'backref':
      throw new Unsupported();
  }
}

function writeItem(items: readonly RegexNode[], item: RegexNode, i: number, syntax: RegexSyntax): string {
  if (item.type !== 'assert' || (item.what !== 'wordStart' && item.what !== 'wordEnd')) return write(item, syntax);
  // A word start is a boundary before a word char: plain \b says so where only a word char can follow.
  const neighbour = items[item.what === 'wordStart' ? i + 1 : i - 1];
  const set = neighbour?.type === 'repeat' && neighbour.min > 0 ? neighbour.body : neighbour;
  if (set?.type !== 'set' || !isSubset(set.set, WORD_SET)) throw new Unsupported();
  return '\\b';
}

function isSubset(set: ByteSet, of: ByteSet): boolean {
  return set.every((word, i) => (word & ~(of[i] ?? 0)) === 0);
}

function writeAssertion(what: string, syntax: RegexSyntax): string {
  switch (what) {
    case 'start':
      return '^';
    case 'end':
      return '$';
    case 'boundary':
      return '\\b';
    case 'inside':
      return '\\B';
    case 'bufferStart':
    case 'bufferEnd':
      if (syntax.newline) throw new Unsupported();
      return what === 'bufferStart' ? '^' : '$';
    default:
      throw new Unsupported();
  }
}

function writeRepeated(body: RegexNode, syntax: RegexSyntax): string {
  const text = write(body, syntax);
  return body.type === 'set' || body.type === 'group' ? text : `(?:${text})`;
}

function quantifier(min: number, max: number): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return `{${min},${max}}`;
}

/** A literal where the set is one char, else brackets with ranges. */
function writeSet(set: ByteSet, hidesCr: boolean): string {
  const ranges: [number, number][] = [];
  for (let byte = 0; byte < 256; byte++) {
    if (!hasByte(set, byte)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === byte - 1) last[1] = byte;
    else ranges.push([byte, byte]);
  }
  const extra = hidesCr && hasByte(set, 13) ? '\\u0100' : '';
  const [first] = ranges;
  if (first === undefined) return '[]';
  if (ranges.length === 1 && first[0] === first[1] && extra === '') return escapeByte(first[0]);
  if (ranges.length === 1 && first[0] === 1 && first[1] === 255 && !hidesCr) return '[^\\0]';
  const text = ranges.map(([a, b]) => (a === b ? escapeByte(a) : `${escapeByte(a)}-${escapeByte(b)}`)).join('');
  return `[${text}${extra}]`;
}

function escapeByte(byte: number): string {
  const c = String.fromCharCode(byte);
  return /[A-Za-z0-9_ @:,;=<>!"#%&'~`]/.test(c) ? c : `\\x${byte.toString(16).padStart(2, '0')}`;
}
