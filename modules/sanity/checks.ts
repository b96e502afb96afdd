/** The checks of `sanity_check()`, one function each: null when the message passes. */

import {
  digestError,
  eachParam,
  HDR,
  METHOD,
  type NameAddr,
  parseAuth,
  parseContacts,
  parseDecimal,
  type SipMsg,
  tokens,
  URI_SCHEME,
} from 'strowger';

/** What is wrong, and the answer to it. */
export interface Failure {
  readonly code: number;
  readonly reason: string;
  /** Rows for the answer. */
  readonly headers?: string;
}

/** Bits of the first argument of sanity_check, and of the parameter default_checks. */
export const CHECK = {
  RURI_SIP_VERSION: 1,
  RURI_SCHEME: 2,
  REQUIRED_HEADERS: 4,
  VIA_SIP_VERSION: 8,
  VIA_PROTOCOL: 16,
  CSEQ_METHOD: 32,
  CSEQ_VALUE: 64,
  CONTENT_LENGTH: 128,
  EXPIRES_VALUE: 256,
  PROXY_REQUIRE: 512,
  PARSE_URIS: 1024,
  DIGEST: 2048,
  DUPLICATE_TAGS: 4096,
  AUTHORIZATION: 8192,
  FIRST_VIA: 16384,
} as const;

/** Bits of the second argument, and of the parameter uri_checks. */
const URI_CHECK = { RURI: 1, FROM: 2, TO: 4, CONTACT: 8 } as const;

interface CheckSettings {
  readonly uriChecks: number;
  /** Option tags that we have, in lower case. */
  readonly proxyRequire: ReadonlySet<string>;
}

type Check = (msg: SipMsg, settings: CheckSettings) => Failure | null;

const bad = (reason: string, code = 400): Failure => ({ code, reason });

/** In the order in which they are made. Via's version and protocol are read with the Via itself: bits 8 and 16 add nothing. */
const CHECKS: readonly (readonly [bit: number, check: Check])[] = [
  [CHECK.RURI_SIP_VERSION, sipVersion],
  [CHECK.RURI_SCHEME, ruriScheme],
  [CHECK.REQUIRED_HEADERS, requiredHeaders],
  [CHECK.FIRST_VIA, firstVia],
  [CHECK.CSEQ_METHOD, cseqMethod],
  [CHECK.CSEQ_VALUE, (msg) => (msg.cseqNumber < 0 ? bad('CSeq number is illegal') : null)],
  [CHECK.CONTENT_LENGTH, contentLength],
  [CHECK.EXPIRES_VALUE, expiresValue],
  [CHECK.PROXY_REQUIRE, proxyRequire],
  [CHECK.PARSE_URIS, parseUris],
  [CHECK.DIGEST, (msg) => digestHeaders(msg, true)],
  [CHECK.DUPLICATE_TAGS, duplicateTags],
  [CHECK.AUTHORIZATION, (msg) => digestHeaders(msg, false)],
];

/** The first failure among the checks asked for, or null. */
export function sanityFailure(msg: SipMsg, checks: number, settings: CheckSettings): Failure | null {
  for (const [bit, check] of CHECKS) {
    const failure = (checks & bit) !== 0 ? check(msg, settings) : null;
    if (failure !== null) return failure;
  }
  return null;
}

function sipVersion(msg: SipMsg): Failure | null {
  return msg.version.toUpperCase() === 'SIP/2.0' ? null : bad('Version Not Supported', 505);
}

/** A scheme we can route: sip, sips, tel, tels, and urn as Kamailio has it. */
function ruriScheme(msg: SipMsg): Failure | null {
  if (!msg.isRequest) return null;
  const uri = msg.ruri;
  if (uri === null) return bad('Bad Request URI');
  return uri.scheme === URI_SCHEME.OTHER ? bad('Unsupported URI Scheme in Request URI', 416) : null;
}

/** Headers that may stand only once (RFC 3261 §20); the core sees to From, To, Call-ID and CSeq. */
const SINGLE_HEADERS = [HDR.MAXFORWARDS, HDR.CONTENTLENGTH, HDR.FROM, HDR.TO, HDR.CALLID, HDR.CSEQ];

function requiredHeaders(msg: SipMsg): Failure | null {
  if (msg.via1At < 0 || msg.toAt < 0 || msg.fromAt < 0 || msg.callIdAt < 0 || msg.cseqAt < 0) {
    return bad('Missing Required Header in Request');
  }
  if (msg.from === null) return bad('Invalid From Header');
  if (msg.to === null) return bad('Invalid To Header');
  for (const kind of SINGLE_HEADERS) {
    const row = msg.findHdr(kind);
    if (row >= 0 && msg.findHdr(kind, row + 1) >= 0) return bad('Duplicate Header in Request');
  }
  return null;
}

function firstVia(msg: SipMsg): Failure | null {
  return msg.via1 === null ? bad('Bad First Via Header') : null;
}

function cseqMethod(msg: SipMsg): Failure | null {
  if (msg.cseqMethod === '') return bad('CSeq method not found');
  return !msg.isRequest || msg.cseqMethod === msg.methodName ? null : bad('CSeq method does not match request method');
}

/** Against the datagram; a stream is framed by it. */
function contentLength(msg: SipMsg): Failure | null {
  const length = msg.contentLength;
  if (length === -1) return null;
  if (length === -2) return bad('Bad Content-Length Header');
  if (msg.buf.charCodeAt(msg.headersEnd) !== 13 && msg.buf.charCodeAt(msg.headersEnd) !== 10) {
    return bad('Content-Length Body Failure');
  }
  return length > msg.buf.length - msg.bodyStart ? bad('Content-Length mis-match') : null;
}

function expiresValue(msg: SipMsg): Failure | null {
  const value = msg.header(HDR.EXPIRES);
  if (value === null) return null;
  if (value === '') return bad('Bad Expires Header');
  return parseDecimal(value, 0, value.length, 0xffffffff) < 0 ? bad('Expires value is illegal') : null;
}

/** Unsupported names exactly the tags that we lack (RFC 3261 §16.3 step 5). ACK and CANCEL are never asked. */
function proxyRequire(msg: SipMsg, settings: CheckSettings): Failure | null {
  if (msg.method === METHOD.ACK || msg.method === METHOD.CANCEL) return null;
  const lacking = tokens(msg, HDR.PROXYREQUIRE).filter((tag) => !settings.proxyRequire.has(tag.toLowerCase()));
  if (lacking.length === 0) return null;
  return { code: 420, reason: 'Bad Proxy Require Extension', headers: `Unsupported: ${lacking.join(', ')}\r\n` };
}

function parseUris(msg: SipMsg, settings: CheckSettings): Failure | null {
  const { uriChecks } = settings;
  if ((uriChecks & URI_CHECK.RURI) !== 0 && msg.isRequest && (msg.ruri === null || msg.ruri.headers !== '')) {
    return bad('Bad Request URI');
  }
  if ((uriChecks & URI_CHECK.FROM) !== 0 && !isReadable(msg.from)) return bad('Invalid From Header');
  if ((uriChecks & URI_CHECK.TO) !== 0 && !isReadable(msg.to)) return bad('Invalid To Header');
  if ((uriChecks & URI_CHECK.CONTACT) !== 0) return contactUris(msg);
  return null;
}

/** The URI is one, and a display name without quotes is made of tokens (RFC 4475 §3.1.2.15). */
function isReadable(address: NameAddr | null): boolean {
  if (address?.uri === null || address?.uri === undefined) return false;
  return address.display.startsWith('"') || /^[A-Za-z0-9\-.!%*_+`'~\s\x80-\xff]*$/.test(address.display);
}

function contactUris(msg: SipMsg): Failure | null {
  const contacts = parseContacts(msg);
  if (contacts.errorAt >= 0 || contacts.values.some((contact) => contact.uri === null)) return bad('Bad Contact URI');
  for (const contact of contacts.values) {
    if (msg.buf.charCodeAt(contact.end - 1) === 59) return bad('Bad Contact Header'); // a parameter without a name
  }
  return contacts.isStar && contacts.values.length > 0 ? bad('Bad Contact Header') : null;
}

/** Digest credentials must be complete; other schemes fail where `onlyDigest` (Kamailio: check 2048). */
function digestHeaders(msg: SipMsg, onlyDigest: boolean): Failure | null {
  for (const kind of [HDR.AUTHORIZATION, HDR.PROXYAUTH]) {
    for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1)) {
      const auth = parseAuth(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row));
      if (auth === null) return bad('Bad Auth Header');
      const isDigest = auth.scheme.toLowerCase() === 'digest';
      if (!isDigest && onlyDigest) return bad('Bad Auth Scheme');
      if (isDigest && auth.token !== '') return bad('Bad Auth Header');
      if (isDigest && digestError(auth) !== null) return bad('Bad Auth Credentials');
    }
  }
  return null;
}

function duplicateTags(msg: SipMsg): Failure | null {
  if (tagCount(msg.from) > 1) return bad('Many From Tag Params');
  return tagCount(msg.to) > 1 ? bad('Many To Tag Params') : null;
}

function tagCount(address: NameAddr | null): number {
  let count = 0;
  if (address !== null) {
    eachParam(address.buf, address.paramsStart, address.end, (name) => {
      if (name.toLowerCase() === 'tag') count++;
    });
  }
  return count;
}

/** Option tags of a parameter `a, b`. */
export function optionTags(list: string): ReadonlySet<string> {
  return new Set(
    list
      .split(',')
      .map((tag) => tag.trim().toLowerCase())
      .filter((tag) => tag !== ''),
  );
}
