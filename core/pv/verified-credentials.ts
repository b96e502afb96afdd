/** Who an authentication module has found the caller to be: `$Au`, `$AU`. */
export interface VerifiedCredentials {
  readonly username: string;
  readonly realm: string;
}

/** Key of the message extension under which an authentication module puts the VerifiedCredentials. */
export const VERIFIED_CREDENTIALS: object = { name: 'verified-credentials' };
