import { HDR, parseContacts, parseUri, type Run, type SipMsg, type SipUri } from 'strowger';
import { isAllowed, type RulePair } from './rule-files.ts';

/** allow_routing(): (From URI, Request-URI) for the request and each branch. */
export function allowRouting({ msg }: Run, rules: RulePair, hasBranches: boolean): boolean {
  if (rules.allow.length === 0 && rules.deny.length === 0) return true;
  const from = msg.from?.uriText;
  const uris = [msg.ruri];
  if (hasBranches) for (const branch of msg.branches ?? []) uris.push(parseUri(branch.uri));
  const plain = uris.flatMap((uri) => (uri === null ? [] : [`sip:${uri.user}@${uri.host}`]));
  if (from === undefined || plain.length < uris.length) return false;
  return isAllowed(
    rules,
    plain.map((uri) => [from, uri] as const),
  );
}

/** allow_register(): (To URI, Contact) for each contact. Without contacts there is nothing to deny. */
export function allowRegister({ msg }: Run, rules: RulePair): boolean {
  if (rules.allow.length === 0 && rules.deny.length === 0) return true;
  const to = msg.to?.uriText;
  const contacts = plainContacts(msg);
  if (to === undefined || contacts === null) return false;
  return (
    contacts.length === 0 ||
    isAllowed(
      rules,
      contacts.map((contact) => [to, contact] as const),
    )
  );
}

/** allow_uri(): (From URI, a URI of the script's). */
export function allowUri({ msg }: Run, rules: RulePair, uri: string): boolean {
  const from = msg.from?.uriText;
  return from !== undefined && isAllowed(rules, [[from, uri]]);
}

/** Without ports and parameters; none for `*`; null when one can not be read. */
function plainContacts(msg: SipMsg): string[] | null {
  if (msg.findHdr(HDR.CONTACT) < 0) return [];
  const { isStar, values, errorAt } = parseContacts(msg);
  if (errorAt >= 0) return null;
  if (isStar) return [];
  const plain = values.flatMap(({ uri }) => (uri === null ? [] : [plainUri(uri)]));
  return plain.length < values.length || plain.length === 0 ? null : plain;
}

function plainUri({ user, host }: SipUri): string {
  return user === '' ? `sip:${host}` : `sip:${user}@${host}`;
}
