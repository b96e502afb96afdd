import {
  type DbRow,
  type DbValue,
  type ModuleContext,
  type PvValue,
  ROUTE,
  Run,
  type SipMsg,
  strftime,
} from 'strowger';
import type { Dialog, DialogApi, DialogEventArgs } from '../dialog/api.ts';
import type { DbWriter } from './db-writer.ts';
import { Extras } from './extras.ts';
import { logValue } from './record.ts';

/** What is remembered of a call until its record is written. */
interface OpenCall {
  /** The BYE, or whatever the further values are read from; null where we ended it. */
  request: SipMsg | null;
}

/** Values that can be read without a message. */
const DIALOG_VALUE = /^\$\(?dlg_?(?:var|ctx)?\(/;

/** Writes one record for each call that dialog follows (CDR): its start, end and duration, and what cdr_extra names. */
export class CallRecords {
  readonly #ctx: ModuleContext;
  readonly #dialogs: DialogApi;
  readonly #extras: Extras;
  /** Which of the extras can be read without a message. */
  readonly #isOfDialog: readonly boolean[];
  readonly #db: () => DbWriter | null;
  readonly #ended = new WeakMap<Dialog, OpenCall>();
  readonly #stops: readonly (() => void)[];

  /** `db`: where rows go, once it is open. Throws without dialog. */
  constructor(ctx: ModuleContext, db: () => DbWriter | null) {
    const dialogs = ctx.optionalApi<DialogApi>('dialog');
    if (dialogs === undefined) throw new Error('cdr_enable needs the module dialog');
    this.#ctx = ctx;
    this.#dialogs = dialogs;
    this.#db = db;
    this.#extras = new Extras(ctx.str('cdr_extra'), 'cdr_extra', ctx.int('cdr_extra_size'));
    this.#isOfDialog = this.#extras.texts.map((text) => DIALOG_VALUE.test(text));
    const begins = ctx.int('cdr_start_on_confirmed') === 0 ? 'created' : 'confirmed';
    this.#stops = [
      dialogs.on(begins, ({ dialog }) => this.#begins(dialog)),
      dialogs.on('failed', (args) => this.#failed(args)),
      dialogs.on('terminated', ({ dialog, request }) => this.#ends(dialog, request)),
      dialogs.on('terminatedConfirmed', ({ dialog }) => this.#write(dialog)),
      dialogs.on('expired', ({ dialog }) => this.#expired(dialog)),
      // A BYE that was never answered.
      dialogs.on('destroyed', ({ dialog }) => this.#write(dialog)),
    ];
  }

  /** Checks the variables against the program. Throws what is wrong with one. */
  bind(): void {
    this.#extras.bind(this.#ctx.server.program);
  }

  close(): void {
    for (const stop of this.#stops) stop();
  }

  #begins(dialog: Dialog): void {
    const now = this.#now();
    this.#set(dialog, 'cdr_start_id', now);
    this.#set(dialog, 'cdr_end_id', now);
    this.#set(dialog, 'cdr_duration_id', '0');
  }

  #failed({ dialog, request }: DialogEventArgs): void {
    if (this.#get(dialog, 'cdr_start_id') === '') this.#begins(dialog);
    if (this.#ctx.int('cdr_on_failed') === 0) return;
    this.#ended.set(dialog, { request });
    this.#write(dialog);
  }

  #expired(dialog: Dialog): void {
    if (this.#ctx.int('cdr_expired_dlg_enable') === 0) return;
    this.#ends(dialog, null);
    this.#write(dialog);
  }

  #ends(dialog: Dialog, request: SipMsg | null): void {
    if (this.#get(dialog, 'cdr_start_id') === '') this.#begins(dialog);
    const now = this.#now();
    const seconds = Math.max(0, Number(now) - Number(this.#get(dialog, 'cdr_start_id')));
    this.#set(dialog, 'cdr_end_id', now);
    this.#set(dialog, 'cdr_duration_id', seconds.toFixed(3));
    this.#ended.set(dialog, { request });
  }

  /** Once for each call that has ended. */
  #write(dialog: Dialog): void {
    const call = this.#ended.get(dialog);
    if (call === undefined) return;
    this.#ended.delete(dialog);
    const skip = this.#ctx.str('cdr_skip');
    if (skip !== '' && this.#dialogs.variable(dialog, skip) !== null) return;
    const values = this.#values(dialog, call.request);
    if (this.#ctx.int('cdr_log_enable') !== 0) this.#writeLog(dialog, values);
    const table = this.#ctx.str('cdrs_table');
    if (table !== '') this.#db()?.writeRow(table, this.#row(dialog, values), dialog.callId);
  }

  /** Without a message only what is kept with the dialog is known. */
  #values(dialog: Dialog, request: SipMsg | null): PvValue[] {
    const { server } = this.#ctx;
    const msg = request ?? server.fakeMessage();
    if (msg === null) return this.#extras.names.map(() => null);
    if (request === null) this.#dialogs.attach(msg, dialog);
    const values = this.#extras.values(new Run(server, server.program, msg, ROUTE.REQUEST));
    return request !== null ? values : values.map((value, i) => (this.#isOfDialog[i] === true ? value : null));
  }

  #writeLog(dialog: Dialog, values: readonly PvValue[]): void {
    const ctx = this.#ctx;
    const level = ctx.int('log_level');
    if (!ctx.log.isEnabled(level)) return;
    const parts = ['cdr_start_id', 'cdr_end_id', 'cdr_duration_id'].map(
      (id) => `${ctx.str(id)}=${this.#shown(dialog, id)}`,
    );
    values.forEach((value, i) => parts.push(`${this.#extras.names[i] ?? ''}=${logValue(value)}`));
    ctx.log.write(
      level,
      parts.join('; '),
      ctx.isSet('cdr_facility') ? { facility: ctx.str('cdr_facility') } : undefined,
    );
  }

  #row(dialog: Dialog, values: readonly PvValue[]): DbRow {
    const ctx = this.#ctx;
    const isNullable = ctx.int('cdr_extra_nullable') !== 0;
    const own = (value: PvValue): DbValue => (value === null && !isNullable ? '' : value);
    return {
      [ctx.str('cdr_start_id')]: this.#time(dialog, 'cdr_start_id'),
      [ctx.str('cdr_end_id')]: this.#time(dialog, 'cdr_end_id'),
      [ctx.str('cdr_duration_id')]: Number(this.#get(dialog, 'cdr_duration_id')) || 0,
      ...Object.fromEntries(this.#extras.names.map((name, i) => [name, own(values[i] ?? null)])),
    };
  }

  /** A point in time as a column has it. */
  #time(dialog: Dialog, id: string): DbValue {
    const wallMs = (Number(this.#get(dialog, id)) || 0) * 1000;
    return this.#formatted(wallMs) ?? new Date(wallMs);
  }

  /** As the log has it. */
  #shown(dialog: Dialog, id: string): string {
    const text = this.#get(dialog, id);
    return id === 'cdr_duration_id' ? text : (this.#formatted((Number(text) || 0) * 1000) ?? text);
  }

  /** By time_format in time_mode 3 and 4; else null. */
  #formatted(wallMs: number): string | null {
    const mode = this.#ctx.int('time_mode');
    return mode >= 3 ? strftime(this.#ctx.str('time_format'), wallMs, mode === 4) : null;
  }

  /** Seconds with three digits, as Kamailio keeps them. */
  #now(): string {
    return (this.#ctx.server.clock.wall() / 1000).toFixed(3);
  }

  #get(dialog: Dialog, param: string): string {
    return this.#dialogs.variable(dialog, this.#ctx.str(param)) ?? '';
  }

  #set(dialog: Dialog, param: string, value: string): void {
    this.#dialogs.setVariable(dialog, this.#ctx.str(param), value);
  }
}
