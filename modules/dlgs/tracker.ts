import { METHOD, type ModuleContext, PosixCache, type ReceiveInfo, type Run, SipMsg, type Timer } from 'strowger';
import { type Dialog, Dialogs, replied, requested } from './dialogs.ts';
import { filterOf, isOngoing } from './filter.ts';

/** Topics on which workers ask each other. */
const COUNT = 'dlgs.count';
const COUNT_TAGS = 'dlgs.tags';

type Filter = readonly [field: string, operator: string, text: string];

/** The module's state in one server. Each worker keeps the dialogs whose messages it handles; counts ask them all. */
export class Tracker {
  readonly ctx: ModuleContext;
  readonly dialogs: Dialogs;
  readonly regexes = new PosixCache({ ignoreCase: true });
  #rcv: ReceiveInfo | null = null;
  #timer: Timer | null = null;
  #unhook: (() => void) | null = null;
  #last = 0;

  constructor(ctx: ModuleContext) {
    const { bus } = ctx.server;
    this.ctx = ctx;
    this.dialogs = new Dialogs({
      initSec: ctx.int('init_lifetime'),
      activeSec: ctx.int('active_lifetime'),
      finishSec: ctx.int('finish_lifetime'),
    });
    bus.answer(COUNT, (filter) => this.#countHere(filter as Filter));
    bus.answer(COUNT_TAGS, (tag) => this.#countTagsHere(String(tag)));
  }

  start(): void {
    const { server } = this.ctx;
    this.#rcv = server.fakeMessage()?.rcv ?? null;
    this.#unhook = server.hooks.dataOut.add((text) => this.#sent(text));
    this.#timer = server.wheel.every(this.ctx.int('timer_interval') * 1000, () => this.dialogs.clean(this.nowSec()));
  }

  stop(): void {
    this.#unhook?.();
    if (this.#timer !== null) this.ctx.server.wheel.cancel(this.#timer);
  }

  /** dlgs_init(): 1, or -1 where the message begins no dialog. */
  init({ msg }: Run, src: string, dst: string, data: string): number {
    const { callId, from } = msg;
    if (msg.methodBit !== METHOD.INVITE || callId === null || from === null) return -1;
    const fromTag = from.tag ?? '';
    if (this.dialogs.find(callId, fromTag, msg.to?.tag ?? '') !== undefined) return 1;
    const ruid = `dlgs-${this.ctx.server.workerIndex}-${this.nowSec().toString(36)}-${(++this.#last).toString(36)}`;
    this.dialogs.add({ callId, fromTag, src, dst, data, ruid }, this.nowSec());
    return 1;
  }

  /** dlgs_update(): 1, or -1 where the request is of no dialog known. */
  update(run: Run): number {
    const dialog = this.of(run.msg);
    if (dialog === undefined || !run.msg.isRequest) return -1;
    requested(dialog, run.msg.methodName, this.nowSec());
    return 1;
  }

  of(msg: SipMsg): Dialog | undefined {
    return msg.callId === null ? undefined : this.dialogs.find(msg.callId, msg.from?.tag ?? '', msg.to?.tag ?? '');
  }

  /** Ongoing dialogs that fit, on all workers: -1 where there are none, or the filter is none. */
  count(...filter: Filter): number | Promise<number> {
    return this.#everywhere(COUNT, filter, this.#countHere(filter));
  }

  /** How often ongoing dialogs have a tag, on all workers; -1 where they have not. */
  countTags(tag: string): number | Promise<number> {
    return this.#everywhere(COUNT_TAGS, tag, this.#countTagsHere(tag));
  }

  nowSec(): number {
    return Math.floor(this.ctx.server.clock.wall() / 1000);
  }

  #everywhere(topic: string, question: unknown, here: number): number | Promise<number> {
    const { server } = this.ctx;
    const answer = (count: number): number => (count > 0 ? count : -1);
    if (server.workerCount === 1) return answer(here);
    return server.bus
      .ask(topic, question)
      .then((others) => answer(others.reduce((sum: number, count) => sum + Number(count), here)));
  }

  #countHere([field, operator, text]: Filter): number {
    const test = filterOf(field, operator, text, this.regexes);
    if (typeof test === 'string') {
      this.ctx.log.error(`dlgs_count: ${test}`);
      return 0;
    }
    let count = 0;
    for (const dialog of this.dialogs.all()) if (isOngoing(dialog) && test(dialog)) count++;
    return count;
  }

  #countTagsHere(tag: string): number {
    let count = 0;
    for (const dialog of this.dialogs.all()) if (isOngoing(dialog) && dialog.tags.has(tag)) count++;
    return count;
  }

  /** What leaves: replies to the INVITE of a dialog, of others and our own. */
  #sent(text: string): void {
    if (this.dialogs.size === 0 || !text.startsWith('SIP/2.0 ') || this.#rcv === null) return;
    const reply = new SipMsg(text, this.#rcv);
    if (reply.error !== null || reply.methodBit !== METHOD.INVITE) return;
    const dialog = this.of(reply);
    if (dialog !== undefined) replied(dialog, reply.status, reply.to?.tag ?? '', this.nowSec());
  }
}
