import type { SipMsg } from './parser/sip-msg.ts';

/** Messages of one call that may wait; later ones are dropped and come again. */
const MAX_WAITING = 64;

/**
 * The script runs for one message of a call at a time (`route_locks_size`): others with its Call-ID wait while a command
 * of that run waits. Runs that never wait are in order by themselves.
 */
export class CallOrder {
  readonly #waiting = new Map<string, (() => void)[]>();

  /** True when a run of this call is under way: `again` is called after it. */
  defers(msg: SipMsg, again: () => void): boolean {
    if (this.#waiting.size === 0) return false;
    const queue = this.#waiting.get(msg.callId ?? '');
    if (queue === undefined) return false;
    if (queue.length < MAX_WAITING) queue.push(again);
    return true;
  }

  /** A run has begun to wait; the returned function tells of its end, and lets the next one run. */
  enter(msg: SipMsg): () => void {
    const key = msg.callId ?? '';
    const queue: (() => void)[] = [];
    this.#waiting.set(key, queue);
    return () => {
      this.#waiting.delete(key);
      while (queue.length > 0) {
        queue.shift()?.();
        // That one waits too: the rest stays behind it.
        const next = this.#waiting.get(key);
        if (next === undefined) continue;
        next.unshift(...queue.splice(0));
      }
    };
  }
}
