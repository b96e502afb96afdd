import type { SipMsg } from 'strowger';
import { type Dialog, IFLAG, LEG, type Leg } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { isLocal } from './ending.ts';
import { STATE } from './fsm.ts';
import { LAST_SECONDS } from './lifetimes.ts';
import { FILTER_LOCAL } from './settings.ts';

/** A dialog whose parties are asked now and then whether they are still there. */
interface Watched {
  readonly dialog: Dialog;
  dueMs: number;
  /** Requests that failed since one was answered, by side. */
  readonly failed: [caller: number, callee: number];
}

/** OPTIONS within dialogs (`ka-src`, `ka-dst`): each interval the same, so who comes first is due first. */
export class Keepalive {
  readonly #dialogs: Dialogs;
  readonly #watched = new Map<Dialog, Watched>();

  constructor(dialogs: Dialogs) {
    this.#dialogs = dialogs;
  }

  /** Returns what ends it. */
  start(): () => void {
    const { kaTimerSec, kaIntervalSec } = this.#dialogs.settings;
    const { wheel } = this.#dialogs.ctx.server;
    if (kaTimerSec <= 0 || kaIntervalSec <= 0) return () => {};
    const timer = wheel.every(kaTimerSec * 1000, () => this.#tick());
    return () => wheel.cancel(timer);
  }

  /** Watches an answered dialog that has such a property, from now on. */
  add(dialog: Dialog): void {
    const { kaTimerSec, kaIntervalSec, filterMode } = this.#dialogs.settings;
    if (kaTimerSec <= 0 || kaIntervalSec <= 0 || this.#watched.has(dialog) || dialog.state !== STATE.CONFIRMED) return;
    if (!dialog.hasProperty(IFLAG.KA_SRC | IFLAG.KA_DST)) return;
    if ((filterMode & FILTER_LOCAL) !== 0 && !isLocal(dialog)) return;
    this.#watched.set(dialog, { dialog, dueMs: this.#nextMs(), failed: [0, 0] });
  }

  remove(dialog: Dialog): void {
    this.#watched.delete(dialog);
  }

  #nextMs(): number {
    return this.#dialogs.ctx.server.clock.now() + this.#dialogs.settings.kaIntervalSec * 1000;
  }

  #tick(): void {
    const nowMs = this.#dialogs.ctx.server.clock.now();
    for (const watched of this.#watched.values()) {
      if (watched.dueMs > nowMs) return;
      const { dialog } = watched;
      this.#watched.delete(dialog);
      if (dialog.state !== STATE.CONFIRMED || !dialog.hasProperty(IFLAG.KA_SRC | IFLAG.KA_DST)) continue;
      watched.dueMs = this.#nextMs();
      this.#watched.set(dialog, watched);
      if (dialog.hasProperty(IFLAG.KA_SRC)) this.#ask(watched, LEG.CALLER);
      if (dialog.hasProperty(IFLAG.KA_DST)) this.#ask(watched, LEG.CALLEE);
    }
  }

  #ask(watched: Watched, leg: Leg): void {
    this.#dialogs.ownRequests.options(watched.dialog, leg, (code, reply) => this.#answered(watched, leg, code, reply));
  }

  /** Any answer but 481 is a sign of life (Kamailio: dialog, ka_interval). */
  #answered(watched: Watched, leg: Leg, code: number, reply: SipMsg | null): void {
    const { dialog, failed } = watched;
    if (dialog.state !== STATE.CONFIRMED) return;
    if (reply !== null && code !== 481 && code !== 408) {
      failed[leg] = 0;
      return;
    }
    if (++failed[leg] < this.#dialogs.settings.kaFailedLimit) return;
    this.#dialogs.ctx.log.notice('a party of a dialog is gone', { callId: dialog.callId, code });
    this.#watched.delete(dialog);
    this.#dialogs.setLifetime(dialog, LAST_SECONDS);
  }
}
