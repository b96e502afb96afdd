import { parseUri, type SipUri, URI_SCHEME, unescapePercent } from 'strowger';
import { REG_ERROR, type RegError } from './errors.ts';

/** How addresses of record are written as keys of the location table. */
export interface AorRules {
  /** usrloc's `use_domain` */
  readonly useDomain: boolean;
  readonly isCaseSensitive: boolean;
  readonly realmPrefix: string;
}

/** Longest key of the location table (its columns `username` and `domain` hold 64 and 190). */
const MAX_AOR_LENGTH = 256;

/**
 * Key of an address of record (RFC 3261 §10.3 step 5): the user without escapes, with the domain where `useDomain` asks for
 * it; letters small unless `isCaseSensitive` (the domain's always).
 */
export function aorOf(uri: SipUri | null, rules: AorRules): string | RegError {
  if (uri === null) return REG_ERROR.aorParse;
  const user = uri.user.includes('%') ? unescapePercent(uri.user) : uri.user;
  let aor = rules.isCaseSensitive ? user : lower(user);
  if (rules.useDomain) {
    const domain = domainOf(uri, rules.realmPrefix);
    aor = user === '' ? domain : `${aor}@${domain}`;
  }
  if (aor === '') return REG_ERROR.noUser;
  return aor.length > MAX_AOR_LENGTH ? REG_ERROR.aorLength : aor;
}

/** The URI's host in small letters, without `realm_prefix`. */
function domainOf(uri: SipUri, prefix: string): string {
  const host = lower(uri.host);
  return prefix !== '' && host.length > prefix.length && host.startsWith(prefix) ? host.slice(prefix.length) : host;
}

/** Letters of ASCII only: other bytes have no case here. */
function lower(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 65 && c <= 90) return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
  return text;
}

/** What a URI asks for beside its AOR (RFC 5627 §3.4, §5.5). */
type GruuTarget =
  | { readonly kind: 'none' }
  /** `gr=` names the instance, without its angle brackets. */
  | { readonly kind: 'public'; readonly instance: string }
  | { readonly kind: 'temporary'; readonly ruid: string }
  | { readonly kind: 'invalid' };

const NO_GRUU: GruuTarget = { kind: 'none' };
const BAD_GRUU: GruuTarget = { kind: 'invalid' };

/** Tells a GRUU from an AOR. */
export function gruuOf(uri: SipUri): GruuTarget {
  if (uri.params === '' || (uri.scheme !== URI_SCHEME.SIP && uri.scheme !== URI_SCHEME.SIPS)) return NO_GRUU;
  const gr = uri.param('gr');
  if (gr === null) return NO_GRUU;
  if (gr !== '') return { kind: 'public', instance: gr.includes('%') ? unescapePercent(gr) : gr };
  // The user is the ruid, a dash and the hash of the AOR.
  const dash = uri.user.lastIndexOf('-');
  return dash < 1 || !/^[0-9a-f]{1,8}$/.test(uri.user.slice(dash + 1))
    ? BAD_GRUU
    : { kind: 'temporary', ruid: uri.user.slice(0, dash) };
}

/** True where a contact is a GRUU of the AOR it is to be bound to: a loop (RFC 5627 §5.1). */
export function isOwnGruu(contact: string, aor: string, rules: AorRules): boolean {
  if (!contact.includes(';gr')) return false;
  const uri = parseUri(contact);
  return uri !== null && uri.param('gr') !== null && aorOf(uri, rules) === aor;
}
