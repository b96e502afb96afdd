/** What the phases of the language report about a script: one shape, one printer, one list of codes. */

type Severity = 'error' | 'warning' | 'notice';

/** A further place that explains a diagnostic: where a macro was defined, the first of two routes of one name. */
interface RelatedPlace {
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** Lines and columns count from 1; the end column is the first one behind the text. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  /** What to write instead, as a sentence without a full stop. */
  readonly hint?: string;
  readonly related?: readonly RelatedPlace[];
}

/**
 * Every code with its usual severity. Codes are never reused for something else. `compat` ones are things that
 * Kamailio 5.6.3 refuses and another version accepts: warnings, and errors where the script is checked strictly.
 */
export const DIAGNOSTIC_CODES = {
  // preprocessor
  'file-not-found': 'error',
  'include-depth': 'error',
  'bad-include': 'error',
  'already-defined': 'error',
  'bad-directive': 'error',
  'ignored-directive': 'warning',
  'unbalanced-conditional': 'error',
  'stray-else': 'warning',
  'macro-recursion': 'error',
  'script-too-long': 'error',
  'macro-comment': 'warning',
  'env-not-set': 'error',
  'bad-subst': 'error',
  'bad-expression': 'error',
  // lexer and grammar
  'unclosed-string': 'error',
  'unclosed-comment': 'error',
  'unclosed-variable': 'error',
  'bad-character': 'warning',
  syntax: 'error',
  'missing-semicolon': 'error',
  'empty-block': 'error',
  'empty-argument': 'warning',
  'bare-word': 'error',
  'bad-number': 'error',
  'bad-address': 'error',
  'too-deep': 'error',
  'bad-variable': 'error',
  'newer-syntax': 'warning',
  'older-syntax': 'warning',
  'lax-syntax': 'warning',
  'older-param': 'warning',
  // checker
  'unknown-command': 'error',
  'wrong-arguments': 'error',
  'wrong-type': 'error',
  'not-constant': 'error',
  'read-only': 'error',
  'bad-format': 'error',
  'bad-select': 'error',
  'bad-regex': 'error',
  'regex-escape': 'warning',
  'bad-flag': 'error',
  'misplaced-command': 'error',
  'undefined-route': 'error',
  'unknown-param': 'error',
  'duplicate-route': 'warning',
  'unused-route': 'warning',
  'unknown-event': 'warning',
  unreachable: 'warning',
  'unset-variable': 'warning',
} as const satisfies Record<string, Severity>;

/** Codes of the later phases are added by declaration in the list above; the open part serves modules' own checks. */
export type DiagnosticCode = keyof typeof DIAGNOSTIC_CODES | (string & {});

/** Codes of things that 5.6.3 refuses: errors with `--strict`. */
const STRICT_CODES: ReadonlySet<DiagnosticCode> = new Set([
  'newer-syntax',
  'older-syntax',
  'lax-syntax',
  'older-param',
]);

/** Whence a diagnostic's place comes: what `Preprocessed.locate` and the preprocessor itself can say about an offset. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The macro whose expansion the text comes from; `definedAt` is null for `-A` and predefined names. */
  readonly macro?: { readonly name: string; readonly definedAt: Place | null };
  /** The include directives that led to the file, innermost first. */
  readonly includedFrom?: readonly Place[];
}

export interface DiagnosticExtra {
  readonly hint?: string;
  readonly related?: readonly RelatedPlace[];
  /** Overrides the severity of the code. */
  readonly severity?: Severity;
}

/** Collects what the phases report. Bounded: beyond `limit` diagnostics are counted, not kept. */
export class Diagnostics {
  readonly items: Diagnostic[] = [];
  readonly strict: boolean;
  readonly limit: number;
  /** How many were dropped beyond the limit. */
  dropped = 0;
  errorCount = 0;

  constructor(options: { strict?: boolean; limit?: number } = {}) {
    this.strict = options.strict ?? false;
    this.limit = options.limit ?? 500;
  }

  get hasErrors(): boolean {
    return this.errorCount > 0;
  }

  /** Reports `code` at `from` … `to`; the macro and include chain of the place become related places. */
  report(code: DiagnosticCode, from: Place, to: Place, message: string, extra: DiagnosticExtra = {}): void {
    const isStrictError = this.strict && STRICT_CODES.has(code);
    const usual = (DIAGNOSTIC_CODES as Record<string, Severity>)[code] ?? 'error';
    const sameFile =
      to.file === from.file && (to.line > from.line || (to.line === from.line && to.column > from.column));
    const related = [...(extra.related ?? []), ...originsOf(from)];
    this.add({
      code,
      severity: isStrictError ? 'error' : (extra.severity ?? usual),
      message,
      file: from.file,
      line: from.line,
      column: from.column,
      endLine: sameFile ? to.line : from.line,
      // What a macro holds is all at the macro's name.
      endColumn: sameFile ? to.column : from.column + (from.macro?.name.length ?? 1),
      ...(extra.hint === undefined ? {} : { hint: extra.hint }),
      ...(related.length === 0 ? {} : { related }),
    });
  }

  /** True once the limit is reached: what comes is counted, not kept, and reading on is of little use. */
  get isFull(): boolean {
    return this.items.length >= this.limit;
  }

  add(diagnostic: Diagnostic): void {
    if (diagnostic.severity === 'error') this.errorCount++;
    if (this.isFull) this.dropped++;
    else this.items.push(diagnostic);
  }

  /** By file in the order of first mention, then by place. */
  sorted(): Diagnostic[] {
    const order = new Map<string, number>();
    for (const item of this.items) if (!order.has(item.file)) order.set(item.file, order.size);
    return [...this.items].sort(
      (a, b) => (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0) || a.line - b.line || a.column - b.column,
    );
  }
}

function originsOf(place: Place): RelatedPlace[] {
  const related: RelatedPlace[] = [];
  if (place.macro !== undefined) {
    const at = place.macro.definedAt;
    if (at !== null)
      related.push({ ...position(at), message: `expanded from macro ${place.macro.name}, defined here` });
    else
      related.push({
        ...position(place),
        message: `expanded from macro ${place.macro.name}, defined outside of the script`,
      });
  }
  for (const from of place.includedFrom ?? []) related.push({ ...position(from), message: 'included from here' });
  return related;
}

function position(place: Place): { file: string; line: number; column: number } {
  return { file: place.file, line: place.line, column: place.column };
}

/** The hint about a name that the module of a newer Kamailio has. */
export function newerHint(module: string): string {
  return `the module ${module} of newer Kamailios has it, this server does not`;
}

/**
 * The candidate nearest to `word` by edit distance (insertions, deletions, replacements, swaps of neighbours,
 * changes of case count half), or null where none is near enough to be meant.
 */
export function suggest(word: string, candidates: Iterable<string>): string | null {
  const limit = word.length <= 3 ? 1 : word.length <= 6 ? 2 : 3;
  let best: string | null = null;
  let bestDistance = limit + 0.5;
  for (const candidate of candidates) {
    if (candidate === word || Math.abs(candidate.length - word.length) > limit) continue;
    const distance = editDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Damerau-Levenshtein distance (adjacent swaps count 1, a change of case 0.5) of texts of up to 64 chars. */
export function editDistance(a: string, b: string): number {
  if (a.length > 64 || b.length > 64) return a === b ? 0 : Number.POSITIVE_INFINITY;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const x = a[i - 1] ?? '';
      const y = b[j - 1] ?? '';
      const change = x === y ? 0 : x.toLowerCase() === y.toLowerCase() ? 0.5 : 1;
      let cost = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + change);
      if (i > 1 && j > 1 && x === b[j - 2] && y === a[i - 2]) cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      row.push(cost);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}

interface PrintOptions {
  readonly color?: boolean;
  /** The text of a line without its end, for the excerpt; null where the file is not at hand. */
  readonly lineText?: (file: string, line: number) => string | null;
}

const COLORS: Record<Severity, string> = { error: '\x1b[31m', warning: '\x1b[33m', notice: '\x1b[36m' };

/** One diagnostic as text: `file:line:col: severity: message [code]`, excerpt with caret, hint, related places. */
export function formatDiagnostic(d: Diagnostic, options: PrintOptions = {}): string {
  const paint = (color: string, text: string): string => (options.color === true ? `${color}${text}\x1b[0m` : text);
  const lines = [
    `${paint('\x1b[1m', `${d.file}:${d.line}:${d.column}`)}: ${paint(COLORS[d.severity], d.severity)}: ${printable(d.message)} [${d.code}]`,
  ];
  const source = options.lineText?.(d.file, d.line) ?? null;
  if (source !== null) {
    const gutter = String(d.line).length;
    const end = d.endLine === d.line ? d.endColumn : source.length + 1;
    const { text, caretAt, caretLength } = excerpt(source, d.column, end);
    lines.push(` ${d.line} | ${text}`);
    lines.push(
      ` ${' '.repeat(gutter)} | ${' '.repeat(caretAt)}${paint(COLORS[d.severity], `^${'~'.repeat(caretLength - 1)}`)}`,
    );
  }
  if (d.hint !== undefined) lines.push(`   hint: ${printable(d.hint)}`);
  for (const r of d.related ?? []) lines.push(`   ${r.file}:${r.line}:${r.column}: ${printable(r.message)}`);
  return lines.join('\n');
}

const EXCERPT_WIDTH = 110;

/** A window of the line around the caret; tabs become one space so that columns fit. */
function excerpt(
  source: string,
  column: number,
  endColumn: number,
): { text: string; caretAt: number; caretLength: number } {
  const at = Math.min(column - 1, source.length);
  const from = source.length <= EXCERPT_WIDTH ? 0 : Math.max(0, Math.min(at - 30, source.length - EXCERPT_WIDTH));
  const cut = printable(source.slice(from, from + EXCERPT_WIDTH));
  const text = `${from > 0 ? '…' : ''}${cut}${from + EXCERPT_WIDTH < source.length ? '…' : ''}`;
  const caretAt = at - from + (from > 0 ? 1 : 0);
  return { text, caretAt, caretLength: Math.max(1, Math.min(endColumn - column, text.length - caretAt)) };
}

/** Control characters as spaces: nothing of a script reaches a terminal as an escape sequence. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, ' ');
}

/** All diagnostics as text, with a line that counts them. Empty for none. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[], options: PrintOptions = {}): string {
  if (diagnostics.length === 0) return '';
  const count = (s: Severity): number => diagnostics.filter((d) => d.severity === s).length;
  const parts = (['error', 'warning', 'notice'] as const)
    .map((s) => [s, count(s)] as const)
    .filter(([, n]) => n > 0)
    .map(([s, n]) => `${n} ${s}${n === 1 ? '' : 's'}`);
  return `${diagnostics.map((d) => formatDiagnostic(d, options)).join('\n')}\n${parts.join(', ')}\n`;
}

/** The JSON form of `strowger check --json`: plain objects, absent members left out. */
export function diagnosticsToJson(diagnostics: readonly Diagnostic[]): readonly object[] {
  return diagnostics.map((d) => ({ ...d }));
}
