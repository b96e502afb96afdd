import { HDR } from '../parser/hf.ts';
import { MSG_FLAG } from '../parser/msg-flag.ts';
import { SipMsg } from '../parser/sip-msg.ts';
import { hostPort } from '../transport/ip-address.ts';
import { PROTO_VIA } from '../transport/socket-info.ts';

/**
 * An HTTP request as scripts see it: with a Via on top that leads back to where it came from, so that everything that
 * answers SIP requests can answer it. A Via of its own, HTTP's, becomes `Hia`, as in Kamailio. `uri` replaces the URL.
 */
export function httpAsSip(msg: SipMsg, uri = msg.originalUri): SipMsg {
  const { buf, firstLineEnd, rcv, uriStart, uriEnd } = msg;
  let rest = '';
  let from = firstLineEnd;
  for (let row = msg.findHdr(HDR.VIA); row >= 0; row = msg.findHdr(HDR.VIA, row + 1)) {
    const at = msg.hdrStart(row);
    rest += `${buf.slice(from, at)}H`;
    from = at + 1;
  }
  const line = buf.slice(0, uriStart) + uri + buf.slice(uriEnd, firstLineEnd);
  const via = `Via: SIP/2.0/${PROTO_VIA[rcv.proto]} ${hostPort(rcv.srcIp, rcv.srcPort)}\r\n`;
  const fake = new SipMsg(line + via + rest + buf.slice(from), rcv);
  fake.transaction = null;
  if (isLast(msg)) fake.msgFlags |= MSG_FLAG.REPLY_CLOSE;
  return fake;
}

/** True where the connection ends with the answer (RFC 9112 §9.3). */
function isLast(msg: SipMsg): boolean {
  const row = msg.findHdrByName('Connection');
  const options =
    row < 0
      ? []
      : msg
          .hdrValue(row)
          .toLowerCase()
          .split(/[ \t]*,[ \t]*/, 16);
  if (options.includes('close')) return true;
  return msg.version === 'HTTP/1.0' && !options.includes('keep-alive');
}
