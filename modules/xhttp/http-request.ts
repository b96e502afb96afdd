import { HDR, hostPort, MSG_FLAG, PROTO_VIA, SipMsg } from 'strowger';

/**
 * The HTTP request as scripts see it: with a Via on top that leads back to where it came from, so that everything that
 * answers SIP requests can answer it. A Via of its own, HTTP's, becomes `Hia`, as in Kamailio.
 */
export function asSip(msg: SipMsg): SipMsg {
  const { buf, firstLineEnd, rcv } = msg;
  let rest = '';
  let from = firstLineEnd;
  for (let row = msg.findHdr(HDR.VIA); row >= 0; row = msg.findHdr(HDR.VIA, row + 1)) {
    const at = msg.hdrStart(row);
    rest += `${buf.slice(from, at)}H`;
    from = at + 1;
  }
  const via = `Via: SIP/2.0/${PROTO_VIA[rcv.proto]} ${hostPort(rcv.srcIp, rcv.srcPort)}\r\n`;
  const fake = new SipMsg(buf.slice(0, firstLineEnd) + via + rest + buf.slice(from), rcv);
  fake.transaction = null;
  if (isLast(msg)) fake.msgFlags |= MSG_FLAG.REPLY_CLOSE;
  return fake;
}

/** The URL of the request line. */
export function urlOf(msg: SipMsg): string {
  return msg.originalUri;
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

/** `/path` of `/path?query`. */
export function pathOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? url : url.slice(0, at);
}

/** `query` of `/path?query`; empty where there is none. */
export function queryOf(url: string): string {
  const at = url.indexOf('?');
  return at < 0 ? '' : url.slice(at + 1);
}
