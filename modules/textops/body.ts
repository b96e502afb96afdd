/** has_body, set_body, filter_body, set_reply_body, is_audio_on_hold. */

import {
  bodyParts,
  findContent,
  hasBody,
  msgContentType,
  parseSdp,
  type Run,
  replaceBody,
  type SdpStream,
} from 'strowger';

/** has_body: with a type, that type must be the message's own. */
export function hasBodyOf(run: Run, mime: string | undefined): number {
  if (!hasBody(run.msg)) return -1;
  if (mime === undefined || mime === '' || mime === '0') return 1;
  return msgContentType(run.msg)?.mime === mime.toLowerCase() ? 1 : -1;
}

/** set_body: -1 without text or type. */
export function setBody(run: Run, text: string, contentType: string): number {
  if (text === '' || contentType === '') return -1;
  replaceBody(run.msg, text, contentType);
  return 1;
}

/** Text written in pairs of hex digits, white space between them ignored; null for anything else. */
export function hexText(hex: string): string | null {
  const digits = hex.replace(/\s+/g, '');
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) return null;
  return Buffer.from(digits, 'hex').toString('latin1');
}

/** set_reply_body: for the replies made to this request. */
export function setReplyBody(run: Run, text: string, contentType: string): number {
  if (text === '' || contentType === '') return -1;
  run.msg.replyLumps ??= [];
  run.msg.replyLumps.push(`Content-Type: ${contentType}\r\n`);
  run.msg.replyBody = text;
  return 1;
}

/** filter_body: the first part of this type takes the place of the whole multipart body. */
export function filterBody(run: Run, mime: string): number {
  const { msg } = run;
  if (msgContentType(msg)?.mime !== 'multipart/mixed') return -1;
  const part = bodyParts(msg).find((candidate) => candidate.contentType?.mime === mime.toLowerCase());
  if (part === undefined) return -1;
  msg.lumps.del(msg.bodyStart, part.start - msg.bodyStart);
  msg.lumps.del(part.end, msg.buf.length - part.end);
  return 1;
}

/** is_audio_on_hold: 1 by a null address (RFC 2543), 2 by its direction (RFC 3264), -1 not. */
export function isAudioOnHold(run: Run): number {
  const { msg } = run;
  const span = findContent(msg, 'application/sdp');
  const sdp = span === null ? null : parseSdp(msg.buf, span.start, span.end);
  for (const stream of sdp?.streams ?? []) {
    if (stream.media !== 'audio') continue;
    if (hasNullAddress(stream)) return 1;
    if (stream.direction === 'sendonly' || stream.direction === 'inactive') return 2;
  }
  return -1;
}

function hasNullAddress(stream: SdpStream): boolean {
  const address = stream.connection?.address;
  return address === '0.0.0.0' || address === '::' || address === '0:0:0:0:0:0:0:0';
}
