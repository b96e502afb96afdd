import { ROUTE } from '../script/run.ts';
import type { ModuleDef, ParamDef } from './define-module.ts';
import { splitStatName } from './module-context.ts';
import { overloads } from './module-index.ts';

/** What a module offers, as plain data: `strowger modules --json`, documents, editors. */
export interface ModuleDescription {
  readonly name: string;
  readonly summary: string;
  readonly depends: readonly string[];
  readonly params: readonly ParamDescription[];
  /** One entry an overload. */
  readonly commands: readonly CommandDescription[];
  readonly pvs: readonly { name: string; doc: string; writable: boolean; hasName: string; indexed: boolean }[];
  /** Named `class.name`, as between the braces. */
  readonly transformations: readonly { name: string; class: string; doc: string; params: readonly [number, number] }[];
  readonly rpc: readonly { name: string; doc: string; params: readonly string[] }[];
  readonly stats: readonly { name: string; group: string; doc: string }[];
  /** Full names, `tm:local-request`. */
  readonly eventRoutes: readonly { name: string; doc: string }[];
}

interface ParamDescription {
  readonly name: string;
  readonly type: ParamDef['type'];
  readonly default: string | number | null;
  readonly doc: string;
  readonly min?: number;
  readonly max?: number;
  readonly runtime: boolean;
  readonly repeatable: boolean;
  /** Accepted, but does nothing: why. */
  readonly noEffect?: string;
}

export interface CommandDescription {
  readonly name: string;
  readonly args: readonly { name: string; type: string; optional: boolean }[];
  readonly variadic: boolean;
  /** Kamailio's names: REQUEST, FAILURE, ONREPLY …, or ANY. */
  readonly routes: readonly string[];
  readonly async: boolean;
  readonly doc: string;
}

/** Describes a definition; nothing of it is run. */
export function describeModule(def: ModuleDef<never>): ModuleDescription {
  const entries = <T>(table: Readonly<Record<string, T>> | undefined): [string, T][] => Object.entries(table ?? {});
  return {
    name: def.name,
    summary: def.summary,
    depends: def.depends ?? [],
    params: entries(def.params).map(([name, param]) => describeParam(name, param)),
    commands: entries(def.commands).flatMap(([name, entry]) =>
      overloads(entry).map((command) => ({
        name,
        args: command.args.map((spec, i) => ({
          name: command.argNames?.[i] ?? `arg${i + 1}`,
          type: spec.replace(/\?$/, ''),
          optional: command.args.slice(0, i + 1).some((before) => before.endsWith('?')),
        })),
        variadic: command.isVariadic === true,
        routes: routeNames(command.routes),
        async: command.isAsync === true,
        doc: command.doc,
      })),
    ),
    pvs: entries(def.pseudoVariables).map(([name, pv]) => ({
      name,
      doc: pv.doc,
      writable: pv.writable === true,
      hasName: pv.name,
      indexed: pv.indexed === true,
    })),
    transformations: entries(def.transformations).flatMap(([className, members]) =>
      entries(members).map(([name, transform]) => ({
        name: `${className}.${name}`,
        class: className,
        doc: transform.doc,
        params: transform.params,
      })),
    ),
    rpc: entries(def.rpc).map(([name, method]) => ({ name, doc: method.doc, params: method.params ?? [] })),
    stats: entries(def.statistics).map(([full, stat]) => {
      const [group, name] = splitStatName(def.name, full);
      return { name, group, doc: stat.doc };
    }),
    eventRoutes: entries(def.eventRoutes).map(([name, route]) => ({
      name: name.includes(':') ? name : `${def.name}:${name}`,
      doc: route.doc,
    })),
  };
}

function describeParam(name: string, param: ParamDef): ParamDescription {
  return {
    name,
    type: param.type,
    default: param.default,
    doc: param.doc,
    ...(param.min === undefined ? {} : { min: param.min }),
    ...(param.max === undefined ? {} : { max: param.max }),
    runtime: param.runtime === true,
    repeatable: param.repeatable === true,
    ...(param.noEffect === undefined ? {} : { noEffect: param.noEffect }),
  };
}

const ONREPLY = ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY;
const ALL = Object.values(ROUTE).reduce((all, bit) => all | bit, 0);

/** Names of a set of route bits. */
export function routeNames(routes: number): readonly string[] {
  if ((routes & ALL) === ALL) return ['ANY'];
  const isBoth = (routes & ONREPLY) === ONREPLY;
  const names = isBoth ? ['ONREPLY'] : [];
  for (const [name, bit] of Object.entries(ROUTE)) {
    if ((routes & bit) !== 0 && !(isBoth && (bit & ONREPLY) !== 0)) names.push(name);
  }
  return names;
}
