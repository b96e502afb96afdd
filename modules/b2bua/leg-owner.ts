import type { SipMsg } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import type { Leg } from './leg.ts';
import type { Outgoing, Shaped } from './outbox.ts';
import type { UaDialog } from './ua-dialog.ts';

/** Life of a leg. */
export const LEG = {
  /** Its INVITE has no final reply. */
  EARLY: 0,
  CONFIRMED: 1,
  ENDED: 2,
} as const;
export type LegState = (typeof LEG)[keyof typeof LEG];

/** What the module's parameters say about every leg. */
export interface LegSettings {
  /** We send UPDATE where the other side takes it. */
  readonly allowsUpdate: boolean;
  /** How often a re-INVITE of ours is sent again that crosses one of the other side. */
  readonly glareRetries: number;
}

/** What a leg tells its call; each is one event of the call's mailbox. */
export interface LegOwner {
  readonly settings: LegSettings;
  /** 101 to 199 to our INVITE. */
  onProgress(leg: Leg, reply: SipMsg): void;
  /** The first 2xx to our first INVITE: the dialog is there, its ACK is to be sent. */
  onAnswer(leg: Leg, reply: SipMsg): void;
  /** Our first INVITE failed; `reply` is null where nobody answered. */
  onFailure(leg: Leg, code: number, reply: SipMsg | null): void;
  /** A request of ours was challenged (401, 407); `then` is told whether it is worth sending again. */
  onChallenge(leg: Leg, reply: SipMsg, then: (isAnswered: boolean) => void): void;
  /** The ACK of our 2xx came; null where something else shows that the 2xx has arrived. */
  onAck(leg: Leg, ack: SipMsg | null): void;
  /** The caller gave up. */
  onCancel(leg: Leg, cancel: SipMsg): void;
  /** A request in the dialog that is to be answered: all but ACK, CANCEL and what the leg refused by itself. */
  onRequest(leg: Leg, msg: SipMsg, t: Transaction): void;
  /** The other side can not be reached any more: no ACK, 481, 408. */
  onLost(leg: Leg, cause: string): void;
  /** A re-INVITE of ours crossed one of the other side. */
  onGlare(): void;
  /** Nothing more happens on the leg. */
  onEnd(leg: Leg): void;
  /** A line of the call's history. */
  note(leg: Leg, what: string): void;
  /** Gives a message its final form; null where it can not be sent. Does not reject. */
  shape(leg: Leg, out: Outgoing): Shaped | null | Promise<Shaped | null>;
}

/** A request of ours in a dialog. */
export interface LegRequest {
  readonly body?: string;
  readonly contentType?: string;
  /** Further rows, each with CRLF. */
  readonly headers?: string;
  /** An early dialog beside the leg's own, for PRACK. */
  readonly dialog?: UaDialog;
  /** Of an INVITE: how long it may ring, in ms; 0: tm's fr_inv_timer. */
  readonly ringMs?: number;
  readonly onProvisional?: (reply: SipMsg) => void;
  /** Of an INVITE: its first 2xx, to be acknowledged with `ack`. */
  readonly onOk?: (reply: SipMsg) => void;
  /** The final reply (of an INVITE: not a 2xx where `onOk` is given), or null and why there is none. */
  readonly onFinal?: (code: number, reply: SipMsg | null) => void;
}
