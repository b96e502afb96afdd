/** Challenges of a reply, and what answers them (RFC 3261 §22.2, §22.3; RFC 7616 §3.4; RFC 8760). */

import { challengeQops, isStale, parseAuth } from '../parser/digest.ts';
import { HDR } from '../parser/hf.ts';
import { quoteString, unquote } from '../parser/quoted.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import { type DigestAlgorithm, digestAlgorithm, digestResponse, ha1Of } from './digest.ts';

/** One challenge that can be answered. Texts are without quotes. */
export interface DigestChallenge {
  /** WWW-Authenticate, or Proxy-Authenticate. */
  readonly target: 'www' | 'proxy';
  readonly realm: string;
  readonly nonce: string;
  /** Null where absent. */
  readonly opaque: string | null;
  readonly algorithm: DigestAlgorithm;
  readonly isSession: boolean;
  /** '' where the server wants none (RFC 2069). */
  readonly qop: '' | 'auth' | 'auth-int';
  /** The nonce was old, the password may have been right. */
  readonly isStale: boolean;
}

/** More challenges than this in one reply are not looked at. */
const MAX_CHALLENGES = 16;

/** The challenges of a reply that can be answered, in its order (which is the server's preference, RFC 8760 §2.4). */
export function digestChallenges(reply: SipMsg): DigestChallenge[] {
  const challenges: DigestChallenge[] = [];
  for (let row = 0; row < reply.hdrCount && challenges.length < MAX_CHALLENGES; row++) {
    const kind = reply.hdrKind(row);
    if (kind !== HDR.WWWAUTHENTICATE && kind !== HDR.PROXYAUTHENTICATE) continue;
    const found = readChallenge(reply, row, kind === HDR.WWWAUTHENTICATE ? 'www' : 'proxy');
    if (found !== null) challenges.push(found);
  }
  return challenges;
}

function readChallenge(reply: SipMsg, row: number, target: DigestChallenge['target']): DigestChallenge | null {
  const auth = parseAuth(reply.buf, reply.hdrValueStart(row), reply.hdrValueEnd(row));
  if (auth === null || auth.scheme.toLowerCase() !== 'digest') return null;
  const get = (name: string): string | null => {
    const text = auth.params.get(name);
    return text === undefined ? null : unquote(text);
  };
  const realm = get('realm');
  const nonce = get('nonce') ?? '';
  const name = get('algorithm') ?? '';
  const isSession = name.toLowerCase().endsWith('-sess');
  const algorithm = digestAlgorithm(isSession ? name.slice(0, -'-sess'.length) : name);
  const qops = challengeQops(auth);
  const qop = qops.includes('auth') ? 'auth' : qops.includes('auth-int') ? 'auth-int' : '';
  if (realm === null || nonce === '' || algorithm === null || (qop === '' && qops.length > 0)) return null;
  return { target, realm, nonce, opaque: get('opaque'), algorithm, isSession, qop, isStale: isStale(auth) };
}

/** Who answers, with what. */
export interface DigestAnswer {
  readonly username: string;
  /** A password, or H(A1) in hex digits. */
  readonly secret: string;
  readonly isHa1: boolean;
  readonly method: string;
  /** The Request-URI. */
  readonly uri: string;
  /** Asked for only where qop is auth-int. */
  readonly body: string | (() => string);
  readonly cnonce: string;
  /** How often the nonce has been used, from 1. */
  readonly count: number;
}

/** The header row, with its CRLF, that answers a challenge. Parameters come in Kamailio's order. */
export function digestAnswerRow(challenge: DigestChallenge, answer: DigestAnswer): string {
  const { target, realm, nonce, opaque, algorithm, isSession, qop } = challenge;
  const { username, secret, method, uri, cnonce } = answer;
  const nc = answer.count.toString(16).padStart(8, '0');
  const ha1 = answer.isHa1 ? secret.toLowerCase() : ha1Of(algorithm, username, realm, secret);
  const body = qop !== 'auth-int' ? '' : typeof answer.body === 'string' ? answer.body : answer.body();
  const response = digestResponse(algorithm, ha1, { method, uri, nonce, qop, nc, cnonce, body, isSession });
  let out = `${target === 'www' ? 'Authorization' : 'Proxy-Authorization'}: Digest username=${quoteString(username)}`;
  out += `, realm=${quoteString(realm)}, nonce=${quoteString(nonce)}, uri=${quoteString(uri)}`;
  if (opaque !== null) out += `, opaque=${quoteString(opaque)}`;
  if (qop !== '') out += `, qop=${qop}, nc=${nc}`;
  if (qop !== '' || isSession) out += `, cnonce="${cnonce}"`;
  return `${out}, response="${response}", algorithm=${algorithm.name}${isSession ? '-sess' : ''}\r\n`;
}
