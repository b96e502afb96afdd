import { type DialogKey, dialogKey, type Subscription, topicKey } from './subscription.ts';
import type { SubscriptionRows } from './subscription-rows.ts';
import type { SubscriptionStore } from './subscription-store.ts';

/** Rows written in one transaction. */
const WRITE_CHUNK = 200;

/**
 * Subscriptions in memory. With a table behind them they are written at once (write-through) or when asked to flush
 * (write-back).
 */
export class MemorySubscriptions implements SubscriptionStore {
  readonly #byDialog = new Map<string, Subscription>();
  readonly #byTopic = new Map<string, Set<Subscription>>();
  readonly #rows: SubscriptionRows | null;
  readonly #isWrittenAtOnce: boolean;
  readonly #keyOf: (uri: string) => string;
  /** By dialog: what is to be written; null: removed. */
  #dirty = new Map<string, Subscription | DialogKey>();

  /** `rows` is null for memory only. */
  constructor(rows: SubscriptionRows | null, isWrittenAtOnce: boolean, keyOf: (uri: string) => string) {
    this.#rows = rows;
    this.#isWrittenAtOnce = isWrittenAtOnce;
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#byDialog.size;
  }

  /** Takes what the table has, without writing it again. */
  adopt(sub: Subscription): void {
    this.#byDialog.set(dialogKey(sub), sub);
    const topic = this.#topic(sub);
    const subs = this.#byTopic.get(topic);
    if (subs === undefined) this.#byTopic.set(topic, new Set([sub]));
    else subs.add(sub);
  }

  find(key: DialogKey): Promise<Subscription | null> {
    return Promise.resolve(this.#byDialog.get(dialogKey(key)) ?? null);
  }

  /** As `find`, at once. */
  get(key: DialogKey): Subscription | undefined {
    return this.#byDialog.get(dialogKey(key));
  }

  list(presUri: string, event: string): Promise<readonly Subscription[]> {
    return Promise.resolve([...(this.#byTopic.get(topicKey(this.#keyOf(presUri), event)) ?? [])]);
  }

  insert(sub: Subscription): Promise<void> {
    this.adopt(sub);
    return this.#changed(sub);
  }

  update(sub: Subscription): Promise<void> {
    return this.#byDialog.get(dialogKey(sub)) === sub ? this.#changed(sub) : Promise.resolve();
  }

  async remove(sub: Subscription): Promise<void> {
    const key = dialogKey(sub);
    if (!this.#byDialog.delete(key)) return;
    const topic = this.#topic(sub);
    const subs = this.#byTopic.get(topic);
    subs?.delete(sub);
    if (subs?.size === 0) this.#byTopic.delete(topic);
    const { callId, toTag, fromTag } = sub;
    if (this.#isWrittenAtOnce) await this.#rows?.remove(sub);
    else if (this.#rows !== null) this.#dirty.set(key, { callId, toTag, fromTag });
  }

  over(nowSec: number): Promise<readonly Subscription[]> {
    return Promise.resolve([...this.#byDialog.values()].filter(({ expires }) => expires <= nowSec));
  }

  async flush(): Promise<void> {
    const rows = this.#rows;
    if (rows === null) return;
    while (this.#dirty.size > 0) {
      const chunk = [...this.#dirty].slice(0, WRITE_CHUNK);
      for (const [key] of chunk) this.#dirty.delete(key);
      try {
        await rows.write(chunk.map(([, change]) => change));
      } catch (error) {
        for (const [key, change] of chunk) if (!this.#dirty.has(key)) this.#dirty.set(key, change);
        throw error;
      }
    }
  }

  async #changed(sub: Subscription): Promise<void> {
    if (this.#isWrittenAtOnce) await this.#rows?.save(sub);
    else if (this.#rows !== null) this.#dirty.set(dialogKey(sub), sub);
  }

  #topic(sub: Subscription): string {
    return topicKey(this.#keyOf(sub.presUri), sub.event);
  }
}
