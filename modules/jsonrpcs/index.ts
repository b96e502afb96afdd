import { isAbsolute, join } from 'node:path';
import {
  ANY_ROUTE,
  answer,
  command,
  defineModule,
  dispatchJsonRpc,
  intParam,
  type JsonRpcOutcome,
  type Log,
  type ModuleContext,
  type ParamDef,
  parseJson,
  REQUEST_ROUTE,
  ROUTE,
  RpcMany,
  type RpcParam,
  type RpcRegistry,
  type RpcValue,
  type Run,
  runJsonRpc,
  strParam,
} from 'strowger';
import type { XhttpApi } from '../xhttp/api.ts';
import {
  type JsonTransport,
  listenFifo,
  listenUdp,
  listenUnixDatagram,
  parseUdp,
  type TransportContext,
} from './transports.ts';

/** Bits of the parameter `transport`. */
const HTTP = 1;
const FIFO = 2;
const DATAGRAM = 4;

interface JsonRpcState {
  readonly rpc: RpcRegistry;
  readonly isPretty: boolean;
  readonly xhttp: XhttpApi | undefined;
  readonly log: Log;
  readonly transports: JsonTransport[];
}

/** Key of a run's last `jsonrpc_exec` in `run.locals`. */
const LAST = {};
interface LastReply extends JsonRpcOutcome {
  readonly body: string;
}

const owner = (doc: string): ParamDef => ({ type: 'func', default: '', doc });

export default defineModule<JsonRpcState>({
  name: 'jsonrpcs',
  summary: 'RPC over JSON-RPC 2.0: FIFO, datagrams, HTTP.',
  depends: ['xhttp?'],
  params: {
    pretty_format: intParam({ default: 1, doc: 'Lay answers out over lines.' }),
    transport: intParam({ default: 6, min: 0, max: 7, doc: 'Sum of 1 HTTP, 2 FIFO, 4 datagram; 0 all that can be.' }),
    fifo_name: strParam({ default: 'kamailio_rpc.fifo', doc: 'FIFO to read; relative to the run folder.' }),
    fifo_mode: intParam({ default: 0o660, min: 0, max: 0o777, doc: 'Permissions of the FIFO.' }),
    fifo_user: owner('Owner of the FIFO, name or number.'),
    fifo_group: owner('Group of the FIFO, name or number.'),
    fifo_reply_dir: strParam({ default: '/tmp/', doc: 'Folder of the FIFOs answers are written to.' }),
    dgram_socket: strParam({
      default: 'kamailio_rpc.sock',
      doc: 'Unix datagram socket (relative to the run folder), or udp:ADDRESS:PORT.',
    }),
    dgram_workers: intParam({
      default: 1,
      min: 1,
      doc: 'Processes that read datagrams.',
      noEffect: 'one event loop reads all datagrams',
    }),
    dgram_mode: intParam({ default: 0o660, min: 0, max: 0o777, doc: 'Permissions of the Unix socket.' }),
    dgram_user: owner('Owner of the Unix socket, name or number.'),
    dgram_group: owner('Group of the Unix socket, name or number.'),
    dgram_timeout: intParam({ default: 2000, min: 0, doc: 'How long to try to send an answer, milliseconds.' }),
  },
  commands: {
    jsonrpc_dispatch: command({
      doc: 'Runs the JSON-RPC document in the body of an HTTP request and answers it; -1 when it can not.',
      args: [],
      routes: REQUEST_ROUTE | ROUTE.EVENT,
      isAsync: true,
      run: dispatchHttp,
    }),
    jsonrpc_exec: command({
      doc: 'Runs a JSON-RPC document; what it answers is in $jsonrpl(…). -1 when it is no JSON.',
      args: ['str'],
      argNames: ['document'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: exec,
    }),
  },
  pseudoVariables: {
    jsonrpl: {
      doc: 'Answer to the last jsonrpc_exec() of this run: code, text or body.',
      name: 'required',
      bind: ({ name }) => {
        switch (name) {
          case 'code':
            return { get: (run) => lastReply(run)?.code ?? 0 };
          case 'text':
            return { get: (run) => lastReply(run)?.message ?? null };
          case 'body':
            return { get: (run) => lastReply(run)?.body ?? null };
          case null:
          default:
            return 'code, text or body expected';
        }
      },
    },
  },
  rpc: {
    'jsonrpc.echo': {
      doc: 'Returns back its parameters, with their types.',
      params: ['value…'],
      run: (args) => new RpcMany(args.all.map(asValue)),
    },
  },
  eventRoutes: { 'xhttp:request': { doc: 'An HTTP request came (run by xhttp): the place for jsonrpc_dispatch().' } },

  init(ctx) {
    const xhttp = ctx.optionalApi<XhttpApi>('xhttp');
    if ((ctx.int('transport') & HTTP) !== 0 && xhttp === undefined) {
      throw new Error('transport has HTTP (1) in it, but the module xhttp is not loaded');
    }
    return {
      rpc: ctx.server.rpc,
      isPretty: ctx.int('pretty_format') !== 0,
      xhttp,
      log: ctx.log,
      transports: [],
    };
  },

  async childInit(state, ctx) {
    if (ctx.server.workerIndex !== 0) return;
    const { rpc, isPretty, log, transports } = state;
    const context: TransportContext = { rpc, isPretty, log, clock: ctx.server.clock };
    const chosen = ctx.int('transport') || HTTP | FIFO | DATAGRAM;
    if ((chosen & FIFO) !== 0 && ctx.str('fifo_name') !== '') {
      const access = { mode: ctx.int('fifo_mode'), user: ctx.str('fifo_user'), group: ctx.str('fifo_group') };
      transports.push(await listenFifo(inRunFolder(ctx, 'fifo_name'), ctx.str('fifo_reply_dir'), access, context));
    }
    if ((chosen & DATAGRAM) !== 0 && ctx.str('dgram_socket') !== '') await openDatagram(state, ctx, context);
    for (const { place } of transports) log.info(`JSON-RPC at ${place}`);
  },

  async destroy({ transports }) {
    await Promise.all(transports.splice(0).map((transport) => transport.close()));
  },
});

async function openDatagram(
  { transports, log }: JsonRpcState,
  ctx: ModuleContext,
  context: TransportContext,
): Promise<void> {
  const udp = parseUdp(ctx.str('dgram_socket'));
  if (udp !== null) {
    transports.push(await listenUdp(udp.host, udp.port, context));
    return;
  }
  const access = { mode: ctx.int('dgram_mode'), user: ctx.str('dgram_user'), group: ctx.str('dgram_group') };
  const path = inRunFolder(ctx, 'dgram_socket');
  try {
    transports.push(listenUnixDatagram(path, access, ctx.int('dgram_timeout'), context));
  } catch (error) {
    // Without the addon Node has no Unix datagrams. One that the script asks for by name must not be missing silently.
    const text = `no JSON-RPC over Unix datagrams: ${(error as Error).message}`;
    if (ctx.isSet('dgram_socket')) log.warn(text);
    else log.notice(text);
  }
}

function inRunFolder(ctx: ModuleContext, param: string): string {
  const path = ctx.str(param);
  return isAbsolute(path) ? path : join(ctx.server.runtimeDir, path);
}

function lastReply(run: Run): LastReply | undefined {
  return run.locals?.get(LAST) as LastReply | undefined;
}

async function exec(run: Run, { rpc, isPretty }: JsonRpcState, document: string): Promise<number> {
  const parsed = parseJson(document);
  if (parsed === undefined) return -1;
  const outcome = await runJsonRpc(rpc, parsed);
  run.locals ??= new Map();
  run.locals.set(LAST, { ...outcome, body: answer(outcome, isPretty) });
  return 1;
}

async function dispatchHttp(run: Run, { rpc, isPretty, xhttp, log }: JsonRpcState): Promise<number> {
  if (xhttp === undefined) {
    log.error('jsonrpc_dispatch() needs the module xhttp');
    return -1;
  }
  const parsed = parseJson(run.msg.body);
  const reply = (code: number, reason: string, body: string): number =>
    xhttp.reply(run, code, reason, 'application/json', body);
  if (parsed === undefined) {
    reply(400, 'Bad Request', await dispatchJsonRpc(rpc, run.msg.body, isPretty));
    return -1;
  }
  if (Array.isArray(parsed)) return reply(200, 'OK', await dispatchJsonRpc(rpc, run.msg.body, isPretty));
  const outcome = await runJsonRpc(rpc, parsed);
  // A fault's code and text are the response's, as in Kamailio; those of JSON-RPC itself are no HTTP codes.
  const isHttpCode = outcome.code >= 200 && outcome.code <= 699;
  return reply(isHttpCode ? outcome.code : 400, outcome.message, answer(outcome, isPretty));
}

function asValue(param: RpcParam): RpcValue {
  return param;
}
