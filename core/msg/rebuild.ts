import { MSG_FLAG } from '../parser/msg-flag.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { Run } from '../script/run.ts';
import type { SendContext } from './lumps.ts';
import { assemble } from './msg-translator.ts';

/**
 * The message as it stands: first line with the present Request-URI, edits made, Content-Length right. No Via of ours
 * and no `received` is added. Insertions that wait for the outgoing socket are made for the one it came in on.
 */
export function currentText(msg: SipMsg): string {
  const ctx: SendContext = { outgoing: msg.rcv.socket, incoming: msg.rcv.socket, branchLumps: null };
  const lumps = msg.lumpList === null ? [] : msg.lumpList.items;
  if (!msg.isRequest) return assemble(msg, 0, lumps, ctx, false);
  const line = msg.buf.slice(0, msg.uriStart) + msg.uri + msg.buf.slice(msg.uriEnd, msg.firstLineEnd);
  return line + assemble(msg, msg.firstLineEnd, lumps, ctx, false);
}

/**
 * Makes the edits part of the message (`msg_apply_changes`). The message object stays, so a transaction that holds it
 * sees the new text; the script's decisions (destination, branches, flags, variables, transaction) are kept. False when
 * the edits left something that is no SIP message, and after record_route, whose rows depend on the socket that the message
 * leaves by: nothing is changed then.
 */
export function applyChanges(run: Run): boolean {
  const { msg } = run;
  if ((msg.msgFlags & MSG_FLAG.RR_ADDED) !== 0) {
    run.server.log.error('changes can not be applied after a Record-Route was added', { callId: msg.callId });
    return false;
  }
  if (msg.lumpList === null && msg.newUri === null) return true;
  return msg.replaceText(currentText(msg));
}
