import { PROTO, type PvValue, parseUri, type SipUri, URI_SCHEME } from 'strowger';

/** What can be read of a URI by variables such as $rU, $dd, $oP, $nh(p). A missing part is null; ports and protocols have defaults. */
export const URI_ATTRIBUTES = {
  user: (uri: SipUri): PvValue => (uri.scheme === URI_SCHEME.URN ? urnNamespace(uri) : uri.user) || null,
  userLength: (uri: SipUri): PvValue => uri.user.length,
  host: (uri: SipUri): PvValue => (uri.scheme === URI_SCHEME.URN ? urnSpecific(uri) : uri.host) || null,
  /** Text, as in Kamailio: `$rp` is "5060" where no port is written and the transport is not TLS. */
  port: (uri: SipUri): PvValue => (uri.port !== 0 ? String(uri.port) : uri.transport === PROTO.TLS ? '5061' : '5060'),
  transport: (uri: SipUri): PvValue => uri.param('transport') || 'UDP',
} as const;

export type UriAttribute = (typeof URI_ATTRIBUTES)[keyof typeof URI_ATTRIBUTES];

/** The attribute of a URI in text; null for '' and for what is no URI. */
export function attributeOf(text: string, attribute: UriAttribute): PvValue {
  const uri = text === '' ? null : parseUri(text);
  return uri === null ? null : attribute(uri);
}

/** Namespace identifier of a URN (RFC 8141): `service` of `urn:service:sos`. */
export function urnNamespace(uri: SipUri): string {
  const rest = urnRest(uri);
  const colon = rest.indexOf(':');
  return colon < 0 ? rest : rest.slice(0, colon);
}

/** Namespace specific string of a URN: `sos` of `urn:service:sos`. */
export function urnSpecific(uri: SipUri): string {
  const rest = urnRest(uri);
  const colon = rest.indexOf(':');
  return colon < 0 ? '' : rest.slice(colon + 1);
}

function urnRest(uri: SipUri): string {
  return uri.text.slice(uri.schemeText.length + 1);
}
