import { cloneMsg, LumpList, MSG_FLAG, type SipMsg, type SocketInfo } from 'strowger';

/** What the script had decided about a request at some moment: a failure route starts from it, whatever came later. */
export interface MsgState {
  readonly newUri: string | null;
  readonly dstUri: string;
  readonly pathVec: string;
  readonly forceSocket: SocketInfo | null;
  readonly flags: number;
  readonly xflags: readonly number[] | null;
  readonly bflags: number;
  readonly msgFlags: number;
  readonly lumps: LumpList | null;
  readonly instance: string;
  readonly ruid: string;
  readonly regId: number;
}

export function stateOf(msg: SipMsg): MsgState {
  return {
    newUri: msg.newUri,
    dstUri: msg.dstUri,
    pathVec: msg.pathVec,
    forceSocket: msg.forceSocket,
    flags: msg.flags,
    xflags: msg.xflags === null ? null : [...msg.xflags],
    bflags: msg.bflags,
    msgFlags: msg.msgFlags,
    lumps: msg.lumpList === null ? null : new LumpList([...msg.lumpList.items]),
    instance: msg.instance,
    ruid: msg.ruid,
    regId: msg.regId,
  };
}

/**
 * A message that stands for the request in a route run later: what it edits is its own, variables are shared. Its
 * Request-URI counts as used, so that only what the route chooses becomes a branch.
 */
export function fakedMsg(request: SipMsg, state: MsgState | null): SipMsg {
  const msg = cloneMsg(request);
  if (state !== null) {
    msg.newUri = state.newUri;
    msg.dstUri = state.dstUri;
    msg.pathVec = state.pathVec;
    msg.forceSocket = state.forceSocket;
    msg.flags = state.flags;
    msg.xflags = state.xflags === null ? null : [...state.xflags];
    msg.bflags = state.bflags;
    msg.msgFlags = state.msgFlags;
    msg.lumpList = state.lumps === null ? null : new LumpList([...state.lumps.items]);
    msg.instance = state.instance;
    msg.ruid = state.ruid;
    msg.regId = state.regId;
  }
  msg.branches = null;
  msg.replyLumps = null;
  msg.replyBody = '';
  msg.msgFlags |= MSG_FLAG.FAKED;
  msg.isRuriNew = false;
  return msg;
}
