/**
 * What compiled scripts call: Kamailio's operators on values that can be null, integers or strings. Each keeps to one
 * kind of argument where the compiler knows it, so that the JIT sees few shapes. Integers are 32 bits and wrap.
 */

import type { Run } from '../core/script/run.ts';
import type { PvValue } from '../core/values.ts';

/** Bits that a route returns (`RUN_EXIT`, `RUN_DROP` of the core). */
export const EXIT = 1;
export const DROP = 3;

/** What `route()` answers for a name that does not exist, as Kamailio does. */
export const NO_SUCH_ROUTE = -10;

/**
 * Text as an integer: an optional sign and decimal digits, or `0x` and hexadecimal ones; nothing else, within 32 bits.
 * What is no number counts as 0.
 */
export function textToInt(text: string): number {
  const length = text.length;
  if (length === 0) return 0;
  const first = text.charCodeAt(0);
  const start = first === 45 || first === 43 ? 1 : 0;
  if (start === length) return 0;
  if (first === 48 && (text.charCodeAt(1) | 32) === 120) return hexToInt(text);
  let value = 0;
  for (let i = start; i < length; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return 0;
    value = value * 10 + digit;
    if (value > 0x80000000) return 0;
  }
  if (first === 45) return -value | 0;
  return value > 0x7fffffff ? 0 : value;
}

/** `0x` and up to eight digits, without a sign; they are the bits of the integer. */
function hexToInt(text: string): number {
  if (text.length > 10) return 0;
  let value = 0;
  for (let i = 2; i < text.length; i++) {
    const c = text.charCodeAt(i) | 32;
    const digit = c >= 48 && c <= 57 ? c - 48 : c >= 97 && c <= 102 ? c - 87 : 16;
    if (digit > 15) return 0;
    value = (value << 4) | digit;
  }
  return value;
}

export function toInt(value: PvValue): number {
  return typeof value === 'number' ? value : value === null ? 0 : textToInt(value);
}

/** A value as an operand of string operations: null is the empty text. */
export function toStr(value: PvValue): string {
  return typeof value === 'string' ? value : value === null ? '' : `${value}`;
}

/** A value inside a format string, where null prints as `<null>`. */
export function toText(value: PvValue): string {
  return typeof value === 'string' ? value : value === null ? '<null>' : `${value}`;
}

/**
 * A text joined of several is a rope in V8, copied together by whatever looks into it first. `indexOf` does so in half the
 * time that others need, some 20 ns; short texts are none. What it finds must count, or V8 leaves it out.
 */
export function flat(text: string): string {
  return text.length < 13 || text.indexOf('\n') < text.length ? text : '';
}

/** `+` takes its type from the left operand; a null one counts as text unless the right one is a number. */
export function add(left: PvValue, right: PvValue): PvValue {
  if (typeof left === 'number') return (left + toInt(right)) | 0;
  if (left === null && typeof right === 'number') return right;
  return toStr(left) + toStr(right);
}

/** `==`: the right operand is converted to the left one's type; a null left one takes the right one's. */
export function equals(left: PvValue, right: PvValue): boolean {
  if (typeof left === 'number') return typeof right === 'number' ? left === right : left === toInt(right);
  if (typeof left === 'string') return left === toStr(right);
  return typeof right === 'number' ? right === 0 : right === null || right === '';
}

/** `== "text"`, the commonest comparison. */
export function equalsText(left: PvValue, right: string): boolean {
  return left === right || (typeof left === 'number' ? left === textToInt(right) : left === null && right === '');
}

/** `== 5`; `text` is the number as text. */
export function equalsInt(left: PvValue, right: number, text: string): boolean {
  return left === right || (typeof left === 'string' ? left === text : left === null && right === 0);
}

/** A call that took longer: goes on at resume point `point` of `route` once it is done, unless the run was ended meanwhile. */
export function suspend(
  run: Run,
  promise: Promise<number>,
  route: CompiledRoute,
  point: number,
  saved: readonly unknown[] | null,
): Promise<number> {
  const { position } = run;
  return promise.then((result) => {
    if (run.aborted) return EXIT;
    run.position = position;
    return route(run, point, typeof result === 'number' ? result : -1, saved);
  });
}

/**
 * A route as generated code knows it: started with point 0; continued at `point` with the awaited result and the
 * temporaries saved when it was suspended.
 */
type CompiledRoute = (
  run: Run,
  point: number,
  result: number,
  saved: readonly unknown[] | null,
) => number | Promise<number>;
