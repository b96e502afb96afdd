/**
 * Latency of a destination in ms, from its pings: a mean over the long run with its deviation, and an estimate that
 * follows quickly (Kamailio: dispatcher, ds_ping_latency_stats).
 */
export class LatencyStats {
  /** Samples that the mean weighs at most: it then forgets slowly. */
  static readonly MAX_COUNT = 500_000;
  /** Samples after which larger deviations than the usual ones are kept out of the mean. */
  static readonly SETTLED = 500;

  average = 0;
  /** Standard deviation of the mean. */
  deviation = 0;
  estimate = 0;
  max = 0;
  /** Pings that nobody answered. */
  timeouts = 0;
  /** Samples so far, and the sum of their squared distances from the mean. */
  count = 0;
  squares = 0;

  /** Begins with a latency known beforehand; 0 is none. */
  constructor(initialMs = 0) {
    if (initialMs <= 0) return;
    this.average = initialMs;
    this.estimate = initialMs;
    this.max = initialMs;
    this.count = 1;
  }

  /** Ms above the usual: never below 0. */
  get congestionMs(): number {
    return Math.max(0, Math.trunc(this.estimate - this.average));
  }

  /** `alpha` (0-1) is the weight of this sample in the estimate. */
  add(ms: number, alpha: number): void {
    if (ms > this.max) this.max = ms;
    this.estimate = this.estimate === 0 ? ms : this.estimate * (1 - alpha) + ms * alpha;
    if (this.count > LatencyStats.SETTLED && ms > this.average + 3 * this.deviation && this.deviation > 0) {
      // An outlier moves the mean no further than its usual spread.
      this.#learn(this.average + 3 * this.deviation);
    } else this.#learn(ms);
  }

  /** Welford's running mean and variance. */
  #learn(ms: number): void {
    if (this.count < LatencyStats.MAX_COUNT) this.count++;
    const delta = ms - this.average;
    this.average += delta / this.count;
    if (this.count > 1) {
      this.squares +=
        delta * (ms - this.average) - (this.count >= LatencyStats.MAX_COUNT ? this.squares / this.count : 0);
      this.deviation = Math.sqrt(Math.max(0, this.squares) / (this.count - 1));
    }
  }
}
