import type { PosixMatch, PosixRegex } from './posix-regex.ts';
import { BudgetMatcher } from './regex-budget.ts';
import { canRunLinear, timedExec } from './regex-linear.ts';
import { LongestEnd } from './regex-longest.ts';
import { type ByteSet, hasByte, parseRegex, type RegexNode, type RegexSyntax, WORD_SET } from './regex-parse.ts';

/**
 * POSIX extended expressions on V8. They are written for JavaScript without its `i` and `m` flags (case is written out
 * as sets, so that only ASCII letters fold, as in the C locale), because then V8's linear engine can take over an
 * expression that backtracks too much: no text can stall the process. What that engine has not (back-references, `\<` in
 * odd places) runs on a matcher of ours with a budget of steps. Bounded repeats that are too large for it are written
 * out; where that can not be, a search is given up after a time.
 *
 * A match is the longest of those that begin leftmost, as POSIX wants; where its groups could be cut in several ways, the
 * first alternatives and the longest repeats are taken, which is what glibc does.
 */
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
  const flags = syntax.newline ? 'm' : '';
  try {
    const regex = new RegExp(js, flags);
    const build = { source, root: parsed.root, hidesCr: syntax.newline };
    if (canRunLinear(js, flags) || countRepeats(parsed.root) < 2) return new NativeRegex(build, regex);
    const spelledOut = toJavaScript(parsed.root, { ...syntax, spellsOut: true }) ?? js;
    if (spelledOut.length <= MAX_SPELLED_OUT && canRunLinear(spelledOut, flags))
      return new NativeRegex(build, new RegExp(spelledOut, flags));
    return new NativeRegex(build, regex, timedExec);
  } catch (error) {
    return error instanceof SyntaxError ? 'Regular expression too big' : String(error);
  }
}

/** Longest expression that comes of writing out repeats. */
const MAX_SPELLED_OUT = 100_000;
/** Repeats that V8's linear engine takes. */
const MAX_LINEAR_REPEAT = 16;
/** Optional chars within each other that are written out. */
const MAX_OPTIONAL = 1000;

/** Repeats that may match in several ways: an expression with one of them alone can not backtrack exponentially. */
function countRepeats(node: RegexNode): number {
  switch (node.type) {
    case 'group':
      return countRepeats(node.body);
    case 'choice':
    case 'sequence':
      return node.items.reduce((sum, item) => sum + countRepeats(item), 0);
    case 'repeat':
      return countRepeats(node.body) + (node.max > 1 && node.min !== node.max ? 1 : 0);
    case 'set':
    case 'assert':
    case 'backref':
      return 0;
  }
}

type Exec = (regex: RegExp, text: string) => RegExpExecArray | null;
const execNative: Exec = (regex, text) => regex.exec(text);

/** In newline mode a CR is written as this char, because JavaScript counts it as a line end and POSIX does not. */
const CR_STAND_IN = '\u0100';

interface RegexBuild {
  readonly source: string;
  readonly root: RegexNode;
  /** In newline mode. */
  readonly hidesCr: boolean;
}

class NativeRegex implements PosixRegex {
  readonly source: string;
  readonly native?: RegExp;
  readonly #build: RegexBuild;
  /** Without the g flag, for then a test is cheapest. */
  readonly #regex: RegExp;
  /** The same that begins at `lastIndex`; made on first use. */
  #global: RegExp | null = null;
  /** Finds the longest match; null where the first is the longest, undefined before the first use. */
  #longest: LongestEnd | null | undefined = undefined;
  /** The same at `lastIndex` and up to the end of the text. */
  #whole: RegExp | null = null;
  readonly #hidesCr: boolean;
  readonly #exec: Exec;

  constructor(build: RegexBuild, regex: RegExp, exec: Exec = execNative) {
    this.source = build.source;
    this.#build = build;
    this.#regex = regex;
    this.#hidesCr = build.hidesCr;
    this.#exec = exec;
    if (exec === execNative && !build.hidesCr) this.native = regex;
  }

  test(text: string): boolean {
    const visible = this.#hidesCr ? hideCr(text) : text;
    return this.#exec === execNative ? this.#regex.test(visible) : this.#exec(this.#regex, visible) !== null;
  }

  exec(text: string, from = 0): PosixMatch | null {
    this.#global ??= new RegExp(this.#regex.source, `${this.#regex.flags}g`);
    this.#global.lastIndex = from;
    const visible = this.#hidesCr ? hideCr(text) : text;
    const first = this.#exec(this.#global, visible);
    if (first === null) return null;
    const m = this.#longer(text, visible, first) ?? first;
    const groups = this.#hidesCr ? m.map((group) => group?.replaceAll(CR_STAND_IN, '\r')) : [...m];
    return { start: m.index, end: m.index + m[0].length, groups };
  }

  /** The longest match where `first` begins; null where that is the longest. */
  #longer(text: string, visible: string, first: RegExpExecArray): RegExpExecArray | null {
    const end = first.index + first[0].length;
    if (end === text.length) return null;
    this.#longest ??= this.#longest === null ? null : LongestEnd.of(this.#build.root, this.#hidesCr);
    const longest = this.#longest?.find(text, first.index) ?? -1;
    if (longest <= end) return null;
    this.#whole ??= new RegExp(`(?:${this.#regex.source})$`, `${this.#regex.flags}y`);
    this.#whole.lastIndex = first.index;
    const found = this.#exec(this.#whole, visible.slice(0, longest));
    return found !== null && found.index + found[0].length === longest ? found : null;
  }
}

function hideCr(text: string): string {
  return text.includes('\r') ? text.replaceAll('\r', CR_STAND_IN) : text;
}

/** The expression for JavaScript; null where it needs what V8's linear engine can not do. */
function toJavaScript(root: RegexNode, syntax: WriteSyntax): string | null {
  try {
    return write(root, syntax);
  } catch (error) {
    if (error instanceof Unsupported) return null;
    throw error;
  }
}

interface WriteSyntax extends RegexSyntax {
  /** Large repeats of single chars are written out: `a(?:a(?:a)?)?` for `a{1,3}`. */
  readonly spellsOut?: boolean;
}

class Unsupported extends Error {}

function write(node: RegexNode, syntax: WriteSyntax): string {
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
      return writeRepeat(node, syntax);
    case 'assert':
      return writeAssertion(node.what, syntax);
    case 'backref':
      throw new Unsupported();
  }
}

function writeItem(items: readonly RegexNode[], item: RegexNode, i: number, syntax: WriteSyntax): string {
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

function writeAssertion(what: string, syntax: WriteSyntax): string {
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

function writeRepeat({ body, min, max }: Extract<RegexNode, { type: 'repeat' }>, syntax: WriteSyntax): string {
  const text = writeRepeated(body, syntax);
  const isLarge = min > MAX_LINEAR_REPEAT || (max > MAX_LINEAR_REPEAT && max !== Number.POSITIVE_INFINITY);
  if (syntax.spellsOut !== true || !isLarge || body.type !== 'set') return `${text}${quantifier(min, max)}`;
  if (max === Number.POSITIVE_INFINITY) return `${text.repeat(min)}${text}*`;
  const optional = max - min;
  if (optional > MAX_OPTIONAL) return `${text}${quantifier(min, max)}`;
  return `${text.repeat(min)}${`(?:${text}`.repeat(optional)}${')?'.repeat(optional)}`;
}

function writeRepeated(body: RegexNode, syntax: WriteSyntax): string {
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
