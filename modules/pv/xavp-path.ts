import { type PvUse, type PvValue, type Run, valueToString } from 'strowger';

/** Index of a step: absent, a number (negative counts from the oldest), all, or computed per run. */
type StepIndex = null | number | '*' | ((run: Run) => PvValue);

/** `name[index]`, one side of `=>`. */
export interface XavpStep {
  readonly name: string | ((run: Run) => string | null);
  readonly index: StepIndex;
}

/** `root[1]=>child[0]`; without `=>` there is no child. */
export interface XavpPath {
  readonly root: XavpStep;
  readonly child: XavpStep | null;
}

type Binder = Pick<PvUse, 'pv'>;

/**
 * Parses what stands between the parentheses of $xavp(…), $xavi(…), $xavu(…); a string says what is wrong. Names and
 * indexes may be variables. `fold` puts names into the form they are stored in.
 */
export function parseXavpPath(text: string, binder: Binder, fold: (name: string) => string = keep): XavpPath | string {
  const arrow = findArrow(text);
  const root = parseStep(arrow < 0 ? text : text.slice(0, arrow), binder, fold);
  if (typeof root === 'string') return root;
  if (arrow < 0) return { root, child: null };
  const child = parseStep(text.slice(arrow + 2), binder, fold);
  return typeof child === 'string' ? child : { root, child };
}

function keep(name: string): string {
  return name;
}

/** Index of the first `=>` outside brackets, or -1. */
function findArrow(text: string): number {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 91 || c === 40) depth++;
    else if (c === 93 || c === 41) depth--;
    else if (c === 61 && depth === 0 && text.charCodeAt(i + 1) === 62) return i;
  }
  return -1;
}

function parseStep(part: string, binder: Binder, fold: (name: string) => string): XavpStep | string {
  const text = part.trim();
  const match = /^(.*?)(?:\[(.*)\])?$/s.exec(text);
  const name = (match?.[1] ?? '').trim();
  if (name === '') return `'${text}' has no name: $xavp(root=>child)`;
  const index = parseIndex(match?.[2], binder);
  if (index === undefined) return `'${match?.[2] ?? ''}' is no index: a number, * or a variable`;
  if (!name.startsWith('$')) return { name: fold(name), index };
  const inner = binder.pv(name);
  return {
    name: (run) => {
      const value = inner.get(run);
      return value === null ? null : fold(valueToString(value));
    },
    index,
  };
}

function parseIndex(text: string | undefined, binder: Binder): StepIndex | undefined {
  if (text === undefined) return null;
  const trimmed = text.trim();
  if (trimmed === '*') return '*';
  if (/^-?\d{1,9}$/.test(trimmed)) return Number(trimmed);
  return trimmed.startsWith('$') ? binder.pv(trimmed).get : undefined;
}

/** The name of a step in this run; null where a variable names nothing. */
export function stepName(step: XavpStep, run: Run): string | null {
  return typeof step.name === 'string' ? step.name : step.name(run);
}

/** The index of a step in this run: null where none is written, undefined where a variable holds no integer. */
export function stepIndex(step: XavpStep, run: Run): null | number | '*' | undefined {
  if (typeof step.index !== 'function') return step.index;
  const value = step.index(run);
  return typeof value === 'number' ? value : undefined;
}
