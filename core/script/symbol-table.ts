import type { BoundCommand, BoundPv, BoundTransform, SymbolTable } from '../../routing-lang/symbols.ts';
import type { CommandDef, ParamDef } from '../module/define-module.ts';
import { knownExports } from '../module/known-exports.ts';
import { type ModuleIndex, overloads } from '../module/module-index.ts';
import type { PvDef, TransformDef } from '../pv/spec.ts';
import type { PvValue } from '../values.ts';
import type { Run } from './run.ts';

type CommandEntry = CommandDef<never> | readonly CommandDef<never>[];

/** What the core itself gives a script; `S` is what its commands, variables and transformations get as state. */
export interface CoreTables {
  readonly commands: Readonly<Record<string, CommandEntry>>;
  readonly pvs: Readonly<Record<string, PvDef<never>>>;
  readonly transformations: Readonly<Record<string, Readonly<Record<string, TransformDef<never>>>>>;
  /** With other spellings of a parameter in `aliases`. */
  readonly params: Readonly<Record<string, ParamDef & { readonly aliases?: readonly string[] }>>;
  readonly keywords: ReadonlyMap<string, (run: Run) => PvValue>;
  readonly select: SymbolTable['select'];
  readonly word: SymbolTable['word'];
  readonly isMyself: SymbolTable['isMyself'];
  /** Full names of event routes that the core runs, `core:worker-one-init`; a trailing `*` is a pattern. */
  readonly eventRoutes: readonly string[];
  readonly state: unknown;
}

const CORE = 'core';

/**
 * The names a script can use: the core's and those of the loaded modules. A core command can not be replaced by a
 * module (in Kamailio it is a keyword); a module's pseudo-variable or transformation hides the core's.
 */
export function buildSymbolTable(index: ModuleIndex, core: CoreTables): SymbolTable {
  const { state } = core;
  const commandNames = once(() => [...Object.keys(core.commands), ...index.commandNames()]);
  const params = once(() => bySpelling(core.params));
  const pvNames = once(() => [...new Set([...Object.keys(core.pvs), ...index.pvNames()])]);
  return {
    commands(name): readonly BoundCommand[] {
      const own = ownMember(core.commands, name);
      if (own === undefined) return index.commands(name);
      return overloads(own).map((def) => ({ name, module: CORE, def, state }));
    },
    commandNames,
    commandOwner: (name) => knownExports.command(name),
    newerCommandOwner: (name) => knownExports.newerCommand(name),
    pv(className): BoundPv | undefined {
      const def = ownMember(core.pvs, className);
      return index.pv(className) ?? (def === undefined ? undefined : { module: CORE, def, state });
    },
    pvNames,
    pvOwner: (className) => knownExports.pv(className),
    newerPvOwner: (className) => knownExports.newerPv(className),
    transform(className, name): BoundTransform | undefined {
      const members = ownMember(core.transformations, className);
      const def = members === undefined ? undefined : ownMember(members, name);
      return index.transform(className, name) ?? (def === undefined ? undefined : { module: CORE, def, state });
    },
    transformNames(className) {
      const members = ownMember(core.transformations, className) ?? {};
      return [...new Set([...Object.keys(members), ...index.transformNames(className)])];
    },
    transformOwner: (className) => knownExports.transformation(className),
    coreParam: (name) => params().get(name),
    coreParamNames: once(() => [...params().keys()]),
    keyword: (name) => core.keywords.get(name),
    select: (parts) => core.select(parts),
    word: (value) => core.word(value),
    isMyself: (run, text, keyword) => core.isMyself(run, text, keyword),
    eventRoute(name) {
      if (index.hasEventRoute(name)) return true;
      return core.eventRoutes.some((own) => (own.endsWith('*') ? name.startsWith(own.slice(0, -1)) : own === name));
    },
    moduleParam: (module, name) => index.param(module, name),
  };
}

/** Parameters under their names and their other spellings. */
function bySpelling(params: CoreTables['params']): Map<string, ParamDef> {
  const found = new Map<string, ParamDef>();
  for (const [name, def] of Object.entries(params)) {
    for (const spelling of [name, ...(def.aliases ?? [])]) found.set(spelling, def);
  }
  return found;
}

/** A record's own member: names come from scripts, and `toString` is none. */
function ownMember<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
