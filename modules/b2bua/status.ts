import { reasonPhrase, type SipMsg } from 'strowger';

/** A leg that could not be reached. */
export interface Failure {
  readonly code: number;
  /** Null where nobody answered. */
  readonly reply: SipMsg | null;
}

/** Of the 4xx those that say how another attempt would succeed come first (RFC 3261 §16.7 step 6). */
const HELPFUL = [401, 407, 415, 420, 484];

/** What the caller is told when several legs failed: a 6xx, else the lowest class, in it the most helpful. */
export function bestFailure(failures: readonly Failure[]): { code: number; reason: string; reply: SipMsg | null } {
  let best: Failure = failures[0] ?? { code: 480, reply: null };
  for (const failure of failures) if (rank(failure.code) < rank(best.code)) best = failure;
  return { code: best.code, reason: best.reply?.reason ?? reasonOf(best.code), reply: best.reply };
}

function rank(code: number): number {
  if (code >= 600) return 0;
  const helpful = HELPFUL.indexOf(code);
  // 503 would mean this server: it is the last choice of its class, and 408 the last of the 4xx.
  const within = helpful >= 0 ? helpful : code === 408 || code === 503 ? 99 : 50;
  return Math.floor(code / 100) * 100 + within;
}

/** Kamailio's status for a next hop whose name nobody knows. */
const UNRESOLVABLE = 478;

/** The reason phrase of a status that we make ourselves. */
export function reasonOf(code: number): string {
  return (
    (code === UNRESOLVABLE ? 'Unresolvable destination' : reasonPhrase(code)) ??
    (code < 200 ? 'Progress' : code >= 600 ? 'Decline' : code >= 500 ? 'Server Error' : 'Request Failed')
  );
}
