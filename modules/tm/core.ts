import {
  BRANCH_MAGIC,
  base36,
  DEFAULT_MAX_BRANCHES,
  loopHash,
  METHOD,
  type Run,
  type ScriptProgram,
  type Server,
  type SipMsg,
  type TimerWheel,
} from 'strowger';
import { ARMED, type ArmedRoutes, armedOf } from './armed.ts';
import { type EndListener, TmCallbacks } from './callbacks.ts';
import { Cancels } from './cancel.ts';
import { reuseBranch } from './contacts.ts';
import { ExternalWriter } from './external.ts';
import { Failures } from './failure.ts';
import { LocalRequests } from './local.ts';
import { OnWait } from './on-wait.ts';
import { reasonOf } from './reasons.ts';
import { Relay } from './relay.ts';
import { Replies } from './replies.ts';
import { Requests } from './requests.ts';
import type { TmSettings } from './settings.ts';
import { TmStats } from './stats.ts';
import { Suspensions } from './suspend.ts';
import { TransactionTable } from './table.ts';
import { T_FLAG, Transaction } from './transaction.ts';
import { WaitingRequests } from './waiting.ts';

/** `$rc` of t_newtran() where the request has its transaction already (Kamailio's E_SCRIPT). */
const NEWTRAN_EXISTS = -10;

/** Seconds in the Retry-After of an overload 503. */
const OVERLOAD_RETRY_AFTER_S = 5;

/** Branch numbers stay below 32 (`max_branches`). */
const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';

/** The transaction layer of one server: what the parts of tm share. */
export class TmCore {
  readonly server: Server;
  readonly wheel: TimerWheel;
  readonly settings: TmSettings;
  readonly table: TransactionTable;
  readonly onWait: OnWait;
  readonly stats: TmStats;
  readonly relay: Relay;
  readonly replies: Replies;
  readonly failures: Failures;
  readonly cancels: Cancels;
  readonly requests: Requests;
  readonly local: LocalRequests;
  readonly suspensions: Suspensions;
  readonly waiting: WaitingRequests;
  readonly external: ExternalWriter;
  /** Callbacks of other modules for all transactions. */
  readonly callbacks = new TmCallbacks();
  /** Branches of one request (core parameter max_branches). */
  maxBranches = DEFAULT_MAX_BRANCHES;
  /** More transactions than this at a time and new requests are turned away. */
  maxTransactions = 250_000;
  /** What every branch of this worker begins with. */
  readonly branchPrefix: string;
  readonly tagPrefix: string;
  readonly onCallbackError = (error: unknown): void => {
    this.server.log.error('tm: a callback failed', { err: error });
  };
  constructor(server: Server, settings: TmSettings) {
    this.server = server;
    this.wheel = server.wheel;
    this.settings = settings;
    this.onWait = new OnWait(this);
    this.table = new TransactionTable(settings, server.random.uint32(), this.onWait);
    this.stats = new TmStats(this);
    this.branchPrefix = `${BRANCH_MAGIC}${server.workerIndex.toString(36)}-`;
    this.tagPrefix = server.random.token(16);
    this.relay = new Relay(this);
    this.replies = new Replies(this);
    this.failures = new Failures(this);
    this.cancels = new Cancels(this);
    this.requests = new Requests(this);
    this.local = new LocalRequests(this);
    this.suspensions = new Suspensions(this);
    this.waiting = new WaitingRequests(this);
    this.external = new ExternalWriter(this);
  }

  /** Transaction of a message: found once, remembered on it. Null when there is none. */
  of(msg: SipMsg): Transaction | null {
    if (msg.transaction !== undefined) return msg.transaction as Transaction | null;
    const found = msg.isRequest
      ? this.table.find(msg, msg.method === METHOD.ACK ? METHOD.INVITE : msg.method)
      : (this.replies.branchOf(msg)?.t ?? null);
    msg.transaction = found;
    return found;
  }

  /** Begins a transaction for the request of this run. */
  create(run: Run): Transaction {
    return this.begin(run.msg, run.program);
  }

  begin(msg: SipMsg, program: ScriptProgram, flags = 0): Transaction {
    const isLocal = (flags & T_FLAG.LOCAL) !== 0;
    const index = this.table.nextIndex();
    const t = new Transaction(this, index, this.#nextLabel(), msg, program, flags | this.#initialFlags());
    msg.note<ArmedRoutes>(ARMED)?.applyTo(t);
    this.table.put(t);
    msg.transaction = t;
    if (isLocal) this.stats.uac++;
    else {
      this.stats.uas++;
      t.emit('requestIn', null, 0, -1);
    }
    return t;
  }

  /** `t_newtran()`: 1 created, 0 a retransmission was absorbed, < 0 there is one already or can be none. */
  newTransaction(run: Run): number {
    const { msg } = run;
    const known = this.of(msg);
    if (known !== null) {
      if (known.request === msg) return NEWTRAN_EXISTS;
      if (msg.method === METHOD.ACK) known.acknowledge();
      else known.absorb();
      return 0;
    }
    if (msg.method === METHOD.ACK || !msg.isRequest) return -1;
    this.create(run);
    return 1;
  }

  /** t_set_fr: in ms, 0 leaves a timer as it is. Branches that wait are given the new time from now on. */
  setTimers(msg: SipMsg, frMs: number, frInvMs: number): void {
    const t = this.of(msg);
    const on = t ?? armedOf(msg);
    if (frMs > 0) on.frTimeoutMs = frMs;
    if (frInvMs > 0) on.frInvTimeoutMs = frInvMs;
    if (t === null) return;
    for (const branch of t.branches) branch.restartTimeout();
  }

  #initialFlags(): number {
    const { settings } = this;
    let flags = 0;
    if (!settings.auto100) flags |= T_FLAG.NO_AUTO_100;
    if (settings.disable6xxBlock) flags |= T_FLAG.DISABLE_6XX_BLOCK;
    if (!settings.e2eCancelReason) flags |= T_FLAG.NO_E2E_CANCEL_REASON;
    return flags;
  }

  /** Via branch of a branch: slot, label, branch number, loop hash. */
  branchId(t: Transaction, branch: number): string {
    if (t.loop === 0) t.loop = loopHash(t.request) | 0;
    return `${this.branchPrefix}${base36(t.index)}-${base36(t.label)}-${DIGITS.charAt(branch)}-${base36(t.loop)}`;
  }

  /** Lets a transaction end without an answer, once it has absorbed what comes late. */
  release(t: Transaction): void {
    if (!t.isAnswered) t.flags |= T_FLAG.DROPPED;
    t.linger();
  }

  /** Takes a transaction out: nothing of it stays armed, and nothing finds it any more. */
  free(t: Transaction): void {
    if (t.hasFlag(T_FLAG.FREED)) return;
    t.flags |= T_FLAG.FREED;
    t.stopTimers();
    t.emit('destroy', null, t.status, -1);
    this.table.remove(t);
    this.ended(t.endListener);
    // Whoever keeps the request keeps the transaction, too, but not what others wanted to hear of it.
    t.callbacks = null;
    t.endListener = null;
    t.retransmitTimer = null;
    t.timeoutTimer = null;
  }

  /** A transaction is gone. */
  ended(listener: EndListener | null): void {
    this.stats.freed++;
    if (listener === null) return;
    try {
      listener.transactionEnded();
    } catch (error) {
      this.onCallbackError(error);
    }
  }

  /**
   * The script is done with a request. A transaction that nobody answered and nothing waits for is answered with what went
   * wrong in relaying, or else left to end (Kamailio: "script writer didn't release transaction").
   */
  requestDone(msg: SipMsg): void {
    if (!this.waiting.isEmpty) this.waiting.ends(msg);
    const t = msg.transaction as Transaction | null | undefined;
    if (t === undefined || t === null || t.request !== msg) return;
    t.flags |= T_FLAG.SCRIPT_DONE;
    if (t.isAnswered || t.hasOpenBranch) return;
    if (t.hasFlag(T_FLAG.IN_FAILURE | T_FLAG.FREED)) return;
    if (t.relayError !== 0) {
      if (t.hasFlag(T_FLAG.DISABLE_INTERNAL_REPLY)) this.release(t);
      else this.replies.replyError(t);
    } else if (t.status > 0) t.awaitEndOfLife();
    else {
      const { callId, methodName } = t.request;
      this.server.log.warn('tm: the script left a transaction without answering, relaying or releasing it', {
        callId,
        method: methodName,
      });
      this.release(t);
    }
  }

  /** Turns a new request away while there are too many transactions (503 with Retry-After). False ends the message. */
  admits(msg: SipMsg): boolean {
    if (this.table.size < this.maxTransactions) return true;
    if (msg.method === METHOD.ACK || msg.method === METHOD.CANCEL || this.of(msg) !== null) return true;
    this.server.log.warn('tm: overload: too many transactions', { transactions: this.table.size });
    this.server.replies.send(msg, 503, 'Service Unavailable', `Retry-After: ${OVERLOAD_RETRY_AFTER_S}\r\n`);
    return false;
  }

  /** `tm.clean`, `t_clean()`: ends transactions that should have ended long ago. Returns how many. */
  clean(): number {
    const now = this.server.clock.now();
    const settings = this.settings;
    let cleaned = 0;
    for (const t of this.table.live()) {
      // Past its life, the wait for an ACK and the wait for late messages, and another such wait for a CANCEL.
      if (now <= t.endOfLifeMs + 2 * (settings.frMs + settings.waitMs)) continue;
      this.free(t);
      this.stats.delayedFree++;
      cleaned++;
    }
    return cleaned;
  }

  /** Reason phrase of a final reply that was made here. */
  reasonOf(status: number): string {
    const { timeoutCode, timeoutReason } = this.settings;
    return status === timeoutCode && timeoutReason !== '' ? timeoutReason : reasonOf(status);
  }

  /** Makes the failed branch of this run the Request-URI again. */
  reuseBranch(run: Run): boolean {
    return reuseBranch(run, this);
  }

  /** Undoes what connects it with the server. */
  onClose: () => void = () => {};

  /** Ends everything: the server stops. */
  close(): void {
    this.onClose();
    this.external.close();
    for (const t of Array.from(this.table.live())) this.free(t);
    this.onWait.close();
  }

  /** 30 bits nobody can guess, whatever branches of others he has seen: who knows a branch can forge its replies. */
  #nextLabel(): number {
    return this.server.random.uint32() >>> 2;
  }
}
