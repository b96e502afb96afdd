/**
 * Perl-compatible expressions in JavaScript's. What PCRE has and JavaScript has not is written in other words, taken as
 * the nearest thing (possessive repeats and atomic groups are ordinary ones), or refused (recursion, conditions).
 */

import { canRunLinear, timedExec } from 'strowger';

/** A compiled expression. Of a search that would take too long it says that nothing matches. */
export type PcreTest = (text: string) => boolean;

export interface PcreFlags {
  readonly caseless: boolean;
  readonly multiline: boolean;
  readonly dotall: boolean;
  readonly extended: boolean;
}

/** Longer expressions are refused. */
const MAX_LENGTH = 262_144;

/** The compiled expression, or what is wrong with it. */
export function compilePcre(source: string, flags: PcreFlags): PcreTest | string {
  if (source.length > MAX_LENGTH) return 'the expression is too long';
  const pattern = new Translator(source, flags).run();
  if (typeof pattern !== 'string') return pattern.error;
  const jsFlags = flags.caseless ? 'i' : '';
  try {
    const regex = new RegExp(pattern, jsFlags);
    // V8 has a linear engine for those that backtrack too much; look-around and back-references are limited in time.
    if (canRunLinear(pattern, jsFlags)) return (text) => regex.test(text);
    return /[*+{]/.test(pattern) ? (text) => timedExec(regex, text) !== null : (text) => regex.test(text);
  } catch (error) {
    return error instanceof SyntaxError ? error.message : String(error);
  }
}

const SPACE = ' \\t-\\r';
const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: ' \\t',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@\\[-`{-~',
  space: SPACE,
  upper: 'A-Z',
  word: 'A-Za-z0-9_',
  xdigit: '0-9A-Fa-f',
};
/** The rest of the bytes, for `[:^digit:]`. */
const NEGATED: Readonly<Record<string, string>> = {
  digit: '\\x00-\\/:-\\xff',
  alpha: '\\x00-@\\[-`{-\\xff',
  alnum: '\\x00-\\/:-@\\[-`{-\\xff',
  space: '\\x00-\\x08\\x0e-\\x1f!-\\xff',
  blank: '\\x00-\\x08\\x0a-\\x1f!-\\xff',
  upper: '\\x00-@\\[-\\xff',
  lower: '\\x00-`{-\\xff',
};

/** Escapes outside brackets. */
const ESCAPES: Readonly<Record<string, string>> = {
  s: `[${SPACE}]`,
  S: `[^${SPACE}]`,
  h: '[ \\t]',
  H: '[^ \\t]',
  v: '[\\n-\\r]',
  V: '[^\\n-\\r]',
  R: '(?:\\r\\n|[\\n-\\r])',
  N: '[^\\n]',
  A: '(?<![^])',
  z: '(?![^])',
  Z: '(?=\\n?(?![^]))',
  e: '\\x1b',
  a: '\\x07',
};
const IN_CLASS: Readonly<Record<string, string>> = {
  s: SPACE,
  h: ' \\t',
  v: '\\n-\\r',
  e: '\\x1b',
  a: '\\x07',
  b: '\\b',
};

interface Group {
  readonly multiline: boolean;
  readonly dotall: boolean;
  readonly extended: boolean;
  /** Beginnings of inner groups that flags opened: closed where this group ends, opened again after each `|`. */
  readonly opened: string[];
}

class Translator {
  readonly #source: string;
  #at = 0;
  #out = '';
  #flags: { multiline: boolean; dotall: boolean; extended: boolean };
  readonly #groups: Group[] = [];
  #opened: string[] = [];
  #captures = 0;
  #error: string | null = null;

  constructor(source: string, flags: PcreFlags) {
    this.#source = source;
    this.#flags = { multiline: flags.multiline, dotall: flags.dotall, extended: flags.extended };
  }

  run(): string | { readonly error: string } {
    while (this.#at < this.#source.length && this.#error === null) this.#step();
    if (this.#error === null && this.#groups.length > 0) this.#error = 'missing )';
    if (this.#error !== null) return { error: `${this.#error} at offset ${this.#at}` };
    return this.#out + ')'.repeat(this.#opened.length);
  }

  #fail(what: string): void {
    this.#error ??= what;
  }

  #step(): void {
    const c = this.#source.charAt(this.#at++);
    switch (c) {
      case '\\':
        this.#escape();
        break;
      case '[':
        this.#bracket();
        break;
      case '(':
        this.#open();
        break;
      case ')':
        this.#close();
        break;
      case '|':
        this.#out += `${')'.repeat(this.#opened.length)}|${this.#opened.join('')}`;
        break;
      case '^':
        this.#out += this.#flags.multiline ? '(?<![^\\n])' : '^';
        break;
      case '$':
        this.#out += this.#flags.multiline ? '(?![^\\n])' : '(?:\\n?$)';
        break;
      case '.':
        this.#out += this.#flags.dotall ? '[^]' : '[^\\n]';
        break;
      default:
        this.#plain(c);
    }
  }

  #plain(c: string): void {
    if (this.#flags.extended && /[ \t\n\f\r]/.test(c)) return;
    if (this.#flags.extended && c === '#') {
      const eol = this.#source.indexOf('\n', this.#at);
      this.#at = eol < 0 ? this.#source.length : eol + 1;
      return;
    }
    this.#out += c === '/' ? '\\/' : c;
    // `a++`, `a?+`, `a{2}+`: possessive, taken as greedy
    if (/[*+?}]/.test(c) && this.#source.charAt(this.#at) === '+') this.#at++;
  }

  #open(): void {
    const rest = this.#source.slice(this.#at, this.#at + 64);
    if (rest.startsWith('?#')) {
      const end = this.#source.indexOf(')', this.#at);
      if (end < 0) this.#fail('missing ) after comment');
      else this.#at = end + 1;
      return;
    }
    const flags = /^\?([imsx]*)(?:-([imsx]+))?([:)])/.exec(rest);
    if (flags !== null) {
      this.#at += flags[0].length;
      this.#setFlags(flags[1] ?? '', flags[2] ?? '', flags[3] === ':');
      return;
    }
    const named = /^\?(?:P?<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
    if (named !== null) {
      this.#at += named[0].length;
      this.#captures++;
      this.#push(`(?<${named[1] ?? named[2] ?? ''}>`);
      return;
    }
    const back = /^\?P=(\w+)\)/.exec(rest);
    if (back !== null) {
      this.#at += back[0].length;
      this.#out += `\\k<${back[1] ?? ''}>`;
      return;
    }
    const look = /^\?(<?[=!]|>|:)/.exec(rest);
    if (look !== null) {
      this.#at += look[0].length;
      this.#push(look[1] === '>' ? '(?:' : `(?${look[1] ?? ''}`);
      return;
    }
    if (rest.startsWith('?') || rest.startsWith('*')) {
      this.#fail(`(${rest.slice(0, 2)} is not supported`);
      return;
    }
    this.#captures++;
    this.#push('(');
  }

  #push(text: string): void {
    this.#groups.push({ ...this.#flags, opened: this.#opened });
    this.#opened = [];
    this.#out += text;
  }

  #close(): void {
    const group = this.#groups.pop();
    if (group === undefined) {
      this.#fail('unmatched )');
      return;
    }
    this.#out += ')'.repeat(this.#opened.length + 1);
    this.#opened = group.opened;
    this.#flags = { multiline: group.multiline, dotall: group.dotall, extended: group.extended };
  }

  /** `(?i)` holds to the end of its group, `(?i:…)` inside its own. Case is JavaScript's to handle, the rest ours. */
  #setFlags(on: string, off: string, opensGroup: boolean): void {
    const onCase = on.includes('i') ? 'i' : '';
    const offCase = off.includes('i') ? '-i' : '';
    const text = onCase === '' && offCase === '' ? '(?:' : `(?${onCase}${offCase}:`;
    if (opensGroup) this.#push(text);
    const set = (letter: string, before: boolean): boolean =>
      on.includes(letter) ? true : off.includes(letter) ? false : before;
    this.#flags = {
      multiline: set('m', this.#flags.multiline),
      dotall: set('s', this.#flags.dotall),
      extended: set('x', this.#flags.extended),
    };
    if (!opensGroup && text !== '(?:') {
      this.#opened.push(text);
      this.#out += text;
    }
  }

  #escape(): void {
    const c = this.#source.charAt(this.#at++);
    if (c === '') this.#fail('\\ at end of pattern');
    else if (c === 'Q') this.#quoted();
    else if (c === 'E') return;
    else if (Object.hasOwn(ESCAPES, c)) this.#out += ESCAPES[c] ?? '';
    else if (c === 'x' && this.#source.charAt(this.#at) === '{') this.#out += this.#hex();
    else if (c === 'g' || c === 'k') this.#reference();
    else if (c === 'K' || c === 'G' || c === 'C' || c === 'X' || c === 'p' || c === 'P')
      this.#fail(`\\${c} is not supported`);
    else if (/[1-9]/.test(c)) this.#out += `\\${c}`;
    else this.#out += /[dDwWbBnrtf0cx]/.test(c) ? `\\${c}` : literal(c);
  }

  #quoted(): void {
    const end = this.#source.indexOf('\\E', this.#at);
    const text = this.#source.slice(this.#at, end < 0 ? undefined : end);
    for (let i = 0; i < text.length; i++) this.#out += literal(text.charAt(i));
    this.#at = end < 0 ? this.#source.length : end + 2;
  }

  #hex(): string {
    const match = /^\{([0-9a-fA-F]{1,2})\}/.exec(this.#source.slice(this.#at, this.#at + 8));
    if (match === null) {
      this.#fail('character value in \\x{} too large');
      return '';
    }
    this.#at += match[0].length;
    return `\\x${(match[1] ?? '').padStart(2, '0')}`;
  }

  /** `\g1`, `\g{-1}`, `\g{name}`, `\k<name>`, `\k{name}`, `\k'name'`. */
  #reference(): void {
    const match = /^(?:(-?\d+)|\{(-?\d+)\}|[{<']([A-Za-z_]\w*)[}>'])/.exec(this.#source.slice(this.#at, this.#at + 64));
    if (match === null) {
      this.#fail('bad reference');
      return;
    }
    this.#at += match[0].length;
    const number = match[1] ?? match[2];
    if (number === undefined) this.#out += `\\k<${match[3] ?? ''}>`;
    else this.#out += `\\${Number(number) < 0 ? this.#captures + 1 + Number(number) : Number(number)}(?:)`;
  }

  #bracket(): void {
    const source = this.#source;
    let out = '[';
    let i = this.#at;
    if (source.charAt(i) === '^') {
      out += '^';
      i++;
    }
    const first = i;
    for (;;) {
      const c = source.charAt(i);
      if (c === '') {
        this.#fail('missing terminating ] for character class');
        return;
      }
      if (c === ']' && i > first) break;
      const named = c === '[' ? /^\[:(\^?)([a-z]+):\]/.exec(source.slice(i, i + 16)) : null;
      if (named !== null) {
        const set = (named[1] === '^' ? NEGATED : CLASSES)[named[2] ?? ''];
        if (set === undefined) {
          this.#fail('unknown POSIX class name');
          return;
        }
        out += set;
        i += named[0].length;
      } else if (c === '\\') {
        const next = source.charAt(i + 1);
        out += Object.hasOwn(IN_CLASS, next)
          ? (IN_CLASS[next] ?? '')
          : /[dDwWnrtfxc0-7]/.test(next)
            ? `\\${next}`
            : literal(next);
        i += 2;
      } else {
        out += c === '[' || c === ']' ? `\\${c}` : c;
        i++;
      }
    }
    this.#at = i + 1;
    this.#out += `${out}]`;
    if (/[*+?]/.test(source.charAt(this.#at)) && source.charAt(this.#at + 1) === '+') {
      this.#out += source.charAt(this.#at);
      this.#at += 2;
    }
  }
}

function literal(c: string): string {
  return /[A-Za-z0-9_]/.test(c) ? c : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
