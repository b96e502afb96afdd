import { HookList, type Log, type RpcStruct, type SipMsg } from 'strowger';
import type { Dialog, Leg } from './dialog.ts';

/**
 * What other modules may be told of dialogs (Kamailio's DLGCB_*):
 * - `created`: by an INVITE; `loaded`: from the database; `spiraled`: the INVITE came by again;
 * - `reply`: a reply to the INVITE was passed on; `early`: it rings; `answered`: a 2xx, whose ACK is to come; `confirmed`:
 *   the ACK came; `failed`: a negative reply;
 * - `request`: a further request within it, but ACK and BYE; `replyWithin`: a reply to such a one;
 * - `timeout`: its time is over; what comes of it is told by one of the next;
 * - `terminated`: a BYE came, or is sent by us; `terminatedConfirmed`: a BYE was answered; `expired`: its time is over and
 *   nobody is told;
 * - `rpcContext`: RPC shows it with what modules add; `destroyed`: it is forgotten.
 */
export type DialogEvent =
  | 'created'
  | 'loaded'
  | 'spiraled'
  | 'reply'
  | 'early'
  | 'answered'
  | 'confirmed'
  | 'failed'
  | 'request'
  | 'replyWithin'
  | 'timeout'
  | 'terminated'
  | 'terminatedConfirmed'
  | 'expired'
  | 'rpcContext'
  | 'destroyed';

export interface DialogEventArgs {
  readonly dialog: Dialog;
  /** The request it is about, or whose reply it is; null where there is none. */
  readonly request: SipMsg | null;
  /** Null also where a reply was made here. */
  readonly reply: SipMsg | null;
  /** Status of the reply, 0 where it is about none. */
  readonly code: number;
  /** Who sent the request; null where it is about none. */
  readonly sender: Leg | null;
  /** Of `rpcContext`: what a module has to show is added here. */
  readonly context: RpcStruct | null;
}
export type DialogCallback = (args: DialogEventArgs) => void;

/** Listeners by event. */
export class DialogEvents {
  readonly #log: Log;
  readonly #lists = new Map<DialogEvent, HookList<[DialogEventArgs], void>>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Returns what takes it back. */
  on(event: DialogEvent, callback: DialogCallback): () => void {
    let list = this.#lists.get(event);
    if (list === undefined) this.#lists.set(event, (list = new HookList()));
    return list.add((args) => {
      try {
        callback(args);
      } catch (error) {
        this.#log.error(`a callback for dialogs (${event}) failed`, { err: error, callId: args.dialog.callId });
      }
    });
  }

  emit(event: DialogEvent, dialog: Dialog, facts: Partial<Omit<DialogEventArgs, 'dialog'>> = NOTHING): void {
    const list = this.#lists.get(event);
    if (list === undefined || list.isEmpty) return;
    const { request = null, reply = null, code = 0, sender = null, context = null } = facts;
    list.run({ dialog, request, reply, code, sender, context });
  }
}

const NOTHING = {};
