/**
 * Requests whose script waits before they have a transaction (architecture §3): their retransmissions are absorbed,
 * CANCEL and ACK wait behind them, and there are never more than a bound.
 */

import { METHOD } from './parser/methods.ts';
import type { SipMsg } from './parser/sip-msg.ts';
import type { Run } from './script/run.ts';

/** A CANCEL waits behind its request, runs through the script at once, or has been dealt with. */
export type CancelVerdict = 'waits' | 'runs' | 'done';

interface Suspended {
  readonly run: Run;
  readonly method: number;
  /** CANCEL and ACK that came meanwhile, in order. */
  behind: SipMsg[] | null;
}

/** How many messages may wait behind one suspended request. */
const MAX_BEHIND = 4;

export class SuspendedRuns {
  readonly #byKey = new Map<string, Suspended>();

  get size(): number {
    return this.#byKey.size;
  }

  /**
   * True when the message must not run now: a retransmission of a suspended request, or a CANCEL or ACK that waits
   * behind it. Call only while `size` is not 0.
   */
  absorbs(msg: SipMsg, onCancel: ((run: Run, cancel: SipMsg) => CancelVerdict) | null = null): boolean {
    const entry = this.#byKey.get(keyOf(msg));
    if (entry === undefined) return false;
    if (msg.method === entry.method) return true;
    if (msg.method !== METHOD.CANCEL && msg.method !== METHOD.ACK) return false;
    if (msg.method === METHOD.CANCEL && onCancel !== null) {
      const verdict = onCancel(entry.run, msg);
      if (verdict !== 'waits') return verdict === 'done';
    }
    entry.behind ??= [];
    if (entry.behind.length < MAX_BEHIND && !entry.behind.some((waiting) => waiting.method === msg.method))
      entry.behind.push(msg);
    return true;
  }

  /** Registers a request that waits; the returned function ends it and gives what waited behind. */
  enter(run: Run): () => readonly SipMsg[] {
    const { msg } = run;
    const key = keyOf(msg);
    const entry: Suspended = { run, method: msg.method, behind: null };
    this.#byKey.set(key, entry);
    return () => {
      if (this.#byKey.get(key) === entry) this.#byKey.delete(key);
      return entry.behind ?? [];
    };
  }
}

/** Transaction key (RFC 3261 §17.2.3) without the method, since CANCEL and ACK share it. */
function keyOf(msg: SipMsg): string {
  const via = msg.via1;
  return `${via?.branch ?? ''}|${via?.host ?? ''}|${via?.port ?? 0}|${msg.callId ?? ''}|${msg.cseqNumber}`;
}
