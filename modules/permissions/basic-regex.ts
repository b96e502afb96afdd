/** What has a meaning with a backslash in a basic expression, and without one in an extended one. */
const SPECIAL = '(){}|+?';

/**
 * The POSIX extended expression that means what a basic one (with GNU's `\|`, `\+`, `\?`) does: allow_trusted() has basic
 * ones.
 */
export function toExtended(source: string): string {
  let out = '';
  /** Nothing to repeat is before this place. */
  let isStart = true;
  for (let i = 0; i < source.length; ) {
    const char = source.charAt(i);
    const next = source.charAt(i + 1);
    if (char === '[') {
      const end = bracketEnd(source, i);
      out += source.slice(i, end);
      i = end;
      isStart = false;
      continue;
    }
    if (char === '\\' && next !== '') {
      out += SPECIAL.includes(next) ? next : `\\${next}`;
      isStart = next === '(' || next === '|';
      i += 2;
      continue;
    }
    if (char === '*' && isStart) out += '\\*';
    else if (char === '^') out += isStart ? '^' : '\\^';
    else if (char === '$') out += isEnd(source, i + 1) ? '$' : '\\$';
    else out += SPECIAL.includes(char) ? `\\${char}` : char;
    isStart = isStart && char === '^';
    i++;
  }
  return out;
}

function isEnd(source: string, at: number): boolean {
  return at === source.length || source.startsWith('\\)', at) || source.startsWith('\\|', at);
}

/** Behind the `]` of a bracket expression; the end of the text where there is none. */
function bracketEnd(source: string, start: number): number {
  let at = start + 1;
  if (source.charAt(at) === '^') at++;
  if (source.charAt(at) === ']') at++;
  while (at < source.length && source.charAt(at) !== ']') {
    const kind = source.charAt(at) === '[' ? source.charAt(at + 1) : '';
    const close = kind !== '' && ':.='.includes(kind) ? source.indexOf(`${kind}]`, at + 2) : -1;
    at = close < 0 ? at + 1 : close + 2;
  }
  return Math.min(source.length, at + 1);
}
