import type { Log } from '../log/log.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import { compilePosix } from '../script/posix-cache.ts';
import type { PosixRegex } from '../script/posix-regex.ts';
import type { Server } from '../server.ts';

/** Requests of one connection that wait until the one before is answered; more end the connection. */
const MAX_WAITING = 16;

export interface HttpRequestsOptions {
  readonly server: Server;
  readonly log: Log;
  /** Which URLs a module takes: none that fits `skip`, and of the others those that fit `match`. POSIX; '' for any. */
  readonly skip: string;
  readonly match: string;
  /** The message as the script will see it; null leaves it to the next module. */
  readonly accept: (msg: SipMsg) => SipMsg | null;
  /** Runs the script for one. */
  readonly run: (msg: SipMsg) => number | Promise<number>;
}

/**
 * The HTTP requests that a module takes, each connection's in their order: one whose script waits holds up those behind it.
 * Throws where an expression is none.
 */
export class HttpRequests {
  readonly #options: HttpRequestsOptions;
  readonly #skip: PosixRegex | null;
  readonly #match: PosixRegex | null;
  /** By connection: what came while the script still waits for something. */
  readonly #waiting = new Map<number, SipMsg[]>();
  readonly #undo: readonly (() => void)[];

  constructor(options: HttpRequestsOptions) {
    this.#options = options;
    this.#skip = regexOf('url_skip', options.skip);
    this.#match = regexOf('url_match', options.match);
    const { hooks } = options.server;
    this.#undo = [
      hooks.nonSip.add((msg) => this.#receive(msg)),
      hooks.connectionClosed.add(({ conId }) => void this.#waiting.delete(conId)),
    ];
  }

  stop(): void {
    for (const undo of this.#undo) undo();
  }

  /** False takes the request. */
  #receive(msg: SipMsg): boolean {
    const url = msg.originalUri;
    if (this.#skip?.test(url) === true || this.#match?.test(url) === false) return true;
    const { accept, log, server } = this.#options;
    const accepted = accept(msg);
    if (accepted === null) return true;
    const { conId } = msg.rcv;
    const waiting = this.#waiting.get(conId);
    if (waiting === undefined) this.#run(accepted);
    else if (waiting.length < MAX_WAITING) waiting.push(accepted);
    else {
      log.warn('too many HTTP requests at once: connection closed', { from: msg.rcv.srcIp });
      server.connections.end(conId);
    }
    return false;
  }

  #run(msg: SipMsg): void {
    const { conId } = msg.rcv;
    // The request before it has made it a WebSocket.
    if ((this.#options.server.connections.get(conId)?.layer ?? null) !== null) return;
    const result = this.#options.run(msg);
    if (typeof result === 'number') return;
    const waiting: SipMsg[] = [];
    this.#waiting.set(conId, waiting);
    const next = (): void => this.#next(conId, waiting);
    void result.then(next, next);
  }

  #next(conId: number, waiting: SipMsg[]): void {
    if (this.#waiting.get(conId) !== waiting) return;
    this.#waiting.delete(conId);
    for (let msg = waiting.shift(); msg !== undefined; msg = waiting.shift()) {
      this.#run(msg);
      // One that waits again has made a queue of its own.
      const later = this.#waiting.get(conId);
      if (later === undefined) continue;
      later.push(...waiting);
      return;
    }
  }
}

function regexOf(param: string, source: string): PosixRegex | null {
  if (source === '') return null;
  const compiled = compilePosix(source);
  if (typeof compiled === 'string') throw new Error(`${param}: ${compiled}`);
  return compiled;
}
