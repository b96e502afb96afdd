/** What scripts do with nathelper, and the messages they do it to. `@PP@` in a message is the port it comes from. */
export interface NatCase {
  readonly name: string;
  /** Statements; they may set `$var(x)`, which comes back in X-X. */
  readonly code: string;
  readonly contact?: string | null;
  readonly via?: string;
  readonly ruri?: string;
  readonly headers?: string;
  readonly body?: string;
  /** Where this server is right and Kamailio is not: what must come out, and why. */
  readonly differs?: { readonly expect: RegExp; readonly why: string };
}

const rc = (call: string): string => `${call}; $var(x) = $rc;`;

const CONTACTS: readonly (string | null)[] = [
  '<sip:al@10.0.0.1:5070;transport=tcp;x=y>;expires=60',
  'sip:al@10.0.0.1;expires=60',
  '"x" <sip:10.0.0.1>, <sip:b@c:99>',
  '<sip:u@10.0.0.1>;q=1\r\nContact: <sip:v@c:99>, <sip:w@d>',
  '<sip:al@10.0.0.1:5070;maddr=1.2.3.4;x=y>',
  'sip:al@10.0.0.1:5070;maddr=1.2.3.4;x=y',
  '<sip:al@10.0.0.1:5070;alias=1.2.3.4~5~1;z>',
  '<sip:al@10.0.0.1;x;alias=1.2.3.4~2~3;z>;q=1',
  '<sip:al:pw@[2001:db8::1]:5070>',
  '<sip:al@127.0.0.1:@PP@;transport=udp>',
  '<sip:al@127.0.0.1:@PP@;transport=tcp>',
  '<sip:al@127.0.0.1>',
  '<sips:a@b.c>;q=0.5',
  '*',
  null,
  '<tel:123>',
];

const CONTACT_CALLS = [
  rc('fix_nated_contact()'),
  rc('add_contact_alias()'),
  rc('add_contact_alias("1.2.3.4", "555", "tls")'),
  rc('add_contact_alias("1.2.3.4", "70000", "tls")'),
  rc('add_contact_alias("1.2.3.4", "5060", "foo")'),
  rc('set_contact_alias()'),
  rc('set_contact_alias("1")'),
  rc('fix_nated_contact(); fix_nated_contact()'),
];

const RCV_CALLS = [rc('add_rcv_param()'), rc('add_rcv_param("1")')];

const contactCases: readonly NatCase[] = CONTACTS.flatMap((contact) => {
  const calls = contact === '<tel:123>' ? CONTACT_CALLS : [...CONTACT_CALLS, ...RCV_CALLS];
  return calls.map((code) => ({ name: `${code} ${contact}`, code, contact }));
});

const WITH_HEADERS = '<sip:al@10.0.0.1:5070?h=v>';
const BEHIND_HEADERS = 'parameters come before headers (RFC 3261 §19.1.1)';
const headerCases: readonly NatCase[] = [
  { name: 'fix_nated_contact ?', code: rc('fix_nated_contact()'), contact: WITH_HEADERS },
  {
    name: 'add_contact_alias: it is where the message came from',
    code: rc('add_contact_alias()'),
    contact: '<sip:al@127.0.0.1:@PP@>',
    differs: {
      expect: /Contact: <sip:al@127\.0\.0\.1:PP>\r[^]*X-X: 2\r/,
      why: 'Kamailio sees UDP only where it is written',
    },
  },
  { name: 'add_contact_alias ?', code: rc('add_contact_alias()'), contact: WITH_HEADERS },
  {
    name: 'set_contact_alias ?',
    code: rc('set_contact_alias()'),
    contact: WITH_HEADERS,
    differs: { expect: /5070;alias=127\.0\.0\.1~\d+~1\?h=v>/, why: BEHIND_HEADERS },
  },
  {
    name: 'add_rcv_param ?',
    code: rc('add_rcv_param("1")'),
    contact: WITH_HEADERS,
    differs: { expect: /5070;received=sip:127\.0\.0\.1:PP\?h=v>/, why: BEHIND_HEADERS },
  },
  {
    name: 'add_contact_alias IPv6',
    code: rc('add_contact_alias("::1", "555", "ws")'),
    differs: { expect: /;alias=\[::1\]~555~5;/, why: 'an IPv6 address in a URI needs its brackets' },
  },
  {
    name: 'set_contact_alias trims what is short',
    code: rc('set_contact_alias("1")'),
    contact: '<sip:al@10.0.0.1;alias=a~2~3>',
    differs: { expect: /<sip:al@10\.0\.0\.1;alias=127/, why: 'Kamailio passes over short ones' },
  },
  ...[
    '<sip:a@b;alias=1.2.3.4~5~1>',
    '<sip:a@b;x;alias=1.2.3.4~5~3;y>',
    '<sip:a@b;alias=[::1]~5~2;alias=9.9.9.9~2~1>',
  ].map((contact) => ({
    name: `set_alias_to_pv ${contact}`,
    code: 'set_alias_to_pv("$avp(u)"); $var(x) = $avp(u);',
    contact,
  })),
  { name: 'set_alias_to_pv: none', code: rc('set_alias_to_pv("$avp(u)")'), contact: '<sip:a@b>' },
  { name: 'set_alias_to_pv: no contact', code: rc('set_alias_to_pv("$avp(u)")'), contact: null },
  { name: 'a contact is changed once', code: rc('set_contact_alias(); add_contact_alias()') },
  { name: 'edits show in $sel only', code: 'fix_nated_contact(); $var(x) = $ct;' },
];

const LAST = {
  expect: /X-R: sip:5\.6\.7\.8:99;transport=ws sip:C\d+@h;alias=1\.2\.3\.4~5060~1\r/,
  why: 'Kamailio finds the last alias only where a parameter follows',
};
const ruriCases: readonly NatCase[] = [
  ...[
    'alias=1.2.3.4~5060~1',
    'alias=1.2.3.4~5060~2;x=y',
    'x=y;alias=[2001:db8::1]~5060~3',
    'alias=1.2.3.4~5060~1;alias=5.6.7.8~99~5',
    'alias=1.2.3.4~5060~6',
    'alias=1.2.3.4~5060~4',
    'alias=foo~1~1?hd=1',
    'alias=',
    'alias=~~',
    'alias=1.2.3.4',
    'x',
    'xalias=1.2.3.4~5060~1',
  ].map((params) => ({
    name: `handle_ruri_alias ${params}`,
    code: rc('handle_ruri_alias()'),
    ruri: `sip:@U@@h;${params}`,
  })),
  ...['alias=1.2.3.4~5060', 'alias=1.2.3.4~5060~9'].map((params) => ({
    name: `handle_ruri_alias ${params}`,
    code: rc('handle_ruri_alias()'),
    ruri: `sip:@U@@h;${params}`,
    differs: {
      expect: new RegExp(`X-R: <null> sip:C\\d+@h;${params}\\r\\nX-X: -1\\r`),
      why: 'Kamailio leaves a destroyed Request-URI behind',
    },
  })),
  { name: 'handle_ruri_alias("1")', code: rc('handle_ruri_alias("1")'), ruri: 'sip:@U@@h;alias=1.2.3.4~5060~2;x=y' },
  {
    name: 'handle_ruri_alias("1") last',
    code: rc('handle_ruri_alias("1")'),
    ruri: 'sip:@U@@h;alias=1.2.3.4~5060~1;alias=5.6.7.8~99~5',
    differs: LAST,
  },
  { name: 'handle_ruri_alias("1") none', code: rc('handle_ruri_alias("1")'), ruri: 'sip:@U@@h;x' },
];

const SDP = [
  'v=0',
  'o=alice 1 1 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.168.2.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=rtcp:4001 IN IP4 192.168.2.1',
  'm=video 4002 RTP/AVP 31',
  'c=IN IP4 10.1.1.1',
  'a=rtpmap:31 H261/90000',
  '',
].join('\r\n');
const SDP_RTCP_FIRST = SDP.replace('c=IN IP4 10.1.1.1\r\n', 'a=rtcp:4003 IN IP4 10.2.2.2\r\nc=IN IP4 10.1.1.1\r\n');

const sdpCases: readonly NatCase[] = [
  ...[1, 2, 3, 4, 6, 8, 10, 12, 15].flatMap((flags) => [
    { name: `fix_nated_sdp ${flags}`, code: rc(`fix_nated_sdp("${flags}")`), body: SDP },
    { name: `fix_nated_sdp ${flags} to`, code: rc(`fix_nated_sdp("${flags}", "5.6.7.8")`), body: SDP },
    { name: `fix_nated_sdp ${flags} rtcp`, code: rc(`fix_nated_sdp("${flags}", "5.6.7.8")`), body: SDP_RTCP_FIRST },
    {
      name: `fix_nated_sdp ${flags} on hold`,
      code: rc(`fix_nated_sdp("${flags}")`),
      body: SDP.replace('192.168.2.1', '0.0.0.0'),
    },
    {
      name: `fix_nated_sdp ${flags} marked`,
      code: rc(`fix_nated_sdp("${flags}")`),
      body: `${SDP}a=nortpproxy:yes\r\n`,
    },
    { name: `fix_nated_sdp ${flags} without an end`, code: rc(`fix_nated_sdp("${flags}")`), body: SDP.slice(0, -2) },
    { name: `fix_nated_sdp ${flags} no body`, code: rc(`fix_nated_sdp("${flags}")`) },
    {
      name: `fix_nated_sdp ${flags} no SDP`,
      code: rc(`fix_nated_sdp("${flags}")`),
      body: 'hello',
      ...((flags & 4) === 0 ? {} : { differs: { expect: /X-X: 2\r[^]*hello$/, why: 'what is no SDP is left alone' } }),
    },
  ]),
  {
    name: 'fix_nated_sdp IPv6 to IPv4',
    code: rc('fix_nated_sdp("2")'),
    body: SDP.replaceAll('IN IP4 192.168.2.1', 'IN IP6 2001:db8::1'),
    differs: {
      expect: /c=IN IP4 127\.0\.0\.1\r\n[^]*a=oldmediaip6:2001:db8::1\r\n/,
      why: 'the type is that of the address (RFC 8866 §5.7)',
    },
  },
];

const sdpAt = (session: string | null, ...streams: (string | null)[]): string =>
  [
    'v=0',
    'o=a 1 1 IN IP4 1.1.1.1',
    's=-',
    ...(session === null ? [] : [`c=IN IP4 ${session}`]),
    't=0 0',
    ...streams.flatMap((stream) => ['m=audio 4000 RTP/AVP 0', ...(stream === null ? [] : [`c=IN IP4 ${stream}`])]),
    '',
  ].join('\r\n');

const allTests = Array.from(
  { length: 10 },
  (_, bit) => `nat_uac_test("${1 << bit}"); $var(x) = $var(x) + " ${1 << bit}:" + $rc;`,
);
const TESTS = `$var(x) = "t"; ${allTests.join(' ')}`;
const example = { code: TESTS, contact: '<sip:a@example.org>' };
const natCases: readonly NatCase[] = [
  { ...example, name: 'nat_uac_test plain' },
  ...[
    '<sip:a@10.0.0.1>',
    '<sip:a@example.org>, <sip:a@10.0.0.1>',
    '<sip:a@10.0.0.1>, <sip:a@example.org>',
    '<sip:a@example.org>\r\nContact: <sip:a@10.0.0.1>',
    '<sip:a@100.64.0.9>',
    '<sip:a@192.0.0.200>',
    '<sip:a@example.org:5060>',
    '<sip:a@example.org:@PP@>',
    '<sip:a@example.org;transport=tls>',
    '*',
    null,
  ].map((contact) => ({ ...example, name: `nat_uac_test ${contact}`, contact })),
  ...[
    '127.0.0.1;branch=z9hG4bKa',
    'localhost;branch=z9hG4bKa',
    '10.1.1.1;branch=z9hG4bKa',
    '10.1.1.1;rport;branch=z9hG4bKa',
    '127.0.0.1:@PP@;received=1.2.3.4;branch=z9hG4bKa',
    '127.0.0.1:9;branch=z9hG4bKa',
  ].map((via) => ({ ...example, name: `nat_uac_test ${via}`, via: `SIP/2.0/UDP ${via}` })),
  ...[
    sdpAt('10.1.1.1', null),
    sdpAt('127.0.0.1', null),
    sdpAt('127.0.0.1', '192.168.0.3'),
    sdpAt('192.168.0.3', '127.0.0.1'),
    sdpAt('192.168.0.3', '127.0.0.1', null),
    sdpAt('0.0.0.0', null),
    sdpAt('foo.example', null),
    sdpAt('1.1.1.1', null).replace('IP4 1.1.1.1\r\nt', 'IP6 2001:db8::1\r\nt'),
    'hello',
  ].map((body, i) => ({ ...example, name: `nat_uac_test SDP ${i}`, body })),
  ...[sdpAt(null, '127.0.0.1', '192.168.0.3'), sdpAt(null, '192.168.0.3', '127.0.0.1')].map((body, i) => ({
    ...example,
    name: `nat_uac_test SDP of streams ${i}`,
    body,
    differs: { expect: / 256:1 /, why: 'its documentation promises this for several connection lines' },
  })),
  ...['sip:@U@@1.2.3.4:5080', 'sip:@U@@1.2.3.4', 'sip:@U@@1.2.3.4:5060', 'sip:@U@@1.2.3.4;transport=ws'].flatMap(
    (ruri) =>
      [
        '',
        'sip:1.2.3.4:5080',
        'sip:1.2.3.4',
        'sip:1.2.3.4:5060',
        'sip:5.6.7.8:5080',
        'sip:1.2.3.4:5080;transport=ws',
        'sip:1.2.3.4:5080;transport=tcp',
      ].map((du) => ({
        name: `nat_uac_test 512 ${ruri} ${du}`,
        code: `${du === '' ? '' : `$du = "${du}"; `}${rc('nat_uac_test("512")')}`,
        ruri,
      })),
  ),
  ...['0', '19', '24', '1024'].map((flags) => ({
    ...example,
    name: `nat_uac_test ${flags}`,
    code: rc(`nat_uac_test("${flags}")`),
  })),
];

const ADDRESSES = [
  '10.1.2.3',
  '172.15.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '172.32.0.1',
  '192.168.1.1',
  '100.63.0.1',
  '100.64.0.1',
  '100.127.1.1',
  '100.128.0.1',
  '192.0.0.1',
  '192.0.0.9',
  '192.0.1.1',
  '169.254.1.1',
  '127.0.0.1',
  '11.0.0.1',
  'fd00::1',
  '[fd00::1]',
  'x',
  '',
];
const smallCases: readonly NatCase[] = [
  ...ADDRESSES.map((ip) => ({ name: `is_rfc1918 ${ip}`, code: `$var(ip) = "${ip}"; ${rc('is_rfc1918("$var(ip)")')}` })),
  ...[
    '',
    'Record-Route: <sip:1.1.1.1;lr;r2=on>\r\n',
    'Record-Route: <sip:1.1.1.1;r2=on;lr>, <sip:2.2.2.2;lr;r2=on>, <sip:3.3.3.3;lr>\r\n',
    'Record-Route: <sip:3.3.3.3;lr>, <sip:4.4.4.4;lr;r2=on>\r\n',
    'Record-Route: <sip:1.1.1.1;r2=on;lr>\r\nRecord-Route: <sip:2.2.2.2;lr;r2=on>\r\nRecord-Route: <sip:3.3.3.3;lr>\r\n',
  ].map((headers, i) => ({ name: `$rr_count ${i}`, code: '$var(x) = $rr_count + " " + $rr_top_count;', headers })),
  { name: 'fix_nated_register', code: 'fix_nated_register(); $var(x) = $rc + " " + $avp(r);' },
  ...[1, 2, 3].map((n) => ({
    name: `@nathelper.rewrite_contact[${n}]`,
    code: `$var(x) = @nathelper.rewrite_contact[${n}];`,
    contact: '"x" <sip:a@10.0.0.1:88;y>, <sip:b@c:99;z>;q=1',
    ...(n === 3
      ? {}
      : {
          differs: {
            expect: n === 1 ? /X-X: "x" <sip:a@127\.0\.0\.1:PP;y>\r/ : /X-X: <sip:b@127\.0\.0\.1:PP;z>;q=1\r/,
            why: 'Kamailio counts from the last',
          },
        }),
  })),
];

/** All of them. */
export const NAT_CASES: readonly NatCase[] = [
  ...contactCases,
  ...headerCases,
  ...ruriCases,
  ...sdpCases,
  ...natCases,
  ...smallCases,
];
