import type { Clock, ClockHandle } from './clock.ts';

const MAX_DELAY_MS = 0x7fff_ffff;

class RealHandle {
  readonly brand = 'clock-handle';
  readonly timeout: NodeJS.Timeout;

  constructor(timeout: NodeJS.Timeout) {
    this.timeout = timeout;
  }
}

/** Time of the machine. A scheduled call keeps the process alive until it has run or is unscheduled. */
export class RealClock implements Clock {
  readonly granularityMs = 10;
  /** The time `now()` stands at, -1 when it runs. */
  #heldMs = -1;
  /** The time `heldWall()` stands at, -1 until it is asked for. */
  #heldWallMs = -1;

  now(): number {
    if (this.#heldMs >= 0) return this.#heldMs;
    // Whole milliseconds stay small integers in V8; a fraction would box every due time that is stored.
    return Math.floor(performance.now());
  }

  hold(): void {
    this.#heldMs = -1;
    this.#heldMs = this.now();
    this.#heldWallMs = -1;
  }

  release(): void {
    this.#heldMs = -1;
  }

  micros(): number {
    return performance.now() * 1000;
  }

  wall(): number {
    return Date.now();
  }

  heldWall(): number {
    if (this.#heldMs < 0) return Date.now();
    if (this.#heldWallMs < 0) this.#heldWallMs = Date.now();
    return this.#heldWallMs;
  }

  schedule(delayMs: number, fn: () => void): ClockHandle {
    return new RealHandle(setTimeout(fn, Math.min(delayMs, MAX_DELAY_MS)));
  }

  unschedule(handle: ClockHandle): void {
    if (handle instanceof RealHandle) clearTimeout(handle.timeout);
  }
}
