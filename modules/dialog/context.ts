import type { SipMsg } from 'strowger';
import type { EndListener } from '../tm/api.ts';
import type { Dialog, Leg } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { STATE } from './fsm.ts';
import type { ProfileDef } from './profiles.ts';

/** Key under which a message keeps what dialog knows of it. */
const CONTEXT = { name: 'dialog: of this message' };

/** What a script has decided about a message, and the dialog that was found for it. */
export class MsgContext implements EndListener {
  dialog: Dialog | null = null;
  /** Is it the INVITE that the dialog began with? */
  isInitial = false;
  /** Found by loose_route() or dlg_manage(): `$DLG_status` tells of it. */
  isSequential = false;
  /** Callbacks of a new dialog wait for the end of the script. */
  tellsLater = false;
  /** Who sent it. */
  sender: Leg | null = null;
  /** Does the message's transaction hold the dialog? Of which dialogs, and is it an INVITE's? */
  isHeld = false;
  dialogs: Dialogs | null = null;
  isInvite = false;
  /** What the dialog to come is given. */
  sflags = 0;
  iflags = 0;
  vars: Map<string, string> | null = null;
  profiles: (readonly [profile: ProfileDef, value: string | null])[] | null = null;
  /** `$dlg_ctx(…)` */
  timeoutRoute = '';
  timeoutBye = 0;
  timeout = 0;
  on = 0;
  dir = 0;

  /** A dialog lives at least as long as each of its transactions; one whose INVITE came to nothing ends with that. */
  transactionEnded(): void {
    const { dialog, dialogs } = this;
    if (dialog === null || !this.isHeld) return;
    this.isHeld = false;
    dialog.holders--;
    if (dialog.state === STATE.DELETED) {
      if (dialog.holders === 0) dialogs?.forget(dialog);
    } else if (this.isInitial && this.isInvite && dialog.startSec === 0) dialogs?.forget(dialog);
  }
}

/** Undefined where nothing is known of the message. */
export function contextOf(msg: SipMsg): MsgContext | undefined {
  return msg.extension<MsgContext>(CONTEXT);
}

/** The context of a message, made on first use. */
export function needContext(msg: SipMsg): MsgContext {
  let context = msg.extension<MsgContext>(CONTEXT);
  if (context === undefined) msg.setExtension(CONTEXT, (context = new MsgContext()));
  return context;
}
