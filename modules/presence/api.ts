import type { SipMsg } from 'strowger';
import type { Authorization, SubscriptionState, Watcher } from './subscription.ts';

export type { Authorization, SubscriptionState, Watcher } from './subscription.ts';

/** Why a PUBLISH is not taken. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
}

/** Whose state it is: the user and host of the presentity's URI. */
export interface Presentity {
  readonly uri: string;
  readonly user: string;
  readonly domain: string;
}

/**
 * An event package (RFC 6665 §5): what other modules teach presence (Kamailio: `pres_ev_t`). Bodies are the script's text.
 */
export interface EventPackage {
  /** As in the Event header, with the parameters that belong to it: `presence`, `dialog;sla`. */
  readonly name: string;
  /** Of the bodies in NOTIFY. */
  readonly contentType: string;
  /** Seconds, for a request without Expires. */
  readonly defaultExpires: number;
  /** A template for watcher information (RFC 3857): the package whose watchers it tells. */
  readonly winfoOf?: string;
  /** The entity tag of a publication stays the same when it is changed. */
  readonly keepsEtag?: boolean;
  /** Looks at a PUBLISH that has a body; null where it is good. */
  checkPublish?(msg: SipMsg): Refusal | null;
  /** A publication with this body is at its end: what comes for it later does not change it. */
  isFinal?(body: string): boolean;
  /** Makes one body of the publications', oldest first; null for none. Without it the newest one is taken. */
  aggregate?(presentity: Presentity, bodies: readonly string[]): string | null;
  /** What a publication says when its publisher takes it back. Without it the rest is told. */
  offline?(body: string): string | null;
  /** The presentity's rules, loaded once for all its watchers; null where there are none. */
  loadRules?(presentity: Presentity): Promise<string | null>;
  /**
   * May this watcher see it? `before` is what was decided last, null for the first time. Null where the rules can not be
   * read. A package without it has no authorization: everyone may.
   */
  authorize?(
    watcher: Watcher,
    rules: string | null,
    before: SubscriptionState | null,
    sphere: string | null,
  ): Authorization | null;
  /** Takes out of the body what the rules do not give this watcher; null for nothing at all. */
  filter?(body: string, watcher: Watcher, rules: string | null, sphere: string | null): string | null;
  /** Last touch for one watcher; `version` counts the NOTIFYs of its subscription. */
  personalize?(body: string, version: number): string;
}

/** What presence gives to other modules: `ctx.api<PresenceApi>('presence')` (types only). */
export interface PresenceApi {
  /** Adds a package, in init. A second one of the same name takes its place. */
  addEvent(event: EventPackage): void;
  findEvent(name: string): EventPackage | null;
  /** As in Allow-Events. */
  eventList(): string;
  /** Decides anew about all watchers of a presentity, and tells those for whom it changed. False where it could not. */
  updateWatchers(presentityUri: string, event: string): Promise<boolean>;
  /** The bodies that are published now, made one; null for none. */
  presentity(presentityUri: string, event: string): Promise<string | null>;
  /** What a presentity publishes as its sphere (RFC 4480 §3.10); null for none. */
  sphere(presentityUri: string): Promise<string | null>;
}
