import { appendHeader, HDR, METHOD, type ModuleContext, ParamPv, ROUTE, Run, replaceSpan, type SipMsg } from 'strowger';
import type { Dialog, DialogApi, DialogEventArgs } from '../dialog/api.ts';
import type { SlApi } from '../sl/api.ts';
import type { TmApi, TmCallbackArgs } from '../tm/api.ts';
import { isTooSmall, type TimerFacts, timerFacts } from './session-timer.ts';

const TOO_SMALL = 422;
const TOO_SMALL_REASON = 'Session Timer Too Small';

/** What is remembered of a call whose session is timed. */
interface TimedSession {
  /** Seconds of the last Session-Expires. */
  intervalSec: number;
  /** Lifetime of the dialog without a session timer, seconds. */
  readonly untimedSec: number;
}

/** Session timers of a proxy (RFC 4028 §8): asks for them, and gives dialogs the lifetime that the parties agree on. */
export class SessionTimers {
  readonly #ctx: ModuleContext;
  readonly #dialogs: DialogApi;
  readonly #tm: TmApi;
  readonly #sl: SlApi;
  readonly #flagBit: number;
  readonly #minSec: number;
  readonly #rejects: boolean;
  readonly #timeoutAvp: ParamPv;
  readonly #timed = new WeakMap<Dialog, TimedSession>();
  #stops: (() => void)[] = [];

  constructor(ctx: ModuleContext) {
    const flag = ctx.int('sst_flag');
    if (flag < 0) throw new Error('sst_flag must be set');
    this.#ctx = ctx;
    this.#dialogs = ctx.api<DialogApi>('dialog');
    this.#tm = ctx.api<TmApi>('tm');
    this.#sl = ctx.api<SlApi>('sl');
    this.#flagBit = 1 << flag;
    this.#minSec = ctx.int('min_se');
    this.#rejects = ctx.int('reject_to_small') !== 0;
    this.#timeoutAvp = new ParamPv(ctx.str('timeout_avp'));
  }

  /** Once there is a program. Throws where timeout_avp can not be assigned. */
  start(): void {
    const wrong = this.#timeoutAvp.check(this.#ctx.server.program, true);
    if (wrong !== null) throw new Error(`timeout_avp: ${wrong}`);
    this.#stops = [
      this.#dialogs.on('created', (args) => this.#created(args)),
      this.#dialogs.on('request', (args) => this.#refreshed(args)),
      this.#dialogs.on('timeout', ({ dialog }) => this.#timedOut(dialog)),
      this.#tm.on('replyIn', (args) => this.#replied(args)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** sstCheckMin(): 1 where the request asks for too short a session (and 422 is sent, where wanted), else -1. */
  checkMin(run: Run, sendsReply: boolean): number {
    const facts = timerFacts(run.msg);
    if (facts === null) {
      this.#ctx.log.error('Session-Expires or Min-SE can not be read', { callId: run.msg.callId });
      return -1;
    }
    if (!isTooSmall(facts, this.#minSec)) return -1;
    if (sendsReply && run.msg.isRequest) {
      (run.msg.replyLumps ??= []).push(this.#minRow());
      this.#sl.sendReply(run, TOO_SMALL, TOO_SMALL_REASON);
    }
    return 1;
  }

  #minRow(): string {
    return `Min-SE: ${this.#minSec}\r\n`;
  }

  /** An INVITE has begun a dialog. */
  #created({ dialog, request }: DialogEventArgs): void {
    if (request === null || (request.flags & this.#flagBit) === 0) return;
    const facts = timerFacts(request);
    if (facts === null) return;
    const { intervalSec } = facts;
    if (intervalSec !== null && intervalSec < this.#minSec && facts.isSupported && this.#rejects) {
      this.#reject(request);
      return;
    }
    const agreed = Math.max(intervalSec ?? 0, this.#minSec, facts.minSec ?? 0);
    if (intervalSec === null) appendHeader(request, `Session-Expires: ${agreed}\r\n`);
    else if (intervalSec < this.#minSec && !facts.isSupported) this.#raise(request, facts, agreed);
    this.#timed.set(dialog, {
      intervalSec: intervalSec !== null && intervalSec >= this.#minSec ? intervalSec : agreed,
      untimedSec: dialog.lifetimeSec,
    });
    this.#tellScript(request, this.#timed.get(dialog)?.intervalSec ?? agreed);
  }

  /** A caller that does not know timers can not be told: the proxy asks for more in its name (RFC 4028 §8.1). */
  #raise(request: SipMsg, facts: TimerFacts, agreedSec: number): void {
    const start = request.hdrValueStart(facts.intervalRow);
    const digits = /^\d+/.exec(request.hdrValue(facts.intervalRow))?.[0].length ?? 0;
    replaceSpan(request, start, start + digits, String(agreedSec), HDR.SESSIONEXPIRES);
    if (facts.minRow < 0) appendHeader(request, `Min-SE: ${agreedSec}\r\n`);
    else
      replaceSpan(
        request,
        request.hdrValueStart(facts.minRow),
        request.hdrValueEnd(facts.minRow),
        String(agreedSec),
        HDR.MINSE,
      );
  }

  #reject(request: SipMsg): void {
    const tm = this.#tm;
    if (tm.transaction(request) === null) tm.begin(request);
    tm.reply(request, TOO_SMALL, TOO_SMALL_REASON, this.#minRow());
  }

  /** A re-INVITE or UPDATE within a dialog whose session is timed: without a time it would end the timer (RFC 4028 §8.1). */
  #refreshed({ dialog, request }: DialogEventArgs): void {
    const timed = this.#timed.get(dialog);
    if (timed === undefined || request === null || (request.method & (METHOD.INVITE | METHOD.UPDATE)) === 0) return;
    const facts = timerFacts(request);
    if (facts === null) return;
    const { intervalSec } = facts;
    if (intervalSec === null) {
      const askedSec = Math.max(timed.intervalSec, facts.minSec ?? 0);
      appendHeader(request, `Session-Expires: ${askedSec}\r\n`);
      timed.intervalSec = askedSec;
      return;
    }
    this.#tellScript(request, intervalSec);
    this.#agree(dialog, timed, intervalSec);
  }

  /** A 2xx is on its way back, before the script sees it. */
  #replied({ t, reply, code }: TmCallbackArgs): void {
    const { request } = t;
    if (reply === null || code < 200 || code >= 300 || t.isLocal) return;
    if ((request.method & (METHOD.INVITE | METHOD.UPDATE)) === 0) return;
    const dialog = this.#dialogs.of(request);
    const timed = dialog === null ? undefined : this.#timed.get(dialog);
    if (dialog === null || timed === undefined) return;
    const intervalSec = timerFacts(reply)?.intervalSec ?? null;
    if (intervalSec !== null) {
      // Of the first INVITE the script decides, by timeout_avp.
      if (request.toTag === '') timed.intervalSec = intervalSec;
      else this.#agree(dialog, timed, intervalSec);
    } else if (timerFacts(request)?.isSupported === true) {
      // Who answers does not know timers: who asked refreshes (RFC 4028 §8.2).
      appendHeader(reply, `Session-Expires: ${timed.intervalSec};refresher=uac\r\nRequire: timer\r\n`);
      if (request.toTag !== '') this.#agree(dialog, timed, timed.intervalSec);
    } else if (request.toTag !== '' && !this.#timeoutAvp.isNone) {
      // Neither side does: the session has no end any more.
      this.#dialogs.setLifetime(dialog, timed.untimedSec);
    }
  }

  /** The session ends so many seconds from now unless it is refreshed. */
  #agree(dialog: Dialog, timed: TimedSession, intervalSec: number): void {
    timed.intervalSec = intervalSec;
    if (!this.#timeoutAvp.isNone && intervalSec > 0) this.#dialogs.setLifetime(dialog, intervalSec);
  }

  #tellScript(request: SipMsg, intervalSec: number): void {
    if (this.#timeoutAvp.isNone) return;
    const { server } = this.#ctx;
    this.#timeoutAvp.set(new Run(server, server.program, request, ROUTE.REQUEST), intervalSec);
  }

  #timedOut(dialog: Dialog): void {
    if (this.#timed.has(dialog) && this.#ctx.int('enable_stats') !== 0) this.#ctx.counter('expired_sst').inc();
  }
}
