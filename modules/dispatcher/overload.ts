/** Selections that one round of a rate is spread over. */
const ROUND = 100;
/** How long a rate holds where nothing else is said, ms (RFC 7339 §4.3). */
const DEFAULT_VALIDITY_MS = 500;

/** Bounds of a destination's rate, from its attributes, percent. */
export interface OverloadBounds {
  readonly min: number;
  readonly max: number;
}

/** Overload control of one destination (RFC 7339): how many of a hundred selections pass it over, and until when. */
export class OverloadControl {
  /** Percent. */
  rate = 0;
  /** Number of the report that the rate came with. */
  seq = 0;
  /** When the rate ends, ms since 1970; 0 before the first one. */
  untilMs = 0;
  /** For each selection of a round: 1 passes the destination over. */
  readonly #skips = new Uint8Array(ROUND);
  #at = 0;

  /**
   * Takes a report; false for one that is not newer than a report that still holds. `validityMs` of 0 or less is 500.
   */
  report(
    rate: number,
    validityMs: number,
    seq: number,
    bounds: OverloadBounds,
    now: number,
    random: (below: number) => number,
  ): boolean {
    if (now < this.untilMs && seq <= this.seq) return false;
    this.rate = Math.max(bounds.min, Math.min(bounds.max, rate));
    this.seq = seq;
    this.untilMs = now + (validityMs > 0 ? validityMs : DEFAULT_VALIDITY_MS);
    this.#skips.fill(1, 0, this.rate).fill(0, this.rate);
    this.#shuffle(random);
    return true;
  }

  /** Is this selection to pass the destination over? Counts it. */
  skips(now: number): boolean {
    if (now >= this.untilMs || this.rate === 0) return false;
    const skip = this.#skips[this.#at] === 1;
    this.#at = (this.#at + 1) % ROUND;
    return skip;
  }

  #shuffle(random: (below: number) => number): void {
    const skips = this.#skips;
    for (let i = ROUND - 1; i > 0; i--) {
      const k = random(i + 1);
      const kept = skips[i] as number;
      skips[i] = skips[k] as number;
      skips[k] = kept;
    }
    this.#at = 0;
  }
}
