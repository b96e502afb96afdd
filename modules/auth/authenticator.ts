import {
  type DigestAlgorithm,
  type DigestCredentials,
  type DigestInput,
  digestAlgorithm,
  digestResponse,
  HDR,
  ha1Of,
  ha2Of,
  MD5,
  METHOD,
  type ModuleContext,
  quoteString,
  type Run,
  removeHeaderRow,
  type SipMsg,
  scanDigest,
  VERIFIED_CREDENTIALS,
  type VerifiedCredentials,
} from 'strowger';
import { AUTH, type AuthAttempt, type AuthTarget, type FoundCredentials, type UserSecret } from './api.ts';
import { Nonces } from './nonce.ts';
import { SafeEqual } from './safe-equal.ts';

/** Extension: the credentials of a message that consume_credentials removes, as their text stands in it. */
const FOUND = {};
/** Extension: the algorithms that auth_algorithm has chosen for a message. */
const CHOSEN = {};
/** Extension: the nonce that came was no longer good, though the client may well know the password. */
const STALE = {};

interface FoundText {
  readonly kind: number;
  readonly text: string;
}

const NOTHING_TO_CHECK: AuthAttempt = { code: AUTH.OK, found: null };
const failed = (code: number): AuthAttempt => ({ code, found: null });

/** Checks credentials (RFC 3261 §22, RFC 7616, RFC 8760). */
export class Authenticator {
  readonly nonces: Nonces;
  /** In the order challenges offer them; the names are sent only where the script chose them. */
  readonly algorithms: readonly DigestAlgorithm[];
  readonly #ctx: ModuleContext;
  readonly #safe = new SafeEqual();
  /** The last H(A2) and what it is of: registrations have the same one. */
  #lastHa2 = '';
  #lastHa2Of = '';

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.nonces = new Nonces(ctx, this.#safe);
    this.algorithms = parseAlgorithms(ctx.str('algorithm')) ?? [MD5];
  }

  strippedRealm(realm: string): string {
    const prefix = this.#ctx.str('realm_prefix');
    return prefix !== '' && realm.startsWith(prefix) ? realm.slice(prefix.length) : realm;
  }

  /** auth_algorithm: for this message, in the place of the parameter. -1 for a name that is not known. */
  choose(msg: SipMsg, names: string): number {
    const algorithms = parseAlgorithms(names);
    if (algorithms === null) return -1;
    msg.setExtension(CHOSEN, algorithms);
    return 1;
  }

  /** What auth_algorithm has chosen; null where it was not called. */
  chosen(msg: SipMsg): readonly DigestAlgorithm[] | null {
    return msg.extension<readonly DigestAlgorithm[]>(CHOSEN) ?? null;
  }

  /** `defersCount`: the count of the nonce is looked at here, and taken where the response is right. */
  begin(run: Run, target: AuthTarget, realm: string, defersCount = false): AuthAttempt {
    const { msg } = run;
    if (isNeverChallenged(msg)) return NOTHING_TO_CHECK;
    const wanted = this.strippedRealm(realm);
    if (wanted === '') {
      this.#ctx.log.error('the realm is empty');
      return failed(AUTH.ERROR);
    }
    const held = findCredentials(msg, target, wanted);
    if (typeof held === 'number') return failed(held);
    const { row, credentials } = held;
    const kind = headerOf(target);
    const known = msg.extension<readonly FoundText[]>(FOUND) ?? [];
    msg.setExtension(FOUND, [...known, { kind, text: msg.hdrValue(row) }]);
    const algorithm = this.#algorithmOf(msg, credentials);
    if (algorithm === null || !isComplete(credentials, algorithm)) {
      this.#ctx.log.info('credentials are not complete', { callId: msg.callId });
      return failed(AUTH.ERROR);
    }
    const nc = credentials.qop === '' ? '' : credentials.nc;
    const code = this.nonces.check(msg, credentials.nonce, nc, credentials.ncValue, defersCount);
    if (code === AUTH.STALE_NONCE || code === AUTH.NONCE_REUSED) msg.setExtension(STALE, true);
    if (code !== AUTH.OK) return failed(code);
    const isSession = /-sess$/i.test(credentials.algorithm);
    return {
      code: 0,
      found: { target, row, realm: wanted, credentials, algorithm, isSession, takesCount: defersCount && nc !== '' },
    };
  }

  verify(run: Run, found: FoundCredentials, secret: UserSecret, method: string = run.msg.methodName): number {
    const { credentials, algorithm, realm, isSession } = found;
    // An account without a password is closed, not open.
    if (secret.text === '') return AUTH.INVALID_PASSWORD;
    const ha1 = secret.isHa1 ? secret.text : ha1Of(algorithm, credentials.username, realm, secret.text);
    if (ha1.length !== algorithm.hexLength) return AUTH.INVALID_PASSWORD;
    const { msg } = run;
    const input = {
      method,
      uri: credentials.uri,
      nonce: credentials.nonce,
      qop: credentials.qop,
      nc: credentials.nc,
      cnonce: credentials.cnonce,
      body: msg.body,
      isSession,
    };
    const response = digestResponse(algorithm, ha1, input, this.#ha2(algorithm, input));
    if (!this.#safe.equals(response, credentials.response)) return AUTH.INVALID_PASSWORD;
    if (found.takesCount) {
      const count = this.nonces.takeCount(credentials.nonce, credentials.ncValue);
      if (count !== AUTH.OK) return count;
    }
    const verified: VerifiedCredentials = {
      username: credentials.user,
      realm: credentials.domain || credentials.realm,
      credentials,
      buf: msg.buf,
    };
    msg.setExtension(VERIFIED_CREDENTIALS, verified);
    if (this.#ctx.int('add_authinfo_hdr') !== 0) this.#addInfo(msg, found, ha1, input);
    return AUTH.OK;
  }

  /** consume_credentials: 1 where there were some to remove. */
  consume(msg: SipMsg): number {
    const found = msg.extension<readonly FoundText[]>(FOUND);
    if (found === undefined) {
      if (!isNeverChallenged(msg)) this.#ctx.log.error('consume_credentials: no credentials have been checked');
      return -1;
    }
    for (const { kind, text } of found)
      for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1))
        if (msg.hdrValue(row) === text) removeHeaderRow(msg, row);
    msg.setExtension(FOUND, undefined);
    return 1;
  }

  /** has_credentials: 1 where credentials of either kind are for this realm. */
  has(msg: SipMsg, realm: string): number {
    if (realm === '') return -1;
    const isThere = (target: AuthTarget): boolean => typeof findCredentials(msg, target, realm) !== 'number';
    return isThere('www') || isThere('proxy') ? 1 : -1;
  }

  /** True where a challenge may say `stale=true`. */
  isStale(msg: SipMsg): boolean {
    return msg.extension<boolean>(STALE) === true;
  }

  #ha2(algorithm: DigestAlgorithm, input: DigestInput): string {
    if (input.qop !== '' && input.qop !== 'auth') return ha2Of(algorithm, input);
    const wanted = `${algorithm.name}:${input.method}:${input.uri}`;
    if (wanted !== this.#lastHa2Of) {
      this.#lastHa2 = ha2Of(algorithm, input);
      this.#lastHa2Of = wanted;
    }
    return this.#lastHa2;
  }

  /**
   * Of the algorithms that are asked for the one the client took; where that is one, it may take a longer one, and what it
   * calls it does not count otherwise. Null where it took one that was not asked for.
   */
  #algorithmOf(msg: SipMsg, { algorithm, response }: DigestCredentials): DigestAlgorithm | null {
    const wanted = this.chosen(msg) ?? this.algorithms;
    const [only, ...others] = wanted;
    const named = digestAlgorithm(algorithm.replace(/-sess$/i, ''));
    if (only === undefined || others.length > 0) return named !== null && wanted.includes(named) ? named : null;
    const isLonger = named !== null && named.hexLength > only.hexLength && response.length === named.hexLength;
    return isLonger ? named : only;
  }

  /** Authentication-Info for the reply to come (RFC 7615). Its entity is not known here, so that auth-int has no proof. */
  #addInfo(msg: SipMsg, found: FoundCredentials, ha1: string, input: DigestInput): void {
    const next = this.nonces.areForOnce ? this.nonces.make(msg) : input.nonce;
    const parts = [`nextnonce=${quoteString(next)}`];
    if (input.qop !== '') parts.push(`qop=${input.qop.toLowerCase() === 'auth-int' ? 'auth-int' : 'auth'}`);
    if (input.qop.toLowerCase() !== 'auth-int')
      parts.push(`rspauth="${digestResponse(found.algorithm, ha1, { ...input, method: '' })}"`);
    if (input.qop !== '') parts.push(`cnonce=${quoteString(input.cnonce)}`, `nc=${input.nc}`);
    msg.replyLumps ??= [];
    msg.replyLumps.push(`Authentication-Info: ${parts.join(', ')}\r\n`);
  }
}

/** The parameter `algorithm`: names with commas between them. Null where one is not known. */
export function parseAlgorithms(text: string): readonly DigestAlgorithm[] | null {
  const found = text.split(',').map((name) => digestAlgorithm(name.trim()));
  return found.includes(null) ? null : [...new Set(found as DigestAlgorithm[])];
}

/** ACK and CANCEL can not be challenged (RFC 3261 §22.1); Kamailio lets PRACK pass with them. */
function isNeverChallenged(msg: SipMsg): boolean {
  return msg.method === METHOD.ACK || msg.method === METHOD.CANCEL || msg.method === METHOD.PRACK;
}

function headerOf(target: AuthTarget): number {
  return target === 'www' ? HDR.AUTHORIZATION : HDR.PROXYAUTH;
}

/** The first digest credentials for a realm, which compares without case; else the code that says what is there. */
function findCredentials(
  msg: SipMsg,
  target: AuthTarget,
  realm: string,
): { readonly row: number; readonly credentials: DigestCredentials } | number {
  const kind = headerOf(target);
  for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1)) {
    const credentials = scanDigest(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row));
    if (credentials === 'malformed') return AUTH.ERROR;
    if (credentials === 'other') continue;
    const { realm: found } = credentials;
    if (found === realm || (found.length === realm.length && found.toLowerCase() === realm.toLowerCase()))
      return { row, credentials };
  }
  return AUTH.NO_CREDENTIALS;
}

/** Whether all is there that a response needs (RFC 7616 §3.4), and none of it could break out of a reply's header. */
function isComplete(credentials: DigestCredentials, algorithm: DigestAlgorithm): boolean {
  const { username, nonce, uri, response, qop, nc, cnonce } = credentials;
  if (username === '' || nonce === '' || uri === '' || response.length !== algorithm.hexLength) return false;
  return qop === '' || (cnonce !== '' && /^[0-9A-Za-z]{1,16}$/.test(nc));
}
