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

/** A challenge that can be answered (RFC 7616 §3.3). */
interface Challenge {
  readonly row: 'Authorization' | 'Proxy-Authorization';
  readonly realm: string;
  readonly nonce: string;
  readonly opaque: string | null;
  readonly algorithm: DigestAlgorithm;
  readonly isSession: boolean;
  readonly qop: '' | 'auth' | 'auth-int';
  readonly isStale: boolean;
}

interface Answered {
  readonly challenge: Challenge;
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
    for (const challenge of challengesOf(reply)) {
      const key = `${challenge.row} ${challenge.realm}`;
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
    for (const answered of this.#answered.values()) out += rowOf(answered, method, uri, body, this.#token());
    return out;
  }
}

function challengesOf(reply: SipMsg): Challenge[] {
  const found: Challenge[] = [];
  for (let row = 0; row < reply.hdrCount && found.length < 2 * MAX_REALMS; row++) {
    const kind = reply.hdrKind(row);
    if (kind !== HDR.WWWAUTHENTICATE && kind !== HDR.PROXYAUTHENTICATE) continue;
    const challenge = challengeOf(reply, row, kind === HDR.WWWAUTHENTICATE ? 'Authorization' : 'Proxy-Authorization');
    if (challenge !== null) found.push(challenge);
  }
  return found;
}

function challengeOf(reply: SipMsg, at: number, row: Challenge['row']): Challenge | null {
  const auth = parseAuth(reply.buf, reply.hdrValueStart(at), reply.hdrValueEnd(at));
  if (auth === null || auth.scheme.toLowerCase() !== 'digest') return null;
  const text = (name: string): string | null => {
    const value = auth.params.get(name);
    return value === undefined ? null : unquote(value);
  };
  const name = text('algorithm') ?? '';
  const isSession = /-sess$/i.test(name);
  const algorithm = digestAlgorithm(name.replace(/-sess$/i, ''));
  const qops = challengeQops(auth);
  const qop = qops.includes('auth') ? 'auth' : qops.includes('auth-int') ? 'auth-int' : '';
  const realm = text('realm');
  const nonce = text('nonce');
  if (realm === null || nonce === null || algorithm === null || (qop === '' && qops.length > 0)) return null;
  return { row, realm, nonce, opaque: text('opaque'), algorithm, isSession, qop, isStale: isStale(auth) };
}

function rowOf(answered: Answered, method: string, uri: string, body: string, cnonce: string): string {
  const { challenge, credential } = answered;
  const { row, realm, nonce, opaque, algorithm, isSession, qop } = challenge;
  const { user, password } = credential;
  const nc = (++answered.count).toString(16).padStart(8, '0');
  const ha1 = ha1Of(algorithm, user, realm, password);
  const response = digestResponse(algorithm, ha1, { method, uri, nonce, qop, nc, cnonce, body, isSession });
  let out = `${row}: Digest username=${quoteString(user)}, realm=${quoteString(realm)}, nonce=${quoteString(nonce)}`;
  out += `, uri=${quoteString(uri)}, response="${response}", algorithm=${algorithm.name}${isSession ? '-sess' : ''}`;
  if (opaque !== null) out += `, opaque=${quoteString(opaque)}`;
  if (qop !== '') out += `, qop=${qop}, nc=${nc}`;
  if (qop !== '' || isSession) out += `, cnonce="${cnonce}"`;
  return `${out}\r\n`;
}
