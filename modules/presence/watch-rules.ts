import type { EventPackage, Presentity } from './api.ts';
import type { Authorization, Subscription, SubscriptionState, Watcher } from './subscription.ts';
import { nameOf, type WatcherStore } from './watcher-store.ts';

/** A presentity's rules, and what they may ask for. */
export interface ReadRules {
  readonly rules: string | null;
  readonly sphere: string | null;
}
export const NO_RULES: ReadRules = { rules: null, sphere: null };

const ALLOWED: Authorization = { status: 'active', reason: '' };

/** Decides who may watch, and remembers it. */
export class WatchRules {
  readonly #watchers: WatcherStore;
  readonly #now: () => number;
  readonly #sphere: (presUri: string) => Promise<string | null>;

  /** `now` is wall time in seconds; `sphere` looks for the published one. */
  constructor(watchers: WatcherStore, now: () => number, sphere: (presUri: string) => Promise<string | null>) {
    this.#watchers = watchers;
    this.#now = now;
    this.#sphere = sphere;
  }

  /**
   * For a SUBSCRIBE: what was decided before holds, until someone says that the rules have changed (Kamailio: presence).
   * Null where the rules can not be read.
   */
  async forSubscription(event: EventPackage, presentity: Presentity, watcher: Watcher): Promise<Authorization | null> {
    if (event.authorize === undefined) return ALLOWED;
    const known = await this.#watchers.get(presentity.uri, event.name, watcher);
    if (known !== null) return known;
    const decided = await this.decide(event, presentity, watcher, 'pending');
    if (decided !== null) await this.#watchers.set(presentity.uri, event.name, watcher, decided, this.#now());
    return decided;
  }

  /** By the rules as they are now. */
  async decide(
    event: EventPackage,
    presentity: Presentity,
    watcher: Watcher,
    before: SubscriptionState | null,
  ): Promise<Authorization | null> {
    if (event.authorize === undefined) return ALLOWED;
    const { rules, sphere } = await this.read(event, presentity);
    return event.authorize(watcher, rules, before, sphere);
  }

  async read(event: EventPackage, presentity: Presentity): Promise<ReadRules> {
    const rules = (await event.loadRules?.(presentity)) ?? null;
    return { rules, sphere: await this.#sphere(presentity.uri) };
  }

  /**
   * Decides anew about all watchers that are known or among `subs`. Returns the subscriptions whose state changed, with
   * the new state in them; null where the rules can not be read.
   */
  async again(
    event: EventPackage,
    presentity: Presentity,
    subs: readonly Subscription[],
  ): Promise<readonly Subscription[] | null> {
    if (event.authorize === undefined) return [];
    const { rules, sphere } = await this.read(event, presentity);
    const decisions = new Map<string, Authorization>();
    for (const known of await this.#watchers.list(presentity.uri, event.name)) {
      const decided = event.authorize(known, rules, known.status, sphere);
      if (decided === null) return null;
      decisions.set(nameOf(known), decided);
      if (decided.status !== known.status || decided.reason !== known.reason)
        await this.#watchers.set(presentity.uri, event.name, known, decided, this.#now());
    }
    return subs.filter((sub) => {
      const decided = decisions.get(nameOf({ user: sub.watcherUser, domain: sub.watcherDomain }));
      if (decided === undefined || (decided.status === sub.status && decided.reason === sub.reason)) return false;
      sub.status = decided.status;
      sub.reason = decided.reason;
      return true;
    });
  }

  /** A day without a decision, and a watcher is forgotten. */
  clean(): Promise<void> {
    return this.#watchers.clean(this.#now() - PENDING_KEPT_SEC);
  }
}

const PENDING_KEPT_SEC = 86_400;
