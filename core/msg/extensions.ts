/**
 * What modules keep with a message, by a key of their own. Most messages have one entry at most: a `Map` for each costs
 * half a microsecond, so the first entry is a field and only the others need one.
 */
export class Extensions {
  #key: object | null = null;
  #value: unknown = undefined;
  /** Keys and values in turn: a message has few, and a Map takes several times their memory. */
  #others: unknown[] | null = null;

  /** The same values; what is set in one is not in the other. */
  copy(): Extensions {
    const copy = new Extensions();
    copy.#key = this.#key;
    copy.#value = this.#value;
    copy.#others = this.#others === null ? null : [...this.#others];
    return copy;
  }

  get(key: object): unknown {
    if (key === this.#key) return this.#value;
    const at = this.#at(key);
    return at < 0 ? undefined : this.#others?.[at + 1];
  }

  set(key: object, value: unknown): void {
    if (this.#key === null || this.#key === key) {
      this.#key = key;
      this.#value = value;
      return;
    }
    const at = this.#at(key);
    if (at >= 0 && this.#others !== null) this.#others[at + 1] = value;
    else this.#others = [...(this.#others ?? []), key, value];
  }

  #at(key: object): number {
    const others = this.#others;
    if (others === null) return -1;
    for (let at = 0; at < others.length; at += 2) if (others[at] === key) return at;
    return -1;
  }
}
