import type { Run, SipMsg } from 'strowger';

/** What other modules use of rr: `ctx.api<RrApi>('rr')` (types only: `import type`). */
export interface RrApi {
  addParam(run: Run, text: string): number;
  recordRoute(run: Run, params: string): number;
  /** Value of a parameter of our Route; null when absent. */
  routeParam(msg: SipMsg, name: string): string | null;
  isDirection(run: Run, direction: string): number;
  /** Calls `fn` after each loose_route() that found a Route of ours; `params` are those of its URI, with the first `;`. */
  onRouted(fn: (run: Run, params: string) => void): void;
}
