import { HDR } from 'strowger';
import type { ClientBranch } from './branch.ts';

/**
 * Rank of a final status among branches, smaller is better (RFC 3261 §16.7 step 6, with Kamailio's order within a class):
 * 6xx, then the lowest class, within 4xx first what the caller can do something about, else the lower number.
 */
export function rankOf(status: number): number {
  const kind = Math.floor(status / 100);
  const rest = status % 100;
  switch (kind) {
    case 6:
      return 1000 + rest;
    case 3:
      return 3000 + rest;
    case 4:
      return (HELPFUL_4XX.has(status) ? 4000 : 4100) + rest;
    case 5:
      return 5000 + rest;
    default:
      return 10_000 + status;
  }
}

const HELPFUL_4XX = new Set([401, 407, 415, 420, 484]);

/** The branch with the best final reply; null when none has one. Made-up replies get `fakedPrio` on top. */
export function bestBranch(branches: readonly ClientBranch[], fakedPrio: number): ClientBranch | null {
  let best: ClientBranch | null = null;
  let bestRank = Number.POSITIVE_INFINITY;
  for (const branch of branches) {
    if (branch.isDropped || !branch.isSettled || branch.status < 200) continue;
    const rank = rankOf(branch.status) + (branch.reply === null ? fakedPrio : 0);
    if (rank < bestRank) {
      best = branch;
      bestRank = rank;
    }
  }
  return best;
}

/** The challenges of all branches but `winner`, as header rows (RFC 3261 §16.7 step 7). */
export function otherChallenges(branches: readonly ClientBranch[], winner: ClientBranch): string {
  let rows = '';
  for (const branch of branches) {
    const { reply } = branch;
    if (branch === winner || branch.isDropped || reply === null) continue;
    if (branch.status !== 401 && branch.status !== 407) continue;
    for (let row = 0; row < reply.hdrCount; row++) {
      const kind = reply.hdrKind(row);
      if (kind === HDR.WWWAUTHENTICATE || kind === HDR.PROXYAUTHENTICATE)
        rows += reply.buf.slice(reply.hdrStart(row), reply.hdrEnd(row));
    }
  }
  return rows;
}
