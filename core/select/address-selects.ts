import type { NameAddr } from '../parser/name-addr.ts';
import { parseUri, type SipUri, URI_SCHEME } from '../parser/uri.ts';
import { isLeaf, noSuchPart, paramName, type Reader, type SelectPart } from './select.ts';

const URI_PARTS: ReadonlyMap<string, Reader<SipUri>> = new Map<string, Reader<SipUri>>([
  ['type', uriType],
  // RFC 3966 §3: visual separators are no part of a number.
  ['user', (uri) => (uri.host === '' ? uri.user.replace(/[-.()]/g, '') : uri.user)],
  ['rn_user', (uri) => uri.user],
  ['pwd', (uri) => uri.password],
  ['host', (uri) => uri.host],
  ['port', (uri) => (uri.port === 0 ? '' : String(uri.port))],
  ['hostport', (uri) => `${uri.host}:${uri.port || (uri.scheme === URI_SCHEME.SIPS ? 5061 : 5060)}`],
  ['params', (uri) => uri.params],
  ['transport', (uri) => uri.param('transport') ?? (uri.scheme === URI_SCHEME.SIPS ? 'tls' : 'udp')],
]);

/** A SIP URI with user=phone counts as a tel URI, as everywhere in Kamailio while `phone2tel` has its default. */
function uriType(uri: SipUri): string {
  const isPhone = uri.param('user') === 'phone';
  if (uri.scheme === URI_SCHEME.SIP) return isPhone ? 'tel' : 'sip';
  if (uri.scheme === URI_SCHEME.SIPS) return isPhone ? 'tels' : 'sips';
  return uri.schemeText.toLowerCase();
}

/** Reader of a URI's text: itself, or the part that follows; '' when it can not be parsed. */
export function uriReader(parts: readonly SelectPart[]): Reader<string> | string {
  const [first] = parts;
  if (first === undefined) return (text) => text;
  const name = first.name === 'params' ? paramName(parts) : null;
  const read =
    name === null ? (isLeaf(parts) ? URI_PARTS.get(first.name) : undefined) : (uri: SipUri) => uri.param(name) ?? '';
  if (read === undefined) return noSuchPart(parts, URI_PARTS.keys());
  return (text) => {
    const uri = text === '' ? null : parseUri(text);
    return uri === null ? '' : read(uri);
  };
}

const ADDRESS_PARTS = ['name', 'uri', 'tag', 'params', 'q', 'expires', 'methods', 'received', 'instance'] as const;

/** Reader of an address: `name`, `uri…`, or a parameter, also by its own name (`tag`, `q`). */
export function addressReader(parts: readonly SelectPart[], own: readonly string[]): Reader<NameAddr> | string {
  const [first] = parts;
  if (first === undefined) return (addr) => addr.buf.slice(addr.start, addr.end);
  if (first.name === 'name' && isLeaf(parts)) return (addr) => addr.display;
  if (first.name === 'uri' && first.index === null) {
    const read = uriReader(parts.slice(1));
    return typeof read === 'string' ? read : (addr) => read(addr.uriText);
  }
  if (first.name === 'params') {
    const name = paramName(parts);
    if (name !== null) return (addr) => unquoted(addr.param(name));
    if (isLeaf(parts)) return (addr) => addr.buf.slice(addr.paramsStart + 1, addr.end);
  }
  if (own.includes(first.name) && isLeaf(parts)) {
    const name = first.name === 'instance' ? '+sip.instance' : first.name;
    return (addr) => unquoted(addr.param(name));
  }
  return noSuchPart(parts, [
    'name',
    'uri',
    'params',
    ...own.filter((name) => (ADDRESS_PARTS as readonly string[]).includes(name)),
  ]);
}

function unquoted(value: string | null): string {
  if (value === null) return '';
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}
