import type { TmCallbackArgs, Transaction } from '../tm/api.ts';
import { contextOf } from './context.ts';
import type { Dialogs } from './dialogs.ts';

/** Follows the transactions of dialogs. */
export class TmEvents {
  readonly #dialogs: Dialogs;

  constructor(dialogs: Dialogs) {
    this.#dialogs = dialogs;
  }

  /** Returns what ends it. */
  attach(): () => void {
    const { tm, ctx } = this.#dialogs;
    const undo = [
      tm.on('requestIn', ({ t }) => this.#began(t)),
      tm.on('replyOut', (args) => this.#replied(args)),
      ctx.server.hooks.requestDone.add((msg) => {
        const context = contextOf(msg);
        if (context !== undefined) this.#dialogs.initial.scriptEnded(msg, context);
      }),
    ];
    return () => {
      for (const each of undo) each();
    };
  }

  #began(t: Transaction): void {
    const { initial, settings } = this.#dialogs;
    if (settings.flagBit !== 0) initial.transactionBegins(t);
    const context = contextOf(t.request);
    if (context !== undefined) initial.hold(t, context);
  }

  #replied({ t, reply, code }: TmCallbackArgs): void {
    const context = contextOf(t.request);
    const dialog = context?.dialog ?? null;
    if (context === undefined || dialog === null) return;
    if (context.isInitial) this.#dialogs.initial.replied(t, dialog, reply, code);
    else if (t.request.toTag !== '') this.#dialogs.within.replied(t, dialog, context.sender, reply, code);
  }
}
