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
}
