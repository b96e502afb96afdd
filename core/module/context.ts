import type { Counter } from '../counters/counters.ts';
import type { Log } from '../log/log.ts';
import type { Server } from '../server.ts';

/** What a module sees of the server it runs in; one per module and server. */
export interface ModuleContext {
  readonly name: string;
  readonly server: Server;
  /** Names the module in each line. */
  readonly log: Log;
  /** Values by parameter name, typed and defaulted; an array for a repeatable one. Runtime ones change under you. */
  readonly params: Readonly<Record<string, ParamSetting>>;
  int(name: string): number;
  /** Empty string where the default is null and nothing was set. */
  str(name: string): string;
  list(name: string): readonly string[];
  /** True when the script set it. */
  isSet(name: string): boolean;
  /** The api of a module this one names in `depends`; undefined only for an optional one that is not loaded. */
  api<T>(module: string): T;
  optionalApi<T>(module: string): T | undefined;
  /** A counter this module declared in `statistics`. */
  counter(name: string): Counter;
}

export type ParamSetting = string | number | null | readonly string[];
