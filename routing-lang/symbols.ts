import type { CommandDef, ParamDef } from '../core/module/define-module.ts';
import type { PvDef, TransformDef } from '../core/pv/spec.ts';
import type { Run } from '../core/script/run.ts';
import type { PvValue } from '../core/values.ts';

/**
 * Everything a script can name, as the checker and the compiler see it: the core's tables and those of the modules the
 * script loads. routing-lang imports nothing else of the core.
 */
export interface SymbolTable {
  /** All definitions (overloads) of a command; core commands included. Empty when unknown. */
  commands(name: string): readonly BoundCommand[];
  /** For suggestions. */
  commandNames(): readonly string[];
  /** The module that would export it if it were loaded, for hints; null when nobody does. */
  commandOwner(name: string): string | null;
  /** The module that exports it in a newer Kamailio, and not here. */
  newerCommandOwner(name: string): string | null;
  pv(className: string): BoundPv | undefined;
  pvNames(): readonly string[];
  pvOwner(className: string): string | null;
  newerPvOwner(className: string): string | null;
  transform(className: string, name: string): BoundTransform | undefined;
  transformNames(className: string): readonly string[];
  transformOwner(className: string, name: string): string | null;
  coreParam(name: string): ParamDef | undefined;
  coreParamNames(): readonly string[];
  /** Old-style keyword operands (`method`, `src_ip`, `msg:len` …): a getter per keyword. */
  keyword(name: string): ((run: Run) => PvValue) | undefined;
  /** A select (`@to.tag`): a getter, or an error text. */
  select(
    parts: readonly { readonly name: string; readonly index: string | number | null }[],
  ): ((run: Run) => PvValue) | string;
  /** Value of a bare word (`myself`, `UDP`, `INET6`, `INVITE`) where an expression stands. */
  word(value: string): PvValue | undefined;
  /** True when the URI, host or address text is one of ours (`== myself`). */
  isMyself(run: Run, text: string, keyword: string): boolean;
  /** True when a loaded module declares this event route (`tm:local-request`); a pattern `x:*` covers parametrised ones. */
  eventRoute(name: string): boolean;
  moduleParam(module: string, name: string): ParamDef | undefined;
}

export interface BoundCommand {
  readonly name: string;
  readonly module: string;
  readonly def: CommandDef<never>;
  /** Passed as the second argument of `run`. */
  readonly state: unknown;
}

export interface BoundPv {
  readonly module: string;
  readonly def: PvDef<never>;
  readonly state: unknown;
}

export interface BoundTransform {
  readonly module: string;
  readonly def: TransformDef<never>;
  readonly state: unknown;
}
