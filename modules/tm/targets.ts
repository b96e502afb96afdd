import type { Branch, SipMsg, SocketInfo } from 'strowger';

/** One target of a t_relay, before it has an address. */
export interface Target {
  readonly uri: string;
  readonly dstUri: string;
  readonly path: string;
  /** Thousandths; -1 unspecified. */
  readonly q: number;
  /** Branch flags. */
  readonly flags: number;
  readonly socket: SocketInfo | null;
  readonly instance: string;
  readonly ruid: string;
  readonly regId: number;
  readonly userAgent: string;
}

/**
 * The destination set of a message: its Request-URI, unless it has been used as a branch already, then its branches in
 * the order they were added. A target that is there twice counts once (RFC 3261 §16.5).
 */
export function targetsOf(msg: SipMsg): readonly Target[] {
  const { branches } = msg;
  if (branches === null) return msg.isRuriNew ? [ruriTarget(msg)] : NONE;
  const targets: Target[] = msg.isRuriNew ? [ruriTarget(msg)] : [];
  for (const branch of branches) {
    if (!targets.some((other) => isSame(other, branch))) targets.push(branch);
  }
  return targets;
}

/** The Request-URI with what belongs to it. */
export function ruriTarget(msg: SipMsg): Target {
  return {
    uri: msg.uri,
    dstUri: msg.dstUri,
    path: msg.pathVec,
    q: msg.ruriQ,
    flags: msg.bflags,
    socket: msg.forceSocket,
    instance: msg.instance,
    ruid: msg.ruid,
    regId: msg.regId,
    userAgent: msg.locationUa,
  };
}

/** Makes a target the Request-URI of a message. */
export function useAsRuri(msg: SipMsg, target: Target): void {
  msg.newUri = target.uri;
  msg.dstUri = target.dstUri;
  msg.pathVec = target.path;
  msg.ruriQ = target.q;
  msg.bflags = target.flags;
  msg.forceSocket = target.socket;
  msg.instance = target.instance;
  msg.ruid = target.ruid;
  msg.regId = target.regId;
  msg.locationUa = target.userAgent;
}

/** Adds a target as a further branch. */
export function addBranch(msg: SipMsg, target: Target): void {
  const branch: Branch = msg.appendBranch(target.uri);
  branch.dstUri = target.dstUri;
  branch.path = target.path;
  branch.q = target.q;
  branch.flags = target.flags;
  branch.socket = target.socket;
  branch.instance = target.instance;
  branch.ruid = target.ruid;
  branch.regId = target.regId;
  branch.userAgent = target.userAgent;
}

const NONE: readonly Target[] = [];

function isSame(a: Target, b: Branch): boolean {
  return (
    a.uri === b.uri &&
    a.dstUri === b.dstUri &&
    a.path === b.path &&
    a.socket === b.socket &&
    a.instance === b.instance &&
    a.regId === b.regId
  );
}
