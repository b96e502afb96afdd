import type { Dest } from './destination.ts';

/** Slots in the arrays that spread calls by weight: one for each percent. */
const SLOTS = 100;

/**
 * Indexes of destinations for algorithm 9: each has as many slots as its weight says, until all are taken; what is left
 * is the last one's. Where the first has no weight all slots are its own.
 */
export function weightSlots(dests: readonly Dest[], random: (below: number) => number): Uint16Array {
  const slots = new Uint16Array(SLOTS);
  if ((dests[0]?.attrs.weight ?? 0) === 0) return slots;
  let filled = 0;
  for (const [index, dest] of dests.entries()) {
    const end = Math.min(SLOTS, filled + dest.attrs.weight);
    slots.fill(index, filled, end);
    filled = end;
  }
  slots.fill(dests.length - 1, filled);
  return shuffled(slots, random);
}

/**
 * Indexes for algorithm 11: shares in proportion to rweight among the destinations that are usable. With cc=1 the
 * rweight sinks by one for each ms of congestion; a destination whose congestion has reached its weight gets nothing,
 * and where all have, shares are by the ratio of their congestion, the least congested getting most.
 */
export function relativeWeights(dests: readonly Dest[], random: (below: number) => number): Uint16Array {
  const slots = new Uint16Array(SLOTS);
  const usable = dests
    .map((dest, index) => ({ dest, index }))
    .filter(({ dest }) => dest.isUsable && dest.attrs.rweight > 0);
  let shares = usable.map(({ dest }) => effectiveWeight(dest));
  let total = sum(shares);
  if (total === 0) {
    shares = usable.map(({ dest }) => 1 / Math.max(1, congestionOf(dest)));
    total = sum(shares);
  }
  if (total === 0) return slots;
  let filled = 0;
  let last = 0;
  usable.forEach(({ index }, i) => {
    const end = Math.min(SLOTS, filled + Math.trunc(((shares[i] ?? 0) * SLOTS) / total));
    slots.fill(index, filled, end);
    filled = end;
    last = index;
  });
  slots.fill(last, filled);
  return shuffled(slots, random);
}

function congestionOf(dest: Dest): number {
  return dest.attrs.hasCongestionControl ? dest.latency.congestionMs : 0;
}

function effectiveWeight(dest: Dest): number {
  const congestion = congestionOf(dest);
  if (congestion === 0) return dest.attrs.rweight;
  if (dest.attrs.weight > 0 && congestion >= dest.attrs.weight) return 0;
  return Math.max(0, dest.attrs.rweight - congestion);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Fisher-Yates, so that calls alternate rather than come in blocks. */
function shuffled(slots: Uint16Array, random: (below: number) => number): Uint16Array {
  for (let i = slots.length - 1; i > 0; i--) {
    const j = random(i + 1);
    const kept = slots[i] ?? 0;
    slots[i] = slots[j] ?? 0;
    slots[j] = kept;
  }
  return slots;
}
