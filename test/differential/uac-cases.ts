/** Calls of uac_replace_*; their result is $var(r). */
export const REPLACE_CASES: readonly string[] = [
  '$var(r) = uac_replace_from("sip:new@gotham.example.org");',
  '$var(r) = uac_replace_from("", "sip:new@gotham.org");',
  '$var(r) = uac_replace_from("\\"bat man\\"", "sip:b@g.o");',
  '$var(r) = uac_replace_to("batman", "sip:new@gotham.org"); uac_replace_from("joker", "sip:z@z");',
  '$var(r) = uac_replace_from("batman", "");',
  '$var(r) = uac_replace_from("", "");',
  '$var(r) = uac_replace_from("");',
  '$var(r) = uac_replace_from("sip:a-very-long-name-that-is-longer@gotham.example.org");',
  '$var(r) = uac_replace_from("tel:+12345");',
  '$var(r) = uac_replace_from("sip:alice@example.org");',
  '$var(r) = uac_replace_to("sip:bob@example.org"); uac_replace_to("sip:twice@example.org");',
  'uac_replace_from("sip:once@example.org"); $var(r) = uac_replace_from("T", "sip:twice@example.org");',
  'uac_replace_from("T", ""); $var(r) = uac_replace_from("sip:twice@example.org");',
  '$var(r) = uac_replace_to("sip:n@o"); $var(r) = uac_replace_from("$ru");',
];

interface AuthCase {
  readonly challenge: string;
  readonly code?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly method?: string;
  readonly user?: string;
}

const W = 'WWW-Authenticate: Digest';
const AVP = { 'X-Realm': 'r9', 'X-User': 'u9', 'X-Password': 'p9' };

/** Challenges, and what the script knows when they come. */
export const AUTH_CASES: readonly AuthCase[] = [
  { challenge: `${W} realm="r1", nonce="n0nce"` },
  { challenge: `${W} realm="r1", nonce="n0nce", opaque="op"` },
  { challenge: `${W} realm="r1", nonce="n0nce", opaque="op", qop="auth"` },
  { challenge: `${W} realm="r1", nonce="n0nce", qop="auth,auth-int", algorithm=MD5` },
  { challenge: `${W} realm="r1", nonce="n0nce", algorithm=md5` },
  { challenge: 'Proxy-Authenticate: Digest realm="r2", nonce="n"', code: 407 },
  { challenge: 'Proxy-Authenticate: Digest realm="r2", nonce="n", qop=auth', code: 407 },
  { challenge: `${W} realm="zz", nonce="n"` },
  { challenge: `${W} realm="R1", nonce="n"` },
  { challenge: `${W} realm="r1", nonce="n"`, method: 'SUBSCRIBE' },
  { challenge: `${W} realm="r1", nonce="n"`, user: 'moved' },
  { challenge: `${W} realm="r9", nonce="n"`, headers: AVP },
  { challenge: `${W} realm="r1", nonce="n"`, headers: AVP },
  { challenge: `${W} realm="r9", nonce="n"`, headers: { ...AVP, 'X-Mode': 'none' } },
  { challenge: `${W} realm="any", nonce="n"`, headers: { ...AVP, 'X-Realm': '' } },
  { challenge: `${W} realm="r1", nonce="n"`, headers: { 'X-User': 'u1', 'X-Password': '' } },
  { challenge: `${W} realm="any", nonce="n"`, headers: { 'X-User': 'u1', 'X-Password': '' } },
  {
    challenge: `${W} realm="r9", nonce="n"`,
    headers: { ...AVP, 'X-Mode': '1', 'X-Password': '0123456789abcdef0123456789abcdef' },
  },
  { challenge: 'Proxy-Authenticate: Basic realm="r1"', code: 407 },
  { challenge: `${W} nonce="n"` },
  { challenge: `${W} realm="r1"` },
  { challenge: `${W} realm="r1", nonce="n"`, code: 403 },
  { challenge: 'X-None: 1' },
  { challenge: 'X-None: 1', code: 486 },
];

interface SendCase {
  readonly set: string;
  /** Replies to the requests that come; 0: none. */
  readonly codes: readonly number[];
  readonly challenge?: string;
}

const CREDENTIAL = '$uac_req(auser) = "me"; $uac_req(apasswd) = "pw";';

export const SEND_CASES: readonly SendCase[] = [
  { set: '$var(nothing) = 0;', codes: [200] },
  { set: '$uac_req(furi) = "sip:f@f"; $uac_req(turi) = "sip:t@t";', codes: [200] },
  {
    set: '$uac_req(turi) = "sip:t@t"; $uac_req(callid) = "my-call"; $uac_req(body) = "text"; $uac_req(hdrs) = "X-A: 1\\r\\nContent-Type: text/plain\\r\\n";',
    codes: [486],
  },
  { set: '$uac_req(ruri) = "sip:x@nowhere.invalid"; $uac_req(ouri) = "sip:PEER";', codes: [200] },
  { set: '$uac_req(evroute) = 0;', codes: [200] },
  { set: '$uac_req(ruri) = $null;', codes: [] },
  { set: '$uac_req(method) = "";', codes: [] },
  { set: CREDENTIAL, codes: [401, 200], challenge: 'Digest realm="r", nonce="n"' },
  { set: CREDENTIAL, codes: [401, 401], challenge: 'Digest realm="r", nonce="n", qop="auth", opaque="o"' },
  {
    set: `${CREDENTIAL} $uac_req(apasswd) = "0123456789abcdef0123456789abcdef"; $uac_req(flags) = 1;`,
    codes: [401, 200],
    challenge: 'Digest realm="r", nonce="n"',
  },
  { set: CREDENTIAL, codes: [403] },
  { set: '$var(nothing) = 0;', codes: [401], challenge: 'Digest realm="r", nonce="n"' },
  { set: '$var(nothing) = 0;', codes: [0, 0, 0, 0] },
];
