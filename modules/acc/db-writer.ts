import { type Db, type DbRow, type DbValue, type ModuleContext, type PvValue, type Run, strftime } from 'strowger';
import type { Extras } from './extras.ts';
import type { AccRecord } from './record.ts';

/** A table name that may hold variables, compiled once for each program. */
export class TableName {
  readonly #text: string;
  #programId = -1;
  #format: ((run: Run) => string) | null = null;

  constructor(text: string) {
    this.#text = text;
  }

  of(run: Run): string {
    if (!this.#text.includes('$')) return this.#text;
    if (this.#programId !== run.program.id) {
      this.#programId = run.program.id;
      this.#format = run.program.compileFormat?.(this.#text) ?? null;
    }
    return this.#format?.(run) ?? this.#text;
  }
}

/** Writes records as rows of a database. Nobody waits for them; what can not be written is logged. */
export class DbWriter {
  readonly extras: Extras;
  readonly legs: Extras;
  readonly #ctx: ModuleContext;
  readonly #db: Db;
  readonly #isNullable: boolean;

  constructor(ctx: ModuleContext, db: Db, extras: Extras, legs: Extras) {
    this.#ctx = ctx;
    this.#db = db;
    this.extras = extras;
    this.legs = legs;
    this.#isNullable = ctx.int('acc_extra_nullable') !== 0;
  }

  /** In the background. */
  write(record: AccRecord, table: string): void {
    this.insert(record, table).catch((error: unknown) =>
      this.#ctx.log.error(`a row is lost: ${(error as Error).message}`, { table, callId: record.callId }),
    );
  }

  /** A row of another kind, in the background. */
  writeRow(table: string, row: DbRow, callId: string): void {
    this.#db
      .insert(table, row)
      .catch((error: unknown) => this.#ctx.log.error(`a row is lost: ${(error as Error).message}`, { table, callId }));
  }

  /** One row, or one for each leg. Rejects where it can not be written. */
  async insert(record: AccRecord, table: string): Promise<void> {
    const row = this.#row(record);
    if (this.legs.isEmpty) {
      await this.#db.insert(table, row);
      return;
    }
    const legs = this.legs.legs(record.run).map((leg) => ({ ...row, ...this.#named(this.legs, leg) }));
    await Promise.all(legs.map((leg) => this.#db.insert(table, leg)));
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  #row(record: AccRecord): DbRow {
    const ctx = this.#ctx;
    return {
      [ctx.str('acc_method_column')]: record.method,
      [ctx.str('acc_from_tag_column')]: record.fromTag,
      [ctx.str('acc_to_tag_column')]: record.toTag,
      [ctx.str('acc_callid_column')]: record.callId,
      [ctx.str('acc_sip_code_column')]: record.code,
      [ctx.str('acc_sip_reason_column')]: record.reason,
      [ctx.str('acc_time_column')]: new Date(record.at.seconds * 1000),
      ...this.#timeColumns(record),
      ...this.#named(this.extras, this.extras.values(record.run)),
    };
  }

  #timeColumns({ at }: AccRecord): DbRow {
    const ctx = this.#ctx;
    const mode = ctx.int('time_mode');
    const name = ctx.str('time_attr');
    if (mode === 0) return {};
    if (mode === 1) return { [name]: at.seconds, [ctx.str('time_exten')]: at.micros };
    if (mode === 2) return { [name]: at.wallMs / 1000 };
    return { [name]: strftime(ctx.str('time_format'), at.wallMs, mode === 4) };
  }

  #named(extras: Extras, values: readonly PvValue[]): DbRow {
    return Object.fromEntries(extras.names.map((name, i) => [name, this.#value(values[i] ?? null)]));
  }

  #value(value: PvValue): DbValue {
    return value === null && !this.#isNullable ? '' : value;
  }
}
