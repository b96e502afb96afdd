/** Bodies: multipart (RFC 2046 §5.1) and the part of a wanted type in them. Bounded in parts and depth, never recursive. */

import { type ContentType, contentTypeParam, parseContentType } from './content-type.ts';
import { HDR } from './hf.ts';
import { isLws } from './params.ts';
import { trimLws } from './quoted.ts';
import { parseSdp, type Sdp } from './sdp.ts';
import type { SipMsg } from './sip-msg.ts';

/** One part of a multipart body, by its places in the message. */
export interface BodyPart {
  /** The part's delimiter line: index of its first `-`. */
  readonly delimiterStart: number;
  /** Just after the delimiter line. */
  readonly headersStart: number;
  /** Index of the blank line that ends the part's headers. */
  readonly headersEnd: number;
  readonly start: number;
  /** Before the line end that belongs to the next delimiter. */
  readonly end: number;
  /** Null when the part names none (text/plain then) or a broken one. */
  readonly contentType: ContentType | null;
  /** 1 for the parts of the message's own body, 2 for those of a multipart inside it … */
  readonly depth: number;
}

/** Parts looked at in one message, all depths together. */
export const MAX_PARTS = 64;
/** Multiparts inside multiparts are opened down to this depth. */
export const MAX_DEPTH = 4;

/** The message's Content-Type; null when absent or broken. */
export function msgContentType(msg: SipMsg): ContentType | null {
  const text = msg.header(HDR.CONTENTTYPE);
  return text === null ? null : parseContentType(text);
}

/** True when there are chars after the blank line that belong to the message. */
export function hasBody(msg: SipMsg): boolean {
  return msg.bodyEnd > msg.bodyStart;
}

/**
 * The parts of a multipart body in `buf[start … end)`, in order. A part without a closing delimiter ends where the body
 * does. Empty when the boundary never occurs.
 */
export function multipartParts(buf: string, start: number, end: number, boundary: string, depth = 1): BodyPart[] {
  const parts: BodyPart[] = [];
  if (boundary === '' || boundary.length > 256) return parts;
  const delimiter = `--${boundary}`;
  let at = findDelimiter(buf, start, start, end, delimiter);
  while (at >= 0 && parts.length < MAX_PARTS) {
    const after = at + delimiter.length;
    if (buf.startsWith('--', after)) break;
    const headersStart = lineAfter(buf, after, end);
    const next = findDelimiter(buf, headersStart, start, end, delimiter);
    const limit = next < 0 ? end : beforeLineEnd(buf, next, headersStart);
    parts.push(readPart(buf, at, headersStart, limit, depth));
    at = next;
  }
  return parts;
}

function readPart(buf: string, delimiterStart: number, headersStart: number, end: number, depth: number): BodyPart {
  let pos = headersStart;
  let contentType: ContentType | null = null;
  while (pos < end) {
    const c = buf.charCodeAt(pos);
    if (c === 10 || (c === 13 && buf.charCodeAt(pos + 1) === 10)) break;
    let stop = lineAfter(buf, pos, end);
    while (stop < end && isFoldStart(buf.charCodeAt(stop))) stop = lineAfter(buf, stop, end);
    const line = buf.slice(pos, stop);
    const colon = line.indexOf(':');
    if (colon > 0) {
      const name = trimLws(line.slice(0, colon)).toLowerCase();
      if (name === 'content-type' || name === 'c') contentType = parseContentType(trimLws(line.slice(colon + 1)));
    }
    pos = stop;
  }
  const headersEnd = Math.min(pos, end);
  const start = Math.min(lineAfter(buf, headersEnd, end), end);
  return { delimiterStart, headersStart, headersEnd, start, end, contentType, depth };
}

/** Index of the next delimiter at a line's begin, -1 when there is none. */
function findDelimiter(buf: string, from: number, bodyStart: number, end: number, delimiter: string): number {
  let at = buf.indexOf(delimiter, from);
  while (at >= 0 && at + delimiter.length <= end) {
    if ((at === bodyStart || buf.charCodeAt(at - 1) === 10) && endsDelimiter(buf, at + delimiter.length, end))
      return at;
    at = buf.indexOf(delimiter, at + delimiter.length);
  }
  return -1;
}

/** After a delimiter comes its line end, padding, or `--`: else it is the begin of a longer boundary. */
function endsDelimiter(buf: string, at: number, end: number): boolean {
  return at >= end || isLws(buf.charCodeAt(at)) || buf.startsWith('--', at);
}

function lineAfter(buf: string, at: number, end: number): number {
  const eol = buf.indexOf('\n', at);
  return eol < 0 || eol >= end ? end : eol + 1;
}

function beforeLineEnd(buf: string, at: number, floor: number): number {
  let end = at;
  if (end > floor && buf.charCodeAt(end - 1) === 10) end--;
  if (end > floor && buf.charCodeAt(end - 1) === 13) end--;
  return end;
}

function isFoldStart(c: number): boolean {
  return c === 32 || c === 9;
}

/** All parts of the message's body, those of inner multiparts after the part that holds them; empty when it is not multipart. */
export function bodyParts(msg: SipMsg): BodyPart[] {
  const outer = msgContentType(msg);
  if (outer?.type !== 'multipart') return [];
  const boundary = contentTypeParam(outer, 'boundary') ?? '';
  const queue = multipartParts(msg.buf, msg.bodyStart, msg.bodyEnd, boundary);
  const all: BodyPart[] = [];
  while (queue.length > 0 && all.length < MAX_PARTS) {
    const part = queue.shift() as BodyPart;
    all.push(part);
    if (part.contentType?.type === 'multipart' && part.depth < MAX_DEPTH) {
      const inner = contentTypeParam(part.contentType, 'boundary') ?? '';
      queue.unshift(...multipartParts(msg.buf, part.start, part.end, inner, part.depth + 1));
    }
  }
  return all;
}

/** A span of the message. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the content of this type (`application/sdp`, in lower case) is: the whole body, or the first part of that type.
 * Null when there is none.
 */
export function findContent(msg: SipMsg, mime: string): Span | null {
  const own = msgContentType(msg);
  if (own === null || !hasBody(msg)) return null;
  if (own.mime === mime) return { start: msg.bodyStart, end: msg.bodyEnd };
  if (own.type !== 'multipart') return null;
  const part = bodyParts(msg).find((candidate) => candidate.contentType?.mime === mime);
  return part === undefined ? null : { start: part.start, end: part.end };
}

/** The SDP of a message: its body, or the first part of that type; null without one, or where it is none. */
export function sdpOf(msg: SipMsg): Sdp | null {
  const span = findContent(msg, 'application/sdp');
  return span === null ? null : parseSdp(msg.buf, span.start, span.end);
}
