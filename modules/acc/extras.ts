import type { PvAccessor, PvValue, Run, ScriptProgram } from 'strowger';

/** `name=$pv;…` of a parameter, split. */
interface ExtraDef {
  readonly name: string;
  readonly pv: string;
}

/** Reads `name=$pv;…`. An error text where it has another form. */
export function parseExtras(text: string): readonly ExtraDef[] | string {
  const found: ExtraDef[] = [];
  for (const part of splitOutside(text)) {
    if (part.trim() === '') continue;
    const match = /^\s*([^=\s]+)\s*=\s*(\$.+?)\s*$/s.exec(part);
    if (match?.[1] === undefined || match[2] === undefined) return `"${part.trim()}" is not name=$variable`;
    found.push({ name: match[1], pv: match[2] });
  }
  return found;
}

/** Parts between semicolons that stand outside brackets. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if ('({['.includes(c)) depth++;
    else if (')}]'.includes(c)) depth--;
    else if (c === ';' && depth <= 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}

/** The variables of one parameter, bound once for each program. */
export class Extras {
  readonly names: readonly string[];
  /** The variables as they are written. */
  readonly texts: readonly string[];
  readonly #defs: readonly ExtraDef[];
  #programId = -1;
  #pvs: readonly (PvAccessor | null)[] = [];

  /** Throws where there are more than `max`. */
  constructor(text: string, param: string, max: number) {
    const parsed = parseExtras(text);
    if (typeof parsed === 'string') throw new Error(`${param}: ${parsed}`);
    if (parsed.length > max)
      throw new Error(
        `${param} has ${parsed.length} values, ${param === 'cdr_extra' ? 'cdr' : 'acc'}_extra_size allows ${max}`,
      );
    this.#defs = parsed;
    this.names = parsed.map(({ name }) => name);
    this.texts = parsed.map(({ pv }) => pv);
  }

  get isEmpty(): boolean {
    return this.#defs.length === 0;
  }

  /** Binds the variables; throws what is wrong with one. */
  bind(program: ScriptProgram): readonly (PvAccessor | null)[] {
    if (this.#programId === program.id) return this.#pvs;
    this.#pvs = this.#defs.map(({ pv }) => program.compilePv?.(pv) ?? null);
    this.#programId = program.id;
    return this.#pvs;
  }

  values(run: Run): PvValue[] {
    return this.bind(run.program).map((pv) => pv?.get(run) ?? null);
  }

  /** The values of each leg: the first of every variable, then the second … At least one leg. */
  legs(run: Run): PvValue[][] {
    const columns = this.bind(run.program).map((pv) => pv?.getAll?.(run) ?? [pv?.get(run) ?? null]);
    const count = Math.max(1, ...columns.map((column) => column.length));
    return Array.from({ length: count }, (_, leg) => columns.map((column) => column[leg] ?? null));
  }
}
