import process from 'node:process';
import { type Logger, pino } from 'pino';
import { LOG_LEVELS, type Log, type LogFields } from './log.ts';
import type { LogSink } from './log-sink.ts';
import { escapeButColors, redactCredentials, toUnicode } from './log-text.ts';
import { formatLine } from './text-format.ts';

/** Kamailio's levels by name and pino's number: the one place where they are mapped. */
const PINO_LEVELS = { alert: 70, bug: 66, crit: 60, error: 50, warn: 40, notice: 35, info: 30, debug: 20 } as const;
type PinoLevel = keyof typeof PINO_LEVELS;
const BY_KAMAILIO_LEVEL: readonly PinoLevel[] = [
  'alert', // -5
  'bug',
  'crit', // CRIT2
  'crit',
  'error',
  'warn', // 0
  'notice',
  'info',
  'debug', // 3
];

export type LogFormat = 'text' | 'json';

interface PinoLogOptions {
  readonly sink: LogSink;
  readonly format: LogFormat;
  /** `debug`: highest Kamailio level that is written. */
  readonly level: number;
  readonly color?: boolean;
  /** Writes the time of day before text lines. */
  readonly timestamps?: boolean;
  readonly wall: () => number;
  /** Number of the worker, as in Kamailio's ` 0(1234)`. */
  readonly worker?: number;
}

/** What all logs of one server share. */
class Core {
  readonly options: PinoLogOptions;
  readonly moduleLevels = new Map<string, number>();
  readonly children = new Map<string, PinoLog>();
  sink: LogSink;
  format: LogFormat;
  level: number;
  color: boolean;
  prefix: (() => string) | null = null;
  /** Set while the prefix is made: what that logs has none. */
  isInPrefix = false;
  /** Of the entry being written, for the sink. */
  entryLevel = 0;

  constructor(options: PinoLogOptions) {
    this.options = options;
    this.sink = options.sink;
    this.format = options.format;
    this.level = options.level;
    this.color = options.color ?? false;
  }

  /** pino's destination: one JSON line an entry. */
  write(json: string): void {
    const line = json.trimEnd();
    if (this.format === 'json') {
      this.sink.write(line, this.entryLevel);
      return;
    }
    const { timestamps = false, worker = 0 } = this.options;
    const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const text = formatLine(entry, { color: this.color, timestamps, worker, pid: process.pid });
    this.sink.write(text, this.entryLevel);
  }
}

/** The log of one server, or of one of its modules, over pino. */
export class PinoLog implements Log {
  readonly #core: Core;
  readonly #pino: Logger<PinoLevel>;
  readonly #module: string;
  #limit: number;

  private constructor(core: Core, logger: Logger<PinoLevel>, module: string) {
    this.#core = core;
    this.#pino = logger;
    this.#module = module;
    this.#limit = core.moduleLevels.get(module) ?? core.level;
  }

  /** The log of a whole server; its own lines name `<core>`. */
  static create(options: PinoLogOptions): PinoLog {
    const core = new Core(options);
    const logger = pino<PinoLevel>(
      {
        base: options.worker === undefined ? null : { worker: options.worker },
        level: 'debug',
        customLevels: PINO_LEVELS,
        useOnlyCustomLevels: true,
        formatters: { level: (label) => ({ level: label }) },
        timestamp: () => `,"time":${options.wall()}`,
        redact: { paths: REDACTED_FIELDS, censor: '[redacted]' },
      },
      { write: (json: string) => core.write(json) },
    );
    const root = new PinoLog(core, logger, '<core>');
    core.children.set('<core>', root);
    return root;
  }

  isEnabled(level: number): boolean {
    return level <= this.#limit;
  }

  write(level: number, text: string, fields?: LogFields): void {
    if (level <= this.#limit) this.#emit(level, text, fields);
  }

  /** Writes at NOTICE whatever the level: what an administrator must see, such as "ready". */
  always(text: string, fields?: LogFields): void {
    this.#emit(LOG_LEVELS.NOTICE, text, fields);
  }

  alert(text: string, fields?: LogFields): void {
    this.write(LOG_LEVELS.ALERT, text, fields);
  }
  crit(text: string, fields?: LogFields): void {
    this.write(LOG_LEVELS.CRIT, text, fields);
  }
  error(text: string, fields?: LogFields): void {
    this.write(LOG_LEVELS.ERR, text, fields);
  }
  warn(text: string, fields?: LogFields): void {
    this.write(LOG_LEVELS.WARN, text, fields);
  }
  notice(text: string, fields?: LogFields): void {
    this.write(LOG_LEVELS.NOTICE, text, fields);
  }
  info(text: string, fields?: LogFields): void {
    this.write(LOG_LEVELS.INFO, text, fields);
  }
  debug(text: string, fields?: LogFields): void {
    this.write(LOG_LEVELS.DBG, text, fields);
  }

  child(module: string): PinoLog {
    let log = this.#core.children.get(module);
    if (log === undefined) this.#core.children.set(module, (log = new PinoLog(this.#core, this.#pino, module)));
    return log;
  }

  /** The level of the server: `debug`, `cfg.set_now_int core debug`. */
  get level(): number {
    return this.#core.level;
  }

  /** Sets the server's level, or one module's own; null gives a module the server's again. */
  setLevel(module: string | null, level: number | null): void {
    if (module === null) this.#core.level = level ?? this.#core.level;
    else if (level === null) this.#core.moduleLevels.delete(module);
    else this.#core.moduleLevels.set(module, level);
    for (const log of this.#core.children.values()) {
      log.#limit = this.#core.moduleLevels.get(log.#module) ?? this.#core.level;
    }
  }

  /** What stands before each text: `log_prefix`, evaluated for the message at hand; null for none. */
  setPrefix(prefix: (() => string) | null): void {
    this.#core.prefix = prefix;
  }

  setColor(color: boolean): void {
    this.#core.color = color;
  }

  setFormat(format: LogFormat): void {
    this.#core.format = format;
  }

  /** Sends what follows elsewhere (syslog, once the script has said so). */
  setSink(sink: LogSink): void {
    this.close();
    this.#core.sink = sink;
  }

  /** Writes what is queued, before it returns. For `process.on('exit')`. */
  flush(): void {
    this.#core.sink.flush();
  }

  /** Writes what is queued and closes the sink. */
  close(): void {
    this.flush();
    this.#core.sink.close?.();
  }

  #emit(level: number, text: string, fields: LogFields | undefined): void {
    const core = this.#core;
    const name = BY_KAMAILIO_LEVEL[Math.min(3, Math.max(-5, Math.trunc(level))) + 5] ?? 'debug';
    const entry: Record<string, unknown> = { module: this.#module };
    const prefix = this.#prefix();
    if (prefix !== '') entry['prefix'] = prefix;
    for (const [key, value] of Object.entries(fields ?? {}))
      entry[key] = typeof value === 'string' ? clean(value) : value;
    core.entryLevel = level;
    this.#pino[name](entry, clean(text, core.color && core.format === 'text'));
  }

  #prefix(): string {
    const core = this.#core;
    if (core.prefix === null || core.isInPrefix) return '';
    core.isInPrefix = true;
    try {
      return clean(core.prefix());
    } finally {
      core.isInPrefix = false;
    }
  }
}

/** Header values that never reach a log, as fields of this name. */
const REDACTED_FIELDS = [
  'authorization',
  'Authorization',
  '["proxy-authorization"]',
  '["Proxy-Authorization"]',
  'password',
];

/** One line end at the end is dropped: xlog texts have it by habit. `showsColors` lets those of a script pass. */
function clean(text: string, showsColors = false): string {
  const trimmed = text.endsWith('\n') ? text.replace(/\r?\n$/, '') : text;
  return escapeButColors(redactCredentials(toUnicode(trimmed)), showsColors);
}
