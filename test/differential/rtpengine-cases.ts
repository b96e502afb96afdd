/** What scripts ask of rtpengine. Both servers must send it the same, byte for byte. */
export interface NgCase {
  readonly name: string;
  readonly code: string;
  readonly message?:
    | 'invite'
    | 'in-dialog'
    | 'reply'
    | 'no-body'
    | 'multipart'
    | 'fragment'
    | 'ack'
    | 'bye'
    | 'cancel'
    | 'update'
    | 'prack'
    | 'info'
    | 'message';
  /** Compared without the value of `via-branch`: each server has its own branches. */
  readonly ownBranch?: true;
  /** Where this server is right and Kamailio is not: what must be sent, and why. */
  readonly differs?: { readonly expect: RegExp; readonly why: string };
}

const rc = (call: string): string => `${call}; $var(x) = $rc;`;
const offer = (flags: string): NgCase => ({ name: flags, code: rc(`rtpengine_offer("${flags}")`) });

const FLAGS = [
  'force',
  'trust-address',
  'SIP-source-address',
  'asymmetric',
  'symmetric',
  'unidirectional',
  'force-answer',
  'replace-origin',
  'replace-session-connection',
  'replace-sdp-version',
  'replace-username',
  'port-latching',
  'no-redis-update',
  'record-call=on',
  'record-call',
  'metadata=foo',
  'strict-source',
  'media-handover',
  'all',
  'directional',
  'trickle-ICE',
  'codec-transcode-PCMU',
  'codec-transcode=PCMU codec-transcode=opus/48000/2',
  'transcode-PCMA',
  'transcode=PCMA',
  'codec-strip=PCMU',
  'codec-strip=PCMU codec-strip=PCMA codec-mask=all codec-offer=G722 codec-except=x codec-set=opus/48000',
  'codec-accept=PCMU codec-consume=y codec-ignore=z',
  'strip-PCMU',
  'offer=x',
  'except-y',
  'mask=all',
  'set-foo',
  'direction=internal direction=external',
  'internal external',
  'direction=priv direction=pub direction=third',
  'address-family=IP6',
  'ICE=force',
  'ICE=remove',
  'ICE=force-relay',
  'RTP',
  'SRTP',
  'DTLS',
  'AVP',
  'AVPF',
  'SRTP AVPF',
  'RTP AVP',
  'SRTP AVP',
  'DTLS AVPF',
  'SAVP',
  'RTP/AVP',
  'RTP/SAVP',
  'RTP/AVPF',
  'RTP/SAVPF',
  'UDP/TLS/RTP/SAVP',
  'UDP/TLS/RTP/SAVPF',
  'RTP/SAVP RTP/AVP',
  'SRTP RTP',
  'AVPF AVP',
  'RTP/SAVPF AVP',
  'OSRTP-offer',
  'OSRTP=offer',
  'transport-protocol=RTP/AVP',
  'to-tag',
  'to-tag=tt',
  'from-tag=ff',
  'to-label=tl',
  'label=lll',
  'rtcp-mux-demux',
  'rtcp-mux-reject rtcp-mux-offer',
  'rtcp-mux=demux',
  'media-address=1.2.3.4',
  'media-address=2001:db8::1',
  'received-from=1.2.3.4',
  'TOS=184',
  'TOS=-1',
  'TOS=x',
  'delete-delay=0',
  'delete-delay=5',
  'DTLS=passive',
  'DTLS-fingerprint=sha-256',
  'SDES-off',
  'SDES=off',
  'SDES-unencrypted_srtp SDES-unauthenticated_srtp',
  'T.38=decode',
  'T38=stop',
  'T.38-force',
  'T38-x',
  'via-branch=1',
  'via-branch=2',
  'via-branch=auto',
  'via-branch=extra',
  'via-branch=auto-extra',
  'via-branch=foo',
  'via-branch=',
  'via-branch',
  'repacketize=20',
  'repacketize',
  'repacketize=x',
  'ptime=30',
  'foo',
  'foo=bar',
  'foo-bar=baz foo-bar=q',
  'supports=foo',
  'label',
  'from-tag',
  'replace=x',
  'loop-protect',
  '  replace-origin   ICE=force  ',
  'force codec-strip=PCMU replace-origin direction=a foo=bar rtcp-mux-demux ICE=force SDES-off T.38=force RTP/SAVPF TOS=3 to-tag=tt via-branch=1 record-call=on DTLS=off media-address=1.2.3.4 repacketize=20 delete-delay=4 metadata=z codec-mask=all direction=b replace-zero-address trust-address',
];

const COMMANDS = [
  'rtpengine_offer',
  'rtpengine_answer',
  'rtpengine_info',
  'rtpengine_manage',
  'rtpengine_delete',
  'rtpengine_query',
  'start_recording',
  'stop_recording',
  'block_dtmf',
  'unblock_dtmf',
  'block_media',
  'unblock_media',
  'silence_media',
  'unsilence_media',
  'start_forwarding',
  'stop_forwarding',
  'play_media',
  'stop_media',
  'play_dtmf',
];

const MANY =
  'force codec-strip=PCMU replace-origin direction=a foo=bar rtcp-mux-demux SDES-off T.38=force RTP/SAVPF delete-delay=4';

const commandCases: readonly NgCase[] = COMMANDS.flatMap((name) => {
  const flags = [MANY, 'to-tag', 'directional', 'from-tag=x', 'to-tag=y', 'via-branch=auto', 'x=y'];
  return (['invite', 'in-dialog', 'reply', 'no-body'] as const).flatMap((message) =>
    flags.map((text) => ({ name: `${name}(${text}) ${message}`, code: rc(`${name}("${text}")`), message })),
  );
});

const manageCases: readonly NgCase[] = (['ack', 'bye', 'cancel', 'update', 'prack', 'info', 'message'] as const).map(
  (message) => ({
    name: `rtpengine_manage ${message}`,
    code: rc('rtpengine_manage("force")'),
    message,
  }),
);

/** All of them. */
export const NG_CASES: readonly NgCase[] = [
  ...FLAGS.map(offer),
  ...commandCases,
  ...manageCases,
  { name: 'via-branch=next', code: rc('rtpengine_offer("via-branch=next")'), ownBranch: true },
  { name: 'via-branch=auto-next', code: rc('rtpengine_offer("via-branch=auto-next")'), ownBranch: true },
  { name: 'via-branch=auto-next reply', code: rc('rtpengine_answer("via-branch=auto-next")'), message: 'reply' },
  { name: 'via-branch=auto-extra reply', code: rc('rtpengine_answer("via-branch=auto-extra")'), message: 'reply' },
  ...[
    'rtpengine_answer()',
    'rtpengine_answer("from-tag=x")',
    'rtpengine_answer("directional")',
    'rtpengine_answer("to-tag=x")',
  ].flatMap((call) =>
    (['ack', 'prack', 'update'] as const).map((message) => ({ name: `${call} ${message}`, code: rc(call), message })),
  ),
  { name: 'multipart', code: rc('rtpengine_offer()'), message: 'multipart' },
  { name: 'a fragment', code: rc('rtpengine_info()'), message: 'fragment' },
  { name: 'query_v', code: 'rtpengine_query_v("j", "$var(x)");', message: 'in-dialog' },
  {
    name: 'query_v pretty',
    code: 'rtpengine_query_v("jp", "$var(q)"); $var(x) = $(var(q){s.encode.hexa});',
    message: 'in-dialog',
  },
  {
    name: 'query fills variables',
    code: 'rtpengine_query(); $var(x) = $avp(min) + " " + $avp(at) + " " + $avp(avg) + " " + $avp(n) + " " + $avp(jit);',
    message: 'in-dialog',
  },
  { name: 'play_media: duration', code: 'play_media("file=x"); $var(x) = $var(dur);', message: 'in-dialog' },
  { name: 'set by AVP', code: '$avp(set) = 1; rtpengine_offer(); $var(x) = $rc;' },
  { name: 'set of two', code: rc('set_rtpengine_set("0", "1"); rtpengine_offer()') },
  { name: 'no such set', code: '$avp(set) = 9; rtpengine_offer(); $var(x) = $rc;' },
  { name: 'a set that is not there', code: '$var(n) = 9; set_rtpengine_set("$var(n)"); $var(x) = $rc;' },
  { name: 'refused', code: rc('rtpengine_offer("call-id=refuse-me")') },
];
