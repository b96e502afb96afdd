import type { Script } from './ast.ts';
import { Diagnostics } from './diagnostics.ts';
import { ScriptGrammar } from './grammar.ts';
import { type Preprocessed, type PreprocessOptions, preprocess } from './preprocessor.ts';

export interface ParseOptions extends Omit<PreprocessOptions, 'diagnostics'> {
  /** What 5.6.3 refuses and other versions accept is an error. */
  readonly strict?: boolean;
  /** Where diagnostics go; a new collection where not given. */
  readonly diagnostics?: Diagnostics;
}

export interface ParsedScript {
  readonly file: string;
  readonly script: Script;
  readonly source: Preprocessed;
  readonly diagnostics: Diagnostics;
}

let grammar: ScriptGrammar | null = null;

/**
 * Text to syntax tree: preprocesses and parses the script `file`, whose text is read with `options.readFile` unless it
 * is given. Never throws for what a script holds; look at `diagnostics.hasErrors`. The tree holds what could be read.
 */
export function parseScript(file: string, options: ParseOptions, text?: string): ParsedScript {
  const diagnostics = options.diagnostics ?? new Diagnostics({ strict: options.strict ?? false });
  const content = text ?? options.readFile(file);
  if (content === null) {
    const place = { file, line: 1, column: 1 };
    diagnostics.report('file-not-found', place, place, `cannot open ${file}`);
  }
  const source = preprocess(file, content ?? '', { ...options, diagnostics });
  return { file, script: parse(source, diagnostics), source, diagnostics };
}

/** Parses preprocessed text. The grammar's tables are built at the first call (some milliseconds) and kept. */
export function parse(source: Preprocessed, diagnostics: Diagnostics): Script {
  grammar ??= new ScriptGrammar();
  return grammar.parse(source, diagnostics);
}

export type * from './ast.ts';
export { BAD_PV } from './ast-builder.ts';
export * from './diagnostics.ts';
export { type Preprocessed, type PreprocessOptions, preprocess } from './preprocessor.ts';
export { type FormatSyntax, type PvError, type PvResult, parseFormat, parsePv } from './pv-parser.ts';
