/** Kamailio's log levels, from the core cookbook (`debug` parameter). */
export const LOG_LEVELS = {
  ALERT: -5,
  BUG: -4,
  CRIT2: -3,
  CRIT: -2,
  ERR: -1,
  WARN: 0,
  NOTICE: 1,
  INFO: 2,
  DBG: 3,
} as const;

export type LogFields = Readonly<Record<string, unknown>>;

/**
 * What modules log through. A call below the level costs one comparison; where building the text costs more than
 * that, ask `isEnabled` first. Texts from messages go into `fields` (escaped by the sink), never into a control code.
 */
export interface Log {
  /** True when a message of this Kamailio level (-5 … 3) would be written. */
  isEnabled(level: number): boolean;
  /** Writes at any Kamailio level; `text` may be latin1 from the wire: the sink converts and escapes it. */
  write(level: number, text: string, fields?: LogFields): void;
  alert(text: string, fields?: LogFields): void;
  crit(text: string, fields?: LogFields): void;
  error(text: string, fields?: LogFields): void;
  warn(text: string, fields?: LogFields): void;
  notice(text: string, fields?: LogFields): void;
  info(text: string, fields?: LogFields): void;
  debug(text: string, fields?: LogFields): void;
  /** A log that names the module in each line and obeys that module's own level where one is set. */
  child(module: string): Log;
  /** Sets the server's level, or one module's own; null gives a module the server's again. Absent on a log without levels. */
  setLevel?(module: string | null, level: number | null): void;
}
