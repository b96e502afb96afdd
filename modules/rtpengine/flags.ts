/** The flags that a script hands to rtpengine's commands, read as Kamailio does: words, some of them `key=value`. */

import type { BValue } from './bencode.ts';

/** Where the via-branch is taken from. */
type ViaBranchSource = '' | '1' | '2' | 'auto' | 'extra' | 'next' | 'auto-next' | 'auto-extra';

const VIA_BRANCH: ReadonlySet<string> = new Set(['1', '2', 'auto', 'extra', 'next', 'auto-next', 'auto-extra']);

/** What a string of flags says. */
export interface NgFlags {
  /** Keys that go to the top of the request, in order. */
  readonly keys: (readonly [key: string, value: BValue])[];
  readonly flags: string[];
  readonly direction: string[];
  readonly replace: string[];
  readonly rtcpMux: string[];
  readonly sdes: string[];
  readonly t38: string[];
  /** By operation (`strip`, `transcode` …), in order. */
  readonly codec: Map<string, string[]>;
  /** `RTP/SAVPF` …; '' where no flag is about it. */
  transportProtocol: string;
  forceAnswer: boolean;
  /** DTMF or media is blocked for one party only. */
  directional: boolean;
  /** The To tag is sent where it would not be. */
  withToTag: boolean;
  toTag: string | null;
  fromTag: string | null;
  callId: string | null;
  viaBranch: ViaBranchSource;
}

const CODEC_OPERATIONS: ReadonlySet<string> = new Set(['strip', 'offer', 'except', 'transcode', 'mask', 'set']);

const SRTP = 1;
const AVPF = 2;
const DTLS = 4;

/** Bits that a word sets, and that it takes away. */
const TRANSPORT_WORDS: Readonly<Record<string, readonly [set: number, cleared: number]>> = {
  RTP: [0, SRTP],
  SRTP: [SRTP, 0],
  AVP: [0, AVPF],
  AVPF: [AVPF, 0],
  DTLS: [DTLS | SRTP, 0],
  'RTP/AVP': [0, 7],
  'RTP/SAVP': [SRTP, 7],
  'RTP/AVPF': [AVPF, 7],
  'RTP/SAVPF': [SRTP | AVPF, 7],
  'UDP/TLS/RTP/SAVP': [SRTP | DTLS, 7],
  'UDP/TLS/RTP/SAVPF': [SRTP | AVPF | DTLS, 7],
};

const TRANSPORTS = [
  'RTP/AVP',
  'RTP/SAVP',
  'RTP/AVPF',
  'RTP/SAVPF',
  'RTP/AVP',
  'UDP/TLS/RTP/SAVP',
  'RTP/AVPF',
  'UDP/TLS/RTP/SAVPF',
] as const;

/** Reads flags; a string says what is wrong with them. */
export function parseNgFlags(text: string): NgFlags | string {
  const found: NgFlags = {
    keys: [],
    flags: [],
    direction: [],
    replace: [],
    rtcpMux: [],
    sdes: [],
    t38: [],
    codec: new Map(),
    transportProtocol: '',
    forceAnswer: false,
    directional: false,
    withToTag: false,
    toTag: null,
    fromTag: null,
    callId: null,
    viaBranch: '',
  };
  let transport = -1;
  for (const word of text.split(' ')) {
    if (word === '') continue;
    const bits = Object.hasOwn(TRANSPORT_WORDS, word) ? TRANSPORT_WORDS[word] : undefined;
    if (bits !== undefined) {
      transport = (Math.max(0, transport) & ~bits[1]) | bits[0];
      continue;
    }
    const equals = word.indexOf('=');
    const error =
      equals < 0 ? readWord(found, word) : readPair(found, word.slice(0, equals), word.slice(equals + 1), word);
    if (error !== null) return error;
  }
  if (transport >= 0) found.transportProtocol = TRANSPORTS[transport] ?? '';
  return found;
}

/** A word without a value. */
function readWord(found: NgFlags, word: string): string | null {
  switch (word) {
    case 'internal':
    case 'external':
      found.direction.push(word);
      return null;
    case 'force-answer':
      found.forceAnswer = true;
      return null;
    case 'directional':
      found.directional = true;
      return null;
    case 'to-tag':
      found.withToTag = true;
      return null;
    case 'via-branch':
    case 'repacketize':
    case 'direction':
    case 'from-tag':
    case 'call-id':
      return `${word} needs a value`;
    default:
      if (!readPrefixed(found, word, '-')) found.flags.push(word);
      return null;
  }
}

function readPair(found: NgFlags, key: string, value: string, word: string): string | null {
  switch (key) {
    case 'direction':
      found.direction.push(value);
      return null;
    case 'to-tag':
      found.withToTag = true;
      found.toTag = value;
      return null;
    case 'from-tag':
      found.fromTag = value;
      return null;
    case 'call-id':
      found.callId = value;
      return null;
    case 'via-branch':
      if (!VIA_BRANCH.has(value)) return `via-branch=${value}: one of ${[...VIA_BRANCH].join(', ')}`;
      found.viaBranch = value as ViaBranchSource;
      return null;
    case 'repacketize':
      if (!/^\d{1,5}$/.test(value) || Number(value) === 0) return `${word}: a number of milliseconds`;
      found.keys.push([key, Number(value)]);
      return null;
    case 'TOS':
      found.keys.push([key, leadingNumber(value)]);
      return null;
    case 'delete-delay':
      found.keys.push(['delete delay', leadingNumber(value)], [key, value]);
      return null;
    default:
      if (!readPrefixed(found, word, '=')) found.keys.push([key, value]);
      return null;
  }
}

/** As C's atoi: what is no number is 0. */
function leadingNumber(text: string): number {
  return Number(/^-?\d{1,9}/.exec(text)?.[0] ?? 0);
}

/** `rtcp-mux-offer`, `rtcp-mux=offer`, `codec-strip-PCMU` and such: what they are a list of. */
function readPrefixed(found: NgFlags, word: string, separator: '-' | '='): boolean {
  const lists: readonly (readonly [prefix: string, list: string[]])[] = [
    ['replace', found.replace],
    ['rtcp-mux', found.rtcpMux],
    ['SDES', found.sdes],
    ['T.38', found.t38],
    ['T38', found.t38],
  ];
  for (const [prefix, list] of lists) {
    if (!word.startsWith(`${prefix}${separator}`)) continue;
    list.push(word.slice(prefix.length + 1));
    return true;
  }
  return readCodec(found, word, separator);
}

/** `codec-strip=…`; `transcode=…` also without `codec-`. */
function readCodec({ codec }: NgFlags, word: string, separator: '-' | '='): boolean {
  if (!word.startsWith('codec-') && !word.startsWith('transcode')) return false;
  const rest = word.startsWith('codec-') ? word.slice(6) : word;
  const at = rest.indexOf(separator);
  const operation = rest.slice(0, at);
  if (at < 0 || !CODEC_OPERATIONS.has(operation)) return false;
  const list = codec.get(operation);
  if (list === undefined) codec.set(operation, [rest.slice(at + 1)]);
  else list.push(rest.slice(at + 1));
  return true;
}
