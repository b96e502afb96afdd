import { type DigestChallenge, digestAnswerRow } from 'strowger';
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

/** One header row that answers a challenge. */
export interface Answer {
  readonly target: DigestChallenge['target'];
  readonly realm: string;
  readonly isStale: boolean;
  /** With its CRLF. */
  readonly row: string;
}

/** Which credential to use for a challenge; null for none. */
export type FindCredential = (challenge: DigestChallenge) => Credential | null;

/**
 * One row for each realm that asks and that we have a credential for: the first of its challenges that the credential
 * can answer. Empty where nothing can be answered.
 */
export function answerChallenges(
  request: ChallengedRequest,
  challenges: readonly DigestChallenge[],
  find: FindCredential,
  cnonce: () => string,
): Answer[] {
  const answers: Answer[] = [];
  for (const challenge of challenges) {
    const { target, realm } = challenge;
    if (answers.some((each) => each.target === target && each.realm === realm)) continue;
    const credential = find(challenge);
    if (credential === null || !fits(credential, challenge)) continue;
    const row = digestAnswerRow(challenge, { ...credential, ...request, cnonce: cnonce(), count: 1 });
    answers.push({ target, realm, isStale: challenge.isStale, row });
  }
  return answers;
}

/** H(A1) is of one algorithm only. */
function fits({ isHa1, secret }: Credential, { algorithm }: DigestChallenge): boolean {
  return !isHa1 || secret.length === algorithm.hexLength;
}
