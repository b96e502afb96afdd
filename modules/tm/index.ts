import {
  BRANCH_ROUTE,
  type CommandDef,
  command,
  defineModule,
  FAILURE_ROUTE,
  METHOD,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  ROUTE,
  type Run,
} from 'strowger';
import { armedOf, TmCore } from './core.ts';
import { optionsOf, TM_PARAMS, timingOf } from './settings.ts';

const ARMING = REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE | ROUTE.TM_ONREPLY;
const ANY = REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE | BRANCH_ROUTE;

/** t_on_failure, t_on_reply, t_on_branch: on the transaction where there is one, else kept for the one to come. */
function arming(
  kind: 'onFailure' | 'onReply' | 'onBranch',
  route: 'failure-route' | 'onreply-route' | 'branch-route',
  doc: string,
): CommandDef<TmCore> {
  return command({
    doc,
    args: [route],
    argNames: ['route'],
    routes: ARMING,
    run: (run: Run, tm: TmCore, name) => {
      const t = tm.of(run.msg);
      (t ?? armedOf(run.msg))[kind] = name === '0' ? '' : name;
      return 1;
    },
  });
}

export default defineModule<TmCore>({
  name: 'tm',
  summary: 'Transactions: stateful forwarding, forking, failure routes (RFC 3261 §16, §17).',
  params: TM_PARAMS,
  commands: {
    t_relay: command({
      doc: 'Sends the request on statefully.',
      args: [],
      routes: REQUEST_ROUTE | FAILURE_ROUTE,
      isAsync: true,
      run: (run: Run, tm: TmCore) => tm.relay.relay(run),
    }),
    t_newtran: command({
      doc: 'Creates the transaction.',
      args: [],
      routes: REQUEST_ROUTE,
      run: (run: Run, tm: TmCore) => {
        const known = tm.of(run.msg);
        if (known !== null) {
          if (known.request === run.msg) return -1;
          if (run.msg.method === METHOD.ACK) known.acknowledge();
          else known.absorb();
          return 0;
        }
        if (run.msg.method === METHOD.ACK) return -1;
        tm.create(run);
        return 1;
      },
    }),
    t_check_trans: command({
      doc: 'Looks for the transaction of this message: absorbs retransmissions, finds the INVITE of a CANCEL or ACK.',
      args: [],
      routes: ANY,
      run: (run: Run, tm: TmCore) => {
        const msg = run.msg;
        if (msg.method === METHOD.CANCEL) return tm.table.find(msg, METHOD.INVITE) === null ? -1 : 1;
        const t = tm.of(msg);
        if (t === null) return msg.method === METHOD.ACK && tm.replies.inviteOfAck(msg) !== null ? 1 : -1;
        if (msg.method === METHOD.ACK) return t.acknowledge() ? 0 : 1;
        if (t.request === msg) return 1;
        t.absorb();
        return 0;
      },
    }),
    t_on_failure: arming('onFailure', 'failure-route', 'Failure route to run when all branches have failed.'),
    t_on_reply: arming('onReply', 'onreply-route', 'Onreply route to run for each reply.'),
    t_on_branch: arming('onBranch', 'branch-route', 'Branch route to run for each branch before it is sent.'),
    t_is_canceled: command({
      doc: 'True when the call has been cancelled.',
      args: [],
      routes: ANY,
      run: (run: Run, tm: TmCore) => (tm.of(run.msg)?.isCanceled === true ? 1 : -1),
    }),
    t_check_status: command({
      doc: 'True when the status matches.',
      args: ['dyn-regex'],
      argNames: ['regex'],
      routes: ANY,
      run: (run: Run, tm: TmCore, re) => {
        const t = tm.of(run.msg);
        const status = run.msg.isRequest
          ? t === null
            ? 0
            : run.routeType === ROUTE.FAILURE
              ? (t.branches[t.winner]?.status ?? t.status)
              : t.status
          : run.msg.status;
        return re.test(String(status)) ? 1 : -1;
      },
    }),
    t_reply: command({
      doc: 'Answers the transaction.',
      args: ['int', 'str'],
      argNames: ['code', 'reason'],
      routes: REQUEST_ROUTE | FAILURE_ROUTE | ONREPLY_ROUTE,
      run: (run: Run, tm: TmCore, code, reason) => {
        const t = tm.of(run.msg);
        return t !== null && tm.replies.reply(t, code, reason) ? 1 : -1;
      },
    }),
  },
  init: (ctx) => new TmCore(ctx.server, timingOf(ctx), optionsOf(ctx)),
  onReply: (msg, tm) => tm.replies.received(msg),
});
