import { StrowgerError } from '../errors.ts';
import type { Server } from '../server.ts';
import type { ParamSetting } from './context.ts';
import type { ModuleHost } from './host.ts';
import { type LoadEnvironment, loadItems, type ModuleItem, type ModuleSet } from './load-items.ts';
import type { LoadedModule } from './loaded-module.ts';
import { paramError } from './modparam.ts';
import { ModuleIndex } from './module-index.ts';
import { ReloadPlan } from './reload-plan.ts';

/**
 * The modules of one server, from the script's `loadmodule` lines to their end. In order: `load`, then (unless the
 * script is only checked) `init`, `childInit`, and `destroy`, which also works after a start that failed half-way.
 */
export class ModuleHostImpl implements ModuleHost {
  #set: ModuleSet = { modules: [], initOrder: [], index: new ModuleIndex([]) };
  #started: LoadedModule[] = [];
  #starting: readonly LoadedModule[] = [];
  #retired: LoadedModule[] = [];
  #server: Server | null = null;

  get loaded(): readonly LoadedModule[] {
    return this.#set.modules;
  }

  /** All that the loaded modules declare, for the symbol table. States are undefined before `init`. */
  get index(): ModuleIndex {
    return this.#set.index;
  }

  /** Names of the procs of all modules, for `core.ps`. */
  get procs(): readonly { readonly module: string; readonly name: string }[] {
    return this.loaded.flatMap(({ name, def }) => (def.procs ?? []).map((proc) => ({ module: name, name: proc.name })));
  }

  isLoaded(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  api(name: string): unknown {
    return this.#find(name)?.api;
  }

  /** Loads the script's modules and sets their parameters; errors are in `env.diagnostics`. */
  async load(items: readonly ModuleItem[], env: LoadEnvironment): Promise<void> {
    this.#set = await loadItems(items, env);
  }

  /** Initialises in dependency order. Rejects with the first module's MODULE_INIT; `destroy` then undoes those before. */
  async init(server: Server): Promise<void> {
    this.#server = server;
    this.#noteAbsentOptional(server);
    for (const module of this.#set.initOrder) {
      await module.init(server);
      this.#started.push(module);
      module.publish(server);
    }
  }

  /** Once sockets are open, in the same order. */
  async childInit(): Promise<void> {
    for (const module of this.#set.initOrder) await module.childInit();
  }

  /** In reverse order of init. May be called at any time, also twice. */
  async destroy(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    for (const module of this.#started.splice(0).reverse()) await module.destroy(server);
    await this.destroyRetired();
  }

  /** Ends modules that a reload took out, once nothing of the old program is left. */
  async destroyRetired(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    for (const module of this.#retired.splice(0).reverse()) await module.destroy(server);
  }

  /** Value of a parameter; undefined where there is no such module or parameter. */
  param(module: string, name: string): ParamSetting | undefined {
    return this.#find(module)?.params.values[name];
  }

  /** Parameters that may change while running, for the cfg framework. */
  runtimeParams(): { readonly module: string; readonly name: string }[] {
    return this.loaded.flatMap((module) =>
      Object.entries(module.def.params ?? {})
        .filter(([, param]) => param.runtime === true)
        .map(([name]) => ({ module: module.name, name })),
    );
  }

  /** Changes a runtime parameter. Returns an error text, or null. */
  setParam(module: string, name: string, value: string | number): string | null {
    const found = this.#find(module);
    if (found === undefined) return `module "${module}" is not loaded`;
    const error = paramError(found.def, name, value);
    if (error !== null) return error;
    if (found.def.params?.[name]?.runtime !== true) return `parameter "${name}" can not change while running`;
    found.params.set(name, value);
    return null;
  }

  /**
   * Loads and starts what a new script needs beside what runs; nothing changes for messages before `commit`. Errors
   * are in `env.diagnostics`; a module that can not start rejects. Either way, `abort` undoes it.
   */
  async prepareReload(items: readonly ModuleItem[], env: LoadEnvironment): Promise<ReloadPlan> {
    const server = this.#server;
    if (server === null) throw new StrowgerError('NOT_RUNNING', 'there is no running server to reload');
    const plan = new ReloadPlan(this.#set, await loadItems(items, env), server, (set, retired) => {
      this.#set = set;
      this.#retired.push(...retired);
      this.#started = set.initOrder.filter((module) => module.isInitialised);
      this.#starting = [];
    });
    if (!env.diagnostics.hasErrors) {
      this.#starting = plan.added;
      try {
        await plan.start();
      } finally {
        if (!plan.isStarted) this.#starting = [];
      }
    }
    return plan;
  }

  #find(name: string): LoadedModule | undefined {
    return (
      this.#starting.find((module) => module.name === name && module.isInitialised) ??
      this.#set.modules.find((module) => module.name === name)
    );
  }

  #noteAbsentOptional(server: Server): void {
    for (const module of this.loaded) {
      for (const text of module.depends) {
        const name = text.slice(0, -1);
        if (!text.endsWith('?') || this.isLoaded(name)) continue;
        server.log.debug(`module "${module.name}" runs without "${name}", which is not loaded`);
      }
    }
  }
}
