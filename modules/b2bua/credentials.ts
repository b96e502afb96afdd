import { type DigestChallenge, digestAnswerRow, digestChallenges, type SipMsg } from 'strowger';

/** What proves who we are to a realm; `realm` is '' for any. */
export interface Credential {
  readonly user: string;
  readonly realm: string;
  readonly password: string;
}

/** `user:realm:password`; `*` or nothing for any realm; the password may hold colons. Null where it can not be read. */
export function parseCredential(text: string): Credential | null {
  const [, user = '', realm = '', password = ''] = /^([^:]+):([^:]*):(.*)$/.exec(text) ?? [];
  return user === '' ? null : { user: user.trim(), realm: realm.trim() === '*' ? '' : realm.trim(), password };
}

/** The one for a realm: that names it, else one for any. */
export function credentialFor(list: readonly Credential[], realm: string, user = ''): Credential | null {
  const fitting = list.filter((each) => user === '' || each.user === user);
  return fitting.find((each) => each.realm === realm) ?? fitting.find((each) => each.realm === '') ?? null;
}

/** A status that comes with challenges. */
export function isChallenge(code: number): boolean {
  return code === 401 || code === 407;
}

interface Answered {
  readonly challenge: DigestChallenge;
  readonly credential: Credential;
  /** Requests with this nonce. */
  count: number;
  /** The other side has taken it. */
  isProven: boolean;
  /** Challenges in a row that it was answered with. */
  tries: number;
}

/** A nonce that is stale again and again is no server's that can be satisfied. */
const MAX_TRIES = 4;
/** Realms that one side may ask for. */
const MAX_REALMS = 8;

/** What one leg answers the challenges of its other side with, of each realm (RFC 3261 §22.2, §22.3). */
export class LegAuth {
  readonly #answered = new Map<string, Answered>();
  readonly #token: () => string;

  constructor(token: () => string) {
    this.#token = token;
  }

  /** Takes the challenges of a 401 or 407; true when the request is worth sending again. */
  challenged(reply: SipMsg, find: (realm: string) => Credential | null): boolean {
    let isNew = false;
    const seen = new Set<string>();
    for (const challenge of digestChallenges(reply)) {
      const key = `${challenge.target} ${challenge.realm}`;
      // The first of a realm's challenges is the one that the server likes best (RFC 8760 §2.4).
      if (seen.has(key)) continue;
      seen.add(key);
      const before = this.#answered.get(key);
      const tries = before === undefined || before.isProven ? 1 : before.tries + 1;
      if (before !== undefined && !before.isProven && (!challenge.isStale || tries > MAX_TRIES)) return false;
      const credential = find(challenge.realm);
      if (credential === null || (before === undefined && this.#answered.size >= MAX_REALMS)) continue;
      this.#answered.set(key, { challenge, credential, count: 0, isProven: false, tries });
      isNew = true;
    }
    return isNew;
  }

  /** A reply that is no challenge: what was sent was good. */
  proven(): void {
    for (const answered of this.#answered.values()) answered.isProven = true;
  }

  /** Rows for a request of ours, of every realm that has asked. */
  rows(method: string, uri: string, body: string): string {
    let out = '';
    for (const answered of this.#answered.values()) {
      const { user, password } = answered.credential;
      const by = { username: user, secret: password, isHa1: false, cnonce: this.#token(), count: ++answered.count };
      out += digestAnswerRow(answered.challenge, { ...by, method, uri, body });
    }
    return out;
  }
}
