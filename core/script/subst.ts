import { compilePosix } from './posix-cache.ts';
import type { PosixRegex } from './posix-regex.ts';
import type { Run } from './run.ts';

/** One piece of a replacement: text, a group of the match (0 is the whole), the Request-URI, or pseudo-variables. */
type Piece = string | number | ((run: Run) => string);
interface Part {
  readonly kind: 'text' | 'group' | 'uri' | 'format';
  readonly value: Piece;
}

/**
 * A compiled `/regular expression/replacement/flags`, as in sed: `subst()`, `subst_body()`, `{re.subst,…}`. In the
 * replacement `\0` … `\9` are groups, `\u` the Request-URI, `\n`, `\r`, `\t` those chars, and pseudo-variables are
 * expanded. Flags: `i` ignores case, `g` replaces all, `s` treats the text as one line.
 */
export class Subst {
  readonly source: string;
  readonly isGlobal: boolean;
  readonly #regex: PosixRegex;
  readonly #parts: readonly Part[];

  constructor(source: string, regex: PosixRegex, parts: readonly Part[], isGlobal: boolean) {
    this.source = source;
    this.#regex = regex;
    this.#parts = parts;
    this.isGlobal = isGlobal;
  }

  /** The replacements in `text[from …)`, in order; empty when nothing matched. */
  edits(run: Run, text: string, from = 0): SubstEdit[] {
    const edits: SubstEdit[] = [];
    let at = from;
    while (at <= text.length && edits.length < MAX_EDITS) {
      const match = this.#regex.exec(text, at);
      if (match === null) break;
      // an empty match replaces nothing (Kamailio: textops), and must not stop the walk
      if (match.end > match.start)
        edits.push({ start: match.start, end: match.end, text: this.#expand(run, match.groups) });
      at = match.end > match.start ? match.end : match.end + 1;
      if (!this.isGlobal && edits.length > 0) break;
    }
    return edits;
  }

  /** The text with the replacements made; null when nothing matched. */
  apply(run: Run, text: string): string | null {
    const edits = this.edits(run, text);
    if (edits.length === 0) return null;
    let out = '';
    let at = 0;
    for (const edit of edits) {
      out += text.slice(at, edit.start) + edit.text;
      at = edit.end;
    }
    return out + text.slice(at);
  }

  #expand(run: Run, groups: readonly (string | undefined)[]): string {
    let out = '';
    for (const part of this.#parts) {
      switch (part.kind) {
        case 'text':
          out += part.value as string;
          break;
        case 'group':
          out += groups[part.value as number] ?? '';
          break;
        case 'uri':
          out += run.msg.uri;
          break;
        case 'format':
          out += (part.value as (run: Run) => string)(run);
          break;
      }
    }
    return out;
  }
}

export interface SubstEdit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Replacements made in one text. */
const MAX_EDITS = 10_000;

/** Compiles text that may hold pseudo-variables: the routing language's format strings. */
export type FormatCompiler = (text: string) => (run: Run) => string;

/**
 * Parses an expression; any char delimits. `format` compiles the parts of the replacement that hold pseudo-variables.
 * Returns the expression, or what is wrong with it.
 */
export function compileSubst(source: string, format: FormatCompiler): Subst | string {
  const delimiter = source.charAt(0);
  if (delimiter === '' || delimiter === '\\') return 'a substitution needs a delimiter';
  const middle = delimiterAt(source, 1, delimiter);
  const last = middle < 0 ? -1 : delimiterAt(source, middle + 1, delimiter);
  if (last < 0) return `'${source}' is no ${delimiter}expression${delimiter}replacement${delimiter}flags`;
  const flags = source.slice(last + 1).trim();
  const unknown = /[^igs]/.exec(flags);
  if (unknown !== null) return `unknown flag '${unknown[0]}' of a substitution`;
  const expression = source.slice(1, middle).replaceAll(`\\${delimiter}`, delimiter);
  const regex = compilePosix(expression, { ignoreCase: flags.includes('i'), newline: !flags.includes('s') });
  if (typeof regex === 'string') return regex;
  const parts = parseReplacement(source.slice(middle + 1, last), delimiter, format);
  return typeof parts === 'string' ? parts : new Subst(source, regex, parts, flags.includes('g'));
}

function delimiterAt(source: string, from: number, delimiter: string): number {
  for (let i = from; i < source.length; i++) {
    const c = source.charAt(i);
    if (c === '\\') i++;
    else if (c === delimiter) return i;
  }
  return -1;
}

/** Cuts the replacement at its escapes; runs between them that hold a `$` are compiled as formats. */
function parseReplacement(text: string, delimiter: string, format: FormatCompiler): Part[] | string {
  const parts: Part[] = [];
  let plain = '';
  const flush = (): void => {
    if (plain !== '')
      parts.push(plain.includes('$') ? { kind: 'format', value: format(plain) } : { kind: 'text', value: plain });
    plain = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c !== '\\') {
      plain += c;
      continue;
    }
    const next = text.charAt(++i);
    if (next >= '0' && next <= '9') {
      flush();
      parts.push({ kind: 'group', value: Number(next) });
    } else if (next === 'u') {
      flush();
      parts.push({ kind: 'uri', value: 'uri' });
    } else if (next === '$') plain += '$$';
    else if (next === 'n') plain += '\n';
    else if (next === 'r') plain += '\r';
    else if (next === 't') plain += '\t';
    else if (next === '\\' || next === delimiter || next === '{' || next === '}') plain += next;
    else if (next === '') return 'a replacement ends with a backslash';
    else plain += `\\${next}`;
  }
  flush();
  return parts;
}
