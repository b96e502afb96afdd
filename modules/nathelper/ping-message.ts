import { type NameAddr, PROTO, parseNameAddr, parseUri, type SipMsg, URI_SCHEME } from 'strowger';
import type { Ucontact } from '../usrloc/api.ts';

/** Zero bytes of a UDP ping: nothing answers them. */
export const UDP_PING = '\0\0\0\0';

/** What makes a SIP ping beside the contact. */
interface SipPing {
  readonly method: string;
  /** From URI. */
  readonly from: string;
  /** Host and port of the socket it leaves from. */
  readonly sentBy: string;
  readonly host: string;
  readonly branch: string;
  readonly callId: string;
  /** Stands behind the contact's ruid in the From tag: when it was sent. */
  readonly stamp: string;
}

/** The request that pings a contact; its From tag names the contact, so that an answer finds it. */
export function sipPing(contact: Pick<Ucontact, 'contact' | 'path' | 'ruid'>, ping: SipPing): string {
  const route = contact.path === '' ? '' : `Route: ${contact.path}\r\n`;
  return (
    `${ping.method} ${contact.contact} SIP/2.0\r\nVia: SIP/2.0/UDP ${ping.sentBy};branch=z9hG4bK${ping.branch}\r\n` +
    `Max-Forwards: 70\r\n${route}From: <${ping.from}>;tag=${contact.ruid}-${ping.stamp}\r\nTo: <${contact.contact}>\r\n` +
    `Call-ID: ${ping.callId}@${ping.host}\r\nCSeq: 1 ${ping.method}\r\nContent-Length: 0\r\n\r\n`
  );
}

/** What an answer says of its ping. */
export interface Answered {
  readonly ruid: string;
  readonly stamp: string;
}

/** Which ping a reply answers, by its From tag; null where the tag is none of ours. */
export function answeredPing(reply: SipMsg): Answered | null {
  const tag = reply.fromTag;
  const dash = tag.lastIndexOf('-');
  return dash < 1 ? null : { ruid: tag.slice(0, dash), stamp: tag.slice(dash + 1) };
}

/** The URI that a ping is sent to: the first of Path for SIP pings, else where the contact came from. '' for none over UDP. */
export function pingTarget(contact: Pick<Ucontact, 'contact' | 'received' | 'path'>, alongPath: boolean): string {
  const text = alongPath && contact.path !== '' ? firstOf(contact.path) : contact.received || contact.contact;
  const uri = parseUri(text);
  if (uri === null || uri.scheme !== URI_SCHEME.SIP) return '';
  return uri.transport === PROTO.NONE || uri.transport === PROTO.UDP ? text : '';
}

function firstOf(path: string): string {
  const first: NameAddr | null = parseNameAddr(path, 0, path.indexOf(',') < 0 ? path.length : path.indexOf(','));
  return first?.uriText ?? '';
}
