import type { Run, SipMsg } from 'strowger';
import type { Dialog } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import type { DialogCallback, DialogEvent } from './events.ts';

export type { Dialog, Leg } from './dialog.ts';
export type { DialogCallback, DialogEvent, DialogEventArgs } from './events.ts';

/** What other modules use of dialog: `ctx.api<DialogApi>('dialog')` (types only: `import type`). */
export interface DialogApi {
  /** Told of an event of all dialogs of this worker, until what it returns is called. */
  on(event: DialogEvent, callback: DialogCallback): () => void;
  /** The dialog a message belongs to; null when there is none. */
  of(msg: SipMsg): Dialog | null;
  /** As `of`, for a run: in the event routes of dialogs too. */
  ofRun(run: Run): Dialog | null;
  /** The dialog whose event made up this message or that an event is about: `$dlg…` in a run on it tell of this one. */
  attach(msg: SipMsg, dialog: Dialog): void;
  /** `$dlg_var(name)`; null: there is none. */
  variable(dialog: Dialog, name: string): string | null;
  /** Null removes it. */
  setVariable(dialog: Dialog, name: string, value: string | null): void;
  /** As dlg_set_timeout: seconds from now on. */
  setLifetime(dialog: Dialog, seconds: number): void;
  /** Sends a BYE to both sides; `headers` are whole rows. False where the call is not answered or over. */
  terminate(dialog: Dialog, headers?: string): boolean;
  /**
   * For who sends a request again with credentials (uac_auth): raises its CSeq, and those of the caller's further requests
   * (`track_cseq_updates`). False where that is not wanted, or the request begins no dialog.
   */
  raiseCseq(msg: SipMsg): boolean;
}

export function dialogApi(dialogs: Dialogs, attach: DialogApi['attach']): DialogApi {
  return {
    on: (event, callback) => dialogs.events.on(event, callback),
    of: (msg) => dialogs.of(msg),
    ofRun: (run) => dialogs.of(run.msg),
    attach,
    variable: (dialog, name) => dialog.variable(name),
    setVariable: (dialog, name, value) => dialogs.setVariable(dialog, name, value),
    setLifetime: (dialog, seconds) => dialogs.setLifetime(dialog, seconds),
    terminate: (dialog, headers = '') => dialogs.ending.terminate(dialog, [0, 1], headers),
    raiseCseq: (msg) => dialogs.cseq.increase(msg),
  };
}
