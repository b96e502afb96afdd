import {
  type DigestAlgorithm,
  flatCopy,
  METHOD,
  type ModuleContext,
  quoteString,
  type Run,
  type SipMsg,
} from 'strowger';
import type { SlApi } from '../sl/api.ts';
import type { AuthTarget } from './api.ts';
import { type Authenticator, parseAlgorithms } from './authenticator.ts';

/** Bits of www_challenge, proxy_challenge and auth_challenge. */
export const CHALLENGE = { QOP_AUTH: 1, QOP_AUTH_INT: 2, NO_500: 4, STALE: 16 } as const;

/** `default`: what the parameter `qop` says. */
export type Qop = '' | 'auth' | 'auth-int' | 'default';

interface LastChallenge {
  readonly target: AuthTarget;
  readonly nonce: string;
  readonly realm: string;
  readonly qop: Qop;
  readonly saysStale: boolean;
  readonly named: readonly DigestAlgorithm[] | null;
  readonly rows: string;
}

/** Makes challenges and sends them. */
export class Challenger {
  readonly #ctx: ModuleContext;
  readonly #auth: Authenticator;
  readonly #replies: SlApi;
  readonly #isStateless: boolean;
  /** The last challenge, and what it was made for: many in a row are alike. */
  #last: LastChallenge | null = null;

  constructor(ctx: ModuleContext, auth: Authenticator) {
    this.#ctx = ctx;
    this.#auth = auth;
    this.#replies = ctx.api<SlApi>('sl');
    this.#isStateless = ctx.int('force_stateless_reply') !== 0;
  }

  /** The header rows of a challenge: one, or one for each algorithm in order of preference (RFC 8760 §2.3). */
  header(
    msg: SipMsg,
    target: AuthTarget,
    realm: string,
    qop: Qop,
    isStale: boolean,
    asked: readonly DigestAlgorithm[] | null = null,
  ): string {
    const nonce = this.#auth.nonces.make(msg);
    const saysStale = isStale || this.#auth.isStale(msg);
    const named = asked ?? this.#auth.chosen(msg);
    const last = this.#last;
    if (
      last !== null &&
      nonce === last.nonce &&
      target === last.target &&
      qop === last.qop &&
      saysStale === last.saysStale &&
      named === last.named &&
      realm === last.realm
    )
      return last.rows;
    const rows = this.#rows(target, nonce, realm, qop, saysStale ? ', stale=true' : '', named);
    this.#last = { target, nonce, realm: flatCopy(realm), qop, saysStale, named, rows };
    return rows;
  }

  #rows(
    target: AuthTarget,
    nonce: string,
    realm: string,
    qop: Qop,
    stale: string,
    named: readonly DigestAlgorithm[] | null,
  ): string {
    const name = this.#ctx.str(target === 'www' ? 'www_challenge_header' : 'proxy_challenge_header');
    const isNamed = named !== null || this.#ctx.str('algorithm') !== '';
    const offered = qop === 'default' ? this.#ctx.str('qop') : qop;
    const row = (algorithm: DigestAlgorithm): string =>
      `${name}: Digest realm=${quoteString(this.#auth.strippedRealm(realm))}, nonce="${nonce}"` +
      (offered === '' ? '' : `, qop="${offered}"`) +
      `${stale}${isNamed ? `, algorithm=${algorithm.name}` : ''}\r\n`;
    return (named ?? this.#auth.algorithms).map(row).join('');
  }

  /** www_challenge, proxy_challenge: 1 sent (ACK and CANCEL get no reply), -1 not. */
  send(run: Run, target: AuthTarget, realm: string, flags: number, algorithms = ''): number {
    const { msg } = run;
    if (!msg.isRequest) return -1;
    if (msg.method === METHOD.ACK || msg.method === METHOD.CANCEL) return 1;
    if (realm === '') {
      this.#ctx.log.error('a challenge needs a realm');
      if ((flags & CHALLENGE.NO_500) === 0) this.#reply(run, 500, 'Internal Server Error');
      return -1;
    }
    const asked = algorithms === '' ? null : parseAlgorithms(algorithms);
    if (asked === null && algorithms !== '')
      this.#ctx.log.error(`not all of these algorithms are known: ${algorithms}`);
    const header = this.header(msg, target, realm, qopOf(flags), (flags & CHALLENGE.STALE) !== 0, asked);
    const lumps = msg.replyLumps ?? [header];
    if (lumps === msg.replyLumps) lumps.push(header);
    else msg.replyLumps = lumps;
    const sent =
      target === 'www' ? this.#reply(run, 401, 'Unauthorized') : this.#reply(run, 407, 'Proxy Authentication Required');
    if (lumps.at(-1) === header) lumps.pop();
    else lumps.splice(lumps.lastIndexOf(header), 1);
    return sent > 0 ? 1 : -1;
  }

  #reply(run: Run, code: number, reason: string): number {
    return this.#isStateless
      ? this.#replies.sendStateless(run, code, reason)
      : this.#replies.sendReply(run, code, reason);
  }
}

/** The qop that flags of a challenge ask for. */
export function qopOf(flags: number): Qop {
  if ((flags & CHALLENGE.QOP_AUTH_INT) !== 0) return 'auth-int';
  return (flags & CHALLENGE.QOP_AUTH) !== 0 ? 'auth' : 'default';
}
