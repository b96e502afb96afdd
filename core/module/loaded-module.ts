import type { Place } from '../../routing-lang/diagnostics.ts';
import { StrowgerError } from '../errors.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { Server } from '../server.ts';
import type { ModuleDef } from './define-module.ts';
import { parseDependency } from './dependencies.ts';
import type { LoadedDef } from './loader.ts';
import { ParamStore } from './modparam.ts';
import { ModuleContextImpl, splitStatName } from './module-context.ts';

/** One module in one server: its parameters, its state, and what it has registered. */
export class LoadedModule {
  readonly name: string;
  readonly def: ModuleDef<never>;
  readonly path: string;
  readonly url: string;
  readonly isBuiltin: boolean;
  /** The `loadmodule` line. */
  readonly place: Place;
  readonly params: ParamStore;
  /** What `init` returned; undefined before. */
  state: unknown = undefined;
  #context: ModuleContextImpl | null = null;
  #isInitialised = false;
  #api: { readonly value: unknown } | null = null;
  #undo: (() => void)[] = [];

  constructor(loaded: LoadedDef, place: Place) {
    this.name = loaded.def.name;
    this.def = loaded.def;
    this.path = loaded.path;
    this.url = loaded.url;
    this.isBuiltin = loaded.isBuiltin;
    this.place = place;
    this.params = new ParamStore(loaded.def);
  }

  get depends(): readonly string[] {
    return this.def.depends ?? [];
  }

  dependsOn(name: string): boolean {
    return this.depends.some((text) => parseDependency(text).name === name);
  }

  get isInitialised(): boolean {
    return this.#isInitialised;
  }

  /** What `api` returned: made once, after init; undefined before, or where there is none. */
  get api(): unknown {
    if (!this.#isInitialised || this.def.api === undefined) return undefined;
    this.#api ??= { value: this.def.api(this.state as never) };
    return this.#api.value;
  }

  /** Registers the statistics and runs `init`. Rejects with MODULE_INIT, naming the module. */
  async init(server: Server): Promise<void> {
    this.#context = new ModuleContextImpl(this.def, this.params, server);
    for (const [name, stat] of Object.entries(this.def.statistics ?? {})) {
      const [group, member] = splitStatName(this.name, name);
      const { get } = stat;
      const compute = get === undefined ? null : () => (this.#isInitialised ? get(this.state as never) : 0);
      server.counters.register(group, member, stat.doc, compute);
    }
    await this.#phase('init', async (context) => {
      this.state = await this.def.init?.(context);
    });
    this.#isInitialised = true;
  }

  /** Makes RPC methods and `onReply` reachable. */
  publish(server: Server): void {
    for (const [name, method] of Object.entries(this.def.rpc ?? {})) {
      server.rpc.register(name, method, this.state as never);
      this.#undo.push(() => {
        if (server.rpc.find(name) === method) server.rpc.unregister(name);
      });
    }
    if (this.def.onReply !== undefined) {
      this.#undo.push(server.hooks.replyIn.add((msg) => this.#onReply(msg, server)));
    }
  }

  /** Takes back what `publish` registered. */
  unpublish(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
  }

  /** Runs `childInit`; the first worker starts the module's procs. */
  async childInit(): Promise<void> {
    await this.#phase('childInit', async (context) => {
      await this.def.childInit?.(this.state as never, context);
      if (!context.server.isFirstWorker) return;
      for (const proc of this.def.procs ?? []) await proc.start(this.state as never);
    });
  }

  /** Calls the module's `reload`; the names it could not change. Without one, none but runtime parameters change. */
  reload(): readonly string[] {
    if (this.#context === null) return [];
    return this.def.reload?.(this.state as never, this.#context) ?? [];
  }

  /** Runs `destroy` if `init` was done. Does not reject: what it throws is logged, for the others must end too. */
  async destroy(server: Server): Promise<void> {
    this.unpublish();
    const context = this.#context;
    if (!this.#isInitialised || context === null) return;
    this.#isInitialised = false;
    try {
      await this.def.destroy?.(this.state as never, context);
    } catch (error) {
      server.log.error(`module "${this.name}" failed to end: ${textOf(error)}`, { err: error });
    }
  }

  async #phase(phase: string, run: (context: ModuleContextImpl) => Promise<void>): Promise<void> {
    const context = this.#context;
    if (context === null) throw new StrowgerError('MODULE_BUG', `module "${this.name}": ${phase} before init`);
    try {
      await run(context);
    } catch (error) {
      throw new StrowgerError('MODULE_INIT', `module "${this.name}" can not start: ${textOf(error)}`, error);
    }
  }

  #onReply(msg: SipMsg, server: Server): boolean {
    try {
      return this.def.onReply?.(msg, this.state as never) ?? true;
    } catch (error) {
      server.log.error(`module "${this.name}" failed on a reply: ${textOf(error)}`, { err: error });
      return true;
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
