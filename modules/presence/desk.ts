import { flatCopy, type Log, parseXml } from 'strowger';
import type { EventPackage, Presentity } from './api.ts';
import { type Bodies, presentityOf } from './bodies.ts';
import type { Etags } from './etags.ts';
import type { EventPackages } from './events.ts';
import type { Notifier } from './notifier.ts';
import type { Respond } from './owners.ts';
import type { PresSettings } from './params.ts';
import { NEVER, type Publication, type PublicationStore } from './publication.ts';
import type { Serial } from './serial.ts';
import { type AskJob, DONE, type Job, type JobResult, type PublishJob, REFUSED } from './subscribe-job.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { WatchRules } from './watch-rules.ts';

interface DeskParts {
  readonly log: Log;
  readonly settings: PresSettings;
  readonly events: EventPackages;
  readonly publications: PublicationStore;
  readonly subscriptions: Subscriptions;
  readonly bodies: Bodies;
  readonly rules: WatchRules;
  readonly notifier: Notifier;
  readonly etags: Etags;
  readonly serial: Serial;
  /** Wall time in seconds. */
  readonly now: () => number;
}

/** Publications that one presentity may have of one package: every one of them is read for each NOTIFY. */
const MAX_PUBLICATIONS = 200;
const TOO_MANY: JobResult = { code: 503, reason: 'Too Many Publications' };
const NO_MATCH: JobResult = { code: 412, reason: 'Conditional request failed' };

/** Does what is asked of the owner of a presentity, one thing after the other for each. */
export class Desk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** `respond` is called once, before the NOTIFYs that come of it. Settles when they are sent. */
  async perform(job: Job, respond: Respond<JobResult>): Promise<void> {
    const { serial, log, settings } = this.#parts;
    let isAnswered = false;
    const once: Respond<JobResult> = (result) => {
      if (isAnswered) return undefined;
      isAnswered = true;
      return respond(result);
    };
    try {
      await serial.run(settings.keyOf(job.presUri), () => this.#do(job, once));
    } catch (err) {
      log.error(`${job.kind} for ${job.presUri} failed`, { err });
    }
    await once(REFUSED);
  }

  async #do(job: Job, respond: Respond<JobResult>): Promise<void> {
    const event = this.#parts.events.get(job.event);
    if (event === null) return await respond(REFUSED);
    if (job.kind === 'subscribe') await this.#parts.subscriptions.subscribe(job, event, respond);
    else if (job.kind === 'publish') await this.#publish(job, event, respond);
    else await this.#ask(job, event, respond);
  }

  async #ask(job: AskJob, event: EventPackage, respond: Respond<JobResult>): Promise<void> {
    const { subscriptions, bodies, rules } = this.#parts;
    const presentity = presentityOf(job.presUri);
    switch (job.kind) {
      case 'has-subscribers':
        return await respond((await subscriptions.current(job.presUri, job.event)).length > 0 ? DONE : REFUSED);
      case 'presentity':
        return await respond({ ...DONE, text: await bodies.published(presentity, event) });
      case 'sphere':
        return await respond({ ...DONE, text: await this.sphere(presentity.uri) });
      case 'notify':
        await respond(DONE);
        return await subscriptions.notifyAll(event, presentity, () => bodies.published(presentity, event, null, true));
      case 'authorize': {
        const subs = await subscriptions.current(job.presUri, job.event);
        const changed = await rules.again(event, presentity, subs);
        await respond(changed === null ? REFUSED : DONE);
        return await subscriptions.decided(event, presentity, changed ?? []);
      }
      case 'hard-state':
        return await this.#setHardState(job, event, presentity, respond);
    }
  }

  async #publish(job: PublishJob, event: EventPackage, respond: Respond<JobResult>): Promise<void> {
    const { publications } = this.#parts;
    const presentity = presentityOf(job.presUri);
    const list = await publications.list(job.user, job.domain, job.event);
    if (job.etag === '') return await this.#first(job, event, presentity, list.length, respond);
    const old = list.find(({ etag }) => etag === job.etag);
    if (old === undefined) return await respond(NO_MATCH);
    if (job.expires > 0) return await this.#change(job, event, presentity, old, respond);
    await publications.remove(old);
    await respond({ ...DONE, expires: 0, etag: job.etag });
    await this.#tell(event, presentity, old, job.sender);
  }

  /** A new publication. One that ends at once is told to nobody. */
  async #first(
    job: PublishJob,
    event: EventPackage,
    presentity: Presentity,
    count: number,
    respond: Respond<JobResult>,
  ): Promise<void> {
    const { publications, etags, now } = this.#parts;
    const etag = etags.next();
    if (job.expires === 0) return await respond({ ...DONE, expires: 0, etag });
    if (count >= MAX_PUBLICATIONS) return await respond(TOO_MANY);
    const sphere = await this.#sphereBefore(event, presentity);
    const nowSec = now();
    await publications.insert({
      user: flatCopy(job.user),
      domain: flatCopy(job.domain),
      event: event.name,
      etag,
      expires: nowSec + job.expires,
      receivedTime: nowSec,
      body: flatCopy(job.body),
      sender: flatCopy(job.sender),
      priority: job.priority,
      ruid: etags.ruid(),
    });
    await respond(this.#accepted(job, etag));
    await this.#changed(event, presentity, job.sender, sphere);
  }

  /** A refresh (without a body) or a modification. */
  async #change(
    job: PublishJob,
    event: EventPackage,
    presentity: Presentity,
    old: Publication,
    respond: Respond<JobResult>,
  ): Promise<void> {
    const { publications, etags, now } = this.#parts;
    const isFinal = event.isFinal?.(old.body) ?? false;
    const sphere = await this.#sphereBefore(event, presentity);
    const nowSec = now();
    const etag = event.keepsEtag === true ? old.etag : etags.next(old.etag);
    await publications.update(old.etag, {
      ...old,
      etag,
      expires: nowSec + job.expires,
      receivedTime: nowSec,
      body: job.body === '' || isFinal ? old.body : flatCopy(job.body),
      sender: flatCopy(job.sender),
      priority: job.priority,
    });
    await respond(this.#accepted(job, etag));
    if (!isFinal) await this.#changed(event, presentity, job.sender, sphere);
  }

  /** A publication that an administrator put there (Kamailio: pidf-manipulation); it stays until it is taken back. */
  async #setHardState(
    job: AskJob,
    event: EventPackage,
    presentity: Presentity,
    respond: Respond<JobResult>,
  ): Promise<void> {
    const { publications, etags, now } = this.#parts;
    const { user, domain } = presentity;
    const etag = job.etag ?? '';
    const body = job.body ?? '';
    const old = (await publications.list(user, domain, event.name, true)).find((one) => one.etag === etag);
    if (old === undefined && body === '') return await respond(REFUSED);
    if (body === '' && old !== undefined) await publications.remove(old);
    else {
      const ruid = old?.ruid ?? etags.ruid();
      const hard = { user, domain, event: event.name, etag, expires: NEVER, receivedTime: now(), body };
      const publication = { ...hard, sender: '', priority: 0, ruid };
      await (old === undefined ? publications.insert(publication) : publications.update(etag, publication));
    }
    await respond(DONE);
    await this.#tell(event, presentity, body === '' ? (old ?? null) : null, '');
  }

  /** Publications that are over are taken out, and their watchers told. */
  async expirePublications(isSilent: boolean): Promise<void> {
    const { publications, events, serial, settings, now, log } = this.#parts;
    const topics = new Map<string, readonly [presentity: Presentity, event: string]>();
    for (const { user, domain, event } of await publications.expire(now())) {
      const uri = user === '' ? `sip:${domain}` : `sip:${user}@${domain}`;
      topics.set(`${uri}\n${event}`, [{ uri, user, domain }, event]);
    }
    if (isSilent) return;
    for (const [presentity, name] of topics.values()) {
      const event = events.get(name);
      if (event === null) continue;
      const tell = (): Promise<void> => this.#tell(event, presentity, null, '');
      await serial.run(settings.keyOf(presentity.uri), tell).catch((err: unknown) => log.error('expiry', { err }));
    }
  }

  /** The published sphere; null for none. */
  async sphere(presUri: string): Promise<string | null> {
    const { user, domain } = presentityOf(presUri);
    const list = await this.#parts.publications.list(user, domain, 'presence');
    for (const { body } of [...list].reverse()) {
      const sphere = sphereIn(body);
      if (sphere !== null) return sphere;
    }
    return null;
  }

  async #sphereBefore(event: EventPackage, presentity: Presentity): Promise<string | null> {
    if (!this.#parts.settings.checksSphere || event.authorize === undefined) return null;
    return await this.sphere(presentity.uri);
  }

  /** Tells the watchers; where the sphere is another now, it is first decided anew who may watch. */
  async #changed(event: EventPackage, presentity: Presentity, sender: string, before: string | null): Promise<void> {
    const { settings, rules, subscriptions } = this.#parts;
    if (settings.checksSphere && event.authorize !== undefined && (await this.sphere(presentity.uri)) !== before) {
      const subs = await subscriptions.current(presentity.uri, event.name);
      const changed = (await rules.again(event, presentity, subs)) ?? [];
      await subscriptions.decided(event, presentity, changed);
    }
    await this.#tell(event, presentity, null, sender);
  }

  async #tell(event: EventPackage, presentity: Presentity, ended: Publication | null, sender: string): Promise<void> {
    const { bodies, subscriptions, settings } = this.#parts;
    if (settings.spreadMs > 0) return await subscriptions.notifyLater(event, presentity, sender);
    await subscriptions.notifyAll(event, presentity, () => bodies.published(presentity, event, ended), sender);
  }

  #accepted(job: PublishJob, etag: string): JobResult {
    return { ...DONE, expires: Math.max(0, job.expires - this.#parts.settings.expiresOffset), etag };
  }
}

/** RFC 4480 §3.10: the name is an element's, or text. */
function sphereIn(body: string): string | null {
  if (!body.includes('sphere')) return null;
  const person = parseXml(body)?.child('person') ?? null;
  const sphere = person?.child('sphere') ?? null;
  return sphere === null ? null : sphere.text || (sphere.elements[0]?.local ?? null);
}
