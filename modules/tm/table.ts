import { BRANCH_MAGIC, flatCopy, METHOD, type SipMsg } from 'strowger';
import type { ClientBranch, Transaction } from './transaction.ts';

/**
 * All transactions of a server. Replies find theirs without hashing anything: the branch we sent names the slot
 * (`z9hG4bK<worker>-<slot>-<label>…`, base 36). Requests go by the branch and sent-by of their top Via
 * (RFC 3261 §17.2.3), or by the RFC 2543 rule where the branch has no cookie.
 */
export class TransactionTable {
  readonly #slots: (Transaction | null)[] = [];
  readonly #free: number[] = [];
  readonly #byKey = new Map<string, Transaction>();
  readonly #byCall = new Map<string, Transaction>();
  #count = 0;

  get size(): number {
    return this.#count;
  }

  /** A slot for a new transaction; `put` fills it. */
  nextIndex(): number {
    return this.#free.pop() ?? this.#slots.length;
  }

  put(t: Transaction): void {
    this.#slots[t.index] = t;
    this.#count++;
    if (t.isLocal) return;
    const same = this.#byKey.get(t.key);
    if (same !== undefined) t.nextSameKey = same;
    this.#byKey.set(t.key, t);
    if (t.isInvite) {
      const call = t.request.callId ?? '';
      t.nextSameCall = this.#byCall.get(call) ?? null;
      this.#byCall.set(call, t);
    }
  }

  remove(t: Transaction): void {
    if (this.#slots[t.index] !== t) return;
    this.#slots[t.index] = null;
    this.#free.push(t.index);
    this.#count--;
    if (t.isLocal) return;
    unlink(this.#byKey, t.key, t, 'nextSameKey');
    if (t.isInvite) unlink(this.#byCall, t.request.callId ?? '', t, 'nextSameCall');
  }

  bySlot(index: number, label: number): Transaction | null {
    const t = this.#slots[index];
    return t !== undefined && t !== null && t.label === label ? t : null;
  }

  /** The branch a reply belongs to by its top Via branch; null when it is none of ours or gone. */
  byBranchId(id: string, prefix: string): ClientBranch | null {
    if (!id.startsWith(prefix)) return null;
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
    let t = this.#byKey.get(requestKey(msg)) ?? null;
    for (; t !== null; t = t.nextSameKey) {
      if (t.request.method !== method && !(method === METHOD.OTHER && t.request.methodName === msg.methodName))
        continue;
      const own = t.request.via1;
      if (own !== null && own.port === via.port && own.host.toLowerCase() === via.host.toLowerCase()) return t;
    }
    return null;
  }

  /** INVITE transactions of a Call-ID, newest first: for end-to-end ACKs. */
  *invitesOfCall(callId: string): Iterable<Transaction> {
    for (let t = this.#byCall.get(callId) ?? null; t !== null; t = t.nextSameCall) yield t;
  }

  *all(): Iterable<Transaction> {
    for (const t of this.#slots) if (t !== null) yield t;
  }
}

function unlink<N extends 'nextSameKey' | 'nextSameCall'>(
  map: Map<string, Transaction>,
  key: string,
  t: Transaction,
  next: N,
): void {
  let at = map.get(key);
  if (at === t) {
    const after = t[next];
    if (after === null) map.delete(key);
    else map.set(key, after);
    return;
  }
  while (at !== undefined && at !== null) {
    const following: Transaction | null = at[next];
    if (following === t) {
      at[next] = t[next];
      return;
    }
    if (following === null) return;
    at = following;
  }
}

/** RFC 3261 §17.2.3: the branch where it has the cookie; else what RFC 2543 has. ACK and INVITE share a key. */
export function requestKey(msg: SipMsg): string {
  const branch = msg.via1?.branch ?? '';
  if (branch.length > BRANCH_MAGIC.length && branch.startsWith(BRANCH_MAGIC)) return branch;
  // An ACK has the To tag of our reply, so the To tag is no part of the key; via and From tag are the caller's.
  const via = msg.via1;
  return flatCopy(
    `${msg.callId ?? ''}|${msg.cseqNumber}|${msg.fromTag}|${msg.originalUri}|${via?.host ?? ''}:${via?.port ?? 0}`,
  );
}

function base36(text: string, start: number, end: number): number {
  let value = 0;
  for (let i = start; i < end; i++) {
    const c = text.charCodeAt(i);
    value = value * 36 + (c < 58 ? c - 48 : c - 87);
  }
  return value;
}
