import { BRANCH_MAGIC, flatCopy, keyedHash, keyedHashSpan, METHOD, type SipMsg } from 'strowger';
import type { ClientBranch } from './branch.ts';
import { CallChains, KeyChains } from './chains.ts';
import type { TmSettings } from './settings.ts';
import type { Transaction } from './transaction.ts';

/**
 * All transactions of a server. Replies find theirs without hashing anything: the branch we sent names the slot
 * (`z9hG4bK<worker>-<slot>-<label>…`, base 36). Requests go by the branch and sent-by of their top Via
 * (RFC 3261 §17.2.3), or by the RFC 2543 rule where the branch has no cookie.
 */
export class TransactionTable {
  readonly #slots: (Transaction | null)[] = [];
  readonly #free: number[] = [];
  readonly #byKey = new KeyChains();
  readonly #byCall = new CallChains();
  readonly #settings: TmSettings;
  /** Begins every hash, so that nobody outside can choose keys that share a chain. */
  readonly #seed: number;
  #count = 0;
  // The key that was found last: a new request is looked for, and then put in. Hashes are kept as small integers (| 0):
  // unsigned ones would be doubles.
  #located: SipMsg | null = null;
  #keyText = '';
  #keyStart = 0;
  #keyEnd = 0;
  #keyHash = 0;

  constructor(settings: TmSettings, seed: number) {
    this.#settings = settings;
    this.#seed = seed;
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
    this.#slots[t.index] = t;
    this.#count++;
    if (t.isLocal) return;
    t.keyHash = this.#locate(t.request);
    t.keyText = this.#keyText;
    t.keyStart = this.#keyStart;
    t.keyEnd = this.#keyEnd;
    this.#byKey.add(t);
    if (!t.isInvite) return;
    t.callHash = this.callHash(t.request);
    this.#byCall.add(t);
  }

  remove(t: Transaction): void {
    if (this.#slots[t.index] !== t) return;
    this.#slots[t.index] = null;
    this.#free.push(t.index);
    this.#count--;
    if (t.isLocal) return;
    this.#byKey.remove(t);
    if (t.isInvite) this.#byCall.remove(t);
  }

  /** By `$T(id_index)` and `$T(id_label)`. */
  bySlot(index: number, label: number): Transaction | null {
    const t = this.#slots[index];
    return t !== undefined && t !== null && t.label === label ? t : null;
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
    for (let t = this.#byKey.first(hash); t !== null; t = t.nextByKey) {
      if (t.keyHash !== hash || !this.#isLocated(t)) continue;
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

  /** True when a transaction has the key that was found last. */
  #isLocated(t: Transaction): boolean {
    if (t.keyEnd - t.keyStart !== this.#keyEnd - this.#keyStart) return false;
    return t.keyText.startsWith(this.#keyText.slice(this.#keyStart, this.#keyEnd), t.keyStart);
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

  /** INVITE transactions of a Call-ID, newest first: for end-to-end ACKs. */
  *invitesOfCall(callId: string, hash = keyedHash(callId, this.#seed) | 0): Iterable<Transaction> {
    for (let t = this.#byCall.first(hash); t !== null; t = t.nextByCall) {
      if (t.callHash === hash && t.request.hasCallId(callId)) yield t;
    }
  }

  /** Hash of a message's Call-ID. */
  callHash(msg: SipMsg): number {
    return keyedHashSpan(msg.buf, msg.callIdStart, msg.callIdEnd, this.#seed) | 0;
  }

  /** Every transaction, in no order that means anything. */
  *all(): Iterable<Transaction> {
    for (const t of this.#slots) if (t !== null) yield t;
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
