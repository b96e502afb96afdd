import type { DigestCredentials } from './digest.ts';
import { equalsLower } from './hf.ts';
import { closingQuote, isLws, skipLws } from './params.ts';
import { unquote } from './quoted.ts';

/** The parameters of credentials that are kept, by place; others are skipped. */
const NAMES = ['username', 'realm', 'nonce', 'uri', 'response', 'algorithm', 'cnonce', 'opaque', 'qop', 'nc'] as const;
const PLACE = {
  USERNAME: 0,
  REALM: 1,
  NONCE: 2,
  URI: 3,
  RESPONSE: 4,
  ALGORITHM: 5,
  CNONCE: 6,
  OPAQUE: 7,
  QOP: 8,
  NC: 9,
} as const;

/** More parameters than this and the value is refused. */
const MAX_PARAMS = 64;

/**
 * Digest credentials read in one pass, as `digestCredentials(parseAuth(…))` reads them, at a fraction of the cost. `other`:
 * another scheme; `malformed`: Digest, but a parameter without a value, or one of those that count twice.
 */
export function scanDigest(buf: string, start: number, end: number): DigestCredentials | 'other' | 'malformed' {
  let i = skipLws(buf, start, end);
  const afterScheme = i + 6;
  if (afterScheme >= end || !equalsLower(buf, i, 'digest') || !isBreak(buf.charCodeAt(afterScheme))) return 'other';
  const usual = scanUsual(buf, i, end);
  if (usual !== null) return credentialsOf(usual);
  const values = noValues();
  let seen = 0;
  let count = 0;
  for (i = afterScheme; ; ) {
    while (i < end && isBreak(buf.charCodeAt(i))) i++;
    if (i >= end) break;
    if (++count > MAX_PARAMS) return 'malformed';
    const nameStart = i;
    while (i < end && buf.charCodeAt(i) !== EQUALS && !isBreak(buf.charCodeAt(i))) i++;
    const nameEnd = i;
    i = skipLws(buf, i, end);
    if (nameEnd === nameStart || i >= end || buf.charCodeAt(i) !== EQUALS) return 'malformed';
    i = skipLws(buf, i + 1, end);
    const valueStart = i;
    const isQuoted = i < end && buf.charCodeAt(i) === QUOTE;
    if (isQuoted) {
      i = closingQuote(buf, i + 1, end);
      if (i < 0) return 'malformed';
      i++;
    } else while (i < end && !isBreak(buf.charCodeAt(i))) i++;
    const place = placeOf(buf, nameStart, nameEnd - nameStart);
    if (place >= 0) {
      if ((seen & (1 << place)) !== 0) return 'malformed';
      seen |= 1 << place;
      values[place] = isQuoted ? unquoted(buf, valueStart, i) : buf.slice(valueStart, i);
    }
    i = skipLws(buf, i, end);
    if (i < end && buf.charCodeAt(i) !== COMMA) return 'malformed';
  }
  return credentialsOf(values);
}

/**
 * Values of credentials as nearly all clients write them, `Digest name="value", name=token` with nothing but names that are
 * kept. By searches: looking at each char in turn takes twice as long. Null for any other form.
 */
function scanUsual(buf: string, schemeStart: number, end: number): string[] | null {
  if (!buf.startsWith('Digest ', schemeStart)) return null;
  let i = schemeStart + 7;
  const backslash = buf.indexOf('\\', i);
  if (backslash >= 0 && backslash < end) return null;
  const values = noValues();
  let seen = 0;
  for (;;) {
    const place = usualPlaceAt(buf, i);
    if (place < 0 || (seen & (1 << place)) !== 0) return null;
    const name = USUAL_NAMES[place] as string;
    if (!buf.startsWith(name, i)) return null;
    seen |= 1 << place;
    const start = i + name.length;
    const isQuoted = buf.charCodeAt(start) === QUOTE;
    const valueStart = isQuoted ? start + 1 : start;
    const valueEnd = isQuoted ? buf.indexOf('"', valueStart) : tokenEnd(buf, valueStart, end);
    if (valueEnd < valueStart || (isQuoted && valueEnd >= end)) return null;
    values[place] = buf.slice(valueStart, valueEnd);
    i = isQuoted ? valueEnd + 1 : valueEnd;
    if (i === end) return values;
    if (buf.charCodeAt(i++) !== COMMA) return null;
    if (buf.charCodeAt(i) === SPACE) i++;
  }
}

/** Names as nearly all clients write them, with the sign behind. */
const USUAL_NAMES: readonly string[] = NAMES.map((name) => `${name}=`);

/** Which of them can stand there, by the letters that tell them apart; -1 where none can. */
function usualPlaceAt(buf: string, at: number): number {
  switch (buf.charCodeAt(at)) {
    case 117: // u
      return buf.charCodeAt(at + 1) === 115 ? PLACE.USERNAME : PLACE.URI;
    case 114: // r
      return buf.charCodeAt(at + 2) === 97 ? PLACE.REALM : PLACE.RESPONSE;
    case 110: // n
      return buf.charCodeAt(at + 1) === 111 ? PLACE.NONCE : PLACE.NC;
    case 97: // a
      return PLACE.ALGORITHM;
    case 99: // c
      return PLACE.CNONCE;
    case 111: // o
      return PLACE.OPAQUE;
    case 113: // q
      return PLACE.QOP;
    default:
      return -1;
  }
}

/** Where the value without quotes ends that begins at `start`; before `start` where nothing stands there. */
function tokenEnd(buf: string, start: number, end: number): number {
  let i = start;
  while (i < end && !isBreak(buf.charCodeAt(i))) i++;
  return i === start ? -1 : i;
}

function noValues(): string[] {
  return ['', '', '', '', '', '', '', '', '', ''];
}

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const EQUALS = 61;

/** White space or a comma. */
function isBreak(c: number): boolean {
  return c === COMMA || isLws(c);
}

function unquoted(buf: string, start: number, end: number): string {
  const inner = buf.slice(start + 1, end - 1);
  return inner.includes('\\') ? unquote(buf.slice(start, end)) : inner;
}

/** Which of NAMES stands there, without case; -1 for another. */
function placeOf(buf: string, start: number, length: number): number {
  switch (length) {
    case 2:
      return is(buf, start, PLACE.NC);
    case 3:
      return is(buf, start, (buf.charCodeAt(start) | 0x20) === 113 ? PLACE.QOP : PLACE.URI);
    case 5:
      return is(buf, start, (buf.charCodeAt(start) | 0x20) === 114 ? PLACE.REALM : PLACE.NONCE);
    case 6:
      return is(buf, start, (buf.charCodeAt(start) | 0x20) === 99 ? PLACE.CNONCE : PLACE.OPAQUE);
    case 8:
      return is(buf, start, (buf.charCodeAt(start) | 0x20) === 117 ? PLACE.USERNAME : PLACE.RESPONSE);
    case 9:
      return is(buf, start, PLACE.ALGORITHM);
    default:
      return -1;
  }
}

function is(buf: string, start: number, place: number): number {
  const name = NAMES[place];
  return name !== undefined && (buf.startsWith(name, start) || equalsLower(buf, start, name)) ? place : -1;
}

function credentialsOf(values: readonly string[]): DigestCredentials {
  // By index: V8 takes arrays apart with their iterator, which costs more than the rest of this.
  const text = (place: number): string => values[place] as string;
  const username = text(PLACE.USERNAME);
  const nc = text(PLACE.NC);
  const at = username.indexOf('@');
  return {
    username,
    user: at < 0 ? username : username.slice(0, at),
    domain: at < 0 ? '' : username.slice(at + 1),
    realm: text(PLACE.REALM),
    nonce: text(PLACE.NONCE),
    uri: text(PLACE.URI),
    response: text(PLACE.RESPONSE),
    algorithm: text(PLACE.ALGORITHM),
    cnonce: text(PLACE.CNONCE),
    opaque: text(PLACE.OPAQUE),
    qop: text(PLACE.QOP),
    nc,
    ncValue: nc.length === 8 ? hexValue(nc) : -1,
  };
}

/** -1 where one of them is no hex digit. */
function hexValue(text: string): number {
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const lower = c | 0x20;
    const digit = c >= 48 && c <= 57 ? c - 48 : lower >= 97 && lower <= 102 ? lower - 87 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}
