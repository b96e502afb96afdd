import { Timer } from 'strowger';
import type { Dialog } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { isActive, STATE } from './fsm.ts';

/** What is left to a dialog whose ACK did not come, or whose party did not answer a keepalive, seconds. */
export const LAST_SECONDS = 10;

/** The timers of dialogs: one for each, whose meaning follows from the state. */
export class Lifetimes {
  readonly #dialogs: Dialogs;
  readonly #onTimer: (dialog: Dialog) => void;

  constructor(dialogs: Dialogs) {
    this.#dialogs = dialogs;
    this.#onTimer = (dialog) => this.#fired(dialog);
  }

  /** Answered, loaded, or with another lifetime: it has `lifetimeSec` from now on. */
  restart(dialog: Dialog): void {
    dialog.timeoutSec = this.#dialogs.nowSec + dialog.lifetimeSec;
    this.arm(dialog);
  }

  /** Arms the timer for what comes next in this state. */
  arm(dialog: Dialog): void {
    const { settings, ctx } = this.#dialogs;
    const seconds = this.#secondsLeft(dialog);
    dialog.timer ??= new Timer<Dialog>(this.#onTimer, dialog);
    ctx.server.wheel.arm(
      dialog.timer,
      Math.max(0, dialog.state === STATE.DELETED ? settings.endTimeoutSec : seconds) * 1000,
    );
  }

  stop(dialog: Dialog): void {
    if (dialog.timer !== null) this.#dialogs.ctx.server.wheel.cancel(dialog.timer);
  }

  #secondsLeft(dialog: Dialog): number {
    const { settings, nowSec } = this.#dialogs;
    if (!isActive(dialog.state)) return settings.earlyTimeoutSec;
    const left = dialog.timeoutSec - nowSec;
    const untilAck = dialog.startSec + settings.noAckTimeoutSec - nowSec;
    return dialog.state === STATE.CONFIRMED_NA && untilAck > 0 ? Math.min(left, untilAck) : left;
  }

  #fired(dialog: Dialog): void {
    const { nowSec, ctx } = this.#dialogs;
    if (!isActive(dialog.state)) {
      if (dialog.state !== STATE.DELETED) ctx.log.notice('a dialog was never answered', { callId: dialog.callId });
      this.#dialogs.forget(dialog);
    } else if (dialog.timeoutSec > nowSec && dialog.state === STATE.CONFIRMED_NA) {
      ctx.log.warn('the ACK of a dialog did not come', { callId: dialog.callId });
      dialog.timeoutSec = Math.min(dialog.timeoutSec, nowSec + LAST_SECONDS);
      this.arm(dialog);
    } else this.#dialogs.ending.expired(dialog);
  }
}
