import type { Counter } from '../counters/counters.ts';
import { StrowgerError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Server } from '../server.ts';
import type { ModuleContext, ParamSetting } from './context.ts';
import type { ModuleDef } from './define-module.ts';
import { parseDependency } from './dependencies.ts';
import type { ParamStore } from './modparam.ts';

/** What a module is given at init and keeps. Asking for what it did not declare is a bug of the module: it throws. */
export class ModuleContextImpl implements ModuleContext {
  readonly name: string;
  readonly server: Server;
  readonly log: Log;
  readonly params: Readonly<Record<string, ParamSetting>>;
  readonly #def: ModuleDef<never>;
  readonly #store: ParamStore;

  constructor(def: ModuleDef<never>, store: ParamStore, server: Server) {
    this.name = def.name;
    this.server = server;
    this.log = server.log.child(def.name);
    this.params = store.values;
    this.#def = def;
    this.#store = store;
  }

  int(name: string): number {
    const value = this.#declared(name);
    return typeof value === 'number' ? value : Number(value ?? 0) || 0;
  }

  str(name: string): string {
    const value = this.#declared(name);
    if (value === null) return '';
    return typeof value === 'object' ? (value[0] ?? '') : String(value);
  }

  list(name: string): readonly string[] {
    const value = this.#declared(name);
    if (value === null) return [];
    return typeof value === 'object' ? value : [String(value)];
  }

  isSet(name: string): boolean {
    return this.#store.isSet(name);
  }

  api<T>(module: string): T {
    const api = this.#depended(module);
    if (api === undefined) throw this.#bug(`asks for the api of "${module}", which has none or is not loaded`);
    return api as T;
  }

  optionalApi<T>(module: string): T | undefined {
    return this.#depended(module) as T | undefined;
  }

  counter(name: string): Counter {
    const declared = this.#def.statistics ?? {};
    const [group, member] = splitStatName(this.name, name);
    if (!Object.hasOwn(declared, name)) throw this.#bug(`asks for the counter "${name}", which it does not declare`);
    return this.server.counters.register(group, member);
  }

  #declared(name: string): ParamSetting {
    const value = this.params[name];
    if (value === undefined) throw this.#bug(`asks for the parameter "${name}", which it does not declare`);
    return value;
  }

  #depended(module: string): unknown {
    const isNamed = (this.#def.depends ?? []).some((text) => parseDependency(text).name === module);
    if (!isNamed) throw this.#bug(`asks for the api of "${module}", which it does not name in depends`);
    return this.server.modules.api(module);
  }

  #bug(text: string): StrowgerError {
    return new StrowgerError('MODULE_BUG', `module "${this.name}" ${text}`);
  }
}

/** Group and name of a statistic: `group:name`, or the module's own group. */
export function splitStatName(module: string, name: string): readonly [group: string, name: string] {
  const colon = name.indexOf(':');
  return colon < 0 ? [module, name] : [name.slice(0, colon), name.slice(colon + 1)];
}
