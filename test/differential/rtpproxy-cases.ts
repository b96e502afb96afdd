/** What scripts ask of rtpproxy. Both servers must send it the same commands and make the same SDP of its answers. */
export interface ProxyCase {
  readonly name: string;
  readonly code: string;
  readonly message?:
    | 'invite'
    | 'in-dialog'
    | 'reply'
    | 'ringing'
    | 'failure'
    | 'no-body'
    | 'ack'
    | 'bye'
    | 'cancel'
    | 'update'
    | 'prack'
    | 'info';
  readonly body?: string;
  /** Where this server is right and Kamailio is not: what must come out, and why. */
  readonly differs?: { readonly expect: RegExp; readonly why: string };
}

const rc = (call: string): string => `${call}; $var(x) = $rc;`;

export const SDP = [
  'v=0',
  'o=alice 1 1 IN IP4 192.0.2.1',
  's=-',
  'c=IN IP4 192.168.2.1',
  't=0 0',
  'm=audio 4000 RTP/AVP 0 8 101',
  'a=rtpmap:0 PCMU/8000',
  'a=sendrecv',
  '',
].join('\r\n');
const VIDEO = `${SDP}a=rtcp:4001 IN IP4 192.168.2.1\r\nm=video 4002 RTP/AVP 31\r\nc=IN IP4 10.1.1.1\r\na=rtpmap:31 H261/90000\r\n`;
const OWN = VIDEO.replace('101\r\n', '101\r\nc=IN IP4 10.9.9.9\r\n');
const ICE = `${SDP}a=candidate:1 1 UDP 2130706431 192.168.2.1 4000 typ host\r\na=candidate:1 2 UDP 2130706430 192.168.2.1 4001 typ host\r\n`;
const V6 = SDP.replaceAll('IN IP4 192.168.2.1', 'IN IP6 2001:db8::1');

const OPTIONS = [
  '',
  'f',
  'r',
  'a',
  'w',
  'o',
  'c',
  'cor',
  'co',
  'x',
  'l',
  'ie',
  'ei',
  'ii',
  'e',
  'z20',
  'z',
  's',
  '1',
  '2',
  '3',
  'b',
  't',
  'i',
  'rw',
  'FRWOC',
  'n',
  '+',
  'm',
  '?',
  'iex',
  'wi',
  'iw',
  'zx',
  'wx',
  'xw',
  'z20r',
  'aw',
  'wz20ie',
  'b1',
  '1b',
];

const bodies: readonly (readonly [name: string, body: string])[] = [
  ['two streams', VIDEO],
  ['own addresses', OWN],
  ['IPv6', V6],
  ['on hold', SDP.replace('192.168.2.1', '0.0.0.0')],
  ['marked', `${SDP}a=nortpproxy:yes\r\n`],
  ['a stream refused', VIDEO.replace('4002', '0')],
  ['SRTP', SDP.replace('RTP/AVP', 'RTP/SAVP')],
  ['DTLS', SDP.replace('RTP/AVP', 'UDP/TLS/RTP/SAVPF')],
  ['T.38', SDP.replace('audio 4000 RTP/AVP 0 8 101', 'image 4000 udptl t38')],
  ['no address', SDP.replace('c=IN IP4 192.168.2.1\r\n', '')],
  ['no SDP', 'hello'],
  ['no line end', SDP.slice(0, -2)],
];

const offers: readonly ProxyCase[] = [
  ...OPTIONS.map((text) => ({ name: `offer ${text}`, code: rc(`rtpproxy_offer("${text}")`) })),
  ...OPTIONS.slice(0, 12).map((text) => ({
    name: `offer ${text} in a dialog`,
    code: rc(`rtpproxy_offer("${text}")`),
    message: 'in-dialog' as const,
  })),
  { name: 'offer to an address', code: rc('rtpproxy_offer("cor", "5.6.7.8")') },
  ...bodies.flatMap(([name, body]) =>
    ['', 'cor', 'r', 'f', 'rx', 'rwz20'].map((text) => ({
      name: `offer ${text}: ${name}`,
      code: rc(`rtpproxy_offer("${text}")`),
      body,
      ...(text === 'rwz20' && body.includes('m=video')
        ? {
            differs: {
              expect: /"USZ20c31 C\d+ 10\.1\.1\.1 \d+ FROM;2"/,
              why: 'Kamailio sends stray bytes for the second stream',
            },
          }
        : {}),
    })),
  ),
  ...['', '$avp(ice) = 0; ', '$avp(ice) = 1; ', '$avp(ice) = 2; ', '$avp(ice) = 3; '].map((set) => ({
    name: `ICE ${set}`,
    code: `${set}rtpproxy_manage("cor"); $var(x) = $rc;`,
    body: ICE,
  })),
  ...['E1', '0', '40000', '40000 2001:db8::9 6'].map((answer) => ({
    name: `the answer is ${answer}`,
    code: rc('rtpproxy_offer()'),
    body: SDP.replace('alice', `answer-${answer.replaceAll(' ', '_')}`),
  })),
];

const CALLS = [
  'rtpproxy_answer()',
  'rtpproxy_answer("cor")',
  'rtpproxy_answer("1")',
  'rtpproxy_answer("2")',
  'rtpproxy_answer("3")',
  'rtpproxy_offer()',
  'rtpproxy_offer("3l")',
  'rtpproxy_destroy()',
  'rtpproxy_destroy("1")',
  'rtpproxy_destroy("2")',
  'rtpproxy_destroy("3")',
  'rtpproxy_destroy("b")',
  'rtpproxy_destroy("t")',
  'rtpproxy_destroy("bt")',
  'unforce_rtp_proxy()',
  'start_recording()',
  'rtpproxy_stream2uac("/p/x", "3")',
  'rtpproxy_stream2uas("/p/x", "-1")',
  'rtpproxy_stop_stream2uac()',
  'rtpproxy_stop_stream2uas()',
  'rtpproxy_manage()',
  'rtpproxy_manage("cor")',
  'rtpproxy_manage("co", "5.6.7.8")',
];

const MESSAGES = [
  'invite',
  'in-dialog',
  'reply',
  'ringing',
  'failure',
  'no-body',
  'ack',
  'bye',
  'cancel',
  'update',
  'prack',
  'info',
] as const;

/** All of them. */
export const PROXY_CASES: readonly ProxyCase[] = [
  ...offers,
  ...CALLS.flatMap((call) => MESSAGES.map((message) => ({ name: `${call} ${message}`, code: rc(call), message }))),
  { name: 'rtp_inst_pvar', code: 'rtpproxy_offer(); $var(x) = $avp(inst);' },
  { name: 'another set', code: rc('set_rtp_proxy_set("2"); rtpproxy_offer()') },
  { name: 'no such set', code: '$var(n) = 7; set_rtp_proxy_set("$var(n)"); $var(x) = $rc;' },
];
