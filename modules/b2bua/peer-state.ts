/** Whether a peer answers OPTIONS. `unknown`: it was not asked, or has not answered yet; calls are tried. */
export type PeerStatus = 'unknown' | 'up' | 'down';

/** What probing a peer has found; the same on all workers. */
export interface PeerState {
  readonly status: PeerStatus;
  /** Of its last answer, ms; -1 before. */
  readonly latencyMs: number;
  /** Status of the last answer; 408 where none came, 480 where it is not registered; 0 before. */
  readonly code: number;
  /** Results in a row that speak against `status`. */
  readonly against: number;
  /** When it was asked last, ms of the clock; 0 before. */
  readonly askedMs: number;
}

export const NEW_PEER: PeerState = { status: 'unknown', latencyMs: -1, code: 0, against: 0, askedMs: 0 };

/** One answer, or none, to an OPTIONS. */
export interface ProbeResult {
  readonly isAlive: boolean;
  readonly code: number;
  readonly latencyMs: number;
  readonly askedMs: number;
}

/**
 * The state after a probe. A status changes when `threshold` results in a row speak against it, so that one that flaps
 * stays what it was; of a peer nobody knows yet, the first answer counts.
 */
export function probed(state: PeerState, result: ProbeResult, threshold: number): PeerState {
  const { code, askedMs, isAlive } = result;
  const latencyMs = isAlive ? result.latencyMs : state.latencyMs;
  const known = { latencyMs, code, askedMs };
  if (isAlive === (state.status === 'up') && state.status !== 'unknown') return { ...state, ...known, against: 0 };
  const against = state.against + 1;
  const needed = isAlive && state.status === 'unknown' ? 1 : threshold;
  if (against < needed) return { ...state, ...known, against };
  return { status: isAlive ? 'up' : 'down', ...known, against: 0 };
}
