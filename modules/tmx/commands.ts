import { type CommandDef, command, ROUTE, type Run } from 'strowger';
import type { Tmx } from './tmx.ts';

const ANYWHERE = 1023;

function routeTest(doc: string, kinds: number): CommandDef<Tmx> {
  return command({ doc, args: [], routes: ANYWHERE, run: (run: Run) => ((run.routeType & kinds) !== 0 ? 1 : -1) });
}

/** tmx's commands. */
export const TMX_COMMANDS: Readonly<Record<string, CommandDef<Tmx>>> = {
  t_cancel_branches: command({
    doc: "Cancels branches: 'all', 'others' than the one whose reply this is, or 'this'.",
    args: ['str'],
    argNames: ['which'],
    routes: ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY,
    check: ([which]) =>
      which === undefined || ['all', 'others', 'this'].includes(String(which))
        ? null
        : "takes 'all', 'others' or 'this'",
    run: (run: Run, tmx: Tmx, which) => cancelBranches(run, tmx, which),
  }),
  t_cancel_callid: command({
    doc: 'Cancels the INVITE of a Call-ID and CSeq number, sets a message flag of it, gives a cause in Reason.',
    args: ['str', 'int', 'int', 'int?'],
    argNames: ['callid', 'cseq', 'flag', 'rcode'],
    routes: ANYWHERE,
    run: (_run: Run, tmx: Tmx, callId, cseq, flag, code) => {
      const t = tmx.api.byCall(callId, cseq);
      if (t === null || !t.isInvite) return -1;
      if (flag > 0 && flag < 32) t.request.flags |= 1 << flag;
      return tmx.api.cancel(t, code === undefined || code <= 0 ? '' : `Reason: SIP;cause=${code}\r\n`) ? 1 : -1;
    },
  }),
  t_reply_callid: command({
    doc: 'Answers the request of a Call-ID and CSeq number.',
    args: ['str', 'int', 'int', 'str'],
    argNames: ['callid', 'cseq', 'code', 'reason'],
    routes: ANYWHERE,
    run: (_run: Run, tmx: Tmx, callId, cseq, code, reason) => {
      const t = tmx.api.byCall(callId, cseq);
      return t !== null && !t.isLocal ? tmx.api.reply(t.request, code, reason) : -1;
    },
  }),
  t_flush_flags: command({
    doc: 'Message flags set since the transaction began are the transaction’s, too.',
    args: [],
    routes: ANYWHERE,
    run: (run: Run, tmx: Tmx) => flush(run, tmx, 'flags'),
  }),
  t_flush_xflags: command({
    doc: 'As t_flush_flags(), for extended flags.',
    args: [],
    routes: ANYWHERE,
    run: (run: Run, tmx: Tmx) => flush(run, tmx, 'xflags'),
  }),
  t_is_failure_route: routeTest('True in a failure route.', ROUTE.FAILURE),
  t_is_branch_route: routeTest('True in a branch route.', ROUTE.BRANCH),
  t_is_reply_route: routeTest('True in an onreply route.', ROUTE.TM_ONREPLY | ROUTE.CORE_ONREPLY),
  t_is_request_route: routeTest('True in the request route.', ROUTE.REQUEST),
  t_suspend: command({
    doc: 'Keeps the transaction waiting for t_continue(), creating it where there is none; $T(id_index) and $T(id_label) name it.',
    args: [],
    routes: ANYWHERE,
    run: (run: Run, tmx: Tmx) => (tmx.api.suspend(run) === null ? -1 : 1),
  }),
  t_continue: command({
    doc: 'Goes on with a suspended transaction in route[name], as if in a failure route.',
    args: ['int', 'int', 'str'],
    argNames: ['tindex', 'tlabel', 'rtname'],
    routes: ANYWHERE,
    run: (_run: Run, tmx: Tmx, index, label, name) => {
      const t = tmx.api.byId(index, label);
      const route = t?.program.routes.get(name);
      return t !== null && route !== undefined && tmx.api.resume(t, route) ? 1 : -1;
    },
  }),
  t_reuse_branch: command({
    doc: 'Makes the failed branch the Request-URI again.',
    args: [],
    routes: ROUTE.BRANCH_FAILURE | ROUTE.EVENT,
    run: (run: Run, tmx: Tmx) => (tmx.tm.reuseBranch(run) ? 1 : -1),
  }),
  t_precheck_trans: command({
    doc: 'True when the request is being processed already: never, such requests do not reach the script.',
    args: [],
    routes: ROUTE.REQUEST | ROUTE.EVENT,
    run: () => -1,
  }),
  t_drop: command({
    doc: 'Ends the transaction without a reply; the code (500) is what it counts as.',
    args: ['int?'],
    argNames: ['rcode'],
    routes: ANYWHERE,
    run: (run: Run, tmx: Tmx, code) => {
      const t = tmx.of(run);
      if (t === null) return -1;
      tmx.tm.release(t);
      t.status = code ?? 500;
      tmx.tm.stats.completed(t.status);
      return 1;
    },
  }),
};

function cancelBranches(run: Run, tmx: Tmx, which: string): number {
  const t = tmx.of(run);
  if (t === null || !t.isInvite) return -1;
  for (const branch of t.branches.slice()) {
    const isThis = branch.index === run.branch;
    if (which === 'all' || (which === 'this') === isThis) tmx.tm.cancels.branch(branch, '');
  }
  return 1;
}

/** The flags a later route starts from are those the request was relayed with: they take over the present ones. */
function flush(run: Run, tmx: Tmx, kind: 'flags' | 'xflags'): number {
  const t = tmx.of(run);
  if (t === null || !run.msg.isRequest) return -1;
  if (kind === 'flags') t.request.flags = run.msg.flags;
  else t.request.xflags = run.msg.xflags === null ? null : [...run.msg.xflags];
  if (t.relayed !== null)
    t.relayed = kind === 'flags' ? { ...t.relayed, flags: run.msg.flags } : { ...t.relayed, xflags: run.msg.xflags };
  return 1;
}
