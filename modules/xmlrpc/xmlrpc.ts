import {
  HttpRequests,
  httpAsSip,
  type ModuleContext,
  MSG_FLAG,
  ROUTE,
  RpcFault,
  RpcMany,
  type RpcParam,
  type RpcReply,
  Run,
  type ScriptRoute,
  type SipMsg,
} from 'strowger';
import { faultDocument, resultDocument } from './answer.ts';
import { parseMethodCall } from './document.ts';

/** What Kamailio makes of the URL, so that it is one of SIP. */
const URI = 'sip:127.0.0.1:9';

/** XML-RPC of one server. */
export class XmlRpc {
  readonly #ctx: ModuleContext;
  readonly #requests: HttpRequests | null;
  readonly #escapeCr: boolean;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#escapeCr = ctx.int('escape_cr') !== 0;
    this.#requests =
      ctx.int('mode') === 1
        ? null
        : new HttpRequests({
            server: ctx.server,
            log: ctx.log,
            skip: ctx.str('url_skip'),
            match: ctx.str('url_match'),
            accept: (msg) => (/^(?:GET|POST)$/.test(msg.methodName) ? httpAsSip(msg, URI) : null),
            run: (msg) => this.#run(msg),
          });
  }

  stop(): void {
    this.#requests?.stop();
  }

  /** The route for requests, or the main one. */
  #route(): ScriptRoute | null {
    const { program } = this.#ctx.server;
    const name = this.#ctx.str('route');
    if (name === '') return program.request;
    const route = program.routes.get(name);
    if (route === undefined) this.#ctx.log.error(`there is no route[${name}] (parameter route)`);
    return route ?? null;
  }

  /** A route that returns less than 0 closes the connection, as in Kamailio. */
  #run(msg: SipMsg): number | Promise<number> {
    const { server } = this.#ctx;
    const route = this.#route();
    if (route === null) {
      server.replies.send(msg, 404, 'Not Found');
      return 0;
    }
    const run = new Run(server, server.program, msg, ROUTE.REQUEST);
    const done = (bits: number): number => {
      if (run.rc < 0 && (msg.msgFlags & MSG_FLAG.FINAL_REPLY_SENT) === 0) server.connections.end(msg.rcv.conId);
      return bits;
    };
    const result = server.execute(route, run);
    return typeof result === 'number' ? done(result) : result.then(done);
  }

  /** `dispatch_rpc()`: 1 when an answer, a result or a fault, has been sent; -1 when none could be. */
  async dispatch(run: Run): Promise<number> {
    const call = parseMethodCall(run.msg.body, this.#ctx.int('double_lf_to_crlf') !== 0);
    if (typeof call === 'string') return this.#send(run, faultDocument(400, call, this.#escapeCr));
    try {
      const reply = await this.#call(call.method, call.params);
      return this.#send(run, resultDocument(reply, this.#escapeCr));
    } catch (error) {
      const fault = error instanceof RpcFault ? error : new RpcFault(500, 'internal error');
      return this.#send(run, faultDocument(fault.code, fault.message, this.#escapeCr));
    }
  }

  async #call(method: string, params: readonly RpcParam[]): Promise<RpcReply> {
    const { rpc } = this.#ctx.server;
    const [first] = params;
    switch (method) {
      case 'system.listMethods':
        return new RpcMany(rpc.names().sort());
      case 'system.methodHelp': {
        const found = typeof first === 'string' ? rpc.find(first) : undefined;
        if (found === undefined) throw new RpcFault(400, 'command not found');
        return found.doc;
      }
      case 'system.methodSignature':
        throw new RpcFault(500, 'Not Implemented Yet');
      default:
        if (rpc.find(method) === undefined) throw new RpcFault(500, 'Method Not Found');
        return await rpc.call(method, params);
    }
  }

  /** `xmlrpc_reply(code, reason)`: a fault from 300 on, else success. */
  reply(run: Run, code: number, reason: string): number {
    return this.#send(
      run,
      code >= 300 ? faultDocument(code, reason, this.#escapeCr) : resultDocument(undefined, this.#escapeCr),
    );
  }

  #send({ msg }: Run, body: string): number {
    return this.#ctx.server.replies.send(msg, 200, 'OK', 'Content-Type: text/xml\r\n', body);
  }
}
