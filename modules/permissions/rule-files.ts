import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from 'strowger';
import { matchesRule, parseRules, type Rule } from './rule-file.ts';

/** What is allowed and what is denied: two files. One that is not there is empty. */
export interface RulePair {
  readonly allow: readonly Rule[];
  readonly deny: readonly Rule[];
}

/** Each pair must be in the one file, or else not in the other. */
export function isAllowed(
  { allow, deny }: RulePair,
  pairs: readonly (readonly [left: string, right: string])[],
): boolean {
  return pairs.every(([left, right]) => matchesRule(allow, left, right) || !matchesRule(deny, left, right));
}

/** The files that the script names, read when it is compiled. */
export class RuleFiles {
  readonly #folder: string;
  readonly #log: Log;
  readonly #files = new Map<string, readonly Rule[]>();

  /** Names without a folder are in `folder`. */
  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Reads a file, anew when it is known. */
  load(name: string): void {
    const path = this.#path(name);
    let text = '';
    try {
      text = readFileSync(path, 'latin1');
    } catch {
      this.#log.info(`${path} can not be read: it is taken as empty`);
    }
    const { rules, remarks } = parseRules(text);
    for (const remark of remarks) this.#log.error(`${path}: ${remark}`);
    this.#files.set(path, rules);
  }

  /** Null where it was not loaded. */
  get(name: string): readonly Rule[] | null {
    return this.#files.get(this.#path(name)) ?? null;
  }

  /** As `get`, but one that no check has seen is read now. */
  need(name: string): readonly Rule[] {
    if (this.get(name) === null) this.load(name);
    return this.get(name) ?? [];
  }

  #path(name: string): string {
    return name.includes('/') ? name : join(this.#folder, name);
  }
}
