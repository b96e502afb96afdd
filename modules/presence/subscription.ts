/** How far a subscription is (RFC 6665 §4.1.3); `waiting` is kept for databases that hold it. */
export type SubscriptionState = 'active' | 'pending' | 'terminated' | 'waiting';

/** The numbers that scripts and tables have for them. */
export const STATUS_CODE: Readonly<Record<SubscriptionState, number>> = {
  active: 1,
  pending: 2,
  terminated: 3,
  waiting: 4,
};
/** What pres_auth_status() gives for an active watcher that is shown nothing. */
const POLITE_BLOCK_CODE = 5;
/** The reason of such a subscription. */
export const POLITE_BLOCK = 'polite-block';

const STATES: readonly SubscriptionState[] = ['active', 'pending', 'terminated', 'waiting'];

/** Of a number in a table; `pending` for an unknown one. */
export function stateOf(code: number): SubscriptionState {
  return STATES[code - 1] ?? 'pending';
}

/** What was decided about a watcher. */
export interface Authorization {
  readonly status: SubscriptionState;
  readonly reason: string;
}

/** Who watches. */
export interface Watcher {
  readonly user: string;
  readonly domain: string;
}

/** What a dialog is known by: Call-ID, our tag, the watcher's tag. */
export interface DialogKey {
  readonly callId: string;
  readonly toTag: string;
  readonly fromTag: string;
}

/** A subscription's dialog and state, as the table active_watchers has it. Strings are flat copies. */
export interface Subscription extends DialogKey {
  readonly presUri: string;
  readonly watcherUser: string;
  readonly watcherDomain: string;
  readonly toUser: string;
  readonly toDomain: string;
  readonly fromUser: string;
  readonly fromDomain: string;
  /** Name of the package. */
  readonly event: string;
  readonly eventId: string;
  /** CSeq of the last NOTIFY. */
  localCseq: number;
  remoteCseq: number;
  contact: string;
  localContact: string;
  /** Values of Record-Route, in their order, with `,` between. */
  recordRoute: string;
  /** Wall time in seconds. */
  expires: number;
  status: SubscriptionState;
  reason: string;
  /** NOTIFYs so far; the first is 1. */
  version: number;
  /** The socket it came to, `udp:10.0.0.1:5060`. */
  socket: string;
  flags: number;
  userAgent: string;
}

export function dialogKey({ callId, toTag, fromTag }: DialogKey): string {
  return `${callId}\n${toTag}\n${fromTag}`;
}

/** The key of all subscriptions to one presentity and package. */
export function topicKey(presUri: string, event: string): string {
  return `${presUri}\n${event}`;
}

/** What `$subs(…)` shows: a subscription at one moment; `expires` is what remains. */
export interface SubsFacts extends Readonly<Subscription> {
  readonly remainingSec: number;
}

export function factsOf(sub: Subscription, nowSec: number, changes: Partial<SubsFacts> = {}): SubsFacts {
  return { ...sub, remainingSec: Math.max(0, sub.expires - nowSec), ...changes };
}

/** What scripts see of a decision. */
export function authCode({ status, reason }: Authorization): number {
  return reason === POLITE_BLOCK ? POLITE_BLOCK_CODE : STATUS_CODE[status];
}
