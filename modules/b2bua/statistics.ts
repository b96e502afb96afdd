import type { Counter, ModuleContext, StatDef } from 'strowger';
import type { Calls } from './calls.ts';

/** Upper ends of the histogram of post-dial delays, in ms; what takes longer is counted behind them. */
const PDD_BUCKETS_MS: readonly number[] = [100, 250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000];

/** Counters of the module, by name. */
const COUNTERS = {
  calls: 'Calls that began.',
  answered: 'Calls that were answered.',
  setup_fail: 'Calls that ended without an answer.',
  transfers: 'Transfers that were done.',
  transfers_failed: 'Transfers that failed.',
  timer_expired: 'Calls ended because a session was not refreshed (RFC 4028).',
  rtp_timeouts: 'Calls ended because their media stopped.',
  glare: 'INVITEs in a dialog that crossed another (491).',
  limit_rejects: 'Calls and legs beyond a limit.',
  moved_calls: 'Calls of another worker that went on in this one.',
  cdrs_lost: 'CDRs that could not be written.',
} as const;
type CounterName = keyof typeof COUNTERS;

export const B2BUA_STATISTICS: Readonly<Record<string, StatDef<Calls>>> = {
  active_calls: { doc: 'Calls now.', get: (calls) => calls.size },
  active_legs: { doc: 'Legs now, those too that still answer what comes late.', get: (calls) => calls.legCount },
  ...Object.fromEntries(Object.entries(COUNTERS).map(([name, doc]) => [name, { doc }])),
};

/** What a call was, for counting it when it ends. */
export interface CallOutcome {
  readonly isAnswered: boolean;
  /** Status of the refusal; 0 where there was none. */
  readonly status: number;
  readonly cause: string;
}

/** Counts of a server's calls. */
export class B2buaStats {
  readonly #counters: Readonly<Record<CounterName, Counter>>;
  /** Calls that failed, by status. */
  readonly #failures = new Map<number, number>();
  readonly #pdd: number[] = Array.from(PDD_BUCKETS_MS, () => 0).concat(0);
  #pddSumMs = 0;

  constructor(ctx: ModuleContext) {
    const names = Object.keys(COUNTERS) as CounterName[];
    this.#counters = Object.fromEntries(names.map((name) => [name, ctx.counter(name)])) as Record<CounterName, Counter>;
  }

  count(name: CounterName): void {
    this.#counters[name].inc();
  }

  ended({ isAnswered, status, cause }: CallOutcome): void {
    if (cause === 'session timer') this.count('timer_expired');
    if (cause === 'rtp-timeout') this.count('rtp_timeouts');
    if (isAnswered) return this.count('answered');
    this.count('setup_fail');
    this.#failures.set(status, (this.#failures.get(status) ?? 0) + 1);
  }

  /** From the caller's INVITE to the first it heard of the callee. */
  postDialDelay(ms: number): void {
    const at = PDD_BUCKETS_MS.findIndex((limit) => ms <= limit);
    const bucket = at < 0 ? PDD_BUCKETS_MS.length : at;
    this.#pdd[bucket] = (this.#pdd[bucket] ?? 0) + 1;
    this.#pddSumMs += ms;
  }

  /** What this worker has counted beside the statistics: failures by status, the histogram. */
  own(): { failures: Record<string, number>; pdd: Record<string, number>; pddCount: number; pddSumMs: number } {
    const names = [...PDD_BUCKETS_MS.map((ms) => `le_${ms}`), 'more'];
    return {
      failures: Object.fromEntries([...this.#failures].sort(([a], [b]) => a - b).map(([code, n]) => [`${code}`, n])),
      pdd: Object.fromEntries(names.map((name, i) => [name, this.#pdd[i] ?? 0])),
      pddCount: this.#pdd.reduce((sum, n) => sum + n, 0),
      pddSumMs: this.#pddSumMs,
    };
  }
}
