import { hash } from 'node:crypto';
import { type TransformDef, textTransform } from 'strowger';
import { decodeBase58, encodeBase58 } from './base58.ts';

/** {s.md5}, {s.encode.…}, {s.escape.…} …: digests, codings and escaping of text. */
export const CODEC_TRANSFORMS: Readonly<Record<string, TransformDef>> = {
  md5: textTransform('MD5 in hexadecimal.', (text) => digest('md5', text)),
  sha1: textTransform('SHA-1 in hexadecimal.', (text) => digest('sha1', text)),
  sha256: textTransform('SHA-256 in hexadecimal.', (text) => digest('sha256', text)),
  sha384: textTransform('SHA-384 in hexadecimal.', (text) => digest('sha384', text)),
  sha512: textTransform('SHA-512 in hexadecimal.', (text) => digest('sha512', text)),
  'encode.hexa': textTransform('In hexadecimal.', (text) => Buffer.from(text, 'latin1').toString('hex')),
  'decode.hexa': textTransform('From hexadecimal; null when it is none. A last odd digit is dropped.', decodeHex),
  'encode.7bit': textTransform('As seven-bit GSM characters packed into octets, in hexadecimal.', encode7bit),
  'decode.7bit': textTransform('From packed seven-bit characters in hexadecimal.', decode7bit),
  'encode.base58': textTransform('In base58.', encodeBase58),
  'decode.base58': textTransform('From base58; null when it is none.', decodeBase58),
  'encode.base64': textTransform('In base64.', (text) => toBase64(text, 'base64')),
  'decode.base64': textTransform('From base64, padding required; null when it is none.', (text) =>
    fromBase64(text, true),
  ),
  'encode.base64t': textTransform('In base64 without padding.', (text) => toBase64(text, 'base64').replace(/=+$/, '')),
  'decode.base64t': textTransform('From base64 with or without padding.', (text) => fromBase64(text, false)),
  'encode.base64url': textTransform('In base64url with padding.', (text) => padded(toBase64(text, 'base64url'))),
  'decode.base64url': textTransform('From base64url.', (text) => fromBase64(text, false)),
  'encode.base64urlt': textTransform('In base64url without padding.', (text) => toBase64(text, 'base64url')),
  'decode.base64urlt': textTransform('From base64url with or without padding.', (text) => fromBase64(text, false)),
  'escape.common': textTransform('Quotes \' and ", backslash and NUL behind a backslash.', (text) =>
    text.replace(/['"\\\0]/g, (c) => (c === '\0' ? '\\0' : `\\${c}`)),
  ),
  'unescape.common': textTransform('The reverse of escape.common.', (text) =>
    text.replace(/\\(['"\\0])/g, (_all, c: string) => (c === '0' ? '\0' : c)),
  ),
  'escape.user': textTransform(
    'With %xx for what can not stand in the user of a URI; null for characters outside ASCII.',
    (text) => escapeAscii(text, /[^A-Za-z0-9\-_.!~*'()&=+$,;?]/g),
  ),
  'unescape.user': textTransform('With each %xx as its character; null when one is broken.', unescapeAscii),
  'escape.param': textTransform(
    'With %xx for what can not stand in a URI parameter; null for characters outside ASCII.',
    (text) => escapeAscii(text, /[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g),
  ),
  'unescape.param': textTransform('With each %xx as its character; null when one is broken.', unescapeAscii),
  'escape.csv': textTransform(
    'As a CSV field (RFC 4180): in double quotes, those within doubled.',
    (text) => `"${text.replaceAll('"', '""')}"`,
  ),
  'escape.crlf': textTransform('CR and LF written as backslash and letter.', (text) =>
    text.replace(/[\r\n]/g, (c) => (c === '\r' ? '\\r' : '\\n')),
  ),
  'unescape.crlf': textTransform('The reverse of escape.crlf.', (text) =>
    text.replace(/\\([rn])/g, (_all, c: string) => (c === 'r' ? '\r' : '\n')),
  ),
  'urlencode.param': textTransform('Encoded for a URL query.', (text) =>
    text.replace(/[^A-Za-z0-9\-_.~]/g, (c) => percent(c)),
  ),
  'urldecode.param': textTransform('Decoded from a URL query; a plus is a space.', (text) =>
    text.replace(/\+|%([0-9A-Fa-f]{2})/g, (_all, hex: string | undefined) =>
      hex === undefined ? ' ' : String.fromCharCode(Number.parseInt(hex, 16)),
    ),
  ),
};

function digest(algorithm: string, text: string): string {
  return hash(algorithm, Buffer.from(text, 'latin1'), 'hex');
}

function decodeHex(text: string): string | null {
  const even = text.length - (text.length % 2);
  return /^[0-9A-Fa-f]*$/.test(text.slice(0, even)) ? Buffer.from(text.slice(0, even), 'hex').toString('latin1') : null;
}

function toBase64(text: string, alphabet: 'base64' | 'base64url'): string {
  return Buffer.from(text, 'latin1').toString(alphabet);
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** Both alphabets are read. Null when a character is in neither, or where padding is required and missing. */
function fromBase64(text: string, isPaddingRequired: boolean): string | null {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text) || (isPaddingRequired && text.length % 4 !== 0)) return null;
  return Buffer.from(text, 'base64').toString('latin1');
}

function percent(c: string): string {
  return `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`;
}

/** Control characters and bytes above 127 have no escape in Kamailio: the result is null. */
function escapeAscii(text: string, unsafe: RegExp): string | null {
  return /[\0-\x1f\x7f-\xff]/.test(text) ? null : text.replace(unsafe, percent);
}

/** Null for a `%` without two hexadecimal digits, and for one that stands for a control character. */
function unescapeAscii(text: string): string | null {
  if (!text.includes('%')) return text;
  let isGood = true;
  const out = text.replace(/%(..)?/gs, (_all, hex: string | undefined) => {
    const code = hex !== undefined && /^[0-9A-Fa-f]{2}$/.test(hex) ? Number.parseInt(hex, 16) : -1;
    if (code < 32 || code > 126) isGood = false;
    return String.fromCharCode(code & 0xff);
  });
  return isGood ? out : null;
}

function encode7bit(text: string): string {
  let out = '';
  let word = 0;
  let bits = 0;
  for (let i = 0; i < text.length; i++) {
    word |= (text.charCodeAt(i) & 0x7f) << bits;
    bits += 7;
    while (bits >= 8) {
      out += hexByte(word & 0xff);
      word >>>= 8;
      bits -= 8;
    }
  }
  return bits > 0 ? out + hexByte(word & 0xff) : out;
}

function hexByte(byte: number): string {
  return byte.toString(16).toUpperCase().padStart(2, '0');
}

function decode7bit(text: string): string | null {
  const packed = decodeHex(text);
  if (packed === null) return null;
  let out = '';
  let word = 0;
  let bits = 0;
  for (let i = 0; i < packed.length; i++) {
    word |= packed.charCodeAt(i) << bits;
    bits += 8;
    while (bits >= 7) {
      out += String.fromCharCode(word & 0x7f);
      word >>>= 7;
      bits -= 7;
    }
  }
  return out;
}
