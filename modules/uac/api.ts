import { digestChallenges, type SipMsg } from 'strowger';
import { type Answer, answerChallenges, type ChallengedRequest } from './answer.ts';
import {
  ClientRegistration,
  type RegistrationPlan,
  type RegistrationSettings,
  type RegistrationState,
} from './client-registration.ts';
import type { Credential } from './credentials.ts';
import type { Uac } from './uac.ts';

export type { Answer, ChallengedRequest } from './answer.ts';
export type { RegistrationPlan, RegistrationState } from './client-registration.ts';
export type { Credential } from './credentials.ts';

/** What other modules use of uac: `ctx.api<UacApi>('uac')` (types only: `import type`). */
export interface UacApi {
  /**
   * Answers the challenges of a 401 or 407 to a request of ours: one row for each realm that we have a credential for, the
   * caller's own first, then those of the parameter `credential`. Empty where there is none: the reply is final. Who
   * answered the same realm before goes on only where `isStale` (RFC 3261 §22.2); rows for other realms stay in the request
   * (§22.3). The request is sent again with the next CSeq, same Call-ID and tags.
   */
  answer(request: ChallengedRequest, reply: SipMsg, own?: readonly Credential[]): readonly Answer[];
  /** Of the parameter `credential`; null where there is none. */
  credential(realm: string, username?: string): Credential | null;
  addCredential(credential: Credential): void;
  /**
   * Keeps a binding at a registrar, from the next call of `begin` until `close`. Only one worker should do so.
   * `onChange` is told of each new state. Settings not given are the module's parameters.
   */
  register(
    plan: RegistrationPlan,
    onChange: (state: RegistrationState) => void,
    settings?: Partial<RegistrationSettings>,
  ): RegistrationHandle;
}

/** A registration that another module keeps. */
export interface RegistrationHandle {
  readonly state: RegistrationState;
  readonly isDisabled: boolean;
  /** `delayMs` from now. */
  begin(delayMs: number): void;
  /** Registers now. */
  refresh(): void;
  enable(): void;
  /** No more requests; the binding is left to end by itself. */
  disable(): void;
  /** Takes the binding away; then it is disabled. */
  unregister(): void;
  /** Forgets it, without a request. */
  close(): void;
}

export function uacApi(uac: Uac): UacApi {
  const { random } = uac.ctx.server;
  return {
    answer: (request, reply, own = []) =>
      answerChallenges(
        request,
        digestChallenges(reply),
        ({ realm }) =>
          own.find((each) => each.realm === realm) ??
          own.find((each) => each.realm === '') ??
          uac.credentials.find(realm),
        () => random.token(16),
      ),
    credential: (realm, username) => uac.credentials.find(realm, username),
    addCredential: (credential) => uac.credentials.add(credential),
    register: (plan, onChange, settings = {}) =>
      new ClientRegistration(uac.parts, { ...uac.settings, ...settings }, plan, onChange),
  };
}
