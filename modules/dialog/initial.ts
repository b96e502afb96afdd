import { METHOD, ROUTE, Run, type SipMsg, valueToString } from 'strowger';
import type { Transaction } from '../tm/api.ts';
import { type MsgContext, needContext } from './context.ts';
import { DFLAG, Dialog, IFLAG, LEG } from './dialog.ts';
import type { Dialogs } from './dialogs.ts';
import { EVENT, isActive, nextState, STATE } from './fsm.ts';
import { contactUri, partRoutes, recordRoutes } from './message-facts.ts';
import { KEEP_RR, MATCH } from './settings.ts';
import { cookieOf } from './table.ts';

/** The INVITEs that dialogs begin with, and their replies. */
export class InitialRequests {
  readonly #dialogs: Dialogs;
  #nextId: number;
  readonly #idStep: number;

  constructor(dialogs: Dialogs) {
    const { ctx, settings } = dialogs;
    const { server } = ctx;
    this.#dialogs = dialogs;
    // Workers count in between each other, for entries are not theirs alone.
    this.#idStep = settings.hIdStep * server.workerCount;
    const first = server.random.int(3 * settings.hashSize) * server.workerCount + server.workerIndex;
    this.#nextId = settings.hIdStart + first * settings.hIdStep;
  }

  /** dlg_manage() for a request without a To tag: 1, or -1 where it begins no dialog. */
  manage(run: Run): number {
    const { msg } = run;
    if (msg.method !== METHOD.INVITE || msg.callId === null || msg.fromTag === '') return -1;
    const context = needContext(msg);
    if (context.dialog !== null) return -1;
    if (this.#dialogs.settings.detectsSpirals && this.#isSpiral(msg, context)) return 1;
    const dialog = this.#create(run, context);
    const t = this.#dialogs.tm.transaction(msg);
    if (t !== null && t.request === msg) this.hold(t, context);
    if (this.#dialogs.settings.initialInScript)
      this.#dialogs.events.emit('created', dialog, { request: msg, sender: LEG.CALLER });
    else context.tellsLater = true;
    return 1;
  }

  /** A transaction begins: with `dlg_flag` a dialog does, too. */
  transactionBegins(t: Transaction): void {
    const { settings, events } = this.#dialogs;
    const { request } = t;
    if (request.method !== METHOD.INVITE || request.toTag !== '' || (request.flags & settings.flagBit) === 0) return;
    const context = needContext(request);
    if (context.dialog !== null || request.callId === null || request.fromTag === '') return;
    if (settings.detectsSpirals && this.#isSpiral(request, context)) return;
    const dialog = this.#create(new Run(this.#dialogs.ctx.server, t.program, request, ROUTE.REQUEST), context);
    events.emit('created', dialog, { request, sender: LEG.CALLER });
  }

  /** The dialog lives at least as long as this transaction. */
  hold(t: Transaction, context: MsgContext): void {
    const { dialog } = context;
    if (dialog === null || context.isHeld) return;
    context.isHeld = true;
    dialog.holders++;
    context.dialogs = this.#dialogs;
    context.isInvite = t.isInvite;
    this.#dialogs.tm.onEnd(t, context);
    if (context.isInitial) dialog.dflags |= DFLAG.TM;
  }

  /** The script is done with a request. Where no transaction was made for an INVITE, no call comes of it. */
  scriptEnded(msg: SipMsg, context: MsgContext): void {
    const { dialog } = context;
    if (dialog === null) return;
    if (!context.isInitial) {
      if (dialog.state === STATE.DELETED && dialog.holders === 0) this.#dialogs.forget(dialog);
      return;
    }
    if (context.tellsLater) {
      context.tellsLater = false;
      this.#dialogs.events.emit('created', dialog, { request: msg, sender: LEG.CALLER });
    }
    if (!context.isHeld) this.#dialogs.forget(dialog);
  }

  /** A reply to the INVITE went to the caller; null: one that was made here. */
  replied(t: Transaction, dialog: Dialog, reply: SipMsg | null, code: number): void {
    const { events } = this.#dialogs;
    const facts = { request: t.request, reply, code, sender: LEG.CALLER };
    if (reply !== null) reply.vars ??= t.request.vars;
    if (code < 200) {
      if (code > 100) this.#rings(dialog);
    } else if (code < 300) this.#answered(t, dialog, reply, code);
    else this.#failed(t, dialog, reply, code);
    events.emit('reply', dialog, facts);
  }

  #isSpiral(msg: SipMsg, context: MsgContext): boolean {
    const found = this.#dialogs.table.match(msg.callId ?? '', msg.fromTag, '');
    if (found === null || found.dialog.state === STATE.DELETED || found.sender !== LEG.CALLER) return false;
    context.dialog = found.dialog;
    context.sender = found.sender;
    this.#applyPending(found.dialog, context);
    this.#dialogs.events.emit('spiraled', found.dialog, { request: msg, sender: LEG.CALLER });
    return true;
  }

  #create(run: Run, context: MsgContext): Dialog {
    const { table, settings, rr, lifetimes } = this.#dialogs;
    const { msg } = run;
    const callId = msg.callId ?? '';
    const hEntry = table.entryOf(callId);
    const dialog = new Dialog({
      hEntry,
      hId: this.#newId(hEntry),
      callId,
      fromTag: msg.fromTag,
      fromUri: msg.from?.uriText ?? '',
      toUri: msg.to?.uriText ?? '',
      requestUri: valueToString(settings.ruriPvar.get(run)),
      callerContact: contactUri(msg),
      callerRoutes: recordRoutes(msg).join(','),
      initSec: this.#dialogs.nowSec,
      lifetimeSec: this.#dialogs.timeoutFromScript(run) ?? settings.defaultTimeoutSec,
    });
    dialog.callerCseq = Math.max(0, msg.cseqNumber);
    dialog.callerSocket = msg.rcv.socket;
    if (settings.sendsBye || context.timeoutBye !== 0) dialog.iflags |= IFLAG.TIMEOUT_BYE;
    dialog.timeoutRoute = context.timeoutRoute;
    context.dialog = dialog;
    context.isInitial = true;
    context.sender = LEG.CALLER;
    this.#applyPending(dialog, context);
    table.add(dialog);
    lifetimes.arm(dialog);
    if (settings.matchMode !== MATCH.SIP) rr.addParam(run, `;${settings.rrParam}=${cookieOf(dialog)}`);
    this.#dialogs.count('processed_dialogs');
    return dialog;
  }

  /** What the script set before there was a dialog. */
  #applyPending(dialog: Dialog, context: MsgContext): void {
    dialog.sflags |= context.sflags;
    dialog.iflags |= context.iflags;
    for (const [name, value] of context.vars ?? []) dialog.setVariable(name, value);
    for (const [profile, value] of context.profiles ?? []) this.#dialogs.profiles.add(dialog, profile, value);
    dialog.dflags &= ~DFLAG.VARS_CHANGED;
    context.vars = null;
    context.profiles = null;
  }

  #newId(hEntry: number): number {
    const { table } = this.#dialogs;
    do this.#nextId = (this.#nextId + this.#idStep) % 0x7fffffff;
    while (table.find(hEntry, this.#nextId) !== null);
    return this.#nextId;
  }

  #rings(dialog: Dialog): void {
    if (dialog.state !== STATE.UNCONFIRMED) return;
    dialog.state = nextState(dialog.state, EVENT.PROVISIONAL);
    this.#dialogs.events.emit('early', dialog);
    this.#dialogs.early++;
  }

  #answered(t: Transaction, dialog: Dialog, reply: SipMsg | null, code: number): void {
    const { state } = dialog;
    if (isActive(state) || state === STATE.DELETED) return;
    const { events, lifetimes, store } = this.#dialogs;
    dialog.state = nextState(state, EVENT.ANSWER);
    this.#learnCallee(t, dialog, reply);
    dialog.startSec = this.#dialogs.nowSec;
    lifetimes.restart(dialog);
    const facts = { request: t.request, reply, code, sender: LEG.CALLER };
    events.emit('answered', dialog, facts);
    void this.#dialogs.runEvent('start', dialog, reply);
    dialog.dflags |= DFLAG.NEW;
    if (state === STATE.EARLY) this.#dialogs.early--;
    this.#dialogs.active++;
    store?.changed(dialog);
  }

  #learnCallee(t: Transaction, dialog: Dialog, reply: SipMsg | null): void {
    const { settings, ctx } = this.#dialogs;
    dialog.calleeSocket = reply?.rcv.socket ?? dialog.callerSocket;
    if (reply === null) return dialog.setCallee(t.toTag, '', '');
    const incoming = recordRoutes(t.request);
    const { behind, own } = partRoutes(ctx.server, recordRoutes(reply), incoming.length);
    const toCallee = behind.toReversed();
    if ((settings.keepProxyRr & KEEP_RR.CALLEE) !== 0) toCallee.unshift(...own.toReversed());
    dialog.setCallee(reply.toTag, contactUri(reply), toCallee.join(','));
    if ((settings.keepProxyRr & KEEP_RR.CALLER) !== 0)
      dialog.setTarget(LEG.CALLER, dialog.contact(LEG.CALLER), [...own, ...incoming].join(','));
  }

  #failed(t: Transaction, dialog: Dialog, reply: SipMsg | null, code: number): void {
    const { state } = dialog;
    if (isActive(state) || state === STATE.DELETED) return;
    const { events, settings } = this.#dialogs;
    dialog.state = nextState(state, EVENT.REJECTION);
    dialog.endSec = this.#dialogs.nowSec;
    events.emit('failed', dialog, { request: t.request, reply, code, sender: LEG.CALLER });
    const waits = this.#dialogs.runEvent('failed', dialog, reply);
    if (state === STATE.EARLY) this.#dialogs.early--;
    this.#dialogs.count('failed_dialogs');
    this.#dialogs.ending.close(dialog, waits);
    if (!settings.waitsForAck) this.#dialogs.forget(dialog);
  }
}
