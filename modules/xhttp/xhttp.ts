import { compilePosix, type ModuleContext, MSG_FLAG, type PosixRegex, ROUTE, type Run, type SipMsg } from 'strowger';
import { asSip, urlOf } from './http-request.ts';

/** What other modules use to answer. */
export interface XhttpApi {
  /**
   * Answers the HTTP request the run is about: 1, or -1 where it is none, has been answered, or what is given can not be
   * sent. An empty content type adds no header.
   */
  reply(run: Run, code: number, reason: string, contentType: string, body: string): number;
}

/** Requests of one connection that wait until the one before is answered; more end the connection. */
const MAX_WAITING = 16;

/** HTTP requests of one server, on their way to event_route[xhttp:request]. */
export class Xhttp {
  readonly #ctx: ModuleContext;
  readonly #skip: PosixRegex | null;
  readonly #match: PosixRegex | null;
  /** By connection: what came while the script still waits for something, so that answers keep their order. */
  readonly #waiting = new Map<number, SipMsg[]>();
  readonly #undo: (() => void)[];

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#skip = regexOf(ctx, 'url_skip');
    this.#match = regexOf(ctx, 'url_match');
    const { hooks } = ctx.server;
    this.#undo = [
      hooks.nonSip.add((msg) => this.#receive(msg)),
      hooks.connectionClosed.add(({ conId }) => void this.#waiting.delete(conId)),
    ];
  }

  stop(): void {
    for (const undo of this.#undo) undo();
  }

  /** False takes the request; one that the URL parameters leave out goes to the next module. */
  #receive(msg: SipMsg): boolean {
    const url = urlOf(msg);
    if (this.#skip?.test(url) === true || this.#match?.test(url) === false) return true;
    const { conId } = msg.rcv;
    const waiting = this.#waiting.get(conId);
    if (waiting === undefined) this.#run(asSip(msg));
    else if (waiting.length < MAX_WAITING) waiting.push(asSip(msg));
    else {
      this.#ctx.log.warn('too many HTTP requests at once: connection closed', { from: msg.rcv.srcIp });
      this.#ctx.server.connections.end(conId);
    }
    return false;
  }

  #run(msg: SipMsg): void {
    const { server } = this.#ctx;
    // The request before it has made it a WebSocket.
    if ((server.connections.get(msg.rcv.conId)?.layer ?? null) !== null) return;
    if (!server.program.event.has('xhttp:request')) {
      server.replies.send(msg, 404, 'Not Found');
      return;
    }
    const result = server.runEventRouteOn('xhttp:request', msg, ROUTE.REQUEST);
    if (typeof result === 'number') return;
    const { conId } = msg.rcv;
    const waiting: SipMsg[] = [];
    this.#waiting.set(conId, waiting);
    const next = (): void => {
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
    };
    void result.then(next, next);
  }

  /** `xhttp_reply(code, reason, ctype, body)` */
  reply(run: Run, code: number, reason: string, contentType: string, body: string): number {
    const { log, server } = this.#ctx;
    const { msg } = run;
    if (!msg.isHttp || (msg.msgFlags & MSG_FLAG.FINAL_REPLY_SENT) !== 0) {
      log.error(msg.isHttp ? 'xhttp_reply: already answered' : 'xhttp_reply: not an HTTP request');
      return -1;
    }
    if (!(code >= 100 && code <= 699) || reason === '') {
      log.error('xhttp_reply: a code from 100 to 699 and a reason are needed', { code, reason });
      return -1;
    }
    const type = contentType === '' ? '' : `Content-Type: ${oneLine(contentType)}\r\n`;
    return server.replies.send(msg, code, oneLine(reason), type, body);
  }
}

/** Nothing that a variable holds begins a header of its own. */
function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/[\r\n]+/g, ' ') : text;
}

function regexOf(ctx: ModuleContext, param: string): PosixRegex | null {
  const source = ctx.str(param);
  if (source === '') return null;
  const compiled = compilePosix(source);
  if (typeof compiled === 'string') throw new Error(`${param}: ${compiled}`);
  return compiled;
}
