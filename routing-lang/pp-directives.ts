import { suggest } from './diagnostics.ts';
import { stringValue } from './escapes.ts';
import type { SourceFile } from './position-map.ts';
import { type ExpValue, evaluateExpression, isTrue } from './pp-expr.ts';
import { applySubst, parseSubst } from './pp-subst.ts';
import type { Preprocessor } from './preprocessor.ts';
import { endOfLine, endOfString } from './scan.ts';

type Handler = (pp: Preprocessor, at: Directive) => number;

/** One directive in its text; handlers return the offset to go on at, usually that of the line's end. */
interface Directive {
  readonly file: SourceFile;
  readonly text: string;
  /** Of the `#!`. */
  readonly start: number;
  /** Behind the directive's word. */
  readonly behind: number;
  readonly word: string;
}

const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['define', (pp, d) => define(pp, d, 'once')],
  ['def', (pp, d) => define(pp, d, 'once')],
  ['trydef', (pp, d) => define(pp, d, 'try')],
  ['trydefine', (pp, d) => define(pp, d, 'try')],
  ['redef', (pp, d) => define(pp, d, 'again')],
  ['redefine', (pp, d) => define(pp, d, 'again')],
  ['undef', undefine],
  ['undefine', undefine],
  ['tryundef', undefine],
  ['tryundefine', undefine],
  ['defexp', (pp, d) => defineExpression(pp, d, '')],
  ['defexps', (pp, d) => defineExpression(pp, d, '"')],
  ['defenv', (pp, d) => defineEnv(pp, d, false, '')],
  ['defenvs', (pp, d) => defineEnv(pp, d, false, '"')],
  ['trydefenv', (pp, d) => defineEnv(pp, d, true, '')],
  ['trydefenvs', (pp, d) => defineEnv(pp, d, true, '"')],
  ['subst', (pp, d) => addSubst(pp, d, null)],
  ['substdef', (pp, d) => addSubst(pp, d, '')],
  ['substdefs', (pp, d) => addSubst(pp, d, '"')],
  ['ifdef', (pp, d) => openDefined(pp, d, true)],
  ['ifndef', (pp, d) => openDefined(pp, d, false)],
  ['ifexp', openExpression],
  ['else', (pp, d) => turn(pp, d, 'else')],
  ['endif', (pp, d) => turn(pp, d, 'endif')],
  ['include_file', (pp, d) => pp.include(d.file, d.word, d.text, d.start, d.behind)],
  ['import_file', (pp, d) => pp.include(d.file, d.word, d.text, d.start, d.behind)],
]);

/** First lines that chose a dialect, and the interpreter line of an executable script. */
const MODES = /^(?:KAMAILIO|OPENSER|SER2?|ALL|MAXCOMPAT)$/i;

const DIRECTIVE_WORD = /[A-Za-z_]\w*/y;

/**
 * Runs the directive at `at` (`#!word` or `!!word`). Returns the offset to go on at, or null where it is none: a
 * comment, or two operators.
 */
export function runDirective(pp: Preprocessor, file: SourceFile, text: string, at: number): number | null {
  DIRECTIVE_WORD.lastIndex = at + 2;
  const word = DIRECTIVE_WORD.exec(text)?.[0] ?? '';
  const behind = at + 2 + word.length;
  const handler = HANDLERS.get(word);
  const isHash = text.charAt(at) === '#';
  if (handler !== undefined && /[\s"']|^$/.test(text.charAt(behind))) {
    return handler(pp, { file, text, start: at, behind, word });
  }
  if (isHash && word !== '' && !MODES.test(word)) {
    const meant = suggest(word, HANDLERS.keys());
    pp.diagnostics.report(
      'ignored-directive',
      file.place(at),
      file.place(behind),
      `#!${word} is not a directive: the line is a comment`,
      meant === null ? {} : { hint: `did you mean #!${meant}?` },
    );
  }
  return null;
}

const NAME = /[ \t]+([A-Za-z_]\w*)/y;

function nameAt(d: Directive): { name: string; behind: number } | null {
  NAME.lastIndex = d.behind;
  const m = NAME.exec(d.text);
  return m === null ? null : { name: m[1] ?? '', behind: NAME.lastIndex };
}

function bad(pp: Preprocessor, d: Directive, message: string, hint?: string): number {
  const end = endOfLine(d.text, d.behind);
  pp.diagnostics.report(
    'bad-directive',
    d.file.place(d.start),
    d.file.place(end),
    message,
    hint === undefined ? {} : { hint },
  );
  return end;
}

function newer(pp: Preprocessor, d: Directive, since: string): void {
  const message = `#!${d.word} is ${since}; Kamailio 5.6.3 takes the line for a comment`;
  pp.diagnostics.report('newer-syntax', d.file.place(d.start), d.file.place(d.behind), message);
}

function define(pp: Preprocessor, d: Directive, mode: 'once' | 'try' | 'again'): number {
  const found = nameAt(d);
  if (found === null) return bad(pp, d, `#!${d.word} needs a name of letters, digits and underscores`);
  if (d.text.charAt(found.behind) === '-') return bad(pp, d, `"-" can not be part of a name: ${found.name}-`);
  let at = found.behind;
  while (d.text.charAt(at) === ' ' || d.text.charAt(at) === '\t') at++;
  const { value, end } = definitionValue(d.text, at);
  warnOfComment(pp, d, value, at);
  setMacro(pp, d, found.name, value === '' ? null : value, mode);
  return end;
}

/** The rest of the line, with the lines joined that end with a backslash. */
function definitionValue(text: string, start: number): { value: string; end: number } {
  let value = '';
  for (let at = start; ; ) {
    const end = endOfLine(text, at);
    const line = text.slice(at, end).replace(/\r$/, '');
    if (!line.endsWith('\\') || end >= text.length) return { value: value + line, end };
    value += line.slice(0, -1);
    at = end + 1;
  }
}

/** Comments are part of a macro's value: in the middle of a line they hide what follows the name. */
function warnOfComment(pp: Preprocessor, d: Directive, value: string, at: number): void {
  const bare = value.replace(/"(?:\\.|[^"\\])*"|'[^']*'/g, (s) => ' '.repeat(s.length));
  const comment = /(?:^|\s)(?:#|\/\/)/.exec(bare);
  if (comment === null) return;
  const from = at + comment.index;
  pp.diagnostics.report(
    'macro-comment',
    d.file.place(from),
    d.file.place(endOfLine(d.text, from)),
    'the comment becomes part of the value, and hides the rest of each line that uses the name',
    { hint: 'put the comment on a line of its own' },
  );
}

function setMacro(
  pp: Preprocessor,
  d: Directive,
  name: string,
  value: string | null,
  mode: 'once' | 'try' | 'again',
): boolean {
  const old = pp.macros.get(name);
  if (old !== undefined && mode === 'try') return true;
  if (old !== undefined && mode === 'once') {
    const at = old.origin.definedAt;
    const first = at?.file.place(at.offset);
    pp.diagnostics.report(
      'already-defined',
      d.file.place(d.start),
      d.file.place(d.behind),
      `${name} is already defined`,
      {
        hint: 'use #!redefine to change it, or #!trydef to keep the first value',
        ...(first === undefined ? {} : { related: [{ ...first, message: 'first defined here' }] }),
      },
    );
    return false;
  }
  pp.macros.set(name, { value, origin: { name, definedAt: { file: d.file, offset: d.start } } });
  return true;
}

function undefine(pp: Preprocessor, d: Directive): number {
  const found = nameAt(d);
  if (found === null) return bad(pp, d, `#!${d.word} needs a name`);
  newer(pp, d, 'of Kamailio 6');
  pp.macros.delete(found.name);
  return endOfLine(d.text, found.behind);
}

function lookup(pp: Preprocessor): (name: string) => ExpValue {
  return (name) => {
    const macro = pp.macros.get(name);
    if (macro === undefined) return 0;
    return macro.value === null ? 1 : macro.value.trim().replace(/^(["'])(.*)\1$/s, '$2');
  };
}

function evaluate(pp: Preprocessor, d: Directive, from: number): ExpValue | null {
  const end = endOfLine(d.text, from);
  try {
    return evaluateExpression(d.text.slice(from, end), lookup(pp));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    pp.diagnostics.report('bad-expression', d.file.place(from + 1), d.file.place(end), `bad expression: ${message}`);
    return null;
  }
}

function defineExpression(pp: Preprocessor, d: Directive, quote: string): number {
  const found = nameAt(d);
  if (found === null) return bad(pp, d, `#!${d.word} needs a name and an expression`);
  newer(pp, d, 'of Kamailio 5.7');
  const value = evaluate(pp, d, found.behind);
  if (value !== null) {
    const text = typeof value === 'number' ? String(Math.trunc(value)) : value;
    setMacro(pp, d, found.name, quote + text + quote, 'once');
  }
  return endOfLine(d.text, found.behind);
}

const ENV = /[ \t]+([A-Za-z_]\w*)(?:=(\w+))?/y;

function defineEnv(pp: Preprocessor, d: Directive, isOptional: boolean, quote: string): number {
  ENV.lastIndex = d.behind;
  const m = ENV.exec(d.text);
  if (m === null) return bad(pp, d, `#!${d.word} needs NAME or NAME=VARIABLE`);
  const name = m[1] ?? '';
  const variable = m[2] ?? name;
  const value = pp.options.env?.[variable];
  const end = endOfLine(d.text, ENV.lastIndex);
  if (value !== undefined) setMacro(pp, d, name, quote + value + quote, isOptional ? 'try' : 'once');
  else if (!isOptional) {
    pp.diagnostics.report(
      'env-not-set',
      d.file.place(d.start),
      d.file.place(end),
      `the environment has no ${variable}`,
      {
        hint: `#!try${d.word} does without`,
      },
    );
  }
  return end;
}

/** `quote` is what encloses the value of the macro that substdef adds; null for plain subst. */
function addSubst(pp: Preprocessor, d: Directive, quote: string | null): number {
  let at = d.behind;
  while (d.text.charAt(at) === ' ' || d.text.charAt(at) === '\t') at++;
  const end = /["']/.test(d.text.charAt(at)) ? endOfString(d.text, at) : -1;
  if (end < 0) return bad(pp, d, `#!${d.word} needs an expression in quotes`, `write #!${d.word} "/NAME/text/"`);
  const subst = parseSubst(pp.substitute(stringValue(d.text.slice(at, end)), pp.outputLength));
  if (typeof subst === 'string') {
    pp.diagnostics.report('bad-subst', d.file.place(at), d.file.place(end), subst);
    return endOfLine(d.text, end);
  }
  if (quote !== null) {
    const value = applySubst({ ...subst, pattern: /^.*$/s }, '', (pv) => pp.constant(pv));
    if (!setMacro(pp, d, subst.source, quote + value + quote, 'once')) return endOfLine(d.text, end);
  }
  pp.substs.push({ from: pp.outputLength, subst });
  return endOfLine(d.text, end);
}

function openDefined(pp: Preprocessor, d: Directive, wanted: boolean): number {
  NAME_ANY.lastIndex = d.behind;
  const m = NAME_ANY.exec(d.text);
  if (m === null) {
    bad(pp, d, `#!${d.word} needs a name`);
    pp.conditionals.open(d.file, d.start, false);
  } else pp.conditionals.open(d.file, d.start, pp.macros.has(m[1] ?? '') === wanted);
  return endOfLine(d.text, d.behind);
}

const NAME_ANY = /[ \t]+(\w+)/y;

function openExpression(pp: Preprocessor, d: Directive): number {
  newer(pp, d, 'of Kamailio 5.7');
  const value = evaluate(pp, d, d.behind);
  pp.conditionals.open(d.file, d.start, value !== null && isTrue(value));
  return endOfLine(d.text, d.behind);
}

const BLANK_LINE_END = /[ \t]*\r?(?:\n|$)/y;

function turn(pp: Preprocessor, d: Directive, kind: 'else' | 'endif'): number {
  const end = endOfLine(d.text, d.behind);
  BLANK_LINE_END.lastIndex = d.behind;
  if (!BLANK_LINE_END.test(d.text)) {
    pp.diagnostics.report(
      'ignored-directive',
      d.file.place(d.start),
      d.file.place(end),
      `#!${kind} followed by text is a comment`,
      {
        hint: `leave nothing on the line behind #!${kind}`,
      },
    );
    return end;
  }
  if (kind === 'else') pp.conditionals.otherwise(d.file, d.start);
  else pp.conditionals.close(d.file, d.start);
  return end;
}

interface Level {
  readonly file: SourceFile;
  readonly offset: number;
  isOn: boolean;
  hasElse: boolean;
}

/** The conditionals that are open. They may open in one file and close in another, as in Kamailio. */
export class Conditionals {
  readonly #pp: Preprocessor;
  readonly #levels: Level[] = [];
  /** How many levels are off. */
  #off = 0;

  constructor(pp: Preprocessor) {
    this.#pp = pp;
  }

  get isActive(): boolean {
    return this.#off === 0;
  }

  open(file: SourceFile, offset: number, isOn: boolean): void {
    this.#levels.push({ file, offset, isOn, hasElse: false });
    if (!isOn) this.#off++;
  }

  otherwise(file: SourceFile, offset: number): void {
    const level = this.#levels.at(-1);
    if (level === undefined || level.hasElse) {
      const what = level === undefined ? 'without #!ifdef is ignored' : 'a second time turns the condition again';
      this.#pp.diagnostics.report('stray-else', file.place(offset), file.place(offset + 6), `#!else ${what}`);
    }
    if (level === undefined) return;
    level.hasElse = true;
    level.isOn = !level.isOn;
    this.#off += level.isOn ? -1 : 1;
  }

  close(file: SourceFile, offset: number): void {
    const level = this.#levels.pop();
    if (level === undefined) {
      const message = '#!endif without #!ifdef, #!ifndef or #!ifexp';
      this.#pp.diagnostics.report('unbalanced-conditional', file.place(offset), file.place(offset + 7), message);
    } else if (!level.isOn) this.#off--;
  }

  /** Reports what is still open at the end of the script. */
  finish(): void {
    for (const { file, offset } of this.#levels) {
      const message = 'this condition has no #!endif';
      this.#pp.diagnostics.report(
        'unbalanced-conditional',
        file.place(offset),
        file.place(endOfLine(file.text, offset)),
        message,
      );
    }
  }

  /**
   * Goes over text that is switched off, up to the directive that switches it on again or the text's end. Directives
   * count wherever they stand, in comments and strings too; `#!else` and `#!endif` only at a line's end.
   */
  skip(file: SourceFile, text: string, from: number): number {
    const directive = /[#!]!(?:(?:ifn?def|ifexp)[ \t]|(else|endif)(?=[ \t]*\r?(?:\n|$)))/g;
    directive.lastIndex = from;
    for (let m = directive.exec(text); m !== null; m = directive.exec(text)) {
      if (m[1] === undefined) this.open(file, m.index, true);
      else if (m[1] === 'else') this.otherwise(file, m.index);
      else this.close(file, m.index);
      if (this.isActive) return endOfLine(text, directive.lastIndex);
    }
    return text.length;
  }
}
