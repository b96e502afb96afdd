import { replaceSpan } from '../msg/edit.ts';
import { sdpOf } from '../parser/body.ts';
import type { Sdp, SdpSession, SdpStream } from '../parser/sdp.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import type { PvDef } from '../pv/spec.ts';
import type { Run } from '../script/run.ts';
import { type PvValue, valueToString } from '../values.ts';
import { codecOf } from './payload-types.ts';

/** The session description of a message as text; null where it has none. */
export function sdpText(msg: SipMsg): string | null {
  const sdp = sdpOf(msg);
  return sdp === null ? null : sdp.buf.slice(sdp.start, sdp.end);
}

/** Keys of the whole description. */
const SESSION_KEYS: Readonly<Record<string, (session: SdpSession, sdp: Sdp) => PvValue>> = {
  'c:ip': (session) => session.connection?.address ?? null,
  'c:af': (session) => familyOf(session.connection?.family),
  'o:ip': (session) => session.origin?.address ?? null,
  streams: (_session, sdp) => sdp.streams.length,
};

/** Keys of one stream, behind `m0:`. */
const STREAM_KEYS: Readonly<Record<string, (stream: SdpStream) => PvValue>> = {
  raw: (stream) => stream.sdp.buf.slice(stream.start, stream.end),
  media: (stream) => stream.media,
  transport: (stream) => stream.transport,
  direction: (stream) => stream.direction,
  'c:ip': (stream) => stream.connection?.address ?? null,
  'c:af': (stream) => familyOf(stream.connection?.family),
  'rtp:port': (stream) => numberOf(stream.port),
  'rtcp:port': rtcpPort,
  'b:AS': (stream) => bandwidth(stream, 'AS'),
  'b:RR': (stream) => bandwidth(stream, 'RR'),
  'b:RS': (stream) => bandwidth(stream, 'RS'),
  codecs: (stream) => stream.formats.map((format) => codecOf(stream, format)).join(','),
};

function familyOf(family: number | undefined): PvValue {
  return family === 4 || family === 6 ? `IP${family}` : null;
}

function numberOf(port: number): PvValue {
  return port < 0 ? null : port;
}

/** As `a=rtcp` (RFC 3605) or `a=rtcp-mux` (RFC 5761) says, else the one behind that of RTP. */
function rtcpPort(stream: SdpStream): PvValue {
  const written = Number.parseInt(stream.attribute('rtcp')?.value ?? '', 10);
  if (written > 0 && written < 65_536) return written;
  if (stream.attribute('rtcp-mux') !== null || stream.port <= 0) return numberOf(stream.port);
  return stream.port + 1;
}

function bandwidth(stream: SdpStream, type: string): PvValue {
  const { sdp } = stream;
  for (let line = stream.findLine(98); line >= 0; line = stream.findLine(98, line + 1)) {
    const [, name = '', digits = ''] =
      /^b=([\w-]+):(\d{1,9})$/.exec(sdp.buf.slice(sdp.lineStart(line), sdp.lineEnd(line))) ?? [];
    if (name === type) return Number(digits);
  }
  return null;
}

/** Place of the session version in the first `o=` line. */
function versionSpan(msg: SipMsg): readonly [start: number, end: number] | null {
  const sdp = sdpOf(msg);
  const session = sdp?.sessions[0];
  const line = session?.findLine('o'.charCodeAt(0)) ?? -1;
  if (sdp === null || line < 0) return null;
  const match = /^o=\S+[ \t]+\S+[ \t]+(\d+)/.exec(sdp.buf.slice(sdp.lineStart(line), sdp.lineEnd(line)));
  if (match === null) return null;
  const end = sdp.lineStart(line) + match[0].length;
  return [end - (match[1] ?? '').length, end];
}

function sessVersion(msg: SipMsg): string | null {
  const span = versionSpan(msg);
  return span === null ? null : msg.buf.slice(span[0], span[1]);
}

/** Assigns the session version; -1 counts it up. False when there is none, or the value is no number. */
function setSessVersion(run: Run, value: string): boolean {
  const span = versionSpan(run.msg);
  if (span === null || !/^-?\d{1,20}$/.test(value)) return false;
  const current = run.msg.buf.slice(span[0], span[1]);
  replaceSpan(run.msg, span[0], span[1], value === '-1' ? String(BigInt(current) + 1n) : value);
  return true;
}

/** `m2:rtp:port`: the number of a stream, from 0 on, and what of it; null for anything else. */
function streamKey(key: string): ((sdp: Sdp) => PvValue) | null {
  const [, digits = '', name = ''] = /^m(\d{1,3}):(.+)$/.exec(key) ?? [];
  const read = Object.hasOwn(STREAM_KEYS, name) ? STREAM_KEYS[name] : undefined;
  if (read === undefined) return null;
  return (sdp) => {
    const stream = sdp.streams[Number(digits)];
    return stream === undefined ? null : read(stream);
  };
}

function reader(key: string): ((sdp: Sdp) => PvValue) | null {
  const read = Object.hasOwn(SESSION_KEYS, key) ? SESSION_KEYS[key] : undefined;
  if (read === undefined) return streamKey(key);
  return (sdp) => {
    const [session] = sdp.sessions;
    return session === undefined ? null : read(session, sdp);
  };
}

/**
 * `$sdp(key)`: what the session description of a message says: numbers are numbers; null where it does not say it. One
 * definition for all modules that have it. `body` and `sess_version` are Kamailio 5.6's; `c:ip`, `o:ip` and `m0:…` have
 * the names of later ones.
 */
export const SDP_VARIABLE: PvDef = {
  doc: '$sdp(key): body or raw, sess_version (can be assigned, -1 counts up), c:ip, c:af, o:ip, streams, and of each stream, from m0 on, m0:media, m0:transport, m0:direction, m0:c:ip, m0:c:af, m0:rtp:port, m0:rtcp:port, m0:b:AS, m0:b:RR, m0:b:RS, m0:codecs, m0:raw.',
  name: 'required',
  writable: true,
  bind(use) {
    const key = use.name?.trim() ?? '';
    if (key === 'body' || key === 'raw') return { get: (run) => sdpText(run.msg) };
    if (key === 'sess_version')
      return {
        get: (run) => sessVersion(run.msg),
        set: (run, value) => setSessVersion(run, valueToString(value)),
      };
    const read = reader(key);
    if (read === null)
      return `'${use.name}' is none of body, raw, sess_version, ${Object.keys(SESSION_KEYS).join(', ')}, m0:${Object.keys(STREAM_KEYS).join(', m0:')}`;
    return {
      get(run) {
        const sdp = sdpOf(run.msg);
        return sdp === null ? null : read(sdp);
      },
    };
  },
};
