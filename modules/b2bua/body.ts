import { HDR, type SipMsg } from 'strowger';

export const SDP = 'application/sdp';

/** The body is a session description. */
export function isSdp(msg: SipMsg): boolean {
  return contentTypeOf(msg).toLowerCase().startsWith(SDP);
}

/** Content-Type of a message's body; '' without one. */
export function contentTypeOf(msg: SipMsg): string {
  return msg.header(HDR.CONTENTTYPE) ?? '';
}
