/** An event of a call: handled at once, or in a while when its handler waits. */
export type MailboxEvent = () => void | Promise<void>;

/**
 * Events one after the other, also when a handler waits: races are decided by who came first. A handler that is about to
 * wait for a later event (a route that dials and waits for the answer) first lets the others pass: `yields`.
 */
export class Mailbox {
  readonly #events: MailboxEvent[] = [];
  readonly #onError: (error: unknown) => void;
  #isHandling = false;
  /** Which handler holds the mailbox: one that yielded holds it no more. */
  #turn = 0;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  get size(): number {
    return this.#events.length;
  }

  /** Nothing is handled, and nothing waits. */
  get isIdle(): boolean {
    return !this.#isHandling && this.#events.length === 0;
  }

  post(event: MailboxEvent): void {
    this.#events.push(event);
    this.#handle();
  }

  /** Called from inside a handler: those behind it are handled now, beside it. */
  yields(): void {
    if (!this.#isHandling) return;
    this.#isHandling = false;
    this.#turn++;
    queueMicrotask(() => this.#handle());
  }

  #handle(): void {
    while (!this.#isHandling) {
      const event = this.#events.shift();
      if (event === undefined) return;
      this.#isHandling = true;
      const turn = ++this.#turn;
      const waits = this.#run(event);
      if (waits === null) this.#done(turn);
      else void waits.then(() => this.#doneLater(turn));
    }
  }

  #run(event: MailboxEvent): Promise<void> | null {
    try {
      const result = event();
      return result instanceof Promise ? result.catch(this.#onError) : null;
    } catch (error) {
      this.#onError(error);
      return null;
    }
  }

  #done(turn: number): void {
    if (this.#turn === turn) this.#isHandling = false;
  }

  #doneLater(turn: number): void {
    if (this.#turn !== turn) return;
    this.#isHandling = false;
    this.#handle();
  }
}

/** Goes on with what a handler found out: at once, or in a while. */
export function whenKnown<T>(value: T | Promise<T>, then: (value: T) => void | Promise<void>): void | Promise<void> {
  return value instanceof Promise ? value.then(then) : then(value);
}
