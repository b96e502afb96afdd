/** Header field kinds: the names the server itself looks at. All others are OTHER and found by name. */
export const HDR = {
  OTHER: 0,
  VIA: 1,
  TO: 2,
  FROM: 3,
  CSEQ: 4,
  CALLID: 5,
  CONTACT: 6,
  MAXFORWARDS: 7,
  ROUTE: 8,
  RECORDROUTE: 9,
  CONTENTTYPE: 10,
  CONTENTLENGTH: 11,
  AUTHORIZATION: 12,
  EXPIRES: 13,
  PROXYAUTH: 14,
  SUPPORTED: 15,
  REQUIRE: 16,
  PROXYREQUIRE: 17,
  UNSUPPORTED: 18,
  ALLOW: 19,
  EVENT: 20,
  ACCEPT: 21,
  ACCEPTLANGUAGE: 22,
  ORGANIZATION: 23,
  PRIORITY: 24,
  SUBJECT: 25,
  USERAGENT: 26,
  SERVER: 27,
  CONTENTDISPOSITION: 28,
  DIVERSION: 29,
  RPID: 30,
  REFERTO: 31,
  REFERREDBY: 32,
  REPLACES: 33,
  SESSIONEXPIRES: 34,
  MINSE: 35,
  PAI: 36,
  PPI: 37,
  PATH: 38,
  PRIVACY: 39,
  MINEXPIRES: 40,
  SUBSCRIPTIONSTATE: 41,
  WWWAUTHENTICATE: 42,
  PROXYAUTHENTICATE: 43,
  REASON: 44,
  RETRYAFTER: 45,
  DATE: 46,
  IDENTITY: 47,
  CONTENTENCODING: 48,
  RACK: 49,
  RSEQ: 50,
  SIPIFMATCH: 51,
  HISTORYINFO: 52,
  CALLINFO: 53,
  ALERTINFO: 54,
  WARNING: 55,
} as const;
export type HdrKind = (typeof HDR)[keyof typeof HDR];

/** Canonical long name of each kind, by number; '' for OTHER. */
export const HDR_NAMES: readonly string[] = [
  '',
  'Via',
  'To',
  'From',
  'CSeq',
  'Call-ID',
  'Contact',
  'Max-Forwards',
  'Route',
  'Record-Route',
  'Content-Type',
  'Content-Length',
  'Authorization',
  'Expires',
  'Proxy-Authorization',
  'Supported',
  'Require',
  'Proxy-Require',
  'Unsupported',
  'Allow',
  'Event',
  'Accept',
  'Accept-Language',
  'Organization',
  'Priority',
  'Subject',
  'User-Agent',
  'Server',
  'Content-Disposition',
  'Diversion',
  'Remote-Party-ID',
  'Refer-To',
  'Referred-By',
  'Replaces',
  'Session-Expires',
  'Min-SE',
  'P-Asserted-Identity',
  'P-Preferred-Identity',
  'Path',
  'Privacy',
  'Min-Expires',
  'Subscription-State',
  'WWW-Authenticate',
  'Proxy-Authenticate',
  'Reason',
  'Retry-After',
  'Date',
  'Identity',
  'Content-Encoding',
  'RAck',
  'RSeq',
  'SIP-If-Match',
  'History-Info',
  'Call-Info',
  'Alert-Info',
  'Warning',
];

/** Compact forms (RFC 3261 §7.3.3 and the IANA registry), by letter. */
export const COMPACT_FORMS: Readonly<Record<string, HdrKind>> = {
  v: HDR.VIA,
  t: HDR.TO,
  f: HDR.FROM,
  i: HDR.CALLID,
  m: HDR.CONTACT,
  c: HDR.CONTENTTYPE,
  l: HDR.CONTENTLENGTH,
  k: HDR.SUPPORTED,
  s: HDR.SUBJECT,
  o: HDR.EVENT,
  r: HDR.REFERTO,
  b: HDR.REFERREDBY,
  x: HDR.SESSIONEXPIRES,
  e: HDR.CONTENTENCODING,
  y: HDR.IDENTITY,
};

interface Candidate {
  readonly lower: string;
  readonly kind: HdrKind;
}

/** Names grouped by length: a header name is compared with the few of its length that begin with its letter. */
const BY_LENGTH: (readonly Candidate[] | undefined)[] = [];
for (let kind = 1; kind < HDR_NAMES.length; kind++) {
  const lower = (HDR_NAMES[kind] ?? '').toLowerCase();
  BY_LENGTH[lower.length] = [...(BY_LENGTH[lower.length] ?? []), { lower, kind: kind as HdrKind }];
}
BY_LENGTH[1] = Object.entries(COMPACT_FORMS).map(([lower, kind]) => ({ lower, kind }));

/** Kind of the header name at `buf[start … end)`, which holds no white space. */
export function headerKind(buf: string, start: number, end: number): HdrKind {
  const candidates = BY_LENGTH[end - start];
  if (candidates === undefined) return HDR.OTHER;
  const first = buf.charCodeAt(start) | 0x20;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as Candidate;
    if (candidate.lower.charCodeAt(0) === first && equalsLower(buf, start, candidate.lower)) return candidate.kind;
  }
  return HDR.OTHER;
}

/** True when `buf` has `lower` (letters in lower case) at `start`, compared without case. */
export function equalsLower(buf: string, start: number, lower: string): boolean {
  for (let i = 0; i < lower.length; i++) {
    const c = buf.charCodeAt(start + i);
    const want = lower.charCodeAt(i);
    if (c !== want && (c < 65 || c > 90 || (c | 0x20) !== want)) return false;
  }
  return true;
}

/** Kind of a header by name, long or compact, any case. */
export function headerKindOf(name: string): HdrKind {
  return headerKind(name, 0, name.length);
}

const COLON = 58;

/**
 * Kind of the header row at `pos` (whose first char is `c`) where its name is one of the usual ones, written as the RFC
 * writes it and followed by the colon at once; OTHER where it has to be looked at more closely. A row costs one or two
 * characters and one comparison instead of a walk over its name.
 */
export function commonKind(buf: string, pos: number, c: number): HdrKind {
  switch (c) {
    case 86: // V
      return buf.charCodeAt(pos + 3) === COLON && buf.charCodeAt(pos + 1) === 105 && buf.charCodeAt(pos + 2) === 97
        ? HDR.VIA
        : HDR.OTHER;
    case 70: // F
      return buf.startsWith('From:', pos) ? HDR.FROM : HDR.OTHER;
    case 84: // T
      return buf.charCodeAt(pos + 2) === COLON && buf.charCodeAt(pos + 1) === 111 ? HDR.TO : HDR.OTHER;
    case 67: // C
      if (buf.charCodeAt(pos + 7) === COLON) {
        if (buf.startsWith('Call-ID', pos)) return HDR.CALLID;
        return buf.startsWith('Contact', pos) ? HDR.CONTACT : HDR.OTHER;
      }
      if (buf.charCodeAt(pos + 4) === COLON) return buf.startsWith('CSeq', pos) ? HDR.CSEQ : HDR.OTHER;
      if (buf.charCodeAt(pos + 14) === COLON)
        return buf.startsWith('Content-Length', pos) ? HDR.CONTENTLENGTH : HDR.OTHER;
      return buf.startsWith('Content-Type:', pos) ? HDR.CONTENTTYPE : HDR.OTHER;
    case 77: // M
      return buf.startsWith('Max-Forwards:', pos) ? HDR.MAXFORWARDS : HDR.OTHER;
    case 82: // R
      if (buf.charCodeAt(pos + 5) === COLON) return buf.startsWith('Route', pos) ? HDR.ROUTE : HDR.OTHER;
      return buf.startsWith('Record-Route:', pos) ? HDR.RECORDROUTE : HDR.OTHER;
    case 85: // U
      return buf.startsWith('User-Agent:', pos) ? HDR.USERAGENT : HDR.OTHER;
    case 65: // A
      return buf.startsWith('Allow:', pos) ? HDR.ALLOW : HDR.OTHER;
    case 83: // S
      return buf.startsWith('Supported:', pos) ? HDR.SUPPORTED : HDR.OTHER;
    case 69: // E
      return buf.startsWith('Expires:', pos) ? HDR.EXPIRES : HDR.OTHER;
    default:
      return HDR.OTHER;
  }
}

/** Length of the long name of each kind; 0 for OTHER. */
export const COMMON_LENGTHS: readonly number[] = HDR_NAMES.map((name) => name.length);

/** The names `commonKind` knows, by kind. */
export const COMMON_NAMES: readonly (readonly [HdrKind, string])[] = HDR_NAMES.flatMap((name, kind) =>
  name !== '' && commonKind(`${name}:`, 0, name.charCodeAt(0)) === kind ? [[kind, name] as const] : [],
);
