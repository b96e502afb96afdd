/**
 * The INVITE side of one dialog as a pure table (RFC 3261 §14): which INVITE, if any, is under way, and what another one
 * meets. At most one may be open in a dialog, in either direction.
 */

/** Which INVITE is under way in a dialog. */
export const USAGE = {
  NONE: 0,
  /** Ours has no final reply yet. */
  SENT: 1,
  /** Ours got a 2xx, whose ACK we have not sent yet. */
  SENT_OK: 2,
  /** Theirs waits for our final reply. */
  RECEIVED: 3,
  /** Theirs got our 2xx, whose ACK has not come yet. */
  RECEIVED_OK: 4,
  /** The dialog has ended. */
  ENDED: 5,
} as const;
export type Usage = (typeof USAGE)[keyof typeof USAGE];

export const USAGE_EVENT = {
  /** We want to send an INVITE. */
  SEND: 0,
  /** An INVITE with a new CSeq came. */
  RECEIVE: 1,
  /** A 2xx to ours came. */
  GOT_OK: 2,
  /** A negative final reply, or none at all, to ours. */
  GOT_ERROR: 3,
  /** We answer theirs with a 2xx. */
  ANSWER_OK: 4,
  /** We answer theirs with 300 to 699. */
  ANSWER_ERROR: 5,
  /** We acknowledge the 2xx to ours. */
  SEND_ACK: 6,
  /** The ACK of our 2xx came. */
  GOT_ACK: 7,
  /** BYE, either way. */
  BYE: 8,
} as const;
export type UsageEvent = (typeof USAGE_EVENT)[keyof typeof USAGE_EVENT];

/** What is to be done. */
export const VERDICT = {
  OK: 0,
  /** Not now: try again when the usage is NONE. */
  WAIT: 1,
  /** Answer it with 491: one of ours is under way (RFC 3261 §14.2). */
  REQUEST_PENDING: 2,
  /** Answer it with 500 and Retry-After: one of theirs is under way (RFC 3261 §14.2). */
  RETRY_LATER: 3,
  /** Not to happen, or late: nothing is done. */
  IGNORE: 4,
  /** Answer it with 481: the dialog is over. */
  GONE: 5,
  /** Take it: the 2xx before it has arrived, though its ACK has not (RFC 5407 §3.1.4). */
  ACKNOWLEDGES: 6,
} as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

export interface UsageStep {
  readonly next: Usage;
  readonly verdict: Verdict;
}

const { NONE, SENT, SENT_OK, RECEIVED, RECEIVED_OK, ENDED } = USAGE;
const { OK, WAIT, REQUEST_PENDING, RETRY_LATER, IGNORE, GONE, ACKNOWLEDGES } = VERDICT;

/** Rows by state, columns by event (SEND RECEIVE GOT_OK GOT_ERROR ANSWER_OK ANSWER_ERROR SEND_ACK GOT_ACK BYE). */
const TABLE: readonly (readonly (readonly [Usage, Verdict])[])[] = [
  /* NONE */ [
    [SENT, OK],
    [RECEIVED, OK],
    [NONE, IGNORE],
    [NONE, IGNORE],
    [NONE, IGNORE],
    [NONE, IGNORE],
    [NONE, IGNORE],
    [NONE, IGNORE],
    [ENDED, OK],
  ],
  /* SENT */ [
    [SENT, WAIT],
    [SENT, REQUEST_PENDING],
    [SENT_OK, OK],
    [NONE, OK],
    [SENT, IGNORE],
    [SENT, IGNORE],
    [SENT, IGNORE],
    [SENT, IGNORE],
    [ENDED, OK],
  ],
  /* SENT_OK: a repeated 2xx, or one of another branch, changes nothing */ [
    [SENT_OK, WAIT],
    [SENT_OK, REQUEST_PENDING],
    [SENT_OK, IGNORE],
    [SENT_OK, IGNORE],
    [SENT_OK, IGNORE],
    [SENT_OK, IGNORE],
    [NONE, OK],
    [SENT_OK, IGNORE],
    [ENDED, OK],
  ],
  /* RECEIVED */ [
    [RECEIVED, WAIT],
    [RECEIVED, RETRY_LATER],
    [RECEIVED, IGNORE],
    [RECEIVED, IGNORE],
    [RECEIVED_OK, OK],
    [NONE, OK],
    [RECEIVED, IGNORE],
    [RECEIVED, IGNORE],
    [ENDED, OK],
  ],
  /* RECEIVED_OK: where the ACK is to hold an answer the offer stands in the way of their next INVITE (offer-answer) */ [
    [RECEIVED_OK, WAIT],
    [RECEIVED, ACKNOWLEDGES],
    [RECEIVED_OK, IGNORE],
    [RECEIVED_OK, IGNORE],
    [RECEIVED_OK, IGNORE],
    [RECEIVED_OK, IGNORE],
    [RECEIVED_OK, IGNORE],
    [NONE, OK],
    [ENDED, OK],
  ],
  /* ENDED */ [
    [ENDED, GONE],
    [ENDED, GONE],
    [ENDED, IGNORE],
    [ENDED, IGNORE],
    [ENDED, IGNORE],
    [ENDED, IGNORE],
    [ENDED, IGNORE],
    [ENDED, IGNORE],
    [ENDED, IGNORE],
  ],
];

/** What an event leads to in a state; every pair has an entry. */
export function usageStep(state: Usage, event: UsageEvent): UsageStep {
  const [next, verdict] = (TABLE[state] as readonly (readonly [Usage, Verdict])[])[event] as readonly [Usage, Verdict];
  return { next, verdict };
}
