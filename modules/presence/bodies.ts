import type { EventPackage, Presentity } from './api.ts';
import type { Publication, PublicationStore } from './publication.ts';
import type { Subscription } from './subscription.ts';
import { watcherinfo } from './winfo.ts';

/** A presentity's URI taken apart. Its user and host are what publications are kept by. */
export function presentityOf(uri: string): Presentity {
  const rest = uri.slice(uri.indexOf(':') + 1);
  const at = rest.lastIndexOf('@');
  return { uri, user: at < 0 ? '' : rest.slice(0, at), domain: rest.slice(at + 1) };
}

/** What is told to the watchers of a presentity, before each one's rules are applied. */
export class Bodies {
  readonly #publications: PublicationStore;
  readonly #listSubscriptions: (presUri: string, event: string) => Promise<readonly Subscription[]>;

  constructor(
    publications: PublicationStore,
    listSubscriptions: (presUri: string, event: string) => Promise<readonly Subscription[]>,
  ) {
    this.#publications = publications;
    this.#listSubscriptions = listSubscriptions;
  }

  /** One body of all publications; `ended` is one that was just taken back. Null for none. */
  async published(
    presentity: Presentity,
    event: EventPackage,
    ended: Publication | null = null,
    isForced = false,
  ): Promise<string | null> {
    const { user, domain } = presentity;
    const list = await this.#publications.list(user, domain, event.name, isForced);
    const bodies = list.map(({ body }) => body);
    const last = ended === null ? null : (event.offline?.(ended.body) ?? null);
    if (last !== null) bodies.push(last);
    if (event.aggregate !== undefined) return event.aggregate(presentity, bodies);
    return bodies.at(-1) ?? null;
  }

  /** The watchers of a package, all of them, or only one that changed. */
  async watchers(
    presUri: string,
    winfo: EventPackage,
    changed: Subscription | null,
    nowSec: number,
  ): Promise<WatcherList> {
    const event = winfo.winfoOf ?? '';
    if (changed !== null) return { presUri, event, isFull: false, watchers: [changed] };
    const subs = await this.#listSubscriptions(presUri, event);
    const watchers = subs.filter(({ expires, status }) => expires > nowSec && status !== 'terminated');
    return { presUri, event, isFull: true, watchers };
  }

  /** The document of a list, the `version`-th that its reader gets. */
  winfo(list: WatcherList, version: number): string {
    return watcherinfo(list, version);
  }
}

/** What a watcherinfo document tells. */
export interface WatcherList {
  readonly presUri: string;
  readonly event: string;
  readonly isFull: boolean;
  readonly watchers: readonly Subscription[];
}
