import type { DigestCredentials } from '../parser/digest.ts';

/** Who an authentication module has found the caller to be: `$Au`, `$AU`. */
export interface VerifiedCredentials {
  /** User part of the username. */
  readonly username: string;
  /** Domain of the username, else the realm. */
  readonly realm: string;
  /** What was verified, where it was a digest: `$au`, `$ar` … read these, not others that the request may carry. */
  readonly credentials?: DigestCredentials;
  /** The text of the message that held them. */
  readonly buf?: string;
}

/** Key of the message extension under which an authentication module puts the VerifiedCredentials. */
export const VERIFIED_CREDENTIALS: object = { name: 'verified-credentials' };
