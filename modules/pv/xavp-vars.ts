import {
  flatCopy,
  type MsgVars,
  type PvAccessor,
  type PvDef,
  type PvUse,
  type PvValue,
  type Run,
  varsOf,
  XavpList,
  type XavpValue,
  type XavuValue,
} from 'strowger';
import type { PvState } from './state.ts';
import { parseXavpPath, stepIndex, stepName, type XavpPath, type XavpStep } from './xavp-path.ts';

/** $xavp(…), $xavi(…), $xavu(…): structured values that live with the transaction. */
export const XAVP_PVS: Readonly<Record<string, PvDef<PvState>>> = {
  xavp: {
    doc: 'Extended attribute: a stack of values or lists; root[index]=>child[index]. Assigning without an index adds one.',
    name: 'required',
    writable: true,
    bind: (use) => bindList(use, 'xavps', (name) => name),
  },
  xavi: {
    doc: 'As $xavp(), with names that compare without case.',
    name: 'required',
    writable: true,
    bind: (use) => bindList(use, 'xavis', (name) => name.toLowerCase()),
  },
  xavu: {
    doc: 'Extended attribute with one value for each name; root=>child.',
    name: 'required',
    writable: true,
    bind: bindUnique,
  },
};

type ListKey = 'xavps' | 'xavis';

function bindList(use: PvUse, key: ListKey, fold: (name: string) => string): Omit<PvAccessor, 'text'> | string {
  const path = parseXavpPath(use.name ?? '', use, fold);
  if (typeof path === 'string') return path;
  return {
    get: (run) => printable(read(run.msg.vars, key, path, run)),
    set: (run, value) => write(varsOf(run.msg)[key], path, run, kept(value)),
    getAll: (run) => readAll(run.msg.vars, key, path, run).map(printable),
  };
}

/** What outlives the message is copied out of it. */
export function kept(value: PvValue): PvValue {
  return typeof value === 'string' ? flatCopy(value) : value;
}

/** A list prints as a mark with its address in Kamailio: here as a mark only. */
function printable(value: XavpValue | undefined): PvValue {
  if (value === undefined) return null;
  return value instanceof XavpList ? '<<xavp>>' : value;
}

function find(list: XavpList, step: XavpStep, run: Run): { value: XavpValue } | undefined {
  const name = stepName(step, run);
  const index = stepIndex(step, run);
  return name === null || index === undefined ? undefined : list.get(name, index === '*' ? 0 : (index ?? 0));
}

function read(vars: MsgVars | null, key: ListKey, path: XavpPath, run: Run): XavpValue | undefined {
  const root = vars === null ? undefined : find(vars[key], path.root, run)?.value;
  if (path.child === null || root === undefined) return path.child === null ? root : undefined;
  return root instanceof XavpList ? find(root, path.child, run)?.value : undefined;
}

/** All values that a path reaches: every one of a name where no index, or `*`, is written. */
export function readAll(vars: MsgVars | null, key: ListKey, path: XavpPath, run: Run): XavpValue[] {
  if (vars === null) return [];
  const roots = select(vars[key], path.root, run);
  const { child } = path;
  if (child === null) return roots;
  return roots.flatMap((root) => (root instanceof XavpList ? select(root, child, run) : []));
}

function select(list: XavpList, step: XavpStep, run: Run): XavpValue[] {
  const name = stepName(step, run);
  const index = stepIndex(step, run);
  if (name === null || index === undefined) return [];
  if (index === null || index === '*') return list.all(name).map((item) => item.value);
  const item = list.get(name, index);
  return item === undefined ? [] : [item.value];
}

function write(roots: XavpList, path: XavpPath, run: Run, value: PvValue): boolean {
  const { root, child } = path;
  if (child === null) return writeStep(roots, root, run, value);
  const name = stepName(root, run);
  const index = stepIndex(root, run);
  if (name === null || index === undefined || index === '*') return false;
  if (index === null && value !== null) {
    const list = new XavpList();
    const childName = stepName(child, run);
    if (childName === null) return false;
    list.push(childName, value);
    roots.push(name, list);
    return true;
  }
  const list = roots.list(name, index ?? 0);
  return list !== undefined && writeStep(list, child, run, value);
}

/** Without an index a value is added and $null removes the newest; with one a value is replaced or removed; `[*]` removes all. */
function writeStep(list: XavpList, step: XavpStep, run: Run, value: PvValue): boolean {
  const name = stepName(step, run);
  const index = stepIndex(step, run);
  if (name === null || index === undefined) return false;
  if (index === '*') {
    if (value === null) list.removeAll(name);
    return value === null;
  }
  if (index === null && value !== null) {
    list.push(name, value);
    return true;
  }
  const item = list.get(name, index ?? 0);
  if (value === null) {
    if (item !== undefined) list.remove(item);
    return true;
  }
  if (item !== undefined) item.value = value;
  return item !== undefined;
}

function bindUnique(use: PvUse): Omit<PvAccessor, 'text'> | string {
  const path = parseXavpPath(use.name ?? '', use);
  if (typeof path === 'string') return path;
  if (path.root.index !== null || (path.child !== null && path.child.index !== null)) return 'an XAVU has no index';
  return {
    get: (run) => {
      const value = readUnique(run.msg.vars, path, run);
      return value === undefined ? null : value instanceof Map ? '<<xavu>>' : value;
    },
    set: (run, value) => writeUnique(varsOf(run.msg).xavus, path, run, kept(value)),
  };
}

function readUnique(vars: MsgVars | null, path: XavpPath, run: Run): XavuValue | undefined {
  const name = stepName(path.root, run);
  const root = vars === null || name === null ? undefined : vars.xavus.get(name);
  if (path.child === null) return root;
  const child = stepName(path.child, run);
  return root instanceof Map && child !== null ? root.get(child) : undefined;
}

function writeUnique(roots: Map<string, XavuValue>, path: XavpPath, run: Run, value: PvValue): boolean {
  const name = stepName(path.root, run);
  if (name === null) return false;
  if (path.child === null) {
    if (value === null) roots.delete(name);
    else roots.set(name, value);
    return true;
  }
  const childName = stepName(path.child, run);
  if (childName === null) return false;
  const root = roots.get(name);
  if (value === null) {
    if (root instanceof Map) root.delete(childName);
    return true;
  }
  if (root instanceof Map) root.set(childName, value);
  else roots.set(name, new Map<string, XavuValue>([[childName, value]]));
  return true;
}
