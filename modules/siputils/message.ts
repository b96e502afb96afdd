/** Questions about the message: is_request, is_first_hop, is_user, is_supported, hdr_date_check. */

import {
  firstNameAddr,
  HDR,
  hasToken,
  ipFamily,
  parseSipDate,
  type Run,
  VERIFIED_CREDENTIALS,
  type VerifiedCredentials,
  viaCount,
} from 'strowger';

export const hasTotag = (run: Run): number => (run.msg.toTag === '' ? -1 : 1);
export const isRequest = (run: Run): number => (run.msg.isRequest ? 1 : -1);
export const isReply = (run: Run): number => (run.msg.isRequest ? -1 : 1);

/** sip_parse_headers: the headers that every message has (RFC 3261 §8.1.1) can be read. */
export function parseHeaders({ msg }: Run): number {
  const isRead = msg.via1 !== null && msg.from !== null && msg.to !== null && msg.callId !== null;
  return isRead && msg.cseqNumber >= 0 ? 1 : -1;
}

/** is_user: the credentials that an authentication module has accepted. */
export function isUser(run: Run, username: string): number {
  const verified = run.msg.extension<VerifiedCredentials>(VERIFIED_CREDENTIALS);
  if (verified === undefined) return -1;
  return verified.username === username ? 1 : -1;
}

/** Option tags that Kamailio knows; others are compared by name all the same. */
export function isSupported(run: Run, option: string): number {
  return hasToken(run.msg, HDR.SUPPORTED, option.trim().toLowerCase()) ? 1 : -1;
}

/**
 * is_first_hop: a request with one Via; a reply whose top Record-Route is ours and which does not come from ourselves.
 * With mode 1 that last is not looked at, and a name in Record-Route will do.
 */
export function isFirstHop(run: Run, mode: number): number {
  const { msg, server } = run;
  if (msg.isRequest) return viaCount(msg) === 1 ? 1 : -1;
  const uri = firstNameAddr(msg, HDR.RECORDROUTE)?.uri ?? null;
  if (uri === null || !server.isMyself(uri.host, uri.port || 5060, uri.transport)) return -1;
  if (mode === 1) return 1;
  if (ipFamily(uri.bareHost) === 0) return -1;
  return server.isMyself(msg.rcv.srcIp, msg.rcv.srcPort, msg.rcv.proto) ? -1 : 1;
}

/** hdr_date_check: -1 no Date or not one, -4 older than allowed. */
export function hdrDateCheck(run: Run, diffSec: number): number {
  const value = run.msg.header(HDR.DATE);
  const date = value === null ? null : parseSipDate(value);
  if (date === null) return -1;
  return Math.floor(run.server.clock.wall() / 1000) > date + diffSec ? -4 : 1;
}
