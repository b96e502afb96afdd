import { HDR, parseDecimal, type SipMsg, Timer, type TimerWheel } from 'strowger';

/** Why a leg is lost whose session nobody refreshed. */
export const TIMER_EXPIRED = 'session timer';

/** How a leg's session timer is run (RFC 4028); all in seconds. */
export interface TimerPolicy {
  /** Session-Expires that we ask for and grant. */
  readonly expiresS: number;
  /** Smaller ones are refused with 422; at least 90. */
  readonly minS: number;
  /** Who refreshes where we have a say: us, or the other side where it can. */
  readonly refresher: 'us' | 'them';
}

/** Session-Expires of a message. */
export interface SessionExpires {
  readonly seconds: number;
  readonly refresher: 'uac' | 'uas' | '';
}

/** Null where there is none, or none that can be read. */
function sessionExpires(msg: SipMsg): SessionExpires | null {
  const value = msg.header(HDR.SESSIONEXPIRES);
  if (value === null) return null;
  const [digits = '', ...params] = value.split(';').map((part) => part.trim());
  const seconds = parseDecimal(digits, 0, digits.length, 0x7fffffff);
  if (seconds < 0) return null;
  const refresher = params
    .find((param) => /^refresher\s*=/i.test(param))
    ?.replace(/^[^=]*=\s*/, '')
    .toLowerCase();
  return { seconds, refresher: refresher === 'uac' || refresher === 'uas' ? refresher : '' };
}

/** Min-SE of a message, 0 where there is none. */
function minSe(msg: SipMsg): number {
  const value = msg.header(HDR.MINSE);
  const digits = value === null ? '' : (value.split(';')[0] ?? '').trim();
  return digits === '' ? 0 : Math.max(0, parseDecimal(digits, 0, digits.length, 0x7fffffff));
}

function supportsTimer(msg: SipMsg): boolean {
  for (const kind of [HDR.SUPPORTED, HDR.REQUIRE])
    for (let row = msg.findHdr(kind); row >= 0; row = msg.findHdr(kind, row + 1))
      if (/(?:^|[,\s])timer(?:$|[,\s])/i.test(msg.hdrValue(row))) return true;
  return false;
}

/** The session timer of one leg: refreshes at half its time, or ends the session when nobody did. */
export class SessionTimer {
  readonly policy: TimerPolicy;
  readonly #wheel: TimerWheel;
  readonly #timer: Timer<SessionTimer>;
  readonly #onRefresh: () => void;
  readonly #onExpired: () => void;
  /** What is agreed on; 0 before. */
  expiresS = 0;
  isRefresher = false;
  /** What our INVITE asks for: grows when somebody answers 422. */
  wantedS: number;
  wantedMinS: number;

  constructor(policy: TimerPolicy, wheel: TimerWheel, onRefresh: () => void, onExpired: () => void) {
    this.policy = policy;
    this.wantedS = policy.expiresS;
    this.wantedMinS = policy.minS;
    this.#wheel = wheel;
    this.#onRefresh = onRefresh;
    this.#onExpired = onExpired;
    this.#timer = new Timer<SessionTimer>(onTimer, this);
  }

  /** Rows of a request of ours that refreshes the session, or asks for one. */
  requestRows(): string {
    const refresher =
      this.expiresS === 0
        ? this.policy.refresher === 'us'
          ? ';refresher=uac'
          : ''
        : `;refresher=${this.isRefresher ? 'uac' : 'uas'}`;
    const seconds = this.expiresS === 0 ? this.wantedS : this.expiresS;
    return `Supported: timer\r\nSession-Expires: ${seconds}${refresher}\r\nMin-SE: ${this.wantedMinS}\r\n`;
  }

  /** Too short for us: the value of Min-SE for a 422 (RFC 4028 §9); 0 when the request will do. */
  tooShort(msg: SipMsg): number {
    const asked = sessionExpires(msg);
    return asked !== null && asked.seconds < this.policy.minS && supportsTimer(msg) ? this.policy.minS : 0;
  }

  /** Rows of our 2xx to a request that may refresh; starts the timer. */
  answerRows(msg: SipMsg): string {
    const asked = sessionExpires(msg);
    const can = supportsTimer(msg);
    const floor = Math.max(this.policy.minS, minSe(msg));
    const seconds = Math.max(floor, Math.min(asked?.seconds ?? this.policy.expiresS, this.policy.expiresS));
    const refresher = !can
      ? 'uas'
      : asked !== null && asked.refresher !== ''
        ? asked.refresher
        : this.policy.refresher === 'us'
          ? 'uas'
          : 'uac';
    this.start(seconds, refresher === 'uas');
    return `${refresher === 'uac' ? 'Require: timer\r\n' : ''}Session-Expires: ${seconds};refresher=${refresher}\r\n`;
  }

  /** A 2xx to a request of ours that refreshes: without Session-Expires the other side leaves it to us (RFC 4028 §7.2). */
  answered(reply: SipMsg): void {
    const granted = sessionExpires(reply);
    if (granted === null) this.start(this.expiresS === 0 ? this.wantedS : this.expiresS, true);
    else this.start(Math.max(granted.seconds, 1), granted.refresher !== 'uas');
  }

  /** A 422: true when there is a longer time to try with (RFC 4028 §7.3). */
  refused(reply: SipMsg): boolean {
    const wanted = minSe(reply);
    if (wanted <= this.wantedMinS) return false;
    this.wantedMinS = wanted;
    this.wantedS = Math.max(this.wantedS, wanted);
    return true;
  }

  start(seconds: number, isRefresher: boolean): void {
    this.expiresS = seconds;
    this.isRefresher = isRefresher;
    // RFC 4028 §10: refresh at half of it; BYE min(32, a third) before its end.
    const ms = isRefresher ? seconds * 500 : (seconds - Math.min(32, seconds / 3)) * 1000;
    this.#wheel.arm(this.#timer, ms);
  }

  /** When it refreshes or ends the session, ms of the clock; 0: not at all. */
  get dueMs(): number {
    return this.#timer.isArmed ? this.#timer.dueMs : 0;
  }

  /** Goes on as it was, after a restart: who was to be waited for gets a while to be heard again. */
  resume(dueMs: number): void {
    const nowMs = this.#wheel.now();
    const graceMs = this.isRefresher ? 0 : Math.min(32, this.expiresS / 3) * 1000;
    this.#wheel.armAt(this.#timer, Math.max(dueMs, nowMs + graceMs));
  }

  stop(): void {
    this.#wheel.cancel(this.#timer);
  }

  fire(): void {
    if (!this.isRefresher) return this.#onExpired();
    // Whatever becomes of the refresh, the session must not outlive its time.
    this.#onRefresh();
  }

  /** Our refresh got no 2xx: the rest of the time goes on. */
  failed(): void {
    this.isRefresher = false;
    this.#wheel.arm(this.#timer, (this.expiresS / 2 - Math.min(32, this.expiresS / 3)) * 1000);
  }
}

function onTimer(timer: SessionTimer): void {
  timer.fire();
}
