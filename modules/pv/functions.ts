import {
  ANY_ROUTE,
  type CommandDef,
  command,
  flatCopy,
  type PvAccessor,
  type PvValue,
  type Run,
  valueToString,
  varsOf,
  XavpList,
  type XavpValue,
} from 'strowger';
import type { PvState } from './state.ts';
import { kept } from './xavp-vars.ts';

/** Commands about variables of any class. */
export const VARIABLE_COMMANDS: Readonly<Record<string, CommandDef<PvState>>> = {
  pv_isset: command({
    doc: 'True when the variable is not null.',
    args: ['pv'],
    argNames: ['variable'],
    routes: ANY_ROUTE,
    run: (run, _state, pv) => truth(pv.get(run) !== null),
  }),
  pv_unset: command({
    doc: 'Sets the variable to null: removes an AVP, resets a variable. Nothing happens to one that can not be assigned.',
    args: ['pv'],
    argNames: ['variable'],
    routes: ANY_ROUTE,
    run: (run, _state, pv) => {
      pv.set?.(run, null);
      return 1;
    },
  }),
  is_int: command({
    doc: 'True when the variable holds an integer.',
    args: ['pv'],
    argNames: ['variable'],
    routes: ANY_ROUTE,
    run: (run, _state, pv) => truth(typeof pv.get(run) === 'number'),
  }),
  typeof: command({
    doc: 'True when the variable is of a type: int, str or null.',
    args: ['pv', 'str'],
    argNames: ['variable', 'type'],
    routes: ANY_ROUTE,
    check: ([, type]) =>
      type === undefined || TYPES.has(String(type)) ? null : `'${type}' is no type: int, str or null`,
    run: (run, _state, pv, type) => truth(TYPES.get(type) === typeName(pv.get(run))),
  }),
  not_empty: command({
    doc: 'True when the variable holds text that is not empty.',
    args: ['pv'],
    argNames: ['variable'],
    routes: ANY_ROUTE,
    run: (run, _state, pv) => {
      const value = pv.get(run);
      return truth(typeof value === 'string' && value !== '');
    },
  }),
  pv_evalx: command({
    doc: 'Expands the variables in a text twice: once it, once what that gave.',
    args: ['pvw', 'str'],
    argNames: ['result', 'text'],
    routes: ANY_ROUTE,
    run: evaluateTwice,
  }),
  pv_var_to_xavp: command({
    doc: 'Copies a $var(name), or with * all of them, into a new $xavp(name), which is emptied first.',
    args: ['str', 'str'],
    argNames: ['variable', 'xavp'],
    routes: ANY_ROUTE,
    run: varsToXavp,
  }),
  pv_xavp_to_var: command({
    doc: 'Copies the children of an $xavp(name) into $var()s of their names.',
    args: ['str'],
    argNames: ['xavp'],
    routes: ANY_ROUTE,
    run: xavpToVars,
  }),
};

/** A command's answer: 1 is true, -1 false. */
export function truth(isTrue: boolean): number {
  return isTrue ? 1 : -1;
}

const TYPES: ReadonlyMap<string, string> = new Map([
  ['int', 'number'],
  ['str', 'string'],
  ['null', 'null'],
]);

function typeName(value: PvValue): string {
  return value === null ? 'null' : typeof value;
}

/** Texts that stay compiled. */
const MAX_COMPILED = 256;

function evaluateTwice(
  run: Run,
  state: PvState,
  result: PvAccessor & Required<Pick<PvAccessor, 'set'>>,
  text: string,
): number {
  if (!text.includes('$')) return truth(result.set(run, text) !== false);
  const expand = expanderOf(run, state, text);
  return expand === null ? -1 : truth(result.set(run, expand(run)) !== false);
}

function expanderOf(run: Run, state: PvState, text: string): ((run: Run) => string) | null {
  const { program } = run;
  const known = state.compiled.get(text);
  if (known !== undefined && known.program === program) return known.expand;
  if (program.compileFormat === undefined) return null;
  try {
    const expand = program.compileFormat(text);
    if (state.compiled.size >= MAX_COMPILED) state.compiled.clear();
    state.compiled.set(flatCopy(text), { program, expand });
    return expand;
  } catch (error) {
    state.ctx.log.error('pv_evalx: the text can not be expanded', { text, err: error });
    return null;
  }
}

function varsToXavp(run: Run, state: PvState, name: string, xavp: string): number {
  const list = new XavpList();
  if (name === '*') {
    for (const [varName, slot] of run.program.varSlots) {
      if (varName.startsWith('$')) continue;
      list.push(varName, kept(valueOfSlot(run, state, varName, slot)));
    }
  } else {
    const slot = run.program.varSlots.get(name);
    if (slot === undefined) return -1;
    list.push(name, kept(valueOfSlot(run, state, name, slot)));
  }
  const { xavps } = varsOf(run.msg);
  xavps.removeAll(xavp);
  xavps.push(xavp, list);
  return 1;
}

function valueOfSlot(run: Run, state: PvState, name: string, slot: number): PvValue {
  return run.vars?.[slot] ?? state.initialVars.get(name) ?? 0;
}

function xavpToVars(run: Run, _state: PvState, xavp: string): number {
  const list = run.msg.vars?.xavps.list(xavp);
  if (list === undefined) return -1;
  const vars = run.slots();
  // The newest of a name is in front: walking backwards, it is written last.
  for (const { name, value } of list.items.toReversed()) {
    const slot = run.program.varSlots.get(name);
    if (slot !== undefined && !(value instanceof XavpList)) vars[slot] = value ?? 0;
  }
  return 1;
}

/** `name=value` lines of everything in a list, lists within indented: what pv_xavp_print() logs. */
export function printXavps(list: XavpList, indent = ''): string[] {
  const lines: string[] = [];
  for (const { name, value } of list.items) lines.push(...printXavp(name, value, indent));
  return lines;
}

function printXavp(name: string, value: XavpValue, indent: string): string[] {
  if (value instanceof XavpList) return [`${indent}${name} => {`, ...printXavps(value, `${indent}  `), `${indent}}`];
  return [`${indent}${name} = ${typeof value === 'string' ? `"${value}"` : valueToString(value, '<null>')}`];
}
