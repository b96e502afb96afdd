import { HDR, type Run, type SipMsg } from 'strowger';
import { CancelTransaction, type ClientBranch } from './branch.ts';
import type { TmCore } from './core.ts';
import { reasonOf } from './reasons.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

/** Ways of cancelling a branch without a reply (cancel_b_method). */
const METHOD_FAKE_487 = 0;
const METHOD_AT_ONCE = 2;

/** CANCEL, received and sent (RFC 3261 §9, §16.10). */
export class Cancels {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** A CANCEL for a transaction we have: 200 to it, and its branches are cancelled. Always true for the script. */
  received(run: Run, invite: Transaction): number {
    const t = this.#tm.create(run);
    const { msg } = run;
    const { replies } = this.#tm;
    if (invite.isAnswered) {
      replies.reply(t, 200, NOTHING_PENDING);
      return 1;
    }
    invite.emit('cancelled', null, 0, -1, msg);
    const isPending = invite.hasOpenBranch || invite.hasFlag(T_FLAG.IN_FAILURE);
    if (isPending) {
      replies.reply(t, 200, 'canceling');
      this.all(invite, invite.hasFlag(T_FLAG.NO_E2E_CANCEL_REASON) ? '' : reasonRows(msg));
    } else {
      invite.flags |= T_FLAG.CANCELED;
      replies.reply(invite, 487, 'Request canceled');
      replies.reply(t, 200, NOTHING_PENDING);
    }
    return 1;
  }

  /** Cancels every branch that waits, because the caller, or the script, gave up. */
  all(t: Transaction, reasonText: string): void {
    t.flags |= T_FLAG.CANCELED;
    // Cancelling may settle branches and so add some: only those that are there now.
    for (const branch of t.branches.slice()) if (!branch.isSettled) this.branch(branch, reasonText);
  }

  /** Cancels the branches that wait, because another one (`winner`), or a reply from here, ended the call. */
  pending(t: Transaction, winner: ClientBranch | null, code: number, text: string): void {
    if (!t.isInvite) return;
    const { branches } = t;
    if (branches.length === 1 && branches[0] === winner) return;
    let rows = '';
    if (this.#tm.settings.localCancelReason)
      rows = `Reason: SIP;cause=${code}${text === '' ? '' : `;text="${text}"`}\r\n`;
    for (const branch of branches.slice()) if (branch !== winner && !branch.isSettled) this.branch(branch, rows);
  }

  /** Cancels one branch: now, or when a provisional reply allows it. `rows` are the Reason headers. */
  branch(branch: ClientBranch, rows: string): void {
    if (branch.isSettled || branch.cancel !== null || branch.cancelWanted !== null) return;
    if (branch.isBlind) return this.#fake487(branch);
    if (branch.gotProvisional || this.#tm.settings.cancelMethod === METHOD_AT_ONCE) this.sendNow(branch, rows);
    else if (this.#tm.settings.cancelMethod === METHOD_FAKE_487) this.#fake487(branch);
    else branch.cancelWanted = rows;
  }

  /** As if the branch had answered 487: a late answer is acknowledged, or passed on when it is a 2xx. */
  #fake487(branch: ClientBranch): void {
    branch.stop();
    if (branch.t.suspended === branch) branch.t.suspended = null;
    if (branch.settle(487, null)) this.#tm.replies.branchFinal(branch);
  }

  /** A provisional reply came on a branch that is to be cancelled. */
  send(branch: ClientBranch): void {
    const rows = branch.cancelWanted ?? '';
    branch.cancelWanted = null;
    if (branch.cancel === null) this.sendNow(branch, rows);
  }

  /** Sends the CANCEL; the branch has fr_timer left for its final reply (RFC 3261 §9.1). */
  sendNow(branch: ClientBranch, rows: string): void {
    const cancel = new CancelTransaction(branch);
    branch.cancel = cancel;
    branch.stopRetransmit();
    if (branch.isWaiting) branch.armTimeout(branch.frTimeoutMs());
    cancel.start(this.#tm.requests.cancelFor(branch, rows));
  }

  /** `tm.cancel` and t_cancel_callid: ends an INVITE as its caller would. False when there is nothing to cancel. */
  byServer(t: Transaction, rows: string): boolean {
    if (!t.isInvite || t.isAnswered) return false;
    if (t.hasOpenBranch) this.all(t, rows);
    else {
      t.flags |= T_FLAG.CANCELED;
      if (!t.isLocal) this.#tm.replies.reply(t, 487, reasonOf(487));
    }
    return true;
  }
}

const NOTHING_PENDING = 'ok -- no more pending branches';

/** Reason rows of a received CANCEL, to pass on (RFC 3326). */
function reasonRows(cancel: SipMsg): string {
  let rows = '';
  for (let row = cancel.findHdr(HDR.REASON); row >= 0; row = cancel.findHdr(HDR.REASON, row + 1))
    rows += cancel.buf.slice(cancel.hdrStart(row), cancel.hdrEnd(row));
  return rows;
}
