import { type ModuleContext, strftime } from 'strowger';
import type { Extras } from './extras.ts';
import { type AccRecord, logValue } from './record.ts';

/** Writes records as lines of the log, in Kamailio's form. */
export class LogWriter {
  readonly extras: Extras;
  readonly legs: Extras;
  readonly #ctx: ModuleContext;
  readonly #fields: { readonly facility: string } | undefined;

  constructor(ctx: ModuleContext, extras: Extras, legs: Extras) {
    this.#ctx = ctx;
    this.extras = extras;
    this.legs = legs;
    this.#fields = ctx.isSet('log_facility') ? { facility: ctx.str('log_facility') } : undefined;
  }

  /** `what`: "transaction answered", "call missed" … */
  write(what: string, record: AccRecord): void {
    const { log } = this.#ctx;
    const level = this.#ctx.int('log_level');
    if (log.isEnabled(level)) log.write(level, `ACC: ${what}: ${this.#text(record)}`, this.#fields);
  }

  #text(record: AccRecord): string {
    const { run, method, fromTag, toTag, callId, code, reason } = record;
    const parts = [
      `timestamp=${record.at.seconds}${this.#timeAttribute(record)}`,
      `method=${method};from_tag=${fromTag};to_tag=${toTag};call_id=${callId};code=${code};reason=${reason}`,
    ];
    this.extras.values(run).forEach((value, i) => parts.push(`${this.extras.names[i] ?? ''}=${logValue(value)}`));
    if (!this.legs.isEmpty)
      for (const leg of this.legs.legs(run))
        leg.forEach((value, i) => parts.push(`${this.legs.names[i] ?? ''}=${logValue(value)}`));
    return parts.join(';');
  }

  #timeAttribute({ at }: AccRecord): string {
    const ctx = this.#ctx;
    const mode = ctx.int('time_mode');
    if (mode === 0) return '';
    if (mode === 1) return `;${ctx.str('time_exten')}=${at.micros}`;
    const value = mode === 2 ? (at.wallMs / 1000).toFixed(3) : strftime(ctx.str('time_format'), at.wallMs, mode === 4);
    return `;${ctx.str('time_attr')}=${value}`;
  }
}
