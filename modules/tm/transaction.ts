import {
  buildReply,
  type Destination,
  hashText,
  METHOD,
  mixHash,
  replyToRequest,
  type ScriptProgram,
  type SipMsg,
  Timer,
} from 'strowger';
import type { ClientBranch } from './branch.ts';
import { type EndListener, type TmCallback, TmCallbacks, type TmEvent } from './callbacks.ts';
import type { TmCore } from './core.ts';
import { ACT, INVITE_SERVER, type Machine, OTHER_SERVER, SERVER, SERVER_STATE, step } from './fsm.ts';
import type { MsgState } from './msg-state.ts';

/** Bits of `Transaction.flags`. */
export const T_FLAG = {
  CANCELED: 1,
  /** A 6xx came: no further branches until a failure route decides (RFC 3261 §16.7 step 5). */
  BLOCK_6XX: 2,
  /** t_relay sends no 100 by itself. */
  NO_AUTO_100: 4,
  /** Made by the server itself: no request to answer. */
  LOCAL: 8,
  DISABLE_6XX_BLOCK: 16,
  DISABLE_FAILOVER: 32,
  /** No reply is made up when relaying fails. */
  DISABLE_INTERNAL_REPLY: 64,
  NO_E2E_CANCEL_REASON: 128,
  /** Replies are not passed on: the request was replicated. */
  REPLICATED: 256,
  /** A failure route runs now. */
  IN_FAILURE: 512,
  FREED: 1024,
  /** t_drop: ends without a final reply. */
  DROPPED: 2048,
  /** A reply waits for t_continue. */
  REPLY_SUSPENDED: 4096,
  /** A 2xx to an INVITE was made here: it is sent again until the ACK comes (RFC 3261 §13.3.1.4). */
  LOCAL_2XX: 8192,
  /** CANCEL and ACK take From and To from the request as sent (t_use_uac_headers). */
  UAC_HEADERS: 16384,
  /** t_relay was called: the request has been sent on at least once. */
  RELAYED: 32768,
  /** The request_route of its request has come to an end. */
  SCRIPT_DONE: 65536,
} as const;

/** A transaction of a received request (Kamailio's cell): one server side, and the branches it has been sent to. */
export class Transaction {
  readonly tm: TmCore;
  /** Slot of the table and the label that makes it unique: `$T(id_index)`, `$T(id_label)`. */
  readonly index: number;
  readonly label: number;
  readonly request: SipMsg;
  readonly isInvite: boolean;
  /** Routes come from the program the transaction began with, whatever has been reloaded since. */
  readonly program: ScriptProgram;
  readonly machine: Machine;
  state: number = SERVER_STATE.TRYING;
  /** Last status sent upstream, 0 before any. */
  status = 0;
  /** Last reply sent upstream, for retransmissions. */
  replyText = '';
  replyDst: Destination | null = null;
  /** From tag of the request and To tag of the final reply, ours or the callee's; '' before that. */
  fromTag = '';
  toTag = '';
  branches: readonly ClientBranch[] = [];

  onFailure = '';
  onReply = '';
  onBranch = '';
  onBranchFailure = '';
  flags: number;
  frTimeoutMs: number;
  frInvTimeoutMs: number;
  retrT1Ms: number;
  retrT2Ms: number;
  /** When it began, and its absolute end of life: no branch waits beyond it (max_inv_lifetime, max_noninv_lifetime). */
  createdMs: number;
  endOfLifeMs: number;
  retransmitTimer: Timer<Transaction> | null = null;
  timeoutTimer: Timer<Transaction> | null = null;
  intervalMs = 0;
  callbacks: TmCallbacks | null = null;
  /** Told when it is gone; it comes along where the transaction is on wait. */
  endListener: EndListener | null = null;
  /** Made by us: who waits for the final reply. */
  onLocalReply: ((t: Transaction, code: number, reply: SipMsg | null) => void) | null = null;
  onLocalProvisional: ((reply: SipMsg) => void) | null = null;
  onLocalAnswer: ((reply: SipMsg) => void) | null = null;
  /** Branch whose reply a failure route looks at, or the one that won; -1 before. */
  winner = -1;
  /** Branches the last leg of serial forking began with. */
  legStart = 0;
  /** t_drop_replies for the next leg: -1 where the script did not say. */
  dropMode = -1;
  /** The request as it was when it was relayed first: what a failure route starts from. */
  relayed: MsgState | null = null;
  /** The branch that keeps a suspended request waiting. */
  suspended: ClientBranch | null = null;
  /** The reply that waits for t_continue, and its branch. */
  suspendedReply: { readonly reply: SipMsg; readonly branch: ClientBranch } | null = null;
  /** Why relaying failed, to be answered when the script is done without an answer of its own; 0 for nothing. */
  relayError = 0;
  /** The socket-independent loop hash of this request, part of its branches (RFC 5393); 0 before the first. */
  loop = 0;

  constructor(tm: TmCore, index: number, label: number, request: SipMsg, program: ScriptProgram, flags: number) {
    this.tm = tm;
    this.index = index;
    this.label = label;
    this.request = request;
    this.program = program;
    this.flags = flags;
    this.isInvite = request.method === METHOD.INVITE;
    this.machine = this.isInvite ? INVITE_SERVER : OTHER_SERVER;
    const settings = tm.settings;
    this.frTimeoutMs = settings.frMs;
    this.frInvTimeoutMs = settings.frInvMs;
    this.retrT1Ms = settings.retrT1Ms;
    this.retrT2Ms = settings.retrT2Ms;
    this.createdMs = tm.server.clock.now();
    this.endOfLifeMs = this.createdMs + (this.isInvite ? settings.maxInvLifeMs : settings.maxNoninvLifeMs);
  }

  get isLocal(): boolean {
    return (this.flags & T_FLAG.LOCAL) !== 0;
  }

  get isCanceled(): boolean {
    return (this.flags & T_FLAG.CANCELED) !== 0;
  }

  /** True once a final reply went upstream (or, for a local request, came in), or none ever will. */
  get isAnswered(): boolean {
    return this.status >= 200 || (this.flags & T_FLAG.DROPPED) !== 0;
  }

  get isExpired(): boolean {
    return this.tm.server.clock.now() >= this.endOfLifeMs;
  }

  /** True while a branch may still decide the final reply. */
  get hasOpenBranch(): boolean {
    for (const branch of this.branches) if (!branch.isSettled) return true;
    return false;
  }

  addBranch(branch: ClientBranch): void {
    // An array that grows gets room for 17 at once, and nearly all transactions have one branch.
    this.branches = this.branches.length === 0 ? [branch] : [...this.branches, branch];
  }

  hasFlag(bits: number): boolean {
    return (this.flags & bits) !== 0;
  }

  setFlag(bit: number, isOn: boolean): void {
    this.flags = isOn ? this.flags | bit : this.flags & ~bit;
  }

  /** Server side: a reply leaves (made here or passed on). False when the state does not allow it. */
  sendReply(code: number, text: string): boolean {
    const event = code < 200 ? SERVER.SEND_1XX : code < 300 ? SERVER.SEND_2XX : SERVER.SEND_3TO6XX;
    const found = step(this.machine, this.state, event);
    if (found === null) return false;
    this.replyText = text;
    if (code >= 200 && this.status < 200) this.tm.stats.completed(code);
    this.status = code;
    this.#apply(found.next, found.actions);
    return true;
  }

  /** A 2xx after another final reply: it goes out once and changes nothing (RFC 3261 §16.7 step 5). */
  sendAside(text: string): void {
    this.replyDst ??= replyToRequest(this.request);
    this.tm.server.transport.send(text, this.replyDst);
  }

  /** Keeps sending a 2xx made here until its ACK comes (RFC 3261 §13.3.1.4). */
  repeat2xx(): void {
    this.flags |= T_FLAG.LOCAL_2XX;
    this.#armTimeout(this.frTimeoutMs);
    this.#armRetransmit();
  }

  /** A retransmission of the request: the last reply goes out again, or nothing happens. */
  absorb(): void {
    if (this.state === SERVER_STATE.ACCEPTED && this.hasFlag(T_FLAG.LOCAL_2XX)) this.#transmit();
    else this.event(SERVER.REQUEST);
  }

  /** The ACK of a negative reply or of a 2xx made here: true when it ends here. */
  acknowledge(): boolean {
    if (this.hasFlag(T_FLAG.LOCAL_2XX)) {
      if (this.retransmitTimer !== null) this.tm.wheel.cancel(this.retransmitTimer);
      this.linger();
      return true;
    }
    const isHopByHop = this.state === SERVER_STATE.COMPLETED || this.state === SERVER_STATE.CONFIRMED;
    this.event(SERVER.ACK);
    return isHopByHop;
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
    if ((act & ACT.START_ACK_WAIT) !== 0) this.#armTimeout(this.frTimeoutMs);
    if ((act & ACT.RETRANSMIT) !== 0) this.#armRetransmit();
    if ((act & ACT.LINGER) !== 0) this.linger();
    if ((act & ACT.TERMINATE) !== 0) this.#terminate();
  }

  #transmit(): void {
    if (this.replyText === '' || this.isLocal) return;
    this.replyDst ??= replyToRequest(this.request);
    this.tm.server.transport.send(this.replyText, this.replyDst);
  }

  #armRetransmit(): void {
    const isReliable = this.request.rcv.socket.isReliable;
    if (this.isLocal || (isReliable && !this.hasFlag(T_FLAG.LOCAL_2XX))) return;
    this.retransmitTimer ??= new Timer<Transaction>(onServerRetransmit, this);
    this.intervalMs = this.intervalMs === 0 ? this.retrT1Ms : Math.min(this.intervalMs * 2, this.retrT2Ms);
    this.tm.wheel.arm(this.retransmitTimer, this.intervalMs);
  }

  #armTimeout(ms: number): void {
    this.timeoutTimer ??= new Timer<Transaction>(onServerTimeout, this);
    this.tm.wheel.arm(this.timeoutTimer, ms);
  }

  /** Keeps the transaction for wt_timer, to absorb what comes late; then frees it. */
  linger(): void {
    this.#armTimeout(this.tm.settings.waitMs);
    this.tm.onWait.offer(this);
  }

  /** The rest of a wait that has begun. */
  lingerUntil(dueMs: number): void {
    this.#armTimeout(Math.max(0, dueMs - this.tm.server.clock.now()));
  }

  /** Nothing of it stays armed. */
  stopTimers(): void {
    for (const branch of this.branches) {
      branch.stop();
      branch.cancel?.stop();
    }
    if (this.retransmitTimer !== null) this.tm.wheel.cancel(this.retransmitTimer);
    if (this.timeoutTimer !== null) this.tm.wheel.cancel(this.timeoutTimer);
  }

  /** Nobody but its age will end this transaction (a provisional reply of ours was the last that happened). */
  awaitEndOfLife(): void {
    if (this.timeoutTimer === null || !this.timeoutTimer.isArmed)
      this.#armTimeout(Math.max(0, this.endOfLifeMs - this.tm.server.clock.now()));
  }

  onRetransmitTimer(): void {
    if (this.state === SERVER_STATE.ACCEPTED) {
      this.#transmit();
      this.#armRetransmit();
    } else this.event(SERVER.RETRANSMIT);
  }

  onTimeoutTimer(): void {
    if (this.state <= SERVER_STATE.PROCEEDING && !this.isLocal && !this.isAnswered && !this.hasFlag(T_FLAG.FREED)) {
      if (this.tm.replies.expired(this)) return;
    } else if (this.state === SERVER_STATE.COMPLETED && this.isInvite) this.event(SERVER.TIMEOUT);
    else this.event(SERVER.LINGER);
    this.#terminate();
  }

  /** Frees the transaction, unless a branch still waits (a CANCEL without its 487): then after another round. */
  #terminate(): void {
    this.state = SERVER_STATE.TERMINATED;
    if (this.retransmitTimer !== null) this.tm.wheel.cancel(this.retransmitTimer);
    if (this.hasFlag(T_FLAG.FREED)) return;
    for (const branch of this.branches) {
      if (branch.isWaiting) {
        this.#armTimeout(Math.max(this.tm.settings.waitMs, 1));
        return;
      }
    }
    this.tm.free(this);
  }

  /** Tag for replies made here: the same for all of them. */
  localTag(): string {
    if (this.toTag !== '') return this.toTag;
    const via = this.request.via1;
    const hash = mixHash(hashText(this.request.callId ?? '', hashText(via?.branch ?? '')));
    return `${this.tm.tagPrefix}-${hash.toString(16).padStart(8, '0')}`;
  }

  /** A reply made here, as text; `msg` stands for the request in a failure route, with its own edits to the reply. */
  makeReply(
    code: number,
    reason: string,
    extraHeaders = '',
    body = '',
    msg: SipMsg = this.request,
    toTag = '',
  ): string {
    const lumps = msg.replyLumps;
    return buildReply(this.request, {
      code,
      reason,
      toTag: code === 100 ? '' : toTag === '' ? this.localTag() : toTag,
      extraHeaders: lumps === null ? extraHeaders : lumps.join('') + extraHeaders,
      body: body === '' ? msg.replyBody : body,
      server: this.tm.server.serverHeader,
    });
  }

  /** Tells a callback of an event of this transaction alone. */
  on(event: TmEvent, callback: TmCallback): void {
    this.callbacks ??= new TmCallbacks();
    this.callbacks.on(event, callback);
  }

  emit(event: TmEvent, reply: SipMsg | null, code: number, branch: number, request: SipMsg = this.request): void {
    const { callbacks, tm } = this;
    if (callbacks === null && tm.callbacks.isEmpty) return;
    const args = { t: this, reply, code, branch, request };
    callbacks?.run(event, args, tm.onCallbackError);
    tm.callbacks.run(event, args, tm.onCallbackError);
  }
}

function onServerRetransmit(t: Transaction): void {
  t.onRetransmitTimer();
}

function onServerTimeout(t: Transaction): void {
  t.onTimeoutTimer();
}
