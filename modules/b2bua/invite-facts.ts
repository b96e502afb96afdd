import { flatCopy, HDR, type SipMsg } from 'strowger';
import type { Target } from './dial.ts';

/** Hosts in the Via headers of a request. */
export function viaHosts(msg: SipMsg): string[] {
  const hosts: string[] = [];
  for (let row = msg.findHdr(HDR.VIA); row >= 0; row = msg.findHdr(HDR.VIA, row + 1))
    for (const [, host = ''] of msg.hdrValue(row).matchAll(/SIP\s*\/\s*2\.0\s*\/\s*\w+\s+(\[[^\]]*\]|[^\s:;,]+)/gi))
      hosts.push(flatCopy(host.replace(/^\[|\]$/g, '')));
  return hosts;
}

/** From and To of the caller's INVITE, without tags. */
export function fromOf(request: SipMsg): string {
  const { from } = request;
  if (from === null) return '<sip:anonymous@anonymous.invalid>';
  return from.display === '' ? `<${from.uriText}>` : `${from.display} <${from.uriText}>`;
}

export function toOf(request: SipMsg, target: Target): string {
  const { to } = request;
  if (to === null) return `<${target.uri}>`;
  return to.display === '' ? `<${to.uriText}>` : `${to.display} <${to.uriText}>`;
}

/**
 * Where a client is reached whatever its Contact says: over the connection it came on, or, when it asked for symmetric
 * replies (RFC 3581), at the address it came from. '' behind a proxy that stays in the way.
 */
export function flowOf(msg: SipMsg): string {
  const { proto, srcIp, srcPort } = msg.rcv;
  if (msg.findHdr(HDR.RECORDROUTE) >= 0) return '';
  const host = srcIp.includes(':') ? `[${srcIp}]` : srcIp;
  const names = ['', '', ';transport=tcp', ';transport=tls', '', ';transport=ws', ';transport=ws'];
  if (msg.rcv.conId !== 0) return `sip:${host}:${srcPort}${names[proto] ?? ''}`;
  return msg.via1?.param('rport') == null ? '' : `sip:${host}:${srcPort}`;
}
