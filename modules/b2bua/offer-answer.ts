/**
 * Offer and answer (RFC 3264, RFC 6337) of one dialog as a pure table: whether an offer is open, and in which direction.
 * Where it travels (INVITE, its replies, ACK, PRACK, UPDATE) is not its business.
 */

export const OFFER = {
  /** No offer is open. */
  STABLE: 0,
  /** We made one and wait for the answer. */
  LOCAL: 1,
  /** They made one and wait for ours. */
  REMOTE: 2,
} as const;
export type Offer = (typeof OFFER)[keyof typeof OFFER];

export const OFFER_EVENT = {
  SEND_OFFER: 0,
  RECEIVE_OFFER: 1,
  /** We answer theirs, or refuse it (488, or what held it failed): then the session stays as it was. */
  CLOSE_THEIRS: 2,
  /** They answer ours, or refuse it. */
  CLOSE_OURS: 3,
} as const;
export type OfferEvent = (typeof OFFER_EVENT)[keyof typeof OFFER_EVENT];

export const OFFER_VERDICT = {
  OK: 0,
  /** Ours must wait: an offer is open. */
  WAIT: 1,
  /** Theirs crossed ours: 491 (RFC 3261 §14.2, RFC 3311 §5.2). */
  CROSSED: 2,
  /** Theirs came before we answered the last one: 500 with Retry-After (RFC 3311 §5.2). */
  TOO_EARLY: 3,
  /** There is nothing to answer: the description is passed over. */
  IGNORE: 4,
} as const;
export type OfferVerdict = (typeof OFFER_VERDICT)[keyof typeof OFFER_VERDICT];

export interface OfferStep {
  readonly next: Offer;
  readonly verdict: OfferVerdict;
}

const { STABLE, LOCAL, REMOTE } = OFFER;
const { OK, WAIT, CROSSED, TOO_EARLY, IGNORE } = OFFER_VERDICT;

/** Rows by state, columns by event (SEND_OFFER RECEIVE_OFFER CLOSE_THEIRS CLOSE_OURS). */
const TABLE: readonly (readonly (readonly [Offer, OfferVerdict])[])[] = [
  /* STABLE */ [
    [LOCAL, OK],
    [REMOTE, OK],
    [STABLE, IGNORE],
    [STABLE, IGNORE],
  ],
  /* LOCAL */ [
    [LOCAL, WAIT],
    [LOCAL, CROSSED],
    [LOCAL, IGNORE],
    [STABLE, OK],
  ],
  /* REMOTE */ [
    [REMOTE, WAIT],
    [REMOTE, TOO_EARLY],
    [STABLE, OK],
    [REMOTE, IGNORE],
  ],
];

/** What an event leads to in a state; every pair has an entry. */
export function offerStep(state: Offer, event: OfferEvent): OfferStep {
  const [next, verdict] = (TABLE[state] as readonly (readonly [Offer, OfferVerdict])[])[event] as readonly [
    Offer,
    OfferVerdict,
  ];
  return { next, verdict };
}
