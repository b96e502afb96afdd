import type { Run } from 'strowger';
import type { HashText } from './hash-keys.ts';
import { hashAuthUser, hashCallId, hashUri } from './hash-keys.ts';
import type { DsSettings } from './params.ts';
import type { DsSet } from './sets.ts';

/** Numbers of the algorithms (Kamailio: dispatcher, ds_select_dst). */
export const ALG = {
  HASH_CALLID: 0,
  HASH_FROM: 1,
  HASH_TO: 2,
  HASH_RURI: 3,
  ROUND_ROBIN: 4,
  HASH_AUTH: 5,
  RANDOM: 6,
  HASH_PVAR: 7,
  PRIORITY: 8,
  WEIGHT: 9,
  CALL_LOAD: 10,
  RELATIVE_WEIGHT: 11,
  PARALLEL: 12,
  LATENCY: 13,
  /** In turn where all have one priority above 0, else by priority. */
  TURN_OR_PRIORITY: 14,
  /** In turn, as far as overload control lets it. */
  OVERLOAD: 64,
} as const;

/** What algorithms work with beside the set. */
export interface AlgorithmParts {
  readonly settings: DsSettings;
  readonly hashText: HashText;
  readonly random: (below: number) => number;
}

/**
 * The index an algorithm points at, before unusable destinations are passed over; -1 where the message lacks what it is
 * to hash. `count` is how many of the set's destinations take part, at least 1.
 */
export function startIndex(alg: number, set: DsSet, run: Run, count: number, parts: AlgorithmParts): number {
  const { msg } = run;
  const { hashesUserOnly } = parts.settings;
  switch (alg) {
    case ALG.ROUND_ROBIN:
    case ALG.OVERLOAD:
      return set.roundRobin % count;
    case ALG.HASH_CALLID:
      return slot(hashCallId(msg), count);
    case ALG.HASH_FROM:
      return slot(hashUri(msg.from?.uri ?? null, hashesUserOnly), count);
    case ALG.HASH_TO:
      return slot(hashUri(msg.to?.uri ?? null, hashesUserOnly), count);
    case ALG.HASH_RURI:
      return slot(hashUri(msg.ruri, hashesUserOnly), count);
    case ALG.HASH_AUTH: {
      const hash = hashAuthUser(msg);
      return hash === null ? set.roundRobin % count : hash % count;
    }
    case ALG.RANDOM:
      return parts.random(count);
    case ALG.HASH_PVAR:
      return slot(parts.hashText.hash(run), count);
    case ALG.WEIGHT: {
      const index = set.weightSlots[set.weightAt] ?? 0;
      set.weightAt = (set.weightAt + 1) % set.weightSlots.length;
      return index % count;
    }
    case ALG.RELATIVE_WEIGHT: {
      const slots = set.relativeSlots;
      const index = slots[set.relativeAt] ?? 0;
      set.relativeAt = (set.relativeAt + 1) % slots.length;
      return index % count;
    }
    default:
      return 0;
  }
}

/** Does the round robin of a set go on behind what was selected? */
export function movesRoundRobin(alg: number, run: Run): boolean {
  if (alg === ALG.OVERLOAD) return true;
  return alg === ALG.ROUND_ROBIN || alg === ALG.LATENCY || (alg === ALG.HASH_AUTH && hashAuthUser(run.msg) === null);
}

/** The algorithm that 14 comes to in this set. */
export function turnOrPriority({ dests }: DsSet): number {
  const priority = dests[0]?.priority ?? 0;
  return priority > 0 && dests.every((dest) => dest.priority === priority) ? ALG.ROUND_ROBIN : ALG.PRIORITY;
}

const KNOWN: ReadonlySet<number> = new Set(Object.values(ALG));

export function isAlgorithm(alg: number): boolean {
  return KNOWN.has(alg);
}

function slot(hash: number | null, count: number): number {
  return hash === null ? -1 : hash % count;
}

/**
 * Order of the destinations for algorithm 13: by priority lowered by one for each time the latency holds the priority
 * (with cc=1: the congestion). Those of the highest take turns at the front.
 */
export function latencyOrder(set: DsSet, count: number): number[] {
  const order: { readonly index: number; readonly priority: number }[] = [];
  for (let index = 0; index < count; index++) {
    const dest = set.dests[index];
    if (dest?.isUsable !== true) continue;
    const ms = dest.attrs.hasCongestionControl ? dest.latency.congestionMs : dest.latency.estimate;
    const lost = dest.priority > 0 ? Math.trunc(ms / dest.priority) : 0;
    order.push({ index, priority: dest.priority - lost });
  }
  order.sort((a, b) => b.priority - a.priority);
  const best = order[0]?.priority;
  const front = order.filter(({ priority }) => priority === best);
  const turn = Math.max(
    0,
    front.findIndex(({ index }) => index >= set.roundRobin),
  );
  return [...front.slice(turn), ...front.slice(0, turn), ...order.slice(front.length)].map(({ index }) => index);
}
