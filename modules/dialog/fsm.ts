/** States of a dialog: Kamailio's numbers, as scripts, RPC and the database show them. */
export const STATE = {
  /** The INVITE is on its way. */
  UNCONFIRMED: 1,
  /** It rings. */
  EARLY: 2,
  /** Answered; the ACK has not come yet. */
  CONFIRMED_NA: 3,
  CONFIRMED: 4,
  DELETED: 5,
} as const;
export type DialogState = (typeof STATE)[keyof typeof STATE];

/** What happens to a dialog. */
export const EVENT = {
  PROVISIONAL: 0,
  ANSWER: 1,
  REJECTION: 2,
  ACK: 3,
  BYE: 4,
  /** Any other request within the dialog. */
  REQUEST: 5,
  /** It ends by our doing, or its time is over. */
  END: 6,
} as const;
export type DialogEventCode = (typeof EVENT)[keyof typeof EVENT];

const { UNCONFIRMED, EARLY, CONFIRMED_NA, CONFIRMED, DELETED } = STATE;

/** By state (row 0 is none) and event: the next state. A BYE within an early dialog does not end it (RFC 3261 §15). */
const NEXT: readonly (readonly DialogState[])[] = [
  [],
  [EARLY, CONFIRMED_NA, DELETED, UNCONFIRMED, UNCONFIRMED, UNCONFIRMED, DELETED],
  [EARLY, CONFIRMED_NA, DELETED, EARLY, EARLY, EARLY, DELETED],
  [CONFIRMED_NA, CONFIRMED_NA, CONFIRMED_NA, CONFIRMED, DELETED, CONFIRMED_NA, DELETED],
  [CONFIRMED, CONFIRMED, CONFIRMED, CONFIRMED, DELETED, CONFIRMED, DELETED],
  [DELETED, DELETED, DELETED, DELETED, DELETED, DELETED, DELETED],
];

/** The state after an event; what does not fit a state leaves it. */
export function nextState(state: DialogState, event: DialogEventCode): DialogState {
  return NEXT[state]?.[event] ?? state;
}

/** Answered and not over. */
export function isActive(state: DialogState): boolean {
  return state === CONFIRMED_NA || state === CONFIRMED;
}
