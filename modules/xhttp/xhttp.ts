import { HttpRequests, httpAsSip, type ModuleContext, MSG_FLAG, ROUTE, type Run, type SipMsg } from 'strowger';

/** HTTP requests of one server, on their way to event_route[xhttp:request]. */
export class Xhttp {
  readonly #ctx: ModuleContext;
  readonly #requests: HttpRequests;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#requests = new HttpRequests({
      server: ctx.server,
      log: ctx.log,
      skip: ctx.str('url_skip'),
      match: ctx.str('url_match'),
      accept: (msg) => httpAsSip(msg),
      run: (msg) => this.#run(msg),
    });
  }

  stop(): void {
    this.#requests.stop();
  }

  #run(msg: SipMsg): number | Promise<number> {
    const { server } = this.#ctx;
    if (server.program.event.has('xhttp:request')) return server.runEventRouteOn('xhttp:request', msg, ROUTE.REQUEST);
    server.replies.send(msg, 404, 'Not Found');
    return 0;
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
