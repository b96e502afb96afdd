import { PROTO, type Proto } from '../transport/socket-info.ts';
import { findParam } from './params.ts';

export const URI_SCHEME = { OTHER: 0, SIP: 1, SIPS: 2, TEL: 3, TELS: 4, URN: 5 } as const;
export type UriScheme = (typeof URI_SCHEME)[keyof typeof URI_SCHEME];

/**
 * A parsed URI (RFC 3261 §19.1, RFC 3966). Text parts are slices of `text`: copy flat what outlives the message.
 * For tel URIs `user` is the number and `host` is empty.
 */
export class SipUri {
  readonly text: string;
  readonly scheme: UriScheme;
  readonly schemeText: string;
  readonly user: string;
  readonly password: string;
  readonly hasUser: boolean;
  /** As written: IPv6 references keep their brackets. */
  readonly host: string;
  /** 0 where none is written. */
  readonly port: number;
  /** After the first `;` up to `?` or the end, without the `;`. */
  readonly params: string;
  /** After `?`. */
  readonly headers: string;

  constructor(
    text: string,
    scheme: UriScheme,
    schemeText: string,
    user: string,
    password: string,
    hasUser: boolean,
    host: string,
    port: number,
    params: string,
    headers: string,
  ) {
    this.text = text;
    this.scheme = scheme;
    this.schemeText = schemeText;
    this.user = user;
    this.password = password;
    this.hasUser = hasUser;
    this.host = host;
    this.port = port;
    this.params = params;
    this.headers = headers;
  }

  /** Value of a URI parameter, null when absent, '' without value. */
  param(lower: string): string | null {
    if (this.params === '') return null;
    const text = `;${this.params}`;
    return findParam(text, 0, text.length, lower);
  }

  /** Protocol named by `transport=`; NONE where absent or unknown. */
  get transport(): Proto {
    const name = this.params === '' ? null : this.param('transport');
    return name === null ? PROTO.NONE : protoByName(name);
  }

  /** Host without brackets. */
  get bareHost(): string {
    return this.host.charCodeAt(0) === 91 ? this.host.slice(1, -1) : this.host;
  }
}

export function protoByName(name: string): Proto {
  switch (name.length === 0 ? '' : name.toLowerCase()) {
    case 'udp':
      return PROTO.UDP;
    case 'tcp':
      return PROTO.TCP;
    case 'tls':
      return PROTO.TLS;
    case 'sctp':
      return PROTO.SCTP;
    case 'ws':
      return PROTO.WS;
    case 'wss':
      return PROTO.WSS;
    default:
      return PROTO.NONE;
  }
}

const SCHEMES: Readonly<Record<string, UriScheme>> = {
  sip: URI_SCHEME.SIP,
  sips: URI_SCHEME.SIPS,
  tel: URI_SCHEME.TEL,
  tels: URI_SCHEME.TELS,
  urn: URI_SCHEME.URN,
};

/**
 * Parses a URI. Null when it is not one (no scheme, empty host, a port that is no number …). White space is
 * never part of one; other chars that the grammar wants escaped are let through in the user part.
 */
export function parseUri(text: string): SipUri | null {
  const colon = text.indexOf(':');
  if (colon < 1 || text.includes(' ') || text.includes('\t')) return null;
  const schemeText = text.slice(0, colon);
  const scheme = schemeText === 'sip' ? URI_SCHEME.SIP : (SCHEMES[schemeText.toLowerCase()] ?? URI_SCHEME.OTHER);
  if (scheme === URI_SCHEME.SIP || scheme === URI_SCHEME.SIPS) return parseSipUri(text, scheme, schemeText, colon + 1);
  if (scheme === URI_SCHEME.OTHER && !/^[A-Za-z][A-Za-z0-9+.-]*$/.test(schemeText)) return null;
  const semi = text.indexOf(';', colon);
  const bodyEnd = semi < 0 ? text.length : semi;
  if (bodyEnd === colon + 1) return null;
  return new SipUri(
    text,
    scheme,
    schemeText,
    text.slice(colon + 1, bodyEnd),
    '',
    true,
    '',
    0,
    semi < 0 ? '' : text.slice(semi + 1),
    '',
  );
}

function parseSipUri(text: string, scheme: UriScheme, schemeText: string, start: number): SipUri | null {
  const end = text.length;
  // The @ ends the user part; `;`, `?` and `:` may stand unescaped in a user (RFC 3261 §25.1 user-unreserved).
  const at = text.indexOf('@', start);
  let user = '';
  let password = '';
  let hostStart = start;
  if (at >= 0) {
    const colon = text.indexOf(':', start);
    if (colon >= 0 && colon < at) {
      user = text.slice(start, colon);
      password = text.slice(colon + 1, at);
    } else {
      user = text.slice(start, at);
    }
    if (user === '') return null;
    hostStart = at + 1;
  }
  const hostEnd = scanUriHost(text, hostStart);
  if (hostEnd <= hostStart) return null;
  let i = hostEnd;
  let port = 0;
  if (i < end && text.charCodeAt(i) === 58) {
    const portStart = ++i;
    for (; i < end; i++) {
      const c = text.charCodeAt(i);
      if (c < 48 || c > 57) break;
      port = port * 10 + c - 48;
    }
    if (i - portStart > 5 || port > 65535) return null;
  }
  let params = '';
  let headers = '';
  if (i < end) {
    const c = text.charCodeAt(i);
    if (c !== 59 && c !== 63) return null;
    const question = text.indexOf('?', i);
    if (c === 59) params = text.slice(i + 1, question < 0 ? end : question);
    if (question >= 0) headers = text.slice(question + 1);
  }
  return new SipUri(
    text,
    scheme,
    schemeText,
    user,
    password,
    at >= 0,
    text.slice(hostStart, hostEnd),
    port,
    params,
    headers,
  );
}

function scanUriHost(text: string, start: number): number {
  if (text.charCodeAt(start) === 91) {
    let i = start + 1;
    while (i < text.length && isIpv6Char(text.charCodeAt(i))) i++;
    return i > start + 1 && text.charCodeAt(i) === 93 ? i + 1 : -1;
  }
  let i = start;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 58 || c === 59 || c === 63) break;
    if (!isHostChar(c)) return -1;
  }
  return i;
}

function isHostChar(c: number): boolean {
  return (c >= 97 && c <= 122) || (c >= 48 && c <= 57) || c === 46 || c === 45 || (c >= 65 && c <= 90) || c === 95;
}

/** What an IPv6 reference is made of, an IPv4 tail included. */
function isIpv6Char(c: number): boolean {
  return (c >= 48 && c <= 58) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70) || c === 46;
}
