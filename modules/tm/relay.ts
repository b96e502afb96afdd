import {
  applySendFlags,
  beyondMtu,
  buildRequest,
  type Destination,
  type DestinationResult,
  type DestinationSet,
  forwardTo,
  isDestination,
  LumpList,
  METHOD,
  nextHopUri,
  PROTO,
  ROUTE,
  RUN_DROP,
  type Run,
  type ScriptRoute,
} from 'strowger';
import { ClientBranch, NOWHERE } from './branch.ts';
import type { TmCore } from './core.ts';
import { isLooping } from './loop.ts';
import { stateOf } from './msg-state.ts';
import { type Target, targetsOf } from './targets.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

/** Results of t_relay and its variants: Kamailio's error numbers (`$rc`), which the reply to the caller names, too. */
export const RELAY = {
  OK: 1,
  STOP: 0,
  ERROR: -1,
  /** A branch route dropped every branch. */
  NO_BRANCH: -6,
  NO_SOCKET: -7,
  BAD_URI: -400,
  BLOCKED: -473,
  SEND_FAILED: -477,
  NO_DESTINATION: -478,
} as const;

/** Bits of t_relay_to's second argument. */
const RELAY_FLAG = { NO_100: 1, NO_INTERNAL_REPLY: 2, NO_FAILOVER: 4 } as const;

/** Where a variant of t_relay sends, beside what the message says. */
export interface RelayTo {
  /** `sip:host:port` and the like; '' for the destination set of the message. */
  readonly uri: string;
  /** PROTO, NONE where the URI decides. */
  readonly proto: number;
}

const ANYWHERE: RelayTo = { uri: '', proto: PROTO.NONE };

/** Sending a request on statefully: Kamailio's t_relay family. */
export class Relay {
  readonly #tm: TmCore;

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  /**
   * `t_relay()`: creates the transaction where there is none, adds a branch for the Request-URI and each further one of the
   * destination set, and sends. 1 sent; 0 a retransmission was absorbed: the script ends; < 0 nothing could be sent.
   */
  relay(run: Run, to: RelayTo = ANYWHERE, flags = 0): number | Promise<number> {
    const { msg } = run;
    const tm = this.#tm;
    if (msg.method === METHOD.ACK) return this.#relayAck(run, to);
    const known = tm.of(msg);
    if (known !== null && known.request !== msg && run.routeType === ROUTE.REQUEST) {
      known.absorb();
      return RELAY.STOP;
    }
    if (msg.method === METHOD.CANCEL && known === null) {
      const invite = tm.table.find(msg, METHOD.INVITE);
      if (invite !== null) return tm.cancels.received(run, invite);
      if (tm.settings.unmatchedCancel === 1) return this.stateless(run, to);
      if (tm.settings.unmatchedCancel === 2) return RELAY.STOP;
    }
    if (known === null && msg.newUri !== null && !ROUTABLE.test(msg.newUri)) return RELAY.BAD_URI;
    const t = known ?? tm.create(run);
    if ((flags & RELAY_FLAG.NO_INTERNAL_REPLY) !== 0) t.flags |= T_FLAG.DISABLE_INTERNAL_REPLY;
    if ((flags & RELAY_FLAG.NO_FAILOVER) !== 0) t.flags |= T_FLAG.DISABLE_FAILOVER;
    if (t.isInvite && t.status === 0 && (flags & RELAY_FLAG.NO_100) === 0) this.sendTrying(t);
    const result = this.forward(run, t, to);
    return typeof result === 'number' ? noteError(t, result) : result.then((code) => noteError(t, code));
  }

  /** The 100 that stops the caller's retransmissions (RFC 3261 §16.2), unless it was switched off. */
  sendTrying(t: Transaction): void {
    const { settings, stats } = this.#tm;
    if (t.status !== 0 || t.hasFlag(T_FLAG.NO_AUTO_100)) return;
    t.sendReply(100, t.makeReply(100, settings.auto100Reason));
    stats.rplGenerated++;
    stats.rplSent++;
  }

  /** Sends on without a transaction. */
  stateless(run: Run, to: RelayTo = ANYWHERE): number | Promise<number> {
    const where = to.uri !== '' ? to.uri : nextHopUri(run.msg);
    const dst = this.#tm.server.destinations.resolve(where, run.msg.forceSocket, to.proto, run.msg.rcv.socket);
    const send = (found: DestinationResult): number | Promise<number> =>
      isDestination(found) ? forwardTo(run, found.first) : RELAY.NO_DESTINATION;
    return dst instanceof Promise ? dst.then(send) : send(dst);
  }

  /** An ACK of this hop ends here; any other goes on without a transaction (RFC 3261 §17.1.1.3, §16.11). */
  #relayAck(run: Run, to: RelayTo): number | Promise<number> {
    const { msg } = run;
    const hop = this.#tm.of(msg);
    if (hop !== null && hop.acknowledge()) return RELAY.STOP;
    const e2e = hop ?? this.#tm.replies.inviteOfAck(msg, this.#tm.callbacks.has('e2eAck'));
    if (e2e !== null) {
      if (e2e.hasFlag(T_FLAG.LOCAL_2XX)) {
        e2e.acknowledge();
        return RELAY.STOP;
      }
      e2e.emit('e2eAck', null, 0, -1, msg);
    }
    return this.stateless(run, to);
  }

  /** Adds the branches of the message's destination set to a transaction and sends them (t_forward_nonack). */
  forward(run: Run, t: Transaction, to: RelayTo = ANYWHERE): number | Promise<number> {
    const isFailure = run.routeType === ROUTE.FAILURE;
    if (t.isCanceled || t.isAnswered || (t.hasFlag(T_FLAG.BLOCK_6XX) && !isFailure)) return RELAY.ERROR;
    const { msg } = run;
    const targets = targetsOf(msg);
    if (targets.length === 0) {
      this.#tm.server.log.error('tm: nowhere to relay to: the Request-URI has been used already', {
        callId: msg.callId,
      });
      return RELAY.ERROR;
    }
    if (targets.length > 1 && isLooping(msg, this.#tm)) {
      this.#tm.replies.reply(t, 482, 'Loop Detected');
      return RELAY.ERROR;
    }
    if (isFailure) this.#newLeg(t);
    t.flags |= T_FLAG.RELAYED;
    if (t.relayed === null && msg === t.request && (t.onFailure !== '' || t.onBranchFailure !== ''))
      t.relayed = stateOf(msg);
    msg.branches = null;
    msg.isRuriNew = false;
    const { settings } = this.#tm;
    if (settings.frAvp !== null || settings.frInvAvp !== null) this.#timersFromAvps(t);
    return this.#start(run, t, targets, 0, to, 0, RELAY.NO_BRANCH);
  }

  /** A new leg of serial forking: what failed before counts only as far as the script wants (failure_reply_mode). */
  #newLeg(t: Transaction): void {
    const mode = t.dropMode >= 0 ? t.dropMode : this.#tm.settings.failureReplyMode;
    t.dropMode = -1;
    if (mode !== 0) {
      for (let i = mode === 2 ? t.legStart : 0; i < t.branches.length; i++)
        (t.branches[i] as ClientBranch).isDropped = true;
    }
    t.legStart = t.branches.length;
    t.flags &= ~T_FLAG.BLOCK_6XX;
  }

  #timersFromAvps(t: Transaction): void {
    const { frAvp, frInvAvp } = this.#tm.settings;
    const seconds = (name: string | number | null): number => {
      const value = name === null ? null : (t.request.vars?.avp(name) ?? null);
      return value === null ? 0 : Number(value) || 0;
    };
    const fr = seconds(frAvp);
    const frInv = seconds(frInvAvp);
    if (fr > 0) t.frTimeoutMs = fr * 1000;
    if (frInv > 0) t.frInvTimeoutMs = frInv * 1000;
  }

  /** Starts targets from `at` on; leaves the synchronous way at the first that has to wait. */
  #start(
    run: Run,
    t: Transaction,
    targets: readonly Target[],
    at: number,
    to: RelayTo,
    startedBefore: number,
    errorBefore: number,
  ): number | Promise<number> {
    let started = startedBefore;
    let error = errorBefore;
    for (let i = at; i < targets.length; i++) {
      const result = this.#startTarget(run, t, targets[i] as Target, to);
      if (typeof result !== 'number') {
        return result.then((code) =>
          this.#start(run, t, targets, i + 1, to, code > 0 ? started + 1 : started, code > 0 ? error : code),
        );
      }
      if (result > 0) started++;
      else error = result;
    }
    if (started === 0) return this.#noneStarted(t, error);
    t.emit('requestFwded', null, 0, -1);
    return RELAY.OK;
  }

  /** With failure_exec_mode, what could not be sent counts as a branch that failed. */
  #noneStarted(t: Transaction, error: number): number {
    if (!this.#tm.settings.failureExec || t.onFailure === '' || t.isAnswered) return error;
    const branch = new ClientBranch(t, t.branches.length, t.request.uri, NOWHERE, true);
    t.addBranch(branch);
    const code = error <= -400 ? -error : 500;
    // The failure route runs once the route that called t_relay is done.
    branch.armTimeout(0);
    branch.status = code;
    return RELAY.OK;
  }

  #startTarget(run: Run, t: Transaction, target: Target, to: RelayTo): number | Promise<number> {
    const max = this.#tm.maxBranches;
    if (t.branches.length >= max) {
      this.#tm.server.log.error('tm: too many branches', { max });
      return RELAY.ERROR;
    }
    const route = t.onBranch === '' ? undefined : t.program.branch.get(t.onBranch);
    if (route === undefined) return this.#address(run, t, target, null, to);
    return this.#runBranchRoute(run, t, target, route, to);
  }

  /** branch_route: what it edits belongs to this branch alone; `drop` takes the branch out. */
  #runBranchRoute(run: Run, t: Transaction, target: Target, route: ScriptRoute, to: RelayTo): number | Promise<number> {
    const { msg } = run;
    const saved = { uri: msg.newUri, dst: msg.dstUri, path: msg.pathVec, socket: msg.forceSocket, bflags: msg.bflags };
    const { lumpList, instance, ruid } = msg;
    msg.newUri = target.uri;
    msg.dstUri = target.dstUri;
    msg.pathVec = target.path;
    msg.forceSocket = target.socket;
    msg.bflags = target.flags;
    msg.instance = target.instance;
    msg.ruid = target.ruid;
    msg.lumpList = new LumpList();
    const kind = run.routeType;
    const { branch } = run;
    run.routeType = ROUTE.BRANCH;
    run.rc = 0;
    run.branch = t.branches.length;
    const done = (bits: number): number | Promise<number> => {
      const lumps = msg.lumpList;
      const changed: Target = {
        ...target,
        uri: msg.uri,
        dstUri: msg.dstUri,
        path: msg.pathVec,
        socket: msg.forceSocket,
        flags: msg.bflags,
        instance: msg.instance,
        ruid: msg.ruid,
      };
      msg.newUri = saved.uri;
      msg.dstUri = saved.dst;
      msg.pathVec = saved.path;
      msg.forceSocket = saved.socket;
      msg.bflags = saved.bflags;
      msg.instance = instance;
      msg.ruid = ruid;
      msg.lumpList = lumpList;
      msg.isRuriNew = false;
      run.routeType = kind;
      run.branch = branch;
      if ((bits & RUN_DROP) !== 0) return RELAY.NO_BRANCH;
      return this.#address(run, t, changed, lumps, to);
    };
    const result = route(run);
    return typeof result === 'number' ? done(result) : result.then(done);
  }

  #address(run: Run, t: Transaction, target: Target, lumps: LumpList | null, to: RelayTo): number | Promise<number> {
    const where = to.uri !== '' ? to.uri : target.dstUri !== '' ? target.dstUri : target.uri;
    const found = this.#tm.server.destinations.resolve(where, target.socket, to.proto, run.msg.rcv.socket);
    const send = (result: DestinationResult): number | Promise<number> => {
      if (isDestination(result)) return this.#send(run, t, target, lumps, result);
      this.#tm.server.log.error(`tm: ${result.reason}`, { uri: where, callId: run.msg.callId });
      return result.code === 500 ? RELAY.NO_SOCKET : RELAY.NO_DESTINATION;
    };
    return found instanceof Promise ? found.then(send) : send(found);
  }

  #send(
    run: Run,
    t: Transaction,
    target: Target,
    lumps: LumpList | null,
    found: DestinationSet,
  ): number | Promise<number> {
    const usable = this.#usable(found.first, found, t);
    if (usable instanceof Promise)
      return usable.then((dst) => (dst === null ? RELAY.BLOCKED : this.#sendTo(run, t, target, lumps, found, dst)));
    return usable === null ? RELAY.BLOCKED : this.#sendTo(run, t, target, lumps, found, usable);
  }

  /** The first address that is not on the blocklist (use_dst_blocklist, blst_methods_lookup). */
  #usable(
    dst: Destination | null,
    found: DestinationSet,
    t: Transaction,
  ): Destination | null | Promise<Destination | null> {
    if (dst === null) return null;
    const { blocklist } = this.#tm.server.resolver;
    if (!blocklist.isEnabled || (t.request.method & this.#tm.settings.blstMethodsLookup) === 0) return dst;
    if (blocklist.check(dst.proto, dst.ip, dst.port) === 0) return dst;
    const next = found.next();
    return next instanceof Promise ? next.then((other) => this.#usable(other, found, t)) : this.#usable(next, found, t);
  }

  #sendTo(
    run: Run,
    t: Transaction,
    target: Target,
    lumps: LumpList | null,
    found: DestinationSet,
    dst: Destination,
  ): number | Promise<number> {
    if (dst.socket === null) return RELAY.NO_SOCKET;
    if (run.aborted || t.isCanceled || t.isAnswered || t.hasFlag(T_FLAG.FREED)) return RELAY.ERROR;
    const { msg } = run;
    const branch = new ClientBranch(t, t.branches.length, target.uri, dst);
    branch.targets = found;
    branch.dstUri = target.dstUri;
    branch.pathVec = target.path;
    branch.flags = target.flags;
    branch.instance = target.instance;
    branch.ruid = target.ruid;
    branch.regId = target.regId;
    branch.userAgent = target.userAgent;
    branch.onBranchFailure = t.onBranchFailure;
    t.addBranch(branch);
    const form = {
      uri: target.uri,
      branchId: this.#tm.branchId(t, branch.index),
      outgoing: dst.socket,
      branchLumps: lumps,
      pathVec: target.path,
      conId: msg.rcv.socket.isReliable ? msg.rcv.conId : 0,
    };
    let text = buildRequest(msg, form);
    const larger = beyondMtu(this.#tm.server, msg, text.length, dst);
    if (larger?.socket != null) {
      branch.dst = larger;
      text = buildRequest(msg, { ...form, viaSocket: larger.socket });
    }
    applySendFlags(msg, branch.dst);
    if (run.program.onsend === null) {
      this.#startBranch(t, branch, text);
      return RELAY.OK;
    }
    return this.#runOnsend(run, run.program.onsend, t, branch, text, branch.dst);
  }

  #startBranch(t: Transaction, branch: ClientBranch, text: string): void {
    branch.start(text);
    t.emit('requestOut', null, 0, branch.index);
  }

  #runOnsend(
    run: Run,
    route: ScriptRoute,
    t: Transaction,
    branch: ClientBranch,
    text: string,
    dst: Destination,
  ): number | Promise<number> {
    const kind = run.routeType;
    const before = run.branch;
    run.routeType = ROUTE.ONSEND;
    run.rc = 0;
    run.sending = { text, ip: dst.ip, port: dst.port, proto: dst.proto };
    run.branch = branch.index;
    const done = (bits: number): number => {
      run.routeType = kind;
      run.sending = null;
      run.branch = before;
      if ((bits & RUN_DROP) === 0) {
        this.#startBranch(t, branch, text);
        return RELAY.OK;
      }
      // Nothing was sent, and nothing will answer: no branch of the transaction any more.
      branch.isDropped = true;
      branch.stop();
      branch.settle(408, null);
      return RELAY.SEND_FAILED;
    };
    const result = route(run);
    return typeof result === 'number' ? done(result) : result.then(done);
  }

  /** The next address of a branch that failed, as a new branch (RFC 3263 §4.3). False when there is none. */
  failover(branch: ClientBranch): boolean | Promise<boolean> {
    const { t, targets } = branch;
    if (targets === null || t.isCanceled || t.isAnswered || t.isExpired || t.branches.length >= this.#tm.maxBranches)
      return false;
    if (t.hasFlag(T_FLAG.DISABLE_FAILOVER | T_FLAG.BLOCK_6XX)) return false;
    branch.targets = null;
    const found = targets.next();
    if (found === null) return false;
    const next = found instanceof Promise ? found : this.#usable(found, targets, t);
    const go = (dst: Destination | null): boolean => {
      if (dst === null || dst.socket === null || t.isCanceled || t.isAnswered || t.hasFlag(T_FLAG.FREED)) return false;
      this.#startAgain(branch, dst, targets);
      return true;
    };
    return next instanceof Promise ? next.then(go) : go(next);
  }

  #startAgain(branch: ClientBranch, to: Destination, targets: DestinationSet): void {
    const { t } = branch;
    const incoming = t.request.rcv.socket;
    const isReused =
      this.#tm.settings.reuseRcvSocket && incoming.proto === to.proto && incoming.family === to.socket?.family;
    const dst = isReused ? { ...to, socket: incoming } : to;
    const again = new ClientBranch(t, t.branches.length, branch.uri, dst);
    again.targets = targets;
    again.dstUri = branch.dstUri;
    again.pathVec = branch.pathVec;
    again.flags = branch.flags;
    again.instance = branch.instance;
    again.ruid = branch.ruid;
    again.regId = branch.regId;
    again.userAgent = branch.userAgent;
    again.onBranchFailure = branch.onBranchFailure;
    branch.isDropped = true;
    branch.settle(branch.status === 0 ? 408 : branch.status, null);
    t.addBranch(again);
    again.start(this.#tm.requests.resend(branch, again));
    t.emit('requestOut', null, 0, again.index);
  }
}

function noteError(t: Transaction, code: number): number {
  t.relayError = code < 0 ? code : 0;
  return code === RELAY.SEND_FAILED ? RELAY.ERROR : code;
}

/** Kamailio begins no transaction for a Request-URI of a scheme it does not know. */
const ROUTABLE = /^(?:sips?|tels?|urn):/i;
