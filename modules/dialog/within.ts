import { findParam, METHOD, type Run, type SipMsg } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import { type MsgContext, needContext } from './context.ts';
import { DFLAG, type Dialog, IFLAG, type Leg, otherLeg } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { EVENT, isActive, nextState, STATE } from './fsm.ts';
import { contactUri } from './message-facts.ts';
import { MATCH } from './settings.ts';
import { type Match, parseCookie } from './table.ts';

/** Methods whose Contact is the new address of their sender (RFC 3261 §12.2, RFC 3311). */
const TARGET_REFRESH = METHOD.INVITE | METHOD.UPDATE;

/** Requests within dialogs: how they are found, and what they change. */
export class WithinRequests {
  readonly #dialogs: Dialogs;

  constructor(dialogs: Dialogs) {
    this.#dialogs = dialogs;
  }

  /** After loose_route(): `params` are those of our Route. */
  routed(run: Run, params: string): void {
    const { msg } = run;
    if (msg.toTag === '' || msg.method === METHOD.CANCEL) return;
    const context = needContext(msg);
    if (context.isSequential) return;
    const found = this.#find(msg, params);
    if (found !== null) this.#matched(run, context, found);
  }

  /** dlg_manage() for a request with a To tag: by Call-ID and tags, unless loose_route() has found it. */
  manage(run: Run): number {
    const { msg } = run;
    const context = needContext(msg);
    if (context.isSequential || msg.method === METHOD.CANCEL) return 1;
    const found = this.#dialogs.table.match(msg.callId ?? '', msg.fromTag, msg.toTag);
    if (found !== null) this.#matched(run, context, found);
    return 1;
  }

  /** A reply to such a request was passed on or made here. */
  replied(t: Transaction, dialog: Dialog, sender: Leg | null, reply: SipMsg | null, code: number): void {
    const { events } = this.#dialogs;
    const { request } = t;
    const facts = { request, reply, code, sender };
    if (code >= 200 && request.method === METHOD.BYE) events.emit('terminatedConfirmed', dialog, facts);
    if (sender !== null && reply !== null && code >= 200 && code < 300 && (request.method & TARGET_REFRESH) !== 0)
      this.#learnContact(dialog, otherLeg(sender), reply);
    events.emit('replyWithin', dialog, facts);
  }

  #find(msg: SipMsg, params: string): Match | null {
    const { settings, table, ctx } = this.#dialogs;
    if (settings.matchMode !== MATCH.SIP) {
      const cookie = findParam(params, 0, params.length, settings.rrParam);
      const place = cookie === null ? null : parseCookie(cookie);
      const dialog = place === null ? null : table.find(place.hEntry, place.hId);
      const sender = dialog === null || dialog.callId !== msg.callId ? null : dialog.senderOf(msg.fromTag, msg.toTag);
      if (dialog !== null && sender !== null) return { dialog, sender };
      if (cookie !== null && msg.method !== METHOD.ACK)
        ctx.log.warn('no dialog for the Route of this request', { method: msg.methodName, cookie, callId: msg.callId });
      if (settings.matchMode === MATCH.COOKIE) return null;
    }
    return table.match(msg.callId ?? '', msg.fromTag, msg.toTag);
  }

  #matched(run: Run, context: MsgContext, { dialog, sender }: Match): void {
    const { msg } = run;
    context.dialog = dialog;
    context.sender = sender;
    context.isSequential = true;
    const t = this.#dialogs.tm.transaction(msg);
    if (t !== null && t.request === msg) this.#dialogs.initial.hold(t, context);
    if (dialog.state === STATE.DELETED) return;
    if (this.#dialogs.settings.tracksCseq) this.#dialogs.cseq.shift(msg, dialog, sender);
    if (msg.method === METHOD.ACK) this.#acknowledged(dialog, msg, sender);
    else if (msg.method === METHOD.BYE && isActive(dialog.state)) this.#dialogs.ending.byeReceived(dialog, msg, sender);
    else this.#requested(run, dialog, sender);
  }

  #acknowledged(dialog: Dialog, msg: SipMsg, sender: Leg): void {
    if (dialog.state !== STATE.CONFIRMED_NA) return;
    const { events, lifetimes, keepalive, store } = this.#dialogs;
    dialog.state = nextState(dialog.state, EVENT.ACK);
    dialog.dflags |= DFLAG.CHANGED;
    lifetimes.arm(dialog);
    keepalive.add(dialog);
    events.emit('confirmed', dialog, { request: msg, sender });
    store?.changed(dialog);
  }

  #requested(run: Run, dialog: Dialog, sender: Leg): void {
    const { msg } = run;
    const { events, lifetimes, store } = this.#dialogs;
    const isLive = isActive(dialog.state);
    if (isLive && !this.#dialogs.settings.timeoutNoReset && !dialog.hasProperty(IFLAG.TIMEOUT_NORESET)) {
      dialog.lifetimeSec = this.#dialogs.timeoutFromScript(run) ?? dialog.lifetimeSec;
      lifetimes.restart(dialog);
    }
    if (msg.method !== METHOD.BYE && msg.cseqNumber > dialog.cseq(sender)) dialog.setCseq(sender, msg.cseqNumber);
    if ((msg.method & TARGET_REFRESH) !== 0) this.#learnContact(dialog, sender, msg);
    if (isLive) dialog.dflags |= DFLAG.CHANGED;
    events.emit('request', dialog, { request: msg, sender });
    if (isLive) store?.changed(dialog);
  }

  #learnContact(dialog: Dialog, leg: Leg, msg: SipMsg): void {
    const contact = contactUri(msg);
    if (contact === '' || contact === dialog.contact(leg)) return;
    dialog.setContact(leg, contact);
    dialog.dflags |= DFLAG.CHANGED;
    if (isActive(dialog.state)) this.#dialogs.store?.changed(dialog);
  }
}
