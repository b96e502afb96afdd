import { addMapping, GenMapping, setSourceContent, toEncodedMap } from '@jridgewell/gen-mapping';
import type { Place } from './diagnostics.ts';
import type { Line } from './emitter.ts';

/** Generated code and where its lines come from. */
export interface GeneratedSource {
  readonly code: string;
  readonly table: LineTable;
}

/** From lines of generated code to places in the script. */
export class LineTable {
  readonly #places: readonly (Place | null)[];

  constructor(lines: readonly Line[], linesBefore: number, locate: (offset: number) => Place) {
    const places: (Place | null)[] = Array.from({ length: linesBefore }, () => null);
    for (const { at } of lines) places.push(at < 0 ? null : locate(at));
    this.#places = places;
  }

  /** Place of a generated line, counted from 1; lines of none take that of the one before. */
  place(line: number): Place | null {
    for (let i = Math.min(line, this.#places.length) - 1; i >= 0; i--) {
      const place = this.#places[i];
      if (place !== null && place !== undefined) return place;
    }
    return null;
  }

  *entries(): Generator<readonly [line: number, place: Place]> {
    for (const [i, place] of this.#places.entries()) if (place !== null) yield [i + 1, place];
  }
}

/** The comment that shows a debugger the script behind the code. */
export function inlineSourceMap(file: string, table: LineTable, content: (file: string) => string): string {
  const map = new GenMapping({ file });
  const files = new Set<string>();
  for (const [line, place] of table.entries()) {
    files.add(place.file);
    const original = { line: place.line, column: place.column - 1 };
    addMapping(map, { generated: { line, column: 0 }, source: place.file, original });
  }
  for (const source of files) setSourceContent(map, source, content(source));
  const json = JSON.stringify(toEncodedMap(map));
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(json, 'utf8').toString('base64')}`;
}

/**
 * An error's stack with the lines of generated code replaced by those of the script: `at route[RELAY]
 * (kamailio.cfg:120:3)`. `name` is the file name of the generated code, `titles` names routes by function.
 */
export function mapStack(stack: string, name: string, table: LineTable, titles: ReadonlyMap<string, string>): string {
  return stack
    .split('\n')
    .map((line) => {
      const at = line.indexOf(`${name}:`);
      const m = at < 0 ? null : /^(\d+):\d+/.exec(line.slice(at + name.length + 1));
      const place = m === null ? null : table.place(Number(m[1]));
      if (place === null) return line;
      const fn = /at (?:async )?([\w$]+) \(/.exec(line)?.[1] ?? '';
      return `    at ${titles.get(fn) ?? 'script'} (${place.file}:${place.line}:${place.column})`;
    })
    .join('\n');
}
