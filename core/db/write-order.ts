/**
 * The order in which one user's changes reach a database: insertions may overtake each other, everything else waits for
 * what came before and holds up what comes after.
 */
export class WriteOrder {
  /** Settles when the last exclusive work is over; null when it is. */
  #gate: Promise<unknown> | null = null;
  readonly #shared = new Set<Promise<unknown>>();

  /** Beside other shared work. */
  shared<T>(work: () => Promise<T>): Promise<T> {
    const running = this.#gate === null ? work() : this.#gate.then(work);
    const settled = running.then(noop, noop).then(() => {
      this.#shared.delete(settled);
    });
    this.#shared.add(settled);
    return running;
  }

  /** Alone. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const before = [...this.#shared];
    this.#shared.clear();
    if (this.#gate !== null) before.push(this.#gate);
    const running = before.length === 0 ? work() : Promise.all(before).then(work);
    const settled = running.then(noop, noop).then(() => {
      if (this.#gate === settled) this.#gate = null;
    });
    this.#gate = settled;
    return running;
  }
}

function noop(): void {}
