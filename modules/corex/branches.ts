import { flatCopy, parseUri, type Run, type SipMsg } from 'strowger';

/** Thousandths of a q-value `0.5`; null for anything else (RFC 3261 §25.1). */
function parseQ(text: string): number | null {
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Math.round(Number(text) * 1000) : null;
}

/** What was set for the Request-URI belongs to the branch made of it: the Request-URI itself begins anew. */
function moveAway(msg: SipMsg): void {
  msg.dstUri = '';
  msg.pathVec = '';
  msg.bflags = 0;
  msg.forceSocket = null;
  msg.ruriQ = -1;
  msg.instance = '';
  msg.regId = 0;
  msg.ruid = '';
  msg.locationUa = '';
  msg.otcpid = 0;
}

/**
 * `append_branch([uri [, q]])`: a branch for the URI, with the destination, path, flags and socket set for the Request-URI;
 * without a URI the Request-URI and all that is set for it becomes the branch.
 * -1 for a bad URI or q, or when there are `max_branches` already.
 */
export function appendBranch(run: Run, _state: unknown, uri?: string, q?: string): number {
  const { msg, server } = run;
  const priority = q === undefined || q === '' ? null : parseQ(q);
  if (q !== undefined && q !== '' && priority === null) {
    server.log.error('append_branch: bad q value', { q });
    return -1;
  }
  // The Request-URI is a branch too.
  if ((msg.branches?.length ?? 0) >= server.settings.int('max_branches') - 1) {
    server.log.error('append_branch: too many branches', { callId: msg.callId });
    return -1;
  }
  const isOwn = uri === undefined || uri === '';
  if (!isOwn && parseUri(uri) === null) {
    server.log.error('append_branch: bad URI', { uri });
    return -1;
  }
  const branch = msg.appendBranch(flatCopy(isOwn ? msg.uri : uri));
  branch.q = priority ?? -1;
  branch.dstUri = msg.dstUri;
  branch.path = msg.pathVec;
  branch.flags = msg.bflags;
  branch.socket = msg.forceSocket;
  if (isOwn) {
    branch.q = priority ?? msg.ruriQ;
    branch.instance = msg.instance;
    branch.regId = msg.regId;
    branch.ruid = msg.ruid;
    branch.userAgent = msg.locationUa;
    branch.otcpid = msg.otcpid;
    moveAway(msg);
  }
  return 1;
}
