import { CfgGroups } from './groups.ts';

/**
 * Values of the core parameters of one server, by Kamailio's name; typed getters because they are read on the hot path
 * through fields copied at start. Runtime-settable ones change by `cfg.set_now_*`.
 */
export class Settings {
  readonly #values: Map<string, string | number | readonly (string | number)[]>;
  readonly #listeners = new Map<string, ((value: string | number) => void)[]>();
  /** Values of custom `group.name` variables; declare them in `groups`. */
  readonly custom = new Map<string, Map<string, string | number>>();
  /** The cfg framework: these settings, modules' runtime parameters and the custom variables, by group. */
  readonly groups = new CfgGroups(this.custom);

  constructor(values: Iterable<readonly [string, string | number | readonly (string | number)[]]> = []) {
    this.#values = new Map(values);
  }

  int(name: string): number {
    const value = this.#values.get(name);
    return typeof value === 'number'
      ? value
      : value === undefined
        ? 0
        : Number(Array.isArray(value) ? value[0] : value) || 0;
  }

  bool(name: string): boolean {
    return this.int(name) !== 0;
  }

  str(name: string): string {
    const value = this.#values.get(name);
    return value === undefined ? '' : String(Array.isArray(value) ? value[0] : value);
  }

  list(name: string): readonly string[] {
    const value = this.#values.get(name);
    return value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)];
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** Sets a value and tells those who asked to know. */
  set(name: string, value: string | number): void {
    this.#values.set(name, value);
    for (const fn of this.#listeners.get(name) ?? []) fn(value);
  }

  names(): string[] {
    return [...this.#values.keys()];
  }

  /** Calls `fn` now and after each change. */
  watch(name: string, fn: (value: string | number) => void): void {
    const list = this.#listeners.get(name);
    if (list === undefined) this.#listeners.set(name, [fn]);
    else list.push(fn);
    const value = this.#values.get(name);
    if (typeof value === 'string' || typeof value === 'number') fn(value);
  }
}
