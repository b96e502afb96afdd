import type { DigestAlgorithm, DigestCredentials, DigestInput, Run, SipMsg } from 'strowger';

export type { DigestAlgorithm, DigestInput } from 'strowger';

/** Results of authentication, as scripts see them. */
export const AUTH = {
  OK: 1,
  ERROR: -1,
  INVALID_PASSWORD: -2,
  USER_UNKNOWN: -3,
  STALE_NONCE: -4,
  NO_CREDENTIALS: -5,
  NONCE_REUSED: -6,
  USER_MISMATCH: -8,
} as const;

/** Whose credentials: Authorization (401), or Proxy-Authorization (407). */
export type AuthTarget = 'www' | 'proxy';

/** Credentials for a realm whose nonce is good; the response is not checked yet. */
export interface FoundCredentials {
  readonly target: AuthTarget;
  readonly row: number;
  /** As asked for, without realm_prefix. */
  readonly realm: string;
  readonly credentials: DigestCredentials;
  readonly algorithm: DigestAlgorithm;
  /** The client used a `-sess` form of the algorithm. */
  readonly isSession: boolean;
  /** The count of the nonce is taken only when the response is right. */
  readonly takesCount: boolean;
}

/** Where authentication stands before the password is known. */
export interface AuthAttempt {
  /** AUTH.OK: there is nothing to check (ACK, CANCEL, PRACK). Anything below 0 is the result. 0: check `found`. */
  readonly code: number;
  readonly found: FoundCredentials | null;
}

/** What a backend knows of the user: H(A1), or a password in plain text. */
export interface UserSecret {
  readonly text: string;
  readonly isHa1: boolean;
}

/** What other modules (auth_db, uac …) use of auth: `ctx.api<AuthApi>('auth')` (types only: `import type`). */
export interface AuthApi {
  /** Finds the credentials for a realm and checks their nonce. A nonce that may be used once is used up by this. */
  begin(run: Run, target: AuthTarget, realm: string): AuthAttempt;
  /**
   * Checks the response: AUTH.OK, AUTH.INVALID_PASSWORD, or AUTH.STALE_NONCE where `takesCount`. Where it is right the user is a verified one from now on.
   * `method` is that of the request where absent.
   */
  verify(run: Run, found: FoundCredentials, secret: UserSecret, method?: string): number;
  /** Whether the verified user is the one of the URIs: AUTH.OK, AUTH.USER_MISMATCH, AUTH.ERROR (see `identity.ts`). */
  checkIdentity(msg: SipMsg, found: FoundCredentials, usesDomain: boolean): number;
  /** The realm without realm_prefix. */
  strippedRealm(realm: string): string;
  digestAlgorithm(name: string): DigestAlgorithm | null;
  ha1Of(algorithm: DigestAlgorithm, username: string, realm: string, password: string): string;
  digestResponse(algorithm: DigestAlgorithm, ha1: string, input: DigestInput): string;
}
