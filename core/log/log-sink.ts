import { writeSync } from 'node:fs';

/** Where finished lines go. A line has no line end. */
export interface LogSink {
  write(line: string, level: number): void;
  /** Writes what is queued, before it returns. */
  flush(): void;
  /** Closes what it holds open; nothing is written afterwards. */
  close?(): void;
}

/** A slow reader costs memory up to this, then lines. */
const QUEUE_MAX_BYTES = 1 << 20;

/**
 * Lines to a file descriptor. Those of one turn of the loop leave in one write; `flush` (at exit, and at once for
 * levels of CRIT and below) writes synchronously. When the reader is slower than we are, lines are dropped and counted.
 */
export class FdSink implements LogSink {
  readonly #fd: number;
  #queue = '';
  #isScheduled = false;
  #dropped = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(line: string, level: number): void {
    if (this.#queue.length + line.length > QUEUE_MAX_BYTES) {
      this.#dropped++;
      return;
    }
    this.#queue += `${line}\n`;
    if (level <= -2) this.flush();
    else if (!this.#isScheduled) this.#schedule();
  }

  flush(): void {
    if (this.#queue === '') return;
    const bytes = Buffer.from(this.#queue, 'utf8');
    let at = 0;
    try {
      while (at < bytes.length) at += writeSync(this.#fd, bytes, at);
    } catch (error) {
      const isBusy = (error as NodeJS.ErrnoException).code === 'EAGAIN';
      // A closed pipe or full disk: there is nowhere to say so. A busy one gets the rest in a later turn.
      this.#queue = isBusy ? bytes.subarray(at).toString('utf8') : '';
      if (isBusy) this.#schedule();
      return;
    }
    this.#queue = '';
    if (this.#dropped === 0) return;
    const note = `${this.#dropped} log lines were dropped: the reader of the log is too slow`;
    this.#dropped = 0;
    this.write(note, 0);
  }

  #schedule(): void {
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }
}

/** `log_facility` names of the core cookbook, to syslog's numbers (RFC 3164 §4.1.1). */
const FACILITIES: Readonly<Record<string, number>> = {
  LOG_KERN: 0,
  LOG_USER: 1,
  LOG_MAIL: 2,
  LOG_DAEMON: 3,
  LOG_AUTH: 4,
  LOG_SYSLOG: 5,
  LOG_LPR: 6,
  LOG_NEWS: 7,
  LOG_UUCP: 8,
  LOG_CRON: 9,
  LOG_AUTHPRIV: 10,
  LOG_FTP: 11,
  LOG_LOCAL0: 16,
  LOG_LOCAL1: 17,
  LOG_LOCAL2: 18,
  LOG_LOCAL3: 19,
  LOG_LOCAL4: 20,
  LOG_LOCAL5: 21,
  LOG_LOCAL6: 22,
  LOG_LOCAL7: 23,
};

/** Number of a facility, with or without `LOG_`, in any case; null when there is none of that name. */
export function facilityNumber(name: string): number | null {
  const upper = name.toUpperCase();
  return FACILITIES[upper.startsWith('LOG_') ? upper : `LOG_${upper}`] ?? null;
}

/** Sends one datagram to syslog's socket. Returns null, or the errno's name. */
type SyslogSend = (datagram: string) => string | null;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Lines to syslog as RFC 3164 datagrams, `<PRI>Mmm dd hh:mm:ss name[pid]: text`; what it does not take is lost. */
export class SyslogSink implements LogSink {
  /** 0 … 23. */
  facility: number;
  readonly #send: SyslogSend;
  readonly #ident: string;
  readonly #wall: () => number;
  readonly close: () => void;

  constructor(options: {
    readonly send: SyslogSend;
    readonly ident: string;
    readonly facility: number;
    readonly wall: () => number;
    readonly close?: () => void;
  }) {
    this.close = options.close ?? (() => {});
    this.facility = options.facility;
    this.#send = options.send;
    this.#ident = options.ident;
    this.#wall = options.wall;
  }

  write(line: string, level: number): void {
    const now = new Date(this.#wall());
    const two = (n: number): string => String(n).padStart(2, '0');
    const day = `${MONTHS[now.getMonth()]} ${String(now.getDate()).padStart(2, ' ')}`;
    const time = `${two(now.getHours())}:${two(now.getMinutes())}:${two(now.getSeconds())}`;
    const priority = this.facility * 8 + syslogSeverity(level);
    const text = `<${priority}>${day} ${time} ${this.#ident}: ${line}`;
    this.#send(Buffer.from(text, 'utf8').toString('latin1'));
  }

  flush(): void {
    // each datagram went at once
  }
}

/** Kamailio's level to syslog's severity: ALERT 1, CRIT 2, ERR 3, WARN 4, NOTICE 5, INFO 6, DBG 7. */
function syslogSeverity(level: number): number {
  if (level <= -5) return 1;
  return level <= -2 ? 2 : Math.min(7, level + 4);
}
