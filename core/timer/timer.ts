/** Written as a method so that a `Timer<A>` is a `Timer` to the wheel, which hands each function its own argument only. */
type TimerFn<A> = { call(arg: A): void }['call'];

/**
 * A timer that its owner allocates once and arms and cancels often. All timers are this one class, not subclasses, so
 * that the wheel's list operations stay monomorphic; what differs is `fn` and its argument.
 */
export class Timer<A = unknown> {
  /** Neighbours in a slot of the wheel, null while not armed. Only the wheel touches them. */
  next: Timer | null = null;
  prev: Timer | null = null;
  /** Clock time at which it fires, or last fired. */
  dueMs = 0;
  /** Above 0: it is armed anew for this much later each time it fires. */
  periodMs = 0;
  readonly fn: TimerFn<A>;
  readonly arg: A;

  constructor(fn: (arg: A) => void, arg: A) {
    this.fn = fn;
    this.arg = arg;
  }

  get isArmed(): boolean {
    return this.next !== null;
  }
}
