import type { CfgVar } from './groups.ts';
import type { CoreParamDef, CoreParamTable } from './param-def.ts';
import { DNS_PARAMS } from './params-dns.ts';
import { LOG_PARAMS } from './params-log.ts';
import { PROCESS_PARAMS } from './params-process.ts';
import { SIP_PARAMS } from './params-sip.ts';
import { TRANSPORT_PARAMS } from './params-transport.ts';
import { Settings } from './settings.ts';

export type { CoreParamDef } from './param-def.ts';

/** Every core parameter by its first name (Kamailio's core cookbook, core parameters). */
export const CORE_PARAMS: CoreParamTable = {
  ...PROCESS_PARAMS,
  ...LOG_PARAMS,
  ...SIP_PARAMS,
  ...TRANSPORT_PARAMS,
  ...DNS_PARAMS,
};

/** First name by every spelling. */
const CANONICAL = new Map<string, string>();
for (const [name, def] of Object.entries(CORE_PARAMS)) {
  CANONICAL.set(name, name);
  for (const alias of def.aliases ?? []) CANONICAL.set(alias, name);
}

/** All spellings, for suggestions. */
export function coreParamNames(): readonly string[] {
  return [...CANONICAL.keys()];
}

/** The definition behind any spelling; undefined when there is no such parameter. */
export function coreParam(spelling: string): CoreParamDef | undefined {
  const name = CANONICAL.get(spelling);
  return name === undefined ? undefined : CORE_PARAMS[name];
}

/** The name under which Settings keeps it: the first spelling, or the opposite's. */
export function canonicalParamName(spelling: string): string | undefined {
  const name = CANONICAL.get(spelling);
  return name === undefined ? undefined : (CORE_PARAMS[name]?.opposite ?? name);
}

const YES_NO: ReadonlyMap<string, number> = new Map([
  ...['yes', 'true', 'on', 'enable'].map((word) => [word, 1] as const),
  ...['no', 'false', 'off', 'disable'].map((word) => [word, 0] as const),
]);

/** How a value was written, as in the syntax tree: a quoted string, a bare word, a number. */
type WrittenKind = 'string' | 'word' | 'number';

/** 1 or 0 for yes, on, true, enable and their opposites, in any case; undefined for any other word. */
export function yesNo(word: string): number | undefined {
  return YES_NO.get(word.toLowerCase());
}

/** The value a written one stands for, or what is wrong with it. An `opposite` is turned round already. */
export function coreParamValue(
  def: CoreParamDef,
  written: string | number,
  kind: WrittenKind,
): { readonly value: string | number } | { readonly error: string } {
  const value = def.type === 'int' ? intValue(def, written, kind) : String(written);
  if (value === null) return { error: expectation(def) };
  const error = refusal(def, value);
  if (error !== null) return { error };
  return { value: def.opposite === undefined ? value : value === 0 ? 1 : 0 };
}

function intValue(def: CoreParamDef, written: string | number, kind: WrittenKind): number | null {
  if (typeof written === 'number') return written;
  if (kind === 'string') return null;
  return def.words?.[written.toUpperCase()] ?? yesNo(written) ?? null;
}

function expectation(def: CoreParamDef): string {
  const words = Object.keys(def.words ?? {});
  if (words.length > 0) return `a number or one of ${words.join(', ')} expected`;
  return def.isBool === true ? 'yes or no expected' : 'a number expected';
}

function refusal(def: CoreParamDef, value: string | number): string | null {
  if (typeof value === 'number') {
    if (def.min !== undefined && value < def.min) return `at least ${def.min} expected`;
    if (def.max !== undefined && value > def.max) return `at most ${def.max} expected`;
  } else if (def.choices !== undefined && !def.choices.some((choice) => choice.toLowerCase() === value.toLowerCase())) {
    return `one of ${def.choices.filter((choice) => choice !== '').join(', ')} expected`;
  }
  return def.check?.(value) ?? null;
}

interface CoreAssignment {
  readonly name: string;
  readonly values: readonly { readonly value: string | number; readonly kind: WrittenKind }[];
}

/** What became of one assignment that needs to be told: its index, and an error or a notice. */
interface AssignmentRemark {
  readonly index: number;
  readonly kind: 'error' | 'notice';
  readonly text: string;
}

/**
 * The settings of a server: all defaults, then a script's assignments in order. A repeatable parameter collects its
 * values; of another the last assignment holds. Unknown names and bad values come back as errors, parameters without
 * effect as notices.
 */
export function settingsOf(assignments: Iterable<CoreAssignment>): {
  readonly settings: Settings;
  readonly remarks: readonly AssignmentRemark[];
} {
  const values = new Map<string, string | number | (string | number)[]>();
  const remarks: AssignmentRemark[] = [];
  for (const [name, def] of Object.entries(CORE_PARAMS)) {
    if (def.default !== null && def.opposite === undefined) values.set(name, def.default);
  }
  let index = -1;
  for (const { name, values: written } of assignments) {
    index++;
    const def = coreParam(name);
    const key = canonicalParamName(name);
    if (def === undefined || key === undefined) {
      remarks.push({ index, kind: 'error', text: `unknown core parameter ${name}` });
      continue;
    }
    if (def.noEffect !== undefined) {
      remarks.push({ index, kind: 'notice', text: `${name} has no effect: ${def.noEffect}` });
    }
    for (const item of written) {
      const got = coreParamValue(def, item.value, item.kind);
      if ('error' in got) remarks.push({ index, kind: 'error', text: `${name}: ${got.error}` });
      else if (def.repeatable !== true) values.set(key, got.value);
      else {
        const all = values.get(key);
        if (Array.isArray(all)) all.push(got.value);
        else values.set(key, [got.value]);
      }
    }
  }
  const settings = new Settings(values);
  declareCoreGroups(settings);
  return { settings, remarks };
}

/** Variables of the cfg framework that no script sets: what they would choose is fixed here. */
const FIXED_TCP: readonly (readonly [name: string, value: number, doc: string])[] = [
  ['connect_wait', 1, 'one connection attempt at a time to one destination'],
  ['alias_flags', 1, 'a new port alias: 1 is added beside others, 2 replaces'],
  ['new_conn_alias_flags', 2, 'the alias of a new connection: 1 is added, 2 replaces'],
];

/** Declares the groups `core` and `tcp` over a server's settings. */
function declareCoreGroups(settings: Settings): void {
  const groups = new Map<string, { vars: CfgVar[]; names: Map<string, string> }>();
  for (const [param, def] of Object.entries(CORE_PARAMS)) {
    if (def.cfg === undefined) continue;
    const [group, name] = def.cfg;
    let found = groups.get(group);
    if (found === undefined) groups.set(group, (found = { vars: [], names: new Map() }));
    found.names.set(name, param);
    found.vars.push({
      name,
      type: def.type === 'int' ? 'int' : 'string',
      doc: def.doc,
      check: (value) => def.noEffect ?? refusal(def, value),
    });
  }
  for (const [group, { vars, names }] of groups) {
    const fixed = new Map<string, number>();
    if (group === 'tcp') {
      for (const [name, value, doc] of FIXED_TCP) {
        fixed.set(name, value);
        vars.push({ name, type: 'int', doc, isReadOnly: true });
      }
    }
    settings.groups.declare(group, vars, {
      get: (name) => {
        const param = names.get(name) ?? '';
        return fixed.get(name) ?? (CORE_PARAMS[param]?.type === 'int' ? settings.int(param) : settings.str(param));
      },
      set: (name, value) => {
        settings.set(names.get(name) ?? name, value);
        return null;
      },
    });
  }
}
