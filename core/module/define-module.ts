import type { SipMsg } from '../parser/sip-msg.ts';
import type { PvAccessor, PvDef, TransformDef } from '../pv/spec.ts';
import type { RpcMethod } from '../rpc/registry.ts';
import type { PosixRegex } from '../script/posix-regex.ts';
import type { ScriptRoute } from '../script/program.ts';
import { ANY_ROUTE, type Run } from '../script/run.ts';
import type { Subst } from '../script/subst.ts';
import type { SelectDef } from '../select/select.ts';
import type { PvValue } from '../values.ts';
import type { ModuleContext } from './context.ts';

/**
 * How an argument is prepared. Kamailio's fixups, as data:
 * - `int`: number, quoted number, `$pv` or format string; the command gets a number;
 * - `str`: string with pseudo-variables expanded per call; the command gets a latin1 string;
 * - `const-str` / `const-int`: known at compile time, never expanded;
 * - `regex`: a POSIX extended expression, constant; compiled once;
 * - `dyn-regex`: the same, but may hold pseudo-variables (compiled when it changes);
 * - `pv`: a readable pseudo-variable by reference; `pvw`: one that can be assigned;
 * - `value`: any expression, not converted (null, number or string);
 * - `route`, `failure-route`, `onreply-route`, `branch-route`, `event-route`: the name of a block that must exist;
 *   the command gets the name (format strings allowed; then it is checked at run time);
 * - `fmt`: as `str`, but the command gets the compiled format, to evaluate when and if it wants.
 * - `text`: as `fmt`, but gives null where the argument is one variable that has no value or an empty one:
 *   what must not be taken for the text `<null>`, such as a password.
 * - `subst`: a constant `/expression/replacement/flags`; the command gets it compiled (`core/script/subst.ts`).
 * - `flag`: a number from 0 to 31, or the name of a flag that the script declares (`flags a:1, b;`);
 * - `avp-flag`: the name of a declared flag of AVPs (`avpflags a, b;`); the command gets the name.
 * A trailing `?` makes the argument (and those after it) optional: the command gets undefined.
 */
export interface ArgTypes {
  int: number;
  str: string;
  'const-str': string;
  'const-int': number;
  regex: PosixRegex;
  'dyn-regex': PosixRegex;
  pv: PvAccessor;
  pvw: PvAccessor & Required<Pick<PvAccessor, 'set'>>;
  value: PvValue;
  route: string;
  'failure-route': string;
  'onreply-route': string;
  'branch-route': string;
  'event-route': string;
  fmt: (run: Run) => string;
  text: (run: Run) => string | null;
  subst: Subst;
  flag: number;
  'avp-flag': string;
}
export type ArgType = keyof ArgTypes;
export type ArgSpec = ArgType | `${ArgType}?`;

type ArgValue<A> = A extends `${infer T extends ArgType}?`
  ? ArgTypes[T] | undefined
  : A extends ArgType
    ? ArgTypes[A]
    : never;
export type ArgValues<A extends readonly ArgSpec[]> = { -readonly [K in keyof A]: ArgValue<A[K]> };

/** > 0 true, < 0 false, 0 ends the script: Kamailio's convention. */
export type CommandResult = number | Promise<number>;

export interface CommandDef<S = unknown> {
  readonly doc: string;
  readonly args: readonly ArgSpec[];
  /** Names of the arguments for help and hover; same length as args. */
  readonly argNames?: readonly string[];
  /** Bits of ROUTE. */
  readonly routes: number;
  /** True when `run` may return a promise; routes that can reach no such command stay plain functions. */
  readonly isAsync?: boolean;
  /** The last argument may be repeated (`args` names it once). */
  readonly isVariadic?: boolean;
  /**
   * Checks and prepares constant arguments at compile time, beyond their types. Returns an error text, or null.
   * `values[i]` is undefined where the argument is not constant.
   */
  readonly check?: (values: readonly (string | number | undefined)[], state: S) => string | null;
  /** The routes that this call can start, from constant arguments, for the checker ("route never called"). */
  readonly run: (run: Run, state: S, ...args: never[]) => CommandResult;
}

/** Declares a command; the types of `run`'s arguments follow from `args`. */
export function command<S, const A extends readonly ArgSpec[]>(
  def: Omit<CommandDef<S>, 'args' | 'run'> & {
    args: A;
    run: (run: Run, state: S, ...args: ArgValues<A>) => CommandResult;
  },
): CommandDef<S> {
  return def as unknown as CommandDef<S>;
}

/**
 * A short form of `command` for modules with many: description, argument types and names, what it does; from any route,
 * unless told otherwise.
 */
export function commandsOf<S>() {
  return <const A extends readonly ArgSpec[]>(
    doc: string,
    args: A,
    argNames: readonly string[],
    run: (run: Run, state: S, ...args: ArgValues<A>) => CommandResult,
    options: Partial<Pick<CommandDef<S>, 'routes' | 'check'>> = {},
  ): CommandDef<S> => command({ doc, args, argNames, routes: ANY_ROUTE, run, ...options });
}

export type ParamType = 'int' | 'string' | 'func';

export interface ParamDef {
  readonly type: ParamType;
  readonly default: string | number | null;
  readonly doc: string;
  readonly min?: number;
  readonly max?: number;
  /** May be changed while running: `cfg.set_now_int MODULE NAME`. */
  readonly runtime?: boolean;
  /** Given several times; the module gets all values in order (Kamailio's USE_FUNC_PARAM). */
  readonly repeatable?: boolean;
  /** Accepted for compatibility; says why it has no effect here. A notice is logged when a script sets it. */
  readonly noEffect?: string;
  /** Checked when set; returns an error text or null. */
  readonly check?: (value: string | number) => string | null;
}

export function intParam(p: Omit<ParamDef, 'type' | 'default'> & { default: number }): ParamDef {
  return { type: 'int', ...p };
}
export function strParam(p: Omit<ParamDef, 'type' | 'default'> & { default: string | null }): ParamDef {
  return { type: 'string', ...p };
}
/** A parameter that may be given several times, each a string. */
export function listParam(p: Omit<ParamDef, 'type' | 'default' | 'repeatable'>): ParamDef {
  return { type: 'string', default: null, repeatable: true, ...p };
}

export interface StatDef<S = unknown> {
  readonly doc: string;
  /** Computed when read; without it the statistic is a counter the module increments by `ctx.counter(name)`. */
  readonly get?: (state: S) => number;
}

interface EventRouteDef {
  readonly doc: string;
}

export interface ModuleDef<S = unknown> {
  readonly name: string;
  readonly summary: string;
  /** Modules that must be loaded before; a trailing `?` means "if loaded". */
  readonly depends?: readonly string[];
  readonly params?: Readonly<Record<string, ParamDef>>;
  /**
   * Parameters of older Kamailios that 5.6.3 refuses, and what is in their place. Setting one does nothing but warn; with
   * `--strict` it is an error.
   */
  readonly olderParams?: Readonly<Record<string, string>>;
  /** Commands by name; several definitions of one name are overloads by number of arguments. */
  readonly commands?: Readonly<Record<string, CommandDef<S> | readonly CommandDef<S>[]>>;
  readonly pseudoVariables?: Readonly<Record<string, PvDef<S>>>;
  /** By class, then name: `{ s: { len: … } }`. */
  readonly transformations?: Readonly<Record<string, Readonly<Record<string, TransformDef<S>>>>>;
  /** Selects (`@name…`) by the name of their first part. */
  readonly selects?: Readonly<Record<string, SelectDef<S>>>;
  readonly rpc?: Readonly<Record<string, RpcMethod<S>>>;
  /** By name; the group is the module's name unless written `group:name`. */
  readonly statistics?: Readonly<Record<string, StatDef<S>>>;
  /** By name without the module prefix: `local-request` is `event_route[tm:local-request]`. A full `a:b` is kept. */
  readonly eventRoutes?: Readonly<Record<string, EventRouteDef>>;
  /** Work that is done once, whatever the number of workers: started after childInit in the first, listed in core.ps. */
  readonly procs?: readonly { readonly name: string; readonly start: (state: S) => void | Promise<void> }[];
  /**
   * Makes the module's state: parameters are set, modules it depends on are initialised, no socket is open.
   * Throwing or rejecting ends the start with the message.
   */
  init?(ctx: ModuleContext): S | Promise<S>;
  /** Per worker, once sockets are open: timers, connections. */
  childInit?(state: S, ctx: ModuleContext): void | Promise<void>;
  /** Each reply, before the script. False stops it: neither script nor tm nor forwarding sees it. */
  onReply?(msg: SipMsg, state: S): boolean;
  /** Undoes init, in reverse order of start; must work after a half-finished start. */
  destroy?(state: S, ctx: ModuleContext): void | Promise<void>;
  /** What other modules get by `ctx.api(name)`. */
  api?(state: S): unknown;
  /** Called on a live reload with the new program's parameters; returns what could not change. */
  reload?(state: S, ctx: ModuleContext): readonly string[];
}

/** A module's default export. Typed by its state; the host keeps it opaque. */
export function defineModule<S>(def: ModuleDef<S>): ModuleDef<S> {
  return def;
}

export type { PvAccessor, Run, ScriptRoute, SipMsg };
