/** SDP (RFC 8866) by its places in the message, so that each edit is a lump. Lines are indexed in one pass, the rest on use. */

import { isLws, parseDecimal } from './params.ts';

/** Ints per line in `Sdp.lines`: type letter, start of the line, end of its text (line end excluded), start of the next. */
const STRIDE = 4;
/** A body with more lines is read up to here. */
export const MAX_SDP_LINES = 4096;

const V = 118;
const M = 109;
const A = 97;
const C = 99;
const O = 111;

/** Where media goes: `c=IN IP4 192.0.2.1`. */
export interface SdpConnection {
  readonly lineStart: number;
  readonly lineEnd: number;
  /** The address, a TTL after `/` not counted in. */
  readonly addressStart: number;
  readonly addressEnd: number;
  readonly address: string;
  /** 0 when the address type is neither IP4 nor IP6. */
  readonly family: 4 | 6 | 0;
}

/** `a=name:value`, by its line. */
export interface SdpAttribute {
  readonly lineStart: number;
  readonly lineEnd: number;
  /** Start of the next line: deleting up to here takes the line out. */
  readonly next: number;
  readonly name: string;
  /** Null for a property attribute (`a=sendonly`). */
  readonly value: string | null;
  readonly valueStart: number;
}

export type SdpDirection = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** All of one SDP body. */
export class Sdp {
  readonly buf: string;
  readonly start: number;
  readonly end: number;
  readonly lines: readonly number[];
  readonly sessions: readonly SdpSession[];

  constructor(buf: string, start: number, end: number) {
    this.buf = buf;
    this.start = start;
    this.end = end;
    const lines: number[] = [];
    let at = start;
    while (at < end && lines.length < MAX_SDP_LINES * STRIDE) {
      let eol = buf.indexOf('\n', at);
      if (eol < 0 || eol >= end) eol = end;
      let stop = eol;
      while (stop > at && isLws(buf.charCodeAt(stop - 1))) stop--;
      const next = eol < end ? eol + 1 : end;
      lines.push(stop > at + 1 && buf.charCodeAt(at + 1) === 61 ? buf.charCodeAt(at) : 0, at, stop, next);
      at = next;
    }
    this.lines = lines;
    this.sessions = this.#split();
  }

  get lineCount(): number {
    return this.lines.length / STRIDE;
  }

  /** Type letter of a line, 0 for one that is not `x=…`. */
  lineType(line: number): number {
    return this.lines[line * STRIDE] as number;
  }
  lineStart(line: number): number {
    return this.lines[line * STRIDE + 1] as number;
  }
  lineEnd(line: number): number {
    return this.lines[line * STRIDE + 2] as number;
  }
  lineNext(line: number): number {
    return this.lines[line * STRIDE + 3] as number;
  }

  /** Sessions begin at `v=`; what comes before the first is in none. */
  #split(): SdpSession[] {
    const sessions: SdpSession[] = [];
    const count = this.lineCount;
    let line = 0;
    while (line < count && this.lineType(line) !== V) line++;
    while (line < count) {
      let stop = line + 1;
      while (stop < count && this.lineType(stop) !== V) stop++;
      sessions.push(new SdpSession(this, line, stop));
      line = stop;
    }
    return sessions;
  }

  /** The streams of all sessions. */
  get streams(): SdpStream[] {
    return this.sessions.flatMap((session) => session.streams);
  }
}

/** A run of lines with its attributes: what a session level and a media block share. */
abstract class SdpBlock {
  readonly sdp: Sdp;
  readonly firstLine: number;
  /** One past the last line of this block. */
  readonly stopLine: number;

  constructor(sdp: Sdp, firstLine: number, stopLine: number) {
    this.sdp = sdp;
    this.firstLine = firstLine;
    this.stopLine = stopLine;
  }

  get start(): number {
    return this.sdp.lineStart(this.firstLine);
  }
  get end(): number {
    return this.sdp.lineNext(this.stopLine - 1);
  }

  /** First line of this type in the block, -1 when there is none. */
  findLine(type: number, from = this.firstLine): number {
    for (let line = from; line < this.stopLine; line++) if (this.sdp.lineType(line) === type) return line;
    return -1;
  }

  get ownConnection(): SdpConnection | null {
    const line = this.findLine(C);
    return line < 0 ? null : readConnection(this.sdp, line);
  }

  /** All attributes of the block, in order. */
  get attributes(): SdpAttribute[] {
    const found: SdpAttribute[] = [];
    for (let line = this.findLine(A); line >= 0; line = this.findLine(A, line + 1))
      found.push(readAttribute(this.sdp, line));
    return found;
  }

  /** The first attribute of this name. */
  attribute(name: string): SdpAttribute | null {
    for (let line = this.findLine(A); line >= 0; line = this.findLine(A, line + 1)) {
      const at = this.sdp.lineStart(line) + 2;
      const after = at + name.length;
      if (
        this.sdp.buf.startsWith(name, at) &&
        (after === this.sdp.lineEnd(line) || this.sdp.buf.charCodeAt(after) === 58) &&
        after <= this.sdp.lineEnd(line)
      ) {
        return readAttribute(this.sdp, line);
      }
    }
    return null;
  }

  /** The direction attribute written in this block, null when there is none. */
  get ownDirection(): SdpDirection | null {
    for (const name of ['sendrecv', 'sendonly', 'recvonly', 'inactive'] as const) {
      if (this.attribute(name) !== null) return name;
    }
    return null;
  }
}

/** One `v=` … with its media blocks. */
export class SdpSession extends SdpBlock {
  /** Including the lines of the streams. */
  readonly lastLine: number;
  #streams: readonly SdpStream[] | null = null;

  constructor(sdp: Sdp, firstLine: number, lastLine: number) {
    let stop = firstLine;
    while (stop < lastLine && sdp.lineType(stop) !== M) stop++;
    super(sdp, firstLine, stop);
    this.lastLine = lastLine;
  }

  get streams(): readonly SdpStream[] {
    if (this.#streams === null) {
      const streams: SdpStream[] = [];
      let line = this.stopLine;
      while (line < this.lastLine) {
        let stop = line + 1;
        while (stop < this.lastLine && this.sdp.lineType(stop) !== M) stop++;
        streams.push(new SdpStream(this.sdp, line, stop, this));
        line = stop;
      }
      this.#streams = streams;
    }
    return this.#streams;
  }

  /** The connection of the session level. */
  get connection(): SdpConnection | null {
    return this.ownConnection;
  }

  /** The address in `o=`, in the shape of a connection. */
  get origin(): SdpConnection | null {
    const line = this.findLine(O);
    return line < 0 ? null : readAddress(this.sdp, line, 3);
  }
}

/** One media block: `m=` and the lines up to the next. */
export class SdpStream extends SdpBlock {
  readonly session: SdpSession;
  /** `audio`, `video` … as written. */
  readonly media: string;
  /** Digits as written; '' when the line is broken. */
  readonly portText: string;
  readonly portStart: number;
  /** Number after `/`, 1 where there is none. */
  readonly portCount: number;
  readonly transport: string;
  readonly transportStart: number;
  /** Span of the format list. */
  readonly formatsStart: number;
  readonly formatsEnd: number;

  constructor(sdp: Sdp, firstLine: number, stopLine: number, session: SdpSession) {
    super(sdp, firstLine, stopLine);
    this.session = session;
    const { buf } = sdp;
    const end = sdp.lineEnd(firstLine);
    const mediaStart = sdp.lineStart(firstLine) + 2;
    const mediaEnd = wordEnd(buf, mediaStart, end);
    this.media = buf.slice(mediaStart, mediaEnd);
    this.portStart = skipBlanks(buf, mediaEnd, end);
    const portEnd = wordEnd(buf, this.portStart, end);
    const portWord = buf.slice(this.portStart, portEnd);
    const slash = portWord.indexOf('/');
    this.portText = slash < 0 ? portWord : portWord.slice(0, slash);
    this.portCount = slash < 0 ? 1 : Math.max(1, parseDecimal(portWord, slash + 1, portWord.length, 65535));
    this.transportStart = skipBlanks(buf, portEnd, end);
    const transportEnd = wordEnd(buf, this.transportStart, end);
    this.transport = buf.slice(this.transportStart, transportEnd);
    this.formatsStart = skipBlanks(buf, transportEnd, end);
    this.formatsEnd = end;
  }

  /** -1 when it is no port. */
  get port(): number {
    const port = parseDecimal(this.portText, 0, this.portText.length, 65535);
    return port < 0 ? -1 : port;
  }

  /** Payload types or other formats of the `m=` line. */
  get formats(): string[] {
    const text = this.sdp.buf.slice(this.formatsStart, this.formatsEnd);
    return text === '' ? [] : text.split(/[ \t]+/);
  }

  /** Of the stream, or else of its session. */
  get connection(): SdpConnection | null {
    return this.ownConnection ?? this.session.connection;
  }

  /** Of the stream, or else of its session, or else sendrecv (RFC 8866 §6.7). */
  get direction(): SdpDirection {
    return this.ownDirection ?? this.session.ownDirection ?? 'sendrecv';
  }

  /** Codec name of a payload type from its `a=rtpmap`, null when there is none. */
  codecName(format: string): string | null {
    for (const attribute of this.attributes) {
      if (attribute.name !== 'rtpmap' || attribute.value === null) continue;
      const space = attribute.value.search(/[ \t]/);
      if (space < 0 || attribute.value.slice(0, space) !== format) continue;
      return (/^[^/ \t]*/.exec(attribute.value.slice(space).trimStart()) ?? [''])[0];
    }
    return null;
  }
}

function readConnection(sdp: Sdp, line: number): SdpConnection | null {
  return readAddress(sdp, line, 0);
}

/** `IN IP4 address` after `skip` words. */
function readAddress(sdp: Sdp, line: number, skip: number): SdpConnection | null {
  const { buf } = sdp;
  const lineStart = sdp.lineStart(line);
  const lineEnd = sdp.lineEnd(line);
  let at = lineStart + 2;
  for (let i = 0; i < skip + 1; i++) at = skipBlanks(buf, wordEnd(buf, at, lineEnd), lineEnd);
  const typeEnd = wordEnd(buf, at, lineEnd);
  const type = buf.slice(at, typeEnd).toUpperCase();
  const addressStart = skipBlanks(buf, typeEnd, lineEnd);
  let addressEnd = wordEnd(buf, addressStart, lineEnd);
  const slash = buf.indexOf('/', addressStart);
  if (slash >= 0 && slash < addressEnd) addressEnd = slash;
  if (addressEnd === addressStart) return null;
  const family = type === 'IP4' ? 4 : type === 'IP6' ? 6 : 0;
  return { lineStart, lineEnd, addressStart, addressEnd, address: buf.slice(addressStart, addressEnd), family };
}

function readAttribute(sdp: Sdp, line: number): SdpAttribute {
  const lineStart = sdp.lineStart(line);
  const lineEnd = sdp.lineEnd(line);
  const text = sdp.buf.slice(lineStart + 2, lineEnd);
  const colon = text.indexOf(':');
  return {
    lineStart,
    lineEnd,
    next: sdp.lineNext(line),
    name: colon < 0 ? text : text.slice(0, colon),
    value: colon < 0 ? null : text.slice(colon + 1),
    valueStart: colon < 0 ? lineEnd : lineStart + 2 + colon + 1,
  };
}

function wordEnd(buf: string, at: number, end: number): number {
  let i = at;
  while (i < end && buf.charCodeAt(i) !== 32 && buf.charCodeAt(i) !== 9) i++;
  return i;
}

function skipBlanks(buf: string, at: number, end: number): number {
  let i = at;
  while (i < end && (buf.charCodeAt(i) === 32 || buf.charCodeAt(i) === 9)) i++;
  return i;
}

/** Null when the span has no `v=` line. */
export function parseSdp(buf: string, start: number, end: number): Sdp | null {
  const sdp = new Sdp(buf, start, end);
  return sdp.sessions.length === 0 ? null : sdp;
}
