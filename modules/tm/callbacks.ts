import type { SipMsg } from 'strowger';
import type { Transaction } from './transaction.ts';

/**
 * What other modules may be told of a transaction (Kamailio's TMCB_*):
 * - `requestIn`: it begins, for a request received; `requestOut`: a branch was sent; `requestFwded`: a t_relay sent its
 *   branches;
 * - `replyIn`: a reply to a branch came, before the script sees it; `replyFwded`: one was passed on;
 *   `replyOut`: any reply went upstream, ours too (provisional ones of ours with `pass_provisional_replies`);
 * - `onFailure`: all branches failed, before the failure route; `completed`: the final reply went upstream;
 * - `cancelled`: the caller cancelled; `e2eAck`: the ACK of a 2xx passed; `destroy`: it ends;
 * - `localRequestOut`, `localCompleted`: a request of our own was sent, was answered or given up.
 */
export type TmEvent =
  | 'requestIn'
  | 'requestOut'
  | 'requestFwded'
  | 'replyIn'
  | 'replyFwded'
  | 'replyOut'
  | 'onFailure'
  | 'completed'
  | 'cancelled'
  | 'e2eAck'
  | 'destroy'
  | 'localRequestOut'
  | 'localCompleted';

/** Told that a transaction is gone, where the transaction itself is not needed any more: `TmApi.onEnd`. */
export interface EndListener {
  transactionEnded(): void;
}

/** Two that are told of the same transaction's end; one of them may be two again. */
export class EndListeners implements EndListener {
  readonly #first: EndListener;
  readonly #second: EndListener;

  constructor(first: EndListener, second: EndListener) {
    this.#first = first;
    this.#second = second;
  }

  transactionEnded(): void {
    try {
      this.#first.transactionEnded();
    } finally {
      this.#second.transactionEnded();
    }
  }
}

export interface TmCallbackArgs {
  readonly t: Transaction;
  /** The reply, or null where it was made up by us. */
  readonly reply: SipMsg | null;
  /** Status; 0 where the event is about no reply. */
  readonly code: number;
  /** Branch number; -1 where the event is about no branch. */
  readonly branch: number;
  /** The message the event is about beside the reply: the transaction's request, the CANCEL, the ACK. */
  readonly request: SipMsg;
}
export type TmCallback = (args: TmCallbackArgs) => void;

/** Callbacks by event. */
export class TmCallbacks {
  readonly #lists = new Map<TmEvent, TmCallback[]>();

  get isEmpty(): boolean {
    return this.#lists.size === 0;
  }

  has(event: TmEvent): boolean {
    return this.#lists.has(event);
  }

  /** Returns what takes it back. */
  on(event: TmEvent, callback: TmCallback): () => void {
    const list = this.#lists.get(event);
    if (list === undefined) this.#lists.set(event, [callback]);
    else list.push(callback);
    return () => this.#off(event, callback);
  }

  #off(event: TmEvent, callback: TmCallback): void {
    const list = this.#lists.get(event)?.filter((other) => other !== callback) ?? [];
    if (list.length === 0) this.#lists.delete(event);
    else this.#lists.set(event, list);
  }

  /** Calls all of an event in order; what one throws is handed to `onError` and stops no other. */
  run(event: TmEvent, args: TmCallbackArgs, onError: (error: unknown) => void): void {
    for (const callback of this.#lists.get(event) ?? []) {
      try {
        callback(args);
      } catch (error) {
        onError(error);
      }
    }
  }
}
