import type { NameAddr } from '../parser/name-addr.ts';
import type { SipMsg } from '../parser/sip-msg.ts';

const REWRITTEN: object = { name: 'rewritten-contacts' };

/** Rewritten URIs by where the received one begins; they hold for one text of the message. */
interface Rewritten {
  readonly buf: string;
  readonly uris: Map<number, string>;
}

function rewritten(msg: SipMsg): Rewritten | undefined {
  const known = msg.extension<Rewritten>(REWRITTEN);
  return known?.buf === msg.buf ? known : undefined;
}

/**
 * Notes the URI that a contact of this message has from now on, which the text of the message does not show yet
 * (nathelper's fix_nated_contact, set_contact_alias). The edit is made by the caller.
 */
export function noteContactUri(msg: SipMsg, contact: NameAddr, uri: string): void {
  let known = rewritten(msg);
  if (known === undefined) msg.setExtension(REWRITTEN, (known = { buf: msg.buf, uris: new Map() }));
  known.uris.set(contact.uriStart, uri);
}

/** The URI of a contact: the rewritten one where there is one, else as received. What registers or remembers contacts uses this. */
export function contactUri(msg: SipMsg, contact: NameAddr): string {
  return rewritten(msg)?.uris.get(contact.uriStart) ?? contact.uriText;
}

/** True where the contact has been rewritten. */
export function isContactRewritten(msg: SipMsg, contact: NameAddr): boolean {
  return rewritten(msg)?.uris.has(contact.uriStart) === true;
}
