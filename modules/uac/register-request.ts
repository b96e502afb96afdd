import {
  contactExpires,
  type DigestChallenge,
  digestChallenges,
  HDR,
  type NameAddr,
  parseContacts,
  parseDeltaSeconds,
  parseUri,
  type Random,
  type SipMsg,
  type SipUri,
  type SocketInfo,
  urisEqual,
} from 'strowger';
import type { TmApi } from '../tm/api.ts';
import { answerChallenges } from './answer.ts';
import type { Credential } from './credentials.ts';

/** One REGISTER, with what its answers ask for: credentials, a longer time (RFC 3261 §10.2). */
export interface RegisterRequest {
  /** `sip:domain`, the Request-URI. */
  readonly registrar: string;
  /** Where it is sent; '' by the Request-URI. */
  readonly nextHop: string;
  /** The address of record, To and From. */
  readonly aor: string;
  /** Our URI. */
  readonly contact: string;
  /** Seconds; 0 takes the binding away. */
  readonly expiresSec: number;
  readonly callId: string;
  readonly cseq: number;
  readonly socket: SocketInfo | null;
  /** Further header rows, each with CRLF. */
  readonly headers: string;
  readonly credential: (challenge: DigestChallenge) => Credential | null;
}

export type RegisterOutcome =
  /** `expiresSec`: granted, from now on. */
  | { readonly kind: 'done'; readonly expiresSec: number; readonly cseq: number }
  /** `retryAfterSec`: what the registrar asks for, 0 for nothing. `code` is the last reply's, 408 or 503 without one. */
  | {
      readonly kind: 'failed';
      readonly code: number;
      readonly why: string;
      readonly retryAfterSec: number;
      readonly cseq: number;
    };

export interface RegisterTold {
  /** Credentials go out. */
  onAuthSent(): void;
  /** 423: the registrar wants at least these seconds, which are asked for now. */
  onLonger(expiresSec: number): void;
  onEnd(outcome: RegisterOutcome): void;
}

interface Parts {
  readonly tm: TmApi;
  readonly random: Random;
}

/** Requests of one attempt: the first, one or two with credentials (a nonce may be stale), one for a longer time. */
const MAX_REQUESTS = 5;
const UNAUTHORIZED = 401;
const PROXY_AUTHENTICATION = 407;
const INTERVAL_TOO_BRIEF = 423;

/** Where one attempt stands. */
interface Attempt {
  readonly request: RegisterRequest;
  readonly fromTag: string;
  cseq: number;
  expiresSec: number;
  requests: number;
  /** Rows of the answer in the last request; '' for none. */
  answered: string;
}

/** Registers once. `told.onEnd` is called exactly once, after this returns. */
export function register(parts: Parts, request: RegisterRequest, told: RegisterTold): void {
  const { cseq, expiresSec } = request;
  send(parts, { request, fromTag: parts.random.token(20), cseq, expiresSec, requests: 0, answered: '' }, told);
}

function send(parts: Parts, attempt: Attempt, told: RegisterTold): void {
  const { request, cseq, expiresSec } = attempt;
  attempt.requests++;
  const sent = parts.tm.send({
    method: 'REGISTER',
    uri: request.registrar,
    ...(request.nextHop === '' ? {} : { nextHop: request.nextHop }),
    to: `<${request.aor}>`,
    from: `<${request.aor}>;tag=${attempt.fromTag}`,
    callId: request.callId,
    cseq,
    headers: `Contact: <${request.contact}>\r\nExpires: ${expiresSec}\r\n${request.headers}${attempt.answered}`,
    socket: request.socket,
    onReply: (reply, code) => answered(parts, attempt, told, reply, code),
  });
  if (sent === null) queueMicrotask(() => told.onEnd(failed(attempt, 503, 'no socket to send from')));
}

function failed(attempt: Attempt, code: number, why: string, retryAfterSec = 0): RegisterOutcome {
  return { kind: 'failed', code, why, retryAfterSec, cseq: attempt.cseq };
}

function answered(parts: Parts, attempt: Attempt, told: RegisterTold, reply: SipMsg | null, code: number): void {
  if (reply === null) return told.onEnd(failed(attempt, code, 'no reply'));
  if (code < 300) return told.onEnd(registered(attempt, reply));
  const mayRepeat = attempt.requests < MAX_REQUESTS;
  const isChallenge = code === UNAUTHORIZED || code === PROXY_AUTHENTICATION;
  if (isChallenge && mayRepeat && authenticate(parts, attempt, told, reply)) return;
  if (code === INTERVAL_TOO_BRIEF && mayRepeat && askLonger(parts, attempt, told, reply)) return;
  const why = isChallenge ? 'authentication failed' : `${code} ${reply.reason}`;
  told.onEnd(failed(attempt, code, why, retryAfter(reply)));
}

/** False where there is no credential, or it was refused before (RFC 3261 §22.2). */
function authenticate(parts: Parts, attempt: Attempt, told: RegisterTold, reply: SipMsg): boolean {
  const { request } = attempt;
  const challenged = { method: 'REGISTER', uri: request.registrar, body: '' };
  const answers = answerChallenges(challenged, digestChallenges(reply), request.credential, () =>
    parts.random.token(16),
  );
  const isNews = attempt.answered === '' || answers.some(({ isStale }) => isStale);
  if (answers.length === 0 || !isNews) return false;
  attempt.answered = answers.map(({ row }) => row).join('');
  attempt.cseq++;
  told.onAuthSent();
  send(parts, attempt, told);
  return true;
}

/** RFC 3261 §10.2.8 */
function askLonger(parts: Parts, attempt: Attempt, told: RegisterTold, reply: SipMsg): boolean {
  const least = parseDeltaSeconds(reply.header(HDR.MINEXPIRES) ?? '');
  if (least === null || least <= attempt.expiresSec) return false;
  attempt.expiresSec = least;
  attempt.cseq++;
  told.onLonger(least);
  send(parts, attempt, told);
  return true;
}

function registered(attempt: Attempt, reply: SipMsg): RegisterOutcome {
  const { cseq, expiresSec } = attempt;
  if (expiresSec === 0) return { kind: 'done', expiresSec: 0, cseq };
  const binding = ownContact(reply, attempt.request.contact);
  if (binding === null) return failed(attempt, reply.status, 'our Contact is not in the reply');
  const granted = contactExpires(binding) ?? parseDeltaSeconds(reply.header(HDR.EXPIRES) ?? '') ?? expiresSec;
  if (granted === 0) return failed(attempt, reply.status, 'our Contact was not kept');
  return { kind: 'done', expiresSec: granted < 0 ? expiresSec : granted, cseq };
}

/** Our binding among those of the reply: the same URI, or else one of our user part (a NAT may have changed the rest). */
function ownContact(reply: SipMsg, contact: string): NameAddr | null {
  const own = parseUri(contact);
  if (own === null) return null;
  const { values } = parseContacts(reply);
  const found = (fits: (uri: SipUri) => boolean): NameAddr | undefined =>
    values.find(({ uri }) => uri !== null && fits(uri));
  return found((uri) => urisEqual(uri, own)) ?? found((uri) => uri.user === own.user) ?? null;
}

function retryAfter(reply: SipMsg): number {
  const text = reply.header(HDR.RETRYAFTER) ?? '';
  return parseDeltaSeconds(/^\d+/.exec(text)?.[0] ?? '') ?? 0;
}
