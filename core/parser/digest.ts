/** Digest credentials and challenges (RFC 3261 §22, RFC 7616, RFC 8760), read from a header value. */

import { closingQuote, isLws, skipLws } from './params.ts';
import { unquote } from './quoted.ts';

/** More parameters than this and the value is refused. */
const MAX_AUTH_PARAMS = 64;

/** A value of Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate: never joined by commas. */
export interface AuthValue {
  /** `Digest`, as written. */
  readonly scheme: string;
  /** Parameters by name in lower case, as written: quotes kept. */
  readonly params: ReadonlyMap<string, string>;
  /** What follows a scheme that is not made of parameters (`Basic dXNlcg==`); '' otherwise. */
  readonly token: string;
}

/** Null when the value has no scheme, a parameter without a value, or one twice. */
export function parseAuth(buf: string, start = 0, end = buf.length): AuthValue | null {
  let i = skipLws(buf, start, end);
  const schemeStart = i;
  while (i < end && !isLws(buf.charCodeAt(i)) && buf.charCodeAt(i) !== 44) i++;
  const scheme = buf.slice(schemeStart, i);
  if (scheme === '') return null;
  const params = new Map<string, string>();
  i = skipLws(buf, i, end);
  const bodyStart = i;
  const token = (): AuthValue => ({ scheme, params, token: buf.slice(bodyStart, end).trimEnd() });
  while (i < end) {
    if (buf.charCodeAt(i) === 44) {
      i = skipLws(buf, i + 1, end);
      continue;
    }
    const nameStart = i;
    while (i < end && !isDelimiter(buf.charCodeAt(i))) i++;
    const name = buf.slice(nameStart, i).toLowerCase();
    i = skipLws(buf, i, end);
    if (name === '' || i >= end || buf.charCodeAt(i) !== 61) {
      return params.size === 0 ? token() : null;
    }
    i = skipLws(buf, i + 1, end);
    const valueStart = i;
    if (params.size === 0 && (i >= end || buf.charCodeAt(i) === 61)) return token();
    if (buf.charCodeAt(i) === 34) {
      i = closingQuote(buf, i + 1, end) + 1;
      if (i === 0) return null;
    } else while (i < end && !isLws(buf.charCodeAt(i)) && buf.charCodeAt(i) !== 44) i++;
    if (params.has(name) || params.size === MAX_AUTH_PARAMS) return null;
    params.set(name, buf.slice(valueStart, i));
    i = skipLws(buf, i, end);
    if (i < end && buf.charCodeAt(i) !== 44) {
      return null;
    }
  }
  return { scheme, params, token: '' };
}

function isDelimiter(c: number): boolean {
  return c === 61 || c === 44 || isLws(c);
}

/** Digest credentials; texts without quotes, '' where absent. */
export interface DigestCredentials {
  readonly username: string;
  /** User and domain of `username` where it has an `@`. */
  readonly user: string;
  readonly domain: string;
  readonly realm: string;
  readonly nonce: string;
  readonly uri: string;
  readonly response: string;
  /** As written; '' means MD5 (RFC 7616 §3.4). */
  readonly algorithm: string;
  readonly cnonce: string;
  readonly opaque: string;
  /** `auth`, `auth-int` or '' as sent. */
  readonly qop: string;
  /** The eight hex digits as sent. */
  readonly nc: string;
  /** Value of `nc`, -1 when absent or malformed. */
  readonly ncValue: number;
}

/** Null when the scheme is not Digest. Whether enough is there is for `digestError` to say. */
export function digestCredentials(auth: AuthValue): DigestCredentials | null {
  if (auth.scheme.toLowerCase() !== 'digest') return null;
  const get = (name: string): string => unquote(auth.params.get(name) ?? '');
  const username = get('username');
  const at = username.indexOf('@');
  const nc = get('nc');
  return {
    username,
    user: at < 0 ? username : username.slice(0, at),
    domain: at < 0 ? '' : username.slice(at + 1),
    realm: get('realm'),
    nonce: get('nonce'),
    uri: get('uri'),
    response: get('response'),
    algorithm: get('algorithm'),
    cnonce: get('cnonce'),
    opaque: get('opaque'),
    qop: get('qop'),
    nc,
    ncValue: /^[0-9a-fA-F]{8}$/.test(nc) ? Number.parseInt(nc, 16) : -1,
  };
}

/** Length in hex digits of what an algorithm makes; 0 for one that is not known. */
export function digestHexLength(algorithm: string): number {
  switch (algorithm.toLowerCase().replace(/-sess$/, '')) {
    case '':
    case 'md5':
      return 32;
    case 'sha-256':
    case 'sha-512-256':
      return 64;
    default:
      return 0;
  }
}

/** What is missing or wrong in credentials (RFC 7616 §3.4), or null: the name of the first such parameter. */
export function digestError(auth: AuthValue): string | null {
  const credentials = digestCredentials(auth);
  if (credentials === null) return 'scheme';
  for (const name of ['username', 'realm', 'nonce', 'uri', 'response'] as const) {
    if (!auth.params.has(name) || (name !== 'realm' && credentials[name] === '')) return name;
  }
  const length = digestHexLength(credentials.algorithm);
  if (length > 0 && (credentials.response.length !== length || !/^[0-9a-fA-F]*$/.test(credentials.response))) {
    return 'response';
  }
  if (credentials.qop === '') return null;
  if (credentials.cnonce === '') return 'cnonce';
  return credentials.ncValue < 0 ? 'nc' : null;
}

/** Qops offered by a challenge, in lower case. */
export function challengeQops(auth: AuthValue): string[] {
  return unquote(auth.params.get('qop') ?? '')
    .split(',', 16)
    .map((qop) => qop.trim().toLowerCase())
    .filter((qop) => qop !== '');
}

/** `stale=true` in a challenge. */
export function isStale(auth: AuthValue): boolean {
  return unquote(auth.params.get('stale') ?? '').toLowerCase() === 'true';
}
