import { didYouMean } from '../suggest.ts';
import type { ParamSetting } from './context.ts';
import type { ModuleDef, ParamDef } from './define-module.ts';
import { knownExports } from './known-exports.ts';

/**
 * Does a modparam's first argument name this module? Kamailio's rule: an extended regular expression that must match
 * the whole name, case aside, so that `"a|b"` and `"db_.*"` work. Returns an error text for a broken expression.
 */
export function moduleMatcher(pattern: string): ((name: string) => boolean) | string {
  if (/^\w+$/.test(pattern)) {
    const lower = pattern.toLowerCase();
    return (name) => name.toLowerCase() === lower;
  }
  try {
    const regex = new RegExp(`^(?:${pattern})$`, 'i');
    return (name) => regex.test(name);
  } catch {
    return `"${pattern}" is not a regular expression`;
  }
}

/** Why a value can not be set, for a person who reads the script; null when it can. */
export function paramError(
  def: Pick<ModuleDef<never>, 'name' | 'params'>,
  name: string,
  value: string | number,
): string | null {
  const param = Object.hasOwn(def.params ?? {}, name) ? def.params?.[name] : undefined;
  if (param === undefined) {
    const more = knownExports.isNewerParam(def.name, name)
      ? ' (newer Kamailios have it, this server does not)'
      : didYouMean(name, Object.keys(def.params ?? {}));
    return `module "${def.name}" has no parameter "${name}"${more}`;
  }
  const what = `parameter "${name}" of module "${def.name}"`;
  const wrongType = typeError(param, value);
  if (wrongType !== null) return `${what} ${wrongType}`;
  const outOfRange = rangeError(param, value);
  if (outOfRange !== null) return `${what} ${outOfRange}`;
  const own = param.check?.(value) ?? null;
  return own === null ? null : `${what}: ${own}`;
}

/** Kamailio does not convert: a quoted number is no number, and the other way round. */
function typeError(param: ParamDef, value: string | number): string | null {
  if (param.type === 'func') return null;
  if (param.type === 'int' && typeof value === 'string') {
    const plain = /^[-+]?\d+$/.test(value);
    return plain
      ? `takes a number: write ${value} without quotes`
      : `takes a number, not the string "${value.slice(0, 60)}"`;
  }
  if (param.type === 'string' && typeof value === 'number') return `takes a string: write "${value}" in quotes`;
  return null;
}

function rangeError(param: ParamDef, value: string | number): string | null {
  if (typeof value !== 'number') return null;
  if (param.min !== undefined && value < param.min) return `is at least ${param.min}, not ${value}`;
  if (param.max !== undefined && value > param.max) return `is at most ${param.max}, not ${value}`;
  return null;
}

/** What a switch (0 or 1) is set to by another number: as in C, anything but 0 is on. Null for all other values. */
export function switchedOn(param: ParamDef | undefined, value: string | number): 1 | null {
  if (param?.type !== 'int' || param.min !== 0 || param.max !== 1 || typeof value !== 'number') return null;
  return value === 0 || value === 1 ? null : 1;
}

/** The parameters of one module in one server: defaults, then what the script and, for runtime ones, RPC set. */
export class ParamStore {
  readonly values: Record<string, ParamSetting>;
  readonly #defs: Readonly<Record<string, ParamDef>>;
  readonly #set = new Set<string>();

  constructor(def: Pick<ModuleDef<never>, 'params'>) {
    this.#defs = def.params ?? {};
    // In one step: a record that grows by computed names becomes a hash table in V8, and each read ten times as slow.
    this.values = Object.fromEntries(
      Object.entries(this.#defs).map(([name, param]) => [
        name,
        param.repeatable === true ? defaultList(param) : param.default,
      ]),
    );
  }

  /** Sets a value that `paramError` accepted. A repeatable one is added to those before it. */
  set(name: string, value: string | number): void {
    const param = this.#defs[name];
    if (param?.repeatable === true) {
      const before = this.#set.has(name) ? this.values[name] : [];
      this.values[name] = [...(Array.isArray(before) ? before : []), String(value)];
    } else {
      this.values[name] = value;
    }
    this.#set.add(name);
  }

  isSet(name: string): boolean {
    return this.#set.has(name);
  }

  /** Takes over another store's values, in place: the module keeps seeing the same record. */
  replaceWith(other: ParamStore): void {
    Object.assign(this.values, other.values);
    this.#set.clear();
    for (const name of other.#set) this.#set.add(name);
  }

  copy(): ParamStore {
    const store = new ParamStore({ params: this.#defs });
    store.replaceWith(this);
    return store;
  }

  /** Names whose values differ. */
  differences(other: ParamStore): string[] {
    return Object.keys(this.values).filter((name) => !isSame(this.values[name], other.values[name]));
  }
}

function defaultList(param: ParamDef): readonly string[] {
  return param.default === null ? [] : [String(param.default)];
}

function isSame(a: ParamSetting | undefined, b: ParamSetting | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => value === b[i]);
  return a === b;
}
