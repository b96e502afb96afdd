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
    t.keyHash = this.#keyHash(t.request, t.key);
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
    const via = msg.via1;
    if (via === null) return null;
    const key = this.keyOf(msg);
    const hash = this.#keyHash(msg, key);
    for (let t = this.#byKey.first(hash); t !== null; t = t.nextByKey) {
      if (t.keyHash !== hash || t.key !== key) continue;
      const own = t.request;
      if (own.method !== method || (method === METHOD.OTHER && own.methodName !== msg.methodName)) continue;
      if (this.#settings.callidMatching && own.callId !== msg.callId) continue;
      if (this.#settings.callidCseqMatching || isSameSentBy(own, msg)) return t;
    }
    return null;
  }

  /**
   * RFC 3261 §17.2.3: the branch where it has the cookie; else what RFC 2543 has. ACK, CANCEL and INVITE share a key.
   * An ACK has the To tag of our reply, so the To tag is no part of it.
   */
  keyOf(msg: SipMsg): string {
    const settings = this.#settings;
    if (settings.callidCseqMatching) return flatCopy(`${msg.callId ?? ''}|${msg.cseqNumber}`);
    const via = msg.via1;
    const branch = via?.branch ?? '';
    if (branch.length > BRANCH_MAGIC.length && branch.startsWith(BRANCH_MAGIC)) return branch;
    const uri = settings.ruriMatching ? msg.originalUri : '';
    const sentBy = settings.via1Matching ? `${via?.host ?? ''}:${via?.port ?? 0}` : '';
    return flatCopy(`${msg.callId ?? ''}|${msg.cseqNumber}|${msg.fromTag}|${uri}|${sentBy}`);
  }

  /** INVITE transactions of a Call-ID, newest first: for end-to-end ACKs. */
  *invitesOfCall(callId: string, hash = keyedHash(callId, this.#seed) | 0): Iterable<Transaction> {
    for (let t = this.#byCall.first(hash); t !== null; t = t.nextByCall) {
      if (t.callHash === hash && t.request.callId === callId) yield t;
    }
  }

  // Hashes are kept as small integers (| 0): unsigned ones would be doubles.

  #keyHash(msg: SipMsg, key: string): number {
    const via = msg.via1;
    if (via === null || key !== via.branch) return keyedHash(key, this.#seed) | 0;
    const start = via.branchStart;
    return keyedHashSpan(msg.buf, start, start + key.length, this.#seed) | 0;
  }

  /** Hash of a message's Call-ID. */
  callHash(msg: SipMsg): number {
    const row = msg.callIdAt;
    if (row < 0) return keyedHash('', this.#seed) | 0;
    return keyedHashSpan(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row), this.#seed) | 0;
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
