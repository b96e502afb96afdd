/**
 * The cfg framework: values in groups that may change while the server runs, reached by `cfg.*` RPC, `@cfg_get.group.name`
 * and `cfg_select()`. Groups are `core`, `tcp`, those of modules with runtime parameters, and a script's own
 * (`group.name = value`). A group may have numbered instances, whose values stand in front of the group's.
 */
export type CfgValue = string | number;

export interface CfgVar {
  readonly name: string;
  readonly type: 'int' | 'string';
  /** Null where the script gives no description. */
  readonly doc: string | null;
  /** May be read, never set. */
  readonly isReadOnly?: boolean;
  /** An error text for a value of the right type that can not be taken, or null. */
  readonly check?: (value: CfgValue) => string | null;
}

/** Where the values of a group live. */
export interface CfgStore {
  get(name: string): CfgValue | undefined;
  /** Takes a checked value. An error text, or null. */
  set(name: string, value: CfgValue): string | null;
}

/** One change that waits for `commit`. A null value takes an instance's own value away. */
export interface CfgChange {
  readonly group: string;
  readonly id: number | null;
  readonly name: string;
  readonly value: CfgValue | null;
}

interface CfgGroup {
  readonly vars: Map<string, CfgVar>;
  readonly store: CfgStore;
  readonly isCustom: boolean;
  /** What `cfg.reset` goes back to. */
  readonly initial: Map<string, CfgValue>;
  readonly instances: Map<number, Map<string, CfgValue>>;
}

/** Instances one group may have; more are refused. */
const MAX_INSTANCES = 10_000;
const MAX_CHANGES = 10_000;

export class CfgGroups {
  readonly #groups = new Map<string, CfgGroup>();
  readonly #custom: Map<string, Map<string, CfgValue>>;
  #changes: CfgChange[] = [];

  /** `custom` holds the values of the script's own groups. */
  constructor(custom: Map<string, Map<string, CfgValue>> = new Map()) {
    this.#custom = custom;
  }

  /** Declares a group of the core or a module; a second time with the same name replaces it. */
  declare(name: string, vars: readonly CfgVar[], store: CfgStore): void {
    const initial = new Map<string, CfgValue>();
    for (const item of vars) {
      const value = store.get(item.name);
      if (value !== undefined) initial.set(item.name, value);
    }
    this.#groups.set(name, {
      vars: new Map(vars.map((item) => [item.name, item])),
      store,
      isCustom: false,
      initial,
      instances: this.#groups.get(name)?.instances ?? new Map(),
    });
  }

  /** Takes a group back (its module is gone). */
  undeclare(name: string): void {
    this.#groups.delete(name);
  }

  /**
   * Declares `group.name = value` or `group[id].name = value` of a script. The first gives the variable its type.
   * An error text, or null.
   */
  declareCustom(group: string, id: number | null, name: string, value: CfgValue, doc: string | null): string | null {
    const found = this.#groups.get(group) ?? this.#newCustom(group);
    if (id !== null) return this.#declareInstanceValue(group, found, id, name, value);
    if (!found.isCustom) return `the group "${group}" belongs to the core or a module`;
    if (found.vars.has(name)) return `${group}.${name} is defined twice`;
    found.vars.set(name, { name, type: typeof value === 'number' ? 'int' : 'string', doc });
    found.store.set(name, value);
    found.initial.set(name, value);
    return null;
  }

  /** Forgets the script's own groups, before a reload declares the new script's. */
  clearCustom(): void {
    for (const [name, group] of this.#groups) if (group.isCustom) this.#groups.delete(name);
    this.#custom.clear();
  }

  names(): string[] {
    return [...this.#groups.keys()];
  }

  vars(group: string): CfgVar[] {
    return [...(this.#groups.get(group)?.vars.values() ?? [])];
  }

  find(group: string, name: string): CfgVar | undefined {
    return this.#groups.get(group)?.vars.get(name);
  }

  hasInstance(group: string, id: number): boolean {
    return this.#groups.get(group)?.instances.has(id) === true;
  }

  /** The value in an instance, else in the group; undefined when there is no such group, instance or variable. */
  get(group: string, id: number | null, name: string): CfgValue | undefined {
    const found = this.#groups.get(group);
    if (found === undefined || !found.vars.has(name)) return undefined;
    if (id === null) return found.store.get(name);
    const instance = found.instances.get(id);
    return instance === undefined ? undefined : (instance.get(name) ?? found.store.get(name));
  }

  /** Sets at once. An error text, or null. */
  set(group: string, id: number | null, name: string, value: CfgValue): string | null {
    const found = this.#groups.get(group);
    const variable = found?.vars.get(name);
    if (found === undefined || variable === undefined) return `there is no ${group}.${name}`;
    const converted = convert(variable, value);
    if (converted === null) return `${group}.${name} is a number`;
    if (variable.isReadOnly === true) return `${group}.${name} can not change while running`;
    const refused = variable.check?.(converted) ?? null;
    if (refused !== null) return `${group}.${name}: ${refused}`;
    if (id === null) return found.store.set(name, converted);
    const instance = found.instances.get(id);
    if (instance === undefined) return `there is no ${group}[${id}]`;
    instance.set(name, converted);
    return null;
  }

  /** Takes an instance's own value away, so that the group's shows. An error text, or null. */
  unset(group: string, id: number, name: string): string | null {
    const instance = this.#groups.get(group)?.instances.get(id);
    if (instance === undefined || this.find(group, name) === undefined) return `there is no ${group}[${id}].${name}`;
    instance.delete(name);
    return null;
  }

  /** Puts every variable of a group back to its value at the start; instances are left. An error text, or null. */
  reset(group: string): string | null {
    const found = this.#groups.get(group);
    if (found === undefined) return `there is no group ${group}`;
    for (const [name, value] of found.initial) {
      if (found.vars.get(name)?.isReadOnly !== true) found.store.set(name, value);
    }
    return null;
  }

  /** False when there is no such group, or it has too many. */
  addInstance(group: string, id: number): boolean {
    const instances = this.#groups.get(group)?.instances;
    if (instances === undefined) return false;
    if (instances.has(id)) return true;
    if (instances.size >= MAX_INSTANCES) return false;
    instances.set(id, new Map());
    return true;
  }

  removeInstance(group: string, id: number): boolean {
    return this.#groups.get(group)?.instances.delete(id) === true;
  }

  // ---- delayed changes

  /** Checks a change and keeps it for `commit`. An error text, or null. */
  delay(change: CfgChange): string | null {
    const variable = this.find(change.group, change.name);
    if (variable === undefined) return `there is no ${change.group}.${change.name}`;
    if (change.id !== null && !this.hasInstance(change.group, change.id)) {
      return `there is no ${change.group}[${change.id}]`;
    }
    if (this.#changes.length >= MAX_CHANGES) return 'too many changes are waiting';
    if (change.value !== null) {
      const converted = convert(variable, change.value);
      if (converted === null) return `${change.group}.${change.name} is a number`;
      const refused = variable.isReadOnly === true ? 'it can not change' : (variable.check?.(converted) ?? null);
      if (refused !== null) return `${change.group}.${change.name}: ${refused}`;
    }
    this.#changes.push(change);
    return null;
  }

  /** Applies what waits, in order. The texts of those that could not be applied after all. */
  commit(): string[] {
    const changes = this.#changes;
    this.#changes = [];
    return changes.flatMap(({ group, id, name, value }) => {
      const error =
        value !== null ? this.set(group, id, name, value) : id === null ? null : this.unset(group, id, name);
      return error === null ? [] : [error];
    });
  }

  rollback(): void {
    this.#changes = [];
  }

  waiting(): readonly CfgChange[] {
    return this.#changes;
  }

  #newCustom(name: string): CfgGroup {
    const values = new Map<string, CfgValue>();
    this.#custom.set(name, values);
    const group: CfgGroup = {
      vars: new Map(),
      store: {
        get: (key) => values.get(key),
        set: (key, value) => {
          values.set(key, value);
          return null;
        },
      },
      isCustom: true,
      initial: new Map(),
      instances: new Map(),
    };
    this.#groups.set(name, group);
    return group;
  }

  /** An instance may be written before the variable itself is declared, so it can be checked only when it is known. */
  #declareInstanceValue(name: string, group: CfgGroup, id: number, key: string, value: CfgValue): string | null {
    if (!this.addInstance(name, id)) return `the group "${name}" has too many instances`;
    if (group.vars.has(key)) return this.set(name, id, key, value);
    group.instances.get(id)?.set(key, value);
    return null;
  }
}

/** A number for a number, text for text; a number written as text counts. Null when it does not fit. */
function convert(variable: CfgVar, value: CfgValue): CfgValue | null {
  if (variable.type === 'string') return String(value);
  if (typeof value === 'number') return value;
  return /^[-+]?\d{1,10}$/.test(value) ? Number(value) : null;
}

/** `group[3]` as its parts; null when the text has another form. Without brackets the id is null. */
export function parseGroupName(text: string): { readonly group: string; readonly id: number | null } | null {
  const match = /^([^[\]]+)(?:\[(\d{1,10})\])?$/.exec(text);
  if (match?.[1] === undefined) return null;
  return { group: match[1], id: match[2] === undefined ? null : Number(match[2]) };
}
