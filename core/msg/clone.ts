import { SipMsg } from '../parser/sip-msg.ts';
import { LumpList } from './lumps.ts';

/**
 * A second message over the same text, with what the script has decided so far: a failure_route works on one, so that
 * its edits do not touch the transaction's request. Variables (AVPs …) are shared, as Kamailio shares them.
 */
export function cloneMsg(msg: SipMsg): SipMsg {
  const copy = new SipMsg(msg.buf, msg.rcv);
  copyState(msg, copy);
  copy.lumpList = msg.lumpList === null ? null : new LumpList([...msg.lumpList.items]);
  return copy;
}

/** Copies what the script has decided about a message to another that stands for it; edits excepted. */
export function copyState(from: SipMsg, to: SipMsg): void {
  to.newUri = from.newUri;
  to.dstUri = from.dstUri;
  to.pathVec = from.pathVec;
  to.forceSocket = from.forceSocket;
  to.branches = from.branches;
  to.ruriQ = from.ruriQ;
  to.flags = from.flags;
  to.xflags = from.xflags === null ? null : [...from.xflags];
  to.bflags = from.bflags;
  to.msgFlags = from.msgFlags;
  to.setGlobalAddress = from.setGlobalAddress;
  to.setGlobalPort = from.setGlobalPort;
  to.instance = from.instance;
  to.regId = from.regId;
  to.ruid = from.ruid;
  to.locationUa = from.locationUa;
  to.otcpid = from.otcpid;
  to.replyLumps = from.replyLumps === null ? null : [...from.replyLumps];
  to.replyBody = from.replyBody;
  to.vars = from.vars;
  to.transaction = from.transaction;
  to.extensions = from.extensions;
  to.notes = from.notes;
}
