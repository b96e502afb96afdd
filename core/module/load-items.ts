import { dirname } from 'node:path';
import type { Item, LoadModule, LoadPath, ModParam, Span } from '../../routing-lang/ast.ts';
import type { Diagnostics, Place } from '../../routing-lang/diagnostics.ts';
import { StrowgerError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import { builtinEntry } from './builtin.ts';
import { orderByDependencies } from './dependencies.ts';
import { LoadedModule } from './loaded-module.ts';
import type { LoadedDef, ModuleLoader } from './loader.ts';
import { moduleMatcher, paramError, switchedOn } from './modparam.ts';
import { ModuleIndex } from './module-index.ts';

export type ModuleItem = LoadModule | LoadPath | ModParam;

/** How to load what a script asks for. */
export interface LoadEnvironment {
  readonly loader: ModuleLoader;
  readonly diagnostics: Diagnostics;
  /** Place of an offset of the preprocessed text. */
  locate(offset: number): Place;
  /** -L, before any `mpath`. */
  readonly loadPaths?: readonly string[];
  /** Evaluates the format strings of `loadmodulex` and `modparamx`. Without it they are taken as written. */
  readonly expand?: (text: string) => string;
}

/** The modules of one script: in load order, in init order, and all they declare. */
export interface ModuleSet {
  readonly modules: readonly LoadedModule[];
  readonly initOrder: readonly LoadedModule[];
  readonly index: ModuleIndex;
}

/** The statements that concern modules, in order. */
export function moduleItems(items: readonly Item[]): ModuleItem[] {
  return items.filter(
    (item): item is ModuleItem => item.type === 'loadModule' || item.type === 'loadPath' || item.type === 'modParam',
  );
}

/** Loads every module that the statements name and sets parameters. All errors go to `diagnostics`; nothing is initialised. */
export async function loadItems(items: readonly ModuleItem[], env: LoadEnvironment): Promise<ModuleSet> {
  const loads = await importAll(items, env);
  const modules: LoadedModule[] = [];
  for (const item of items) {
    if (item.type === 'loadModule') addModule(item, loads.get(item), modules, env);
    else if (item.type === 'modParam') setParam(item, modules, env);
  }
  const index = new ModuleIndex(modules);
  reportClashes(index, modules, env.diagnostics);
  return { modules, initOrder: orderForInit(modules, env.diagnostics), index };
}

type Loads = ReadonlyMap<LoadModule, LoadedDef | StrowgerError>;

/** Imports run side by side; their order means nothing, for importing a module does nothing. */
async function importAll(items: readonly ModuleItem[], env: LoadEnvironment): Promise<Loads> {
  const loads = new Map<LoadModule, LoadedDef | StrowgerError>();
  let loadPaths = env.loadPaths ?? [];
  const pending: Promise<void>[] = [];
  for (const item of items) {
    if (item.type === 'loadPath') loadPaths = [...loadPaths, ...item.path.split(':').filter((folder) => folder !== '')];
    if (item.type !== 'loadModule') continue;
    const name = item.isDynamic ? (env.expand?.(item.name) ?? item.name) : item.name;
    const from = { scriptFolder: dirname(env.locate(item.span.start).file), loadPaths };
    pending.push(
      env.loader.load(name, from).then(
        (loaded) => void loads.set(item, loaded),
        (error: unknown) => void loads.set(item, asStrowgerError(error)),
      ),
    );
  }
  await Promise.all(pending);
  await env.loader.close();
  return loads;
}

function addModule(
  item: LoadModule,
  loaded: LoadedDef | StrowgerError | undefined,
  modules: LoadedModule[],
  env: LoadEnvironment,
): void {
  const report = reporter(env, item.nameSpan);
  if (loaded === undefined) return;
  if (loaded instanceof StrowgerError) {
    report(loaded.code.toLowerCase().replaceAll('_', '-'), loaded.message);
    return;
  }
  const first = modules.find((module) => module.name === loaded.def.name);
  if (first !== undefined) {
    report('module-twice', `module "${first.name}" is loaded twice`, undefined, first.place, 'loaded here first');
    return;
  }
  modules.push(new LoadedModule(loaded, env.locate(item.span.start)));
}

function setParam(item: ModParam, modules: readonly LoadedModule[], env: LoadEnvironment): void {
  const matches = moduleMatcher(item.modules);
  if (typeof matches === 'string') {
    reporter(env, item.modulesSpan)('bad-regex', matches);
    return;
  }
  const matching = modules.filter((module) => matches(module.name));
  if (matching.length === 0) {
    const isKnown = builtinEntry(item.modules) !== null;
    const names = modules.map((module) => module.name);
    reporter(env, item.modulesSpan)(
      'module-not-loaded',
      `no module "${item.modules}" is loaded before this line${isKnown ? '' : didYouMean(item.modules, names)}`,
      isKnown ? `load it first: loadmodule "${item.modules}.so"` : undefined,
    );
    return;
  }
  const given =
    item.isDynamic && typeof item.value === 'string' ? (env.expand?.(item.value) ?? item.value) : item.value;
  for (const module of matching) {
    const on = switchedOn(module.def.params?.[item.name], given);
    if (on !== null) warnSwitch(item, given, module, env);
    const value = on ?? given;
    const error = paramError(module.def, item.name, value);
    if (error === null) {
      module.params.set(item.name, value);
      noteWithoutEffect(item, module, env);
    } else {
      const instead = module.def.olderParams?.[item.name];
      if (instead !== undefined) {
        const text = `Kamailio 5.6.3 has no parameter "${item.name}" of module "${module.name}" any more: ${instead}`;
        reporter(env, item.nameSpan)('older-param', text);
        continue;
      }
      const isUnknown = module.def.params?.[item.name] === undefined;
      reporter(env, isUnknown ? item.nameSpan : item.valueSpan)(isUnknown ? 'unknown-modparam' : 'bad-modparam', error);
    }
  }
}

function warnSwitch(item: ModParam, given: string | number, module: LoadedModule, env: LoadEnvironment): void {
  const text = `parameter "${item.name}" of module "${module.name}" is 0 or 1: ${given} counts as 1`;
  const { start, end } = item.valueSpan;
  env.diagnostics.report('bad-modparam', env.locate(start), env.locate(end), text, { severity: 'warning' });
}

function noteWithoutEffect(item: ModParam, module: LoadedModule, env: LoadEnvironment): void {
  const why = module.def.params?.[item.name]?.noEffect;
  if (why === undefined) return;
  const text = `parameter "${item.name}" of module "${module.name}" has no effect here: ${why}`;
  const { start, end } = item.nameSpan;
  env.diagnostics.report('no-effect', env.locate(start), env.locate(end), text, { severity: 'notice' });
}

function orderForInit(modules: readonly LoadedModule[], diagnostics: Diagnostics): readonly LoadedModule[] {
  const { order, missing, cycles } = orderByDependencies(modules);
  for (const { module, needs } of missing) {
    diagnostics.report(
      'module-dependency',
      module.place,
      module.place,
      `module "${module.name}" needs the module "${needs}", which is not loaded`,
      { hint: `add: loadmodule "${needs}.so"` },
    );
  }
  for (const { module, path } of cycles) {
    const text = `modules depend on each other in a circle: ${path.join(' → ')}`;
    diagnostics.report('module-cycle', module.place, module.place, text);
  }
  return order;
}

/**
 * Kamailio takes the later of two modules that export one name, and some of its own do (auth_db and uid_auth_db,
 * mangler and siputils): so among built-in ones that is a notice. With a module of the user's it is an error.
 */
function reportClashes(index: ModuleIndex, modules: readonly LoadedModule[], diagnostics: Diagnostics): void {
  for (const { kind, name, first, second } of index.clashes) {
    const place = modules.find((module) => module.name === second.name)?.place;
    const firstPlace = modules.find((module) => module.name === first.name)?.place;
    if (place === undefined || firstPlace === undefined) continue;
    const isTolerated = first.isBuiltin && second.isBuiltin;
    const text = isTolerated
      ? `the ${kind} ${name} of module "${second.name}" hides that of module "${first.name}"`
      : `the modules "${first.name}" and "${second.name}" both declare the ${kind} ${name}`;
    diagnostics.report('module-clash', place, place, text, {
      severity: isTolerated ? 'notice' : 'error',
      related: [{ ...position(firstPlace), message: `module "${first.name}" is loaded here` }],
    });
  }
}

type Report = (code: string, message: string, hint?: string, related?: Place, relatedMessage?: string) => void;

function reporter(env: LoadEnvironment, span: Span): Report {
  return (code, message, hint, related, relatedMessage = '') => {
    env.diagnostics.report(code, env.locate(span.start), env.locate(span.end), message, {
      ...(hint === undefined ? {} : { hint }),
      ...(related === undefined ? {} : { related: [{ ...position(related), message: relatedMessage }] }),
    });
  };
}

function position(place: Place): { file: string; line: number; column: number } {
  return { file: place.file, line: place.line, column: place.column };
}

function asStrowgerError(error: unknown): StrowgerError {
  if (error instanceof StrowgerError) return error;
  return new StrowgerError('MODULE_IMPORT', error instanceof Error ? error.message : String(error), error);
}
