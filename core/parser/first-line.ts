import { METHOD, methodAt } from './methods.ts';
import { isDigit } from './params.ts';

/** What the first line of a message says, and what is wrong with it. */
export interface FirstLine {
  isRequest: boolean;
  /** An HTTP request. */
  isHttp: boolean;
  /** METHOD bit of a request. */
  method: number;
  /** 0 on a request. */
  status: number;
  /** Request-URI span; on a reply the reason phrase's. */
  uriStart: number;
  uriEnd: number;
  /** Where the headers begin. */
  end: number;
  error: string | null;
  errorAt: number;
}

/** Reused between messages. */
const line: FirstLine = {
  isRequest: true,
  isHttp: false,
  method: METHOD.UNDEF,
  status: 0,
  uriStart: 0,
  uriEnd: 0,
  end: 0,
  error: null,
  errorAt: 0,
};

/**
 * A first line that is as it should be, from what the receiver has found out: where the headers begin, the status (0 for a
 * request), and the span of the Request-URI or the reason phrase.
 */
export function usualLine(buf: string, end: number, status: number, uriStart: number, uriEnd: number): FirstLine {
  line.error = null;
  line.errorAt = 0;
  line.isRequest = status === 0;
  line.isHttp = false;
  line.method = status === 0 ? methodAt(buf, 0, uriStart - 1) : METHOD.UNDEF;
  line.status = status;
  line.uriStart = uriStart;
  line.uriEnd = uriEnd;
  line.end = end;
  return line;
}

/** The first line of `buf` (RFC 3261 §7.1, §7.2), right until the next call. */
export function firstLine(buf: string): FirstLine {
  line.error = null;
  line.errorAt = 0;
  let eol = buf.indexOf('\n');
  if (eol < 0) {
    eol = buf.length;
    line.error = 'no end of the first line';
    line.errorAt = eol;
  }
  const lineEnd = eol > 0 && buf.charCodeAt(eol - 1) === 13 ? eol - 1 : eol;
  const firstSpace = buf.indexOf(' ');
  line.end = eol + 1;
  line.uriStart = 0;
  line.uriEnd = 0;
  line.status = 0;
  line.method = METHOD.UNDEF;
  line.isRequest = true;
  line.isHttp = false;
  if (firstSpace < 1 || firstSpace >= lineEnd) {
    line.error ??= 'first line has no space';
  } else if (isSipVersion(buf, 0, firstSpace)) {
    line.isRequest = false;
    line.status = threeDigits(buf, firstSpace + 1);
    line.uriStart = Math.min(firstSpace + 5, lineEnd);
    line.uriEnd = lineEnd;
    const afterStatus = buf.charCodeAt(firstSpace + 4);
    if (line.status < 100 || line.status > 699 || (firstSpace + 4 < lineEnd && afterStatus !== 32)) {
      line.error ??= 'bad status code';
      line.errorAt = firstSpace + 1;
    }
  } else {
    line.uriStart = firstSpace + 1;
    // Well-formed lines end in ` SIP/2.0`; only others need a search.
    const isUsual = buf.charCodeAt(lineEnd - 8) === 32 && isSipVersion(buf, lineEnd - 7, lineEnd);
    line.uriEnd = isUsual ? lineEnd - 8 : buf.lastIndexOf(' ', lineEnd - 1);
    line.method = methodAt(buf, 0, firstSpace);
    if (line.uriEnd <= line.uriStart) {
      line.uriEnd = lineEnd;
      line.error ??= 'request line has no version';
    } else if (!isUsual && !isSipVersion(buf, line.uriEnd + 1, lineEnd)) {
      line.isHttp = isHttpVersion(buf, line.uriEnd + 1, lineEnd);
      if (!line.isHttp) {
        line.error ??= 'bad SIP version';
        line.errorAt = line.uriEnd + 1;
      }
    }
  }
  return line;
}

/** `SIP/2.0`, compared without case (RFC 3261 §7.1). */
function isSipVersion(buf: string, start: number, end: number): boolean {
  return (
    end - start === 7 &&
    (buf.charCodeAt(start) | 0x20) === 115 &&
    (buf.charCodeAt(start + 1) | 0x20) === 105 &&
    (buf.charCodeAt(start + 2) | 0x20) === 112 &&
    buf.charCodeAt(start + 3) === 47 &&
    buf.charCodeAt(start + 4) === 50 &&
    buf.charCodeAt(start + 5) === 46 &&
    buf.charCodeAt(start + 6) === 48
  );
}

/** `HTTP/1.1`, any digits. */
function isHttpVersion(buf: string, start: number, end: number): boolean {
  return (
    end - start === 8 &&
    buf.startsWith('HTTP/', start) &&
    isDigit(buf.charCodeAt(start + 5)) &&
    buf.charCodeAt(start + 6) === 46 &&
    isDigit(buf.charCodeAt(start + 7))
  );
}

function threeDigits(buf: string, at: number): number {
  const a = buf.charCodeAt(at) - 48;
  const b = buf.charCodeAt(at + 1) - 48;
  const c = buf.charCodeAt(at + 2) - 48;
  return a >= 0 && a <= 9 && b >= 0 && b <= 9 && c >= 0 && c <= 9 ? a * 100 + b * 10 + c : -1;
}
