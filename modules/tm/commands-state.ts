import { type CommandDef, command, METHOD, ROUTE, type Run } from 'strowger';
import { armedOf } from './armed.ts';
import type { ClientBranch } from './branch.ts';
import type { TmCore } from './core.ts';
import { T_FLAG, type Transaction } from './transaction.ts';

/** Routes in which most of these are allowed (Kamailio: tm, "can be used in"). */
export const ARMING =
  ROUTE.REQUEST | ROUTE.FAILURE | ROUTE.TM_ONREPLY | ROUTE.BRANCH | ROUTE.LOCAL | ROUTE.BRANCH_FAILURE | ROUTE.EVENT;
/** For commands about requests. Event routes run on requests, too. */
export const REQUESTS = ROUTE.REQUEST | ROUTE.EVENT;
export const ANYWHERE = 1023;

/** t_on_failure and its like: on the transaction where there is one, else kept for the one to come; "0" takes it back. */
function arming(
  kind: 'onFailure' | 'onReply' | 'onBranch' | 'onBranchFailure',
  arg: 'failure-route' | 'onreply-route' | 'branch-route' | 'str',
  doc: string,
): CommandDef<TmCore> {
  return command({
    doc,
    args: [arg],
    argNames: ['route'],
    routes: ARMING,
    run: (run: Run, tm: TmCore, name) => {
      (tm.of(run.msg) ?? armedOf(run.msg))[kind] = name === '0' ? '' : name;
      return 1;
    },
  });
}

/** A switch of the transaction, or of the one to come. */
function switching(bit: number, doc: string, isInverted = false): CommandDef<TmCore> {
  return command({
    doc,
    args: ['int'],
    argNames: ['on'],
    routes: ARMING,
    run: (run: Run, tm: TmCore, value) => {
      (tm.of(run.msg) ?? armedOf(run.msg)).setFlag(bit, (value !== 0) !== isInverted);
      return 1;
    },
  });
}

function test(doc: string, is: (run: Run, t: Transaction, tm: TmCore) => boolean, routes = ARMING): CommandDef<TmCore> {
  return command({
    doc,
    args: [],
    routes,
    run: (run: Run, tm: TmCore) => {
      const t = tm.of(run.msg);
      return t !== null && is(run, t, tm) ? 1 : -1;
    },
  });
}

/** The branch a failure route, branch failure route or onreply route is about. */
export function branchOf(run: Run, t: Transaction): ClientBranch | undefined {
  return t.branches[run.branch >= 0 ? run.branch : t.winner];
}

/** Status that counts in this route: the reply's, the winner's in a failure route, else the last one sent. */
export function statusOf(run: Run, t: Transaction | null): number {
  if (!run.msg.isRequest) return run.msg.status;
  if (t === null) return 0;
  if (run.routeType === ROUTE.FAILURE || run.routeType === ROUTE.BRANCH_FAILURE)
    return branchOf(run, t)?.status ?? t.status;
  return t.status;
}

/** Commands that look at transactions, arm routes and set switches. */
export const STATE_COMMANDS: Readonly<Record<string, CommandDef<TmCore> | readonly CommandDef<TmCore>[]>> = {
  t_on_failure: arming('onFailure', 'failure-route', 'Failure route to run when all branches have failed.'),
  t_on_branch_failure: arming(
    'onBranchFailure',
    'str',
    'event_route[tm:branch-failure:NAME] to run when a branch fails, whatever the others do.',
  ),
  t_on_reply: arming('onReply', 'onreply-route', 'Onreply route to run for each reply.'),
  t_on_branch: arming('onBranch', 'branch-route', 'Branch route to run for each branch before it is sent.'),
  t_is_set: command({
    doc: 'True when such a route is armed.',
    args: ['str'],
    argNames: ['target'],
    routes: ANYWHERE,
    check: ([target]) =>
      target === undefined || IS_SET.has(String(target)) ? null : `takes ${[...IS_SET.keys()].join(', ')}`,
    run: (run: Run, tm: TmCore, target) => {
      const kind = IS_SET.get(target);
      return kind !== undefined && (tm.of(run.msg) ?? armedOf(run.msg))[kind] !== '' ? 1 : -1;
    },
  }),
  t_set_auto_inv_100: {
    ...switching(T_FLAG.NO_AUTO_100, 'Whether t_relay sends 100 by itself.', true),
    routes: REQUESTS,
  },
  t_set_disable_6xx: switching(T_FLAG.DISABLE_6XX_BLOCK, '1: a 6xx is treated as any other failure.'),
  t_set_disable_failover: switching(T_FLAG.DISABLE_FAILOVER, '1: no further address of a name is tried.'),
  t_set_no_e2e_cancel_reason: switching(
    T_FLAG.NO_E2E_CANCEL_REASON,
    "1: Reason headers of the caller's CANCEL stay here.",
  ),
  t_disable_e2e_cancel_reason: switching(T_FLAG.NO_E2E_CANCEL_REASON, 'Older name of t_set_no_e2e_cancel_reason().'),
  t_set_disable_internal_reply: switching(T_FLAG.DISABLE_INTERNAL_REPLY, '1: no reply is made up when relaying fails.'),
  t_lookup_request: command({
    doc: 'True when the request has a transaction.',
    args: [],
    routes: REQUESTS,
    run: (run: Run, tm: TmCore) => (tm.of(run.msg) === null ? -1 : 1),
  }),
  t_exists: command({
    doc: 'True when the message has a transaction: a request as such or as an ACK, a reply by its branch.',
    args: [],
    routes: ANYWHERE,
    run: ({ msg }: Run, tm: TmCore) => {
      const isKnown = tm.of(msg) !== null || (msg.method === METHOD.ACK && tm.replies.inviteOfAck(msg) !== null);
      return isKnown ? 1 : -1;
    },
  }),
  t_lookup_cancel: command({
    doc: 'True when the INVITE of a CANCEL has a transaction; 1: with its message flags.',
    args: ['int?'],
    argNames: ['flags'],
    routes: REQUESTS,
    run: (run: Run, tm: TmCore, withFlags) => {
      const invite = tm.table.find(run.msg, METHOD.INVITE);
      if (invite === null) return -1;
      if (withFlags === 1) run.msg.flags = invite.request.flags;
      return 1;
    },
  }),
  t_check_trans: command({
    doc: 'Looks for the transaction of this message: ends the script for retransmissions and ACKs of negative replies.',
    args: [],
    routes: REQUESTS | ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY | ROUTE.BRANCH,
    run: checkTrans,
  }),
  t_check_status: command({
    doc: 'True when the status matches: of the reply, in a failure route of the best one, else of the last one sent.',
    args: ['dyn-regex'],
    argNames: ['regex'],
    routes: ANYWHERE,
    run: (run: Run, tm: TmCore, regex) => (regex.test(String(statusOf(run, tm.of(run.msg)))) ? 1 : -1),
  }),
  t_grep_status: command({
    doc: 'True when a branch has been answered with this status.',
    args: ['int'],
    argNames: ['code'],
    routes: ARMING,
    run: (run: Run, tm: TmCore, code) =>
      tm.of(run.msg)?.branches.some((branch) => branch.status === code && branch.wasReplied) === true ? 1 : -1,
  }),
  t_get_status_code: command({
    doc: 'The status of the transaction as result; -1 when there is none.',
    args: [],
    routes: REQUESTS | ROUTE.FAILURE | ROUTE.BRANCH | ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY,
    run: (run: Run, tm: TmCore) => statusOf(run, tm.of(run.msg)) || -1,
  }),
  t_is_canceled: test('True when the caller has cancelled.', (_run, t) => t.isCanceled),
  t_is_expired: test('True when max_inv_lifetime or max_noninv_lifetime is over.', (_run, t) => t.isExpired),
  t_is_retr_async_reply: test(
    'True while another reply of the transaction is suspended.',
    (_run, t) => t.hasFlag(T_FLAG.REPLY_SUSPENDED),
    ROUTE.TM_ONREPLY,
  ),
  t_branch_timeout: test(
    'True when the branch the route is about timed out.',
    (run, t) => branchOf(run, t)?.hasTimedOut === true,
    ROUTE.FAILURE | ROUTE.BRANCH_FAILURE | ROUTE.EVENT,
  ),
  t_branch_replied: test(
    'True when the branch the route is about has been answered before.',
    (run, t) => branchOf(run, t)?.wasReplied === true,
    ROUTE.FAILURE | ROUTE.BRANCH_FAILURE | ROUTE.EVENT,
  ),
  t_any_timeout: test('True when a branch timed out.', (_run, t) => t.branches.some((branch) => branch.hasTimedOut)),
  t_any_replied: test('True when a branch has been answered before.', (_run, t) =>
    t.branches.some((b) => b.wasReplied)),
  t_drop_replies: command({
    doc: "Which replies the next leg of serial forking forgets: 'a' (or none) all, 'l' those of the last leg, 'n' none.",
    args: ['str?'],
    argNames: ['mode'],
    routes: ROUTE.FAILURE | ROUTE.BRANCH_FAILURE | ROUTE.EVENT,
    run: (run: Run, tm: TmCore, mode) => {
      const t = tm.of(run.msg);
      if (t === null) return -1;
      t.dropMode = mode === 'n' ? 0 : mode === 'l' ? 2 : 3;
      return 1;
    },
  }),
};

const IS_SET: ReadonlyMap<string, 'onFailure' | 'onReply' | 'onBranch' | 'onBranchFailure'> = new Map([
  ['branch_route', 'onBranch'],
  ['failure_route', 'onFailure'],
  ['onreply_route', 'onReply'],
  ['branch_failure_route', 'onBranchFailure'],
]);

/** See Kamailio: tm, t_check_trans: 1 known, -1 not, 0 tm has dealt with the message and the script ends. */
function checkTrans(run: Run, tm: TmCore): number {
  const { msg } = run;
  if (!msg.isRequest) return tm.of(msg) === null ? -1 : 1;
  if (msg.method === METHOD.CANCEL) return tm.table.find(msg, METHOD.INVITE) === null ? -1 : 1;
  const t = tm.of(msg);
  if (msg.method === METHOD.ACK) return checkAck(run, tm, t);
  if (t === null) return -1;
  if (run.routeType === ROUTE.BRANCH) return 1;
  t.absorb();
  return 0;
}

function checkAck(run: Run, tm: TmCore, hop: Transaction | null): number {
  if (hop?.acknowledge() === true) return 0;
  const invite = hop ?? tm.replies.inviteOfAck(run.msg);
  if (invite === null) return -1;
  if (!invite.hasFlag(T_FLAG.LOCAL_2XX)) return 1;
  invite.acknowledge();
  return 0;
}
