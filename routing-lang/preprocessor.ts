import { dirname, isAbsolute, join } from 'node:path';
import { RESERVED_WORDS } from './core-keywords.ts';
import type { Diagnostics, Place } from './diagnostics.ts';
import { type MacroOrigin, PositionMap, SourceFile } from './position-map.ts';
import { Conditionals, runDirective } from './pp-directives.ts';
import { applySubst, quoted, type Subst, unquoted } from './pp-subst.ts';
import { endOfBlockComment, endOfLine, endOfPv, endOfQuoted, endOfString, isWordCode } from './scan.ts';

export interface PreprocessOptions {
  /** The text of a file as latin1 (one char, one byte), null where there is none. Relative paths are the caller's cwd's. */
  readonly readFile: (path: string) => string | null;
  readonly diagnostics: Diagnostics;
  /** `-A` options: `NAME` or `NAME=VALUE`. */
  readonly defines?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The macro `OS_NAME`; `linux` where not given. */
  readonly osName?: string;
}

interface Macro {
  /** Null for a name without a value, which is never expanded. */
  readonly value: string | null;
  readonly origin: MacroOrigin;
}

export interface Preprocessed {
  readonly text: string;
  locate(offset: number): Place;
  /** A line of one of the files read, for excerpts. */
  lineText(file: string, line: number): string | null;
  /** Applies the `#!subst`s in force at an offset to a string's value. */
  substitute(value: string, offset: number): string;
  /** For `$def(NAME)`: names with their values, null for none. */
  readonly defines: ReadonlyMap<string, string | null>;
  /** The script and every file it includes, in the order of reading: what a watcher watches. */
  readonly files: readonly string[];
}

const MAX_INCLUDES = 10;
const MAX_MACRO_DEPTH = 64;
const MAX_EXPANSIONS = 200_000;
/** Chars of a script with all its includes and expansions. */
const MAX_OUTPUT = 8 * 1024 * 1024;

/** Of UTF-8, read as latin1. */
const BYTE_ORDER_MARK = '\xef\xbb\xbf';

const WORD = /\w+/y;
const SELECT = /@\s*\w+(?:\s*\.\s*\w+)*/y;
const INCLUDE = /[ \t]*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s;]*))[ \t]*(;?)/y;

/** What is being read: a file, or a macro's value at the place of its name. */
interface Frame {
  readonly text: string;
  readonly file: SourceFile;
  /** The macro and the offset of its name in `file`; null while reading the file itself. */
  readonly expansion: { readonly origin: MacroOrigin; readonly at: number } | null;
  readonly depth: number;
}

/**
 * Runs the preprocessor over a script: conditionals, includes and macros are resolved, comments and strings stay as
 * they are (`#!subst` applies to strings when they are read, by `substitute`). Errors go to the diagnostics; the text
 * is always usable.
 */
export function preprocess(file: string, text: string, options: PreprocessOptions): Preprocessed {
  const run = new Preprocessor(options);
  run.readScript(new SourceFile(file, text, null));
  return run.result();
}

/** The state of one run. Directives (`pp-directives.ts`) work on it. */
export class Preprocessor {
  readonly diagnostics: Diagnostics;
  readonly options: PreprocessOptions;
  readonly macros = new Map<string, Macro>();
  readonly substs: { readonly from: number; readonly subst: Subst }[] = [];
  readonly conditionals: Conditionals;
  readonly #map = new PositionMap();
  readonly #files: SourceFile[] = [];
  readonly #chunks: string[] = [];
  readonly #expanding = new Set<string>();
  #length = 0;
  #expansions = 0;
  #isTooLong = false;
  /** A `loadmodule` was read, its name not yet. */
  #isLoading = false;

  constructor(options: PreprocessOptions) {
    this.options = options;
    this.diagnostics = options.diagnostics;
    this.conditionals = new Conditionals(this);
    const names = ['KAMAILIO_5', 'KAMAILIO_5_6', 'KAMAILIO_5_6_3', 'KAMAILIO_VERSION=5006003', 'STROWGER'];
    for (const define of [...names, `OS_NAME="${options.osName ?? 'linux'}"`, ...(options.defines ?? [])]) {
      const at = define.indexOf('=');
      const name = at < 0 ? define : define.slice(0, at);
      this.macros.set(name, { value: at < 0 ? null : define.slice(at + 1), origin: { name, definedAt: null } });
    }
  }

  readScript(file: SourceFile): void {
    this.#files.push(file);
    this.#map.append(0, file, 0, null);
    this.#read({ text: file.text, file, expansion: null, depth: 0 });
    this.conditionals.finish();
    this.#map.append(this.#length, file, file.text.length, null);
  }

  result(): Preprocessed {
    const map = this.#map;
    const names = new Map<string, SourceFile>();
    for (const file of this.#files) if (!names.has(file.name)) names.set(file.name, file);
    return {
      text: this.#chunks.join(''),
      locate: (offset) => map.locate(offset),
      lineText: (name, line) => names.get(name)?.lineText(line) ?? null,
      substitute: (value, offset) => this.substitute(value, offset),
      defines: new Map([...this.macros].map(([name, macro]) => [name, macro.value])),
      files: [...names.keys()],
    };
  }

  /** The offset in the output that the next char gets. */
  get outputLength(): number {
    return this.#length;
  }

  substitute(value: string, offset: number): string {
    let out = value;
    for (const { from, subst } of this.substs) {
      if (from > offset) break;
      out = applySubst(subst, out, (pv) => this.constant(pv));
    }
    return out;
  }

  /** Value of `$def(…)`, `$env(…)` and their kin; empty for what is not set. */
  constant(pv: string): string {
    const m = /(def|env)([nsv]?)\(([^()]*)\)/.exec(pv);
    const name = m?.[3] ?? '';
    const value = (m?.[1] === 'env' ? this.options.env?.[name] : this.macros.get(name)?.value) ?? '';
    if (m?.[2] === 's') return quoted(value);
    return m?.[2] === 'v' ? unquoted(value) : value;
  }

  #copy(frame: Frame, from: number, to: number): void {
    if (to <= from) return;
    const { expansion } = frame;
    if (this.#length + to - from > MAX_OUTPUT) {
      this.#tooLong(frame.file, expansion?.at ?? from);
      return;
    }
    this.#map.append(this.#length, frame.file, expansion?.at ?? from, expansion?.origin ?? null);
    this.#chunks.push(frame.text.slice(from, to));
    this.#length += to - from;
  }

  /** What does not fit is left out, reported once. */
  #tooLong(file: SourceFile, offset: number): void {
    if (this.#isTooLong) return;
    this.#isTooLong = true;
    const place = file.place(offset);
    this.diagnostics.report('script-too-long', place, place, `the script has more than ${MAX_OUTPUT} characters`);
  }

  /** Reads a frame to its end. Returns true where it ends inside a string that goes on behind it. */
  #read(frame: Frame): boolean {
    const { text } = frame;
    let from = frame.expansion === null && text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK.length : 0;
    let at = from;
    while (at < text.length) {
      if (!this.conditionals.isActive) {
        this.#copy(frame, from, at);
        from = at = this.conditionals.skip(frame.file, text, at);
        continue;
      }
      const c = text.charCodeAt(at);
      if (isWordCode(c)) {
        WORD.lastIndex = at;
        WORD.test(text);
        const end = WORD.lastIndex;
        const next = c >= 48 && c <= 57 ? end : this.#word(frame, text.slice(at, end), from, at, end);
        if (next < 0) {
          from = at = -next;
        } else at = next;
        continue;
      }
      if ((c === 35 || c === 33) && text.charCodeAt(at + 1) === 33) {
        // A directive may put text of its own into the output: what stands before it goes first.
        this.#copy(frame, from, at);
        from = at;
      }
      const end = this.#element(frame, c, at);
      if (end === null) at++;
      else if (end.isDirective) from = at = end.end;
      else if (end.end < 0) {
        this.#copy(frame, from, text.length);
        return end.isString;
      } else at = end.end;
    }
    this.#copy(frame, from, text.length);
    return false;
  }

  /** Steps over a string, comment, variable, select or directive; null where none starts. */
  #element(frame: Frame, c: number, at: number): { end: number; isDirective: boolean; isString: boolean } | null {
    const { text } = frame;
    const next = text.charCodeAt(at + 1);
    if (c === 34 || c === 39) {
      const end = endOfString(text, at);
      if (this.#isLoading && end > 0) this.#moduleLoaded(text.slice(at + 1, end - 1));
      return step(end, true);
    }
    if (c === 35 || (c === 33 && next === 33)) {
      const end = next === 33 && frame.expansion === null ? runDirective(this, frame.file, text, at) : null;
      if (end !== null) return { end, isDirective: true, isString: false };
      return c === 35 ? step(endOfLine(text, at)) : null;
    }
    if (c === 47 && next === 47) return step(endOfLine(text, at));
    if (c === 47 && next === 42) return step(endOfBlockComment(text, at));
    if (c === 36) {
      const end = endOfPv(text, at);
      return step(end < 0 ? endOfLine(text, at) : end);
    }
    if (c === 64) {
      SELECT.lastIndex = at;
      return SELECT.test(text) ? step(SELECT.lastIndex) : null;
    }
    return null;
  }

  /**
   * A word of the text. Returns where to go on: an offset while the text is copied as it is, the negative of one after
   * something else was put in its place.
   */
  #word(frame: Frame, word: string, from: number, at: number, end: number): number {
    if (word === 'include_file' || word === 'import_file') {
      if (frame.expansion !== null) return end;
      this.#copy(frame, from, at);
      return -this.include(frame.file, word, frame.text, at, end);
    }
    const macro = this.macros.get(word);
    if (macro === undefined || macro.value === null || RESERVED_WORDS.has(word)) {
      this.#isLoading = word === 'loadmodule' || word === 'loadmodulex';
      return end;
    }
    this.#copy(frame, from, at);
    const isOpen = this.#expand(frame, word, macro.value, macro.origin, at);
    if (!isOpen) return -end;
    const close = endOfQuoted(frame.text, end);
    this.#copy(frame, end, close < 0 ? frame.text.length : close);
    return close < 0 ? -frame.text.length : -close;
  }

  #expand(frame: Frame, name: string, value: string, origin: MacroOrigin, at: number): boolean {
    const use = frame.expansion?.at ?? at;
    if (this.#expansions > MAX_EXPANSIONS || this.#isTooLong) return false;
    this.#expansions++;
    if (this.#expanding.has(name) || frame.depth >= MAX_MACRO_DEPTH || this.#expansions > MAX_EXPANSIONS) {
      const place = frame.file.place(use);
      const why = this.#expanding.has(name) ? `macro ${name} expands to itself` : 'macros are nested or used too much';
      this.diagnostics.report('macro-recursion', place, frame.file.place(use + name.length), why);
      return false;
    }
    this.#expanding.add(name);
    const expansion = frame.expansion ?? { origin, at: use };
    const isOpen = this.#read({ text: value, file: frame.file, expansion, depth: frame.depth + 1 });
    this.#expanding.delete(name);
    return isOpen;
  }

  /** Reads the file that an include directive at `at` names; `end` is behind the directive's word. Returns where to go on. */
  include(file: SourceFile, directive: string, text: string, at: number, end: number): number {
    INCLUDE.lastIndex = end;
    const m = INCLUDE.exec(text);
    const path = m?.[1] ?? m?.[2];
    const behind = INCLUDE.lastIndex > 0 ? INCLUDE.lastIndex : end;
    const from = file.place(at);
    const to = file.place(behind);
    if (path === undefined || path === '') {
      const hint = m?.[3] === undefined || m[3] === '' ? {} : { hint: `write ${directive} "${m[3]}"` };
      this.diagnostics.report('bad-include', from, to, `${directive} needs a file name in quotes`, hint);
      return behind;
    }
    if (m?.[4] === ';') {
      this.diagnostics.report(
        'lax-syntax',
        file.place(behind - 1),
        to,
        `Kamailio 5.6.3 refuses a ";" after ${directive}`,
      );
    }
    let depth = 0;
    for (let outer = file.includedAt; outer !== null; outer = outer.file.includedAt) depth++;
    if (depth >= MAX_INCLUDES) {
      this.diagnostics.report('include-depth', from, to, `files are included more than ${MAX_INCLUDES} deep`);
      return behind;
    }
    const found = this.#find(path, file.name);
    if (found !== null) this.#readIncluded(new SourceFile(found.path, found.text, { file, offset: at }));
    else if (directive === 'include_file') {
      this.diagnostics.report('file-not-found', from, to, `cannot open ${path}`, {
        hint: isAbsolute(path)
          ? 'use import_file for a file that need not be there'
          : `looked in the working folder and beside ${file.name}`,
      });
    }
    return behind;
  }

  #readIncluded(file: SourceFile): void {
    this.#files.push(file);
    this.#read({ text: file.text, file, expansion: null, depth: 0 });
    this.#copy({ text: '\n', file, expansion: null, depth: 0 }, 0, 1);
  }

  #find(path: string, includer: string): { path: string; text: string } | null {
    const text = this.options.readFile(path);
    if (text !== null) return { path, text };
    if (isAbsolute(path)) return null;
    const beside = join(dirname(includer), path);
    const second = beside === path ? null : this.options.readFile(beside);
    return second === null ? null : { path: beside, text: second };
  }

  #moduleLoaded(path: string): void {
    this.#isLoading = false;
    const name = /([^/$]+?)(?:\.so)?$/.exec(path)?.[1];
    if (name === undefined || path.includes('$')) return;
    this.macros.set(`MOD_${name}`, { value: null, origin: { name: `MOD_${name}`, definedAt: null } });
  }
}

function step(end: number, isString = false): { end: number; isDirective: boolean; isString: boolean } {
  return { end, isDirective: false, isString };
}
