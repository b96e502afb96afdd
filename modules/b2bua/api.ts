import type { Call } from './call.ts';
import type { Calls } from './calls.ts';

export type { Call } from './call.ts';

/** What other modules use of b2bua: `ctx.api<B2buaApi>('b2bua')` (types only: `import type`). */
export interface B2buaApi {
  /** Calls that are there. */
  readonly callCount: number;
  /** Legs, those too that still answer what comes late. */
  readonly legCount: number;
  /** Slots of limits that are taken, over all workers. */
  readonly slotCount: number;
  call(id: string): Call | null;
  /** Every call that is there. */
  calls(): Iterable<Call>;
}

export function b2buaApi(calls: Calls): B2buaApi {
  return {
    get callCount() {
      return calls.size;
    },
    get legCount() {
      return calls.legCount;
    },
    get slotCount() {
      return calls.limits.list().reduce((sum, { count }) => sum + count, 0);
    },
    call: (id) => calls.get(id),
    calls: () => calls,
  };
}
