import type { Run } from '../script/run.ts';
import { type PvValue, valueToString } from '../values.ts';
import { stringToInt } from './convert.ts';
import type { TransformDef, TransformParam } from './spec.ts';

/** A number known when the script is compiled, or one computed per run (null when it is none). */
export type IntArg = number | ((run: Run) => number | null);
/** Text known when the script is compiled, or computed per run (null stays null). */
export type StrArg = string | ((run: Run) => string | null);

/** The integer a parameter stands for; an error text when it is a constant and no integer. */
export function intArg(param: TransformParam, what: string): IntArg | string {
  if (param.kind === 'pv') {
    const { pv } = param;
    return (run) => {
      const value = pv.get(run);
      return typeof value === 'number' ? value : null;
    };
  }
  const value = param.text.trim() === '' ? null : stringToInt(param.text.trim());
  return value ?? `${what} must be an integer or a variable, not '${param.text}'`;
}

/** The text a parameter stands for; white space in front of a constant is no part of it. */
export function strArg(param: TransformParam): StrArg {
  if (param.kind === 'text') return param.text.trimStart();
  const { pv } = param;
  return (run) => {
    const value = pv.get(run);
    return value === null ? null : valueToString(value);
  };
}

/** The argument's value in this run. */
export function intIn(arg: IntArg, run: Run): number | null {
  return typeof arg === 'function' ? arg(run) : arg;
}

export function strIn(arg: StrArg, run: Run): string | null {
  return typeof arg === 'function' ? arg(run) : arg;
}

/** A transformation of text without parameters. Numbers come as their text; null stays null. */
export function textTransform(doc: string, change: (text: string) => PvValue): TransformDef {
  return {
    doc,
    params: [0, 0],
    bind: () => (_run, value) => (value === null ? null : change(typeof value === 'string' ? value : `${value}`)),
  };
}

/** A transformation of text with one integer. */
export function textIntTransform(
  doc: string,
  what: string,
  change: (text: string, n: number) => PvValue,
): TransformDef {
  return {
    doc,
    params: [1, 1],
    bind: ([param]) => {
      const arg = param === undefined ? `${what} is missing` : intArg(param, what);
      if (typeof arg === 'string') return arg;
      if (typeof arg === 'number') return (_run, value) => (value === null ? null : change(valueToString(value), arg));
      return (run, value) => {
        const n = arg(run);
        return value === null || n === null ? null : change(valueToString(value), n);
      };
    },
  };
}

/**
 * A transformation of text with one character, the first of its parameter; it may be the comma that cuts parameters
 * (`{s.before,,}`). What `c` is empty for, the caller decides.
 */
export function textCharTransform(doc: string, change: (text: string, c: string) => PvValue): TransformDef {
  return {
    doc,
    params: [1, 2],
    bind: ([param, rest]) => {
      const arg = rest === undefined ? strArg(param ?? { kind: 'text', text: '' }) : ',';
      if (typeof arg === 'string') {
        const c = arg.charAt(0);
        return (_run, value) => (value === null ? null : change(valueToString(value), c));
      }
      return (run, value) => {
        const text = arg(run);
        return value === null || text === null ? null : change(valueToString(value), text.charAt(0));
      };
    },
  };
}

/** A transformation of text with one text. */
export function textStrTransform(doc: string, change: (text: string, arg: string) => PvValue): TransformDef {
  return {
    doc,
    params: [1, 1],
    bind: ([param]) => {
      const arg = strArg(param ?? { kind: 'text', text: '' });
      if (typeof arg === 'string') return (_run, value) => (value === null ? null : change(valueToString(value), arg));
      return (run, value) => {
        const text = arg(run);
        return value === null || text === null ? null : change(valueToString(value), text);
      };
    },
  };
}
