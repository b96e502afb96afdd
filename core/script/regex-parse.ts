/**
 * Parser of POSIX extended regular expressions as glibc's `regcomp(REG_EXTENDED)` reads them in the C locale: brackets
 * with classes, intervals, back-references, GNU's `\w \W \s \S \b \B \< \> \` \'`. A backslash before any other char makes
 * it literal (`\d` is a d, or without regard to case nothing at all: a fault of glibc's that scripts may have got used to); inside brackets it is an ordinary char.
 */

/** A set of bytes: one bit for each of 0-255, in 8 words. */
export type ByteSet = Uint32Array;

export type Assertion = 'start' | 'end' | 'boundary' | 'inside' | 'wordStart' | 'wordEnd' | 'bufferStart' | 'bufferEnd';

export type RegexNode =
  | { readonly type: 'set'; readonly set: ByteSet }
  | { readonly type: 'assert'; readonly what: Assertion }
  | { readonly type: 'group'; readonly index: number; readonly body: RegexNode }
  | { readonly type: 'repeat'; readonly body: RegexNode; readonly min: number; readonly max: number }
  | { readonly type: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly type: 'choice'; readonly items: readonly RegexNode[] }
  | { readonly type: 'backref'; readonly index: number };

export interface ParsedRegex {
  readonly root: RegexNode;
  readonly groupCount: number;
}

export interface RegexSyntax {
  readonly ignoreCase: boolean;
  /** REG_NEWLINE: `.` and negated brackets leave out newline, `^` and `$` match at lines. */
  readonly newline: boolean;
}

/** Nesting of groups, and size with intervals written out: beyond them glibc runs out of memory, we refuse. */
const MAX_DEPTH = 100;
const MAX_SIZE = 20_000;
const DUP_MAX = 0x7fff;

class RegexError extends Error {}

/** Parses, or returns what is wrong in words like regerror's. */
export function parseRegex(source: string, syntax: RegexSyntax): ParsedRegex | string {
  try {
    return new Parser(source, syntax).parse();
  } catch (error) {
    if (error instanceof RegexError) return error.message;
    throw error;
  }
}

function emptySet(): ByteSet {
  return new Uint32Array(8);
}

function addByte(set: ByteSet, byte: number): void {
  set[byte >> 5] = (set[byte >> 5] ?? 0) | (1 << (byte & 31));
}

export function hasByte(set: ByteSet, byte: number): boolean {
  return byte < 256 && ((set[byte >> 5] ?? 0) & (1 << (byte & 31))) !== 0;
}

function setOf(test: (byte: number) => boolean): ByteSet {
  const set = emptySet();
  for (let byte = 0; byte < 256; byte++) if (test(byte)) addByte(set, byte);
  return set;
}

function inRanges(...ranges: readonly string[]): (byte: number) => boolean {
  return (byte) => ranges.some((r) => byte >= r.charCodeAt(0) && byte <= r.charCodeAt(1));
}

/** Classes of the C locale. */
const CLASSES = new Map<string, ByteSet>(
  Object.entries({
    alpha: inRanges('az', 'AZ'),
    digit: inRanges('09'),
    alnum: inRanges('az', 'AZ', '09'),
    upper: inRanges('AZ'),
    lower: inRanges('az'),
    space: inRanges('\t\r', '  '),
    blank: (byte: number) => byte === 32 || byte === 9,
    punct: inRanges('!/', ':@', '[`', '{~'),
    print: inRanges(' ~'),
    graph: inRanges('!~'),
    cntrl: (byte: number) => byte < 32 || byte === 127,
    xdigit: inRanges('09', 'af', 'AF'),
  }).map(([name, test]) => [name, setOf(test)] as const),
);

export const WORD_SET = setOf((byte) => inRanges('az', 'AZ', '09')(byte) || byte === 95);
const SPACE_SET = CLASSES.get('space') ?? emptySet();

const ESCAPED_ASSERTIONS: Readonly<Record<string, Assertion>> = {
  b: 'boundary',
  B: 'inside',
  '<': 'wordStart',
  '>': 'wordEnd',
  '`': 'bufferStart',
  "'": 'bufferEnd',
};

class Parser {
  readonly #source: string;
  readonly #syntax: RegexSyntax;
  #at = 0;
  #groups = 0;
  /** Groups that are closed already: what a back-reference may name. */
  readonly #closed = new Set<number>();

  constructor(source: string, syntax: RegexSyntax) {
    this.#source = source;
    this.#syntax = syntax;
  }

  parse(): ParsedRegex {
    const { node, size } = this.#choice(0);
    if (size > MAX_SIZE) throw new RegexError('Regular expression too big');
    return { root: node, groupCount: this.#groups };
  }

  #choice(depth: number): { node: RegexNode; size: number } {
    if (depth > MAX_DEPTH) throw new RegexError('Regular expression too big');
    const items: RegexNode[] = [];
    let size = 0;
    for (;;) {
      const branch = this.#sequence(depth);
      items.push(branch.node);
      size += branch.size;
      if (this.#source[this.#at] !== '|') break;
      this.#at++;
    }
    const [only] = items;
    return { node: items.length === 1 && only !== undefined ? only : { type: 'choice', items }, size };
  }

  #sequence(depth: number): { node: RegexNode; size: number } {
    const items: RegexNode[] = [];
    let total = 0;
    while (this.#at < this.#source.length) {
      const c = this.#source[this.#at];
      if (c === '|' || (c === ')' && depth > 0)) break;
      let { node, size } = this.#atom(depth);
      while (node.type !== 'assert') {
        const interval = this.#interval();
        if (interval === null) break;
        node = { type: 'repeat', body: node, ...interval };
        size *= interval.max === Number.POSITIVE_INFINITY ? interval.min + 1 : Math.max(1, interval.max);
        if (size > MAX_SIZE) throw new RegexError('Regular expression too big');
      }
      items.push(node);
      total += size;
    }
    return { node: { type: 'sequence', items }, size: total };
  }

  #atom(depth: number): { node: RegexNode; size: number } {
    const c = this.#source.charAt(this.#at++);
    switch (c) {
      case '*':
      case '+':
      case '?':
      case '{':
        throw new RegexError('Invalid preceding regular expression');
      case '^':
        return one({ type: 'assert', what: 'start' });
      case '$':
        return one({ type: 'assert', what: 'end' });
      case '.':
        return one({ type: 'set', set: setOf((byte) => byte !== 0 && (byte !== 10 || !this.#syntax.newline)) });
      case '[':
        return one({ type: 'set', set: this.#bracket() });
      case '(':
        return this.#group(depth);
      case '\\':
        return one(this.#escape());
      default:
        return one(this.#literal(c.charCodeAt(0)));
    }
  }

  #group(depth: number): { node: RegexNode; size: number } {
    const index = ++this.#groups;
    const { node, size } = this.#choice(depth + 1);
    if (this.#source[this.#at] !== ')') throw new RegexError('Unmatched ( or \\(');
    this.#at++;
    this.#closed.add(index);
    return { node: { type: 'group', index, body: node }, size: size + 1 };
  }

  #escape(): RegexNode {
    if (this.#at >= this.#source.length) throw new RegexError('Trailing backslash');
    const c = this.#source.charAt(this.#at++);
    const assertion = ESCAPED_ASSERTIONS[c];
    if (assertion !== undefined) return { type: 'assert', what: assertion };
    if (c === 'w') return { type: 'set', set: WORD_SET };
    if (c === 'W') return { type: 'set', set: inverted(WORD_SET) };
    if (c === 's') return { type: 'set', set: SPACE_SET };
    if (c === 'S') return { type: 'set', set: inverted(SPACE_SET) };
    if (c >= '1' && c <= '9') {
      if (!this.#closed.has(Number(c))) throw new RegexError('Invalid back reference');
      return { type: 'backref', index: Number(c) };
    }
    // glibc folds the case of the text and of the expression, but not of a char behind a backslash.
    if (this.#syntax.ignoreCase && c >= 'a' && c <= 'z') return { type: 'set', set: emptySet() };
    return this.#literal(c.charCodeAt(0));
  }

  #literal(byte: number): RegexNode {
    const set = emptySet();
    addByte(set, byte & 255);
    return { type: 'set', set: this.#folded(set) };
  }

  /** `*`, `+`, `?`, `{n}`, `{n,}`, `{,m}`, `{n,m}`; null where none follows. */
  #interval(): { min: number; max: number } | null {
    const c = this.#source[this.#at];
    if (c === '*' || c === '+' || c === '?') {
      this.#at++;
      return { min: c === '+' ? 1 : 0, max: c === '?' ? 1 : Number.POSITIVE_INFINITY };
    }
    if (c !== '{') return null;
    const close = this.#source.indexOf('}', this.#at);
    const m = /^(\d*)(,?)(\d*)$/.exec(close < 0 ? '' : this.#source.slice(this.#at + 1, close));
    if (close < 0) throw new RegexError('Unmatched \\{');
    if (m === null || (m[1] === '' && m[2] === '')) throw new RegexError('Invalid content of \\{\\}');
    const min = m[1] === '' ? 0 : Number(m[1]);
    const max = m[2] === '' ? min : m[3] === '' ? Number.POSITIVE_INFINITY : Number(m[3]);
    if (min > DUP_MAX || (max > DUP_MAX && max !== Number.POSITIVE_INFINITY)) {
      throw new RegexError('Regular expression too big');
    }
    if (max < min) throw new RegexError('Invalid content of \\{\\}');
    this.#at = close + 1;
    return { min, max };
  }

  #bracket(): ByteSet {
    const source = this.#source;
    let isNegated = false;
    if (source[this.#at] === '^') {
      isNegated = true;
      this.#at++;
    }
    let set = emptySet();
    for (let isFirst = true; isFirst || source[this.#at] !== ']'; isFirst = false) {
      const item = this.#bracketItem(isFirst);
      if (typeof item !== 'number') {
        for (let i = 0; i < 8; i++) set[i] = (set[i] ?? 0) | (item[i] ?? 0);
        continue;
      }
      let last = item;
      if (source[this.#at] === '-' && source[this.#at + 1] !== ']') {
        this.#at++;
        const end = this.#bracketItem(true);
        if (typeof end !== 'number' || end < item) throw new RegexError('Invalid range end');
        last = end;
      }
      for (let byte = item; byte <= last; byte++) addByte(set, byte);
    }
    this.#at++;
    set = this.#folded(set);
    if (!isNegated) return set;
    const rest = inverted(set);
    return this.#syntax.newline ? setOf((byte) => byte !== 10 && hasByte(rest, byte)) : rest;
  }

  /** A char, or the set of a class. */
  #bracketItem(isHyphenPlain: boolean): number | ByteSet {
    const source = this.#source;
    const c = source[this.#at];
    if (c === undefined) throw new RegexError('Unmatched [, [^, [:, [., or [=');
    const kind = source[this.#at + 1];
    if (c === '[' && (kind === ':' || kind === '=' || kind === '.')) {
      const end = source.indexOf(`${kind}]`, this.#at + 2);
      if (end < 0) throw new RegexError('Unmatched [, [^, [:, [., or [=');
      const name = source.slice(this.#at + 2, end);
      this.#at = end + 2;
      if (kind !== ':') {
        if (name.length !== 1) throw new RegexError('Invalid collation character');
        return name.charCodeAt(0) & 255;
      }
      const set = CLASSES.get(name);
      if (set === undefined) throw new RegexError('Invalid character class name');
      return set;
    }
    if (c === '-' && !isHyphenPlain && source[this.#at + 1] !== ']') throw new RegexError('Invalid range end');
    this.#at++;
    return c.charCodeAt(0) & 255;
  }

  #folded(set: ByteSet): ByteSet {
    if (!this.#syntax.ignoreCase) return set;
    const folded = Uint32Array.from(set);
    for (let byte = 65; byte <= 90; byte++) {
      if (hasByte(set, byte)) addByte(folded, byte + 32);
      if (hasByte(set, byte + 32)) addByte(folded, byte);
    }
    return folded;
  }
}

function one(node: RegexNode): { node: RegexNode; size: number } {
  return { node, size: 1 };
}

function inverted(set: ByteSet): ByteSet {
  return set.map((word) => ~word);
}
