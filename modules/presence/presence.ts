import {
  checkTableVersion,
  type Db,
  flatCopy,
  HDR,
  type ModuleContext,
  type Run,
  type SipMsg,
  type Timer,
} from 'strowger';
import type { TmApi } from '../tm/api.ts';
import type { PresenceApi } from './api.ts';
import { Bodies } from './bodies.ts';
import { DbPublications } from './db-publications.ts';
import { equal, rowsOf } from './db-rows.ts';
import { Desk } from './desk.ts';
import { Etags } from './etags.ts';
import { EventPackages } from './events.ts';
import { MemoryPublications } from './memory-publications.ts';
import { MemorySubscriptions } from './memory-subscriptions.ts';
import { Notifier, xavpValue } from './notifier.ts';
import { Owners } from './owners.ts';
import { PresSettings } from './params.ts';
import type { PublicationStore } from './publication.ts';
import {
  answer,
  contactOf,
  contactOfSocket,
  expiresOf,
  ourTag,
  presentityUri,
  recordRouteOf,
  userAndDomain,
} from './requests.ts';
import { Serial } from './serial.ts';
import { type AskJob, type Job, type JobResult, REFUSED, type SubscribeJob } from './subscribe-job.ts';
import { authCode, type DialogKey, type SubsFacts } from './subscription.ts';
import { DbSubscriptions, SubscriptionRows } from './subscription-rows.ts';
import type { SubscriptionStore } from './subscription-store.ts';
import { Subscriptions } from './subscriptions.ts';
import { WatchRules } from './watch-rules.ts';
import { DbWatchers, MemoryWatchers } from './watcher-store.ts';

/** Versions of Kamailio's tables. */
const VERSIONS = { presentity: 5, active_watchers: 12, watchers: 3 } as const;
const TOPIC = 'presence.job';
const FIND_TOPIC = 'presence.find';
/** Priorities by time count from 2015, as Kamailio's do. */
const PRIORITY_EPOCH_SEC = 1_420_070_400;

/** Key of the SubsFacts that handle_subscribe() left on a message. */
const SUBS: object = { name: 'presence-subs' };

/** The module's state in one worker. */
export class Presence {
  readonly ctx: ModuleContext;
  readonly settings: PresSettings;
  readonly events = new EventPackages();
  readonly notifier: Notifier;
  readonly publications: PublicationStore;
  readonly subscriptions: Subscriptions;
  readonly rules: WatchRules;
  readonly #tm: TmApi;
  readonly #db: Db | null;
  readonly #rows: SubscriptionRows | null;
  readonly #store: SubscriptionStore;
  readonly #desk: Desk;
  readonly #owners: Owners<Job, JobResult>;
  readonly #serial = new Serial();
  readonly #timers: Timer[] = [];

  private constructor(ctx: ModuleContext, db: Db | null) {
    const { server, log } = ctx;
    const settings = new PresSettings(ctx);
    const now = (): number => this.now();
    this.ctx = ctx;
    this.settings = settings;
    this.#db = db;
    this.#tm = ctx.api<TmApi>('tm');
    this.#owners = new Owners(server, TOPIC, (job, respond) => void this.#desk.perform(job, respond), REFUSED);
    this.#rows = db === null ? null : new SubscriptionRows(db, ctx.str('active_watchers_table'), settings.fetchRows);
    this.#store = this.#makeStore();
    this.publications = this.#makePublications();
    const bodies = new Bodies(this.publications, (uri, event) => this.#store.list(uri, event));
    const watchers = db === null ? new MemoryWatchers() : new DbWatchers(db, ctx.str('watchers_table'));
    const sphere = (uri: string): Promise<string | null> =>
      settings.checksSphere ? this.#desk.sphere(uri) : Promise.resolve(null);
    this.rules = new WatchRules(watchers, now, sphere);
    const onGone = (sub: Parameters<Subscriptions['gone']>[0]): void => this.subscriptions.gone(sub);
    this.notifier = new Notifier({ server, log, sender: this.#tm, settings, now, onGone });
    const { events, rules, notifier } = this;
    const serial = this.#serial;
    this.subscriptions = new Subscriptions({
      log,
      wheel: server.wheel,
      random: (below) => server.random.int(below),
      settings,
      events,
      store: this.#store,
      bodies,
      rules,
      notifier,
      serial,
      now,
    });
    this.#desk = new Desk({
      log,
      settings,
      events,
      publications: this.publications,
      subscriptions: this.subscriptions,
      bodies,
      rules,
      notifier,
      etags: new Etags(Math.trunc(server.startedWallMs / 1000), server.random),
      serial,
      now,
    });
    server.bus.answer(FIND_TOPIC, (key) => this.#findOwn(key as DialogKey));
  }

  /** Rejects where the database or its tables are not usable. */
  static async start(ctx: ModuleContext): Promise<Presence> {
    const url = ctx.str('db_url');
    if (url === '') return new Presence(ctx, null);
    const db = await ctx.server.db.open(url);
    try {
      for (const [table, version] of Object.entries(VERSIONS))
        await checkTableVersion(db, ctx.str(`${table}_table`), version);
      return new Presence(ctx, db);
    } catch (error) {
      await db.close();
      throw error;
    }
  }

  /** Wall time in seconds. */
  now(): number {
    return Math.trunc(this.ctx.server.clock.wall() / 1000);
  }

  get api(): PresenceApi {
    return {
      addEvent: (event) => this.events.add(event),
      findEvent: (name) => this.events.get(name),
      eventList: () => this.events.list,
      updateWatchers: (uri, event) => this.ask('authorize', uri, event),
      presentity: async (uri, event) => (await this.#ask('presentity', uri, event))?.text ?? null,
      sphere: async (uri) => (await this.#ask('sphere', uri, 'presence'))?.text ?? null,
    };
  }

  /** Reads what the tables have, then starts the timers. */
  async startWork(): Promise<void> {
    const { publications, ctx } = this;
    if (publications instanceof DbPublications) await publications.load();
    if (this.#rows !== null && this.#store instanceof MemorySubscriptions && this.settings.subsMode !== 'memory') {
      for await (const subs of this.#rows.all()) {
        for (const sub of subs) if (this.#owns(sub.presUri)) this.#store.adopt(sub);
      }
    }
    this.#every(ctx.int('clean_period'), () => this.#cleanPublications());
    this.#every(ctx.int('db_update_period'), () => this.#updateSubscriptions());
  }

  /** presence.cleanup: both, now. */
  async cleanup(): Promise<void> {
    await this.#cleanPublications();
    await this.#updateSubscriptions();
  }

  async close(): Promise<void> {
    for (const timer of this.#timers.splice(0)) this.ctx.server.wheel.cancel(timer);
    this.subscriptions.close();
    await this.#serial.idle();
    await this.#store.flush();
    await this.#db?.close();
  }

  // What scripts call.

  /** handle_publish(). */
  publish(run: Run, sender: string): number | Promise<number> {
    const { msg } = run;
    const asked = this.events.asked(msg.header(HDR.EVENT));
    if (asked === null) return this.#badEvent(run);
    const { event } = asked;
    const presentity = presentityUri(msg.uri);
    if (presentity === null) return this.#refuse(run, 400, 'Bad Request');
    const etag = msg.header(HDR.SIPIFMATCH)?.trim() ?? '';
    const { body } = msg;
    if (body === '' && etag === '') return this.#refuse(run, 400, 'Invalid request');
    const refusal = body === '' ? null : (event.checkPublish?.(msg) ?? null);
    if (refusal !== null) return this.#refuse(run, refusal.code, refusal.reason);
    const expires = Math.min(expiresOf(msg, event.defaultExpires), this.settings.maxExpires);
    const { uri, user, domain } = presentity;
    const priority = this.#priority(msg);
    return new Promise((resolve) => {
      const job = {
        kind: 'publish',
        presUri: uri,
        user,
        domain,
        event: event.name,
        etag,
        expires,
        body,
        sender,
        priority,
      } as const;
      this.#run(job, (result) => resolve(this.#answerPublish(run, result)));
    });
  }

  #answerPublish(run: Run, { code, reason, expires, etag }: JobResult): number {
    const headers = code === 200 ? `Expires: ${expires ?? 0}\r\nSIP-ETag: ${etag ?? ''}\r\n` : '';
    answer(run, this.#tm, code, reason, headers);
    // A tag that is not known is the publisher's matter: the script goes on as after a success.
    return code === 200 || code === 412 ? 1 : -1;
  }

  /** handle_subscribe(). `watcherUri` is '' for the one in From. */
  async subscribe(run: Run, watcherUri: string): Promise<number> {
    const { msg } = run;
    const asked = this.events.asked(msg.header(HDR.EVENT));
    if (asked === null) return this.#badEvent(run);
    const { minExpires, maxExpires, forcesMinExpires } = this.settings;
    let expires = Math.min(expiresOf(msg, asked.event.defaultExpires), maxExpires);
    if (expires > 0 && expires < minExpires) {
      if (!forcesMinExpires) return this.#refuse(run, 423, 'Interval Too Brief', `Min-Expires: ${minExpires}\r\n`);
      expires = minExpires;
    }
    const job = this.#subscribeJob(run, asked.event.name, asked.id, expires, watcherUri);
    if (job === null) return this.#refuse(run, 400, 'Bad Request');
    const presUri = job.isInDialog ? await this.#presUriOf(job) : job.presUri;
    if (presUri === null) return this.#refuse(run, 481, 'Subscription does not exist');
    return await new Promise((resolve) =>
      this.#run({ ...job, presUri }, (result) => resolve(this.#answerSubscribe(run, result))),
    );
  }

  #answerSubscribe(run: Run, { code, reason, expires, localContact, subs }: JobResult): number {
    if (subs !== undefined && this.ctx.int('pres_subs_mode') !== 0) run.msg.setExtension(SUBS, subs);
    const isAccepted = code < 300;
    const headers = isAccepted ? `Expires: ${expires ?? 0}\r\nContact: <${localContact ?? ''}>\r\n` : '';
    answer(run, this.#tm, code, reason, headers);
    return isAccepted ? 1 : -1;
  }

  /** Null where the request lacks what a dialog needs. */
  #subscribeJob(run: Run, event: string, eventId: string, expires: number, watcherUri: string): SubscribeJob | null {
    const { msg } = run;
    const { from, to, rcv } = msg;
    const [fromUri, toUri] = [from?.uri ?? null, to?.uri ?? null];
    const contact = contactOf(msg);
    const presentity = presentityUri(msg.uri);
    const watcher = watcherUri === '' ? fromUri && userAndDomain(fromUri) : presentityUri(watcherUri);
    if (fromUri === null || toUri === null || contact === null || presentity === null || watcher === null) return null;
    if (msg.fromTag === '' || msg.callId === null || msg.cseqNumber < 0) return null;
    const fromParts = userAndDomain(fromUri);
    const toParts = userAndDomain(toUri);
    return {
      kind: 'subscribe',
      presUri: presentity.uri,
      isInDialog: msg.toTag !== '',
      watcherUser: watcher.user,
      watcherDomain: watcher.domain,
      toUser: toParts.user,
      toDomain: toParts.domain,
      fromUser: fromParts.user,
      fromDomain: fromParts.domain,
      event,
      eventId,
      callId: flatCopy(msg.callId),
      fromTag: flatCopy(msg.fromTag),
      toTag: msg.toTag === '' ? ourTag(run, this.#tm) : flatCopy(msg.toTag),
      cseq: msg.cseqNumber,
      contact,
      localContact: this.settings.serverAddress || contactOfSocket(rcv.socket),
      recordRoute: recordRouteOf(msg),
      socket: rcv.socket.uri,
      expires,
      userAgent: msg.header(HDR.USERAGENT) ?? '',
    };
  }

  /** pres_auth_status(): the number of the state, or -1. */
  async authStatus(watcherUri: string, uri: string): Promise<number> {
    const event = this.events.get('presence');
    const [watcher, presentity] = [presentityUri(watcherUri), presentityUri(uri)];
    if (event === null || watcher === null || presentity === null) return -1;
    try {
      const decided = await this.rules.decide(event, presentity, watcher, null);
      return decided === null ? -1 : authCode(decided);
    } catch (err) {
      this.ctx.log.error('pres_auth_status', { err });
      return -1;
    }
  }

  /** pres_refresh_watchers() of type 2: an XCAP document becomes a publication without an end. */
  async setHardState(uri: string, event: string, etag: string, body: string): Promise<boolean> {
    return (await this.#ask('hard-state', uri, event, { etag, body })) !== null;
  }

  /** A document in the table xcap: '' where it is not there (any more), null where it can not be looked for. */
  async document(uri: string): Promise<string | null> {
    if (this.#db === null) return null;
    try {
      const [row] = await rowsOf(this.#db, { table: 'xcap', columns: ['doc'], where: equal({ doc_uri: uri }) });
      return row?.str('doc') ?? '';
    } catch (err) {
      this.ctx.log.error('the table xcap can not be read', { err });
      return null;
    }
  }

  /** True where the owner says yes. */
  async ask(kind: AskJob['kind'], uri: string, event: string): Promise<boolean> {
    return (await this.#ask(kind, uri, event)) !== null;
  }

  /** What `$subs(…)` shows for a message; null for nothing. */
  subsOf(msg: SipMsg): SubsFacts | null {
    if (this.ctx.int('pres_subs_mode') === 0) return null;
    return this.notifier.factsFor(msg)?.subs ?? msg.extension<SubsFacts>(SUBS) ?? null;
  }

  async #ask(kind: AskJob['kind'], text: string, event: string, more: Partial<AskJob> = {}): Promise<JobResult | null> {
    const presentity = presentityUri(text);
    if (presentity === null || this.events.get(event) === null) return null;
    const job: AskJob = { kind, presUri: presentity.uri, event, ...more };
    const result = await new Promise<JobResult>((resolve) => this.#run(job, resolve));
    return result.code === 200 ? result : null;
  }

  #run(job: Job, respond: (result: JobResult) => void): void {
    this.#owners.run(this.settings.keyOf(job.presUri), job, respond);
  }

  #owns(presUri: string): boolean {
    return this.#owners.owns(this.settings.keyOf(presUri));
  }

  /** Whose dialog it is: ours, another worker's, or the database's. */
  async #presUriOf({ callId, toTag, fromTag }: DialogKey): Promise<string | null> {
    const key: DialogKey = { callId, toTag, fromTag };
    const own = await this.#store.find(key);
    if (own !== null || this.ctx.server.workerCount === 1) return own?.presUri ?? null;
    const answers = await this.ctx.server.bus.ask(FIND_TOPIC, key);
    const found = answers.find((uri) => typeof uri === 'string');
    return typeof found === 'string' ? found : null;
  }

  async #findOwn(key: DialogKey): Promise<string | undefined> {
    return (await this.#store.find(key))?.presUri;
  }

  #priority(msg: SipMsg): number {
    const { xavp } = this.settings;
    if (xavp === '') return 0;
    const given = xavpValue(msg, xavp, 'priority');
    return typeof given === 'number' ? given : this.now() - PRIORITY_EPOCH_SEC;
  }

  #refuse(run: Run, code: number, reason: string, headers = ''): number {
    answer(run, this.#tm, code, reason, headers);
    return -1;
  }

  #badEvent(run: Run): number {
    return this.#refuse(run, 489, 'Bad Event', `Allow-Events: ${this.events.list}\r\n`);
  }

  #makeStore(): SubscriptionStore {
    const { settings } = this;
    const keyOf = (uri: string): string => settings.keyOf(uri);
    const rows = this.#rows;
    if (rows === null || settings.subsMode === 'memory') return new MemorySubscriptions(null, false, keyOf);
    if (settings.subsMode === 'database') return new DbSubscriptions(rows, (uri) => this.#owns(uri));
    return new MemorySubscriptions(rows, settings.subsMode === 'write-through', keyOf);
  }

  #makePublications(): PublicationStore {
    const { settings, ctx } = this;
    const now = (): number => this.now();
    if (this.#db === null || settings.keepsPublications)
      return new MemoryPublications(settings.order, now, (key) => settings.keyOf(key));
    const owns = (user: string, domain: string): boolean =>
      this.#owns(user === '' ? `sip:${domain}` : `sip:${user}@${domain}`);
    return new DbPublications({ db: this.#db, table: ctx.str('presentity_table'), settings, now, owns });
  }

  async #cleanPublications(): Promise<void> {
    await this.#desk.expirePublications(this.ctx.int('force_delete') !== 0);
    if (this.ctx.server.isFirstWorker || this.#db === null) await this.rules.clean();
  }

  async #updateSubscriptions(): Promise<void> {
    await this.subscriptions.expire();
    await this.#store.flush();
  }

  #every(seconds: number, work: () => Promise<void>): void {
    if (seconds <= 0) return;
    let isBusy = false;
    const tick = (): void => {
      if (isBusy) return;
      isBusy = true;
      work()
        .catch((err: unknown) => this.ctx.log.error('a timer of presence failed', { err }))
        .finally(() => {
          isBusy = false;
        });
    };
    this.#timers.push(this.ctx.server.wheel.every(seconds * 1000, tick));
  }
}
