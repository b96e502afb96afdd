import {
  type CommandDef,
  command,
  defineModule,
  FAILURE_ROUTE,
  intParam,
  mergeSum,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
  strParam,
} from 'strowger';
import { SlModule } from './sl.ts';

const REPLY_ROUTES = REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE;

const slSendReply: CommandDef<SlModule> = command({
  doc: 'Sends a reply without a transaction.',
  args: ['int', 'str'],
  argNames: ['code', 'reason'],
  routes: REPLY_ROUTES,
  run: (run: Run, sl: SlModule, code, reason) => sl.sendReply(run, code, reason),
});

const replyError = command({
  doc: 'Sends the error reply that fits the last processing error.',
  args: [],
  routes: REQUEST_ROUTE,
  run: (run: Run, sl: SlModule) => sl.replyError(run),
});

export default defineModule<SlModule>({
  name: 'sl',
  summary: 'Stateless replies (RFC 3261 §8.2.7).',
  depends: ['tm?'],
  params: {
    default_code: intParam({
      default: 500,
      min: 100,
      max: 699,
      doc: 'Code of send_reply where it has none that is usable.',
    }),
    default_reason: strParam({ default: 'Internal Server Error', doc: 'Reason that goes with default_code.' }),
    bind_tm: intParam({
      default: 1,
      min: 0,
      max: 1,
      doc: 'Whether send_reply answers through a transaction where there is one.',
    }),
    rich_redirect: intParam({
      default: 0,
      min: 0,
      max: 3,
      doc: 'Bits: 1 q and expires of contacts in a 3xx, 2 their paths as Route headers.',
    }),
    event_callback_fl_ack: strParam({
      default: null,
      doc: 'KEMI function for ACKs to local replies.',
      noEffect: 'there is no KEMI; use event_route[sl:filtered-ack]',
    }),
    event_callback_lres_sent: strParam({
      default: null,
      doc: 'KEMI function for local replies sent.',
      noEffect: 'there is no KEMI; use event_route[sl:local-response]',
    }),
  },
  commands: {
    sl_send_reply: slSendReply,
    sl_reply: slSendReply,
    send_reply: command({
      doc: 'Answers through the transaction where there is one, else without.',
      args: ['int', 'str'],
      argNames: ['code', 'reason'],
      routes: REPLY_ROUTES,
      run: (run: Run, sl: SlModule, code, reason) => sl.sendReplyAnyhow(run, code, reason),
    }),
    send_reply_mode: command({
      doc: 'As send_reply; mode bit 1 asks for the transaction to be created where there is none.',
      args: ['int', 'str', 'int'],
      argNames: ['code', 'reason', 'mode'],
      routes: REPLY_ROUTES,
      run: (run: Run, sl: SlModule, code, reason, mode) => sl.sendReplyMode(run, code, reason, mode),
    }),
    sl_reply_error: replyError,
    // Its name since Kamailio 5.7, where it uses the transaction: ours always does.
    send_reply_error: replyError,
    sl_forward_reply: [
      command({
        doc: 'Passes a reply on without a transaction.',
        args: ['int?', 'str?'],
        argNames: ['code', 'reason'],
        routes: ONREPLY_ROUTE,
        run: (run: Run, sl: SlModule, code, reason) => sl.forwardReply(run, code, reason),
      }),
    ],
  },
  pseudoVariables: {
    sltag: {
      doc: 'To tag that a stateless reply to this request would have.',
      name: 'none',
      bind: () => ({ get: (run) => run.server.replies.tagFor(run.msg) }),
    },
    ltt: {
      doc: 'To tag of our replies: (s) stateless, (t) of the transaction, null without one, (x) whichever would be used.',
      name: 'required',
      bind: (use) =>
        use.name === 's' || use.name === 't' || use.name === 'x'
          ? { get: (run) => SlModule.localTag(run, use.name) }
          : 'its name is s, t or x',
    },
  },
  statistics: Object.fromEntries(
    [
      '1xx_replies',
      '2xx_replies',
      '3xx_replies',
      '4xx_replies',
      '5xx_replies',
      '6xx_replies',
      '200_replies',
      '202_replies',
      '300_replies',
      '301_replies',
      '302_replies',
      '400_replies',
      '401_replies',
      '403_replies',
      '404_replies',
      '407_replies',
      '408_replies',
      '483_replies',
      '500_replies',
      'sent_replies',
      'sent_err_replies',
      'received_ACKs',
      'failures',
      'xxx_replies',
    ].map((name) => [name, { doc: name.replace('_', ' ') }]),
  ),
  rpc: {
    'sl.stats': {
      scope: 'all',
      merge: mergeSum,
      doc: 'Stateless replies sent, by code.',
      run: (_args, sl: SlModule) => sl.rpcStats(),
    },
  },
  eventRoutes: {
    'filtered-ack': { doc: 'An ACK for a local reply, about to be absorbed.' },
    'local-response': { doc: 'A local reply was sent; $sltag is its tag.' },
  },
  init: (ctx) => new SlModule(ctx),
  api: (sl) => sl.api(),
});
