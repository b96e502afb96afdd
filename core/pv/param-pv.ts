import type { ScriptProgram } from '../script/program.ts';
import type { Run } from '../script/run.ts';
import type { PvValue } from '../values.ts';
import type { PvAccessor } from './spec.ts';

/** A pseudo-variable that a module parameter names (`received_avp`, `extra_id_pv`): bound anew for each program. */
export class ParamPv {
  readonly text: string;
  #programId = -1;
  #pv: PvAccessor | null = null;

  /** '' names none: it reads as null and takes no value. */
  constructor(text: string) {
    this.text = text;
  }

  get isNamed(): boolean {
    return this.text !== '';
  }

  /** What is wrong with it, or null; for childInit, when there is a program. `isWritten`: a command assigns it. */
  check(program: ScriptProgram, isWritten: boolean): string | null {
    if (this.text === '') return null;
    try {
      this.#bind(program);
    } catch (error) {
      return (error as Error).message;
    }
    return isWritten && this.#pv !== null && this.#pv.set === undefined ? `${this.text} can not be assigned` : null;
  }

  get(run: Run): PvValue {
    if (this.text === '') return null;
    this.#bind(run.program);
    return this.#pv?.get(run) ?? null;
  }

  /** False where it could not be assigned. */
  set(run: Run, value: PvValue): boolean {
    if (this.text === '') return false;
    this.#bind(run.program);
    return this.#pv?.set !== undefined && this.#pv.set(run, value) !== false;
  }

  #bind(program: ScriptProgram): void {
    if (this.#programId === program.id) return;
    this.#pv = program.compilePv?.(this.text) ?? null;
    this.#programId = program.id;
  }
}
