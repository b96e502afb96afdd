import type { PvValue } from 'strowger';

/** Texts of `$uac_req(…)`. */
const TEXTS = [
  'method',
  'ruri',
  'furi',
  'turi',
  'ouri',
  'sock',
  'callid',
  'hdrs',
  'body',
  'auser',
  'apasswd',
  'evparam',
] as const;
/** Numbers of `$uac_req(…)`; the last two are set by the server. */
const NUMBERS = ['flags', 'evroute', 'evcode', 'evtype'] as const;
const READ_ONLY: ReadonlySet<string> = new Set(['evcode', 'evtype']);

type TextName = (typeof TEXTS)[number];
type NumberName = (typeof NUMBERS)[number];
export type FieldName = TextName | NumberName | 'all';

const NAMES: ReadonlySet<string> = new Set([...TEXTS, ...NUMBERS, 'all']);
export const FIELD_NAMES: readonly string[] = [...NAMES];

export function isFieldName(name: string | null): name is FieldName {
  return name !== null && NAMES.has(name);
}

/** What a script says of a request that it is going to send. */
export class RequestFields {
  readonly #texts = new Map<string, string>();
  readonly #numbers = new Map<string, number>();

  /** '' where it is not set. */
  text(name: TextName): string {
    return this.#texts.get(name) ?? '';
  }

  number(name: NumberName): number {
    return this.#numbers.get(name) ?? 0;
  }

  /** As the script reads it: null for a text that is not set. `all` shows the flags, as Kamailio's does. */
  get(name: FieldName): PvValue {
    if (name === 'all') return this.number('flags');
    return isNumber(name) ? this.number(name) : (this.#texts.get(name) ?? null);
  }

  /** False for a value of the wrong type. Null clears; `all` clears everything. */
  set(name: FieldName, value: PvValue): boolean {
    if (name === 'all') {
      this.#texts.clear();
      this.#numbers.clear();
      return true;
    }
    if (isNumber(name)) {
      if (READ_ONLY.has(name) || typeof value === 'string') return false;
      this.#numbers.set(name, value ?? 0);
      return true;
    }
    if (typeof value === 'number') return false;
    if (value === null) this.#texts.delete(name);
    else this.#texts.set(name, value);
    return true;
  }

  setEvent(code: number, type: number): void {
    this.#numbers.set('evcode', code);
    this.#numbers.set('evtype', type);
  }

  copy(): RequestFields {
    const copy = new RequestFields();
    for (const [name, value] of this.#texts) copy.#texts.set(name, value);
    for (const [name, value] of this.#numbers) copy.#numbers.set(name, value);
    return copy;
  }
}

function isNumber(name: FieldName): name is NumberName {
  return (NUMBERS as readonly string[]).includes(name);
}
