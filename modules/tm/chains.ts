import type { Transaction } from './transaction.ts';

const FEWEST = 1024;

/**
 * Transactions by a hash, in chains through the transactions themselves; the caller compares what was hashed. V8 interns
 * every string that is looked up in a Map: with Maps, keys that are new in every request cost a tenth of a call.
 */
abstract class Chains {
  #heads: (Transaction | null)[] = new Array<Transaction | null>(FEWEST).fill(null);
  #mask = FEWEST - 1;
  #count = 0;

  protected abstract hashOf(t: Transaction): number;
  protected abstract next(t: Transaction): Transaction | null;
  protected abstract link(t: Transaction, next: Transaction | null): void;

  get size(): number {
    return this.#count;
  }

  /** Newest first; of any hash that shares the chain. */
  first(hash: number): Transaction | null {
    return this.#heads[hash & this.#mask] as Transaction | null;
  }

  add(t: Transaction): void {
    if (this.#count > this.#mask) this.#grow();
    this.#count++;
    const at = this.hashOf(t) & this.#mask;
    this.link(t, this.#heads[at] as Transaction | null);
    this.#heads[at] = t;
  }

  remove(t: Transaction): void {
    const at = this.hashOf(t) & this.#mask;
    let before = this.#heads[at] as Transaction | null;
    if (before === t) this.#heads[at] = this.next(t);
    else {
      while (before !== null && this.next(before) !== t) before = this.next(before);
      if (before === null) return;
      this.link(before, this.next(t));
    }
    this.link(t, null);
    this.#count--;
  }

  /** Twice as many chains; the order within each stays. */
  #grow(): void {
    const old = this.#heads;
    this.#heads = new Array<Transaction | null>(old.length * 2).fill(null);
    this.#mask = this.#heads.length - 1;
    for (const head of old) {
      const reversed: Transaction[] = [];
      for (let t = head; t !== null; t = this.next(t)) reversed.push(t);
      for (let i = reversed.length - 1; i >= 0; i--) {
        const t = reversed[i] as Transaction;
        const at = this.hashOf(t) & this.#mask;
        this.link(t, this.#heads[at] as Transaction | null);
        this.#heads[at] = t;
      }
    }
  }
}

/** By the key of RFC 3261 §17.2.3. */
export class KeyChains extends Chains {
  protected hashOf(t: Transaction): number {
    return t.keyHash;
  }
  protected next(t: Transaction): Transaction | null {
    return t.nextByKey;
  }
  protected link(t: Transaction, next: Transaction | null): void {
    t.nextByKey = next;
  }
}

/** INVITE transactions by Call-ID. */
export class CallChains extends Chains {
  protected hashOf(t: Transaction): number {
    return t.callHash;
  }
  protected next(t: Transaction): Transaction | null {
    return t.nextByCall;
  }
  protected link(t: Transaction, next: Transaction | null): void {
    t.nextByCall = next;
  }
}
