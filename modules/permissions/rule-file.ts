import { compilePosix, type PosixRegex } from 'strowger';

/** Expressions of which one must match; null for ALL. */
type Expressions = readonly PosixRegex[] | null;

/** One side of a rule. */
interface Side {
  readonly any: Expressions;
  /** None of these may match; null for no exception. */
  readonly except: Expressions;
}

/** A line `left [EXCEPT …] : right [EXCEPT …]`. */
export interface Rule {
  readonly left: Side;
  readonly right: Side;
}

/** Longer lines are no rules. */
const MAX_LINE = 4096;

/** Reads a file of rules; what is wrong with lines is told, and they are left out. */
export function parseRules(text: string): { readonly rules: readonly Rule[]; readonly remarks: readonly string[] } {
  const rules: Rule[] = [];
  const remarks: string[] = [];
  for (const [i, whole] of text.split('\n').entries()) {
    const line = uncommented(whole).trim();
    if (line === '') continue;
    const rule = parseRule(line);
    if (typeof rule === 'string') remarks.push(`line ${i + 1}: ${rule}`);
    else rules.push(rule);
  }
  return { rules, remarks };
}

/** Does a rule say so of this pair? */
export function matchesRule(rules: readonly Rule[], left: string, right: string): boolean {
  return rules.some((rule) => matchesSide(rule.left, left) && matchesSide(rule.right, right));
}

function matchesSide({ any, except }: Side, text: string): boolean {
  if (any !== null && !any.some((regex) => regex.test(text))) return false;
  return except === null || !except.some((regex) => regex.test(text));
}

function parseRule(line: string): Rule | string {
  if (line.length > MAX_LINE) return 'it is too long';
  // Without quotes there may be more of them: the last one counts.
  const parts = splitOutside(line, ':');
  if (parts.length < 2) return 'there is no ":"';
  const left = parseSide(parts.slice(0, -1).join(':'));
  if (typeof left === 'string') return left;
  const right = parseSide(parts.at(-1) ?? '');
  return typeof right === 'string' ? right : { left, right };
}

function parseSide(text: string): Side | string {
  const at = text.indexOf(' EXCEPT ');
  const any = parseExpressions(at < 0 ? text : text.slice(0, at));
  if (typeof any === 'string') return any;
  const except = at < 0 ? null : parseExpressions(text.slice(at + ' EXCEPT '.length));
  return typeof except === 'string' ? except : { any, except };
}

function parseExpressions(text: string): Expressions | string {
  if (text.trim() === 'ALL') return null;
  const expressions: PosixRegex[] = [];
  for (const part of splitOutside(text, ',')) {
    const source = part.trim().replace(/^"|"$/g, '');
    if (source === '') return 'an expression is missing';
    const regex = compilePosix(source, { ignoreCase: true });
    if (typeof regex === 'string') return regex;
    expressions.push(regex);
  }
  return expressions;
}

function uncommented(line: string): string {
  return splitOutside(line, '#')[0] ?? '';
}

/** Splits where the separator is not between quotes. */
function splitOutside(text: string, separator: string): string[] {
  const parts: string[] = [];
  let isQuoted = false;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '"') isQuoted = !isQuoted;
    else if (char === separator && !isQuoted) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
