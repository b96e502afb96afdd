import type { BoundCommand, BoundPv, BoundTransform } from '../../routing-lang/symbols.ts';
import type { CommandDef, ModuleDef, ParamDef } from './define-module.ts';

/** A module as the index sees it; `state` is read when asked for, so the index may be made before init. */
interface IndexedModule {
  readonly name: string;
  readonly def: ModuleDef<never>;
  readonly state: unknown;
  readonly isBuiltin: boolean;
}

/** Two modules that declare one name. */
interface Clash {
  readonly kind: 'command' | 'pseudo-variable' | 'transformation' | 'RPC method';
  readonly name: string;
  readonly first: IndexedModule;
  readonly second: IndexedModule;
}

/** Everything that a set of modules declares, by name. Where two declare one name the later is found (as in Kamailio). */
export class ModuleIndex {
  readonly modules: ReadonlyMap<string, IndexedModule>;
  readonly clashes: readonly Clash[];
  readonly #commands = new Map<string, { module: IndexedModule; defs: readonly CommandDef<never>[] }>();
  readonly #pvs = new Map<string, IndexedModule>();
  readonly #transforms = new Map<string, Map<string, IndexedModule>>();
  readonly #eventRoutes = new Set<string>();

  constructor(modules: readonly IndexedModule[]) {
    this.modules = new Map(modules.map((module) => [module.name, module]));
    const clashes: Clash[] = [];
    this.clashes = clashes;
    const rpc = new Map<string, IndexedModule>();
    const note = (kind: Clash['kind'], name: string, first: IndexedModule | undefined, second: IndexedModule): void => {
      if (first !== undefined) clashes.push({ kind, name, first, second });
    };
    for (const module of modules) {
      const { def } = module;
      for (const [name, entry] of Object.entries(def.commands ?? {})) {
        note('command', name, this.#commands.get(name)?.module, module);
        this.#commands.set(name, { module, defs: overloads(entry) });
      }
      for (const [name, pv] of Object.entries(def.pseudoVariables ?? {})) {
        const first = this.#pvs.get(name);
        // Several modules may have one variable of the core's.
        if (first?.def.pseudoVariables?.[name] !== pv) note('pseudo-variable', `$${name}`, first, module);
        this.#pvs.set(name, module);
      }
      for (const [className, entries] of Object.entries(def.transformations ?? {})) {
        let members = this.#transforms.get(className);
        if (members === undefined) this.#transforms.set(className, (members = new Map()));
        for (const name of Object.keys(entries)) {
          note('transformation', `{${className}.${name}}`, members.get(name), module);
          members.set(name, module);
        }
      }
      for (const name of Object.keys(def.rpc ?? {})) {
        note('RPC method', name, rpc.get(name), module);
        rpc.set(name, module);
      }
      for (const name of Object.keys(def.eventRoutes ?? {})) {
        this.#eventRoutes.add(name.includes(':') ? name : `${def.name}:${name}`);
      }
    }
  }

  commands(name: string): readonly BoundCommand[] {
    const found = this.#commands.get(name);
    if (found === undefined) return [];
    return found.defs.map((def) => boundTo(found.module, { name, def }));
  }

  commandNames(): readonly string[] {
    return [...this.#commands.keys()];
  }

  pv(className: string): BoundPv | undefined {
    const module = this.#pvs.get(className);
    const def = module?.def.pseudoVariables?.[className];
    return module === undefined || def === undefined ? undefined : boundTo(module, { def });
  }

  pvNames(): readonly string[] {
    return [...this.#pvs.keys()];
  }

  transform(className: string, name: string): BoundTransform | undefined {
    const module = this.#transforms.get(className)?.get(name);
    const def = module?.def.transformations?.[className]?.[name];
    return module === undefined || def === undefined ? undefined : boundTo(module, { def });
  }

  transformNames(className: string): readonly string[] {
    return [...(this.#transforms.get(className)?.keys() ?? [])];
  }

  /** Declared as `a:b`; a declaration that ends in `*` covers every name that begins so. */
  hasEventRoute(name: string): boolean {
    if (this.#eventRoutes.has(name)) return true;
    for (const declared of this.#eventRoutes) {
      if (declared.endsWith('*') && name.startsWith(declared.slice(0, -1))) return true;
    }
    return false;
  }

  eventRouteNames(): readonly string[] {
    return [...this.#eventRoutes];
  }

  param(module: string, name: string): ParamDef | undefined {
    const params = this.modules.get(module)?.def.params ?? {};
    return Object.hasOwn(params, name) ? params[name] : undefined;
  }
}

/** All definitions of a command: one, or overloads by number of arguments. */
export function overloads<S>(entry: CommandDef<S> | readonly CommandDef<S>[]): readonly CommandDef<S>[] {
  return Array.isArray(entry) ? (entry as readonly CommandDef<S>[]) : [entry as CommandDef<S>];
}

/** The state is looked up when read: init makes it after the index is there. */
function boundTo<T extends object>(module: IndexedModule, rest: T): T & { module: string; readonly state: unknown } {
  return {
    ...rest,
    module: module.name,
    get state(): unknown {
      return module.state;
    },
  };
}
