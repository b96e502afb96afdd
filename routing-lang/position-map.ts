import type { Place } from './diagnostics.ts';

/** One reading of one file: a file included twice is two of these. */
export class SourceFile {
  readonly name: string;
  readonly text: string;
  /** Where it was included; null for the script itself. */
  readonly includedAt: { readonly file: SourceFile; readonly offset: number } | null;
  #lineStarts: number[] | null = null;

  constructor(name: string, text: string, includedAt: { file: SourceFile; offset: number } | null) {
    this.name = name;
    this.text = text;
    this.includedAt = includedAt;
  }

  /** Line and column, from 1, of an offset; a tab is one column. */
  position(offset: number): { line: number; column: number } {
    const starts = this.#starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  }

  /** The text of a line without its end; null beyond the last. */
  lineText(line: number): string | null {
    const start = this.#starts()[line - 1];
    if (start === undefined) return null;
    const end = this.text.indexOf('\n', start);
    return this.text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '');
  }

  place(offset: number): Place {
    const includedFrom: Place[] = [];
    for (let at = this.includedAt; at !== null; at = at.file.includedAt) {
      includedFrom.push({ file: at.file.name, ...at.file.position(at.offset) });
    }
    return { file: this.name, ...this.position(offset), ...(includedFrom.length === 0 ? {} : { includedFrom }) };
  }

  #starts(): number[] {
    if (this.#lineStarts === null) {
      const starts = [0];
      for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) starts.push(at + 1);
      this.#lineStarts = starts;
    }
    return this.#lineStarts;
  }
}

/** The macro a piece of text comes from: the outermost one, whose name stands in the file. */
export interface MacroOrigin {
  readonly name: string;
  /** Null for names defined outside of the script (`-A`, predefined ones). */
  readonly definedAt: { readonly file: SourceFile; readonly offset: number } | null;
}

/**
 * Maps offsets of the preprocessed text to places in files. Pieces are appended in the order of the text; a piece
 * copied from a file maps char by char, one expanded from a macro maps as a whole to the macro's name.
 */
export class PositionMap {
  readonly #outStarts: number[] = [];
  readonly #files: SourceFile[] = [];
  readonly #sources: number[] = [];
  readonly #macros: (MacroOrigin | null)[] = [];

  append(outStart: number, file: SourceFile, source: number, macro: MacroOrigin | null): void {
    this.#outStarts.push(outStart);
    this.#files.push(file);
    this.#sources.push(source);
    this.#macros.push(macro);
  }

  locate(offset: number): Place {
    let low = 0;
    let high = this.#outStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#outStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const file = this.#files[low];
    if (file === undefined) return { file: '', line: 1, column: 1 };
    const macro = this.#macros[low] ?? null;
    const source = this.#sources[low] ?? 0;
    if (macro === null) return file.place(Math.min(source + offset - (this.#outStarts[low] ?? 0), file.text.length));
    const at = macro.definedAt;
    return {
      ...file.place(source),
      macro: { name: macro.name, definedAt: at === null ? null : at.file.place(at.offset) },
    };
  }
}
