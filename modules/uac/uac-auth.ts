import {
  appendHeader,
  currentText,
  type DigestChallenge,
  digestChallenges,
  HDR,
  type ModuleContext,
  MSG_FLAG,
  ParamPv,
  parseAuth,
  type Run,
  removeHeaderRow,
  type SipMsg,
  unquote,
  valueToString,
} from 'strowger';
import type { DialogApi } from '../dialog/api.ts';
import type { TmApi, Transaction } from '../tm/api.ts';
import { type Answer, answerChallenges } from './answer.ts';
import { type Credential, type CredentialStore, parseCredential } from './credentials.ts';

/** The variables that a script may set to say who it is (parameters auth_*_avp). */
export class AuthVariables {
  readonly realm: ParamPv;
  readonly username: ParamPv;
  readonly password: ParamPv;

  /** Throws where only some of the three are set. */
  constructor(ctx: ModuleContext) {
    const names = ['auth_realm_avp', 'auth_username_avp', 'auth_password_avp'].map((name) => ctx.str(name));
    const [realm = '', username = '', password = ''] = names;
    if (names.some((name) => name === '') && names.some((name) => name !== ''))
      throw new Error('uac: auth_realm_avp, auth_username_avp and auth_password_avp need each other');
    this.realm = new ParamPv(realm);
    this.username = new ParamPv(username);
    this.password = new ParamPv(password);
  }

  get areNamed(): boolean {
    return this.realm.isNamed;
  }

  /** Throws where one of them can not be assigned. Ask once the script is compiled. */
  check(program: Run['program']): void {
    for (const pv of [this.realm, this.username, this.password]) {
      const error = pv.check(program, true);
      if (error !== null) throw new Error(`uac: ${error}`);
    }
  }

  /** Null where username or password is missing. */
  credential(run: Run, isHa1: boolean): Credential | null {
    if (!this.areNamed) return null;
    const [realm, username, secret] = [this.realm, this.username, this.password].map((pv) =>
      valueToString(pv.get(run)),
    );
    return realm === undefined || !username || !secret ? null : { realm, username, secret, isHa1 };
  }

  set(run: Run, realm: string, username: string, password: string): void {
    this.realm.set(run, realm);
    this.username.set(run, username);
    this.password.set(run, password);
  }
}

/** The parameter `credential`. Throws at one that can not be read. */
export function addCredentials(store: CredentialStore, texts: readonly string[]): void {
  for (const text of texts) {
    const credential = parseCredential(text);
    if (credential === null) throw new Error('uac: credential must be "username:realm:password"');
    store.add(credential);
  }
}

/** Extension of a transaction's request: what has been answered, by header and realm. */
const ANSWERED = {};

/** uac_auth and uac_auth_mode: answers the challenge that a failure route looks at. */
export class ChallengedRequests {
  readonly #ctx: ModuleContext;
  readonly #tm: TmApi;
  readonly #store: CredentialStore;
  readonly #variables: AuthVariables;
  /** Undefined where dialog is not loaded. */
  readonly #dialogs: DialogApi | undefined;

  constructor(ctx: ModuleContext, tm: TmApi, store: CredentialStore, variables: AuthVariables) {
    this.#ctx = ctx;
    this.#tm = tm;
    this.#store = store;
    this.#variables = variables;
    this.#dialogs = ctx.optionalApi<DialogApi>('dialog');
  }

  /**
   * Puts the answer to the winning branch's 401 or 407 into the request. 1 done; -1 there is no such reply, it has no
   * challenge that can be answered, or there is no credential for it.
   */
  answer(run: Run, isHa1: boolean): number {
    const { msg } = run;
    const t = this.#tm.transaction(msg);
    const reply = t === null ? null : (t.branches[t.winner]?.reply ?? null);
    if (t === null || reply === null || (reply.status !== 401 && reply.status !== 407)) return -1;
    const own = this.#variables.credential(run, isHa1);
    const find = ({ realm }: DigestChallenge): Credential | null => {
      if (own !== null && (own.realm === '' || own.realm === realm)) return own;
      const known = this.#store.find(realm);
      return known === null || !isHa1 ? known : { ...known, isHa1 };
    };
    const request = { method: msg.methodName, uri: msg.uri, body: () => bodyOf(msg) };
    const { random } = this.#ctx.server;
    const answers = answerChallenges(request, digestChallenges(reply), find, () => random.token(16));
    if (answers.length === 0) return -1;
    this.#insert(t, msg, answers);
    msg.msgFlags |= MSG_FLAG.UAC_AUTH;
    msg.isRuriNew = true;
    this.#dialogs?.raiseCseq(msg);
    return 1;
  }

  /** Answers that earlier challenges got go along: each proxy on the way wants its own (RFC 3261 §22.3). */
  #insert(t: Transaction, msg: SipMsg, answers: readonly Answer[]): void {
    const before = t.request.extension<readonly Answer[]>(ANSWERED) ?? [];
    const isSame = (a: Answer, b: Answer): boolean => a.target === b.target && a.realm === b.realm;
    const all = [...before.filter((old) => !answers.some((answer) => isSame(old, answer))), ...answers];
    t.request.setExtension(ANSWERED, all);
    for (const { target, realm, row } of all) {
      removeOld(msg, target, realm);
      appendHeader(msg, row, target === 'www' ? HDR.AUTHORIZATION : HDR.PROXYAUTH);
    }
  }
}

/** Credentials for this realm that the request came with were no good. */
function removeOld(msg: SipMsg, target: DigestChallenge['target'], realm: string): void {
  const kind = target === 'www' ? HDR.AUTHORIZATION : HDR.PROXYAUTH;
  for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1)) {
    const auth = parseAuth(msg.buf, msg.hdrValueStart(row), msg.hdrValueEnd(row));
    if (auth !== null && unquote(auth.params.get('realm') ?? '') === realm) removeHeaderRow(msg, row);
  }
}

/** The body as it will be sent. */
function bodyOf(msg: SipMsg): string {
  const text = currentText(msg);
  return text.slice(text.indexOf('\r\n\r\n') + 4);
}
