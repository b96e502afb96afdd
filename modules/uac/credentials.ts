/** What proves who we are to a realm. Texts are latin1, without quotes. */
export interface Credential {
  /** As challenges name it; '' goes with any realm. */
  readonly realm: string;
  readonly username: string;
  /** A password, or H(A1) in hex digits: of as many as the challenge's algorithm makes. */
  readonly secret: string;
  readonly isHa1: boolean;
}

/** The credentials of a server, by realm (Kamailio: uac, parameter `credential`). */
export class CredentialStore {
  readonly #byRealm = new Map<string, Credential[]>();

  /** One for the same realm and username takes the place of the earlier. */
  add(credential: Credential): void {
    const others = this.#byRealm.get(credential.realm) ?? [];
    this.#byRealm.set(credential.realm, [
      ...others.filter((each) => each.username !== credential.username),
      credential,
    ]);
  }

  /** Null where there is none; without a username the first that was given for the realm. */
  find(realm: string, username = ''): Credential | null {
    const found = this.#byRealm.get(realm)?.find((each) => username === '' || each.username === username);
    return found ?? null;
  }
}

/** `username:realm:password`; the password may hold colons. Null where a part is missing. */
export function parseCredential(text: string): Credential | null {
  const [, username = '', realm = '', secret = ''] = /^([^:]+):([^:]+):(.+)$/.exec(text) ?? [];
  return username === '' ? null : { realm: realm.trim(), username: username.trim(), secret, isHa1: false };
}
