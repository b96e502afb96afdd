import type { Dest } from './destination.ts';
import { relativeWeights, weightSlots } from './weights.ts';

/** The destinations of one set id, best priority first. Where algorithms stand is kept with them. */
export class DsSet {
  readonly id: number;
  readonly dests: readonly Dest[];
  /** Index that round robin takes next. */
  roundRobin = 0;
  /** Slots of algorithm 9 and where it stands; index by percent. */
  readonly weightSlots: Uint16Array;
  weightAt = 0;
  /** Of algorithm 11; null when states have changed since. */
  #relative: Uint16Array | null = null;
  relativeAt = 0;
  readonly #random: (below: number) => number;

  /** `dests` in the order they were loaded. */
  constructor(id: number, dests: readonly Dest[], random: (below: number) => number) {
    this.id = id;
    this.dests = ordered(dests);
    this.#random = random;
    this.weightSlots = weightSlots(this.dests, random);
  }

  get relativeSlots(): Uint16Array {
    this.#relative ??= relativeWeights(this.dests, this.#random);
    return this.#relative;
  }

  /** The state or the congestion of a destination has changed. */
  stateChanged(): void {
    this.#relative = null;
  }

  /** Takes over where the algorithms stood. */
  continueFrom(old: DsSet): void {
    this.roundRobin = old.roundRobin;
    this.weightAt = old.weightAt;
    this.relativeAt = old.relativeAt;
  }
}

/** By priority, highest first; of equal ones the last loaded first, as Kamailio has them. */
function ordered(dests: readonly Dest[]): Dest[] {
  return dests.toReversed().sort((a, b) => b.priority - a.priority);
}
