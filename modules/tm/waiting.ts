import { METHOD, type Run, type SipMsg, Timer } from 'strowger';
import type { TmCore } from './core.ts';
import { reasonOf } from './reasons.ts';
import { T_FLAG } from './transaction.ts';

/** An INVITE that is not answered by then gets its 100 (RFC 3261 §16.2, §17.2.1). */
const TRYING_AFTER_MS = 200;

/** Requests whose script waits for something: they get a 100 in time, and end when their caller cancels. */
export class WaitingRequests {
  readonly #tm: TmCore;
  readonly #timers = new Map<SipMsg, Timer<SipMsg>>();

  constructor(tm: TmCore) {
    this.#tm = tm;
  }

  begins(msg: SipMsg): void {
    if (msg.method !== METHOD.INVITE) return;
    const timer = new Timer<SipMsg>((late) => this.#sendTrying(late), msg);
    this.#timers.set(msg, timer);
    this.#tm.wheel.arm(timer, TRYING_AFTER_MS);
  }

  /** The script is done with it. */
  ends(msg: SipMsg): void {
    const timer = this.#timers.get(msg);
    if (timer === undefined) return;
    this.#timers.delete(msg);
    this.#tm.wheel.cancel(timer);
  }

  get isEmpty(): boolean {
    return this.#timers.size === 0;
  }

  #sendTrying(msg: SipMsg): void {
    this.#timers.delete(msg);
    const t = this.#tm.of(msg);
    if (t !== null) this.#tm.relay.sendTrying(t);
    else this.#tm.server.replies.send(msg, 100, this.#tm.settings.auto100Reason);
  }

  /**
   * The CANCEL of an INVITE whose script waits. Once it has been relayed the CANCEL runs as any other; before, the INVITE is
   * answered with 487 and its script ends where it waits.
   */
  cancelled(run: Run, cancel: SipMsg): 'waits' | 'runs' | 'done' {
    const tm = this.#tm;
    const { msg } = run;
    if (msg.method !== METHOD.INVITE) return 'waits';
    const known = tm.of(msg);
    if (known !== null && (known.isAnswered || known.branches.length > 0)) return 'runs';
    const t = known ?? tm.begin(msg, run.program);
    run.aborted = true;
    this.ends(msg);
    t.flags |= T_FLAG.CANCELED;
    t.emit('cancelled', null, 0, -1, cancel);
    const own = tm.begin(cancel, run.program);
    tm.replies.reply(own, 200, 'canceling');
    tm.replies.reply(t, 487, reasonOf(487));
    return 'done';
  }
}
