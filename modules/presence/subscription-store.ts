import type { DialogKey, Subscription } from './subscription.ts';

/** The subscriptions that this worker owns. What a database refuses rejects. */
export interface SubscriptionStore {
  find(key: DialogKey): Promise<Subscription | null>;
  /** All to a presentity and package, those that are over too. */
  list(presUri: string, event: string): Promise<readonly Subscription[]>;
  insert(sub: Subscription): Promise<void>;
  /** Keeps what was changed in it. */
  update(sub: Subscription): Promise<void>;
  remove(sub: Subscription): Promise<void>;
  /** Those that are over; they stay until they are removed. */
  over(nowSec: number): Promise<readonly Subscription[]>;
  /** Writes down what has not been yet. */
  flush(): Promise<void>;
}
