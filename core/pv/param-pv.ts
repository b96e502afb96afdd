import type { Run } from '../script/run.ts';
import type { PvValue } from '../values.ts';
import type { PvAccessor } from './spec.ts';

/** A variable that a module's parameter names (`$avp(x)`): bound once for each program. '' is none. */
export class ParamPv {
  readonly #text: string;
  #programId = -1;
  #pv: PvAccessor | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  get isNone(): boolean {
    return this.#text === '';
  }
  get isNamed(): boolean {
    return this.#text !== '';
  }

  /** What is wrong with it, or null; `mustBeSettable`: it is to be assigned. Ask in childInit, when there is a program. */
  check(program: Run['program'], mustBeSettable: boolean): string | null {
    if (this.#text === '') return null;
    try {
      this.#bind(program);
    } catch (error) {
      return (error as Error).message;
    }
    return mustBeSettable && this.#pv !== null && this.#pv.set === undefined
      ? `${this.#text} can not be assigned`
      : null;
  }

  /** Null also where none is named. */
  get(run: Run): PvValue {
    if (this.#text === '') return null;
    this.#bind(run.program);
    return this.#pv?.get(run) ?? null;
  }

  /** False where it could not be assigned, or none is named. */
  set(run: Run, value: PvValue): boolean {
    if (this.#text === '') return false;
    this.#bind(run.program);
    return this.#pv?.set !== undefined && this.#pv.set(run, value) !== false;
  }

  #bind(program: Run['program']): void {
    if (this.#programId === program.id) return;
    this.#pv = program.compilePv?.(this.#text) ?? null;
    this.#programId = program.id;
  }
}
