import { flatCopy } from '../values.ts';
import { ChunkedBody, httpHead } from './http-framing.ts';

/** What a stream may make us hold. Bytes. */
export interface FramerLimits {
  /** First line and headers together, with the empty line. */
  maxHeaderBytes: number;
  /** Header and body together. */
  maxMessageBytes: number;
  /** `tcp_accept_no_cl`: a message without Content-Length has no body instead of being an error. */
  acceptNoContentLength: boolean;
}

type FramingErrorCode =
  | 'header-too-large'
  | 'message-too-large'
  | 'no-content-length'
  | 'bad-content-length'
  | 'conflicting-content-length'
  | 'bad-transfer-encoding';

/** Why a stream cannot be split any further: where the next message begins is unknown, so it must be closed. */
export interface FramingError {
  readonly code: FramingErrorCode;
  /** The SIP status that fits (RFC 3261 §21.4.1, §21.5.7). */
  readonly status: 400 | 513;
  /** The header as far as it came, bounded by `maxHeaderBytes`, for an answer to the request it may be. */
  readonly head: string;
}

interface FramerSink {
  /** One whole message, from its first line to the end of its body. */
  onMessage(text: string): void;
  /** A keep-alive `CRLF CRLF` between messages, to be answered by `CRLF` (RFC 5626 §4.4.1). */
  onPing(): void;
  /** An HTTP client waits for a 100 before it sends the body of its request. */
  onExpect?(): void;
}

const CR = 0x0d;
const LF = 0x0a;
const FIRST_BUFFER_BYTES = 2048;

type State = 'between' | 'header' | 'body' | 'chunked' | 'stopped';

/**
 * Splits a byte stream into SIP messages by Content-Length (RFC 3261 §18.3), and HTTP requests, whose chunks it joins
 * (the header still tells of them, as in Kamailio). Each byte is looked at once, whatever
 * the chunks: a message within one chunk is sliced from it; one that spans chunks is copied into a buffer that grows
 * by doubling. CRs and LFs between messages are skipped.
 */
export class StreamFramer {
  readonly #limits: Readonly<FramerLimits>;
  readonly #sink: FramerSink;
  #state: State = 'between';
  /** Of `CR LF CR LF` between messages, how many were seen. */
  #pingSeen = 0;
  /** Chars of the current header line in earlier chunks, a CR at its end included; 0 also marks an empty line's start. */
  #lineLength = 0;
  #lineEndsInCr = false;
  /** Body bytes still to come. */
  #bodyLeft = 0;
  /** The message so far, where it began in an earlier chunk. */
  #held: Buffer | null = null;
  #heldLength = 0;
  /** The body of an HTTP request that comes in chunks. */
  #chunks: ChunkedBody | null = null;

  constructor(limits: Readonly<FramerLimits>, sink: FramerSink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  /** False while a message is half read. */
  get isBetweenMessages(): boolean {
    return this.#state === 'between' || this.#state === 'stopped';
  }

  /** Bytes held of a half-read message. */
  get heldBytes(): number {
    return this.#heldLength;
  }

  /** Ignores everything from here on, also the rest of the chunk at hand. */
  stop(): void {
    this.#state = 'stopped';
    this.#release();
  }

  /** Takes the next bytes. Returns an error when the stream cannot be followed any more; it then is stopped. */
  push(chunk: string): FramingError | null {
    /** Where the message at hand begins in this chunk. */
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      switch (this.#state) {
        case 'between':
          at = this.#skipBetween(chunk, at);
          start = at;
          break;
        case 'header': {
          const end = this.#findHeaderEnd(chunk, at);
          const soFar = this.#heldLength + (end < 0 ? chunk.length : end) - start;
          if (soFar > this.#limits.maxHeaderBytes)
            return this.#fail('header-too-large', chunk, start, start + this.#room());
          if (end < 0) {
            this.#hold(chunk, start, chunk.length);
            return null;
          }
          const error = this.#readContentLength(chunk, start, end);
          if (error !== null) return error;
          at = end;
          if (this.#isIn('chunked')) {
            this.#hold(chunk, start, end);
          } else if (this.#bodyLeft === 0) {
            this.#emit(chunk, start, end);
            start = end;
          }
          break;
        }
        case 'body': {
          const end = at + this.#bodyLeft;
          if (end > chunk.length) {
            this.#bodyLeft = end - chunk.length;
            this.#hold(chunk, start, chunk.length);
            return null;
          }
          this.#emit(chunk, start, end);
          at = end;
          start = end;
          break;
        }
        case 'chunked': {
          const error = this.#readChunks(chunk, at);
          if (error !== null) return error;
          at = this.#chunksEnd;
          start = at;
          break;
        }
        case 'stopped':
          return null;
      }
    }
    // A header or body that ended exactly with the chunk, or began nothing yet, has nothing left to hold but this:
    if (this.#state === 'body') this.#hold(chunk, start, chunk.length);
    return null;
  }

  /** Skips line ends and answers pings. Returns where the next message begins, or the chunk's end. */
  #skipBetween(chunk: string, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at);
      if (code !== CR && code !== LF) {
        this.#state = 'header';
        this.#pingSeen = 0;
        this.#lineLength = 0;
        this.#lineEndsInCr = false;
        return at;
      }
      // CR at even places, LF at odd ones; anything else begins anew.
      if (code === (this.#pingSeen % 2 === 0 ? CR : LF)) this.#pingSeen++;
      else this.#pingSeen = code === CR ? 1 : 0;
      if (this.#pingSeen === 4) {
        this.#pingSeen = 0;
        this.#sink.onPing();
        if (this.#state === 'stopped') return chunk.length;
      }
    }
    return chunk.length;
  }

  /** Index behind the empty line, or -1 with the state of the last line kept for the next chunk. */
  #findHeaderEnd(chunk: string, from: number): number {
    let at = from;
    let carried = this.#lineLength;
    let carriedCr = this.#lineEndsInCr;
    for (;;) {
      const lf = chunk.indexOf('\n', at);
      if (lf < 0) {
        const rest = chunk.length - at;
        this.#lineLength = carried + rest;
        if (rest > 0) this.#lineEndsInCr = chunk.charCodeAt(chunk.length - 1) === CR;
        else this.#lineEndsInCr = carriedCr;
        return -1;
      }
      const length = carried + lf - at;
      const isLoneCr = length === 1 && (lf > at ? chunk.charCodeAt(at) === CR : carriedCr);
      if (length === 0 || isLoneCr) return lf + 1;
      at = lf + 1;
      carried = 0;
      carriedCr = false;
    }
  }

  /** TypeScript does not see that the state changes in a call. */
  #isIn(state: State): boolean {
    return this.#state === state;
  }

  /** Where `#readChunks` stopped. */
  #chunksEnd = 0;

  #readChunks(chunk: string, at: number): FramingError | null {
    const body = this.#chunks ?? new ChunkedBody();
    const limit = this.#limits.maxMessageBytes;
    let isTooLarge = false;
    const end = body.read(chunk, at, (from, to) => {
      isTooLarge ||= this.#heldLength + to - from > limit;
      if (!isTooLarge) this.#hold(chunk, from, to);
    });
    this.#chunksEnd = end;
    if (isTooLarge) return this.#fail('message-too-large', chunk, end, end);
    if (body.isBad) return this.#fail('bad-transfer-encoding', chunk, end, end);
    if (body.isDone) this.#emit(chunk, end, end);
    return null;
  }

  #readContentLength(chunk: string, start: number, end: number): FramingError | null {
    if (this.#held !== null) {
      // The header must be looked at as one text; the part of it in this chunk joins what is held.
      this.#hold(chunk, start, end);
      const text = this.#held.latin1Slice(0, this.#heldLength);
      this.#heldLength -= end - start;
      return this.#setBody(text, 0, text.length, chunk, start, end);
    }
    return this.#setBody(chunk, start, end, chunk, start, end);
  }

  /** The header is `text` from `from` to `to`; its part in the chunk at hand ends at `end`. */
  #setBody(text: string, from: number, to: number, chunk: string, start: number, end: number): FramingError | null {
    let length = contentLength(text, from, to);
    const http = httpHead(text, from, to, length !== 'no-content-length');
    if (http !== null) {
      if (http.isBad) return this.#fail('bad-transfer-encoding', chunk, start, end);
      if (http.expectsContinue && (http.isChunked || (typeof length === 'number' && length > 0)))
        this.#sink.onExpect?.();
      if (http.isChunked) {
        this.#chunks = new ChunkedBody();
        this.#bodyLeft = 0;
        this.#state = 'chunked';
        return null;
      }
    }
    if (typeof length === 'string') {
      if (length !== 'no-content-length' || !this.#limits.acceptNoContentLength)
        return this.#fail(length, chunk, start, end);
      length = 0;
    }
    if (this.#heldLength + end - start + length > this.#limits.maxMessageBytes) {
      return this.#fail('message-too-large', chunk, start, end);
    }
    this.#bodyLeft = length;
    this.#state = 'body';
    return null;
  }

  #emit(chunk: string, start: number, end: number): void {
    let text: string;
    if (this.#held === null) {
      // A slice would keep the whole chunk, with all its messages, alive as long as this one.
      text = start === 0 && end === chunk.length ? chunk : flatCopy(chunk.slice(start, end));
    } else {
      this.#hold(chunk, start, end);
      text = this.#held.latin1Slice(0, this.#heldLength);
      this.#release();
    }
    this.#state = 'between';
    this.#bodyLeft = 0;
    this.#sink.onMessage(text);
  }

  /** How much of the header may still be shown in an error. */
  #room(): number {
    return Math.max(0, this.#limits.maxHeaderBytes - this.#heldLength);
  }

  #fail(code: FramingErrorCode, chunk: string, start: number, end: number): FramingError {
    const held = this.#held === null ? '' : this.#held.latin1Slice(0, this.#heldLength);
    const head = held + flatCopy(chunk.slice(start, end));
    this.stop();
    const isTooLarge = code === 'header-too-large' || code === 'message-too-large';
    return { code, status: isTooLarge ? 513 : 400, head };
  }

  #hold(chunk: string, start: number, end: number): void {
    const length = end - start;
    const needed = this.#heldLength + length;
    if (this.#held === null || this.#held.length < needed) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_BUFFER_BYTES, needed, this.#heldLength * 2));
      this.#held?.copy(larger, 0, 0, this.#heldLength);
      this.#held = larger;
    }
    const part = start === 0 && end === chunk.length ? chunk : chunk.slice(start, end);
    this.#held.latin1Write(part, this.#heldLength, length);
    this.#heldLength = needed;
  }

  #release(): void {
    this.#held = null;
    this.#heldLength = 0;
    this.#chunks = null;
  }
}

/** Digits of the largest length taken for a number at all; more is too large whatever it says. */
const MAX_DIGITS = 15;

/**
 * The value of Content-Length (or `l`) in `text`, from the first line at `start` to behind the empty line at `end`.
 * Names in any case, blanks before the colon, folded values; equal repetitions count once.
 */
export function contentLength(text: string, start: number, end: number): number | FramingErrorCode {
  let found = -1;
  let line = text.indexOf('\n', start) + 1;
  while (line > 0 && line < end) {
    let next = text.indexOf('\n', line) + 1;
    if (next === 0) next = end;
    const code = text.charCodeAt(line) | 0x20;
    const valueAt = code === 0x6c || code === 0x63 ? lengthValueAt(text, line, next) : -1;
    if (valueAt >= 0) {
      while (next < end && isBlank(text.charCodeAt(next))) next = text.indexOf('\n', next) + 1 || end;
      const value = lengthValue(text.slice(valueAt, next));
      if (value < 0) return 'bad-content-length';
      if (found >= 0 && found !== value) return 'conflicting-content-length';
      found = value;
    }
    line = next;
  }
  return found < 0 ? 'no-content-length' : found;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Index behind the colon when the line's name is Content-Length or `l`, else -1. */
function lengthValueAt(text: string, line: number, next: number): number {
  const isShort = (text.charCodeAt(line) | 0x20) === 0x6c;
  let at = line + (isShort ? 1 : 14);
  if (at >= next || (!isShort && text.slice(line, at).toLowerCase() !== 'content-length')) return -1;
  while (at < next && isBlank(text.charCodeAt(at))) at++;
  return text.charCodeAt(at) === 0x3a ? at + 1 : -1;
}

/** Decimal digits between white space; -1 when there is anything else. */
function lengthValue(text: string): number {
  const digits = /^[ \t\r\n]*(\d+)[ \t\r\n]*$/.exec(text)?.[1];
  if (digits === undefined) return -1;
  const significant = digits.replace(/^0+/, '');
  return significant.length > MAX_DIGITS ? Number.MAX_SAFE_INTEGER : Number(significant);
}
