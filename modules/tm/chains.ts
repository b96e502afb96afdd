import type { Slot } from './slot.ts';

const FEWEST = 1024;

/**
 * Transactions by a hash, in chains through their slots; the caller compares what was hashed. V8 interns
 * every string that is looked up in a Map: with Maps, keys that are new in every request cost a tenth of a call.
 */
abstract class Chains {
  #heads: (Slot | null)[] = new Array<Slot | null>(FEWEST).fill(null);
  #mask = FEWEST - 1;
  #count = 0;

  protected abstract hashOf(slot: Slot): number;
  protected abstract next(slot: Slot): Slot | null;
  protected abstract link(slot: Slot, next: Slot | null): void;

  get size(): number {
    return this.#count;
  }

  /** Newest first; of any hash that shares the chain. */
  first(hash: number): Slot | null {
    return this.#heads[hash & this.#mask] as Slot | null;
  }

  add(slot: Slot): void {
    if (this.#count > this.#mask) this.#grow();
    this.#count++;
    const at = this.hashOf(slot) & this.#mask;
    this.link(slot, this.#heads[at] as Slot | null);
    this.#heads[at] = slot;
  }

  remove(slot: Slot): void {
    const at = this.hashOf(slot) & this.#mask;
    let before = this.#heads[at] as Slot | null;
    if (before === slot) this.#heads[at] = this.next(slot);
    else {
      while (before !== null && this.next(before) !== slot) before = this.next(before);
      if (before === null) return;
      this.link(before, this.next(slot));
    }
    this.link(slot, null);
    this.#count--;
  }

  /** Twice as many chains; the order within each stays. */
  #grow(): void {
    const old = this.#heads;
    this.#heads = new Array<Slot | null>(old.length * 2).fill(null);
    this.#mask = this.#heads.length - 1;
    for (const head of old) {
      const reversed: Slot[] = [];
      for (let slot = head; slot !== null; slot = this.next(slot)) reversed.push(slot);
      for (let i = reversed.length - 1; i >= 0; i--) {
        const slot = reversed[i] as Slot;
        const at = this.hashOf(slot) & this.#mask;
        this.link(slot, this.#heads[at] as Slot | null);
        this.#heads[at] = slot;
      }
    }
  }
}

/** By the key of RFC 3261 §17.2.3. */
export class KeyChains extends Chains {
  protected hashOf(slot: Slot): number {
    return slot.keyHash;
  }
  protected next(slot: Slot): Slot | null {
    return slot.nextByKey;
  }
  protected link(slot: Slot, next: Slot | null): void {
    slot.nextByKey = next;
  }
}

/** INVITE transactions by Call-ID. */
export class CallChains extends Chains {
  protected hashOf(slot: Slot): number {
    return slot.callHash;
  }
  protected next(slot: Slot): Slot | null {
    return slot.nextByCall;
  }
  protected link(slot: Slot, next: Slot | null): void {
    slot.nextByCall = next;
  }
}
