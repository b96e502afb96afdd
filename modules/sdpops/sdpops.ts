import {
  type Log,
  msgContentType,
  type PvAccessor,
  type Run,
  type Sdp,
  type SdpStream,
  type SipMsg,
  sdpOf,
  sdpText,
} from 'strowger';
import { codecSpans, isKnownName, listItems, typesOfNames } from './codecs.ts';

type Target = PvAccessor & Required<Pick<PvAccessor, 'set'>>;

/** Return codes that these functions share. */
const NO_SDP = -2;

function streamsOf(sdp: Sdp, media: string | undefined): SdpStream[] {
  const wanted = media?.toLowerCase();
  return sdp.streams.filter((stream) => wanted === undefined || stream.media.toLowerCase() === wanted);
}

/** Takes payload types out of streams. */
function removeTypes(
  msg: SipMsg,
  streams: readonly SdpStream[],
  isRemoved: (stream: SdpStream) => (type: string) => boolean,
): number {
  for (const stream of streams) {
    for (const [start, end] of codecSpans(stream, isRemoved(stream))) msg.lumps.del(start, end - start);
  }
  return 1;
}

export function removeCodecsById(run: Run, list: string, media: string | undefined): number {
  const sdp = sdpOf(run.msg);
  const ids = new Set(listItems(list));
  if (sdp === null || ids.size === 0) return -1;
  return removeTypes(run.msg, streamsOf(sdp, media), () => (type) => ids.has(type));
}

export function keepCodecsById(run: Run, list: string, media: string | undefined): number {
  const sdp = sdpOf(run.msg);
  const ids = new Set(listItems(list));
  if (sdp === null || ids.size === 0) return -1;
  return removeTypes(run.msg, streamsOf(sdp, media), () => (type) => !ids.has(type));
}

/** Names in lower case; null when none of them is a codec of this SDP or a static one. */
function codecNames(sdp: Sdp, list: string): string[] | null {
  const names = listItems(list).map((name) => name.toLowerCase());
  return names.some((name) => isKnownName(sdp.streams, name)) ? names : null;
}

export function removeCodecsByName(run: Run, list: string, media: string | undefined): number {
  const sdp = sdpOf(run.msg);
  const names = sdp === null ? null : codecNames(sdp, list);
  if (sdp === null || names === null) return -1;
  return removeTypes(run.msg, streamsOf(sdp, media), (stream) => {
    const types = typesOfNames(stream, names);
    return (type) => types.has(type);
  });
}

export function keepCodecsByName(run: Run, list: string, media: string | undefined): number {
  const sdp = sdpOf(run.msg);
  const names = sdp === null ? null : codecNames(sdp, list);
  if (sdp === null || names === null) return -1;
  return removeTypes(run.msg, streamsOf(sdp, media), (stream) => {
    const types = typesOfNames(stream, names);
    return (type) => !types.has(type);
  });
}

/** Codecs asked for: 1 every one in every stream, 2 some, -1 none. */
function withCodecs(sdp: Sdp | null, hasCodec: (stream: SdpStream, item: string) => boolean, list: string): number {
  if (sdp === null) return NO_SDP;
  const items = listItems(list);
  let found = 0;
  for (const stream of sdp.streams) for (const item of items) if (hasCodec(stream, item)) found++;
  if (found === 0) return -1;
  return found === items.length * sdp.streams.length ? 1 : 2;
}

export function withCodecsById(run: Run, list: string): number {
  return withCodecs(sdpOf(run.msg), (stream, id) => stream.formats.includes(id), list);
}

export function withCodecsByName(run: Run, list: string): number {
  return withCodecs(
    sdpOf(run.msg),
    (stream, name) => {
      const types = typesOfNames(stream, [name.toLowerCase()]);
      return stream.formats.some((format) => types.has(format));
    },
    list,
  );
}

/** Lines that begin with the text, in the session level too; with a media type only in its streams. */
export function removeLineByPrefix(run: Run, prefix: string, media: string | undefined): number {
  const { msg } = run;
  const sdp = sdpOf(msg);
  if (sdp === null || prefix === '') return -1;
  const blocks = media === undefined ? null : streamsOf(sdp, media);
  for (let line = 0; line < sdp.lineCount; line++) {
    if (!msg.buf.startsWith(prefix, sdp.lineStart(line)) || sdp.lineStart(line) + prefix.length > sdp.lineEnd(line))
      continue;
    if (blocks?.every((stream) => line < stream.firstLine || line >= stream.stopLine) === true) continue;
    msg.lumps.del(sdp.lineStart(line), sdp.lineNext(line) - sdp.lineStart(line));
  }
  return 1;
}

/** -1 as well when there is no SDP, as Kamailio. */
function someStream(run: Run, test: (stream: SdpStream) => boolean): number {
  return sdpOf(run.msg)?.streams.some(test) === true ? 1 : -1;
}

export function withMedia(run: Run, media: string): number {
  return someStream(run, (stream) => stream.media.toLowerCase() === media.toLowerCase());
}

/** A stream with a port that is not inactive. */
export function withActiveMedia(run: Run, media: string): number {
  return someStream(
    run,
    (stream) =>
      stream.media.toLowerCase() === media.toLowerCase() && stream.port !== 0 && stream.direction !== 'inactive',
  );
}

export function withTransport(run: Run, transport: string): number {
  return someStream(run, (stream) => stream.transport.toLowerCase() === transport.toLowerCase());
}

export function withTransportLike(run: Run, part: string): number {
  return someStream(run, (stream) => stream.transport.toLowerCase().includes(part.toLowerCase()));
}

/** sdp_transport: the transport that all streams share; -2 when they differ. */
export function commonTransport(run: Run, target: Target): number {
  const streams = sdpOf(run.msg)?.streams ?? [];
  const [first] = streams;
  if (first === undefined) return -1;
  if (streams.some((stream) => stream.transport !== first.transport)) return -2;
  return target.set(run, first.transport) === false ? -1 : 1;
}

/** Takes whole streams out; -1 when none matches. */
function removeStreams(run: Run, test: (stream: SdpStream) => boolean): number {
  const found = sdpOf(run.msg)?.streams.filter(test) ?? [];
  for (const stream of found) run.msg.lumps.del(stream.start, stream.end - stream.start);
  return found.length > 0 ? 1 : -1;
}

export function removeMedia(run: Run, media: string): number {
  return removeStreams(run, (stream) => stream.media.toLowerCase() === media.toLowerCase());
}

export function removeTransport(run: Run, transport: string): number {
  return removeStreams(run, (stream) => stream.transport.toLowerCase() === transport.toLowerCase());
}

/** sdp_get: the SDP's text; -2 when there is none. */
export function sdpGet(run: Run, target: Target): number {
  const text = sdpText(run.msg);
  if (text === null) return NO_SDP;
  return target.set(run, text) === false ? -1 : 1;
}

/** sdp_content: with an argument the body is not parsed, only looked through. */
export function sdpContent(run: Run, isSloppy: boolean): number {
  const { msg } = run;
  if (!isSloppy) return sdpOf(msg) === null ? -1 : 1;
  const type = msgContentType(msg);
  if (type?.mime === 'application/sdp') return 1;
  return type?.mime === 'multipart/mixed' && msg.body.toLowerCase().includes('application/sdp') ? 1 : -1;
}

export function withIce(run: Run): number {
  const sdp = sdpOf(run.msg);
  const hasCandidate = sdp?.sessions.some(
    (session) =>
      session.attribute('candidate') !== null ||
      session.streams.some((stream) => stream.attribute('candidate') !== null),
  );
  return hasCandidate === true ? 1 : -1;
}

/** sdp_get_line_startswith: the first such line, without its end. */
export function getLineStartsWith(run: Run, target: Target, prefix: string): number {
  const sdp = sdpOf(run.msg);
  if (sdp === null) return NO_SDP;
  for (let line = 0; line < sdp.lineCount; line++) {
    const text = sdp.buf.slice(sdp.lineStart(line), sdp.lineEnd(line));
    if (text.startsWith(prefix)) return target.set(run, text) === false ? -1 : 1;
  }
  return -1;
}

/** sdp_get_address_family: of the first connection line; 4, 6 or -1. */
export function addressFamily(run: Run): number {
  for (const session of sdpOf(run.msg)?.sessions ?? []) {
    const connection = session.connection ?? session.streams.find((stream) => stream.connection !== null)?.connection;
    if (connection !== undefined && connection !== null) return connection.family === 0 ? -1 : connection.family;
  }
  return -1;
}

/** sdp_print: one line for each session and stream. */
export function sdpPrint(run: Run, log: Log, level: number): number {
  for (const [i, session] of (sdpOf(run.msg)?.sessions ?? []).entries()) {
    log.write(
      level,
      `sdp session ${i}: connection ${session.connection?.address ?? 'none'}, ${session.streams.length} streams`,
    );
    for (const [k, stream] of session.streams.entries()) {
      const address = stream.connection?.address ?? 'none';
      log.write(
        level,
        `sdp stream ${i}.${k}: ${stream.media} ${address}:${stream.portText} ${stream.transport} ${stream.formats.join(' ')} ${stream.direction}`,
      );
    }
  }
  return 1;
}
