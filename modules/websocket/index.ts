import {
  ANY_ROUTE,
  type CommandDef,
  command,
  defineModule,
  intParam,
  type ParamDef,
  readOnly,
  strParam,
} from 'strowger';
import { WEBSOCKET_RPC } from './rpc.ts';
import { statistics } from './stats.ts';
import { WebSocketModule } from './websocket.ts';

const OWN_TIMERS = 'each connection has a timer of its own';
const MSRP = 2;

const close = (args: 'none' | 'status' | 'connection'): CommandDef<WebSocketModule> =>
  args === 'none'
    ? command({
        doc: 'Closes the WebSocket the message came on.',
        args: [],
        routes: ANY_ROUTE,
        run: (run, module: WebSocketModule) => module.close(run.msg.rcv.conId, 1000, 'Normal closure'),
      })
    : args === 'status'
      ? command({
          doc: 'Closes the WebSocket the message came on, with a status and a reason.',
          args: ['int', 'str'],
          argNames: ['status', 'reason'],
          routes: ANY_ROUTE,
          run: (run, module: WebSocketModule, status, reason) => module.close(run.msg.rcv.conId, status, reason),
        })
      : command({
          doc: 'Closes a WebSocket by its id, with a status and a reason.',
          args: ['int', 'str', 'int'],
          argNames: ['status', 'reason', 'connection_id'],
          routes: ANY_ROUTE,
          run: (_run, module: WebSocketModule, status, reason, id) => module.close(id, status, reason),
        });

const PARAMS: Readonly<Record<string, ParamDef>> = {
  keepalive_mechanism: intParam({
    default: 1,
    min: 0,
    max: 3,
    doc: '0 none, 1 ping, 2 pong, 3 (of later versions) nothing is sent either.',
  }),
  keepalive_timeout: intParam({ default: 180, min: 1, doc: 'Seconds without a frame before a keep-alive is sent.' }),
  keepalive_processes: intParam({ default: 1, min: 1, doc: 'Processes for keep-alives.', noEffect: OWN_TIMERS }),
  keepalive_interval: intParam({ default: 1, min: 1, doc: 'Seconds between looks.', noEffect: OWN_TIMERS }),
  timer_interval: intParam({ default: 1, min: 1, doc: 'Seconds between looks for the closed.', noEffect: OWN_TIMERS }),
  rm_delay_interval: intParam({ default: 5, min: 1, doc: 'Seconds that the closing handshake may take.' }),
  ping_application_data: strParam({ default: null, doc: 'Contents of pings and pongs; the Server header by default.' }),
  sub_protocols: intParam({
    default: 1,
    min: 1,
    max: 3,
    doc: 'Sum of 1 sip (RFC 7118), 2 msrp (RFC 7977).',
    check: (value) => ((Number(value) & MSRP) === 0 ? null : 'msrp needs the module msrp, which does not exist here'),
  }),
  cors_mode: intParam({
    default: 0,
    min: 0,
    max: 2,
    doc: 'Access-Control-Allow-Origin of the handshake: 0 none, 1 any, 2 the Origin of the request.',
  }),
  verbose_list: intParam({
    default: 0,
    min: 0,
    max: 1,
    doc: 'Log when lists are made.',
    noEffect: 'no list is made for keep-alives',
  }),
  event_callback: strParam({
    default: null,
    doc: 'KEMI function for events.',
    noEffect: 'there is no KEMI; use event_route[websocket:closed]',
  }),
};

export default defineModule<WebSocketModule>({
  name: 'websocket',
  summary: 'SIP over WebSocket (RFC 7118).',
  depends: ['xhttp?'],
  params: PARAMS,
  commands: {
    ws_handle_handshake: command({
      doc: 'Makes the connection of an HTTP request a WebSocket: 1, or 0 (the script ends) when the handshake is refused.',
      args: [],
      routes: ANY_ROUTE,
      run: (run, module: WebSocketModule) => module.handleHandshake(run),
    }),
    ws_close: [close('none'), close('status'), close('connection')],
  },
  pseudoVariables: {
    ws_conid: readOnly('Id of the WebSocket that was closed, or that the message came on.', (run, module) =>
      module.connectionId(run),
    ),
  },
  rpc: WEBSOCKET_RPC,
  statistics: statistics<WebSocketModule>(),
  eventRoutes: {
    closed: { doc: 'A WebSocket was closed: $ws_conid, $si and $sp tell which.' },
    'xhttp:request': { doc: 'An HTTP request came (run by xhttp): the place for ws_handle_handshake().' },
  },
  init: (ctx) => new WebSocketModule(ctx),
  destroy: (module) => module.stop(),
});
