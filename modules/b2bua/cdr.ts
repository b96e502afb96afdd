import type { ModuleContext } from 'strowger';
import type { Call } from './call.ts';
import { type CdrSink, DbSink, FileSink, LogSink } from './cdr-sinks.ts';
import type { Leg } from './leg.ts';
import { isDatabase, pathOf } from './peer-source.ts';

/** A leg of a call detail record. Times are ISO 8601 in UTC, null where it did not come to that. */
export interface CdrLeg {
  readonly id: string;
  /** `in`: it called us; `out`: we called it. */
  readonly dir: 'in' | 'out';
  readonly uri: string;
  readonly target: string;
  readonly callid: string;
  readonly peer: string;
  readonly status: number;
  readonly start: string;
  readonly answer: string | null;
  readonly end: string | null;
}

/** What is written of a call, once, when it has ended. */
export interface Cdr {
  readonly id: string;
  readonly start: string;
  readonly answer: string | null;
  readonly end: string;
  /** Seconds from the answer to the end; 0 where it was not answered. */
  readonly duration: number;
  /** Milliseconds from the start to the answer; 0 where it was not answered. */
  readonly setup_ms: number;
  /** Final status of the first leg. */
  readonly status: number;
  readonly cause: string;
  readonly caller: string;
  readonly callee: string;
  readonly ruri: string;
  /** The limit that refused it or a leg of it. */
  readonly limit: string;
  /** The call that a leg of it went on to, after a transfer. */
  readonly continued_in: string;
  /** `$b2b_ctx(…)`. */
  readonly vars: Readonly<Record<string, string | number>>;
  readonly legs: readonly CdrLeg[];
}

/** Status of a call: what its first leg was told or told us last. */
export function statusOf(call: Call): number {
  return call.legs[0]?.status || call.status;
}

/** The record of a call that has ended, or ends now. */
export function cdrOf(call: Call): Cdr {
  const endedMs = call.endedMs || call.server.clock.now();
  const isAnswered = call.answeredMs !== 0;
  const { request } = call;
  const timeOf = timesOf(call);
  return {
    id: call.id,
    start: timeOf(call.startedMs),
    answer: isAnswered ? timeOf(call.answeredMs) : null,
    end: timeOf(endedMs),
    duration: isAnswered ? (endedMs - call.answeredMs) / 1000 : 0,
    setup_ms: isAnswered ? call.answeredMs - call.startedMs : 0,
    status: statusOf(call),
    cause: call.cause || 'server stopped',
    caller: request?.from?.uriText ?? '',
    callee: request?.to?.uriText ?? '',
    ruri: request?.originalUri ?? '',
    limit: call.limit,
    continued_in: call.continuedIn,
    vars: Object.fromEntries(call.variables),
    legs: call.legs.map((leg) => legOf(leg, timeOf)),
  };
}

function legOf(leg: Leg, timeOf: (ms: number) => string): CdrLeg {
  return {
    id: leg.id,
    dir: leg.role === 'uas' ? 'in' : 'out',
    uri: leg.dialog.remote,
    target: leg.dialog.remoteTarget,
    callid: leg.dialog.callId,
    peer: leg.peerName,
    status: leg.status,
    start: timeOf(leg.startedMs),
    answer: leg.answeredMs !== 0 ? timeOf(leg.answeredMs) : null,
    end: leg.endedMs !== 0 ? timeOf(leg.endedMs) : null,
  };
}

/** Makes texts of times of the clock, which counts from anywhere. */
function timesOf({ server: { clock } }: Call): (ms: number) => string {
  const wallMs = clock.wall() - clock.now();
  return (ms) => new Date(wallMs + ms).toISOString();
}

/** Writes each call down once, to where `cdr_sink` says. Nobody waits for it. */
export class CdrWriter {
  readonly #ctx: ModuleContext;
  readonly #onLost: () => void;
  readonly #sink: CdrSink | null;
  readonly #where: string;

  constructor(ctx: ModuleContext, onLost: () => void) {
    this.#ctx = ctx;
    this.#onLost = onLost;
    this.#where = ctx.str('cdr_sink');
    this.#sink = this.#sinkOf(this.#where);
  }

  /** The parameter is another than at the start. */
  get isChanged(): boolean {
    return this.#ctx.str('cdr_sink') !== this.#where;
  }

  #sinkOf(text: string): CdrSink | null {
    const { log, server } = this.#ctx;
    const lost = (error: unknown, id: string): void => {
      this.#onLost();
      log.error(`a CDR is lost: ${(error as Error).message}`, { call: id });
    };
    if (text === '') return null;
    if (text === 'log') return new LogSink(log);
    if (isDatabase(text)) return new DbSink(server.db, text, lost);
    return new FileSink(pathOf(text, server.scriptFolder), lost);
  }

  /** Opens what is written to; rejects where that can not be. */
  async open(): Promise<void> {
    await this.#sink?.open();
  }

  write(call: Call): void {
    this.#sink?.write(cdrOf(call));
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#sink?.close();
  }
}
