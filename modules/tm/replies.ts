import {
  BLST,
  buildForwardedReply,
  flatCopy,
  HDR,
  Lump,
  METHOD,
  mergeSorted,
  ROUTE,
  RUN_DROP,
  Run,
  replyPassesOnsend,
  replyToRequest,
  type SipMsg,
} from 'strowger';
import type { ClientBranch } from './branch.ts';
import type { TmCore } from './core.ts';
import { errorReply, reasonOf } from './reasons.ts';
import { otherChallenges } from './select.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

/** Replies on their way back: matching, onreply_route, what is passed upstream, and replies made here. */
export class Replies {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /** The branch a reply belongs to, by its top Via (RFC 3261 §17.1.3); null when it is none of ours or gone. */
  branchOf(msg: SipMsg): ClientBranch | null {
    const id = msg.via1?.branch ?? null;
    const { branchPrefix, table, settings } = this.#tm;
    if (id === null || !id.startsWith(branchPrefix)) return null;
    const branch = table.byBranchId(id, branchPrefix);
    if (branch !== null && settings.callidMatching && branch.t.request.callId !== msg.callId) return null;
    return branch;
  }

  /** A reply from the network. True when it is none of tm's and may be forwarded statelessly. */
  received(msg: SipMsg): boolean {
    const branch = this.branchOf(msg);
    if (branch === null) return this.#stray(msg);
    const { t } = branch;
    const method = msg.methodBit;
    if (method === METHOD.CANCEL && t.request.method !== METHOD.CANCEL) {
      branch.cancel?.receive(msg);
      return false;
    }
    if (method !== t.request.method || branch.isBlind) return this.#stray(msg);
    msg.transaction = t;
    const { stats } = this.#tm;
    stats.rplReceived++;
    t.emit('replyIn', msg, msg.status, branch.index);
    const route = t.onReply === '' ? undefined : t.program.onreply.get(t.onReply);
    if (route === undefined) {
      this.#process(branch, msg);
      return false;
    }
    msg.vars = t.request.vars;
    msg.flags = t.request.flags;
    msg.xflags = t.request.xflags;
    msg.bflags = branch.flags;
    const result = this.#tm.server.runRoute(route, msg, ROUTE.TM_ONREPLY, branch.index, t.program);
    if (typeof result === 'number') this.afterOnReply(t, branch, msg, result);
    else void result.then((bits) => this.afterOnReply(t, branch, msg, bits));
    return false;
  }

  /** What follows an onreply_route that did not suspend the reply. */
  afterOnReply(t: Transaction, branch: ClientBranch, msg: SipMsg, bits: number): void {
    t.request.vars ??= msg.vars;
    t.request.flags = msg.flags;
    t.request.xflags = msg.xflags;
    branch.flags = msg.bflags;
    if (t.suspendedReply?.reply === msg || t.hasFlag(T_FLAG.FREED)) return;
    // Only provisional replies can be dropped: a final one always counts (Kamailio: tm, t_on_reply).
    if ((bits & RUN_DROP) !== 0 && msg.status < 200) {
      this.#tm.stats.rplAbsorbed++;
      branch.wasReplied = true;
      return;
    }
    this.#process(branch, msg);
  }

  #process(branch: ClientBranch, msg: SipMsg): void {
    const { stats } = this.#tm;
    const relayed = stats.rplRelayed;
    branch.receive(msg);
    branch.wasReplied = true;
    if (relayed === stats.rplRelayed) stats.rplAbsorbed++;
  }

  /**
   * A reply without a transaction: `on_sl_reply` may drop it. Of those to branches of tm that are gone only a 2xx to an
   * INVITE goes on, which its callee repeats until the ACK comes (RFC 6026 §7.3, RFC 4320 §4.2 for the others).
   */
  #stray(msg: SipMsg): boolean {
    const { settings, server, branchPrefix } = this.#tm;
    const isOwnBranch = msg.via1?.branch?.startsWith(branchPrefix) === true;
    const goesOn = !isOwnBranch || (msg.status >= 200 && msg.status < 300 && msg.methodBit === METHOD.INVITE);
    const route = settings.onSlReply === '' ? undefined : server.program.onreply.get(settings.onSlReply);
    if (route === undefined) return goesOn;
    const run = new Run(server, server.program, msg, ROUTE.CORE_ONREPLY);
    const result = server.execute(route, run);
    // A route that waits can not stop the reply any more.
    return goesOn && (typeof result !== 'number' || run.rc !== 0);
  }

  /** Every reply a branch's client transaction passes up. */
  passUp(branch: ClientBranch, reply: SipMsg): void {
    const { t } = branch;
    const { status } = reply;
    if (status < 200) this.#provisional(t, branch, reply);
    else if (status < 300) this.#success(t, branch, reply);
    else if (!branch.isSettled) {
      branch.cancelWanted = null;
      if (status === 503) this.#unavailable(branch, reply);
      else if (branch.settle(status, reply)) this.branchFinal(branch);
    }
  }

  #provisional(t: Transaction, branch: ClientBranch, reply: SipMsg): void {
    if (!branch.isSettled) branch.status = reply.status;
    branch.gotProvisional = true;
    if (branch.cancelWanted !== null) this.#tm.cancels.send(branch);
    if (t.isLocal) return t.onLocalProvisional?.(reply);
    // Of provisional replies to other requests only 100 is allowed, and that is not passed on (RFC 4320 §4.1).
    if (!t.isInvite && reply.status > 100) return;
    if (t.isAnswered || branch.isSettled || (reply.status === 100 && !this.#tm.settings.relay100)) return;
    this.#relay(t, branch, reply);
  }

  #success(t: Transaction, branch: ClientBranch, reply: SipMsg): void {
    branch.settle(reply.status, reply);
    branch.status = reply.status;
    branch.cancelWanted = null;
    if (t.isLocal) return this.#tm.local.final(t, branch, reply, reply.status);
    if (t.hasFlag(T_FLAG.REPLICATED)) {
      if (!t.hasOpenBranch) this.#tm.release(t);
      return;
    }
    if (t.isInvite || !t.isAnswered) this.#relay(t, branch, reply);
    this.#tm.cancels.pending(t, branch, 200, 'Call completed elsewhere');
  }

  /** 503: the next address, where there is one (RFC 3263 §4.3); the blocklist, where it is wanted. */
  #unavailable(branch: ClientBranch, reply: SipMsg): void {
    const { settings, server } = this.#tm;
    if (settings.blst503) {
      const row = reply.findHdr(HDR.RETRYAFTER);
      const seconds = settings.blst503Seconds(row < 0 ? -1 : Number.parseInt(reply.hdrValue(row), 10) || 0);
      const { proto, srcIp, srcPort } = reply.rcv;
      if (seconds > 0) server.resolver.blocklist.report(proto, srcIp, srcPort, BLST.REPLY_503, seconds);
    }
    this.#orNext(branch, reply.status, reply);
  }

  /** Tries the next address; a branch without one has failed with this status. */
  #orNext(branch: ClientBranch, status: number, reply: SipMsg | null): void {
    branch.status = status;
    const moved = this.#tm.relay.failover(branch);
    const give = (ok: boolean): void => {
      if (!ok && branch.settle(status, reply)) this.branchFinal(branch);
    };
    if (moved instanceof Promise) void moved.then(give);
    else give(moved);
  }

  /** A branch has a final reply that is no 2xx, or gave up: go on when all have. */
  branchFinal(branch: ClientBranch): void {
    const { t } = branch;
    if (t.isLocal) return this.#tm.local.final(t, branch, branch.reply, branch.status);
    if (t.hasFlag(T_FLAG.FREED)) return;
    if (branch.status >= 600 && !t.hasFlag(T_FLAG.DISABLE_6XX_BLOCK)) {
      t.flags |= T_FLAG.BLOCK_6XX;
      this.#tm.cancels.pending(t, branch, branch.status, '');
    }
    if (branch.onBranchFailure === '' || t.isAnswered) this.#tm.failures.complete(t);
    else this.#tm.failures.branchFailed(t, branch);
  }

  /** The outcome of all branches goes upstream. */
  final(t: Transaction, best: ClientBranch): void {
    t.winner = best.index;
    const { status, reply } = best;
    if (t.isCanceled && reply === null) this.reply(t, 487, reasonOf(487));
    else if (status === 503 && this.#tm.settings.remap503) this.reply(t, 500, reasonOf(503));
    else if (reply !== null) this.#relay(t, best, reply);
    else if (this.#isSilent(t, best)) this.#tm.release(t);
    else this.reply(t, status, this.#tm.reasonOf(status));
  }

  /** noisy_ctimer = 0: nobody ever answered the only branch, and nobody here wants to know. */
  #isSilent(t: Transaction, best: ClientBranch): boolean {
    if (this.#tm.settings.noisyCtimer || !t.isInvite || !best.hasTimedOut) return false;
    return t.branches.length === 1 && !best.wasReplied && t.callbacks === null;
  }

  /** Passes a reply upstream. */
  #relay(t: Transaction, branch: ClientBranch, reply: SipMsg): void {
    const { status } = reply;
    if (t.hasFlag(T_FLAG.REPLICATED | T_FLAG.DROPPED)) return;
    let lumps: readonly Lump[] = reply.lumpList?.items ?? NO_LUMPS;
    if ((status === 401 || status === 407) && t.branches.length > 1 && this.#tm.settings.aggregateChallenges) {
      const rows = otherChallenges(t.branches, branch);
      if (rows !== '') lumps = mergeSorted(lumps, [new Lump(reply.headersEnd, 0, HDR.OTHER).insertAfter(rows)]);
    }
    const text = buildForwardedReply(reply, lumps, t.request.rcv.socket.isReliable);
    const passes = replyPassesOnsend(this.#tm.server, reply, text, (t.replyDst ??= replyToRequest(t.request)));
    if (typeof passes === 'boolean') this.#sendRelayed(t, branch, reply, passes ? text : '');
    else void passes.then((passed) => this.#sendRelayed(t, branch, reply, passed ? text : ''));
  }

  /** An empty text is a reply that onsend_route dropped: the transaction goes on as if it had been sent. */
  #sendRelayed(t: Transaction, branch: ClientBranch, reply: SipMsg, text: string): void {
    const { status } = reply;
    if (status >= 200) {
      t.winner = branch.index;
      if (t.isInvite) {
        // What its ACK is known by. A copy: a slice would keep all of the reply alive for as long as the transaction.
        t.toTag = flatCopy(reply.toTag);
        t.fromTag = t.request.fromTag;
      }
    }
    if (!t.sendReply(status, text)) {
      if (status < 200 || status >= 300 || text === '') return;
      t.sendAside(text);
    }
    this.#tm.stats.rplRelayed++;
    this.#tm.stats.rplSent++;
    t.emit('replyFwded', reply, status, branch.index);
    t.emit('replyOut', reply, status, branch.index);
    if (status >= 200) t.emit('completed', reply, status, branch.index);
  }

  /**
   * `t_reply`: answers a transaction from here; branches that wait are cancelled by a final reply. `msg` stands for the
   * request in a failure route. False when the transaction has been answered.
   */
  reply(
    t: Transaction,
    code: number,
    reason: string,
    extraHeaders = '',
    body = '',
    msg: SipMsg = t.request,
    toTag = '',
  ): boolean {
    if (t.isAnswered || t.hasFlag(T_FLAG.FREED)) return false;
    const tag = toTag === '' ? t.localTag() : toTag;
    const text = t.makeReply(code, reason, extraHeaders, body, msg, tag);
    if (code >= 200) {
      t.toTag = t.request.toTag === '' ? tag : t.request.toTag;
      t.fromTag = t.request.fromTag;
    }
    if (!t.sendReply(code, text)) return false;
    if (t.isInvite && code >= 200 && code < 300) t.repeat2xx();
    const { stats, settings, server } = this.#tm;
    stats.rplGenerated++;
    stats.rplSent++;
    if (code >= 200) {
      this.#tm.cancels.pending(t, null, code, '');
      t.suspended?.stop();
      t.suspended?.settle(code, null);
    }
    if (code >= 200 || settings.passProvisional) t.emit('replyOut', null, code, -1);
    if (code >= 200) t.emit('completed', null, code, -1);
    if (server.program.event.has('tm:local-response')) void server.runEventRoute('tm:local-response', t.request);
    return true;
  }

  /** What relaying failed with, when the script had nothing to say about it. */
  replyError(t: Transaction): void {
    const [code, reason] = errorReply(t.relayError);
    this.reply(t, code, reason);
  }

  /** The life of a transaction is over and it has not been answered. False when there is nobody to tell. */
  expired(t: Transaction): boolean {
    if (t.hasOpenBranch) return false;
    const { timeoutCode } = this.#tm.settings;
    return this.reply(t, timeoutCode, this.#tm.reasonOf(timeoutCode));
  }

  /** Timer C: nobody picked up. The branch counts as 408 at once, and gets fr_timer to answer its CANCEL. */
  timerC(branch: ClientBranch): void {
    const { t } = branch;
    branch.hasTimedOut = true;
    branch.settle(t.isCanceled ? 487 : this.#tm.settings.timeoutCode, null);
    this.#tm.cancels.sendNow(branch, '');
    this.branchFinal(branch);
  }

  /** Timer B or F of a branch, or no final reply to its CANCEL. */
  branchTimedOut(branch: ClientBranch): void {
    const { t } = branch;
    if (branch.isSettled) return;
    branch.hasTimedOut = true;
    branch.cancelWanted = null;
    const fallback = branch.isBlind && branch.status >= 300 ? branch.status : this.#tm.settings.timeoutCode;
    const status = t.isCanceled && t.isInvite ? 487 : fallback;
    if (branch === t.suspended) t.suspended = null;
    if (branch.gotProvisional || branch.isBlind) {
      branch.settle(status, null);
      this.branchFinal(branch);
      return;
    }
    if ((this.#tm.settings.blstMethodsAdd & t.request.method) !== 0)
      this.#tm.server.destinations.failed(branch.dst, 'timeout');
    this.#orNext(branch, status, null);
  }

  /** The transport refused the request of a branch. */
  branchUnreachable(branch: ClientBranch): void {
    if (branch.isSettled) return;
    branch.cancelWanted = null;
    this.#tm.server.destinations.failed(branch.dst, 'send');
    this.#orNext(branch, branch.t.isCanceled && branch.t.isInvite ? 487 : SEND_FAILED, null);
  }

  /**
   * The INVITE transaction that an end-to-end ACK belongs to: same call, CSeq and tags. `wakes` false leaves out those on
   * wait, of which it matters only whether there is one.
   */
  inviteOfAck(ack: SipMsg, wakes = true): Transaction | null {
    const { table } = this.#tm;
    const isIt = (t: Transaction): boolean =>
      t.status >= 200 &&
      t.status < 300 &&
      t.request.cseqNumber === ack.cseqNumber &&
      t.fromTag === ack.fromTag &&
      t.toTag === ack.toTag;
    return table.findInvite(ack.callId ?? '', isIt, table.callHash(ack), wakes);
  }
}

const NO_LUMPS: readonly Lump[] = [];
/** What a branch counts as that could not be sent (RFC 3261 §16.9: as if a 503 had come). */
const SEND_FAILED = 503;
