import { flatCopy, HDR, type SipMsg } from 'strowger';
import type { Call } from './call.ts';
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

const MAX_FORWARDS = 70;

/** How often a request may still be forwarded (RFC 3261 §8.1.1.6). */
export function hopsLeft(request: SipMsg): number {
  const hops = Number.parseInt(request.header(HDR.MAXFORWARDS) ?? '', 10);
  return Number.isNaN(hops) ? MAX_FORWARDS : hops;
}

/** Rows of one side's INVITE that go on to the other, with what is negotiated anew. */
export function inviteRows(call: Call, request: SipMsg): string {
  const rows = call.settings.supportedRows(request, call.options.rel100);
  return `Max-Forwards: ${Math.max(0, hopsLeft(request) - 1)}\r\n${rows}${call.options.policy.rows(request)}`;
}
