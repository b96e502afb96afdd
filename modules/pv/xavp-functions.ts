import {
  ANY_ROUTE,
  type CommandDef,
  command,
  type MsgVars,
  type PvAccessor,
  type PvValue,
  type Run,
  valueToString,
  varsOf,
  XavpList,
  type XavuValue,
} from 'strowger';
import { printXavps, truth } from './functions.ts';
import { parseParamList } from './param-list.ts';
import type { PvState } from './state.ts';
import { kept } from './xavp-vars.ts';

/** Commands about XAVPs, XAVIs and XAVUs. */
export const XAVP_COMMANDS: Readonly<Record<string, CommandDef<PvState> | readonly CommandDef<PvState>[]>> = {
  pv_xavp_print: printCommand('XAVPs', (vars) => printXavps(vars.xavps)),
  pv_xavi_print: printCommand('XAVIs', (vars) => printXavps(vars.xavis)),
  pv_xavu_print: printCommand('XAVUs', (vars) => printXavus(vars.xavus, '')),
  xavp_copy: [
    command({
      doc: 'Copies one XAVP behind those of another name.',
      args: ['str', 'int', 'str'],
      argNames: ['source', 'index', 'destination'],
      routes: ANY_ROUTE,
      run: (run, _state, source, index, destination) => copyXavp(run, source, index, destination, null),
    }),
    command({
      doc: 'Copies one XAVP over another.',
      args: ['str', 'int', 'str', 'int'],
      argNames: ['source', 'index', 'destination', 'destination_index'],
      routes: ANY_ROUTE,
      run: (run, _state, source, index, destination, at) => copyXavp(run, source, index, destination, at),
    }),
  ],
  xavp_params_explode: command({
    doc: 'Makes an XAVP of a parameter list: a=1;b=2.',
    args: ['str', 'str'],
    argNames: ['params', 'xavp'],
    routes: ANY_ROUTE,
    run: (run, _state, text, name) => {
      const params = name === '' ? null : parseParamList(text);
      if (params === null) return -1;
      const list = new XavpList();
      for (const param of params) list.append(String(kept(param.name)), kept(param.value));
      varsOf(run.msg).xavps.push(name, list);
      return 1;
    },
  }),
  xavp_params_implode: command({
    doc: 'Writes the children of an XAVP as a parameter list, a=1;b=2;',
    args: ['str', 'pvw'],
    argNames: ['xavp', 'result'],
    routes: ANY_ROUTE,
    run: (run, _state, name, result) => {
      const list = run.msg.vars?.xavps.list(name);
      return list === undefined
        ? -1
        : implode(
            run,
            list.items.map((item) => [item.name, item.value]),
            result,
          );
    },
  }),
  xavu_params_explode: command({
    doc: 'Makes an XAVU of a parameter list: a=1;b=2.',
    args: ['str', 'str'],
    argNames: ['params', 'xavu'],
    routes: ANY_ROUTE,
    run: (run, _state, text, name) => {
      const params = name === '' ? null : parseParamList(text);
      if (params === null) return -1;
      // The newest is the last of a Map, and the first that is written.
      const entries = params
        .toReversed()
        .map((param): [string, XavuValue] => [String(kept(param.name)), kept(param.value)]);
      varsOf(run.msg).xavus.set(name, new Map(entries));
      return 1;
    },
  }),
  xavu_params_implode: command({
    doc: 'Writes the children of an XAVU as a parameter list, a=1;b=2;',
    args: ['str', 'pvw'],
    argNames: ['xavu', 'result'],
    routes: ANY_ROUTE,
    run: (run, _state, name, result) => {
      const map = run.msg.vars?.xavus.get(name);
      return map instanceof Map ? implode(run, [...map].toReversed(), result) : -1;
    },
  }),
  xavp_slist_explode: command({
    doc: 'Makes an XAVP of the parts of a text, each a child v; mode t trims them. Empty parts are left out.',
    args: ['str', 'str', 'str', 'str'],
    argNames: ['list', 'separators', 'mode', 'xavp'],
    routes: ANY_ROUTE,
    run: (run, _state, text, separators, mode, name) => {
      if (text === '' || name === '') return -1;
      const list = new XavpList();
      for (const part of splitAtAny(text, separators)) {
        const value = mode.includes('t') ? part.trim() : part;
        if (value !== '') list.append('v', kept(value));
      }
      if (list.items.length > 0) varsOf(run.msg).xavps.push(name, list);
      return 1;
    },
  }),
  xavp_child_seti: childCommand('xavps', 'int'),
  xavp_child_sets: childCommand('xavps', 'str'),
  xavi_child_seti: childCommand('xavis', 'int'),
  xavi_child_sets: childCommand('xavis', 'str'),
  xavp_rm: removeCommand('xavps'),
  xavi_rm: removeCommand('xavis'),
  xavp_child_rm: removeChildCommand('xavps'),
  xavi_child_rm: removeChildCommand('xavis'),
};

type ListKey = 'xavps' | 'xavis';

function fold(key: ListKey, name: string): string {
  return key === 'xavis' ? name.toLowerCase() : name;
}

function label(key: ListKey): string {
  return key === 'xavps' ? 'XAVP' : 'XAVI';
}

function printCommand(what: string, print: (vars: MsgVars) => string[]): CommandDef<PvState> {
  return command({
    doc: `Logs all ${what} at level INFO.`,
    args: [],
    routes: ANY_ROUTE,
    run: (run, state: PvState) => {
      for (const line of run.msg.vars === null ? [] : print(run.msg.vars)) state.ctx.log.info(line);
      return 1;
    },
  });
}

function printXavus(map: ReadonlyMap<string, XavuValue>, indent: string): string[] {
  const lines: string[] = [];
  for (const [name, value] of map) {
    if (value instanceof Map) lines.push(`${indent}${name} => {`, ...printXavus(value, `${indent}  `), `${indent}}`);
    else lines.push(`${indent}${name} = ${typeof value === 'string' ? `"${value}"` : valueToString(value, '<null>')}`);
  }
  return lines;
}

function copyXavp(run: Run, source: string, index: number, destination: string, at: number | null): number {
  const { xavps } = varsOf(run.msg);
  const item = xavps.get(source, index);
  if (item === undefined) return -1;
  const value = item.value instanceof XavpList ? item.value.clone() : item.value;
  if (at !== null) {
    const target = xavps.get(destination, at);
    if (target === undefined) return -1;
    target.value = value;
    return 1;
  }
  const last = xavps.get(destination, -1);
  if (last === undefined) xavps.push(destination, value);
  else xavps.insertAfter(last, destination, value);
  return 1;
}

/** Negative integers are written unsigned, as Kamailio does. */
function implode(
  run: Run,
  entries: readonly (readonly [string, unknown])[],
  result: PvAccessor & Required<Pick<PvAccessor, 'set'>>,
): number {
  let out = '';
  for (const [name, value] of entries) {
    if (typeof value === 'string') out += `${name}=${value};`;
    else if (typeof value === 'number') out += `${name}=${value >>> 0};`;
  }
  return out === '' ? -1 : truth(result.set(run, out) !== false);
}

function splitAtAny(text: string, separators: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (!separators.includes(text.charAt(i))) continue;
    parts.push(text.slice(start, i));
    start = i + 1;
  }
  parts.push(text.slice(start));
  return parts;
}

function childCommand(key: ListKey, type: 'int' | 'str'): CommandDef<PvState> {
  return command({
    doc: `Sets a child of the newest ${label(key)} of a name to ${type === 'int' ? 'an integer' : 'a text'}; both are made where they are missing.`,
    args: ['str', 'str', type],
    argNames: ['root', 'child', 'value'],
    routes: ANY_ROUTE,
    run: (run, _state: PvState, root, child, value: string | number) =>
      setChild(run, key, fold(key, root), fold(key, child), value),
  });
}

function setChild(run: Run, key: ListKey, root: string, child: string, value: PvValue): number {
  const roots = varsOf(run.msg)[key];
  let list = roots.list(root);
  if (list === undefined) {
    if (roots.get(root) !== undefined) return -1;
    list = new XavpList();
    roots.push(root, list);
  }
  const item = list.get(child);
  if (item === undefined) list.push(child, kept(value));
  else item.value = kept(value);
  return 1;
}

function removeCommand(key: ListKey): CommandDef<PvState> {
  return command({
    doc: `Removes the newest ${label(key)} of a name.`,
    args: ['str'],
    argNames: ['root'],
    routes: ANY_ROUTE,
    run: (run, _state: PvState, root) => {
      const roots = run.msg.vars?.[key];
      const item = roots?.get(fold(key, root));
      if (roots !== undefined && item !== undefined) roots.remove(item);
      return 1;
    },
  });
}

function removeChildCommand(key: ListKey): CommandDef<PvState> {
  return command({
    doc: `Removes the newest child of a name from the newest ${label(key)} of a name.`,
    args: ['str', 'str'],
    argNames: ['root', 'child'],
    routes: ANY_ROUTE,
    run: (run, _state: PvState, root, child) => {
      const list = run.msg.vars?.[key].list(fold(key, root));
      const item = list?.get(fold(key, child));
      if (list !== undefined && item !== undefined) list.remove(item);
      return 1;
    },
  });
}
