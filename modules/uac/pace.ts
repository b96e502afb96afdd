import { Timer, type TimerWheel } from 'strowger';

/** So much may be done at once, in each interval. */
const AT_ONCE = 50;
const INTERVAL_MS = 50;

/** Spreads work that would come in bursts: a thousand a second, in order. */
export class Pace {
  readonly #wheel: TimerWheel;
  readonly #timer: Timer<Pace>;
  #waiting: (() => void)[] = [];
  /** Those before it are done. */
  #head = 0;
  #used = 0;

  constructor(wheel: TimerWheel) {
    this.#wheel = wheel;
    this.#timer = new Timer<Pace>(onTick, this);
  }

  /** Calls `work` now, or when it is its turn. */
  when(work: () => void): void {
    if (!this.#timer.isArmed) this.#wheel.arm(this.#timer, INTERVAL_MS);
    if (this.#used >= AT_ONCE) this.#waiting.push(work);
    else {
      this.#used++;
      work();
    }
  }

  tick(): void {
    const due = this.#waiting.slice(this.#head, this.#head + AT_ONCE);
    this.#head += due.length;
    if (this.#head === this.#waiting.length) {
      this.#waiting = [];
      this.#head = 0;
    }
    this.#used = due.length;
    if (due.length > 0) this.#wheel.arm(this.#timer, INTERVAL_MS);
    for (const work of due) work();
  }

  close(): void {
    this.#waiting = [];
    this.#head = 0;
    this.#wheel.cancel(this.#timer);
  }
}

function onTick(pace: Pace): void {
  pace.tick();
}
