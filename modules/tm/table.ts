import { BRANCH_MAGIC, flatCopy, keyedHash, keyedHashSpan, METHOD, type SipMsg } from 'strowger';
import type { ClientBranch } from './branch.ts';
import { CallChains, KeyChains } from './chains.ts';
import type { OnWait } from './on-wait.ts';
import type { TmSettings } from './settings.ts';
import { Slot } from './slot.ts';
import type { Transaction } from './transaction.ts';

/**
 * All transactions of a server. Replies find theirs without hashing anything: the branch we sent names the slot
 * (`z9hG4bK<worker>-<slot>-<label>…`, base 36). Requests go by the branch and sent-by of their top Via
 * (RFC 3261 §17.2.3), or by the RFC 2543 rule where the branch has no cookie.
 */
export class TransactionTable {
  readonly #slots: Slot[] = [];
  readonly #free: number[] = [];
  readonly #byKey = new KeyChains();
  readonly #byCall = new CallChains();
  readonly #settings: TmSettings;
  /** Begins every hash, so that nobody outside can choose keys that share a chain. */
  readonly #seed: number;
  readonly #onWait: OnWait;
  #count = 0;
  // The key that was found last: a new request is looked for, and then put in. Hashes are kept as small integers (| 0):
  // unsigned ones would be doubles.
  #located: SipMsg | null = null;
  #keyText = '';
  #keyStart = 0;
  #keyEnd = 0;
  #keyHash = 0;

  constructor(settings: TmSettings, seed: number, onWait: OnWait) {
    this.#settings = settings;
    this.#seed = seed;
    this.#onWait = onWait;
  }

  get size(): number {
    return this.#count;
  }

  /** Slots that were ever used, and keys of received requests: how full it is. */
  get slots(): number {
    return this.#slots.length;
  }
  get keys(): number {
    return this.#byKey.size;
  }

  /** A slot for a new transaction; `put` fills it. */
  nextIndex(): number {
    return this.#free.pop() ?? this.#slots.length;
  }

  put(t: Transaction): void {
    const slot = (this.#slots[t.index] ??= new Slot(t.index));
    slot.label = t.label;
    slot.live = t;
    slot.isReceived = !t.isLocal;
    slot.isInvite = t.isInvite;
    this.#count++;
    if (!slot.isReceived) return;
    slot.keyHash = this.#locate(t.request);
    slot.keyText = this.#keyText;
    slot.keyStart = this.#keyStart;
    slot.keyEnd = this.#keyEnd;
    this.#byKey.add(slot);
    if (!slot.isInvite) return;
    slot.callHash = this.callHash(t.request);
    this.#byCall.add(slot);
  }

  remove(t: Transaction): void {
    const slot = this.#slots[t.index];
    if (slot?.live === t) this.release(slot);
  }

  /** Empties a slot; the next transaction may have it. */
  release(slot: Slot): void {
    slot.live = null;
    slot.keyText = '';
    this.#free.push(slot.index);
    this.#count--;
    if (!slot.isReceived) return;
    this.#byKey.remove(slot);
    if (slot.isInvite) this.#byCall.remove(slot);
  }

  slotOf(t: Transaction): Slot {
    return this.#slots[t.index] as Slot;
  }

  /** False where the key of a transaction is a text of its own. */
  isKeyInRequest(t: Transaction): boolean {
    return this.slotOf(t).keyText === t.request.buf;
  }

  /** By `$T(id_index)` and `$T(id_label)`. */
  bySlot(index: number, label: number): Transaction | null {
    const slot = this.#slots[index];
    return slot === undefined || slot.label !== label ? null : this.#of(slot);
  }

  /** The transaction of a slot, woken where it is on wait; null where there is none. */
  #of(slot: Slot): Transaction | null {
    return slot.isOnWait ? this.#onWait.wake(slot) : slot.live;
  }

  /** The branch that a Via branch with our prefix names; null when it is gone. */
  byBranchId(id: string, prefix: string): ClientBranch | null {
    const slotEnd = id.indexOf('-', prefix.length);
    const labelEnd = slotEnd < 0 ? -1 : id.indexOf('-', slotEnd + 1);
    const branchEnd = labelEnd < 0 ? -1 : id.indexOf('-', labelEnd + 1);
    if (branchEnd < 0) return null;
    const t = this.bySlot(base36(id, prefix.length, slotEnd), base36(id, slotEnd + 1, labelEnd));
    return t?.branches[base36(id, labelEnd + 1, branchEnd)] ?? null;
  }

  /** Server transaction of a request; ACK finds its INVITE's. `method` as METHOD bit of the transaction wanted. */
  find(msg: SipMsg, method: number): Transaction | null {
    if (msg.via1 === null) return null;
    const hash = this.#locate(msg);
    for (let slot = this.#byKey.first(hash); slot !== null; slot = slot.nextByKey) {
      if (slot.keyHash !== hash) continue;
      const t = this.#of(slot);
      if (t === null || !this.#isLocated(slot)) continue;
      const own = t.request;
      if (own.method !== method || (method === METHOD.OTHER && own.methodName !== msg.methodName)) continue;
      if (this.#settings.callidMatching && !own.hasCallId(msg.callId ?? '')) continue;
      if (this.#settings.callidCseqMatching || isSameSentBy(own, msg)) return t;
    }
    return null;
  }

  /**
   * Finds the key of a request, and returns its hash. RFC 3261 §17.2.3: the branch where it has the cookie; else what RFC
   * 2543 has. ACK, CANCEL and INVITE share a key. The branch is a place in the message: no transaction keeps a text for it.
   */
  #locate(msg: SipMsg): number {
    if (this.#located === msg) return this.#keyHash;
    const via = msg.via1;
    const branch = via?.branch ?? '';
    const isUnique = branch.length > BRANCH_MAGIC.length && branch.startsWith(BRANCH_MAGIC);
    if (via !== null && isUnique && !this.#settings.callidCseqMatching) {
      this.#keyText = msg.buf;
      this.#keyStart = via.branchStart;
      this.#keyEnd = via.branchStart + branch.length;
    } else {
      this.#keyText = this.#composedKey(msg);
      this.#keyStart = 0;
      this.#keyEnd = this.#keyText.length;
    }
    this.#located = msg;
    this.#keyHash = keyedHashSpan(this.#keyText, this.#keyStart, this.#keyEnd, this.#seed) | 0;
    return this.#keyHash;
  }

  /** True when the transaction of a slot has the key that was found last. */
  #isLocated(slot: Slot): boolean {
    if (slot.keyEnd - slot.keyStart !== this.#keyEnd - this.#keyStart) return false;
    return slot.keyText.startsWith(this.#keyText.slice(this.#keyStart, this.#keyEnd), slot.keyStart);
  }

  /** The key of a request without a unique branch. An ACK has the To tag of our reply, so the To tag is no part of it. */
  #composedKey(msg: SipMsg): string {
    const settings = this.#settings;
    if (settings.callidCseqMatching) return flatCopy(`${msg.callId ?? ''}|${msg.cseqNumber}`);
    const via = msg.via1;
    const uri = settings.ruriMatching ? msg.originalUri : '';
    const sentBy = settings.via1Matching ? `${via?.host ?? ''}:${via?.port ?? 0}` : '';
    return flatCopy(`${msg.callId ?? ''}|${msg.cseqNumber}|${msg.fromTag}|${uri}|${sentBy}`);
  }

  /** The newest INVITE transaction of a Call-ID that `isIt`; `wakes` false leaves out those on wait. */
  findInvite(
    callId: string,
    isIt: (t: Transaction) => boolean,
    hash = keyedHash(callId, this.#seed) | 0,
    wakes = true,
  ): Transaction | null {
    for (let slot = this.#byCall.first(hash); slot !== null; slot = slot.nextByCall) {
      if (slot.callHash !== hash) continue;
      const t = wakes ? this.#of(slot) : slot.live;
      if (t?.request.hasCallId(callId) === true && isIt(t)) return t;
    }
    return null;
  }

  /** Hash of a message's Call-ID. */
  callHash(msg: SipMsg): number {
    return keyedHashSpan(msg.buf, msg.callIdStart, msg.callIdEnd, this.#seed) | 0;
  }

  /** Every transaction that is not on wait, in no order that means anything. */
  *live(): Iterable<Transaction> {
    for (const { live } of this.#slots) if (live !== null) yield live;
  }

  /** Every transaction; those on wait are copies, for looking at. */
  *all(): Iterable<Transaction> {
    yield* this.live();
    yield* this.#onWait.all();
  }
}

function isSameSentBy(a: SipMsg, b: SipMsg): boolean {
  const one = a.via1;
  const other = b.via1;
  if (one === null || other === null || one.port !== other.port) return false;
  return one.host === other.host || one.host.toLowerCase() === other.host.toLowerCase();
}

function base36(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    value = value * 36 + (c < 58 ? c - 48 : c - 87);
  }
  return value;
}
