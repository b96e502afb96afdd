import type { Run } from '../script/run.ts';
import type { PvValue } from '../values.ts';

/**
 * A use of a pseudo-variable in a script, bound once at compile time: the generated code calls `get(run)`.
 * A getter never waits and never throws for what a message holds: it returns null.
 */
export interface PvAccessor {
  /** As written, `$hdr(From)`. */
  readonly text: string;
  readonly get: (run: Run) => PvValue;
  /** Absent on a read-only variable. Returns false when the value can not be assigned (logged by the caller). */
  readonly set?: (run: Run, value: PvValue) => boolean | void;
  /** All values of a variable that has several (`$(avp(x)[*])`), in index order. */
  readonly getAll?: (run: Run) => PvValue[];
  /** Of a variable of the run: compiled code reads and writes its slot itself. */
  readonly slot?: VarSlot;
}

/** A variable of the run that is nothing but a slot of `Run.vars`: `$var(x)`. */
export interface VarSlot {
  /** What `PvUse.varSlot` gave. */
  readonly index: number;
  /** Its value while the slot is null. */
  readonly initial: PvValue;
  /** What it is when null is assigned. */
  readonly ofNull: PvValue;
}

/** Index of a use: absent, a number (negative counts from the end), `*` (all), or computed per run. */
export type PvIndex = null | number | '*' | ((run: Run) => PvValue);

/** The parts of one use, as the routing language's parser found them. */
export interface PvUse {
  /** The whole text, `$(avp(x)[1])`. */
  readonly text: string;
  /** Class name, without `$`: `avp`, `ru`. */
  readonly className: string;
  /** The text between the inner parentheses, unparsed; null where there are none. */
  readonly name: string | null;
  readonly index: PvIndex;
  /** The name as a string computed per run: where it holds pseudo-variables they are expanded. */
  nameFormat(): (run: Run) => string;
  /** True where the name holds a pseudo-variable, so that `nameFormat` differs from run to run. */
  readonly isNameDynamic: boolean;
  /** Compiles a format string (text with pseudo-variables in it), such as a part of the name. */
  format(text: string): (run: Run) => string;
  /** Compiles a single pseudo-variable, such as an inner name `$var(x)`. */
  pv(text: string): PvAccessor;
  /** The slot that a `$var(name)` has in its run (the program's table). */
  varSlot(name: string): number;
  /** Value of a `#!define` of the script, null where there is none; absent where a use is bound outside a script. */
  readonly define?: (name: string) => string | null;
}

export interface PvDef<S = unknown> {
  readonly doc: string;
  /** `none`: `$ru`; `required`: `$var(x)`; `optional`: `$hdr(x)` … A use of the wrong form is a script error. */
  readonly name: 'none' | 'optional' | 'required';
  readonly writable?: boolean;
  /** Takes an index `[n]`; false by default. */
  readonly indexed?: boolean;
  /**
   * Binds a use. Returns the accessor, or a message that says what is wrong with the name or the index.
   * Called at compile time, once per use.
   */
  bind(use: PvUse, state: S): Omit<PvAccessor, 'text'> | string;
}

/** A parameter of a transformation: literal text, or a pseudo-variable. */
export type TransformParam =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'pv'; readonly pv: PvAccessor };

export type TransformFn = (run: Run, value: PvValue) => PvValue;

/** One transformation, `{s.substr,1,2}`: class `s`, name `substr`. */
export interface TransformDef<S = unknown> {
  readonly doc: string;
  /** Number of parameters, smallest and largest. */
  readonly params: readonly [min: number, max: number];
  /** How parameters are cut from the text after the first comma: at commas, or the rest as one (`{re.subst,…}`, `{s.ftime}`). */
  readonly paramStyle?: 'commas' | 'rest';
  /** `format` compiles text with pseudo-variables in it, for a parameter that is a small language of its own. */
  bind(
    params: readonly TransformParam[],
    state: S,
    format?: (text: string) => (run: Run) => string,
  ): TransformFn | string;
}

/** `get` for the common read-only variable without name or index. */
export function readOnly<S>(doc: string, get: (run: Run, state: S) => PvValue): PvDef<S> {
  return { doc, name: 'none', bind: (_use, state) => ({ get: (run) => get(run, state) }) };
}

/** The common variable without name or index that can be assigned. */
export function readWrite<S>(
  doc: string,
  get: (run: Run, state: S) => PvValue,
  set: (run: Run, value: PvValue, state: S) => boolean | void,
): PvDef<S> {
  return {
    doc,
    name: 'none',
    writable: true,
    bind: (_use, state) => ({ get: (run) => get(run, state), set: (run, value) => set(run, value, state) }),
  };
}

/**
 * The index that holds in this run: a number, or `*` for all; `fallback` where none is written, null where a computed one
 * is no integer.
 */
export function indexOf(index: PvIndex, run: Run, fallback = 0): number | '*' | null {
  if (index === null) return fallback;
  if (typeof index !== 'function') return index;
  const value = index(run);
  return typeof value === 'number' ? value : null;
}
