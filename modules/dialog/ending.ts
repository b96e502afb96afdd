import { ROUTE, type SipMsg } from 'strowger';
import { needContext } from './context.ts';
import { DFLAG, type Dialog, IFLAG, LEG, type Leg, otherLeg } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { EVENT, isActive, nextState, STATE } from './fsm.ts';
import { FILTER_LOCAL } from './settings.ts';

/** How dialogs end: by a BYE that passes, by BYEs of ours, or as their time is over. */
export class Ending {
  readonly #dialogs: Dialogs;

  constructor(dialogs: Dialogs) {
    this.#dialogs = dialogs;
  }

  /** A party has sent a BYE. */
  byeReceived(dialog: Dialog, request: SipMsg, sender: Leg): void {
    dialog.state = nextState(dialog.state, EVENT.BYE);
    dialog.endSec = this.#dialogs.nowSec;
    dialog.timeoutSec = 0;
    dialog.dflags |= DFLAG.HAS_BYE;
    const waits = this.#tellTerminated(dialog, request, sender);
    this.#dialogs.active--;
    this.close(dialog, waits, true);
  }

  /**
   * Sends a BYE to each of these sides; the dialog is over when one of them answers. False where it is not answered or over,
   * or nothing can be sent. `headers` are whole rows.
   */
  terminate(dialog: Dialog, legs: readonly Leg[], headers: string): boolean {
    if (!isActive(dialog.state)) {
      this.#dialogs.ctx.log.error('a dialog that is not answered can not be ended by BYE', { callId: dialog.callId });
      return false;
    }
    if (legs.length === 1) dialog.dflags |= legs[0] === LEG.CALLER ? DFLAG.CALLER_BYE : DFLAG.CALLEE_BYE;
    void this.#tellTerminated(dialog, null, null);
    let isSent = false;
    for (const leg of legs) {
      if (
        this.#dialogs.ownRequests.bye(dialog, leg, headers, (code, reply) =>
          this.#byeAnswered(dialog, leg, code, reply),
        )
      )
        isSent = true;
    }
    if (!isSent) this.#over(dialog);
    return isSent;
  }

  /**
   * Asks a side to call `uri`; the call ends when it says yes. False where it is not answered or over, or nothing can be
   * sent.
   */
  refer(dialog: Dialog, leg: Leg, uri: string): boolean {
    if (dialog.state !== STATE.CONFIRMED) return false;
    return this.#dialogs.ownRequests.refer(dialog, leg, uri, (code) => {
      if (code < 300 && isActive(dialog.state)) this.terminate(dialog, [leg, otherLeg(leg)], '');
    });
  }

  /** The time of a dialog is over. */
  expired(dialog: Dialog): void {
    const { settings, ctx, events } = this.#dialogs;
    if ((settings.filterMode & FILTER_LOCAL) !== 0 && !isLocal(dialog)) return this.#leaveToOthers(dialog);
    ctx.log.warn('the time of a dialog is over', {
      callId: dialog.callId,
      fromTag: dialog.fromTag,
      toTag: dialog.toTag,
    });
    dialog.timeoutSec = 0;
    dialog.dflags |= DFLAG.PROFILES_CHANGED;
    this.#runTimeoutRoute(dialog);
    // The route may have ended it, or given it more time.
    if (!isActive(dialog.state) || dialog.timeoutSec > 0) return;
    events.emit('timeout', dialog);
    if (dialog.hasProperty(IFLAG.TIMEOUT_BYE)) {
      this.#dialogs.count('expired_dialogs');
      this.terminate(dialog, [LEG.CALLER, LEG.CALLEE], '');
      return;
    }
    dialog.state = nextState(dialog.state, EVENT.END);
    dialog.endSec = this.#dialogs.nowSec;
    dialog.dflags |= DFLAG.HAS_BYE;
    events.emit('expired', dialog);
    const waits = this.#dialogs.runEvent('end', dialog, null);
    this.#dialogs.active--;
    this.#dialogs.count('expired_dialogs');
    if (waits === undefined) this.#dialogs.forget(dialog);
    else void waits.then(() => this.#dialogs.forget(dialog));
  }

  /**
   * A dialog is in its last state: what counts it lets go, and it is forgotten once no transaction has it any more. One is
   * yet to come (`isAwaited`) where the script still has the BYE.
   */
  close(dialog: Dialog, waits: void | Promise<unknown>, isAwaited = false): void {
    this.#dialogs.lifetimes.arm(dialog);
    const finish = (): void => {
      this.#dialogs.empty(dialog);
      if (!isAwaited && dialog.holders === 0) this.#dialogs.forget(dialog);
    };
    if (waits === undefined) finish();
    else void waits.then(finish);
  }

  #tellTerminated(dialog: Dialog, request: SipMsg | null, sender: Leg | null): void | Promise<unknown> {
    if (dialog.isTerminated) return undefined;
    dialog.isTerminated = true;
    this.#dialogs.events.emit('terminated', dialog, { request, sender });
    return this.#dialogs.runEvent('end', dialog, request);
  }

  #byeAnswered(dialog: Dialog, leg: Leg, code: number, reply: SipMsg | null): void {
    if (dialog.state === STATE.DELETED) return;
    this.#dialogs.events.emit('terminatedConfirmed', dialog, { reply, code, sender: leg });
    this.#over(dialog);
  }

  #over(dialog: Dialog): void {
    if (dialog.state === STATE.DELETED) return;
    dialog.endSec = this.#dialogs.nowSec;
    this.#dialogs.forget(dialog);
  }

  #runTimeoutRoute(dialog: Dialog): void {
    if (dialog.timeoutRoute === '') return;
    const { server, log } = this.#dialogs.ctx;
    const route = server.program.routes.get(dialog.timeoutRoute);
    const msg = server.fakeMessage();
    if (route === undefined || msg === null) {
      log.error('the route for dialogs whose time is over does not exist', { route: dialog.timeoutRoute });
      return;
    }
    needContext(msg).dialog = dialog;
    void server.runRoute(route, msg, ROUTE.REQUEST);
  }

  /** The dialog of another server, loaded from the database: its row is not ours. */
  #leaveToOthers(dialog: Dialog): void {
    dialog.isStored = false;
    this.#dialogs.forget(dialog);
  }
}

/** Do both sides reach it on sockets of ours? */
export function isLocal(dialog: Dialog): boolean {
  return dialog.callerSocket !== null && dialog.calleeSocket !== null;
}
