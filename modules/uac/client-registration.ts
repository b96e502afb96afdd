import {
  type Clock,
  type DigestChallenge,
  parseUri,
  type Random,
  type SocketInfo,
  Timer,
  type TimerWheel,
} from 'strowger';
import type { TmApi } from '../tm/api.ts';
import type { Credential } from './credentials.ts';
import type { Pace } from './pace.ts';
import { type RegisterOutcome, register } from './register-request.ts';

/** Bits of a registration's state (Kamailio: uac, uac.reg_info). */
export const REG_FLAG = { DISABLED: 1, ONGOING: 2, ONLINE: 4, AUTH_SENT: 8, INIT: 16 } as const;

/** What is registered where. */
export interface RegistrationPlan {
  /** For logs. */
  readonly name: string;
  /** `sip:domain` */
  readonly registrar: string;
  /** '' by the registrar's URI. */
  readonly nextHop: string;
  readonly aor: string;
  /** Our URI. */
  readonly contact: string;
  /** Seconds to ask for. */
  readonly expiresSec: number;
  readonly socket: SocketInfo | null;
  /** Further header rows of each REGISTER, with CRLF. */
  readonly headers?: string;
  readonly credential: (challenge: DigestChallenge) => Credential | null;
}

export interface RegistrationState {
  readonly flags: number;
  /** Wall seconds at which the binding ends, or the next attempt is due; 0 before the first. */
  readonly timerExpires: number;
  /** Seconds that are asked for. */
  readonly expiresSec: number;
}

export interface RegistrationSettings {
  /** Keep Call-ID and count CSeq on (RFC 3261 §10.2.4). */
  readonly keepCallId: boolean;
  /** Seconds after which a failure is tried again; 0: never. */
  readonly retrySec: number;
  /** Seconds before its end at which a binding is refreshed, at most half of its time. */
  readonly marginSec: number;
}

export interface RegistrationParts {
  readonly tm: TmApi;
  readonly clock: Clock;
  readonly wheel: TimerWheel;
  readonly random: Random;
  readonly pace: Pace;
  /** False while nothing is to be registered (reg_active = 0). */
  isActive(): boolean;
  onFailure(name: string, why: string): void;
}

const FIRST_CSEQ = 10;
/** Refreshes come no faster, however short a time a registrar grants. */
const MIN_REFRESH_MS = 1000;
/** 32 bits of seconds fit no timer. */
const MAX_WAIT_MS = 0x7fff_ffff;

/** Keeps one binding at a registrar: registers, refreshes before it ends, tries again after failures. */
export class ClientRegistration {
  readonly plan: RegistrationPlan;
  readonly #parts: RegistrationParts;
  readonly #settings: RegistrationSettings;
  readonly #onChange: (state: RegistrationState) => void;
  readonly #timer: Timer<ClientRegistration>;
  #flags: number;
  #timerExpires: number;
  #expiresSec: number;
  #callId = '';
  #cseq = 0;
  /** The next thing to do is to take the binding away. */
  #isLeaving = false;
  #isGone = false;
  #isQueued = false;

  constructor(
    parts: RegistrationParts,
    settings: RegistrationSettings,
    plan: RegistrationPlan,
    onChange: (state: RegistrationState) => void,
    state: RegistrationState = { flags: 0, timerExpires: 0, expiresSec: plan.expiresSec },
  ) {
    this.#parts = parts;
    this.#settings = settings;
    this.plan = plan;
    this.#onChange = onChange;
    // A request that was under way in a worker that is gone will not be answered.
    this.#flags = state.flags & ~(REG_FLAG.ONGOING | REG_FLAG.AUTH_SENT);
    this.#timerExpires = state.timerExpires;
    this.#expiresSec = state.expiresSec;
    this.#timer = new Timer<ClientRegistration>(onDue, this);
  }

  get state(): RegistrationState {
    return { flags: this.#flags, timerExpires: this.#timerExpires, expiresSec: this.#expiresSec };
  }

  get isDisabled(): boolean {
    return (this.#flags & REG_FLAG.DISABLED) !== 0;
  }

  /** Begins, after `delayMs`. A binding that is there already is refreshed when it is time. */
  begin(delayMs: number): void {
    if (this.isDisabled) return;
    const isOnline = (this.#flags & REG_FLAG.ONLINE) !== 0;
    const leftMs = this.#timerExpires * 1000 - this.#parts.clock.wall();
    this.#arm(isOnline && leftMs > 0 ? refreshAfter(leftMs, this.#settings.marginSec) : delayMs);
  }

  /** Registers now, unless a request is under way or it is disabled. */
  refresh(): void {
    if (!this.isDisabled) this.#arm(0);
  }

  /** Does what has been waiting while nothing was active. */
  wake(): void {
    if (!this.#timer.isArmed) this.refresh();
  }

  enable(): void {
    if (!this.isDisabled) return;
    this.#isLeaving = false;
    this.#change(this.#flags & ~REG_FLAG.DISABLED, this.#nowSec());
    this.#arm(0);
  }

  /** No more requests; the binding is left to end by itself. */
  disable(): void {
    if (this.isDisabled) return;
    this.#parts.wheel.cancel(this.#timer);
    this.#change(this.#flags | REG_FLAG.DISABLED, this.#nowSec());
  }

  /** Takes the binding away, and is disabled from then on. */
  unregister(): void {
    this.#isLeaving = true;
    this.#arm(0);
  }

  /** Forgets it: what comes in for it does not count any more. */
  close(): void {
    this.#isGone = true;
    this.#parts.wheel.cancel(this.#timer);
  }

  /** Called by its timer. */
  due(): void {
    if (this.#isGone || this.#isQueued || (this.#flags & REG_FLAG.ONGOING) !== 0) return;
    this.#isQueued = true;
    this.#parts.pace.when(() => {
      this.#isQueued = false;
      this.#send();
    });
  }

  #arm(delayMs: number): void {
    if (!this.#isGone) this.#parts.wheel.arm(this.#timer, Math.min(delayMs, MAX_WAIT_MS));
  }

  #send(): void {
    const isLeaving = this.#isLeaving;
    if (this.#isGone || (!isLeaving && (this.isDisabled || !this.#parts.isActive()))) return;
    const { random } = this.#parts;
    const { plan } = this;
    if (this.#callId === '' || (!this.#settings.keepCallId && !isLeaving)) {
      this.#callId = `${random.token(24)}@${hostOf(plan.contact)}`;
      this.#cseq = FIRST_CSEQ - 1;
    }
    const isExpired = this.#timerExpires <= this.#nowSec();
    const kept = isExpired ? this.#flags & ~REG_FLAG.ONLINE : this.#flags;
    this.#change(kept | REG_FLAG.ONGOING | REG_FLAG.INIT, isExpired ? this.#nowSec() : this.#timerExpires);
    const request = {
      ...plan,
      headers: plan.headers ?? '',
      expiresSec: isLeaving ? 0 : this.#expiresSec,
      callId: this.#callId,
      cseq: this.#cseq + 1,
    };
    register(this.#parts, request, {
      onAuthSent: () => this.#change(this.#flags | REG_FLAG.AUTH_SENT, this.#timerExpires),
      onLonger: (expiresSec) => {
        this.#expiresSec = expiresSec;
      },
      onEnd: (outcome) => this.#ended(outcome, isLeaving),
    });
  }

  #ended(outcome: RegisterOutcome, wasLeaving: boolean): void {
    this.#cseq = outcome.cseq;
    if (this.#isGone) return;
    const flags = this.#flags & ~(REG_FLAG.ONGOING | REG_FLAG.AUTH_SENT | REG_FLAG.ONLINE);
    if (wasLeaving) {
      if (outcome.kind === 'failed') this.#parts.onFailure(this.plan.name, outcome.why);
      this.#callId = '';
      // Enabled again in the meantime, it begins anew.
      this.#change(this.#isLeaving ? flags | REG_FLAG.DISABLED : flags, this.#nowSec());
      if (!this.#isLeaving) this.#arm(0);
      this.#isLeaving = false;
      return;
    }
    if (outcome.kind === 'done') this.#online(flags | REG_FLAG.ONLINE, outcome.expiresSec);
    else this.#failed(flags, outcome.why, outcome.retryAfterSec);
    if (this.#isLeaving) this.#arm(0);
  }

  #online(flags: number, expiresSec: number): void {
    if (this.isDisabled) return this.#change(flags, this.#timerExpires);
    this.#change(flags, this.#nowSec() + expiresSec);
    this.#arm(refreshAfter(expiresSec * 1000, this.#settings.marginSec));
  }

  #failed(flags: number, why: string, retryAfterSec: number): void {
    const { retrySec } = this.#settings;
    this.#callId = '';
    this.#parts.onFailure(this.plan.name, why);
    if (this.isDisabled || retrySec === 0) return this.#change(flags | REG_FLAG.DISABLED, this.#nowSec());
    const waitSec = Math.max(retrySec, retryAfterSec);
    this.#change(flags, this.#nowSec() + waitSec);
    this.#arm(waitSec * 1000);
  }

  #change(flags: number, timerExpires: number): void {
    this.#flags = flags;
    this.#timerExpires = timerExpires;
    this.#onChange(this.state);
  }

  #nowSec(): number {
    return Math.floor(this.#parts.clock.wall() / 1000);
  }
}

function onDue(registration: ClientRegistration): void {
  registration.due();
}

/** How long after it was granted a binding is refreshed: `marginSec` before its end, and not before half of its time. */
function refreshAfter(leftMs: number, marginSec: number): number {
  return Math.max(leftMs / 2, leftMs - marginSec * 1000, MIN_REFRESH_MS);
}

function hostOf(uri: string): string {
  return parseUri(uri)?.host || 'localhost';
}
