import { METHOD, type Run, type ScriptRoute, type SipMsg } from 'strowger';
import { armedOf } from './armed.ts';
import { type EndListener, EndListeners, type TmCallback, type TmEvent } from './callbacks.ts';
import type { TmCore } from './core.ts';
import type { LocalRequest } from './local.ts';
import { errorReply } from './reasons.ts';
import type { Transaction } from './transaction.ts';

export type { EndListener, TmCallback, TmCallbackArgs, TmEvent } from './callbacks.ts';
export type { TmCore } from './core.ts';
export type { LocalRequest } from './local.ts';
export type { Transaction } from './transaction.ts';

/** What other modules use of tm: `ctx.api<TmApi>('tm')` (types only: `import type`). */
export interface TmApi {
  /** For tmx, which shows what is inside. */
  readonly core: TmCore;
  hasTransaction(msg: SipMsg): boolean;
  /** The transaction a request or reply belongs to; null when there is none. */
  transaction(msg: SipMsg): Transaction | null;
  /** By `$T(id_index)` and `$T(id_label)`. */
  byId(index: number, label: number): Transaction | null;
  /** The first of a call and CSeq number, of received requests and of own ones. */
  byCall(callId: string, cseq: number): Transaction | null;
  /** As t_newtran: 1 created, 0 a retransmission was absorbed (the script must end), < 0 not. */
  newTransaction(run: Run): number;
  /** As t_reply: 1 sent, -1 not. `extraHeaders` are whole rows. */
  reply(msg: SipMsg, code: number, reason: string, extraHeaders?: string, body?: string): number;
  /** Status and reason of a reply that says why t_relay failed for this message; null where it did not. */
  errorReply(msg: SipMsg, signature: string): readonly [code: number, reason: string] | null;
  /** The tag that replies made here carry; null without a transaction. */
  localTag(msg: SipMsg): string | null;
  /** As t_relay. */
  relay(run: Run): number | Promise<number>;
  /** Told of every transaction's event, until what it returns is called. */
  on(event: TmEvent, callback: TmCallback): () => void;
  /** Told of the events of this message's transaction, the present one or the one to come. */
  onTransaction(msg: SipMsg, event: TmEvent, callback: TmCallback): void;
  /** Told when a transaction is gone. Unlike a `destroy` callback this leaves it free to be on wait. */
  onEnd(t: Transaction, listener: EndListener): void;
  /** As t_on_failure, t_on_reply, t_on_branch: '' takes the route back. */
  arm(msg: SipMsg, kind: 'onFailure' | 'onReply' | 'onBranch' | 'onBranchFailure', route: string): void;
  /** Resets message flags (bits) of a transaction, for the routes to come too. */
  clearFlags(t: Transaction, bits: number): void;
  /** As t_set_fr, in ms; 0 leaves a timer as it is. */
  setTimers(msg: SipMsg, frMs: number, frInvMs: number): void;
  /** Sends a request of our own; null where there is no socket for it. */
  send(request: LocalRequest): Transaction | null;
  /** Sends the ACK of a 2xx, which has no transaction; false where there is no socket for it. */
  sendAck(request: LocalRequest): boolean;
  /** Begins a transaction for a request received, as `newTransaction` does for a run's. The caller knows there is none. */
  begin(msg: SipMsg): Transaction;
  /** The INVITE transaction that a CANCEL (or the ACK of a negative reply) belongs to; null when there is none. */
  inviteOf(msg: SipMsg): Transaction | null;
  /** The answered INVITE that the ACK of a 2xx belongs to: same call, CSeq and tags. */
  inviteOfAck(ack: SipMsg): Transaction | null;
  /** Cancels an INVITE: of ours, or as its caller would. False when it is over. `rows` are Reason headers. */
  cancel(t: Transaction, rows?: string): boolean;
  /** Keeps a request (or, in an onreply_route, a reply) open until `resume`; null when that can not be. */
  suspend(run: Run): Transaction | null;
  resume(t: Transaction, route: ScriptRoute): boolean;
  cancelSuspend(t: Transaction): boolean;
}

export function tmApi(core: TmCore): TmApi {
  return {
    core,
    hasTransaction: (msg) => core.of(msg) !== null,
    transaction: (msg) => core.of(msg),
    byId: (index, label) => core.table.bySlot(index, label),
    byCall: (callId, cseq) => byCall(core, callId, cseq),
    newTransaction: (run) => core.newTransaction(run),
    reply(msg, code, reason, extraHeaders = '', body = '') {
      const t = core.of(msg);
      return t !== null && core.replies.reply(t, code, reason, extraHeaders, body, msg.isRequest ? msg : t.request)
        ? 1
        : -1;
    },
    errorReply(msg, signature) {
      const error = core.of(msg)?.relayError ?? 0;
      return error === 0 ? null : errorReply(error, signature);
    },
    localTag: (msg) => core.of(msg)?.localTag() ?? null,
    relay: (run) => core.relay.relay(run),
    on: (event, callback) => core.callbacks.on(event, callback),
    onTransaction(msg, event, callback) {
      const t = core.of(msg);
      if (t !== null) return t.on(event, callback);
      const armed = armedOf(msg);
      armed.callbacks = [...(armed.callbacks ?? []), [event, callback]];
    },
    onEnd(t, listener) {
      t.endListener = t.endListener === null ? listener : new EndListeners(t.endListener, listener);
    },
    arm(msg, kind, route) {
      (core.of(msg) ?? armedOf(msg))[kind] = route;
    },
    clearFlags(t, bits) {
      t.request.flags &= ~bits;
      const { relayed } = t;
      if (relayed !== null) t.relayed = { ...relayed, flags: relayed.flags & ~bits };
    },
    setTimers: (msg, frMs, frInvMs) => core.setTimers(msg, frMs, frInvMs),
    send: (request) => core.local.send(request),
    sendAck: (request) => core.local.sendAlone(request),
    begin: (msg) => core.begin(msg, core.server.program),
    inviteOf: (msg) => core.table.find(msg, METHOD.INVITE),
    inviteOfAck: (ack) => core.replies.inviteOfAck(ack),
    cancel: (t, rows = '') => core.cancels.byServer(t, rows),
    suspend: (run) => core.suspensions.suspend(run),
    resume: (t, route) => core.suspensions.resume(t, route),
    cancelSuspend: (t) => core.suspensions.cancel(t),
  };
}

function byCall(core: TmCore, callId: string, cseq: number): Transaction | null {
  const invite = core.table.findInvite(callId, (t) => t.request.cseqNumber === cseq);
  if (invite !== null) return invite;
  for (const t of core.table.all()) if (t.request.callId === callId && t.request.cseqNumber === cseq) return t;
  return null;
}
