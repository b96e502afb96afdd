/** Samples that the mean counts at most: beyond them it forgets slowly. */
const MAX_COUNT = 500_000;
/** Samples for which the estimate is the mean. */
const FIRST_SAMPLES = 10;
/** How many samples a latency given beforehand stands for. */
const INITIAL_COUNT = 10_000;

/**
 * Latency of a destination in ms, from its pings: the mean over the long run with its deviation, and an estimate that
 * follows quickly (Kamailio: dispatcher, ds_ping_latency_stats). Workers hand each other these fields.
 */
export class LatencyStats {
  average = 0;
  /** Standard deviation. */
  deviation = 0;
  estimate = 0;
  max = 0;
  /** Pings that nobody answered. */
  timeouts = 0;
  count = 0;
  /** Sum of the samples' squared distances from the mean. */
  squares = 0;

  /** Begins with a latency known beforehand; 0 is none. */
  constructor(initialMs = 0) {
    if (initialMs <= 0) return;
    this.average = initialMs;
    this.estimate = initialMs;
    this.max = initialMs;
    this.count = INITIAL_COUNT;
  }

  /** Ms above the usual: never below 0. */
  get congestionMs(): number {
    return Math.max(0, Math.trunc(this.estimate - this.average));
  }

  /** `alpha` (0-1) is how much of the estimate so far stays. */
  add(ms: number, alpha: number): void {
    if (ms > this.max) this.max = ms;
    this.#learn(ms);
    this.estimate = this.count <= FIRST_SAMPLES ? this.average : this.estimate * alpha + ms * (1 - alpha);
  }

  /** The running mean and variance (B. P. Welford, Technometrics 4/3, 1962). */
  #learn(ms: number): void {
    if (this.count < MAX_COUNT) this.count++;
    else this.squares -= this.squares / this.count;
    const delta = ms - this.average;
    this.average += delta / this.count;
    if (this.count < 2) return;
    this.squares += delta * (ms - this.average);
    this.deviation = Math.sqrt(this.squares / (this.count - 1));
  }
}
