import { LOG_LEVELS, type Log, type ModuleContext, type Run } from 'strowger';

type Format = (run: Run) => string;

/** Levels by the third letter of `L_ERR` and its like. */
const BY_LETTER: Readonly<Record<string, number>> = {
  A: LOG_LEVELS.ALERT,
  B: LOG_LEVELS.BUG,
  C: LOG_LEVELS.CRIT,
  E: LOG_LEVELS.ERR,
  W: LOG_LEVELS.WARN,
  N: LOG_LEVELS.NOTICE,
  I: LOG_LEVELS.INFO,
  D: LOG_LEVELS.DBG,
};

/** `L_ERR` and its like by the third letter, or a number; null for anything else. */
export function parseLevel(text: string): number | null {
  const letter = text.charAt(2);
  if (Object.hasOwn(BY_LETTER, letter)) return BY_LETTER[letter] ?? null;
  return /^-?\d{1,2}$/.test(text) ? Number(text) : null;
}

const FACILITY = /^LOG_(?:AUTH|AUTHPRIV|CRON|DAEMON|FTP|KERN|LPR|MAIL|NEWS|SYSLOG|USER|UUCP|LOCAL[0-7])$/;

export function checkFacility(value: string | number | undefined): string | null {
  return value === undefined || FACILITY.test(String(value)) ? null : `'${value}' is no syslog facility`;
}

const DEFAULT_PREFIX = '<script>: ';

/** One server's xlog. */
export class Xlog {
  readonly #ctx: ModuleContext;
  readonly #log: Log;
  /** Written in front of the text; '' where the log itself names it. */
  readonly #prefix: string;
  #prefixFormat: Format | null = null;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    const prefix = ctx.isSet('prefix') ? ctx.str('prefix') : DEFAULT_PREFIX;
    // `name: ` is how the log writes who speaks
    const isName = ctx.int('prefix_mode') === 0 && /^\S+: $/.test(prefix);
    this.#log = ctx.server.log.child(isName ? prefix.slice(0, -2) : '<script>');
    this.#prefix = isName ? '' : prefix;
  }

  /** Writes one line, if the level is let through: the format is evaluated only then. Returns 1 always, as Kamailio does. */
  write(run: Run, level: number, format: Format, facility = '', place = ''): number {
    if (!this.#log.isEnabled(level)) return 1;
    const text = format(run);
    const limit = this.#ctx.int('buf_size');
    if (text.length >= limit) {
      this.#log.error('xlog: the text is longer than buf_size', { length: text.length, limit });
      return 1;
    }
    const line = `${this.#prefixOf(run)}${place}${text.endsWith('\n') ? text.slice(0, -1) : text}`;
    const chosen = facility === '' ? this.#ctx.str('log_facility') : facility;
    if (chosen === '') this.#log.write(level, line);
    else this.#log.write(level, line, { facility: chosen });
    return 1;
  }

  /** As `write`, with the line of the script in front, and its file where `long_format` is set. */
  writeWithPlace(run: Run, level: number, format: Format, facility = ''): number {
    if (!this.#log.isEnabled(level)) return 1;
    const at = run.program.positions[run.position];
    const file = this.#ctx.int('long_format') === 0 ? '' : `${at?.file ?? ''}:`;
    return this.write(run, level, format, facility, `${file}${at?.line ?? 0}:`);
  }

  /** As `write`, but not for methods that `methods_filter` has. */
  writeFiltered(run: Run, level: number, format: Format): number {
    return (run.msg.methodBit & this.#ctx.int('methods_filter')) !== 0 ? 1 : this.write(run, level, format);
  }

  #prefixOf(run: Run): string {
    if (this.#prefix === '' || this.#ctx.int('prefix_mode') === 0) return this.#prefix;
    this.#prefixFormat ??= run.program.compileFormat?.(this.#prefix) ?? (() => this.#prefix);
    return this.#prefixFormat(run);
  }
}
