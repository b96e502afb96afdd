/** What HTTP (RFC 9112) adds to the framing of messages on a stream: the chunked transfer coding and `Expect`. */

/** What the header of an HTTP request says of its body beside Content-Length. */
interface HttpHead {
  readonly isChunked: boolean;
  /** The client waits for a 100 before it sends the body (RFC 9110 §10.1.1). */
  readonly expectsContinue: boolean;
  /** A transfer coding we do not know, or one beside a Content-Length (RFC 9112 §6.1: an attempt at smuggling). */
  readonly isBad: boolean;
}

const NO_BODY_HEADERS: HttpHead = { isChunked: false, expectsContinue: false, isBad: false };

/** Reads the header that begins at `start` and ends behind the empty line at `end`; null where it is not HTTP's. */
export function httpHead(text: string, start: number, end: number, hasLength: boolean): HttpHead | null {
  const eol = text.indexOf('\n', start);
  const lineEnd = text.charCodeAt(eol - 1) === 13 ? eol - 1 : eol;
  // `SIP/2.0` is a character shorter: here stands its blank.
  if (text.charCodeAt(lineEnd - 8) !== 72 || !text.startsWith('HTTP/', lineEnd - 8)) return null;
  let head = NO_BODY_HEADERS;
  for (let line = eol + 1; line < end; ) {
    let next = text.indexOf('\n', line) + 1;
    if (next === 0) next = end;
    const code = text.charCodeAt(line) | 0x20;
    if (code === 0x74 || code === 0x65) head = readLine(text.slice(line, next), head, hasLength);
    line = next;
  }
  return head;
}

function readLine(line: string, head: HttpHead, hasLength: boolean): HttpHead {
  const match = /^(transfer-encoding|expect)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?\n?$/i.exec(line);
  if (match === null) return head;
  const value = (match[2] ?? '').toLowerCase();
  if ((match[1] ?? '').length === 6) return value === '100-continue' ? { ...head, expectsContinue: true } : head;
  if (head.isChunked || hasLength || value !== 'chunked') return { ...head, isBad: true };
  return { ...head, isChunked: true };
}

/** Longest line with a chunk's size and extensions, or of the trailer, in bytes; and lines of the trailer. */
const MAX_LINE = 1024;
const MAX_TRAILER_LINES = 64;
/** Hexadecimal digits of the largest size that is read at all. */
const MAX_SIZE_DIGITS = 8;

/** Takes a body in the chunked coding apart (RFC 9112 §7.1), whatever pieces it comes in. */
export class ChunkedBody {
  #state: 'size' | 'data' | 'data-end' | 'trailer' | 'done' | 'bad' = 'size';
  #line = '';
  #left = 0;
  #trailerLines = 0;

  get isDone(): boolean {
    return this.#state === 'done';
  }

  get isBad(): boolean {
    return this.#state === 'bad';
  }

  /** Reads on at `at`; `keep` is told the spans that are contents. Returns where it stopped: the end, or behind the body. */
  read(text: string, from: number, keep: (start: number, end: number) => void): number {
    let at = from;
    while (at < text.length && this.#state !== 'done' && this.#state !== 'bad') {
      if (this.#state === 'data') {
        const end = Math.min(text.length, at + this.#left);
        keep(at, end);
        this.#left -= end - at;
        at = end;
        if (this.#left === 0) this.#state = 'data-end';
        continue;
      }
      const lf = text.indexOf('\n', at);
      const end = lf < 0 ? text.length : lf;
      if (this.#line.length + end - at > MAX_LINE) {
        this.#state = 'bad';
        break;
      }
      this.#line += text.slice(at, end);
      at = end + 1;
      if (lf < 0) return text.length;
      const line = this.#line.endsWith('\r') ? this.#line.slice(0, -1) : this.#line;
      this.#line = '';
      this.#endLine(line);
    }
    return Math.min(at, text.length);
  }

  #endLine(line: string): void {
    if (this.#state === 'data-end') {
      this.#state = line === '' ? 'size' : 'bad';
    } else if (this.#state === 'trailer') {
      if (line === '') this.#state = 'done';
      else if (++this.#trailerLines > MAX_TRAILER_LINES) this.#state = 'bad';
    } else {
      const digits = /^([0-9a-f]+)[ \t]*(?:;.*)?$/i.exec(line)?.[1]?.replace(/^0+(?=.)/, '');
      if (digits === undefined || digits.length > MAX_SIZE_DIGITS) {
        this.#state = 'bad';
        return;
      }
      this.#left = Number.parseInt(digits, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    }
  }
}
