import { HDR, type Run, type SipMsg } from 'strowger';
import type { TmCore } from './core.ts';
import { CLIENT_STATE } from './fsm.ts';
import { CancelTransaction, type ClientBranch, T_FLAG, type Transaction } from './transaction.ts';

/** CANCEL, received and sent (RFC 3261 §9, §16.10). */
export class Cancels {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** A CANCEL for a transaction we have: 200 to it, and its branches are cancelled. Always true for the script. */
  received(run: Run, invite: Transaction): number {
    const t = this.#tm.create(run);
    this.#tm.replies.reply(t, 200, 'canceling');
    this.cancelAll(invite, reasonRows(run.msg, this.#tm.options.e2eCancelReason), run.msg);
    return 1;
  }

  /** Cancels every branch that waits; answers 487 where none does and nothing has been answered. */
  cancelAll(invite: Transaction, reason: string, _cancel: SipMsg | null): void {
    if (!invite.isInvite || invite.isAnswered) return;
    invite.flags |= T_FLAG.CANCELED;
    invite.emit('cancelled', null, 0, -1);
    let waiting = 0;
    for (const branch of invite.branches) {
      if (branch.state >= CLIENT_STATE.COMPLETED) continue;
      if (this.branch(branch, reason)) waiting++;
    }
    if (waiting === 0 && !invite.hasFlag(T_FLAG.IN_FAILURE)) this.#tm.replies.reply(invite, 487, 'Request Terminated');
  }

  /** Cancels the branches that are not done, because another one (`winner`) ended the call. */
  pending(t: Transaction, winner: ClientBranch | null, code: number, text: string): void {
    if (!t.isInvite) return;
    const cause =
      this.#tm.options.localCancelReason && code >= 200 && text !== ''
        ? `Reason: SIP;cause=${code};text="${text}"\r\n`
        : '';
    for (const branch of t.branches) {
      if (branch !== winner && branch.state < CLIENT_STATE.COMPLETED) this.branch(branch, cause);
    }
  }

  /** Cancels one branch: now, or when a provisional reply allows it. False when it is over at once. */
  branch(branch: ClientBranch, reason: string): boolean {
    if (branch.cancel !== null || branch.cancelWanted !== null) return true;
    if (branch.gotProvisional || this.#tm.options.cancelMethod === 2) {
      this.sendNow(branch, reason);
      return true;
    }
    if (this.#tm.options.cancelMethod === 0) {
      branch.stop();
      branch.state = CLIENT_STATE.COMPLETED;
      branch.status = 487;
      this.#tm.replies.branchFinal(branch);
      return false;
    }
    branch.cancelWanted = reason;
    return true;
  }

  /** A provisional reply came on a branch that is to be cancelled. */
  send(branch: ClientBranch): void {
    const reason = branch.cancelWanted ?? '';
    branch.cancelWanted = null;
    if (branch.cancel === null) this.sendNow(branch, reason);
  }

  sendNow(branch: ClientBranch, reason: string): void {
    const cancel = new CancelTransaction(branch);
    branch.cancel = cancel;
    // The final reply, 487 or another, must come within fr_timer (RFC 3261 §9.1).
    if (branch.state < CLIENT_STATE.COMPLETED) branch.armTimeout(branch.frTimeoutMs());
    cancel.start(this.#tm.requests.cancelFor(branch, reason));
  }
}

/** Reason rows of a received CANCEL, to pass on (RFC 3326). */
function reasonRows(cancel: SipMsg, enabled: boolean): string {
  if (!enabled) return '';
  let rows = '';
  for (let row = cancel.findHdr(HDR.REASON); row >= 0; row = cancel.findHdr(HDR.REASON, row + 1))
    rows += cancel.buf.slice(cancel.hdrStart(row), cancel.hdrEnd(row));
  return rows;
}
