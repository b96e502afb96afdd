import { type Destination, type DestinationSet, PROTO, type SipMsg } from 'strowger';
import { ClientTransaction } from './client.ts';
import { CLIENT, CLIENT_STATE } from './fsm.ts';
import type { Transaction } from './transaction.ts';

/** Where a branch is sent that is not sent: one that only holds its transaction open, or has been released. */
export const NOWHERE: Destination = {
  proto: PROTO.UDP,
  ip: '0.0.0.0',
  port: 0,
  socket: null,
  conId: 0,
  noConnect: true,
  closeAfter: false,
  host: '',
};

/**
 * One branch of a transaction (RFC 3261 §16.6): a client transaction whose replies belong to the request's server
 * transaction. It is settled once its final status is known to the proxy core, received or made up; its client
 * transaction may wait on, for the 487 of a CANCEL.
 */
export class ClientBranch extends ClientTransaction {
  readonly t: Transaction;
  readonly index: number;
  /** Request-URI of this branch; '' once it is released. */
  uri: string;
  /** Last status received or made up; 0 before any. */
  status = 0;
  /** Final reply received; null while there is none, or when it was made up. */
  reply: SipMsg | null = null;
  isSettled = false;
  /** Not looked at any more when the best reply is chosen: an earlier leg, or replaced by its next address. */
  isDropped = false;
  hasTimedOut = false;
  /** Some reply came (the one looked at in a reply route not counted). */
  wasReplied = false;
  gotProvisional = false;
  /** Only holds the transaction open while the script is suspended: nothing was sent. */
  readonly isBlind: boolean;
  /** Address to try next after a failure (RFC 3263 §4.3). */
  targets: DestinationSet | null = null;
  cancel: CancelTransaction | null = null;
  /** A CANCEL is to be sent as soon as a provisional reply allows it (RFC 3261 §9.1): its Reason rows. */
  cancelWanted: string | null = null;
  /** Branch flags. */
  flags = 0;
  dstUri = '';
  pathVec = '';
  instance = '';
  ruid = '';
  regId = 0;
  userAgent = '';
  onBranchFailure = '';
  /** Highest provisional status so far, for restart_fr_on_each_reply = 0. */
  highestProvisional = 0;

  constructor(t: Transaction, index: number, uri: string, dst: Destination, isBlind = false) {
    super(t.tm, t.isInvite, dst);
    this.t = t;
    this.index = index;
    this.uri = uri;
    this.isBlind = isBlind;
  }

  /** True when it has its final reply and waits for nothing more: no reply, no end of a CANCEL. */
  get isOver(): boolean {
    const isCanceling = this.cancelWanted !== null || this.cancel?.isWaiting === true;
    return this.isSettled && !this.isWaiting && !this.isBlind && !isCanceling;
  }

  /** True where a repeat of its final reply is acknowledged once more (RFC 3261 §17.1.1.2). */
  get acknowledges(): boolean {
    return this.t.isInvite && this.state === CLIENT_STATE.COMPLETED;
  }

  /** Notes the final status; false when there is one already. */
  settle(status: number, reply: SipMsg | null): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.status = status;
    this.reply = reply;
    return true;
  }

  /** After the client transaction has given up, a late answer is still the caller's (RFC 3261 §16.7 step 5). */
  override receive(reply: SipMsg): void {
    if (this.state !== CLIENT_STATE.TERMINATED || !this.t.isInvite || this.isBlind) return super.receive(reply);
    if (reply.status >= 300) this.acknowledge(reply);
    else if (reply.status >= 200) this.passUp(reply);
  }

  /** Timer C of an INVITE is the proxy core's: it gives up, cancels and waits for the final reply (RFC 3261 §16.8). */
  override onTimeoutTimer(): void {
    const isTimerC = this.t.isInvite && this.state === CLIENT_STATE.PROCEEDING && !this.isSettled && !this.isBlind;
    if (isTimerC && this.cancel === null) this.tm.replies.timerC(this);
    else this.event(CLIENT.TIMEOUT, null);
  }

  /** No branch waits beyond its transaction's life. */
  override armTimeout(ms: number): void {
    const left = this.t.endOfLifeMs - this.tm.server.clock.now();
    super.armTimeout(left < ms && !this.t.isAnswered && !this.isSettled ? Math.max(left, 0) : ms);
  }

  override startFinalWait(reply: SipMsg): void {
    // A branch that is being cancelled has fr_timer for its final reply, whatever else comes.
    if (this.cancel !== null) return;
    const { status } = reply;
    const isFirst = this.highestProvisional === 0;
    const isRising = status >= 180 && status > this.highestProvisional;
    if (status > this.highestProvisional) this.highestProvisional = status;
    if (isFirst || isRising || this.tm.settings.restartFr) super.startFinalWait(reply);
  }

  /** The transaction's timers have changed: what this branch waits for is counted anew from now. */
  restartTimeout(): void {
    if (!this.isWaiting || this.isSettled || this.timeoutTimer === null) return;
    const isRinging = this.t.isInvite && this.gotProvisional && this.cancel === null;
    this.armTimeout(isRinging ? this.finalWaitMs() : this.frTimeoutMs());
  }

  /** The transaction's life has become shorter, perhaps: it ends this branch's wait, too. */
  capToLife(): void {
    const { timeoutTimer } = this;
    if (!this.isWaiting || this.isSettled || timeoutTimer === null) return;
    if (timeoutTimer.dueMs > this.t.endOfLifeMs) this.armTimeout(timeoutTimer.dueMs - this.tm.server.clock.now());
  }

  /**
   * Lets go of what repeats of a 2xx do not need. Answered transactions are most of a busy server's memory: each is kept
   * for wt_timer after milliseconds of work. An INVITE of our own keeps its text and where it went, if its ACKs are tm's.
   */
  override release(): void {
    const { t } = this;
    if (!t.isLocal || !t.isInvite || t.onLocalAnswer !== null) {
      this.text = '';
      this.uri = '';
      this.dst = NOWHERE;
    }
    this.reply = null;
    this.targets = null;
    this.retransmitTimer = null;
    this.timeoutTimer = null;
    t.relayed = null;
    t.replyDst = null;
    t.request.release();
  }

  frTimeoutMs(): number {
    return this.t.frTimeoutMs;
  }
  finalWaitMs(): number {
    return this.t.frInvTimeoutMs;
  }
  retransmitT1Ms(): number {
    return this.t.retrT1Ms;
  }
  retransmitT2Ms(): number {
    return this.t.retrT2Ms;
  }
  passUp(reply: SipMsg): void {
    this.tm.replies.passUp(this, reply);
  }
  timedOut(): void {
    this.tm.replies.branchTimedOut(this);
  }
  failed(): void {
    this.tm.replies.branchUnreachable(this);
  }
  acknowledge(reply: SipMsg): void {
    this.tm.server.transport.send(this.tm.requests.ackFor(this, reply), this.dst);
  }
}

/** The CANCEL of one branch: a transaction of its own with the branch's Via (RFC 3261 §9.1). */
export class CancelTransaction extends ClientTransaction {
  readonly branch: ClientBranch;
  constructor(branch: ClientBranch) {
    super(branch.tm, false, branch.dst);
    this.branch = branch;
  }
  frTimeoutMs(): number {
    return this.branch.t.frTimeoutMs;
  }
  finalWaitMs(): number {
    return this.branch.t.frTimeoutMs;
  }
  retransmitT1Ms(): number {
    return this.branch.t.retrT1Ms;
  }
  retransmitT2Ms(): number {
    return this.branch.t.retrT2Ms;
  }
  passUp(): void {}
  timedOut(): void {}
  failed(): void {}
  acknowledge(): void {}
}
