import { flatCopy, HDR, nameAddrs, parseUri, type SipMsg } from 'strowger';
import type { Target } from './dial.ts';

/** More Contacts than this in one 3xx are not followed. */
const MAX_CONTACTS = 10;

/** Where a 3xx says that somebody is (RFC 3261 §8.1.3.4), the likeliest first; without those that were called already. */
export function redirectTargets(reply: SipMsg, tried: ReadonlySet<string>): Target[] {
  const found: { readonly uri: string; readonly q: number }[] = [];
  for (const contact of nameAddrs(reply, HDR.CONTACT)) {
    if (contact === null || found.length >= MAX_CONTACTS) continue;
    const uri = flatCopy(contact.uriText);
    const parsed = parseUri(uri);
    if (parsed === null || parsed.host === '' || tried.has(uri) || found.some((each) => each.uri === uri)) continue;
    const q = Number.parseFloat(contact.param('q') ?? '1');
    found.push({ uri, q: Number.isNaN(q) ? 1 : q });
  }
  return found.sort((a, b) => b.q - a.q).map(({ uri }) => ({ uri, nextHop: '', socket: null }));
}

/** Contact rows of a 3xx that passes to the caller. */
export function contactRows(reply: SipMsg): string {
  let rows = '';
  for (let row = reply.findHdr(HDR.CONTACT); row >= 0; row = reply.findHdr(HDR.CONTACT, row + 1))
    rows += `Contact: ${reply.hdrValue(row)}\r\n`;
  return rows;
}
