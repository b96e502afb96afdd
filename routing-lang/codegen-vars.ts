import type { VarSlot } from '../core/pv/spec.ts';
import type { StaticType } from './bound.ts';

/**
 * What is known of variables at one place of a route: those of which a local of the function has the value, by slot, and
 * what it is. Null where the route can not come to.
 */
export type Known = Map<number, StaticType> | null;

/** What is known where two ways meet. */
export function meet(a: Known, b: Known): Known {
  if (a === null || b === null) return a ?? b;
  const both = new Map<number, StaticType>();
  for (const [slot, type] of a) {
    const other = b.get(slot);
    if (other !== undefined) both.set(slot, type === other ? type : 'any');
  }
  return both;
}

/**
 * Reads and writes of `$var(x)` in the code of one route. Every write goes to the slot of the run (`v[3]`), where commands
 * find it, and to a local (`v3`), which is read as long as nothing that is called can have written the slot: the JIT
 * keeps it in a register and knows what type it has.
 */
export class RouteVars {
  /** At the place being generated. */
  known: Known = new Map();
  /** Slots with a local. */
  readonly locals = new Set<number>();
  isUsed = false;
  readonly #keepsLocals: boolean;

  /** `keepsLocals`: false where variables may change at any step. */
  constructor(keepsLocals: boolean) {
    this.#keepsLocals = keepsLocals;
  }

  /** A copy of what is known, to come back to. */
  fork(): Known {
    return this.known === null ? null : new Map(this.known);
  }

  read({ index, initial }: VarSlot): string {
    if (this.known?.has(index) === true) return `v${index}`;
    this.isUsed = true;
    return `(v[${index}] ?? ${JSON.stringify(initial)})`;
  }

  type({ index }: VarSlot): StaticType {
    return this.known?.get(index) ?? 'any';
  }

  write({ index }: VarSlot, value: string, type: StaticType): string {
    this.isUsed = true;
    if (!this.#keepsLocals || this.known === null) return `v[${index}] = ${value}`;
    this.known.set(index, type);
    this.locals.add(index);
    return `v[${index}] = v${index} = ${value}`;
  }

  /** Something was called that may have written any variable. */
  forget(): void {
    this.known?.clear();
  }

  /** The route does not go on here. */
  leave(): void {
    this.known = null;
  }

  /** At the head of a loop that assigns these, and calls nothing: a type holds if all that is assigned has it. */
  enterLoop<T>(
    assigned: readonly { readonly slot: VarSlot; readonly value: T }[],
    typeOf: (value: T) => StaticType,
  ): void {
    const { known } = this;
    if (known === null) return;
    for (let round = 0, isChanged = true; isChanged; round++) {
      isChanged = false;
      for (const { slot, value } of assigned) {
        const type = known.get(slot.index) ?? 'any';
        if (type === 'any' || (round < MAX_ROUNDS && typeOf(value) === type)) continue;
        known.set(slot.index, 'any');
        isChanged = true;
      }
    }
  }
}

/** Rounds in which types of one variable are found from those of others. */
const MAX_ROUNDS = 4;
