/** Multipart bodies: making one, adding, reading and removing parts. */

import {
  appendHeader,
  type BodyPart,
  bodyParts,
  contentTypeParam,
  HDR,
  hasBody,
  msgContentType,
  type PvAccessor,
  type Run,
  removeHeaderRow,
  replaceBody,
  type SipMsg,
} from 'strowger';
import { hexText } from './body.ts';

const DEFAULT_BOUNDARY = 'unique-boundary-1';
type Target = PvAccessor & Required<Pick<PvAccessor, 'set'>>;

/**
 * set_body_multipart: makes the present body (or the one given) the first part of a multipart/mixed one. -1 when there
 * is no body to begin with.
 */
export function setBodyMultipart(run: Run, text: string | null, contentType: string | null, boundary: string): number {
  const { msg } = run;
  const own = msg.findHdr(HDR.CONTENTTYPE);
  const type = contentType ?? (own < 0 ? '' : msg.hdrValue(own));
  const content = text ?? msg.body;
  if (type === '' || content === '') return -1;
  const delimiter = boundary === '' ? DEFAULT_BOUNDARY : boundary;
  const body = `--${delimiter}\r\nContent-Type: ${type}\r\n\r\n${content}\r\n--${delimiter}--\r\n`;
  if (own >= 0) removeHeaderRow(msg, own);
  replaceBody(msg, body, '');
  const mime = `multipart/mixed;boundary="${delimiter}"`;
  appendHeader(msg, `Content-Type: ${mime}\r\n`, HDR.CONTENTTYPE);
  if (msg.findHdrByName('Mime-Version') < 0) appendHeader(msg, 'Mime-Version: 1.0\r\n');
  return 1;
}

interface Multipart {
  readonly boundary: string;
  /** Parts of the outer body only. */
  readonly parts: readonly BodyPart[];
}

function readMultipart(msg: SipMsg): Multipart | null {
  const type = msgContentType(msg);
  if (type?.type !== 'multipart' || !hasBody(msg)) return null;
  const boundary = contentTypeParam(type, 'boundary') ?? '';
  const parts = bodyParts(msg).filter((part) => part.depth === 1);
  return parts.length === 0 ? null : { boundary, parts };
}

/** append_body_part: behind the last part. -1 when the body is not multipart. */
export function appendBodyPart(run: Run, text: string, contentType: string, disposition: string | undefined): number {
  const { msg } = run;
  const multipart = readMultipart(msg);
  const last = multipart?.parts.at(-1);
  if (multipart === null || last === undefined || contentType === '') return -1;
  const rows = disposition === undefined || disposition === '' ? '' : `Content-Disposition: ${disposition}\r\n`;
  const part = `\r\n--${multipart.boundary}\r\nContent-Type: ${contentType}\r\n${rows}\r\n${text}`;
  msg.lumps.anchor(last.end).insertAfter(part);
  return 1;
}

/** append_body_part_hex: the text in pairs of hex digits, white space between them ignored. -1 for anything else. */
export function appendBodyPartHex(run: Run, hex: string, contentType: string, disposition: string | undefined): number {
  const text = hexText(hex);
  return text === null ? -1 : appendBodyPart(run, text, contentType, disposition);
}

/** The first part of the type; null when the body is not multipart or has none. */
function findPart(msg: SipMsg, mime: string): BodyPart | null {
  const lower = mime.toLowerCase();
  return readMultipart(msg)?.parts.find((part) => part.contentType?.mime === lower) ?? null;
}

/** Index just behind the delimiter that follows the part, its line end included. */
function nextDelimiterEnd(msg: SipMsg, part: BodyPart): number {
  const eol = msg.buf.indexOf('\n', msg.buf.indexOf('--', part.end));
  return eol < 0 || eol >= msg.bodyEnd ? msg.bodyEnd : eol + 1;
}

export function removeBodyPart(run: Run, mime: string): number {
  const { msg } = run;
  const part = findPart(msg, mime);
  if (part === null) return -1;
  // The part and the delimiter in front of it; what comes behind it stays, the closing delimiter too.
  const next = msg.buf.indexOf('--', part.end);
  msg.lumps.del(part.delimiterStart, (next < 0 ? msg.bodyEnd : next) - part.delimiterStart);
  return 1;
}

/** Just behind the part's Content-Type row: what Kamailio takes for its content begins there. */
function behindContentType(msg: SipMsg, part: BodyPart): number {
  const headers = msg.buf.slice(part.headersStart, part.headersEnd);
  const row = /(?:^|\n)(?:content-type|c)[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*(?:\n|$)/i.exec(headers);
  return row === null ? part.headersStart : part.headersStart + row.index + row[0].length;
}

/** get_body_part: what follows the part's Content-Type row, up to the next delimiter (Kamailio: textops). */
export function getBodyPart(run: Run, mime: string, target: Target): number {
  const { msg } = run;
  const part = findPart(msg, mime);
  if (part === null) return -1;
  const next = msg.buf.indexOf('--', part.end);
  const end = next < 0 ? part.end : next;
  const text = msg.buf.slice(behindContentType(msg, part), Math.min(end, msg.bodyEnd));
  return target.set(run, text) === false ? -1 : 1;
}

/** get_body_part_raw: the part's headers, content and the delimiter behind it. */
export function getBodyPartRaw(run: Run, mime: string, target: Target): number {
  const { msg } = run;
  const part = findPart(msg, mime);
  if (part === null) return -1;
  return target.set(run, msg.buf.slice(part.headersStart, nextDelimiterEnd(msg, part))) === false ? -1 : 1;
}
