import { coreHash, formatQ, type SipUri } from 'strowger';
import type { Ucontact } from '../usrloc/api.ts';

/** How contacts are listed in a reply. */
export interface ListingRules {
  readonly nowSec: number;
  /** `received_param`; '' leaves it out. */
  readonly receivedParam: string;
  /** The URI of the AOR where GRUUs are asked for (RFC 5627 §5.3), else null. Called where a contact has an instance. */
  readonly gruuBase: () => SipUri | null;
  /** Expired ones too (use_expired_contacts). */
  readonly withExpired: boolean;
}

/** Listing ends here, in characters: no transport carries more. */
const MAX_LISTING = 60_000;
/** Seconds told of a contact that never expires. */
const PERMANENT_SEC = 3600;

/** The Contact row of a reply, with line end; '' where there is no contact. */
export function contactRow(contacts: readonly Ucontact[], rules: ListingRules): string {
  let row = '';
  let base: { readonly uri: SipUri | null } | null = null;
  for (let i = 0; i < contacts.length; i++) {
    const contact = contacts[i] as Ucontact;
    if (!contact.isValid(rules.nowSec) && !rules.withExpired) continue;
    if (row.length > MAX_LISTING) break;
    row += `${row === '' ? 'Contact: <' : ', <'}${contact.contact}>`;
    if (contact.q >= 0) row += `;q=${formatQ(contact.q)}`;
    row += `;expires=${secondsLeft(contact, rules.nowSec)}`;
    if (contact.received !== '' && rules.receivedParam !== '') row += `;${rules.receivedParam}="${contact.received}"`;
    if (contact.instance !== '') row += instanceParams(contact, (base ??= { uri: rules.gruuBase() }).uri);
  }
  return row === '' ? '' : `${row}\r\n`;
}

/** Seconds a contact has left, never below 0. */
export function secondsLeft(contact: Ucontact, nowSec: number): number {
  if (contact.expires === 0) return PERMANENT_SEC;
  return contact.expires > nowSec ? contact.expires - nowSec : 0;
}

/** GRUUs, instance and reg-id (RFC 5627 §5.3, RFC 5626 §6). */
function instanceParams(contact: Ucontact, base: SipUri | null): string {
  let params = '';
  if (base !== null) {
    const { user, host, schemeText: scheme } = base;
    const hash = coreHash(contact.aor).toString(16);
    params =
      `;pub-gruu="${scheme}:${user}@${host};gr=${bareInstance(contact.instance)}"` +
      `;temp-gruu="${scheme}:${contact.ruid}-${hash}@${host};gr"`;
  }
  params += `;+sip.instance="${contact.instance}"`;
  return contact.regId > 0 ? `${params};reg-id=${contact.regId}` : params;
}

/** An instance without its angle brackets. */
export function bareInstance(instance: string): string {
  return instance.startsWith('<') && instance.endsWith('>') ? instance.slice(1, -1) : instance;
}
