/** The SDP of a message, changed stream by stream to where rtpproxy has made room for it. */

import { type Lump, type Sdp, type SdpConnection, type SdpStream, type SipMsg } from 'strowger';

/** A stream's address on hold (RFC 2543): it stays. */
const HOLD = '0.0.0.0';

/** Preference of a relay candidate added for ICE. */
export type IcePriority = 'none' | 'high' | 'low';

/** Type preference · 2^24 + local preference · 2^8 + 255 (RFC 8445 §5.1.2.1), for component 1. */
const ICE_PRIORITY = { high: 2_197_815_295, low: 16_777_215 } as const;
/** Foundation of our candidates. */
const ICE_FOUNDATION = '9876';

/** Where media of a stream go, and at what rtpproxy listens for them. */
export interface StreamTarget {
  readonly stream: SdpStream;
  readonly connection: SdpConnection;
}

/** Streams with their addresses; null where one has none. */
export function targetsOf(sdp: Sdp): StreamTarget[] | null {
  const targets: StreamTarget[] = [];
  for (const stream of sdp.streams) {
    const { connection } = stream;
    if (connection === null) return null;
    targets.push({ stream, connection });
  }
  return targets.length === 0 ? null : targets;
}

/** Payload types for the `c` of a command; '' for what is no RTP. */
export function codecList({ transport, formats }: SdpStream): string {
  return /^(?:UDP\/TLS\/)?RTP\//i.test(transport) ? formats.join(',') : '';
}

/** The edits of one message. */
export class SdpEditor {
  readonly #msg: SipMsg;
  readonly #sdp: Sdp;
  readonly #changed = new Map<number, Lump>();
  #sessionAddress = '';

  constructor(msg: SipMsg, sdp: Sdp) {
    this.#msg = msg;
    this.#sdp = sdp;
  }

  /** Points a stream to `address`:`port`. */
  redirect({ stream, connection }: StreamTarget, address: string, port: number, ice: IcePriority): void {
    const target = connection.address === HOLD ? HOLD : address;
    if (stream.port !== 0) this.#replace(stream.portStart, stream.portText.length, String(port));
    this.#sessionAddress = target;
    this.#replaceAddress(connection, target);
    const rtcp = stream.attribute('rtcp');
    if (rtcp?.value != null) this.#replace(rtcp.valueStart, rtcp.lineEnd - rtcp.valueStart, String(port + 1));
    if (ice !== 'none') this.#addCandidates(stream, address, port, ice);
  }

  /** The session's address, and the origin's, become that of the last stream. */
  finish(fixesSession: boolean): void {
    for (const session of this.#sdp.sessions) {
      const { connection, origin } = session;
      if (connection !== null && fixesSession) this.#replaceAddress(connection, this.#sessionAddress);
      if (origin !== null) this.#replaceAddress(origin, this.#sessionAddress);
    }
  }

  /** Marks the body as changed, unless it is. */
  mark(marker: string): void {
    const line = marker.replace(/[\r\n]+$/, '');
    if (line === '' || isMarked(this.#sdp, marker)) return;
    let last = this.#sdp.lineCount - 1;
    while (last > 0 && this.#sdp.lineEnd(last) === this.#sdp.lineStart(last)) last--;
    this.#msg.lumps.anchor(this.#sdp.lineEnd(last)).insertAfter(`\r\n${line}`);
  }

  /** Behind the first candidate of the stream. */
  #addCandidates(stream: SdpStream, address: string, port: number, ice: 'high' | 'low'): void {
    const first = stream.attribute('candidate');
    if (first === null) return;
    const row = (component: 1 | 2): string =>
      `a=candidate:${ICE_FOUNDATION} ${component} UDP ${ICE_PRIORITY[ice] + 1 - component} ${address} ${port + component - 1} typ relay\r\n`;
    this.#msg.lumps.anchor(first.next).insertAfter(row(2) + row(1));
  }

  #replaceAddress({ addressStart, addressEnd, family }: SdpConnection, address: string): void {
    if (this.#changed.has(addressStart)) return;
    this.#replace(addressStart, addressEnd - addressStart, address);
    const wanted = address.includes(':') ? 6 : 4;
    if (family === 0 || family === wanted) return;
    this.#replace(this.#msg.buf.lastIndexOf(String(family), addressStart - 1), 1, String(wanted));
  }

  #replace(start: number, length: number, text: string): void {
    this.#changed.set(start, this.#msg.lumps.del(start, length).insertAfter(text));
  }
}

/** Another proxy has changed this body. */
export function isMarked(sdp: Sdp, marker: string): boolean {
  const line = marker.replace(/[\r\n]+$/, '');
  if (line === '') return false;
  for (let i = 0; i < sdp.lineCount; i++)
    if (sdp.lineEnd(i) - sdp.lineStart(i) === line.length && sdp.buf.startsWith(line, sdp.lineStart(i))) return true;
  return false;
}
