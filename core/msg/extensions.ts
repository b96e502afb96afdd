/**
 * What modules keep with a message, by a key of their own. Most messages have one entry at most: a `Map` for each costs
 * half a microsecond, so the first entry is a field and only the others need one.
 */
export class Extensions {
  #key: object | null = null;
  #value: unknown = undefined;
  #others: Map<object, unknown> | null = null;

  /** The same values; what is set in one is not in the other. */
  copy(): Extensions {
    const copy = new Extensions();
    copy.#key = this.#key;
    copy.#value = this.#value;
    copy.#others = this.#others === null ? null : new Map(this.#others);
    return copy;
  }

  get(key: object): unknown {
    return key === this.#key ? this.#value : this.#others?.get(key);
  }

  set(key: object, value: unknown): void {
    if (this.#key === null || this.#key === key) {
      this.#key = key;
      this.#value = value;
    } else (this.#others ??= new Map()).set(key, value);
  }
}
