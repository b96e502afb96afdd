import {
  buildReply,
  type Destination,
  type DestinationSet,
  hashText,
  METHOD,
  mixHash,
  replyToRequest,
  type ScriptProgram,
  type SipMsg,
  type SocketInfo,
  Timer,
} from 'strowger';
import { ClientTransaction } from './client.ts';
import type { TmCore } from './core.ts';
import { ACT, CLIENT_STATE, INVITE_SERVER, type Machine, OTHER_SERVER, SERVER, SERVER_STATE, step } from './fsm.ts';

/** Bits of `Transaction.flags`. */
export const T_FLAG = {
  CANCELED: 1,
  /** A 6xx came: no further branches (RFC 3261 §16.7 step 5). */
  BLOCK_6XX: 2,
  /** t_relay sent no 100 by itself. */
  NO_AUTO_100: 4,
  /** Made by the server itself: no request to answer. */
  LOCAL: 8,
  DISABLE_6XX_BLOCK: 16,
  DISABLE_FAILOVER: 32,
  DISABLE_INTERNAL_REPLY: 64,
  PASS_PROVISIONAL: 128,
  NO_408: 256,
  REPLICATED: 512,
  ASYNC_SUSPENDED: 1024,
  /** A failure route runs now. */
  IN_FAILURE: 2048,
  FREED: 4096,
} as const;

/** What callbacks of other modules are told (Kamailio's TMCB_*). */
export type TmEvent =
  | 'requestIn'
  | 'requestFwded'
  | 'replyIn'
  | 'replyFwded'
  | 'onFailure'
  | 'completed'
  | 'reply'
  | 'cancelled'
  | 'e2eAck'
  | 'destroy'
  | 'localRequestOut'
  | 'localCompleted'
  | 'requestOut';
export interface TmCallbackArgs {
  readonly t: Transaction;
  /** The reply, or null where it was made up by us. */
  readonly reply: SipMsg | null;
  readonly code: number;
  readonly branch: number;
  readonly request: SipMsg;
}
export type TmCallback = (args: TmCallbackArgs) => void;

/**
 * One branch of a transaction (RFC 3261 §16.6): a client transaction whose replies belong to the request's server
 * transaction.
 */
export class ClientBranch extends ClientTransaction {
  readonly t: Transaction;
  readonly index: number;
  /** Request-URI of this branch. */
  readonly uri: string;
  /** Last status received or made up; 0 before any. */
  status = 0;
  /** Final reply received; null while there is none, or when it was made up. */
  reply: SipMsg | null = null;
  /** Address to try next after a failure (RFC 3263 §4.3). */
  targets: DestinationSet | null = null;
  cancel: CancelTransaction | null = null;
  /** A CANCEL is to be sent as soon as a provisional reply allows it (RFC 3261 §9.1). */
  cancelWanted: string | null = null;
  flags = 0;
  dstUri = '';
  pathVec = '';
  instance = '';
  ruid = '';
  regId = 0;
  userAgent = '';
  /** onreply_route of this branch alone ('' for the transaction's). */
  onReply = '';
  onBranchFailure = '';
  finalReceived = false;
  gotProvisional = false;

  constructor(t: Transaction, index: number, uri: string, dst: Destination) {
    super(t.tm, t.isInvite, dst);
    this.t = t;
    this.index = index;
    this.uri = uri;
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

/** A transaction of a proxied request (Kamailio's cell): one server side, and the branches it has been sent to. */
export class Transaction {
  readonly tm: TmCore;
  /** Slot of the table and the label that makes it unique: `$T(id_index)`, `$T(id_label)`. */
  readonly index: number;
  readonly label: number;
  readonly request: SipMsg;
  readonly isInvite: boolean;
  /** Routes come from the program the transaction began with, whatever has been reloaded since. */
  readonly program: ScriptProgram;
  readonly key: string;
  /** Next of the same key (RFC 3261 §17.2.3 ties, CANCEL beside INVITE). */
  nextSameKey: Transaction | null = null;
  nextSameCall: Transaction | null = null;

  readonly machine: Machine;
  state: number = SERVER_STATE.TRYING;
  /** Last status sent upstream, 0 before any. */
  status = 0;
  /** Last reply sent upstream, for retransmissions. */
  replyText = '';
  replyDst: Destination | null = null;
  toTag = '';
  readonly branches: ClientBranch[] = [];
  /** Branches from here on belong to the last t_relay: earlier ones are done (serial forking). */
  firstOfRound = 0;

  onFailure = '';
  onReply = '';
  onBranch = '';
  onBranchFailure = '';
  flags = 0;
  frTimeoutMs: number;
  frInvTimeoutMs: number;
  retrT1Ms: number;
  retrT2Ms: number;
  /** Absolute end of life: no branch waits beyond it (max_inv_lifetime, max_noninv_lifetime). */
  readonly endOfLifeMs: number;
  retransmitTimer: Timer<Transaction> | null = null;
  timeoutTimer: Timer<Transaction> | null = null;
  intervalMs = 0;
  callbacks: Map<TmEvent, TmCallback[]> | null = null;
  /** Made by us: who waits for the final reply. */
  onLocalReply: ((t: Transaction, code: number, reply: SipMsg | null) => void) | null = null;
  onLocalProvisional: ((reply: SipMsg) => void) | null = null;
  /** Branch that gave the reply a failure route looks at, or the one that won. */
  winner = -1;
  /** Data of tmx, acc and others about the transaction. */
  extensions: Map<object, unknown> | null = null;
  /** The socket-independent loop hash of this request, part of its branches (RFC 5393). */
  loop = '';
  forcedSocket: SocketInfo | null = null;

  constructor(tm: TmCore, index: number, label: number, request: SipMsg, key: string, program: ScriptProgram) {
    this.tm = tm;
    this.index = index;
    this.label = label;
    this.request = request;
    this.key = key;
    this.program = program;
    this.isInvite = request.method === METHOD.INVITE;
    this.machine = this.isInvite ? INVITE_SERVER : OTHER_SERVER;
    const timing = tm.timing;
    this.frTimeoutMs = timing.frMs;
    this.frInvTimeoutMs = timing.frInvMs;
    this.retrT1Ms = timing.retrT1Ms;
    this.retrT2Ms = timing.retrT2Ms;
    this.endOfLifeMs = tm.server.clock.now() + (this.isInvite ? timing.maxInvLifeMs : timing.maxNoninvLifeMs);
  }

  get isLocal(): boolean {
    return (this.flags & T_FLAG.LOCAL) !== 0;
  }

  get isCanceled(): boolean {
    return (this.flags & T_FLAG.CANCELED) !== 0;
  }

  /** True once a final reply went upstream (or, for a local request, came in). */
  get isAnswered(): boolean {
    return this.status >= 200;
  }

  hasFlag(bit: number): boolean {
    return (this.flags & bit) !== 0;
  }

  /** Server side: a reply leaves (made here or passed on). False when the state does not allow it. */
  sendReply(code: number, text: string): boolean {
    const event = code < 200 ? SERVER.SEND_1XX : code < 300 ? SERVER.SEND_2XX : SERVER.SEND_3TO6XX;
    const found = step(this.machine, this.state, event);
    if (found === null) return false;
    this.replyText = text;
    this.status = code;
    this.#apply(found.next, found.actions);
    return true;
  }

  /** A retransmission of the request: the last reply goes out again, or nothing happens. */
  absorb(): void {
    this.event(SERVER.REQUEST);
  }

  /** The ACK of a negative reply (or of a 2xx, end to end): true when it was this hop's and ends here. */
  acknowledge(): boolean {
    const wasCompleted = this.state === SERVER_STATE.COMPLETED || this.state === SERVER_STATE.CONFIRMED;
    this.event(SERVER.ACK);
    return wasCompleted;
  }

  event(event: number): void {
    const found = step(this.machine, this.state, event);
    if (found !== null) this.#apply(found.next, found.actions);
  }

  #apply(next: number, act: number): void {
    this.state = next;
    if ((act & ACT.STOP_RETRANSMIT) !== 0 && this.retransmitTimer !== null) this.tm.wheel.cancel(this.retransmitTimer);
    if ((act & ACT.STOP_TIMEOUT) !== 0 && this.timeoutTimer !== null) this.tm.wheel.cancel(this.timeoutTimer);
    if ((act & ACT.SEND_REPLY) !== 0) this.#transmit();
    if ((act & ACT.RETRANSMIT) !== 0) this.#armRetransmit();
    if ((act & ACT.START_ACK_WAIT) !== 0) this.#armTimeout(this.frTimeoutMs);
    if ((act & ACT.LINGER) !== 0) this.linger();
    if ((act & ACT.TERMINATE) !== 0) this.#terminate();
  }

  #transmit(): void {
    if (this.isLocal || this.replyText === '') return;
    this.replyDst ??= replyToRequest(this.request);
    this.tm.server.transport.send(this.replyText, this.replyDst);
  }

  #armRetransmit(): void {
    if (this.request.rcv.socket.isReliable || this.isLocal) return;
    this.retransmitTimer ??= new Timer(onServerRetransmit, this as Transaction);
    this.intervalMs = this.intervalMs === 0 ? this.retrT1Ms : Math.min(this.intervalMs * 2, this.retrT2Ms);
    this.tm.wheel.arm(this.retransmitTimer, this.intervalMs);
  }

  #armTimeout(ms: number): void {
    this.timeoutTimer ??= new Timer(onServerTimeout, this as Transaction);
    this.tm.wheel.arm(this.timeoutTimer, ms);
  }

  /** Keeps the transaction for wt_timer, to absorb what comes late; then frees it. */
  linger(): void {
    this.#armTimeout(this.tm.timing.waitMs);
  }

  onTimeoutTimer(): void {
    if (this.state === SERVER_STATE.COMPLETED && this.isInvite && !this.isLocal) this.event(SERVER.TIMEOUT);
    else this.event(SERVER.LINGER);
    this.#terminate();
  }

  /** Frees the transaction, unless a branch still waits (a CANCEL without its 487): then after another round. */
  #terminate(): void {
    this.state = SERVER_STATE.TERMINATED;
    if (this.hasFlag(T_FLAG.FREED)) return;
    for (const branch of this.branches) {
      if (branch.state < CLIENT_STATE.COMPLETED) {
        this.#armTimeout(this.tm.timing.waitMs);
        return;
      }
    }
    this.tm.free(this);
  }

  /** Tag for replies made here: the same for all of them. */
  localTag(): string {
    if (this.toTag === '') {
      const via = this.request.via1;
      const hash = mixHash(hashText(this.request.callId ?? '', hashText(via?.branch ?? '')));
      this.toTag = `${this.tm.tagPrefix}-${hash.toString(16).padStart(8, '0')}`;
    }
    return this.toTag;
  }

  /** A reply made here, as text. */
  makeReply(code: number, reason: string, extraHeaders = '', body = ''): string {
    const lumps = this.request.replyLumps;
    return buildReply(this.request, {
      code,
      reason,
      toTag: code === 100 ? '' : this.localTag(),
      extraHeaders: lumps === null ? extraHeaders : lumps.join('') + extraHeaders,
      body,
      server: this.tm.server.serverHeader,
    });
  }

  on(event: TmEvent, callback: TmCallback): void {
    this.callbacks ??= new Map();
    const list = this.callbacks.get(event);
    if (list === undefined) this.callbacks.set(event, [callback]);
    else list.push(callback);
  }

  emit(event: TmEvent, reply: SipMsg | null, code: number, branch: number): void {
    if (this.callbacks === null && this.tm.globalCallbacks.size === 0) return;
    const args = { t: this, reply, code, branch, request: this.request };
    for (const callback of this.callbacks?.get(event) ?? []) callback(args);
    for (const callback of this.tm.globalCallbacks.get(event) ?? []) callback(args);
  }
}

function onServerRetransmit(t: Transaction): void {
  t.event(SERVER.RETRANSMIT);
}

function onServerTimeout(t: Transaction): void {
  t.onTimeoutTimer();
}
