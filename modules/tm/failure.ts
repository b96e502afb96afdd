import { ROUTE, type ScriptRoute, type SipMsg } from 'strowger';
import type { ClientBranch } from './branch.ts';
import type { TmCore } from './core.ts';
import { fakedMsg, type MsgState } from './msg-state.ts';
import { bestBranch } from './select.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

/** What happens when branches fail: the routes that may try others, then the best reply (RFC 3261 §16.7). */
export class Failures {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** When every branch is settled and nothing went upstream: failure_route, then the best reply. */
  complete(t: Transaction): void {
    if (t.isAnswered || t.hasFlag(T_FLAG.IN_FAILURE | T_FLAG.FREED) || t.hasOpenBranch) return;
    if (t.hasFlag(T_FLAG.REPLICATED)) return this.#tm.release(t);
    const best = this.best(t);
    if (best === null) return;
    t.winner = best.index;
    t.emit('onFailure', best.reply, best.status, best.index);
    const route = t.onFailure === '' ? undefined : t.program.failure.get(t.onFailure);
    if (route === undefined) {
      this.#tm.replies.final(t, best);
      return;
    }
    t.onFailure = '';
    const count = t.branches.length;
    t.flags |= T_FLAG.IN_FAILURE;
    this.run(t, route, ROUTE.FAILURE, best, (msg) => {
      t.flags &= ~T_FLAG.IN_FAILURE;
      this.#keepFlags(t, msg);
      if (t.isAnswered) return;
      if (t.branches.length > count) this.complete(t);
      else this.#tm.replies.final(t, this.best(t) ?? best);
    });
  }

  /** The failure of one branch, whatever the others do: `event_route[tm:branch-failure:…]`, which may add a branch. */
  branchFailed(t: Transaction, branch: ClientBranch): void {
    const route = t.program.event.get(`tm:branch-failure:${branch.onBranchFailure}`);
    branch.onBranchFailure = '';
    if (route === undefined) return this.complete(t);
    // What it adds fails for good, unless it arms itself again.
    t.onBranchFailure = '';
    t.winner = branch.index;
    const hold = t.flags & T_FLAG.IN_FAILURE;
    t.flags |= T_FLAG.IN_FAILURE;
    this.run(t, route, ROUTE.BRANCH_FAILURE, branch, (msg) => {
      if (hold === 0) t.flags &= ~T_FLAG.IN_FAILURE;
      this.#keepFlags(t, msg);
      this.complete(t);
    });
  }

  /** Runs a route on a message that stands for the request: what it edits goes into the branches it adds. */
  run(
    t: Transaction,
    route: ScriptRoute,
    kind: number,
    branch: ClientBranch | null,
    then: (msg: SipMsg) => void,
    isRuriNew = false,
  ): void {
    const msg = fakedMsg(t.request, t.relayed);
    msg.isRuriNew = isRuriNew;
    msg.transaction = t;
    const result = this.#tm.server.runRoute(route, msg, kind, branch?.index ?? -1, t.program);
    const done = (): void => {
      t.request.vars ??= msg.vars;
      then(msg);
    };
    if (typeof result === 'number') done();
    else void result.then(done);
  }

  /** Goes on with a suspended request: its Request-URI has not been used yet. */
  resume(t: Transaction, route: ScriptRoute, then: () => void): void {
    this.run(
      t,
      route,
      ROUTE.FAILURE,
      null,
      (msg) => {
        this.#keepFlags(t, msg);
        then();
      },
      true,
    );
  }

  /** Message flags live with the transaction: those a failure route set are there in the next route. */
  #keepFlags(t: Transaction, msg: SipMsg): void {
    t.request.flags = msg.flags;
    t.request.xflags = msg.xflags;
    const { relayed } = t;
    if (relayed === null) return;
    const state: MsgState = { ...relayed, flags: msg.flags, xflags: msg.xflags };
    t.relayed = state;
  }

  best(t: Transaction): ClientBranch | null {
    return bestBranch(t.branches, this.#tm.settings.fakedReplyPrio);
  }
}
