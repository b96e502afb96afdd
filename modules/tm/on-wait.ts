import {
  type Destination,
  type MsgVars,
  type ReceiveInfo,
  type ScriptProgram,
  SipMsg,
  TextArena,
  Timer,
} from 'strowger';
import { ClientBranch, NOWHERE } from './branch.ts';
import type { EndListener } from './callbacks.ts';
import type { TmCore } from './core.ts';
import { SERVER_STATE } from './fsm.ts';
import type { Slot } from './slot.ts';
import { T_FLAG, Transaction } from './transaction.ts';

/** What is left of a transaction on wait. One for each slot that ever had one, used again and again. */
export class Saved {
  readonly slot: Slot;
  /** Neighbours in the order in which they end. */
  before: Saved | null = null;
  next: Saved | null = null;
  dueMs = 0;
  /** Place of its texts in the arena: request, last reply, rewritten Request-URI, what its branch sent. */
  textAt = 0;
  requestLength = 0;
  replyLength = 0;
  /** -1 where the Request-URI is the received one. */
  uriLength = -1;
  /** 0 where nothing is to be acknowledged any more; else its ACKs go to `dst`. */
  sentLength = 0;
  dst: Destination = NOWHERE;
  messageId = 0;
  messageFlags = 0;
  state = 0;
  status = 0;
  flags = 0;
  winner = -1;
  createdMs = 0;
  endOfLifeMs = 0;
  /** State of its branch, -1 where it has none. */
  branchState = -1;
  branchStatus = 0;
  branchFlags = 0;
  rcv: ReceiveInfo | null = null;
  program: ScriptProgram | null = null;
  onReply = '';
  endListener: EndListener | null = null;
  /** What only a route of the script can still meet, so null where none will run. */
  vars: MsgVars | null = null;
  extensions: SipMsg['extensions'] = null;
  xflags: number[] | null = null;

  constructor(slot: Slot) {
    this.slot = slot;
  }

  /** Lets go of what would keep other objects alive. */
  clear(): void {
    this.dst = NOWHERE;
    this.rcv = null;
    this.program = null;
    this.onReply = '';
    this.endListener = null;
    this.vars = null;
    this.extensions = null;
    this.xflags = null;
  }
}

/**
 * Transactions on wait (Kamailio: `wt_timer`, the statistic `waiting`): answered, and kept some seconds for what comes late.
 * They are nearly all transactions of a busy server, and nearly none is ever asked for again. As objects, each would be
 * copied twice by the garbage collector and then marked again and again, a fifth of a call's time in all. So their texts go
 * to an arena outside the heap, the rest into the record of their slot, and the objects die young. One that is asked for
 * (a retransmission, a late reply, a CANCEL) is made again.
 */
export class OnWait {
  readonly #tm: TmCore;
  readonly #arena = new TextArena();
  #first: Saved | null = null;
  #last: Saved | null = null;
  #size = 0;
  readonly #timer = new Timer<OnWait>((all) => all.#sweep(), this);
  /** Answered in this turn of the event loop: they are looked at when all of its messages are dealt with. */
  #offered: Transaction[] = [];
  readonly #takeOffered = (): void => {
    const offered = this.#offered;
    this.#offered = [];
    for (const t of offered) if (this.#isSimple(t)) this.#take(t);
  };

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  get size(): number {
    return this.#size;
  }

  /** A transaction has been answered and its wt_timer is armed. */
  offer(t: Transaction): void {
    this.#offered.push(t);
    if (this.#offered.length === 1) queueMicrotask(this.#takeOffered);
  }

  /** Makes the transaction of a slot again; it ends when it would have ended. */
  wake(slot: Slot): Transaction {
    const saved = slot.saved as Saved;
    const t = this.restore(saved);
    slot.isOnWait = false;
    slot.live = t;
    slot.keyText = t.request.buf;
    this.#forget(saved);
    t.lingerUntil(saved.dueMs);
    return t;
  }

  /** The transaction as it was, for looking at: the table does not know it. */
  restore(saved: Saved): Transaction {
    const { slot, program, rcv } = saved;
    if (program === null || rcv === null) throw new Error('tm: the slot has no transaction on wait');
    const arena = this.#arena;
    const replyAt = saved.textAt + saved.requestLength;
    const uriAt = replyAt + saved.replyLength;
    const request = SipMsg.again(arena.read(saved.textAt, saved.requestLength), rcv, saved.messageId);
    if (saved.uriLength >= 0) request.newUri = arena.read(uriAt, saved.uriLength);
    request.flags = saved.messageFlags;
    request.vars = saved.vars;
    request.extensions = saved.extensions;
    request.xflags = saved.xflags;
    const t = new Transaction(this.#tm, slot.index, slot.label, request, program, saved.flags);
    request.transaction = t;
    t.state = saved.state;
    t.status = saved.status;
    t.winner = saved.winner;
    t.createdMs = saved.createdMs;
    t.endOfLifeMs = saved.endOfLifeMs;
    t.onReply = saved.onReply;
    t.endListener = saved.endListener;
    t.replyText = arena.read(replyAt, saved.replyLength);
    if (t.isInvite) {
      t.fromTag = request.fromTag;
      t.toTag = t.replyText === '' ? request.toTag : SipMsg.again(t.replyText, rcv, saved.messageId).toTag;
    }
    if (saved.branchState >= 0)
      t.addBranch(restoredBranch(t, saved, arena.read(uriAt + Math.max(0, saved.uriLength), saved.sentLength)));
    return t;
  }

  /** Every transaction on wait, for looking at. */
  *all(): Iterable<Transaction> {
    for (let saved = this.#first; saved !== null; saved = saved.next) yield this.restore(saved);
  }

  /** Forgets all of them: the server stops. */
  close(): void {
    this.#tm.wheel.cancel(this.#timer);
    this.#offered = [];
    while (this.#first !== null) this.#end(this.#first);
  }

  /** True when nothing but its record is needed to make it again, and nobody waits for its end. */
  #isSimple(t: Transaction): boolean {
    const { tm, timeoutTimer } = t;
    if (t.state !== (t.isInvite ? SERVER_STATE.ACCEPTED : SERVER_STATE.COMPLETED) && t.state !== SERVER_STATE.CONFIRMED)
      return false;
    if (!t.isAnswered || timeoutTimer === null || !timeoutTimer.isArmed) return false;
    if ((t.flags & NOT_SIMPLE) !== 0 || (t.flags & T_FLAG.SCRIPT_DONE) === 0) return false;
    if (t.callbacks !== null || t.suspended !== null || t.suspendedReply !== null) return false;
    if (t.branches.length > 1 || t.branches[0]?.isOver === false) return false;
    // They end in the order in which they came: not one for which wt_timer has been made shorter meanwhile.
    if (this.#last !== null && timeoutTimer.dueMs < this.#last.dueMs) return false;
    if (!tm.table.isKeyInRequest(t) || tm.callbacks.has('destroy')) return false;
    return lengthOf(t) <= TextArena.MAX_LENGTH;
  }

  #take(t: Transaction): void {
    const { request, timeoutTimer } = t;
    const slot = this.#tm.table.slotOf(t);
    slot.saved ??= new Saved(slot);
    const { saved } = slot;
    this.#writeTexts(saved, t);
    saved.messageId = request.id;
    saved.messageFlags = request.flags;
    saved.state = t.state;
    saved.status = t.status;
    saved.flags = t.flags;
    saved.winner = t.winner;
    saved.createdMs = t.createdMs;
    saved.endOfLifeMs = t.endOfLifeMs;
    const branch = t.branches[0];
    saved.branchState = branch?.state ?? -1;
    saved.branchStatus = branch?.status ?? 0;
    saved.branchFlags = branch?.flags ?? 0;
    saved.dst = branch?.acknowledges === true ? branch.dst : NOWHERE;
    saved.rcv = request.rcv;
    saved.program = t.program;
    saved.onReply = t.onReply;
    saved.endListener = t.endListener;
    if (t.onReply !== '' || !this.#tm.callbacks.isEmpty) {
      saved.vars = request.vars;
      saved.extensions = request.extensions;
      saved.xflags = request.xflags;
    }
    saved.dueMs = timeoutTimer?.dueMs ?? 0;
    t.stopTimers();
    // Whoever still has the object has one that is over.
    t.flags |= T_FLAG.FREED;
    slot.live = null;
    slot.keyText = '';
    slot.isOnWait = true;
    this.#append(saved);
  }

  #writeTexts(saved: Saved, t: Transaction): void {
    const arena = this.#arena;
    const { buf, newUri } = t.request;
    const { replyText } = t;
    const sent = sentBy(t);
    const uriAt = buf.length + replyText.length;
    saved.requestLength = buf.length;
    saved.replyLength = replyText.length;
    saved.uriLength = newUri === null ? -1 : newUri.length;
    saved.sentLength = sent.length;
    saved.textAt = arena.reserve(lengthOf(t));
    arena.write(saved.textAt, buf);
    if (replyText !== '') arena.write(saved.textAt + buf.length, replyText);
    if (newUri !== null) arena.write(saved.textAt + uriAt, newUri);
    if (sent !== '') arena.write(saved.textAt + uriAt + (newUri?.length ?? 0), sent);
  }

  #append(saved: Saved): void {
    saved.before = this.#last;
    saved.next = null;
    if (this.#last === null) {
      this.#first = saved;
      this.#tm.wheel.armAt(this.#timer, saved.dueMs);
    } else this.#last.next = saved;
    this.#last = saved;
    this.#size++;
  }

  /** Out of the order, and its texts out of the arena. */
  #forget(saved: Saved): void {
    if (saved.before === null) this.#first = saved.next;
    else saved.before.next = saved.next;
    if (saved.next === null) this.#last = saved.before;
    else saved.next.before = saved.before;
    saved.before = null;
    saved.next = null;
    this.#size--;
    this.#arena.release(saved.textAt);
    saved.clear();
  }

  #end(saved: Saved): void {
    const { endListener } = saved;
    this.#forget(saved);
    saved.slot.isOnWait = false;
    this.#tm.table.release(saved.slot);
    this.#tm.ended(endListener);
  }

  #sweep(): void {
    const { wheel } = this.#tm;
    const nowMs = wheel.now();
    while (this.#first !== null && this.#first.dueMs <= nowMs) this.#end(this.#first);
    if (this.#first !== null) wheel.armAt(this.#timer, this.#first.dueMs);
  }
}

const NOT_SIMPLE =
  T_FLAG.LOCAL | T_FLAG.LOCAL_2XX | T_FLAG.IN_FAILURE | T_FLAG.FREED | T_FLAG.REPLY_SUSPENDED | T_FLAG.REPLICATED;

/** What the branch sent, where it must make ACKs of it. */
function sentBy(t: Transaction): string {
  const [branch] = t.branches;
  return branch?.acknowledges === true ? branch.text : '';
}

function lengthOf(t: Transaction): number {
  const { buf, newUri } = t.request;
  return buf.length + t.replyText.length + (newUri?.length ?? 0) + sentBy(t).length;
}

function restoredBranch(t: Transaction, saved: Saved, sent: string): ClientBranch {
  const branch = new ClientBranch(t, 0, '', saved.dst);
  branch.text = sent;
  branch.state = saved.branchState;
  branch.isSettled = true;
  branch.status = saved.branchStatus;
  branch.flags = saved.branchFlags;
  branch.wasReplied = true;
  branch.gotProvisional = true;
  return branch;
}
