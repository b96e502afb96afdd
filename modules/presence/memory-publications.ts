import type { OrderColumn } from './params.ts';
import { byOrder, isOver, type Publication, type PublicationStore } from './publication.ts';

/** Publications in memory: they end with the process. */
export class MemoryPublications implements PublicationStore {
  readonly #lists = new Map<string, Publication[]>();
  readonly #order: readonly OrderColumn[];
  readonly #now: () => number;
  readonly #keyOf: (text: string) => string;

  /** `now` is wall time in seconds. */
  constructor(order: readonly OrderColumn[], now: () => number, keyOf: (text: string) => string) {
    this.#order = order;
    this.#now = now;
    this.#keyOf = keyOf;
  }

  list(user: string, domain: string, event: string): Promise<readonly Publication[]> {
    const now = this.#now();
    const list = this.#lists.get(this.#key({ user, domain, event })) ?? [];
    return Promise.resolve(list.filter((one) => !isOver(one, now)).sort(byOrder(this.#order)));
  }

  insert(publication: Publication): Promise<void> {
    const key = this.#key(publication);
    const list = this.#lists.get(key);
    if (list === undefined) this.#lists.set(key, [publication]);
    else list.push(publication);
    return Promise.resolve();
  }

  update(oldEtag: string, publication: Publication): Promise<void> {
    const list = this.#lists.get(this.#key(publication)) ?? [];
    const at = list.findIndex(({ etag }) => etag === oldEtag);
    if (at >= 0) list[at] = publication;
    return Promise.resolve();
  }

  remove(publication: Publication): Promise<void> {
    this.#keep(this.#key(publication), (one) => one.etag !== publication.etag);
    return Promise.resolve();
  }

  expire(nowSec: number): Promise<readonly Publication[]> {
    const over: Publication[] = [];
    for (const [key, list] of this.#lists) {
      const ended = list.filter((one) => isOver(one, nowSec));
      if (ended.length === 0) continue;
      over.push(...ended);
      this.#keep(key, (one) => !isOver(one, nowSec));
    }
    return Promise.resolve(over);
  }

  inMemory(): readonly Publication[] {
    return [...this.#lists.values()].flat();
  }

  #keep(key: string, isKept: (one: Publication) => boolean): void {
    const left = (this.#lists.get(key) ?? []).filter(isKept);
    if (left.length === 0) this.#lists.delete(key);
    else this.#lists.set(key, left);
  }

  #key({ user, domain, event }: Pick<Publication, 'user' | 'domain' | 'event'>): string {
    return this.#keyOf(`${user}\n${domain}\n${event}`);
  }
}
