/** Does what concerns one thing in the order it was asked for, one after the other; different things do not wait for each other. */
export class Serial {
  readonly #tails = new Map<string, Promise<void>>();

  /** Rejects as `work` does; what comes next is done all the same. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? work() : before.then(work);
    const tail = result.then(ignore, ignore);
    this.#tails.set(key, tail);
    void tail.then(() => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    });
    return result;
  }

  /** Settles when all that was asked for until now is done. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }
}

function ignore(): void {}
