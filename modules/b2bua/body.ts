import { HDR, type SipMsg } from 'strowger';

export const SDP = 'application/sdp';

/** The message holds a session description. */
export function isSdp(msg: SipMsg): boolean {
  return msg.bodyStart < msg.buf.length && contentTypeOf(msg).toLowerCase().startsWith(SDP);
}

/** A body of ours is a session description. */
export function holdsSdp(body = '', contentType = SDP): boolean {
  return body !== '' && contentType.toLowerCase().startsWith(SDP);
}

/** Content-Type of a message's body; '' without one. */
export function contentTypeOf(msg: SipMsg): string {
  return msg.header(HDR.CONTENTTYPE) ?? '';
}
