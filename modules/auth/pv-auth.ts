import { type AvpName, avpNameOf, METHOD, type ModuleContext, parseAvpParam, type Run, varsOf } from 'strowger';
import { AUTH, type AuthTarget } from './api.ts';
import type { Authenticator } from './authenticator.ts';
import type { Challenger, Qop } from './challenge.ts';
import { checkIdentity } from './identity.ts';

/** Bits of the functions that are given a password: what it is, the challenge for an AVP, a count kept for another try. */
const PV_AUTH = { HA1: 1, PLAIN: 2, QOP_AUTH: 4, QOP_AUTH_INT: 8, STALE: 16, KEEP_COUNT: 32 } as const;

/** Authentication with a password that the script has. */
export class PvAuth {
  readonly #ctx: ModuleContext;
  readonly #auth: Authenticator;
  readonly #challenger: Challenger;
  readonly #avp: AvpName | null;

  constructor(ctx: ModuleContext, auth: Authenticator, challenger: Challenger) {
    this.#ctx = ctx;
    this.#auth = auth;
    this.#challenger = challenger;
    this.#avp = parseChallengeAttr(ctx.str('challenge_attr'));
  }

  /** pv_www_authenticate, pv_proxy_authenticate. */
  authenticate(run: Run, target: AuthTarget, realm: string, password: string, flags: number, method?: string): number {
    if (realm === '' || password === '') {
      this.#ctx.log.error('a realm and a password are needed');
      return AUTH.ERROR;
    }
    return this.#done(run, target, realm, flags, this.#check(run, target, realm, password, flags, false, method));
  }

  /** pv_auth_check: `checks` 1 compares the user with From and To. */
  check(run: Run, realm: string, password: string, flags: number, checks: number): number {
    const target = run.msg.method === METHOD.REGISTER ? 'www' : 'proxy';
    if (realm === '' || password === '') {
      this.#ctx.log.error('a realm and a password are needed');
      return AUTH.ERROR;
    }
    const code = this.#check(run, target, realm, password, flags, (checks & 1) !== 0);
    return this.#done(run, target, realm, flags, code);
  }

  #check(
    run: Run,
    target: AuthTarget,
    realm: string,
    password: string,
    flags: number,
    checksUser: boolean,
    method?: string,
  ): number {
    const keepsCount = (flags & PV_AUTH.KEEP_COUNT) !== 0;
    const { code, found } = this.#auth.begin(run, target, realm, keepsCount);
    if (found === null) return code;
    const secret = { text: password, isHa1: (flags & PV_AUTH.HA1) !== 0 };
    const result = this.#auth.verify(run, found, secret, method);
    if (result !== AUTH.OK || !checksUser) return result;
    return checkIdentity(run.msg, found, this.#ctx.int('use_domain') !== 0);
  }

  /** Leaves a challenge in the AVP where the flags ask for one and the check failed. */
  #done(run: Run, target: AuthTarget, realm: string, flags: number, code: number): number {
    const qop = avpQop(flags);
    if (code < 0 && qop !== null && this.#avp !== null) {
      const header = this.#challenger.header(run.msg, target, realm, qop, (flags & PV_AUTH.STALE) !== 0);
      varsOf(run.msg).addAvp(this.#avp, header);
    }
    return code;
  }
}

function avpQop(flags: number): Qop | null {
  if ((flags & PV_AUTH.QOP_AUTH_INT) !== 0) return 'auth-int';
  if ((flags & PV_AUTH.QOP_AUTH) !== 0) return 'auth';
  return (flags & PV_AUTH.PLAIN) === 0 ? null : '';
}

/** An AVP as `$name`, `$avp(name)`, `$avp(s:name)` or `$avp(i:5)`; null for anything else. */
export function parseChallengeAttr(text: string): AvpName | null {
  const plain = /^\$([A-Za-z0-9_:]+)$/.exec(text.trim())?.[1];
  return plain === undefined ? parseAvpParam(text) : avpNameOf(plain);
}
