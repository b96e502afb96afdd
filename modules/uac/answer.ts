import {
  challengeQops,
  type DigestAlgorithm,
  digestAlgorithm,
  digestResponse,
  HDR,
  ha1Of,
  isStale,
  parseAuth,
  quoteString,
  type SipMsg,
  unquote,
} from 'strowger';
import type { Credential } from './credentials.ts';

/** Answers to challenges for our own requests (RFC 3261 §22.2, §22.3; RFC 7616; RFC 8760). */

/** The request that was challenged, as it will be sent again. */
export interface ChallengedRequest {
  readonly method: string;
  /** The Request-URI. */
  readonly uri: string;
  /** Asked for only where qop is auth-int. */
  readonly body: string | (() => string);
}

/** Who asks: WWW-Authenticate, or Proxy-Authenticate. */
export type Challenger = 'www' | 'proxy';

/** One challenge that we know how to answer. Texts are without quotes. */
export interface Challenge {
  readonly target: Challenger;
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

/** One header row that answers a challenge. */
export interface Answer {
  readonly target: Challenger;
  readonly realm: string;
  readonly isStale: boolean;
  /** With its CRLF. */
  readonly row: string;
}

/** More challenges than this in one reply are not looked at. */
const MAX_CHALLENGES = 16;

/** The challenges of a reply that we can answer, in its order (which is the server's preference, RFC 8760 §2.4). */
export function challengesOf(reply: SipMsg): Challenge[] {
  const challenges: Challenge[] = [];
  for (let row = 0; row < reply.hdrCount && challenges.length < MAX_CHALLENGES; row++) {
    const kind = reply.hdrKind(row);
    if (kind !== HDR.WWWAUTHENTICATE && kind !== HDR.PROXYAUTHENTICATE) continue;
    const found = readChallenge(reply, row, kind === HDR.WWWAUTHENTICATE ? 'www' : 'proxy');
    if (found !== null) challenges.push(found);
  }
  return challenges;
}

function readChallenge(reply: SipMsg, row: number, target: Challenger): Challenge | null {
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

/** Which credential to use for a challenge; null for none. */
export type FindCredential = (challenge: Challenge) => Credential | null;

/**
 * One row for each realm that asks and that we have a credential for: the first of its challenges that the credential
 * can answer. Empty where nothing can be answered.
 */
export function answerChallenges(
  request: ChallengedRequest,
  challenges: readonly Challenge[],
  find: FindCredential,
  cnonce: () => string,
): Answer[] {
  const answers: Answer[] = [];
  for (const challenge of challenges) {
    const { target, realm } = challenge;
    if (answers.some((each) => each.target === target && each.realm === realm)) continue;
    const credential = find(challenge);
    if (credential === null || !fits(credential, challenge)) continue;
    answers.push({ target, realm, isStale: challenge.isStale, row: rowOf(request, challenge, credential, cnonce()) });
  }
  return answers;
}

/** H(A1) is of one algorithm only. */
function fits({ isHa1, secret }: Credential, { algorithm }: Challenge): boolean {
  return !isHa1 || secret.length === algorithm.hexLength;
}

const NC = '00000001';

/** Parameters come in Kamailio's order. */
function rowOf(request: ChallengedRequest, challenge: Challenge, credential: Credential, cnonce: string): string {
  const { target, realm, nonce, opaque, algorithm, isSession, qop } = challenge;
  const { username, secret } = credential;
  const ha1 = credential.isHa1 ? secret.toLowerCase() : ha1Of(algorithm, username, realm, secret);
  const body = qop !== 'auth-int' ? '' : typeof request.body === 'string' ? request.body : request.body();
  const { method, uri } = request;
  const response = digestResponse(algorithm, ha1, { method, uri, nonce, qop, nc: NC, cnonce, body, isSession });
  let out = `${target === 'www' ? 'Authorization' : 'Proxy-Authorization'}: Digest username=${quoteString(username)}`;
  out += `, realm=${quoteString(realm)}, nonce=${quoteString(nonce)}, uri=${quoteString(uri)}`;
  if (opaque !== null) out += `, opaque=${quoteString(opaque)}`;
  if (qop !== '') out += `, qop=${qop}, nc=${NC}`;
  if (qop !== '' || isSession) out += `, cnonce="${cnonce}"`;
  return `${out}, response="${response}", algorithm=${algorithm.name}${isSession ? '-sess' : ''}\r\n`;
}
