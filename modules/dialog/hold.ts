import type { EndListener } from '../tm/api.ts';
import type { MsgContext } from './context.ts';
import type { Dialog } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { STATE } from './fsm.ts';

/** A dialog lives at least as long as each of its transactions; one whose INVITE came to nothing ends with that. */
export class DialogHold implements EndListener {
  readonly #dialogs: Dialogs;
  readonly #dialog: Dialog;
  readonly #context: MsgContext;
  readonly #isInvite: boolean;

  constructor(dialogs: Dialogs, dialog: Dialog, context: MsgContext, isInvite: boolean) {
    this.#dialogs = dialogs;
    this.#dialog = dialog;
    this.#context = context;
    this.#isInvite = isInvite;
  }

  transactionEnded(): void {
    const dialog = this.#dialog;
    const context = this.#context;
    context.isHeld = false;
    dialog.holders--;
    if (dialog.state === STATE.DELETED) {
      if (dialog.holders === 0) this.#dialogs.forget(dialog);
    } else if (context.isInitial && this.#isInvite && dialog.startSec === 0) this.#dialogs.forget(dialog);
  }
}
