import { StrowgerError } from '../errors.ts';
import type { ArgType, ModuleDef } from './define-module.ts';

/** A record, so that a type that is added to ArgTypes and not here does not compile. */
const ARG_TYPE_NAMES: Readonly<Record<ArgType, true>> = {
  int: true,
  str: true,
  'const-str': true,
  'const-int': true,
  regex: true,
  'dyn-regex': true,
  text: true,
  pv: true,
  pvw: true,
  value: true,
  route: true,
  'failure-route': true,
  'onreply-route': true,
  'branch-route': true,
  'event-route': true,
  fmt: true,
  subst: true,
  flag: true,
  'avp-flag': true,
};
const ARG_TYPES: ReadonlySet<string> = new Set(Object.keys(ARG_TYPE_NAMES));
const PARAM_TYPES = new Set(['int', 'string', 'func']);
const PHASES = ['init', 'childInit', 'onReply', 'destroy', 'api', 'reload'];

/**
 * Checks that what a file exports by default is a module, for authors who write JavaScript or whose types are old.
 * Throws MODULE_SHAPE with all that is wrong, one a line; returns the definition otherwise.
 */
export function checkModuleDef(exported: unknown, file: string): ModuleDef<never> {
  const wrong: string[] = [];
  if (!isRecord(exported)) {
    const what = exported === undefined ? 'nothing' : `a ${typeof exported}`;
    throw new StrowgerError(
      'MODULE_SHAPE',
      `${file}: its default export is ${what}; write: export default defineModule({ … })`,
    );
  }
  if (typeof exported['name'] !== 'string' || !/^[\w-]+$/.test(exported['name'])) {
    wrong.push('name: a word is needed (letters, digits, _ and -)');
  }
  if (typeof exported['summary'] !== 'string') wrong.push('summary: a string is needed');
  for (const phase of PHASES) {
    if (exported[phase] !== undefined && typeof exported[phase] !== 'function') wrong.push(`${phase}: not a function`);
  }
  const depends = exported['depends'];
  if (depends !== undefined && !(Array.isArray(depends) && depends.every((name) => typeof name === 'string'))) {
    wrong.push('depends: an array of module names is needed');
  }
  checkTable(exported, 'params', wrong, checkParam);
  checkTable(exported, 'commands', wrong, checkCommands);
  checkTable(exported, 'pseudoVariables', wrong, (pv) => (typeof pv['bind'] === 'function' ? null : 'bind is missing'));
  checkTable(exported, 'transformations', wrong, checkTransformClass);
  checkTable(exported, 'rpc', wrong, (method) => (typeof method['run'] === 'function' ? null : 'run is missing'));
  checkTable(exported, 'statistics', wrong, () => null);
  checkTable(exported, 'eventRoutes', wrong, () => null);
  if (wrong.length > 0) {
    throw new StrowgerError('MODULE_SHAPE', `${file}: this module can not be used:\n  ${wrong.join('\n  ')}`);
  }
  return exported as unknown as ModuleDef<never>;
}

function checkTable(
  def: Record<string, unknown>,
  table: string,
  wrong: string[],
  check: (entry: Record<string, unknown>) => string | null,
): void {
  const entries = def[table];
  if (entries === undefined) return;
  if (!isRecord(entries)) {
    wrong.push(`${table}: an object of declarations is needed`);
    return;
  }
  for (const [name, entry] of Object.entries(entries)) {
    const problem = isRecord(entry) ? check(entry) : 'an object is needed';
    if (problem !== null) wrong.push(`${table}.${name}: ${problem}`);
  }
}

function checkParam(param: Record<string, unknown>): string | null {
  if (!PARAM_TYPES.has(wordOf(param['type']))) return 'type is one of int, string, func';
  return 'default' in param ? null : 'default is missing';
}

function checkCommands(entry: Record<string, unknown>): string | null {
  const overloads: unknown[] = Array.isArray(entry) ? entry : [entry];
  for (const overload of overloads) {
    const problem = isRecord(overload) ? checkCommand(overload) : 'an object is needed';
    if (problem !== null) return problem;
  }
  return null;
}

function checkCommand(command: Record<string, unknown>): string | null {
  if (typeof command['run'] !== 'function') return 'run is missing';
  if (typeof command['routes'] !== 'number') return 'routes is missing (REQUEST_ROUTE, ANY_ROUTE …)';
  if (!Array.isArray(command['args'])) return 'args: an array of argument types is needed';
  const args: unknown[] = command['args'];
  const unknown = args.find((arg) => !ARG_TYPES.has(wordOf(arg).replace(/\?$/, '')));
  return unknown === undefined ? null : `args: there is no argument type "${wordOf(unknown)}"`;
}

function checkTransformClass(entry: Record<string, unknown>): string | null {
  for (const [name, transform] of Object.entries(entry)) {
    if (!isRecord(transform) || typeof transform['bind'] !== 'function') return `${name}: bind is missing`;
  }
  return null;
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : typeof value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
