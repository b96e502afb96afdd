import { copyState, HDR, SipMsg as Message, type SipMsg } from 'strowger';

/** The request with From and To in each other's place: as the caller would have sent it. */
export function swapped(msg: SipMsg): SipMsg {
  let text = '';
  let at = 0;
  for (let row = 0; row < msg.hdrCount; row++) {
    const kind = msg.hdrKind(row);
    if (kind !== HDR.FROM && kind !== HDR.TO) continue;
    const start = msg.hdrStart(row);
    const colon = msg.buf.indexOf(':', start);
    text += `${msg.buf.slice(at, start)}${kind === HDR.FROM ? 'To' : 'From'}`;
    at = colon;
  }
  const copy = new Message(text + msg.buf.slice(at), msg.rcv);
  if (copy.error !== null) return msg;
  copyState(msg, copy);
  return copy;
}
