import type { PosixCache } from 'strowger';
import { type Dialog, STATE } from './dialogs.ts';

export const FIELDS = ['any', 'src', 'dst', 'data'] as const;
export const OPERATORS = ['eq', 'ne', 're', 'sw', 'fm'] as const;

type Test = (dialog: Dialog) => boolean;

/** The dialogs that are meant by field, operator and text. An error text where that is no filter. */
export function filterOf(field: string, operator: string, text: string, regexes: PosixCache): Test | string {
  if (field === 'any') return () => true;
  if (field !== 'src' && field !== 'dst' && field !== 'data') return `"${field}" is no field: ${FIELDS.join(', ')}`;
  const test = textTest(operator, text, regexes);
  return typeof test === 'string' ? test : (dialog) => test(dialog[field]);
}

function textTest(operator: string, operand: string, regexes: PosixCache): ((text: string) => boolean) | string {
  switch (operator) {
    case 'eq':
      return (text) => text === operand;
    case 'ne':
      return (text) => text !== operand;
    case 'sw':
      return (text) => text.startsWith(operand);
    case 'fm':
      return (text) => matchesGlob(text, operand);
    case 're': {
      const regex = regexes.get(operand);
      return typeof regex === 'string' ? regex : (text) => regex.test(text);
    }
    default:
      return `"${operator}" is no operator: ${OPERATORS.join(', ')}`;
  }
}

export function isOngoing(dialog: Dialog): boolean {
  return dialog.state < STATE.TERMINATED;
}

/** `*`, `?` and `[a-z]`, `[!a]` as in names of files; a backslash takes what follows as it is. Never goes back but to the last `*`. */
export function matchesGlob(text: string, pattern: string): boolean {
  let at = 0;
  let p = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    if (pattern.charAt(p) === '*') {
      star = p++;
      starAt = at;
      continue;
    }
    const next = p < pattern.length ? step(pattern, p, text.charAt(at)) : -1;
    if (next >= 0) {
      p = next;
      at++;
    } else if (star >= 0) {
      p = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (pattern.charAt(p) === '*') p++;
  return p === pattern.length;
}

/** Where the pattern goes on behind what matches one char at `p`; -1 where it does not match. */
function step(pattern: string, p: number, char: string): number {
  const c = pattern.charAt(p);
  if (c === '?') return p + 1;
  if (c === '\\' && p + 1 < pattern.length) return pattern.charAt(p + 1) === char ? p + 2 : -1;
  const end = c === '[' ? pattern.indexOf(']', p + 2) : -1;
  if (end < 0) return c === char ? p + 1 : -1;
  const isNegated = pattern.charAt(p + 1) === '!' || pattern.charAt(p + 1) === '^';
  return inClass(pattern.slice(isNegated ? p + 2 : p + 1, end), char) === isNegated ? -1 : end + 1;
}

function inClass(chars: string, char: string): boolean {
  for (let i = 0; i < chars.length; i++) {
    if (chars.charAt(i + 1) === '-' && i + 2 < chars.length) {
      if (char >= chars.charAt(i) && char <= chars.charAt(i + 2)) return true;
      i += 2;
    } else if (chars.charAt(i) === char) return true;
  }
  return false;
}
