import { METHOD, type SipMsg } from 'strowger';
import type { TmCallbackArgs } from '../tm/api.ts';
import { contextOf } from './context.ts';
import { type Dialog, LEG, type Leg } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';

/** The dialog variable that says how much higher the numbers are towards the callee. */
const CSEQ_DIFF = 'cseq_diff';

/**
 * CSeq numbers where a request was sent again with credentials (uac_auth): the callee saw one more than the caller sent, so
 * further requests of the caller get it added, and their replies have it taken away (`track_cseq_updates`).
 */
export class CseqShift {
  readonly #dialogs: Dialogs;

  constructor(dialogs: Dialogs) {
    this.#dialogs = dialogs;
  }

  /** Returns what ends it. */
  attach(): () => void {
    return this.#dialogs.settings.tracksCseq ? this.#dialogs.tm.on('replyIn', (args) => this.#unshift(args)) : () => {};
  }

  /** Before a request goes out once more with credentials: it counts one up. False where its dialog is not tracked. */
  increase(msg: SipMsg): boolean {
    if (!this.#dialogs.settings.tracksCseq) return false;
    const dialog = this.#dialogs.of(msg);
    if (dialog === null || contextOf(msg)?.sender === LEG.CALLEE) return false;
    const diff = diffOf(dialog) + 1;
    this.#dialogs.setVariable(dialog, CSEQ_DIFF, String(diff));
    rewrite(msg, msg.cseqNumber + diff);
    return true;
  }

  /** A request within the dialog: those of the caller are numbered as the callee knows it. */
  shift(msg: SipMsg, dialog: Dialog, sender: Leg): void {
    const diff = diffOf(dialog);
    if (sender === LEG.CALLER && diff > 0) rewrite(msg, msg.cseqNumber + diff);
  }

  /** A reply that is passed on has the number that its caller sent. */
  #unshift({ t, reply }: TmCallbackArgs): void {
    if (reply === null || t.isLocal || reply.cseqNumber === t.request.cseqNumber) return;
    const context = contextOf(t.request);
    if (context === undefined || context.dialog === null || context.sender !== LEG.CALLER) return;
    rewrite(reply, t.request.cseqNumber);
  }
}

function diffOf(dialog: Dialog): number {
  return Number.parseInt(dialog.variable(CSEQ_DIFF) ?? '', 10) || 0;
}

/** Writes another number into CSeq; an ACK or CANCEL of tm's own takes it from what was sent. */
function rewrite(msg: SipMsg, number: number): void {
  if (msg.cseqAt < 0 || msg.method === METHOD.CANCEL) return;
  const start = msg.hdrValueStart(msg.cseqAt);
  const digits = /^\d+/.exec(msg.buf.slice(start, start + 10))?.[0] ?? '';
  if (digits !== '') msg.lumps.del(start, digits.length).insertAfter(String(number));
}
