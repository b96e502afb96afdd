import type { Counter, ModuleContext, PvValue, Run, SipMsg } from 'strowger';
import type { RrApi } from '../rr/api.ts';
import type { TmApi } from '../tm/api.ts';
import { contextOf, needContext } from './context.ts';
import { CseqShift } from './cseq.ts';
import { DFLAG, type Dialog } from './dialog.ts';
import { Ending } from './ending.ts';
import { DialogEvents } from './events.ts';
import { STATE } from './fsm.ts';
import { InitialRequests } from './initial.ts';
import { Keepalive } from './keepalive.ts';
import { Lifetimes } from './lifetimes.ts';
import { OwnRequests } from './own-requests.ts';
import { Profiles } from './profiles.ts';
import { DUMP_TOPIC, dumpText } from './rpc-format.ts';
import { DialogSettings } from './settings.ts';
import type { DialogStore } from './store.ts';
import { DialogTable } from './table.ts';
import { TmEvents } from './tm-events.ts';
import { WithinRequests } from './within.ts';

type CounterName = 'processed_dialogs' | 'expired_dialogs' | 'failed_dialogs';
const EVENT_ROUTES = { start: 'dialog:start', end: 'dialog:end', failed: 'dialog:failed' } as const;

/** The dialogs of one worker: what the parts of the module share. */
export class Dialogs {
  readonly ctx: ModuleContext;
  readonly settings: DialogSettings;
  readonly tm: TmApi;
  readonly rr: RrApi;
  readonly table: DialogTable;
  readonly profiles: Profiles;
  readonly events: DialogEvents;
  readonly lifetimes: Lifetimes;
  readonly initial: InitialRequests;
  readonly within: WithinRequests;
  readonly ending: Ending;
  readonly ownRequests: OwnRequests;
  readonly keepalive: Keepalive;
  readonly cseq: CseqShift;
  /** Null without a database. */
  store: DialogStore | null = null;
  /** Dialogs that ring, and those that are answered and not over. */
  early = 0;
  active = 0;
  readonly #tmEvents: TmEvents;
  readonly #counters: Readonly<Record<CounterName, Counter>>;
  #stops: (() => void)[] = [];

  constructor(ctx: ModuleContext) {
    this.ctx = ctx;
    this.settings = new DialogSettings(ctx);
    this.tm = ctx.api<TmApi>('tm');
    this.rr = ctx.api<RrApi>('rr');
    this.table = new DialogTable(this.settings.hashSize, ctx.server.random.uint32());
    this.profiles = new Profiles(ctx);
    this.events = new DialogEvents(ctx.log);
    this.lifetimes = new Lifetimes(this);
    this.initial = new InitialRequests(this);
    this.within = new WithinRequests(this);
    this.ending = new Ending(this);
    this.ownRequests = new OwnRequests(this);
    this.keepalive = new Keepalive(this);
    this.cseq = new CseqShift(this);
    this.#tmEvents = new TmEvents(this);
    this.#counters = {
      processed_dialogs: ctx.counter('processed_dialogs'),
      expired_dialogs: ctx.counter('expired_dialogs'),
      failed_dialogs: ctx.counter('failed_dialogs'),
    };
  }

  get nowSec(): number {
    return Math.floor(this.ctx.server.clock.wall() / 1000);
  }

  /** The statistics. */
  get activeShown(): number {
    return this.settings.hasStats ? this.active : 0;
  }

  get earlyShown(): number {
    return this.settings.hasStats ? this.early : 0;
  }

  /** Once the sockets are open. Throws where a parameter names a variable that can not be. */
  start(): void {
    const { server } = this.ctx;
    for (const [name, pv] of [
      ['timeout_avp', this.settings.timeoutAvp],
      ['ruri_pvar', this.settings.ruriPvar],
    ] as const) {
      const wrong = pv.check(server.program, false);
      if (wrong !== null) throw new Error(`${name}: ${wrong}`);
    }
    this.#stops = [this.#tmEvents.attach(), this.keepalive.start(), this.cseq.attach()];
    server.bus.answer(DUMP_TOPIC, () => dumpText(this));
    if (server.isFirstWorker) this.#stops.push(this.profiles.startSweeping());
    this.rr.onRouted((run, params) => this.within.routed(run, params));
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
    for (const dialog of this.table.all()) this.lifetimes.stop(dialog);
    await this.store?.close();
  }

  /** The dialog of a message: as it was found before, its transaction's, or by Call-ID and tags. Null where there is none. */
  of(msg: SipMsg): Dialog | null {
    const known = contextOf(msg)?.dialog ?? null;
    if (known !== null) return known;
    if (!msg.isRequest) {
      const request = this.tm.transaction(msg)?.request;
      const held = request === undefined ? null : (contextOf(request)?.dialog ?? null);
      if (held !== null) return held;
    }
    return this.table.match(msg.callId ?? '', msg.fromTag, msg.toTag)?.dialog ?? null;
  }

  /** `timeout_avp`: seconds, or null where it says nothing. */
  timeoutFromScript(run: Run): number | null {
    const { timeoutAvp } = this.settings;
    if (timeoutAvp.isNone) return null;
    const seconds = toInt(timeoutAvp.get(run));
    return seconds > 0 ? seconds : null;
  }

  /** Another lifetime, from now on where the call is answered. */
  setLifetime(dialog: Dialog, seconds: number): void {
    dialog.lifetimeSec = seconds;
    dialog.dflags |= DFLAG.CHANGED;
    if (dialog.state === STATE.CONFIRMED || dialog.state === STATE.CONFIRMED_NA) this.lifetimes.restart(dialog);
    this.store?.changed(dialog);
  }

  setVariable(dialog: Dialog, name: string, value: string | null): void {
    dialog.setVariable(name, value);
    this.store?.changed(dialog);
  }

  /** event_route[dialog:NAME], with the message it is about or one made up. Ends, where it waits, when it is done. */
  runEvent(name: keyof typeof EVENT_ROUTES, dialog: Dialog, msg: SipMsg | null): void | Promise<unknown> {
    const { server } = this.ctx;
    const event = EVENT_ROUTES[name];
    if (!server.program.event.has(event)) return undefined;
    const about = msg ?? server.fakeMessage();
    if (about === null) return undefined;
    needContext(about).dialog ??= dialog;
    const result = server.runEventRoute(event, about);
    return typeof result === 'number' ? undefined : result;
  }

  /** Nothing is to be known of a dialog any more. */
  forget(dialog: Dialog): void {
    if (!this.table.remove(dialog)) return;
    this.lifetimes.stop(dialog);
    if (dialog.state === STATE.EARLY) this.early--;
    if (dialog.state === STATE.CONFIRMED || dialog.state === STATE.CONFIRMED_NA) this.active--;
    dialog.state = STATE.DELETED;
    this.empty(dialog);
    this.events.emit('destroyed', dialog);
  }

  /** It is over: it counts nowhere, and has no row any more. Its variables stay for those who still have it. */
  empty(dialog: Dialog): void {
    this.profiles.removeAll(dialog);
    this.keepalive.remove(dialog);
    this.store?.remove(dialog);
  }

  count(name: CounterName): void {
    if (this.settings.hasStats) this.#counters[name].inc();
  }
}

/** The integer that a value begins with; 0 where it does not. */
export function toInt(value: PvValue): number {
  return typeof value === 'number' ? value : Number.parseInt(value ?? '', 10) || 0;
}
