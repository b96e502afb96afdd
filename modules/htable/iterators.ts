import type { Run, StoreValue } from 'strowger';
import type { HashTable } from './table.ts';

/** Iterators that a run may have at a time. */
const MOST = 4;

interface Iterator {
  readonly table: HashTable;
  /** As it was when the iterator was started. */
  readonly keys: readonly string[];
  /** Of the present item; -1 before the first, the length after the last. */
  at: number;
}

/** Key of a run's iterators. */
const LOCALS: object = { name: 'htable-iterators' };

/** The iterators of one run. */
export class Iterators {
  readonly #byName = new Map<string, Iterator>();

  static of(run: Run): Iterators {
    run.locals ??= new Map();
    let found = run.locals.get(LOCALS) as Iterators | undefined;
    if (found === undefined) run.locals.set(LOCALS, (found = new Iterators()));
    return found;
  }

  /** An error text, or null. One of the same name begins anew. */
  start(name: string, table: HashTable): string | null {
    if (!this.#byName.has(name) && this.#byName.size >= MOST) return `there are ${MOST} iterators already`;
    this.#byName.set(name, { table, keys: table.items().map(({ key }) => key), at: -1 });
    return null;
  }

  /** False where there is none of this name. */
  end(name: string): boolean {
    return this.#byName.delete(name);
  }

  /** Goes on to the next item that is still there. Undefined: no such iterator. */
  next(name: string): boolean | undefined {
    const iterator = this.#byName.get(name);
    if (iterator === undefined) return undefined;
    const { keys, table } = iterator;
    while (iterator.at < keys.length) {
      const key = keys[++iterator.at];
      if (key !== undefined && table.find(key) !== undefined) return true;
    }
    return false;
  }

  /** Table and key of the present item; undefined where there is none. */
  current(name: string): { readonly table: HashTable; readonly key: string } | undefined {
    const iterator = this.#byName.get(name);
    const key = iterator?.keys[iterator.at];
    return iterator === undefined || key === undefined ? undefined : { table: iterator.table, key };
  }

  value(name: string): StoreValue | undefined {
    const current = this.current(name);
    return current?.table.find(current.key);
  }
}
