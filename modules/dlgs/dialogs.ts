import { flatCopy } from 'strowger';

/** States in their order; from TERMINATED on a dialog is over. */
export const STATE = { INIT: 1, PROGRESS: 2, ANSWERED: 3, CONFIRMED: 4, TERMINATED: 5, NOT_ANSWERED: 6 } as const;
export type State = (typeof STATE)[keyof typeof STATE];

/** One call. */
export interface Dialog {
  readonly callId: string;
  readonly fromTag: string;
  toTag: string;
  readonly src: string;
  readonly dst: string;
  readonly data: string;
  /** Name of the record, unique in this server. */
  readonly ruid: string;
  state: State;
  readonly initSec: number;
  /** 0: not yet. */
  answerSec: number;
  endSec: number;
  readonly tags: Set<string>;
}

export interface Lifetimes {
  readonly initSec: number;
  readonly activeSec: number;
  readonly finishSec: number;
}

/** The dialogs whose messages this worker handles, by Call-ID and the caller's tag. */
export class Dialogs {
  readonly #byKey = new Map<string, Dialog>();
  readonly #lifetimes: Lifetimes;

  constructor(lifetimes: Lifetimes) {
    this.#lifetimes = lifetimes;
  }

  get size(): number {
    return this.#byKey.size;
  }

  all(): IterableIterator<Dialog> {
    return this.#byKey.values();
  }

  /** The dialog of a message, whichever side sent it. */
  find(callId: string, fromTag: string, toTag: string): Dialog | undefined {
    return (
      this.#byKey.get(keyOf(callId, fromTag)) ?? (toTag === '' ? undefined : this.#byKey.get(keyOf(callId, toTag)))
    );
  }

  /** Texts are copied out of their message. */
  add(facts: Pick<Dialog, 'callId' | 'fromTag' | 'src' | 'dst' | 'data' | 'ruid'>, nowSec: number): Dialog {
    const dialog: Dialog = {
      callId: flatCopy(facts.callId),
      fromTag: flatCopy(facts.fromTag),
      src: flatCopy(facts.src),
      dst: flatCopy(facts.dst),
      data: flatCopy(facts.data),
      ruid: facts.ruid,
      toTag: '',
      state: STATE.INIT,
      initSec: nowSec,
      answerSec: 0,
      endSec: 0,
      tags: new Set(),
    };
    this.#byKey.set(keyOf(dialog.callId, dialog.fromTag), dialog);
    return dialog;
  }

  /** Takes out what has been there for its lifetime. */
  clean(nowSec: number): void {
    const { initSec, activeSec, finishSec } = this.#lifetimes;
    for (const [key, dialog] of this.#byKey) {
      const { state } = dialog;
      const end =
        state >= STATE.TERMINATED
          ? dialog.endSec + finishSec
          : state === STATE.CONFIRMED
            ? dialog.answerSec + activeSec
            : dialog.initSec + initSec;
      if (end <= nowSec) this.#byKey.delete(key);
    }
  }
}

/** A reply to the INVITE has been sent to the caller. */
export function replied(dialog: Dialog, code: number, toTag: string, nowSec: number): void {
  if (code < 200) {
    if (code > 100 && dialog.state === STATE.INIT) dialog.state = STATE.PROGRESS;
  } else if (code < 300) {
    if (dialog.state === STATE.CONFIRMED || dialog.state === STATE.TERMINATED) return;
    if (dialog.answerSec === 0) dialog.answerSec = nowSec;
    dialog.state = STATE.ANSWERED;
    if (dialog.toTag === '') dialog.toTag = flatCopy(toTag);
  } else if (dialog.state < STATE.ANSWERED) {
    dialog.state = STATE.NOT_ANSWERED;
    dialog.endSec = nowSec;
  }
}

/** A request of the dialog has come: ACK confirms it, BYE ends it, CANCEL ends what is not answered. */
export function requested(dialog: Dialog, method: string, nowSec: number): void {
  if (method === 'ACK') {
    if (dialog.state === STATE.ANSWERED) dialog.state = STATE.CONFIRMED;
  } else if (method === 'BYE') {
    if (dialog.state >= STATE.TERMINATED) return;
    dialog.state = STATE.TERMINATED;
    dialog.endSec = nowSec;
  } else if (method === 'CANCEL' && dialog.state < STATE.ANSWERED) {
    dialog.state = STATE.NOT_ANSWERED;
    dialog.endSec = nowSec;
  }
}

function keyOf(callId: string, tag: string): string {
  return `${callId}\n${tag}`;
}
