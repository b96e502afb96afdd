import { METHOD, ROUTE, type Run, type ScriptRoute } from 'strowger';
import { ClientBranch, NOWHERE } from './branch.ts';
import type { TmCore } from './core.ts';
import { stateOf } from './msg-state.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

/** Requests and replies whose script stops and goes on later, from elsewhere (Kamailio's t_suspend, t_continue). */
export class Suspensions {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /**
   * Keeps the transaction of this run's message open until `resume`, at most fr_timer; then its failure route runs, as
   * for any branch. A reply in an onreply_route is held instead. Null when there is nothing to suspend.
   */
  suspend(run: Run): Transaction | null {
    const { msg } = run;
    if (!msg.isRequest) return this.#suspendReply(run);
    if (msg.method === METHOD.ACK || msg.method === METHOD.CANCEL) return null;
    const t = this.#tm.of(msg) ?? this.#tm.create(run);
    if (t.isAnswered || t.isCanceled || t.suspended !== null) return null;
    if (t.isInvite) this.#tm.relay.sendTrying(t);
    if (t.relayed === null && msg === t.request) t.relayed = stateOf(msg);
    const blind = new ClientBranch(t, t.branches.length, msg.uri, NOWHERE, true);
    t.addBranch(blind);
    t.suspended = blind;
    blind.armTimeout(t.frTimeoutMs);
    return t;
  }

  #suspendReply(run: Run): Transaction | null {
    const t = this.#tm.of(run.msg);
    const branch = t?.branches[run.branch];
    if (t === null || branch === undefined || run.routeType !== ROUTE.TM_ONREPLY || t.suspendedReply !== null)
      return null;
    t.suspendedReply = { reply: run.msg, branch };
    t.flags |= T_FLAG.REPLY_SUSPENDED;
    return t;
  }

  /**
   * Goes on with a route. A request's runs as a failure route on a copy of the request, which may relay or answer; when
   * it does neither, the answer is 500. False when the transaction is not suspended (any more).
   */
  resume(t: Transaction, route: ScriptRoute): boolean {
    if (t.suspendedReply !== null) return this.#resumeReply(t, route);
    const blind = t.suspended;
    if (blind === null || blind.isSettled) return false;
    t.suspended = null;
    blind.isDropped = true;
    // While the route runs, nothing else decides.
    t.flags |= T_FLAG.IN_FAILURE;
    blind.stop();
    blind.settle(500, null);
    this.#tm.failures.resume(t, route, () => {
      t.flags &= ~T_FLAG.IN_FAILURE;
      if (t.isAnswered || t.hasOpenBranch) return;
      if (t.branches.some((branch) => !branch.isDropped)) this.#tm.failures.complete(t);
      else if (t.isCanceled) this.#tm.replies.reply(t, 487, 'Request Terminated');
      else {
        t.relayError = t.relayError === 0 ? -1 : t.relayError;
        this.#tm.replies.replyError(t);
      }
    });
    return true;
  }

  #resumeReply(t: Transaction, route: ScriptRoute): boolean {
    const held = t.suspendedReply;
    if (held === null) return false;
    t.suspendedReply = null;
    t.flags &= ~T_FLAG.REPLY_SUSPENDED;
    const { reply, branch } = held;
    const result = this.#tm.server.runRoute(route, reply, ROUTE.TM_ONREPLY, branch.index, t.program);
    const done = (bits: number): void => this.#tm.replies.afterOnReply(t, branch, reply, bits);
    if (typeof result === 'number') done(result);
    else void result.then(done);
    return true;
  }

  /** Takes a suspension back that is not needed after all (t_cancel_suspend). */
  cancel(t: Transaction): boolean {
    const blind = t.suspended;
    if (blind === null || blind.isSettled) return false;
    t.suspended = null;
    blind.isDropped = true;
    blind.stop();
    blind.settle(500, null);
    return true;
  }
}
