import {
  ANY_ROUTE,
  BRANCH_ROUTE,
  type CommandDef,
  command,
  FAILURE_ROUTE,
  flatCopy,
  type MsgVars,
  type PvAccessor,
  type PvValue,
  parseUri,
  REQUEST_ROUTE,
  type Run,
  rewriteUri,
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
    run: (run, _state, text, name) => explode(run, text, ';', name),
  }),
  xavp_xparams_explode: command({
    doc: 'Makes an XAVP of a parameter list with a separator of its own, one character: a=1,b=2.',
    args: ['str', 'str', 'str'],
    argNames: ['params', 'separator', 'xavp'],
    routes: ANY_ROUTE,
    check: ([_params, separator]) =>
      separator === undefined || String(separator).length === 1 ? null : 'the separator must be one character',
    run: (run, _state, text, separator, name) => (separator.length === 1 ? explode(run, text, separator, name) : -1),
  }),
  xavp_params_implode: implodeCommand('Writes the children of an XAVP as a parameter list, a=1;b=2;', ''),
  xavp_params_implode_qval: implodeCommand('The same with text in double quotes: a="x";b=2;', '"'),
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
      return map instanceof Map ? implode(run, [...map].toReversed(), result, '') : -1;
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
  xavp_rm_all: removeAllCommand('xavps'),
  xavi_rm_all: removeAllCommand('xavis'),
  xavp_child_rm: removeChildCommand('xavps'),
  xavi_child_rm: removeChildCommand('xavis'),
  xavp_lshift: command({
    doc: 'Turns the XAVPs of a name so that the one at the index comes first; a negative index counts from the oldest.',
    args: ['str', 'int'],
    argNames: ['xavp', 'index'],
    routes: ANY_ROUTE,
    run: (run, _state, name, index) => {
      const all = run.msg.vars?.xavps.all(name) ?? [];
      if (all.length === 0) return -1;
      const values = all.map((item) => item.value);
      for (const [at, item] of all.entries()) item.value = values.at((at + index) % values.length) ?? null;
      return 1;
    },
  }),
  xavp_push_dst: command({
    doc: 'Sets Request-URI, destination URI and sending socket from the children uri, dsturi and socket of an XAVP.',
    args: ['str'],
    argNames: ['xavp'],
    routes: REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE,
    run: (run, _state, name) => pushDestination(run, name),
  }),
};

function explode(run: Run, text: string, separator: string, name: string): number {
  const params = name === '' ? null : parseParamList(text, separator);
  if (params === null) return -1;
  const list = new XavpList();
  for (const param of params) list.append(String(kept(param.name)), kept(param.value));
  varsOf(run.msg).xavps.push(name, list);
  return 1;
}

function implodeCommand(doc: string, quote: string): CommandDef<PvState> {
  return command({
    doc,
    args: ['str', 'pvw'],
    argNames: ['xavp', 'result'],
    routes: ANY_ROUTE,
    run: (run, _state: PvState, name, result) => {
      const list = run.msg.vars?.xavps.list(name);
      if (list === undefined) return -1;
      const entries = list.items.map((item): [string, unknown] => [item.name, item.value]);
      return implode(run, entries, result, quote);
    },
  });
}

/** Nothing is set when one of them is no URI or no socket of ours. */
function pushDestination(run: Run, name: string): number {
  const { msg } = run;
  const list = msg.vars?.xavps.list(name);
  if (list === undefined || !msg.isRequest) return -1;
  const [uri, dstUri, address] = ['uri', 'dsturi', 'socket'].map((field) => textOf(list, field));
  if (uri != null && parseUri(uri) === null) return -1;
  if (dstUri != null && parseUri(dstUri) === null) return -1;
  const socket = address == null ? null : run.server.transport.findSocket(address);
  if (address != null && socket === null) return -1;
  if (uri != null) rewriteUri(msg, uri);
  if (dstUri != null) msg.dstUri = flatCopy(dstUri);
  if (socket !== null) msg.forceSocket = socket;
  return 1;
}

/** A child that is there and not empty. */
function textOf(list: XavpList, field: string): string | null {
  const value = list.value(field);
  return typeof value === 'string' && value !== '' ? value : null;
}

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
  quote: string,
): number {
  let out = '';
  for (const [name, value] of entries) {
    if (typeof value === 'string') out += `${name}=${quote}${value}${quote};`;
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

function removeAllCommand(key: ListKey): CommandDef<PvState> {
  return command({
    doc: `Removes every ${label(key)} of a name.`,
    args: ['str'],
    argNames: ['root'],
    routes: ANY_ROUTE,
    run: (run, _state: PvState, root) => {
      run.msg.vars?.[key].removeAll(fold(key, root));
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
