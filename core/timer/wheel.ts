import type { Clock, ClockHandle } from './clock.ts';
import { Timer } from './timer.ts';

/** Level 0 has 256 slots of 1 ms, each level above 64 slots as wide as the whole level below: 2^32 ms in all. */
const LEVELS = 5;
const LEVEL0_BITS = 8;
const LEVEL_BITS = 6;
const LEVEL0_SLOTS = 256;
const LEVEL_SLOTS = 64;
/** Farther timers wait in the slot at this distance and are placed again from there. */
const MAX_SPAN_MS = 0x7fff_ffff;
/** The longest sleep, within what every clock accepts. */
const MAX_SLEEP_MS = 0x3fff_ffff;

interface TimerWheelOptions {
  /** Gets what a timer's function throws. Without it the error ends the process as uncaught, after the other timers. */
  readonly onError?: (error: unknown) => void;
}

/**
 * A hierarchical timing wheel: arming and cancelling are O(1) and allocate nothing, and one clock call at a time is
 * outstanding, for the next slot that holds a timer. Due times are exact to the millisecond on a virtual clock; on the
 * real one, wakeups are put off to the next multiple of the clock's granularity. Timers due together fire in the order
 * they were armed.
 *
 * A timer lies in the level of the highest bit in which its due time differs from the wheel's time, as its slot there
 * says. When the time enters a slot of a higher level, that slot's timers move down, before anything is armed into
 * that span directly: this is what keeps the order.
 */
export class TimerWheel {
  readonly clock: Clock;
  readonly #granularityMs: number;
  readonly #onError: (error: unknown) => void;
  /** List heads, level by level. */
  readonly #slots: Timer[] = [];
  /** One bit a slot: set when a timer was put in; cleared when the slot is found empty. */
  readonly #occupied = new Int32Array((LEVEL0_SLOTS + (LEVELS - 1) * LEVEL_SLOTS) / 32);
  /** Timers of the slot being worked on, so that one may cancel another. */
  readonly #firing: Timer = makeHead();
  /** Every slot before this time is empty, and no slot of a higher level contains it. */
  #cursorMs: number;
  /** Start of the slot the outstanding clock call is for; -1 while timers fire, Infinity when there is none. */
  #wakeMs = Infinity;
  #handle: ClockHandle | null = null;
  #armed = 0;
  #isClosed = false;
  readonly #onWake = (): void => this.#wake();

  constructor(clock: Clock, options: TimerWheelOptions = {}) {
    this.clock = clock;
    this.#granularityMs = clock.granularityMs ?? 1;
    this.#onError = options.onError ?? throwLater;
    this.#cursorMs = clock.now();
    for (let i = 0; i < LEVEL0_SLOTS + (LEVELS - 1) * LEVEL_SLOTS; i++) this.#slots.push(makeHead());
  }

  /** Timers armed now. */
  get size(): number {
    return this.#armed;
  }

  now(): number {
    return this.clock.now();
  }

  /** Fires `timer` once, `delayMs` from now (0: as soon as the current work is done). An armed timer is moved. */
  arm<A>(timer: Timer<A>, delayMs: number): void {
    const nowMs = this.clock.now();
    this.#arm(timer, nowMs, nowMs + (delayMs > 0 ? delayMs : 0));
  }

  /** As `arm`, at a time of this wheel's clock. */
  armAt<A>(timer: Timer<A>, dueMs: number): void {
    this.#arm(timer, this.clock.now(), dueMs);
  }

  /** Harmless when the timer is not armed. A periodic one stops. */
  cancel<A>(timer: Timer<A>): void {
    if (timer.next === null) return;
    unlink(timer);
    this.#armed--;
  }

  /** Calls `fn` once, `delayMs` from now; for what happens seldom, as it allocates. */
  after(delayMs: number, fn: () => void): Timer<undefined> {
    const timer = new Timer<undefined>(fn, undefined);
    this.arm(timer, delayMs);
    return timer;
  }

  /** Calls `fn` every `periodMs` (at least 1), first one period from now, until cancelled. Late calls are not made up for. */
  every(periodMs: number, fn: () => void): Timer<undefined> {
    const timer = new Timer<undefined>(fn, undefined);
    timer.periodMs = Math.max(1, periodMs);
    this.arm(timer, timer.periodMs);
    return timer;
  }

  /** Forgets every timer and releases the clock. Arming afterwards does nothing. */
  close(): void {
    this.#isClosed = true;
    for (const head of this.#slots) this.#drop(head);
    this.#drop(this.#firing);
    this.#unschedule();
  }

  #arm(timer: Timer, nowMs: number, dueMs: number): void {
    if (this.#isClosed) return;
    if (timer.next !== null) this.cancel(timer);
    timer.dueMs = Math.ceil(dueMs);
    // Nothing lies before the next wakeup, so the wheel's time may catch up; the timer then needs fewer moves.
    if (nowMs > this.#cursorMs && this.#wakeMs > this.#cursorMs + 1) this.#cursorMs = Math.min(nowMs, this.#wakeMs - 1);
    this.#armed++;
    const startMs = this.#place(timer);
    if (startMs < this.#wakeMs) this.#schedule(startMs, nowMs);
  }

  /** Puts a timer at the end of its slot. Returns the time at which the slot begins. */
  #place(timer: Timer): number {
    const cursorMs = this.#cursorMs;
    let dueMs = timer.dueMs;
    if (dueMs < cursorMs) dueMs = cursorMs;
    else if (dueMs - cursorMs > MAX_SPAN_MS) dueMs = cursorMs + MAX_SPAN_MS;
    // Bitwise operations take times modulo 2^32; the span above keeps that unambiguous.
    const low = dueMs | 0;
    const bits = 32 - Math.clz32(low ^ (cursorMs | 0));
    let index = low & (LEVEL0_SLOTS - 1);
    if (bits > LEVEL0_BITS) {
      const above = ((bits - LEVEL0_BITS - 1) / LEVEL_BITS) | 0;
      const shift = LEVEL0_BITS + above * LEVEL_BITS;
      index = LEVEL0_SLOTS + above * LEVEL_SLOTS + ((low >>> shift) & (LEVEL_SLOTS - 1));
      dueMs -= low & ((1 << shift) - 1);
    }
    const head = this.#slots[index];
    if (head !== undefined) append(head, timer);
    const word = index >>> 5;
    this.#occupied[word] = (this.#occupied[word] ?? 0) | (1 << (index & 31));
    return dueMs;
  }

  #wake(): void {
    this.#handle = null;
    this.#wakeMs = -1;
    this.clock.hold?.();
    const nowMs = this.clock.now();
    let doneMs = -1;
    for (;;) {
      const index = this.#nextSlot();
      if (index < 0 || this.#isClosed) break;
      const startMs = this.#startOf(index);
      // A timer armed with no delay by the slot just fired waits for the clock, lest it keep us here.
      if (startMs > nowMs || startMs === doneMs) break;
      this.#cursorMs = startMs;
      this.#empty(index, index < LEVEL0_SLOTS);
      if (index < LEVEL0_SLOTS) doneMs = startMs;
    }
    this.clock.release?.();
    this.#wakeMs = Infinity;
    const index = this.#isClosed ? -1 : this.#nextSlot();
    if (index >= 0) this.#schedule(this.#startOf(index), this.clock.now());
  }

  /** Fires the timers of a slot of level 0, or moves those of a higher level down. */
  #empty(index: number, isDue: boolean): void {
    const head = this.#slots[index];
    if (head === undefined) return;
    const firing = this.#firing;
    moveAll(head, firing);
    this.#clearBit(index);
    for (let timer = firing.next; timer !== null && timer !== firing; timer = firing.next) {
      unlink(timer);
      if (isDue && timer.dueMs <= this.#cursorMs) this.#fire(timer);
      else this.#place(timer);
    }
  }

  #fire(timer: Timer): void {
    this.#armed--;
    if (timer.periodMs > 0) {
      const nowMs = this.clock.now();
      const missed = Math.max(0, Math.floor((nowMs - timer.dueMs) / timer.periodMs));
      this.#arm(timer, nowMs, timer.dueMs + (missed + 1) * timer.periodMs);
    }
    try {
      timer.fn(timer.arg);
    } catch (error) {
      this.#onError(error);
    }
  }

  /** The first slot that holds a timer, in order of time; -1 when there is none. */
  #nextSlot(): number {
    const low = this.#cursorMs | 0;
    let index = this.#firstUsed(low & (LEVEL0_SLOTS - 1), LEVEL0_SLOTS);
    if (index >= 0) return index;
    for (let level = 1; level < LEVELS; level++) {
      const base = LEVEL0_SLOTS + (level - 1) * LEVEL_SLOTS;
      const at = (low >>> shiftOf(level)) & (LEVEL_SLOTS - 1);
      index = this.#firstUsed(base + at + 1, base + LEVEL_SLOTS);
      // The top level is a ring: its slots before the present one are the far future.
      if (index < 0 && level === LEVELS - 1) index = this.#firstUsed(base, base + at);
      if (index >= 0) return index;
    }
    return -1;
  }

  /** The first slot from `index` to `end` (exclusive) with a timer in it; bits of emptied ones are cleared on the way. */
  #firstUsed(index: number, end: number): number {
    let at = index;
    while (at < end) {
      const rest = (this.#occupied[at >>> 5] ?? 0) >>> (at & 31);
      if (rest === 0) {
        at = (at | 31) + 1;
        continue;
      }
      at += 31 - Math.clz32(rest & -rest);
      if (at >= end) return -1;
      const head = this.#slots[at];
      if (head !== undefined && head.next !== head) return at;
      this.#clearBit(at);
      at++;
    }
    return -1;
  }

  #clearBit(index: number): void {
    const word = index >>> 5;
    this.#occupied[word] = (this.#occupied[word] ?? 0) & ~(1 << (index & 31));
  }

  /** The time at which a slot found by `#nextSlot` begins. */
  #startOf(index: number): number {
    const cursorMs = this.#cursorMs;
    if (index < LEVEL0_SLOTS) return cursorMs - (cursorMs & (LEVEL0_SLOTS - 1)) + index;
    const level = 1 + ((index - LEVEL0_SLOTS) >>> LEVEL_BITS);
    const slot = (index - LEVEL0_SLOTS) & (LEVEL_SLOTS - 1);
    const shift = shiftOf(level);
    const at = ((cursorMs | 0) >>> shift) & (LEVEL_SLOTS - 1);
    const width = 2 ** shift;
    return cursorMs - (cursorMs % width) + ((slot - at + LEVEL_SLOTS) % LEVEL_SLOTS) * width;
  }

  #schedule(wakeMs: number, nowMs: number): void {
    this.#unschedule();
    this.#wakeMs = wakeMs;
    const grain = this.#granularityMs;
    const atMs = grain > 1 ? Math.ceil(wakeMs / grain) * grain : wakeMs;
    this.#handle = this.clock.schedule(Math.min(Math.max(0, atMs - nowMs), MAX_SLEEP_MS), this.#onWake);
  }

  #unschedule(): void {
    if (this.#handle !== null) this.clock.unschedule(this.#handle);
    this.#handle = null;
    this.#wakeMs = Infinity;
  }

  #drop(head: Timer): void {
    for (let timer = head.next; timer !== null && timer !== head; timer = head.next) this.cancel(timer);
  }
}

function shiftOf(level: number): number {
  return LEVEL0_BITS + (level - 1) * LEVEL_BITS;
}

/** The head of an empty circular list; a Timer, so that all nodes have one hidden class. */
function makeHead(): Timer {
  const head = new Timer<unknown>(() => {}, undefined);
  head.next = head.prev = head;
  return head;
}

function append(head: Timer, timer: Timer): void {
  const last = head.prev ?? head;
  timer.prev = last;
  timer.next = head;
  last.next = timer;
  head.prev = timer;
}

function unlink(timer: Timer): void {
  const { next, prev } = timer;
  if (next === null || prev === null) return;
  prev.next = next;
  next.prev = prev;
  timer.next = timer.prev = null;
}

function moveAll(from: Timer, to: Timer): void {
  const first = from.next;
  const last = from.prev;
  if (first === null || last === null || first === from) return;
  to.next = first;
  first.prev = to;
  last.next = to;
  to.prev = last;
  from.next = from.prev = from;
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
