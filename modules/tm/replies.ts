import {
  buildForwardedReply,
  cloneMsg,
  HDR,
  Lump,
  METHOD,
  MSG_FLAG,
  mergeSorted,
  ROUTE,
  RUN_DROP,
  type SipMsg,
} from 'strowger';
import type { TmCore } from './core.ts';
import { CLIENT_STATE } from './fsm.ts';
import { ClientBranch, T_FLAG, Transaction } from './transaction.ts';

/** Replies on their way back: matching, onreply_route, choosing among branches, failure_route (RFC 3261 §16.7). */
export class Replies {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** A reply from the network. True when it is none of tm's and may be forwarded statelessly. */
  received(msg: SipMsg): boolean {
    const via = msg.via1;
    const id = via === null ? null : via.branch;
    const branch = id === null ? null : this.#tm.table.byBranchId(id, this.#tm.branchPrefix);
    if (branch === null) return true;
    const t = branch.t;
    if (msg.methodBit === METHOD.CANCEL && t.request.method !== METHOD.CANCEL) {
      branch.cancel?.receive(msg);
      return false;
    }
    if (msg.methodBit !== t.request.method) return true;
    msg.transaction = t;
    t.winner = branch.index;
    this.#tm.stats.reply(msg.status);
    const name = branch.onReply !== '' ? branch.onReply : t.onReply;
    const route = name === '' ? undefined : t.program.onreply.get(name);
    if (t.callbacks !== null || this.#tm.globalCallbacks.size !== 0) t.emit('replyIn', msg, msg.status, branch.index);
    if (route === undefined) {
      branch.receive(msg);
      return false;
    }
    msg.vars = t.request.vars;
    msg.flags = t.request.flags;
    const result = this.#tm.server.runRoute(route, msg, ROUTE.TM_ONREPLY, branch.index, t.program);
    if (typeof result === 'number') this.#afterOnReply(t, branch, msg, result);
    else void result.then((bits) => this.#afterOnReply(t, branch, msg, bits));
    return false;
  }

  #afterOnReply(t: Transaction, branch: ClientBranch, msg: SipMsg, bits: number): void {
    t.request.vars ??= msg.vars;
    t.request.flags = msg.flags;
    // Only provisional replies can be dropped: a final one always counts (Kamailio: tm, t_on_reply).
    if ((bits & RUN_DROP) !== 0 && msg.status < 200) return;
    branch.receive(msg);
  }

  /** Every reply a branch's client transaction passes up. */
  passUp(branch: ClientBranch, reply: SipMsg): void {
    const t = branch.t;
    const status = reply.status;
    if (status < 200) this.#provisional(t, branch, reply);
    else if (status < 300) this.#success(t, branch, reply);
    else {
      branch.status = status;
      branch.reply = reply;
      branch.finalReceived = true;
      if (status === 503 && !t.isCanceled) {
        const moved = this.#tm.relay.failover(branch);
        if (moved === true) return;
        if (moved instanceof Promise) return void moved.then((ok) => ok || this.branchFinal(branch));
      }
      this.branchFinal(branch);
    }
  }

  #provisional(t: Transaction, branch: ClientBranch, reply: SipMsg): void {
    if (!branch.finalReceived) branch.status = reply.status;
    branch.gotProvisional = true;
    if (branch.cancelWanted !== null) this.#tm.cancels.send(branch);
    if (t.isLocal) return t.onLocalProvisional?.(reply);
    if (reply.status === 100 && !this.#tm.options.relay100) return;
    if (t.isAnswered || (t.isCanceled && !t.isInvite)) return;
    this.#relay(t, branch, reply);
  }

  #success(t: Transaction, branch: ClientBranch, reply: SipMsg): void {
    branch.status = reply.status;
    branch.finalReceived = true;
    if (t.isLocal) return this.localFinal(t, branch, reply, reply.status);
    if (t.isInvite || !t.isAnswered) this.#relay(t, branch, reply);
    if (t.branches.length > 1) this.#tm.cancels.pending(t, branch, 200, 'Call completed elsewhere');
  }

  /** A branch has a final reply that is no 2xx, or gave up: go on when all have. */
  branchFinal(branch: ClientBranch): void {
    const t = branch.t;
    if (t.isLocal) return this.localFinal(t, branch, branch.reply, branch.status);
    if (branch.status >= 600 && !this.#tm.options.disable6xxBlock && !t.hasFlag(T_FLAG.DISABLE_6XX_BLOCK)) {
      t.flags |= T_FLAG.BLOCK_6XX;
      this.#tm.cancels.pending(t, branch, branch.status, '');
    }
    const route =
      branch.onBranchFailure === '' ? undefined : t.program.event.get(`tm:branch-failure:${branch.onBranchFailure}`);
    if (route !== undefined && !t.isAnswered) {
      branch.onBranchFailure = '';
      this.#tm.replies.runOnFaked(
        t,
        branch,
        (msg) => this.#tm.server.runRoute(route, msg, ROUTE.BRANCH_FAILURE, branch.index, t.program),
        () => this.complete(t),
      );
      return;
    }
    this.complete(t);
  }

  /** When every branch is done and nothing went upstream: failure_route, then the best reply. */
  complete(t: Transaction): void {
    if (t.isAnswered || t.hasFlag(T_FLAG.IN_FAILURE | T_FLAG.ASYNC_SUSPENDED)) return;
    for (const branch of t.branches) if (branch.state < CLIENT_STATE.COMPLETED) return;
    const best = this.pick(t);
    if (best === null) return;
    t.winner = best.index;
    const name = t.onFailure;
    const route = name === '' ? undefined : t.program.failure.get(name);
    if (t.callbacks !== null || this.#tm.globalCallbacks.size !== 0)
      t.emit('onFailure', best.reply, best.status, best.index);
    if (route === undefined || this.#tm.options.failureExclude?.(best.status) === true) {
      this.#final(t, best);
      return;
    }
    t.onFailure = '';
    const count = t.branches.length;
    t.flags |= T_FLAG.IN_FAILURE;
    this.runOnFaked(
      t,
      best,
      (msg) => this.#tm.server.runRoute(route, msg, ROUTE.FAILURE, best.index, t.program),
      () => {
        t.flags &= ~T_FLAG.IN_FAILURE;
        if (t.isAnswered || t.hasFlag(T_FLAG.ASYNC_SUSPENDED)) return;
        if (t.branches.length > count) this.complete(t);
        else this.#final(t, this.pick(t) ?? best);
      },
    );
  }

  /** Runs a route on a copy of the request: what it decides for new branches is used, what it edits is not kept. */
  runOnFaked(
    t: Transaction,
    branch: ClientBranch,
    start: (msg: SipMsg) => number | Promise<number>,
    then: () => void,
  ): void {
    const msg = cloneMsg(t.request);
    msg.transaction = t;
    msg.msgFlags |= MSG_FLAG.FAKED;
    if (branch.uri !== '' && t.branches.length === 1) msg.newUri = branch.uri;
    const done = (): void => {
      t.request.flags = msg.flags;
      t.request.vars ??= msg.vars;
      then();
    };
    const result = start(msg);
    if (typeof result === 'number') done();
    else void result.then(done);
  }

  /** The best final reply (RFC 3261 §16.7 step 6; Kamailio: tm, reply selection): lowest priority value wins. */
  pick(t: Transaction): ClientBranch | null {
    let best: ClientBranch | null = null;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = t.firstOfRound; i < t.branches.length; i++) {
      const branch = t.branches[i] as ClientBranch;
      if (branch.status < 200) continue;
      const rank = this.rank(branch.status, branch.reply === null);
      if (rank < bestRank) {
        best = branch;
        bestRank = rank;
      }
    }
    return best;
  }

  /** Rank of a final status among branches; smaller is better. */
  rank(status: number, isFaked: boolean): number {
    const custom = this.#tm.options.replyPriorities?.(status);
    if (custom !== undefined && custom >= 0) return custom;
    return defaultRank(status) + (isFaked ? this.#tm.options.fakedReplyPrio : 0);
  }

  #final(t: Transaction, best: ClientBranch): void {
    if (best.reply === null) this.#replyFor(t, best.status);
    else this.#relay(t, best, best.reply);
  }

  /** Passes a reply upstream. */
  #relay(t: Transaction, branch: ClientBranch, reply: SipMsg): void {
    let lumps: readonly Lump[] = reply.lumpList?.items ?? NO_LUMPS;
    const status = reply.status;
    if ((status === 401 || status === 407) && this.#tm.options.aggregateChallenges && t.branches.length > 1)
      lumps = mergeSorted(lumps, this.#challenges(t, branch, reply));
    t.winner = branch.index;
    const text = buildForwardedReply(reply, lumps, t.request.rcv.socket.isReliable);
    if (!t.sendReply(status, text)) return;
    this.#tm.stats.relayed();
    if (t.callbacks !== null || this.#tm.globalCallbacks.size !== 0) {
      t.emit('replyFwded', reply, status, branch.index);
      if (status >= 200) t.emit('completed', reply, status, branch.index);
    }
    if (t.toTag === '' && status >= 200) t.toTag = reply.toTag;
  }

  /** Challenges of the other branches, for a 401 or 407 we pass on (RFC 3261 §16.7 step 7). */
  #challenges(t: Transaction, winner: ClientBranch, reply: SipMsg): Lump[] {
    let rows = '';
    for (const branch of t.branches) {
      const other = branch.reply;
      if (branch === winner || other === null || (branch.status !== 401 && branch.status !== 407)) continue;
      for (let row = 0; row < other.hdrCount; row++) {
        const kind = other.hdrKind(row);
        if (kind === HDR.WWWAUTHENTICATE || kind === HDR.PROXYAUTHENTICATE)
          rows += other.buf.slice(other.hdrStart(row), other.hdrEnd(row));
      }
    }
    return rows === '' ? [] : [new Lump(reply.headersEnd, 0, HDR.OTHER).insertAfter(rows)];
  }

  /** A final reply made up for a transaction: timeouts, unreachable destinations, cancelled calls. */
  #replyFor(t: Transaction, status: number): void {
    if (status === 408 && t.hasFlag(T_FLAG.NO_408)) return;
    this.reply(t, status, REASONS[status] ?? 'Server Internal Error');
  }

  /** `t_reply`: answers a transaction from here. False when it has been answered. */
  reply(t: Transaction, code: number, reason: string, extraHeaders = '', body = ''): boolean {
    if (t.isAnswered) return false;
    const text = t.makeReply(code, reason, extraHeaders, body);
    if (!t.sendReply(code, text)) return false;
    this.#tm.stats.local(code);
    if (code >= 200) {
      this.#tm.cancels.pending(t, null, code, '');
      if (t.callbacks !== null || this.#tm.globalCallbacks.size !== 0) t.emit('completed', null, code, -1);
    }
    return true;
  }

  /** Timer B, C or F of a branch. */
  branchTimedOut(branch: ClientBranch): void {
    const t = branch.t;
    const hadProvisional = branch.gotProvisional;
    branch.status = t.isCanceled && t.isInvite ? 487 : 408;
    if (t.isInvite && hadProvisional && branch.cancel === null && !t.isAnswered) {
      branch.state = CLIENT_STATE.COMPLETED;
      this.#tm.cancels.sendNow(branch, '');
    }
    if (!hadProvisional) {
      this.#tm.server.destinations.failed(branch.dst, 'timeout');
      const moved = this.#tm.relay.failover(branch);
      if (moved === true) return;
      if (moved instanceof Promise) return void moved.then((ok) => ok || this.branchFinal(branch));
    }
    this.branchFinal(branch);
  }

  /** The transport refused the request of a branch. */
  branchUnreachable(branch: ClientBranch): void {
    branch.status = 503;
    branch.stopRetransmit();
    this.#tm.server.destinations.failed(branch.dst, 'send');
    const moved = this.#tm.relay.failover(branch);
    if (moved === true) return;
    if (moved instanceof Promise) return void moved.then((ok) => ok || this.branchFinal(branch));
    this.branchFinal(branch);
  }

  /** End of a request we sent ourselves. */
  localFinal(t: Transaction, branch: ClientBranch, reply: SipMsg | null, code: number): void {
    if (t.isAnswered) return;
    for (const other of t.branches) if (other !== branch && other.state < CLIENT_STATE.COMPLETED) return;
    t.status = code;
    t.winner = branch.index;
    t.linger();
    if (t.isInvite && reply !== null && code < 300) this.#tm.requests.ack2xx(branch, reply);
    t.emit('localCompleted', reply, code, branch.index);
    t.onLocalReply?.(t, code, reply);
  }

  /** The INVITE transaction that an end-to-end ACK belongs to: same call, CSeq and tags. */
  inviteOfAck(ack: SipMsg): Transaction | null {
    for (const t of this.#tm.table.invitesOfCall(ack.callId ?? '')) {
      if (
        t.request.cseqNumber === ack.cseqNumber &&
        t.request.fromTag === ack.fromTag &&
        t.status >= 200 &&
        t.status < 300 &&
        t.toTag === ack.toTag
      )
        return t;
    }
    return null;
  }
}

const NO_LUMPS: readonly Lump[] = [];

/** 6xx first, then 3xx … as RFC 3261 §16.7 step 6 orders them, with what helps the caller preferred within 4xx. */
function defaultRank(status: number): number {
  const kind = Math.floor(status / 100);
  switch (kind) {
    case 6:
      return status;
    case 3:
      return 10_000 + status;
    case 4:
      return 20_000 + (PREFERRED_4XX.get(status) ?? status);
    case 5:
      return 30_000 + status;
    default:
      return 40_000 + status;
  }
}

const PREFERRED_4XX = new Map([
  [401, 0],
  [407, 1],
  [415, 2],
  [420, 3],
  [484, 4],
  // No answer at all tells the caller least.
  [408, 499],
]);

/** Reason phrases of replies made up here. */
const REASONS: Readonly<Record<number, string>> = {
  408: 'Request Timeout',
  487: 'Request Terminated',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
};
