import type { Clock, ClockHandle } from './clock.ts';

/** One scheduled call. `fn` is null once it has run or was unscheduled. */
class VirtualEvent {
  readonly brand = 'clock-handle';
  readonly dueMs: number;
  readonly seq: number;
  fn: (() => void) | null;

  constructor(dueMs: number, seq: number, fn: () => void) {
    this.dueMs = dueMs;
    this.seq = seq;
    this.fn = fn;
  }
}

function isBefore(a: VirtualEvent, b: VirtualEvent): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.seq < b.seq);
}

/**
 * Time that passes only when a test says so. Calls run in order of due time, then of scheduling, each at exactly its
 * due time. The asynchronous forms let every pending promise settle before the next event.
 */
export class VirtualClock implements Clock {
  readonly granularityMs = 1;
  #nowMs = 0;
  #wallOffsetMs: number;
  #seq = 0;
  #isRunning = false;
  /** A binary heap; unscheduled events stay in it until they come up. */
  readonly #heap: VirtualEvent[] = [];
  #live = 0;
  /** What goes on outside virtual time; the asynchronous forms wait for it. */
  readonly #outside = new Set<Promise<unknown>>();

  /** `wallMs` is the wall time at virtual time 0. */
  constructor(wallMs = Date.UTC(2026, 0, 1)) {
    this.#wallOffsetMs = wallMs;
  }

  now(): number {
    return this.#nowMs;
  }

  wall(): number {
    return this.#wallOffsetMs + this.#nowMs;
  }

  /** Makes the wall time jump, as an administrator or NTP does; the monotonic time does not move. */
  jumpWall(deltaMs: number): void {
    this.#wallOffsetMs += deltaMs;
  }

  /** Scheduled calls that have not run. */
  get pending(): number {
    return this.#live;
  }

  /** When the next call is due, Infinity when nothing is scheduled. */
  get nextDueMs(): number {
    return this.#peek()?.dueMs ?? Infinity;
  }

  schedule(delayMs: number, fn: () => void): ClockHandle {
    const event = new VirtualEvent(this.#nowMs + Math.max(0, delayMs), this.#seq++, fn);
    this.#push(event);
    this.#live++;
    return event;
  }

  unschedule(handle: ClockHandle): void {
    if (!(handle instanceof VirtualEvent) || handle.fn === null) return;
    handle.fn = null;
    this.#live--;
  }

  /** Runs what falls due in the next `ms`, and leaves the time at its end. Promises do not settle in between. */
  advance(ms: number): void {
    const untilMs = this.#nowMs + ms;
    while (this.#runNext(untilMs));
    this.#nowMs = untilMs;
  }

  /** As `advance`, but all promises settle before the first event, between events and after the last. */
  async advanceAsync(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    await this.#settle();
    while (this.#runNext(untilMs)) await this.#settle();
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  /** Runs until nothing is scheduled or `limitMs` have passed. Returns true when nothing is left. */
  runUntilIdle(limitMs = Infinity): boolean {
    const untilMs = this.#nowMs + limitMs;
    while (this.#runNext(untilMs));
    return this.#live === 0;
  }

  async runUntilIdleAsync(limitMs = Infinity): Promise<boolean> {
    const untilMs = this.#nowMs + limitMs;
    await this.#settle();
    while (this.#runNext(untilMs)) await this.#settle();
    return this.#live === 0;
  }

  /** Runs the clock until `promise` settles, at most `limitMs` of virtual time; rejects when it has not by then. */
  async runUntilSettled<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    const state = { isSettled: false };
    const mark = (): void => {
      state.isSettled = true;
    };
    promise.then(mark, mark);
    const untilMs = this.#nowMs + limitMs;
    await this.#settle();
    while (!state.isSettled && this.#runNext(untilMs)) await this.#settle();
    if (!state.isSettled) throw new Error(`not settled within ${limitMs} ms of virtual time`);
    return await promise;
  }

  standStill(work: Promise<unknown>): void {
    const done = work
      .catch(() => {})
      .finally(() => {
        this.#outside.delete(done);
      });
    this.#outside.add(done);
  }

  /** Everything that can happen without time passing has happened. */
  async #settle(): Promise<void> {
    await turn();
    while (this.#outside.size > 0) {
      await Promise.all(this.#outside);
      await turn();
    }
  }

  /** Runs the next event when it is due by `untilMs`; false when there is none. */
  #runNext(untilMs: number): boolean {
    if (this.#isRunning) throw new Error('VirtualClock: advanced from inside a scheduled call');
    const event = this.#peek();
    if (event === undefined || event.dueMs > untilMs) return false;
    this.#pop();
    const fn = event.fn;
    event.fn = null;
    this.#live--;
    this.#nowMs = event.dueMs;
    this.#isRunning = true;
    try {
      fn?.();
    } finally {
      this.#isRunning = false;
    }
    return true;
  }

  #peek(): VirtualEvent | undefined {
    while (this.#heap[0]?.fn === null) this.#pop();
    return this.#heap[0];
  }

  #push(event: VirtualEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = heap[parentAt];
      if (parent === undefined || !isBefore(event, parent)) break;
      heap[at] = parent;
      at = parentAt;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = heap[childAt];
      if (child === undefined) break;
      const right = heap[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childAt++;
      }
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = childAt;
    }
    heap[at] = last;
  }
}

/** One turn of the event loop: every promise that can settle without input or time has settled after it. */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
