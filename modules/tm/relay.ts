import {
  applySendFlags,
  type Branch,
  buildRequest,
  type Destination,
  type DestinationResult,
  type DestinationSet,
  forwardTo,
  HDR,
  isDestination,
  LumpList,
  METHOD,
  nextHopUri,
  PROTO,
  ROUTE,
  RUN_DROP,
  type Run,
  type ScriptRoute,
  type SipMsg,
  type SocketInfo,
} from 'strowger';
import type { TmCore } from './core.ts';
import { ClientBranch, T_FLAG, Transaction } from './transaction.ts';

/** One target of a t_relay, before it has an address. */
interface Target {
  readonly uri: string;
  readonly dstUri: string;
  readonly path: string;
  readonly q: number;
  readonly flags: number;
  readonly socket: SocketInfo | null;
  readonly instance: string;
  readonly ruid: string;
  readonly regId: number;
  readonly userAgent: string;
}

/** Results of t_relay and its variants, Kamailio's E_* folded to what scripts see. */
export const RELAY = {
  OK: 1,
  STOP: 0,
  ERROR: -1,
  BAD_URI: -2,
  NO_DESTINATION: -3,
  SEND_FAILED: -4,
  BLOCKED: -5,
  CANCELED: -6,
  NO_BRANCH: -7,
} as const;

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
  relay(run: Run, fixed: DestinationSet | null = null, proto = PROTO.NONE as number): number | Promise<number> {
    const msg = run.msg;
    if (msg.method === METHOD.ACK) return this.#relayAck(run, fixed);
    const known = this.#tm.of(msg);
    if (known !== null && run.routeType === ROUTE.REQUEST && known.request !== msg) {
      known.absorb();
      return RELAY.STOP;
    }
    if (msg.method === METHOD.CANCEL && run.routeType === ROUTE.REQUEST) {
      const invite = this.#tm.table.find(msg, METHOD.INVITE);
      if (invite !== null) return this.#tm.cancels.received(run, invite);
      if (this.#tm.options.unmatchedCancel === 1) return this.#stateless(run, fixed);
      if (this.#tm.options.unmatchedCancel === 2) return RELAY.STOP;
    }
    const t = known ?? this.#tm.create(run);
    if (t.isInvite && known === null && this.#tm.options.auto100 && (t.flags & T_FLAG.NO_AUTO_100) === 0) {
      t.sendReply(100, t.makeReply(100, this.#tm.options.auto100Reason));
    }
    return this.forward(run, t, fixed, proto);
  }

  #stateless(run: Run, fixed: DestinationSet | null): number | Promise<number> {
    const dst = fixed !== null ? fixed : this.#tm.server.destinations.resolve(nextHopUri(run.msg), run.msg.forceSocket);
    const send = (found: DestinationResult): number | Promise<number> =>
      isDestination(found) ? forwardTo(run, found.first) : RELAY.NO_DESTINATION;
    return dst instanceof Promise ? dst.then(send) : send(dst);
  }

  /** An ACK of this hop ends here; any other goes on without a transaction (RFC 3261 §17.1.1.3, §16.11). */
  #relayAck(run: Run, fixed: DestinationSet | null): number | Promise<number> {
    const invite = this.#tm.of(run.msg);
    if (invite !== null && invite.acknowledge()) return RELAY.STOP;
    const e2e = invite ?? this.#tm.replies.inviteOfAck(run.msg);
    if (e2e !== null) e2e.emit('e2eAck', null, 0, -1);
    return this.#stateless(run, fixed);
  }

  /** Adds the branches of the message's destination set to a transaction and sends them (t_forward_nonack). */
  forward(
    run: Run,
    t: Transaction,
    fixed: DestinationSet | null = null,
    proto = PROTO.NONE as number,
  ): number | Promise<number> {
    if (t.hasFlag(T_FLAG.BLOCK_6XX)) return RELAY.BLOCKED;
    if (t.isCanceled) return RELAY.CANCELED;
    if (t.isAnswered) return RELAY.ERROR;
    const targets = targetsOf(run.msg, run.routeType);
    run.msg.branches = null;
    t.firstOfRound = t.branches.length;
    return this.#start(run, t, targets, 0, fixed, proto, 0, RELAY.NO_BRANCH);
  }

  /** Starts targets from `at` on; leaves the synchronous way at the first that has to wait. */
  #start(
    run: Run,
    t: Transaction,
    targets: readonly Target[],
    at: number,
    fixed: DestinationSet | null,
    proto: number,
    startedBefore: number,
    errorBefore: number,
  ): number | Promise<number> {
    let started = startedBefore;
    let error = errorBefore;
    for (let i = at; i < targets.length; i++) {
      const result = this.#startTarget(run, t, targets[i] as Target, fixed, proto);
      if (typeof result !== 'number') {
        return result.then((code) =>
          this.#start(run, t, targets, i + 1, fixed, proto, code > 0 ? started + 1 : started, code > 0 ? error : code),
        );
      }
      if (result > 0) started++;
      else error = result;
    }
    if (started === 0) return error;
    t.emit('requestFwded', null, 0, -1);
    return RELAY.OK;
  }

  #startTarget(
    run: Run,
    t: Transaction,
    target: Target,
    fixed: DestinationSet | null,
    proto: number,
  ): number | Promise<number> {
    if (t.branches.length >= this.#tm.options.maxBranches) {
      this.#tm.server.log.error('tm: too many branches', { max: this.#tm.options.maxBranches });
      return RELAY.ERROR;
    }
    const route = t.onBranch === '' ? undefined : t.program.branch.get(t.onBranch);
    if (route === undefined) return this.#address(run, t, target, null, fixed, proto);
    return this.#runBranchRoute(run, t, target, route, fixed, proto);
  }

  /** branch_route: what it edits belongs to this branch alone; `drop` takes the branch out. */
  #runBranchRoute(
    run: Run,
    t: Transaction,
    target: Target,
    route: ScriptRoute,
    fixed: DestinationSet | null,
    proto: number,
  ): number | Promise<number> {
    const msg = run.msg;
    const saved = saveMsg(msg);
    msg.newUri = target.uri;
    msg.dstUri = target.dstUri;
    msg.pathVec = target.path;
    msg.forceSocket = target.socket;
    msg.bflags = target.flags;
    msg.lumpList = new LumpList();
    const kind = run.routeType;
    run.routeType = ROUTE.BRANCH;
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
      };
      restoreMsg(msg, saved);
      run.routeType = kind;
      if ((bits & RUN_DROP) !== 0) return RELAY.NO_BRANCH;
      return this.#address(run, t, changed, lumps, fixed, proto);
    };
    const result = route(run);
    return typeof result === 'number' ? done(result) : result.then(done);
  }

  #address(
    run: Run,
    t: Transaction,
    target: Target,
    lumps: LumpList | null,
    fixed: DestinationSet | null,
    proto: number,
  ): number | Promise<number> {
    if (fixed !== null) return this.#send(run, t, target, lumps, fixed);
    const where = target.dstUri !== '' ? target.dstUri : target.uri;
    const found = this.#tm.server.destinations.resolve(where, target.socket, proto);
    const send = (result: DestinationResult): number | Promise<number> => {
      if (isDestination(result)) return this.#send(run, t, target, lumps, result);
      this.#tm.server.log.error(`tm: ${result.reason}`, { uri: where, callId: run.msg.callId });
      return RELAY.NO_DESTINATION;
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
    const dst = found.first;
    if (dst.socket === null) return RELAY.NO_DESTINATION;
    if (t.isCanceled) return RELAY.CANCELED;
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
    t.branches.push(branch);
    applySendFlags(run.msg, dst);
    const text = buildRequest(run.msg, {
      uri: target.uri,
      branchId: this.#tm.branchId(t, branch.index),
      outgoing: dst.socket,
      branchLumps: lumps,
      pathVec: target.path,
      conId: run.msg.rcv.socket.isReliable ? run.msg.rcv.conId : 0,
    });
    if (run.program.onsend === null) {
      branch.start(text);
      return RELAY.OK;
    }
    return this.#runOnsend(run, run.program.onsend, branch, text, dst);
  }

  #runOnsend(
    run: Run,
    route: ScriptRoute,
    branch: ClientBranch,
    text: string,
    dst: Destination,
  ): number | Promise<number> {
    const kind = run.routeType;
    run.routeType = ROUTE.ONSEND;
    run.sending = { text, ip: dst.ip, port: dst.port, proto: dst.proto };
    run.branch = branch.index;
    const done = (bits: number): number => {
      run.routeType = kind;
      run.sending = null;
      if ((bits & RUN_DROP) === 0) branch.start(text);
      else branch.stop();
      return RELAY.OK;
    };
    const result = route(run);
    return typeof result === 'number' ? done(result) : result.then(done);
  }

  /** The next address of a branch that failed, as a new branch (RFC 3263 §4.3). False when there is none. */
  failover(branch: ClientBranch): boolean | Promise<boolean> {
    const t = branch.t;
    const targets = branch.targets;
    if (
      !this.#tm.options.dnsFailover ||
      targets === null ||
      t.isCanceled ||
      t.isAnswered ||
      t.branches.length >= this.#tm.options.maxBranches
    )
      return false;
    branch.targets = null;
    const next = targets.next();
    const go = (dst: Destination | null): boolean => {
      if (dst === null || dst.socket === null || t.isCanceled || t.isAnswered) return false;
      const again = new ClientBranch(t, t.branches.length, branch.uri, dst);
      again.targets = { first: dst, next: () => targets.next() };
      again.dstUri = branch.dstUri;
      again.pathVec = branch.pathVec;
      again.flags = branch.flags;
      again.onBranchFailure = branch.onBranchFailure;
      t.branches.push(again);
      again.start(this.#tm.requests.resend(branch, again));
      return true;
    };
    return next instanceof Promise ? next.then(go) : go(next);
  }
}

/** The destination set of a message: its Request-URI first, then its branches in the order they were added. */
function targetsOf(msg: SipMsg, _routeType: number): readonly Target[] {
  const first: Target = {
    uri: msg.uri,
    dstUri: msg.dstUri,
    path: msg.pathVec,
    q: msg.ruriQ,
    flags: msg.bflags,
    socket: msg.forceSocket,
    instance: msg.instance,
    ruid: msg.ruid,
    regId: msg.regId,
    userAgent: msg.locationUa,
  };
  if (msg.branches === null) return [first];
  return [first, ...msg.branches.map((branch: Branch) => ({ ...branch, path: branch.path }))];
}

interface SavedMsg {
  readonly newUri: string | null;
  readonly dstUri: string;
  readonly pathVec: string;
  readonly forceSocket: SocketInfo | null;
  readonly bflags: number;
  readonly lumpList: LumpList | null;
}

function saveMsg(msg: SipMsg): SavedMsg {
  return {
    newUri: msg.newUri,
    dstUri: msg.dstUri,
    pathVec: msg.pathVec,
    forceSocket: msg.forceSocket,
    bflags: msg.bflags,
    lumpList: msg.lumpList,
  };
}

function restoreMsg(msg: SipMsg, saved: SavedMsg): void {
  msg.newUri = saved.newUri;
  msg.dstUri = saved.dstUri;
  msg.pathVec = saved.pathVec;
  msg.forceSocket = saved.forceSocket;
  msg.bflags = saved.bflags;
  msg.lumpList = saved.lumpList;
}

/** True where the request has a Route header left, so that Request-URI rewriting must not decide the next hop. */
export function hasRoute(msg: SipMsg): boolean {
  return msg.findHdr(HDR.ROUTE) >= 0;
}
