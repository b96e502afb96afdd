import type { Server } from '../server.ts';
import type { ModuleSet } from './load-items.ts';
import type { LoadedModule } from './loaded-module.ts';
import { ModuleIndex } from './module-index.ts';

/**
 * A live reload of the modules, between its two phases. Modules that stay keep their state and get new parameters;
 * new ones, and a user's whose files changed, are started beside the old; the rest is retired.
 */
export class ReloadPlan {
  /** What the new program is compiled against. */
  readonly index: ModuleIndex;
  /** Modules started for the new program. */
  readonly added: readonly LoadedModule[];
  isStarted = false;
  readonly #next: ModuleSet;
  readonly #retired: readonly LoadedModule[];
  readonly #kept: readonly { readonly running: LoadedModule; readonly fresh: LoadedModule }[];
  readonly #unchanged: string[] = [];
  readonly #server: Server;
  readonly #onCommit: (set: ModuleSet, retired: readonly LoadedModule[]) => void;

  constructor(
    current: ModuleSet,
    wanted: ModuleSet,
    server: Server,
    onCommit: (set: ModuleSet, retired: readonly LoadedModule[]) => void,
  ) {
    this.#server = server;
    this.#onCommit = onCommit;
    const kept: { running: LoadedModule; fresh: LoadedModule }[] = [];
    const choose = (fresh: LoadedModule): LoadedModule => {
      const running = current.modules.find((module) => module.name === fresh.name);
      if (running === undefined || !this.#mayStay(running, fresh, wanted)) return fresh;
      kept.push({ running, fresh });
      return running;
    };
    const modules = wanted.modules.map(choose);
    const byName = new Map(modules.map((module) => [module.name, module]));
    const initOrder = wanted.initOrder.map((module) => byName.get(module.name) ?? module);
    this.index = new ModuleIndex(modules);
    this.#next = { modules, initOrder, index: this.index };
    this.#kept = kept;
    this.#retired = current.modules.filter((module) => !modules.includes(module));
    this.added = initOrder.filter((module) => !current.modules.includes(module));
  }

  /** Starts the added modules. Rejects as `init` does. */
  async start(): Promise<void> {
    for (const module of this.added) {
      await module.init(this.#server);
      await module.childInit();
    }
    this.isStarted = true;
  }

  /** Switches over. Returns what could not change, as `module.parameter`, sorted. Does not fail. */
  commit(): readonly string[] {
    for (const module of this.#retired) module.unpublish();
    for (const module of this.added) module.publish(this.#server);
    this.#onCommit(this.#next, this.#retired);
    for (const { running, fresh } of this.#kept) this.#changeParams(running, fresh);
    return [...new Set(this.#unchanged)].sort();
  }

  /** Ends what `start` started. */
  async abort(): Promise<void> {
    for (const module of [...this.added].reverse()) await module.destroy(this.#server);
  }

  /** A changed module is replaced only where no other holds its api. */
  #mayStay(running: LoadedModule, fresh: LoadedModule, wanted: ModuleSet): boolean {
    if (running.url === fresh.url) return true;
    if (!wanted.modules.some((module) => module.dependsOn(running.name))) return false;
    this.#unchanged.push(`${running.name} (other modules depend on it)`);
    return true;
  }

  #changeParams(running: LoadedModule, fresh: LoadedModule): void {
    const changed = running.params.differences(fresh.params);
    if (changed.length === 0) return;
    const before = running.params.copy();
    const isFixed = (name: string): boolean => running.def.params?.[name]?.runtime !== true;
    running.params.replaceWith(fresh.params);
    const refused = running.def.reload === undefined ? changed.filter(isFixed) : running.reload();
    for (const name of refused) {
      running.params.values[name] = before.values[name] ?? null;
      this.#unchanged.push(`${running.name}.${name}`);
    }
  }
}
