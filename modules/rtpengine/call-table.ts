import { flatCopy, type RelayNode } from 'strowger';

interface Entry {
  readonly node: RelayNode;
  readonly expiresMs: number;
}

/**
 * Which node has which call, so that all its requests go there (Kamailio: hash_table_tout). Entries are in order of
 * their end, so that ending them costs as much as there are to end.
 */
export class CallTable {
  readonly #entries = new Map<string, Entry>();
  readonly #lifeMs: number;

  constructor(lifeMs: number) {
    this.#lifeMs = lifeMs;
  }

  /** Calls, and branches that have media of their own. */
  get size(): number {
    return this.#entries.size;
  }

  find(callId: string, viaBranch: string, nowMs: number): RelayNode | undefined {
    this.#expire(nowMs);
    return this.#entries.get(keyOf(callId, viaBranch))?.node;
  }

  /** A call that is there already keeps its node and its time. */
  insert(callId: string, viaBranch: string, node: RelayNode, nowMs: number): void {
    this.#expire(nowMs);
    const key = keyOf(callId, viaBranch);
    if (!this.#entries.has(key)) this.#entries.set(flatCopy(key), { node, expiresMs: nowMs + this.#lifeMs });
  }

  /** The call goes on elsewhere. */
  replace(callId: string, viaBranch: string, node: RelayNode, nowMs: number): void {
    this.remove(callId, viaBranch);
    this.insert(callId, viaBranch, node, nowMs);
  }

  remove(callId: string, viaBranch: string): void {
    this.#entries.delete(keyOf(callId, viaBranch));
  }

  #expire(nowMs: number): void {
    for (const [key, entry] of this.#entries) {
      if (entry.expiresMs > nowMs) return;
      this.#entries.delete(key);
    }
  }
}

function keyOf(callId: string, viaBranch: string): string {
  return `${callId}\0${viaBranch}`;
}
