import {
  type DigestAlgorithm,
  type DigestCredentials,
  digestAlgorithm,
  digestResponse,
  HDR,
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
import { ha1For, inputOf, ResponseCheck } from './response-check.ts';
import { SafeEqual } from './safe-equal.ts';

/** Extension: the credentials of a message that consume_credentials removes, as their text stands in it. */
const FOUND = {};
/** Extension: the algorithms that auth_algorithm has chosen for a message. */
const CHOSEN = {};
/** Extension: the nonce that came was no longer good, though the client may well know the password. */
const STALE = {};

interface FoundText {
  readonly kind: number;
  /** The message they were found in, as it was then, and where. */
  readonly buf: string;
  readonly start: number;
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
  readonly #responses: ResponseCheck;
  readonly #realmPrefix: string;
  readonly #addsInfo: boolean;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    const safe = new SafeEqual();
    this.nonces = new Nonces(ctx, safe);
    this.#responses = new ResponseCheck(safe);
    this.#realmPrefix = ctx.str('realm_prefix');
    this.#addsInfo = ctx.int('add_authinfo_hdr') !== 0;
    this.algorithms = parseAlgorithms(ctx.str('algorithm')) ?? [MD5];
  }

  strippedRealm(realm: string): string {
    const prefix = this.#realmPrefix;
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
    const known = msg.extension<readonly FoundText[]>(FOUND);
    const one = { kind, buf: msg.buf, start: msg.hdrValueStart(row), text: msg.hdrValue(row) };
    msg.setExtension(FOUND, known === undefined ? [one] : [...known, one]);
    const algorithm = this.#algorithmOf(msg, credentials);
    if (algorithm === null || !isComplete(credentials, algorithm)) {
      this.#ctx.log.info('credentials are not complete', { callId: msg.callId });
      return failed(AUTH.ERROR);
    }
    const nc = credentials.qop === '' ? '' : credentials.nc;
    const code = this.nonces.check(msg, credentials.nonce, nc, credentials.ncValue, defersCount);
    if (code === AUTH.STALE_NONCE || code === AUTH.NONCE_REUSED) msg.setExtension(STALE, true);
    if (code !== AUTH.OK) return failed(code);
    const isSession = isSessionName(credentials.algorithm);
    return {
      code: 0,
      found: { target, row, realm: wanted, credentials, algorithm, isSession, takesCount: defersCount && nc !== '' },
    };
  }

  verify(run: Run, found: FoundCredentials, secret: UserSecret, method: string = run.msg.methodName): number {
    const { credentials } = found;
    // An account without a password is closed, not open.
    if (secret.text === '') return AUTH.INVALID_PASSWORD;
    const { msg } = run;
    if (!this.#responses.isRight(msg, found, secret, method)) return AUTH.INVALID_PASSWORD;
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
    if (this.#addsInfo) this.#addInfo(msg, found, secret, method);
    return AUTH.OK;
  }

  /** consume_credentials: 1 where there were some to remove. */
  consume(msg: SipMsg): number {
    const found = msg.extension<readonly FoundText[]>(FOUND);
    if (found === undefined) {
      if (!isNeverChallenged(msg)) this.#ctx.log.error('consume_credentials: no credentials have been checked');
      return -1;
    }
    for (const { kind, buf, start, text } of found)
      for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1))
        if ((buf === msg.buf && start === msg.hdrValueStart(row)) || msg.hdrValue(row) === text)
          removeHeaderRow(msg, row);
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

  /**
   * Of the algorithms that are asked for the one the client took; where that is one, it may take a longer one, and what it
   * calls it does not count otherwise. Null where it took one that was not asked for.
   */
  #algorithmOf(msg: SipMsg, { algorithm, response }: DigestCredentials): DigestAlgorithm | null {
    const wanted = this.chosen(msg) ?? this.algorithms;
    const [only] = wanted;
    const named = digestAlgorithm(isSessionName(algorithm) ? algorithm.slice(0, -SESSION.length) : algorithm);
    if (only === undefined || wanted.length > 1) return named !== null && wanted.includes(named) ? named : null;
    const isLonger = named !== null && named.hexLength > only.hexLength && response.length === named.hexLength;
    return isLonger ? named : only;
  }

  /** Authentication-Info for the reply to come (RFC 7615). Its entity is not known here, so that auth-int has no proof. */
  #addInfo(msg: SipMsg, found: FoundCredentials, secret: UserSecret, method: string): void {
    const input = inputOf(msg, found, method);
    const next = this.nonces.areForOnce ? this.nonces.make(msg) : input.nonce;
    const parts = [`nextnonce=${quoteString(next)}`];
    if (input.qop !== '') parts.push(`qop=${input.qop.toLowerCase() === 'auth-int' ? 'auth-int' : 'auth'}`);
    if (input.qop.toLowerCase() !== 'auth-int')
      parts.push(`rspauth="${digestResponse(found.algorithm, ha1For(found, secret), { ...input, method: '' })}"`);
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

/** End of the names of the forms that hash nonces into H(A1) (RFC 7616 §3.4.2). */
const SESSION = '-sess';

function isSessionName(name: string): boolean {
  return name.length >= SESSION.length && name.slice(-SESSION.length).toLowerCase() === SESSION;
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
