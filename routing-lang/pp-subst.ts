/** `#!subst`: search and replace inside the script's strings. */

export interface Subst {
  readonly pattern: RegExp;
  /** The text between the first two delimiters, as written: substdef's name. */
  readonly source: string;
  /** With `\1` … `\9` and pseudo-variables still in it. */
  readonly replacement: string;
}

/**
 * Parses `/regexp/replacement/flags`; any char delimits. Flags: `i` ignores case, `g` replaces all, `s` lets the dot
 * match line feeds. Returns a message for what is not such an expression.
 */
export function parseSubst(expression: string): Subst | string {
  const delimiter = expression.charAt(0);
  if (delimiter === '') return 'the expression is empty';
  const middle = endOfPart(expression, 1, delimiter);
  if (middle < 0) return `no delimiter ${delimiter} after the regular expression`;
  const last = endOfPart(expression, middle + 1, delimiter);
  if (last < 0) return `no delimiter ${delimiter} after the replacement`;
  const flags = expression.slice(last + 1);
  const unknown = /[^igs]/.exec(flags);
  if (unknown !== null) return `unknown flag ${unknown[0]}`;
  const source = unescapeDelimiter(expression.slice(1, middle), delimiter);
  const pattern = posixRegExp(
    source,
    `${flags.includes('i') ? 'i' : ''}${flags.includes('g') ? 'g' : ''}${flags.includes('s') ? 's' : 'm'}`,
  );
  if (pattern === null) return `bad regular expression ${source}`;
  const replacement = unescapeDelimiter(expression.slice(middle + 1, last), delimiter);
  const variable = unknownVariable(replacement);
  if (variable !== null)
    return `${variable} can not be known here: a replacement has $def(), $env() and $$ for a dollar`;
  return { pattern, source, replacement };
}

/** `$defs()`: in double quotes, unless it is in quotes already. */
export function quoted(value: string): string {
  return isQuoted(value) ? value : `"${value}"`;
}

/** `$defv()`: without the quotes around it. */
export function unquoted(value: string): string {
  return isQuoted(value) ? value.slice(1, -1) : value;
}

function isQuoted(value: string): boolean {
  return /^(["'])[^]*\1$/.test(value) && value.length > 1;
}

/** What a replacement holds besides text: `\1`, `\n`, `$$`, `$null`, `$def(NAME)`, `$(env(NAME))`. */
const SPECIAL = /\\([^])|\$\$|\$null\b|\$(?:(?:def|env)[nsv]?\([^()]*\)|\((?:def|env)[nsv]?\([^()]*\)\))/g;

/** Applies one substitution; `resolve` gives the value of a `$def(…)`, `$env(…)` in the replacement. */
export function applySubst(subst: Subst, text: string, resolve: (pv: string) => string): string {
  subst.pattern.lastIndex = 0;
  return text.replace(subst.pattern, (...groups: unknown[]) =>
    subst.replacement.replace(SPECIAL, (special, escaped: string | undefined) => {
      if (escaped !== undefined) return unescaped(escaped, groups);
      return special === '$$' ? '$' : special === '$null' ? '' : resolve(special);
    }),
  );
}

function unescaped(c: string, groups: readonly unknown[]): string {
  if (c >= '0' && c <= '9') return typeof groups[Number(c)] === 'string' ? String(groups[Number(c)]) : '';
  return c === 'n' ? '\n' : c === 'r' ? '\r' : c === 't' ? '\t' : c;
}

/** The first variable of a replacement that is not known before the script is read; null where there is none. */
function unknownVariable(replacement: string): string | null {
  return /\$[\w.]*/.exec(replacement.replace(SPECIAL, ' '))?.[0] ?? null;
}

function endOfPart(text: string, from: number, delimiter: string): number {
  for (let i = from; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === '\\') i++;
    else if (c === delimiter) return i;
  }
  return -1;
}

function unescapeDelimiter(part: string, delimiter: string): string {
  return part.includes(`\\${delimiter}`) ? part.replaceAll(`\\${delimiter}`, delimiter) : part;
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
  space: '\\s',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
};

/** A POSIX extended regular expression as JavaScript's; null where it is not one. */
function posixRegExp(source: string, flags: string): RegExp | null {
  let out = '';
  for (let i = 0; i < source.length; i++) {
    const c = source.charAt(i);
    if (c === '\\') out += c + source.charAt(++i);
    else if (c !== '[') out += c;
    else {
      const end = endOfBracket(source, i);
      if (end < 0) return null;
      out += bracket(source.slice(i + 1, end));
      i = end;
    }
  }
  try {
    return new RegExp(out, flags);
  } catch {
    return null;
  }
}

/** The `]` that ends a bracket expression: not the first char of it, nor inside `[:class:]`. */
function endOfBracket(source: string, start: number): number {
  let i = start + 1;
  if (source.charAt(i) === '^') i++;
  if (source.charAt(i) === ']') i++;
  for (; i < source.length; i++) {
    if (source.startsWith('[:', i)) {
      const close = source.indexOf(':]', i + 2);
      if (close < 0) return -1;
      i = close + 1;
    } else if (source.charAt(i) === ']') return i;
  }
  return -1;
}

function bracket(inner: string): string {
  const isNegated = inner.startsWith('^');
  const body = (isNegated ? inner.slice(1) : inner).replace(
    /\[:(\w+):\]|[\\\]^[]/g,
    (whole, name: string | undefined) => (name === undefined ? `\\${whole}` : (CLASSES[name] ?? '')),
  );
  return `[${isNegated ? '^' : ''}${body}]`;
}
