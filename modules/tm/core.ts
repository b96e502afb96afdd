import {
  BRANCH_MAGIC,
  loopHash,
  METHOD,
  type Run,
  type ScriptProgram,
  type Server,
  type SipMsg,
  type TimerWheel,
} from 'strowger';
import { Cancels } from './cancel.ts';
import { LocalRequests } from './local.ts';
import { Relay } from './relay.ts';
import { Replies } from './replies.ts';
import { Requests } from './requests.ts';
import { TmStats } from './stats.ts';
import { requestKey as requestKeyOf, TransactionTable } from './table.ts';
import { T_FLAG, type TmCallback, type TmEvent, Transaction } from './transaction.ts';

/** Timer values in ms, from the module's parameters; a transaction copies them when it begins. */
export interface TmTiming {
  frMs: number;
  frInvMs: number;
  waitMs: number;
  retrT1Ms: number;
  retrT2Ms: number;
  maxInvLifeMs: number;
  maxNoninvLifeMs: number;
}

/** Switches that are read for each message. */
export interface TmOptions {
  auto100: boolean;
  auto100Reason: string;
  /** Kamailio's cancel_b_method: 0 fake 487 at once, 1 wait for a provisional, 2 send CANCEL anyway. */
  cancelMethod: number;
  aggregateChallenges: boolean;
  pass100: boolean;
  disable6xxBlock: boolean;
  /** 481 instead of stateless forwarding of a CANCEL nobody knows: unmatched_cancel 0 stateful, 1 stateless, 2 drop. */
  unmatchedCancel: number;
  localAckMode: number;
  failureExclude: ((code: number) => boolean) | null;
  autoReason: boolean;
  /** faked_reply_prio */
  fakedReplyPrio: number;
  replyPriorities: ((code: number) => number) | null;
  localCancelReason: boolean;
  e2eCancelReason: boolean;
  viaRowFirst: boolean;
  relay100: boolean;
  dnsFailover: boolean;
  maxBranches: number;
  reparseOnFailover: boolean;
}

/** The transaction layer of one server: what the parts of tm share. */
export class TmCore {
  readonly server: Server;
  readonly wheel: TimerWheel;
  readonly table = new TransactionTable();
  readonly stats: TmStats;
  readonly timing: TmTiming;
  readonly options: TmOptions;
  readonly relay: Relay;
  readonly replies: Replies;
  readonly cancels: Cancels;
  readonly requests: Requests;
  readonly local: LocalRequests;
  readonly globalCallbacks = new Map<TmEvent, TmCallback[]>();
  /** What every branch of this worker begins with. */
  readonly branchPrefix: string;
  readonly tagPrefix: string;
  #labels: number;

  constructor(server: Server, timing: TmTiming, options: TmOptions) {
    this.server = server;
    this.wheel = server.wheel;
    this.timing = timing;
    this.options = options;
    this.stats = new TmStats(this);
    this.branchPrefix = `${BRANCH_MAGIC}${server.workerIndex.toString(36)}-`;
    this.tagPrefix = server.random.token(16);
    this.#labels = server.random.int(0x3fffffff);
    this.relay = new Relay(this);
    this.replies = new Replies(this);
    this.cancels = new Cancels(this);
    this.requests = new Requests(this);
    this.local = new LocalRequests(this);
  }

  /** Transaction of a message: found once, remembered on it. Null when there is none. */
  of(msg: SipMsg): Transaction | null {
    if (msg.transaction !== undefined) return msg.transaction as Transaction | null;
    const found = this.table.find(msg, msg.method === METHOD.ACK ? METHOD.INVITE : msg.method);
    msg.transaction = found;
    return found;
  }

  /** Begins a transaction for the request of this run. */
  create(run: Run): Transaction {
    return this.begin(run.msg, run.program);
  }

  begin(msg: SipMsg, program: ScriptProgram, flags = 0): Transaction {
    const t = new Transaction(
      this,
      this.table.nextIndex(),
      this.#nextLabel(),
      msg,
      (flags & T_FLAG.LOCAL) !== 0 ? '' : requestKeyOf(msg),
      program,
    );
    t.flags |= flags;
    const armed = msg.extension<ArmedRoutes>(ARMED);
    if (armed !== undefined) armed.applyTo(t);
    this.table.put(t);
    msg.transaction = t;
    this.stats.begun(t);
    t.emit('requestIn', null, 0, -1);
    return t;
  }

  /** Via branch of a branch: slot, label, branch number, loop hash. */
  branchId(t: Transaction, branch: number): string {
    if (t.loop === '') t.loop = loopHash(t.request).toString(36);
    return `${this.branchPrefix}${t.index.toString(36)}-${t.label.toString(36)}-${branch.toString(36)}-${t.loop}`;
  }

  free(t: Transaction): void {
    if (t.hasFlag(T_FLAG.FREED)) return;
    t.flags |= T_FLAG.FREED;
    for (const branch of t.branches) {
      branch.stop();
      branch.cancel?.stop();
    }
    if (t.retransmitTimer !== null) this.wheel.cancel(t.retransmitTimer);
    if (t.timeoutTimer !== null) this.wheel.cancel(t.timeoutTimer);
    t.emit('destroy', null, t.status, -1);
    this.table.remove(t);
    this.stats.ended(t);
  }

  #nextLabel(): number {
    this.#labels = (this.#labels + 1) & 0x3fffffff;
    return this.#labels;
  }
}

/** Key of what t_on_failure and the like set before the transaction exists. */
export const ARMED = { name: 'tm armed routes' };

/** Routes and timers a script set on a message that has no transaction yet. */
export class ArmedRoutes {
  onFailure = '';
  onReply = '';
  onBranch = '';
  onBranchFailure = '';
  frTimeoutMs = 0;
  frInvTimeoutMs = 0;
  retrT1Ms = 0;
  retrT2Ms = 0;
  flags = 0;
  callbacks: (readonly [TmEvent, TmCallback])[] | null = null;

  applyTo(t: Transaction): void {
    t.onFailure = this.onFailure;
    t.onReply = this.onReply;
    t.onBranch = this.onBranch;
    t.onBranchFailure = this.onBranchFailure;
    if (this.frTimeoutMs !== 0) t.frTimeoutMs = this.frTimeoutMs;
    if (this.frInvTimeoutMs !== 0) t.frInvTimeoutMs = this.frInvTimeoutMs;
    if (this.retrT1Ms !== 0) t.retrT1Ms = this.retrT1Ms;
    if (this.retrT2Ms !== 0) t.retrT2Ms = this.retrT2Ms;
    t.flags |= this.flags;
    for (const [event, callback] of this.callbacks ?? []) t.on(event, callback);
  }
}

/** The armed routes of a message without a transaction, made on first use. */
export function armedOf(msg: SipMsg): ArmedRoutes {
  let armed = msg.extension<ArmedRoutes>(ARMED);
  if (armed === undefined) msg.setExtension(ARMED, (armed = new ArmedRoutes()));
  return armed;
}
