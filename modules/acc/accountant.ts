import { METHOD, type ModuleContext, ROUTE, Run, reasonPhrase, type ScriptProgram, type SipMsg } from 'strowger';
import type { RrApi } from '../rr/api.ts';
import type { TmApi, TmCallbackArgs, Transaction } from '../tm/api.ts';
import { CallRecords } from './cdr.ts';
import { DbWriter, TableName } from './db-writer.ts';
import { swapped } from './direction.ts';
import { Extras } from './extras.ts';
import { parseFilter } from './filter.ts';
import { LogWriter } from './log-writer.ts';
import { type AccRecord, accTime, parseComment } from './record.ts';

/** Bit of a flag parameter; 0 where it is not set. */
const bitOf = (flag: number): number => (flag < 0 ? 0 : 1 << flag);

/** Why a failure route runs. */
interface Failure {
  /** The flags for missed calls, as they were. */
  readonly bits: number;
  /** Somebody answered: it is no timeout. */
  readonly isReceived: boolean;
  readonly code: number;
}

/** Is a reply made here the failure route's, not what is sent where the route does nothing (a 503 goes on as a 500)? */
function isOfRoute({ isReceived, code }: Failure, sent: number): boolean {
  return code === 503 ? sent !== 500 : isReceived || sent !== code;
}

/** Follows transactions by their flags and writes them down. One for a server. */
export class Accountant {
  readonly ctx: ModuleContext;
  readonly log: LogWriter;
  /** Null without db_url. */
  db: DbWriter | null = null;
  /** Null without cdr_enable. */
  readonly #calls: CallRecords | null;
  readonly #dbExtras: Extras;
  readonly #legs: Extras;
  readonly #tm: TmApi;
  readonly #rr: RrApi | undefined;
  readonly #table: TableName;
  readonly #missedTable: TableName;
  /**
   * Missed calls that have a failure route. As in Kamailio, a reply that it makes is missed once more: it still sees the
   * flags that were set before.
   */
  readonly #failures = new WeakMap<Transaction, Failure>();
  readonly #logBit: number;
  readonly #dbBit: number;
  readonly #logMissedBit: number;
  readonly #dbMissedBit: number;
  readonly #failedBit: number;
  readonly #prepareBits: number;
  readonly #preparesAll: boolean;
  readonly #ignoredFailures: ReadonlySet<number>;
  readonly #detach: () => void;

  constructor(ctx: ModuleContext) {
    const max = ctx.int('acc_extra_size');
    this.ctx = ctx;
    this.#legs = new Extras(ctx.str('multi_leg_info'), 'multi_leg_info', max);
    this.#dbExtras = new Extras(ctx.str('db_extra'), 'db_extra', max);
    this.log = new LogWriter(ctx, new Extras(ctx.str('log_extra'), 'log_extra', max), this.#legs);
    this.#table = new TableName(ctx.str('db_table_acc'));
    this.#missedTable = new TableName(ctx.str('db_table_missed_calls'));
    const usesDb = ctx.str('db_url') !== '';
    this.#logBit = bitOf(ctx.int('log_flag'));
    this.#logMissedBit = bitOf(ctx.int('log_missed_flag'));
    this.#dbBit = usesDb ? bitOf(ctx.int('db_flag')) : 0;
    this.#dbMissedBit = usesDb ? bitOf(ctx.int('db_missed_flag')) : 0;
    this.#failedBit = bitOf(ctx.int('failed_transaction_flag'));
    this.#prepareBits =
      this.#logBit | this.#dbBit | this.#logMissedBit | this.#dbMissedBit | bitOf(ctx.int('acc_prepare_flag'));
    this.#preparesAll = ctx.int('acc_prepare_always') !== 0;
    this.#ignoredFailures = parseFilter(ctx.str('failed_filter')) ?? new Set();
    this.#rr = ctx.optionalApi<RrApi>('rr');
    if (ctx.int('detect_direction') !== 0 && this.#rr === undefined)
      throw new Error('detect_direction needs the module rr');
    this.#calls = ctx.int('cdr_enable') === 0 ? null : new CallRecords(ctx, () => this.db);
    this.#tm = ctx.api<TmApi>('tm');
    this.#detach = this.#tm.on('requestIn', (args) => this.#began(args));
  }

  async open(): Promise<void> {
    const url = this.ctx.str('db_url');
    if (url === '') return;
    this.db = new DbWriter(this.ctx, await this.ctx.server.db.open(url), this.#dbExtras, this.#legs);
  }

  /** Checks the variables against the program. Throws what is wrong with one. */
  bind(): void {
    const { program } = this.ctx.server;
    for (const extras of [this.log.extras, this.#dbExtras, this.#legs]) extras.bind(program);
    this.#calls?.bind();
  }

  async close(): Promise<void> {
    this.#detach();
    this.#calls?.close();
    await this.db?.close();
  }

  /** acc_log_request(). */
  logRequest(run: Run, comment: string): number {
    this.log.write('request accounted', this.#fromScript(run, comment));
    return 1;
  }

  /** acc_db_request(): 1 once the row is written, -1 when it can not be. */
  async dbRequest(run: Run, comment: string, table: string): Promise<number> {
    if (this.db === null) {
      this.ctx.log.error('acc_db_request: there is no db_url');
      return -1;
    }
    try {
      await this.db.insert(this.#fromScript(run, comment), table);
      return 1;
    } catch (error) {
      this.ctx.log.error(`acc_db_request: ${(error as Error).message}`);
      return -1;
    }
  }

  /** acc_request(): to the log, and to the database where there is one. */
  request(run: Run, comment: string, table: string): number | Promise<number> {
    this.logRequest(run, comment);
    return this.db === null ? 1 : this.dbRequest(run, comment, table);
  }

  /** Watches a new transaction when its flags, or the parameters, say so. */
  #began({ t }: TmCallbackArgs): void {
    const { flags, method } = t.request;
    if ((flags & this.#prepareBits) === 0 && !this.#preparesAll) return;
    if (method === METHOD.CANCEL && this.ctx.int('report_cancels') === 0) return;
    t.on('replyOut', (args) => this.#replied(args));
    if (method !== METHOD.INVITE) return;
    t.on('onFailure', (args) => this.#failed(args));
    if (this.ctx.int('report_ack') !== 0) t.on('e2eAck', (args) => this.#acknowledged(args));
  }

  #replied({ t, reply, code }: TmCallbackArgs): void {
    if (code < 200) {
      const isMedia = code > 100 && reply !== null && reply.body !== '' && this.ctx.int('early_media') !== 0;
      if (isMedia) this.#answer(t, reply, code);
      return;
    }
    if (code >= 300 && t.request.method === METHOD.INVITE) {
      const failure = reply === null ? this.#failures.get(t) : undefined;
      this.#miss(t, reply, code, failure !== undefined && isOfRoute(failure, code) ? failure.bits : 0);
    }
    if (code >= 300 && ((t.request.flags & this.#failedBit) === 0 || this.#ignoredFailures.has(code))) return;
    this.#answer(t, reply, code);
  }

  #failed({ t, reply, code }: TmCallbackArgs): void {
    if (code < 300) return;
    const bits = t.request.flags & (this.#logMissedBit | this.#dbMissedBit);
    if (bits !== 0 && t.onFailure !== '') this.#failures.set(t, { bits, isReceived: reply !== null, code });
    this.#miss(t, reply, code);
  }

  #acknowledged({ t, request }: TmCallbackArgs): void {
    const { flags } = request;
    if ((flags & (this.#logBit | this.#dbBit)) === 0) return;
    const record = this.#record(
      request,
      t.program,
      request.toTag,
      String(t.status || 200),
      defaultReason(t.status || 200),
    );
    this.#write('request acknowledged', record, flags);
  }

  #answer(t: Transaction, reply: SipMsg | null, code: number): void {
    const { request } = t;
    if ((request.flags & (this.#logBit | this.#dbBit)) === 0) return;
    const toTag = reply === null ? this.#ourTag(request) : reply.toTag;
    const record = this.#record(request, t.program, toTag, String(code), this.#reasonOf(reply, code));
    this.#write('transaction answered', record, request.flags);
  }

  /** A call that failed on the way; its flags are reset, so that each leg counts once. `held`: flags that count beside. */
  #miss(t: Transaction, reply: SipMsg | null, code: number, held = 0): void {
    const { request } = t;
    const flags = request.flags | held;
    if ((flags & (this.#logMissedBit | this.#dbMissedBit)) === 0) return;
    const toTag = reply === null ? this.#ourTag(request) : reply.toTag;
    const record = this.#record(request, t.program, toTag, String(code), this.#reasonOf(reply, code));
    if ((flags & this.#logMissedBit) !== 0) this.log.write('call missed', record);
    if ((flags & this.#dbMissedBit) !== 0) this.db?.write(record, this.#missedTable.of(record.run));
    this.#tm.clearFlags(t, this.#logMissedBit | this.#dbMissedBit);
  }

  #write(what: string, record: AccRecord, flags: number): void {
    if ((flags & this.#logBit) !== 0) this.log.write(what, record);
    if ((flags & this.#dbBit) !== 0) this.db?.write(record, this.#table.of(record.run));
  }

  #reasonOf(reply: SipMsg | null, code: number): string {
    if (reply === null) return defaultReason(code);
    const row = this.ctx.int('reason_from_hf') === 0 ? -1 : reply.findHdrByName('reason');
    return row < 0 ? reply.reason : reply.hdrValue(row);
  }

  /** The To tag of replies made here. */
  #ourTag(msg: SipMsg): string {
    return msg.toTag || this.#tm.localTag(msg) || '';
  }

  #fromScript(run: Run, comment: string): AccRecord {
    const { code, reason } = parseComment(comment);
    const { msg } = run;
    return this.#record(msg, run.program, this.#ourTag(msg), code, reason, run);
  }

  #record(msg: SipMsg, program: ScriptProgram, toTag: string, code: string, reason: string, given?: Run): AccRecord {
    const { server } = this.ctx;
    const plain = given ?? new Run(server, program, msg, ROUTE.REQUEST);
    const isSwapped = this.#comesFromCallee(plain);
    const run = isSwapped ? new Run(server, program, swapped(msg), plain.routeType) : plain;
    return {
      run,
      method: msg.methodName,
      fromTag: isSwapped ? toTag : msg.fromTag,
      toTag: isSwapped ? msg.fromTag : toTag,
      callId: msg.callId ?? '',
      code,
      reason,
      at: accTime(server.clock.wall()),
    };
  }

  #comesFromCallee(run: Run): boolean {
    if (this.ctx.int('detect_direction') === 0 || run.msg.toTag === '') return false;
    return (this.#rr?.isDirection(run, 'upstream') ?? -1) > 0;
  }
}

/** Of a reply that nobody sent (yet). */
function defaultReason(code: number): string {
  return reasonPhrase(code) ?? (code < 300 ? 'OK' : 'Request Failed');
}
