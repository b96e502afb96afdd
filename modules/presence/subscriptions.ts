import { flatCopy, type Log, Timer, type TimerWheel } from 'strowger';
import type { EventPackage, Presentity } from './api.ts';
import { type Bodies, presentityOf } from './bodies.ts';
import type { EventPackages } from './events.ts';
import type { Notifier } from './notifier.ts';
import type { Respond } from './owners.ts';
import type { PresSettings } from './params.ts';
import type { Serial } from './serial.ts';
import { type JobResult, REFUSED, type SubscribeJob } from './subscribe-job.ts';
import { type Authorization, factsOf, POLITE_BLOCK, type Subscription, type Watcher } from './subscription.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import { NO_RULES, type ReadRules, type WatchRules } from './watch-rules.ts';

interface SubscriptionsParts {
  readonly log: Log;
  readonly wheel: TimerWheel;
  /** A number below that, for spreading. */
  readonly random: (below: number) => number;
  readonly settings: PresSettings;
  readonly events: EventPackages;
  readonly store: SubscriptionStore;
  readonly bodies: Bodies;
  readonly rules: WatchRules;
  readonly notifier: Notifier;
  readonly serial: Serial;
  /** Wall time in seconds. */
  readonly now: () => number;
}

const NO_SUBSCRIPTION: JobResult = { code: 481, reason: 'Subscription does not exist' };
const OLD_CSEQ: JobResult = { code: 400, reason: 'Bad request' };
type BodyOf = () => Promise<string | null>;

/** Subscriptions of presentities that are ours: made, refreshed, told and ended (RFC 6665 §4.2). */
export class Subscriptions {
  readonly #parts: SubscriptionsParts;
  /** NOTIFYs that wait, by presentity and package. */
  readonly #waiting = new Map<string, Timer<undefined>>();

  constructor(parts: SubscriptionsParts) {
    this.#parts = parts;
  }

  /** Those that are not over. */
  async current(presUri: string, event: string): Promise<readonly Subscription[]> {
    const now = this.#parts.now();
    const subs = await this.#parts.store.list(presUri, event);
    return subs.filter(({ expires, status }) => expires > now && status !== 'terminated');
  }

  /** Does what a SUBSCRIBE asks for. */
  async subscribe(job: SubscribeJob, event: EventPackage, respond: Respond<JobResult>): Promise<void> {
    const { store, rules, now, settings } = this.#parts;
    const known = job.isInDialog ? await store.find(job) : null;
    if (job.isInDialog && (known === null || known.event !== event.name || known.expires <= now()))
      return await respond(NO_SUBSCRIPTION);
    if (known !== null && job.cseq + settings.cseqOffset <= known.remoteCseq) return await respond(OLD_CSEQ);
    const watcher = watcherOf(known ?? job);
    const decided = await rules.forSubscription(event, presentityOf(job.presUri), watcher);
    if (decided === null) return await respond(REFUSED);
    if (known === null) await this.#begin(job, event, decided, respond);
    else await this.#refresh(known, job, event, decided, respond);
  }

  async #begin(
    job: SubscribeJob,
    event: EventPackage,
    decided: Authorization,
    respond: Respond<JobResult>,
  ): Promise<void> {
    const { store, settings, now } = this.#parts;
    const sub = subscriptionOf(job, decided, now());
    if (settings.deletesSame) await this.#removeSame(sub);
    const isKept = job.expires > 0 && sub.status !== 'terminated';
    if (isKept) {
      sub.localCseq = 1;
      sub.version = 1;
      await store.insert(sub);
    }
    await respond(this.#accepted(sub, job.expires, { localCseq: 0, version: 1 }));
    if (job.expires > 0) await this.#tellWinfo(sub, false);
    await this.#answer(sub, event, job.expires === 0);
    if (isKept) await store.update(sub);
  }

  async #refresh(
    sub: Subscription,
    job: SubscribeJob,
    event: EventPackage,
    decided: Authorization,
    respond: Respond<JobResult>,
  ): Promise<void> {
    const { store, now } = this.#parts;
    sub.remoteCseq = job.cseq;
    sub.contact = flatCopy(job.contact);
    sub.expires = now() + job.expires;
    sub.status = decided.status;
    sub.reason = decided.reason;
    if (job.userAgent !== '') sub.userAgent = flatCopy(job.userAgent);
    const isOver = job.expires === 0 || sub.status === 'terminated';
    await (isOver ? store.remove(sub) : store.update(sub));
    await respond(this.#accepted(sub, job.expires, {}));
    await this.#tellWinfo(sub, isOver);
    await this.#answer(sub, event, job.expires === 0);
    if (!isOver) await store.update(sub);
  }

  /** The NOTIFY that every SUBSCRIBE is followed by (RFC 6665 §4.2.1.2). */
  async #answer(sub: Subscription, event: EventPackage, isLast: boolean): Promise<void> {
    const { settings, notifier } = this.#parts;
    const presentity = presentityOf(sub.presUri);
    const body = await this.#bodyFor(sub, event, presentity, await this.#rulesOf(event, presentity));
    if (isLast && sub.status !== 'terminated') terminate(sub, 'timeout');
    if (body !== null || settings.sendsEmpty) notifier.send(sub, event, body);
  }

  #accepted(sub: Subscription, expires: number, changes: Partial<Subscription>): JobResult {
    const { settings, now } = this.#parts;
    const subs = factsOf(sub, now(), { ...changes, remainingSec: expires });
    return { code: settings.acceptCode, reason: 'OK', expires, localContact: sub.localContact, subs };
  }

  async #removeSame(sub: Subscription): Promise<void> {
    const { store } = this.#parts;
    for (const other of await store.list(sub.presUri, sub.event))
      if (other.callId === sub.callId) await store.remove(other);
  }

  /**
   * Tells all watchers that may see it. `sender` is a contact that is left out: it has sent the change (Kamailio:
   * handle_publish with an argument).
   */
  async notifyAll(event: EventPackage, presentity: Presentity, bodyOf: BodyOf, sender = ''): Promise<void> {
    const { notifier, store } = this.#parts;
    const told = (await this.current(presentity.uri, event.name)).filter(
      ({ status, reason, contact }) =>
        status === 'active' && reason !== POLITE_BLOCK && (sender === '' || contact !== sender),
    );
    if (told.length === 0) return;
    const [body, rules] = [await bodyOf(), await this.#rulesOf(event, presentity)];
    for (const sub of told) {
      notifier.send(sub, event, filtered(body, sub, event, rules));
      await store.update(sub);
    }
  }

  /** The same within the time that NOTIFYs are spread over; what changes until then is told once. */
  notifyLater(event: EventPackage, presentity: Presentity, sender: string): Promise<void> {
    const { wheel, random, settings, serial, bodies, log } = this.#parts;
    const key = `${settings.keyOf(presentity.uri)}\n${event.name}`;
    if (this.#waiting.has(key)) return Promise.resolve();
    const timer = new Timer<undefined>(() => {
      this.#waiting.delete(key);
      const tell = (): Promise<void> =>
        this.notifyAll(event, presentity, () => bodies.published(presentity, event), sender);
      serial.run(settings.keyOf(presentity.uri), tell).catch((err: unknown) => log.error('NOTIFYs failed', { err }));
    }, undefined);
    this.#waiting.set(key, timer);
    const rounds = Math.max(1, Math.trunc(settings.spreadMs / settings.pollMs));
    wheel.arm(timer, (random(rounds) + 1) * settings.pollMs);
    return Promise.resolve();
  }

  /** Subscriptions of which the state was decided anew: they are told, those that are not allowed any more end. */
  async decided(event: EventPackage, presentity: Presentity, changed: readonly Subscription[]): Promise<void> {
    const { notifier, store } = this.#parts;
    if (changed.length === 0) return;
    const rules = await this.#rulesOf(event, presentity);
    for (const sub of changed) {
      const isOver = sub.status === 'terminated';
      notifier.send(sub, event, await this.#bodyFor(sub, event, presentity, rules));
      await (isOver ? store.remove(sub) : store.update(sub));
      await this.#tellWinfo(sub, isOver);
    }
  }

  /** Ends those that are over. */
  async expire(): Promise<void> {
    const { store, serial, settings, now, log } = this.#parts;
    for (const { presUri, callId, toTag, fromTag } of await store.over(now())) {
      const end = async (): Promise<void> => {
        const sub = await store.find({ callId, toTag, fromTag });
        if (sub !== null && sub.expires <= now()) await this.#end(sub);
      };
      await serial.run(settings.keyOf(presUri), end).catch((err: unknown) => log.error('expiry failed', { err }));
    }
  }

  async #end(sub: Subscription): Promise<void> {
    const { store, events, notifier } = this.#parts;
    await store.remove(sub);
    terminate(sub, 'timeout');
    const event = events.get(sub.event);
    if (event !== null) notifier.send(sub, event, null);
    await this.#tellWinfo(sub, true);
  }

  /** A watcher that does not want NOTIFYs, or is not there. */
  gone(sub: Subscription): void {
    const { store, serial, settings, log } = this.#parts;
    const remove = async (): Promise<void> => {
      const found = await store.find(sub);
      if (found === null) return;
      await store.remove(found);
      await this.#tellWinfo(terminate(found, 'noresource'), true);
    };
    serial.run(settings.keyOf(sub.presUri), remove).catch((err: unknown) => log.error('removal failed', { err }));
  }

  close(): void {
    for (const timer of this.#waiting.values()) this.#parts.wheel.cancel(timer);
    this.#waiting.clear();
  }

  /** Tells who watches the watchers: all of them after an end, else the one that changed. */
  async #tellWinfo(sub: Subscription, isEnd: boolean): Promise<void> {
    const { events, bodies, notifier, store, now } = this.#parts;
    const winfo = events.winfoOf(sub.event);
    if (winfo === null) return;
    const readers = (await this.current(sub.presUri, winfo.name)).filter(({ status }) => status === 'active');
    if (readers.length === 0) return;
    const list = await bodies.watchers(sub.presUri, winfo, isEnd ? null : sub, now());
    for (const reader of readers) {
      notifier.send(reader, winfo, bodies.winfo(list, reader.version));
      await store.update(reader);
    }
  }

  async #rulesOf(event: EventPackage, presentity: Presentity): Promise<ReadRules> {
    if (event.filter === undefined) return NO_RULES;
    return await this.#parts.rules.read(event, presentity);
  }

  /** What this one is shown; null for nothing. */
  async #bodyFor(
    sub: Subscription,
    event: EventPackage,
    presentity: Presentity,
    rules: ReadRules,
  ): Promise<string | null> {
    const { bodies, now } = this.#parts;
    if (sub.status !== 'active' || sub.reason === POLITE_BLOCK) return null;
    if (event.winfoOf === undefined) return filtered(await bodies.published(presentity, event), sub, event, rules);
    return bodies.winfo(await bodies.watchers(sub.presUri, event, null, now()), sub.version);
  }
}

function filtered(
  body: string | null,
  sub: Subscription,
  event: EventPackage,
  { rules, sphere }: ReadRules,
): string | null {
  if (body === null || event.filter === undefined) return body;
  return event.filter(body, watcherOf(sub), rules, sphere);
}

function watcherOf({ watcherUser, watcherDomain }: { watcherUser: string; watcherDomain: string }): Watcher {
  return { user: watcherUser, domain: watcherDomain };
}

function terminate(sub: Subscription, reason: string): Subscription {
  sub.status = 'terminated';
  sub.reason = reason;
  return sub;
}

function subscriptionOf(job: SubscribeJob, decided: Authorization, nowSec: number): Subscription {
  return {
    presUri: flatCopy(job.presUri),
    watcherUser: flatCopy(job.watcherUser),
    watcherDomain: flatCopy(job.watcherDomain),
    toUser: flatCopy(job.toUser),
    toDomain: flatCopy(job.toDomain),
    fromUser: flatCopy(job.fromUser),
    fromDomain: flatCopy(job.fromDomain),
    event: job.event,
    eventId: flatCopy(job.eventId),
    callId: flatCopy(job.callId),
    toTag: flatCopy(job.toTag),
    fromTag: flatCopy(job.fromTag),
    localCseq: 0,
    remoteCseq: job.cseq,
    contact: flatCopy(job.contact),
    localContact: flatCopy(job.localContact),
    recordRoute: flatCopy(job.recordRoute),
    expires: nowSec + job.expires,
    status: decided.status,
    reason: decided.reason,
    version: 0,
    socket: job.socket,
    flags: 0,
    userAgent: flatCopy(job.userAgent),
  };
}
