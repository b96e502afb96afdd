/** Messages that the edit cases work on. `user` names the route that is run; `peer` is the port to come back to. */
const HEAD = (method: string, user: string, peer: number): string[] => [
  `${method} sip:${user}@127.0.0.1:5099 SIP/2.0`,
  `Via: SIP/2.0/UDP 127.0.0.1:${peer};branch=z9hG4bK${user}`,
  'From: "Alice" <sip:alice@example.org>;tag=f1',
  'To: <sip:bob@example.org>',
  `Call-ID: ${user}@example.org`,
  `CSeq: 7 ${method}`,
];

const SDP = [
  'v=0',
  'o=alice 1 1 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.0.2.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:8 PCMA/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-15',
  'a=sendrecv',
  'm=video 4002 RTP/AVP 31',
  'a=rtpmap:31 H261/90000',
  '',
].join('\r\n');

const MULTI = [
  '--bnd',
  'Content-Type: application/sdp',
  '',
  'v=0',
  's=-',
  '--bnd',
  'Content-Type: text/plain',
  'X-Part: 2',
  '',
  'hello part',
  '--bnd--',
  '',
].join('\r\n');

const CONTACTS = {
  contact: '<sip:al:pw@10.0.0.1:5070;transport=tcp;x=y>;expires=60',
  contacts: '<sip:10.0.0.1:5080>, "x" <sip:b@c>',
  encoded: '<sip:enc*al*pw*10.0.0.1*5070*tcp@1.2.3.4>',
} as const;

export function editMessage(kind: string, user: string, peer: number): string {
  const build = (method: string, headers: string[], body: string): string =>
    [...HEAD(method, user, peer), ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n');
  switch (kind) {
    case 'sdp':
      return build(
        'INVITE',
        ['Max-Forwards: 70', 'Contact: <sip:alice@192.0.2.1>', 'Content-Type: application/sdp'],
        SDP,
      );
    case 'multi':
      return build('INVITE', ['Max-Forwards: 70', 'Content-Type: multipart/mixed;boundary=bnd'], MULTI);
    case 'lists':
      return build(
        'INVITE',
        [
          'Max-Forwards: 70',
          'X-One: hello one',
          'X-M: one',
          'Supported: 100rel, timer',
          'X-M: two',
          'X-L: one;p=1;q="2", two ,three;p=3',
          'X-M: three',
          'Privacy: id;header',
        ],
        '',
      );
    case 'register':
      return build(
        'REGISTER',
        [
          'Authorization: Digest username="a", realm="r", nonce="n", uri="sip:x", response="6629fae49393a05397450978507c4ef1"',
        ],
        '',
      );
    case 'contact':
    case 'contacts':
    case 'encoded':
      return build('OPTIONS', ['Max-Forwards: 70', `Contact: ${CONTACTS[kind]}`], '');
    default:
      return build('OPTIONS', ['Max-Forwards: 70', 'Subject: hello', 'X-One: 1'], '');
  }
}

const EDIT_MODULES = [
  'tm',
  'sl',
  'rr',
  'pv',
  'maxfwd',
  'textops',
  'textopsx',
  'siputils',
  'sanity',
  'xlog',
  'sdpops',
  'ipops',
  'kex',
];

/** The script for all cases: `route(C<n>)` is the n-th; the result goes to the peer. */
export function editScript(codes: readonly string[], peer: number, mpath: string): string {
  const head = [
    'debug=0',
    'log_stderror=yes',
    'children=1',
    'dns=no',
    'rev_dns=no',
    'auto_aliases=no',
    mpath === '' ? '' : `mpath="${mpath}"`,
    ...EDIT_MODULES.map((name) => `loadmodule "${name}.so"`),
    'request_route {',
    '  if ($rU == "ready") { sl_send_reply("200", "OK"); exit; }',
    '  $var(rc) = "none";',
    '  $var(case) = $rU;',
    ...codes.map((_, i) => `  if ($var(case) == "C${i}") route(C${i});`),
    '  append_hf("X-RC: $var(rc)\\r\\n");',
    `  $du = "sip:127.0.0.1:${peer}";`,
    '  forward();',
    '}',
  ];
  return [...head, ...codes.map((code, i) => `route[C${i}] {\n  ${code}\n  return 1;\n}`), ''].join('\n');
}

/** The server's own Via (every Via but the sender's) and ports, made the same on both sides. */
export function normalise(text: string | null): string | null {
  return text === null
    ? null
    : text
        .replace(/^Via: SIP\/2\.0\/UDP 127\.0\.0\.1(:\d+)?;branch=z9hG4bK(?!C\d+\r)[^\r\n]*\r\n/m, 'Via: PROXY\r\n')
        .replaceAll(/127\.0\.0\.1:\d+/g, 'HOST');
}
