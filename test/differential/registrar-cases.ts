/** Registrations and look-ups for `registrar.peer.test.ts`: what both servers are sent, with which parameters. */

/** One request. What is not given is as in a plain REGISTER of alice. */
export interface Step {
  readonly method?: string;
  readonly uri?: string;
  readonly to?: string;
  readonly callId?: string;
  readonly cseq?: number;
  readonly contact?: string | readonly string[];
  readonly headers?: Readonly<Record<string, string | number | readonly string[]>>;
  /** What Strowger answers where it differs, and why. */
  readonly ours?: { readonly reply: readonly string[]; readonly why: string };
}

/** One script and what it is sent, in order. */
export interface Case {
  readonly name: string;
  readonly params?: string;
  /** Runs before anything else in request_route. */
  readonly pre?: string;
  readonly modules?: string;
  readonly steps: readonly Step[];
}

const INSTANCE_1 = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"';
const INSTANCE_2 = '+sip.instance="<urn:uuid:22222222-0000-1000-8000-AABBCCDDEEFF>"';

function invite(headers: Step['headers'] = {}, uri = 'sip:alice@example.org'): Step {
  return { method: 'INVITE', uri, headers };
}

function asks(what: string, uri: string, more: Step['headers'] = {}): Step {
  return invite({ 'X-Do': what, 'X-Uri': uri, ...more });
}

function param(name: string, value: number | string): string {
  return `modparam("registrar", "${name}", ${typeof value === 'number' ? value : `"${value}"`})\n`;
}

const HELD = { 'X-Then': 1, 'X-Flags': 18 };

export const CASES: readonly Case[] = [
  {
    name: 'bindings, q values, queries, removal',
    steps: [
      { contact: '<sip:alice@127.0.0.1:PORT>', headers: { Expires: 600 } },
      {},
      { contact: '<sip:alice@10.0.0.9>;q=0.5;expires=100', callId: 'c2', headers: { Allow: 'INVITE, ACK' } },
      {
        contact: [
          '<sip:a@10.0.0.1>;q=1',
          '"Bob" <sip:b@10.0.0.2;transport=tcp>;q=0.33;expires=0;foo=bar, sip:c@10.0.0.3;q=0.7',
        ],
        callId: 'c3',
      },
      {},
      invite(),
      asks('fetch', 'sip:alice@example.org'),
      { contact: '*', headers: { Expires: 10 } },
      { contact: '*' },
      { contact: ['*', '<sip:x@y>'], headers: { Expires: 0 } },
      { contact: '*', callId: 'c3', headers: { Expires: 0 } },
      {},
      invite(),
    ],
  },
  {
    name: 'forms of expires',
    params: param('default_expires', 100),
    steps: [
      { contact: '<sip:x1@1.1.1.1>;expires=abc', headers: { Expires: 200 } },
      { contact: '<sip:x2@1.1.1.1>;expires=', headers: { Expires: 200 } },
      { contact: '<sip:x3@1.1.1.1>;expires', headers: { Expires: 200 } },
      { contact: '<sip:x4@1.1.1.1>;expires="30"', headers: { Expires: 200 } },
      { contact: '<sip:x5@1.1.1.1>;expires=99999999999', headers: { Expires: 200 } },
      { contact: '<sip:x6@1.1.1.1>', headers: { Expires: 'abc' } },
      { contact: '<sip:x7@1.1.1.1>', headers: { Expires: '150 ; x' } },
      { contact: '<sip:x8@1.1.1.1>;expires=-5' },
      { contact: '<sip:x8@1.1.1.1>;expires=10' },
      { contact: '<sip:x8@1.1.1.1>;expires=0' },
      { contact: 'sip:x8@1.1.1.1;expires=300;x=y' },
    ],
  },
  {
    name: 'q and bad contacts',
    steps: [
      { contact: '<sip:a@1.1.1.1>' },
      { contact: '<sip:a@1.1.1.1>;q=7' },
      { contact: '<sip:a@1.1.1.1>;q=abc' },
      { contact: '<sip:a@1.1.1.1>;q=0.55555' },
      { contact: '<sip:a@1.1.1.1>;q=' },
      { contact: '<sip:a@1.1.1.1>;q=0' },
      { contact: '<sip:a@1.1.1.1>;q=1.0' },
      { contact: 'nonsense' },
      { contact: '<sip:a@1.1.1.1' },
      { contact: `<sip:${'a'.repeat(600)}@1.1.1.1>` },
      { contact: '<tel:+1234>' },
      {
        contact: '<nonsense>',
        ours: {
          reply: ['SIP/2.0 400 Bad Request', 'P-Registrar-Error: Contact parse error'],
          why: 'RFC 3261 §10.3: a contact is a URI',
        },
      },
      { contact: '<sip:b@1.1.1.1>, <sip:c@1.1.1.1>;q=7', to: '<sip:new@x>' },
      { to: '<sip:new@x>' },
      {
        contact: '<sip:c@1.1.1.1>;q=7, <sip:b@1.1.1.1>',
        to: '<sip:new@x>',
      },
      { to: '<sip:new@x>' },
    ],
  },
  {
    name: 'Call-ID and CSeq',
    steps: [
      { contact: '<sip:a@1.1.1.1>', callId: 'c1', cseq: 10 },
      { contact: '<sip:a@1.1.1.1>', callId: 'c1', cseq: 10 },
      { contact: '<sip:a@1.1.1.1>', callId: 'c1', cseq: 9 },
      { contact: '<sip:a@1.1.1.1>;expires=0', callId: 'c1', cseq: 9 },
      { contact: '<sip:b@1.1.1.1>', callId: 'c1', cseq: 5 },
      { contact: '<sip:c@1.1.1.1>, <sip:a@1.1.1.1>', callId: 'c1', cseq: 8 },
      { contact: '<sip:a@1.1.1.1>', callId: 'c2', cseq: 1 },
      { contact: '<sip:a@1.1.1.1>;expires=0', callId: 'c2', cseq: 1 },
      { contact: '*', headers: { Expires: 0 }, callId: 'c1', cseq: 1 },
      {},
    ],
  },
  {
    name: 'what save() returns, and the order of one REGISTER',
    steps: [
      { contact: '<sip:a@1.1.1.1>, <sip:b@1.1.1.1>, <sip:c@1.1.1.1>', headers: HELD },
      { contact: '<sip:d@1.1.1.1>, <sip:e@1.1.1.1>', headers: HELD },
      { contact: '<sip:a@1.1.1.1>, <sip:f@1.1.1.1>', headers: HELD },
      { contact: '<sip:a@1.1.1.1>;expires=0, <sip:f@1.1.1.1>', headers: HELD },
      { contact: '<sip:f@1.1.1.1>,<sip:a@1.1.1.1>;expires=0', headers: HELD },
      { contact: '<sip:zz@1.1.1.1>;expires=0', headers: HELD },
      { contact: '<sip:zz@1.1.1.1>;expires=0', to: '<sip:new@x>', headers: HELD },
      { contact: '*', to: '<sip:new@x>', headers: { ...HELD, Expires: 0 } },
      { headers: HELD },
      { contact: 'junk', headers: HELD },
      { contact: '<sip:g@1.1.1.1>', headers: { 'X-Flags': 2, 'X-Then': 1 } },
      { contact: '<sip:g@1.1.1.1>', headers: { 'X-Flags': 2, 'X-Send': 1 } },
      { contact: '<sip:g@1.1.1.1>', headers: { 'X-Flags': 18, 'X-Send': 1 } },
      { contact: 'junk', headers: { 'X-Flags': 2, 'X-Send': 1 } },
      { contact: '<sip:h@1.1.1.1>', headers: { 'X-Flags': 4 } },
      { contact: '<sip:h@1.1.1.1>, <sip:i@1.1.1.1>', headers: { 'X-Flags': 4 } },
      { contact: '<sip:k@1.1.1.1>;expires=0', headers: { 'X-Flags': 4 } },
      { contact: '<sip:k@1.1.1.1>', headers: { 'X-Flags': 8 } },
      { contact: '<sip:k@1.1.1.1>', headers: { 'X-Uri': 'sip:carol@example.org' } },
      { contact: '<sip:k@1.1.1.1>', headers: { 'X-Uri': 'junk' } },
    ],
  },
  {
    name: 'max_contacts and retry_after',
    params: param('max_contacts', 2) + param('retry_after', 30),
    steps: [
      { contact: '<sip:a@1.1.1.1>' },
      { contact: '<sip:b@1.1.1.1>' },
      { contact: '<sip:c@1.1.1.1>', headers: HELD },
      { contact: '<sip:b@1.1.1.1>' },
      { contact: '<sip:b@1.1.1.1>;expires=0, <sip:c@1.1.1.1>' },
      { contact: '<sip:d@1.1.1.1>, <sip:b@1.1.1.1>;expires=0' },
      { contact: '<sip:a@1.1.1.1>, <sip:b@1.1.1.1>, <sip:c@1.1.1.1>', to: '<sip:bob@example.org>' },
      { to: '<sip:bob@example.org>' },
      { contact: '<sip:z@1.1.1.1>', headers: { 'X-Flags': 4 } },
    ],
  },
  {
    name: 'min_expires, max_expires, default_q',
    params:
      param('min_expires', 100) +
      param('max_expires', 1000) +
      param('min_expires_mode', 1) +
      param('default_expires', 50) +
      param('default_q', 500),
    steps: [
      { contact: '<sip:a@1.1.1.1>;expires=90' },
      { contact: '<sip:b@1.1.1.1>;expires=3000' },
      { contact: '<sip:c@1.1.1.1>' },
      { contact: '<sip:c@1.1.1.1>', headers: { Expires: 30 } },
      { contact: '<sip:d@1.1.1.1>;expires=200, <sip:e@1.1.1.1>;expires=20' },
      {},
    ],
  },
  {
    name: 'use_domain, case_sensitive, realm_prefix, append_branches 0',
    params:
      param('case_sensitive', 1) +
      param('realm_prefix', 'sip.') +
      param('append_branches', 0) +
      'modparam("usrloc", "use_domain", 1)\n',
    steps: [
      { contact: '<sip:a@1.1.1.1>', to: '<sip:Alice@sip.Example.ORG>' },
      { contact: '<sip:b@1.1.1.1>', to: '<sip:Alice@sip.Example.ORG>' },
      invite({}, 'sip:alice@example.org'),
      invite({}, 'sip:Alice@example.org:5090'),
      invite({}, 'sip:Alice@sip.example.org'),
      invite({}, 'sip:Alice@other.example.org'),
      asks('fetch', 'sip:Alice@example.org'),
      { contact: '<sip:b@1.1.1.1>', to: '<sip:x.org>' },
      asks('fetch', 'sip:x.org'),
      { contact: '<sip:t@1.1.1.1>', to: '<tel:+1234>' },
      asks('fetch', 'tel:+1234'),
    ],
  },
  {
    name: 'lookup, lookup_to_dset, lookup_branches, registered, unregister, reg_fetch_contacts',
    steps: [
      { contact: '<sip:a@1.1.1.1>;q=0.9, <sip:b@1.1.1.2>;q=0.5, <sip:c@1.1.1.3>', callId: 'c1' },
      { contact: '<sip:bob@1.1.1.7>;q=0.2', to: '<sip:bob@example.org>', callId: 'cb' },
      { contact: '<sip:d@1.1.1.1>', to: '<sip:Dave%41@Example.ORG;x=y>', callId: 'cd' },
      invite(),
      invite({ 'X-Do': 'dset' }),
      asks('dset2', 'sip:ALICE@EXAMPLE.org;x=y'),
      asks('lookup2', 'sip:ALICE@EXAMPLE.org;x=y'),
      asks('lookup2', 'sip:none@example.org'),
      asks('lookup2', 'junk'),
      invite({}, 'sip:example.org'),
      invite({}, 'sip:dave%61@example.com'),
      invite({}, 'sip:davea@example.com'),
      invite({ 'X-Do': 'branches' }),
      invite({ 'X-Do': 'branches' }, 'sip:none@example.org'),
      invite({ 'X-Do': 'registered' }),
      asks('registered2', 'sip:none@example.org'),
      asks('registered2', 'junk'),
      asks('fetch', 'sip:none@example.org'),
      asks('fetch', 'junk'),
      asks('fetch', 'sip:alice@example.org'),
      asks('unregister', 'sip:none@example.org'),
      asks('unregister', 'junk'),
      asks('unregister3', 'sip:alice@example.org', { 'X-Ruid': 'foo' }),
      asks('unregister3', 'sip:none@example.org', { 'X-Ruid': 'foo' }),
      asks('unregister', 'sip:bob@example.org'),
      asks('registered2', 'sip:bob@example.org'),
    ],
  },
  {
    name: 'Path, mode 0',
    params: param('use_path', 1) + param('path_mode', 0),
    steps: pathSteps(),
  },
  {
    name: 'Path, mode 1',
    params: param('use_path', 1) + param('path_mode', 1) + param('path_use_received', 1),
    steps: pathSteps(),
  },
  {
    name: 'Path, mode 2',
    params: param('use_path', 1) + param('path_use_received', 1),
    steps: [
      {
        contact: '<sip:a@127.0.0.1:PORT>',
        headers: { Path: '<sip:p1@127.0.0.1:PORT;lr>' },
        ours: {
          reply: [
            'SIP/2.0 420 Bad Extension',
            'Unsupported: path',
            'Path: <sip:p1@127.0.0.1:PEER;lr>',
            'P-Registrar-Error: No support for found Path indicated',
          ],
          why: "what is refused is not stored (RFC 3261 §10.3, Kamailio's document); Kamailio stores it",
        },
      },
      ...pathSteps().slice(1),
    ],
  },
  {
    name: 'path_check_local',
    params: param('use_path', 1) + param('path_mode', 0) + param('path_check_local', 1),
    modules: 'alias="foo.example.com"\n',
    pre: 'setbflag(3);',
    steps: [
      { contact: '<sip:a@127.0.0.1:PORT>', headers: { Path: '<sip:foo.example.com;lr>' } },
      invite(),
      {
        contact: '<sip:a@127.0.0.1:PORT>',
        callId: 'c2',
        headers: { Path: '<sip:foo.example.com;lr;received=sip:9.9.9.9>,<sip:second.example.org;lr>' },
      },
      invite(),
      invite({ 'X-Do': 'dset' }),
    ],
  },
  {
    name: 'received, sockets, flags',
    params:
      param('received_avp', '$avp(s:rcv)') +
      param('received_param', 'rcv') +
      param('sock_flag', 18) +
      param('sock_hdr_name', 'Sock-Info') +
      'modparam("usrloc", "nat_bflag", 6)\n',
    pre: '$avp(s:rcv) = "sip:7.7.7.7:1234;transport=tcp"; setflag(18); setbflag(6); setbflag(2); setflag(3);',
    steps: [
      { contact: '<sip:a@1.1.1.1>' },
      { contact: '<sip:b@1.1.1.1>', headers: { 'Sock-Info': 'udp:127.0.0.1:5060' } },
      { contact: '<sip:c@1.1.1.1>', headers: { 'Sock-Info': 'junk' } },
      invite(),
      asks('fetch', 'sip:alice@example.org'),
    ],
  },
  {
    name: 'received that is none',
    params: param('received_avp', '$avp(s:rcv)') + param('received_param', ''),
    pre: '$avp(s:rcv) = 5; if ($hdr(X-R) != $null) { $avp(s:rcv) = $hdr(X-R); }',
    steps: [
      { contact: '<sip:a@1.1.1.1>' },
      { contact: '<sip:b@1.1.1.1>', headers: { 'X-R': 'sip:5.5.5.5' } },
      { contact: '<sip:c@1.1.1.1>', headers: { 'X-R': `sip:${'a'.repeat(600)}` } },
      asks('fetch', 'sip:alice@example.org'),
    ],
  },
  {
    name: 'method_filtering',
    params: param('method_filtering', 1),
    steps: [
      { contact: '<sip:a@1.1.1.1>', headers: { Allow: 'MESSAGE' } },
      invite(),
      { method: 'MESSAGE', uri: 'sip:alice@example.org' },
      { method: 'INVITE', uri: 'sip:alice@example.org', to: '<sip:a@b>;tag=x' },
      { contact: '<sip:b@1.1.1.1>', headers: { Allow: 'INVITE,ACK,FOO' } },
      { contact: '<sip:c@1.1.1.1>;methods="INVITE,BYE"', headers: { Allow: 'MESSAGE' } },
      { contact: '<sip:d@1.1.1.1>;methods="INVITE,(("', headers: { Allow: 'MESSAGE' } },
      { contact: '<sip:d@1.1.1.1>', headers: { Allow: '(((' } },
      invite(),
      { method: 'FOO', uri: 'sip:alice@example.org' },
      asks('fetch', 'sip:alice@example.org'),
    ],
  },
  {
    name: 'xavp_cfg and xavp_rcd_mask',
    params: param('xavp_rcd_mask', 3),
    pre: `
      if ($hdr(X-Q) != $null) $xavp(reg=>q) = $(hdr(X-Q){s.int});
      if ($hdr(X-E) != $null) $xavp(reg=>expires) = $(hdr(X-E){s.int});
      if ($hdr(X-M) != $null) $xavp(reg=>max_contacts) = $(hdr(X-M){s.int});`,
    steps: [
      { contact: '<sip:a@1.1.1.1>;q=0.3, <sip:b@1.1.1.1>;expires=100', headers: { 'X-Q': 700 } },
      { contact: '<sip:a@1.1.1.1>;expires=300', headers: { 'X-E': 550 } },
      { contact: '<sip:a@1.1.1.1>;expires=300', headers: { 'X-E': 10 } },
      { contact: '<sip:a@1.1.1.1>;expires=300', headers: { 'X-E': 0 } },
      { contact: '<sip:a@1.1.1.1>;expires=0', headers: { 'X-E': 550 } },
      { contact: '<sip:c@1.1.1.1>', headers: { 'X-M': 1 } },
      { contact: '<sip:c@1.1.1.1>', headers: { 'X-M': 2 } },
      { contact: '<sip:c@1.1.1.1>', headers: { 'X-Q': 7000 } },
      { contact: '<sip:c@1.1.1.1>', headers: { 'X-Q': -1 } },
      invite(),
    ],
  },
  {
    name: 'lookup_filter_mode 1; lookup and $du',
    params: param('lookup_filter_mode', 1),
    pre: `
      $du = "sip:9.9.9.9";
      if ($hdr(X-B) == "2") setbflag(2);
      if ($hdr(X-B) == "3") setbflag(3);
      if ($hdr(X-F) != $null) $xavp(reg=>rlf_bflags) = $(hdr(X-F){s.int});`,
    steps: [
      { contact: '<sip:a@1.1.1.1>;q=0.3', headers: { 'X-B': 2 } },
      { contact: '<sip:b@1.1.1.1>;q=0.3', headers: { 'X-B': 3 } },
      { contact: '<sip:c@1.1.1.1>;q=0.9' },
      invite(),
      invite({ 'X-F': 4 }),
      invite({ 'X-F': 12 }),
      invite({ 'X-F': 16 }),
      invite({ 'X-F': 16, 'X-Do': 'registered' }),
      invite({ 'X-F': 4, 'X-Do': 'dset' }),
    ],
  },
  {
    name: 'registered() with conditions',
    params: param('received_avp', '$avp(rcv)'),
    pre: `
      if ($hdr(X-R) != $null) { $avp(rcv) = $hdr(X-R); $xavp(reg=>match_received) = $hdr(X-R); }
      if ($hdr(X-C) != $null) $xavp(reg[0]=>match_callid) = $hdr(X-C);
      if ($hdr(X-T) != $null) $xavp(reg[0]=>match_contact) = $hdr(X-T);`,
    steps: [
      { contact: '<sip:a@1.1.1.1>;q=0.9', callId: 'c1', headers: { 'X-R': 'sip:1.1.1.1:1' } },
      { contact: '<sip:b@1.1.1.1>;q=0.3', callId: 'c2', headers: { 'X-R': 'sip:2.2.2.2:1' } },
      ...[1, 2, 4, 7].flatMap((option) => [
        asks('registered4', 'sip:alice@x', {
          'X-Opt': option,
          'X-C': 'c2',
          'X-R': 'sip:2.2.2.2:1',
          'X-T': 'sip:b@1.1.1.1',
        }),
        asks('registered4', 'sip:alice@x', { 'X-Opt': option }),
        asks('registered4', 'sip:alice@x', {
          'X-Opt': option,
          'X-C': 'c1',
          'X-R': 'sip:2.2.2.2:1',
          'X-T': 'sip:b@1.1.1.1',
        }),
      ]),
    ],
  },
  {
    name: 'GRUU, instances and reg-ids',
    steps: [
      { contact: `<sip:a@1.1.1.1>;${INSTANCE_1}` },
      { contact: `<sip:a@1.1.1.1>;${INSTANCE_1}`, headers: { Supported: 'gruu' } },
      { contact: `<sip:b@1.1.1.1>;${INSTANCE_1}`, callId: 'c2', headers: { Supported: 'outbound, gruu' } },
      { contact: `<sip:c@1.1.1.1>;${INSTANCE_2};reg-id=1`, callId: 'c3', headers: { Supported: 'gruu' } },
      { contact: `<sip:d@1.1.1.1>;${INSTANCE_2};reg-id=2`, callId: 'c3', headers: { Supported: 'gruu, outbound' } },
      { contact: '<sip:e@1.1.1.1>;reg-id=2', callId: 'c5', headers: { Supported: 'gruu, outbound' } },
      { contact: '<sip:e@1.1.1.1>;+sip.instance="xyz"', callId: 'c5', headers: { Supported: 'gruu' } },
      asks('fetch', 'sip:alice@example.org'),
      invite({}, 'sip:alice@example.org;gr=urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF'),
      invite({}, 'sip:alice@example.org;gr=urn:uuid:22222222-0000-1000-8000-AABBCCDDEEFF'),
      invite({}, 'sip:alice@example.org;gr=urn:uuid:unknown'),
      invite({}, 'sip:TEMPGRUU@example.org;gr'),
      invite({}, 'sip:alice@example.org;gr'),
      { contact: `<sip:a@1.1.1.1>;${INSTANCE_1};expires=0`, headers: { Supported: 'gruu' } },
      { contact: `<sip:z@1.1.1.1>;${INSTANCE_2};expires=0`, callId: 'c3', headers: { Supported: 'gruu' } },
      {},
      { contact: '*', callId: 'c3', headers: { Supported: 'gruu', Expires: 0 } },
      { contact: `<sip:c@1.1.1.1>;${INSTANCE_1};reg-id=1`, headers: { Require: 'outbound' } },
      { contact: `<sip:c@1.1.1.1>;${INSTANCE_1};reg-id=1`, headers: { Require: 'foo' } },
    ],
  },
  { name: 'gruu_enabled 0', params: param('gruu_enabled', 0), steps: flowSteps() },
  { name: 'regid_mode 1', params: param('regid_mode', 1), steps: flowSteps() },
  {
    name: 'outbound_mode 1',
    params: param('outbound_mode', 1) + param('flow_timer', 25) + param('use_path', 1) + param('path_mode', 1),
    steps: outboundSteps(),
  },
  {
    name: 'outbound_mode 2',
    params: param('outbound_mode', 2) + param('use_path', 1) + param('path_mode', 1),
    steps: outboundSteps(),
  },
  {
    name: 'add_sock_hdr',
    modules: 'loadmodule "textopsx.so"\n',
    pre: `if ($hdr(X-Sock) != $null) {
      add_sock_hdr("Sock-Info");
      msg_apply_changes();
      sl_send_reply("200", "$hdr(Sock-Info)");
      exit;
    }`,
    steps: [{ headers: { 'X-Sock': 1 } }],
  },
];

function pathSteps(): Step[] {
  const path = [
    '<sip:p1@127.0.0.1:PORT;lr;received=sip:9.9.9.9:99%3Btransport%3Dtcp>,<sip:p2@1.1.1.2;lr>',
    '"x" <sip:p3@1.1.1.3;lr>;foo',
  ];
  return [
    { contact: '<sip:a@127.0.0.1:PORT>', headers: { Path: '<sip:p1@127.0.0.1:PORT;lr>' } },
    { contact: '<sip:a@127.0.0.1:PORT>', headers: { Supported: 'path', Path: path } },
    invite(),
    asks('fetch', 'sip:alice@example.org'),
    invite({ 'X-Relay': 1 }),
    invite({ 'X-Do': 'dset' }),
    { contact: '<sip:b@127.0.0.1:PORT>', headers: { Supported: 'path', Path: 'junk' } },
    { contact: '<sip:b@127.0.0.1:PORT>', headers: { Supported: 'path', Path: '<junk>' } },
    { contact: '<sip:e@127.0.0.1:PORT>', headers: { Supported: 'path' } },
  ];
}

function flowSteps(): Step[] {
  const headers = { Supported: 'gruu, outbound' };
  return [
    { contact: `<sip:c@1.1.1.1>;${INSTANCE_2};reg-id=1`, headers: { Supported: 'gruu' } },
    { contact: `<sip:d@1.1.1.1>;${INSTANCE_2};reg-id=2`, headers },
    { contact: `<sip:e@1.1.1.1>;${INSTANCE_2};reg-id=2`, headers },
    {
      contact: `<sip:f@1.1.1.1>;${INSTANCE_2};reg-id=1,<sip:g@1.1.1.1>;${INSTANCE_2};reg-id=2`,
      headers,
    },
    asks('fetch', 'sip:alice@example.org'),
  ];
}

function outboundSteps(): Step[] {
  const both = 'outbound, path';
  const vias = (branch: string): readonly string[] => [
    `SIP/2.0/UDP 127.0.0.1:PORT;branch=z9hG4bK-${branch}`,
    'SIP/2.0/UDP 127.0.0.2:5060;branch=z9hG4bK2',
  ];
  const contact = (user: string, regId: number): string => `<sip:${user}@1.1.1.1>;${INSTANCE_2};reg-id=${regId}`;
  return [
    { contact: contact('c', 1), headers: { Supported: 'gruu' } },
    { contact: contact('c', 1), headers: { Supported: 'gruu, outbound, path' } },
    {
      contact: contact('d', 2),
      headers: { Supported: 'outbound', Require: 'outbound', Path: '<sip:10.0.0.1;lr;ob>' },
    },
    { contact: contact('d', 2), headers: { Supported: both, Path: '<sip:10.0.0.1;lr>' } },
    {
      contact: contact('d', 4),
      headers: { Supported: both, Path: '<sip:10.0.0.1;lr;ob>, <sip:10.0.0.2;lr>', Via: vias('x1') },
    },
    {
      contact: contact('d', 5),
      headers: { Supported: both, Path: '<sip:10.0.0.1;lr>, <sip:10.0.0.2;lr;ob>', Via: vias('x2') },
    },
    { contact: contact('d', 5), headers: { Supported: both, Via: vias('x3') } },
    { contact: '<sip:d@1.1.1.1>;reg-id=6', callId: 'c6', headers: { Supported: both } },
    { contact: `<sip:e@1.1.1.1>;${INSTANCE_1}`, callId: 'c6', headers: { Supported: both } },
    { contact: '<sip:f@1.1.1.1>', callId: 'c6', headers: { Require: 'outbound' } },
    { headers: { Supported: 'outbound' } },
    asks('fetch', 'sip:alice@example.org'),
    invite(),
    { contact: '*', headers: { Supported: 'outbound', Expires: 0 } },
  ];
}
