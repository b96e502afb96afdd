/**
 * Where time comes from. Nothing but the two clocks calls `Date.now`, `performance.now`, `setTimeout` or
 * `setInterval` (the linter says so), so that a whole server runs on virtual time in a test.
 */
export interface Clock {
  /** Monotonic whole milliseconds; the origin means nothing. */
  now(): number;
  /** Wall time in milliseconds since 1970. It may jump. */
  wall(): number;
  /** Calls `fn` once, `delayMs` (0 … 2^31-1) from now or as soon after as it can. Returns what `unschedule` takes. */
  schedule(delayMs: number, fn: () => void): ClockHandle;
  /** Monotonic microseconds, for measuring; absent where time is no finer than `now()`. */
  micros?(): number;
  /** Harmless when the handle has run or was unscheduled before. */
  unschedule(handle: ClockHandle): void;
  /**
   * `now()` may stand still from here to `release()`: for the length of one batch of datagrams or one run of timers,
   * within which reading the system's clock again and again costs more than it tells.
   */
  hold?(): void;
  release?(): void;
  /** `wall()`, which stands still while `now()` does: for what counts in seconds, such as the age of a contact. */
  heldWall?(): number;
  /**
   * `work` goes on outside this clock's time (a thread): a virtual clock stands still until it has settled, lest hours
   * pass in the meantime. Absent on the real one.
   */
  standStill?(work: Promise<unknown>): void;
  /** How far timers may be put off to share a wakeup, in milliseconds; 1 (exact) where absent. */
  readonly granularityMs?: number;
}

/** The finest time a clock has, in microseconds. */
export function microsOf(clock: Clock): number {
  return clock.micros?.() ?? clock.now() * 1000;
}

export type ClockHandle = { readonly brand?: 'clock-handle' } | number;

/** Randomness is injected like time: cryptographic in production, seeded in tests. */
export interface Random {
  /** An integer of 32 random bits, 0 … 2^32-1. */
  uint32(): number;
  /** An integer 0 … below-1; `below` is 1 … 2^32. */
  int(below: number): number;
  /** `length` characters of [0-9a-z]. */
  token(length: number): string;
  bytes(length: number): Uint8Array;
}
