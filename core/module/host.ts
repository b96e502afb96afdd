import type { ParamSetting } from './context.ts';
import type { ModuleDef } from './define-module.ts';

/** The modules of one server: loaded, initialised, found by name. */
export interface ModuleHost {
  /** Loaded modules in load order. */
  readonly loaded: readonly {
    readonly name: string;
    readonly def: ModuleDef<never>;
    readonly state: unknown;
    readonly path: string;
  }[];
  isLoaded(name: string): boolean;
  /** What `api()` of a loaded module returned; undefined when it is not loaded. */
  api(name: string): unknown;
  /** Value of a parameter; undefined where there is no such module or parameter. */
  param(module: string, name: string): ParamSetting | undefined;
  /** Parameters that may change while running, for the cfg framework. */
  runtimeParams(): readonly { readonly module: string; readonly name: string }[];
  /** Changes a runtime parameter. Returns an error text, or null. */
  setParam(module: string, name: string, value: string | number): string | null;
}
