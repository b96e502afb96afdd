import { METHOD, type ModuleContext, ROUTE, type Run } from 'strowger';
import type { TmApi, TmCore, Transaction } from '../tm/api.ts';

type Branch = Transaction['branches'][number];

/** Extensions of tm: what its variables and commands have in common. */
export class Tmx {
  readonly api: TmApi;
  readonly tm: TmCore;

  constructor(ctx: ModuleContext) {
    this.api = ctx.api<TmApi>('tm');
    this.tm = this.api.core;
  }

  of(run: Run): Transaction | null {
    return this.api.transaction(run.msg);
  }

  /** The transaction, created where there is none. */
  ofOrNew(run: Run): Transaction | null {
    const t = this.of(run);
    if (t !== null || !run.msg.isRequest || run.msg.method === METHOD.ACK) return t;
    return this.api.newTransaction(run) > 0 ? this.of(run) : null;
  }

  /** The branch that the route is about: its own, or in a failure route the one with the best reply. */
  branchOf(run: Run): Branch | undefined {
    const t = this.of(run);
    if (t === null) return undefined;
    const index = run.branch >= 0 && run.routeType !== ROUTE.REQUEST ? run.branch : t.winner;
    return t.branches[index];
  }

  /** Transaction of the INVITE that this CANCEL is for. */
  inviteOf(run: Run): Transaction | null {
    return run.msg.method === METHOD.CANCEL ? this.tm.table.find(run.msg, METHOD.INVITE) : null;
  }

  reasonOf(status: number): string {
    return this.tm.reasonOf(status);
  }
}
