import { type CommandDef, command, ROUTE, type Run } from 'strowger';
import { armedOf } from './armed.ts';
import { ANYWHERE, ARMING, REQUESTS } from './commands-state.ts';
import { loadContacts, nextContactFlow, nextContacts } from './contacts.ts';
import type { TmCore } from './core.ts';
import { stateOf } from './msg-state.ts';
import { sendText } from './rpc.ts';

/** Commands that set timers, order contacts and send requests of our own. */
export const OTHER_COMMANDS: Readonly<Record<string, CommandDef<TmCore> | readonly CommandDef<TmCore>[]>> = {
  t_set_fr: command({
    doc: 'Sets fr_inv_timer and fr_timer (ms) of this transaction or the one to come; 0 leaves one as it is.',
    args: ['int', 'int?'],
    argNames: ['fr_inv', 'fr'],
    routes: ARMING,
    run: (run: Run, tm: TmCore, frInv, fr) => {
      tm.setTimers(run.msg, fr ?? 0, frInv);
      return 1;
    },
  }),
  t_reset_fr: command({
    doc: "Puts these timers back to the module's.",
    args: [],
    routes: ARMING,
    run: (run: Run, tm: TmCore) => {
      tm.setTimers(run.msg, tm.settings.frMs, tm.settings.frInvMs);
      return 1;
    },
  }),
  t_set_retr: command({
    doc: 'Sets T1 and T2 (ms) of this transaction or the one to come; 0 leaves one as it is.',
    args: ['int', 'int'],
    argNames: ['t1', 't2'],
    routes: ARMING,
    run: (run: Run, tm: TmCore, t1, t2) => {
      setRetransmission(run, tm, t1, t2);
      return 1;
    },
  }),
  t_reset_retr: command({
    doc: "Puts T1 and T2 back to the module's.",
    args: [],
    routes: ARMING,
    run: (run: Run, tm: TmCore) => {
      setRetransmission(run, tm, tm.settings.retrT1Ms, tm.settings.retrT2Ms);
      return 1;
    },
  }),
  t_set_max_lifetime: command({
    doc: 'Sets how long (ms) this transaction or the one to come may wait in all; 0 leaves a time as it is.',
    args: ['int', 'int'],
    argNames: ['invite', 'other'],
    routes: ARMING,
    run: (run: Run, tm: TmCore, invite, other) => {
      setLife(run, tm, invite, other);
      return 1;
    },
  }),
  t_reset_max_lifetime: command({
    doc: "Puts these times back to the module's.",
    args: [],
    routes: ARMING,
    run: (run: Run, tm: TmCore) => {
      setLife(run, tm, tm.settings.maxInvLifeMs, tm.settings.maxNoninvLifeMs);
      return 1;
    },
  }),
  t_save_lumps: command({
    doc: 'Failure routes start from the request as it is now, not as t_relay() finds it.',
    args: [],
    routes: REQUESTS,
    run: (run: Run, tm: TmCore) => {
      const t = tm.of(run.msg);
      if (t === null || t.request !== run.msg) return -1;
      t.relayed = stateOf(run.msg);
      return 1;
    },
  }),
  t_load_contacts: command({
    doc: 'Moves the destination set into contacts_avp, ordered by q (1: drawn with q as weight).',
    args: ['int?'],
    argNames: ['mode'],
    routes: REQUESTS | ROUTE.FAILURE,
    run: (run: Run, tm: TmCore, mode) => loadContacts(run, tm, mode ?? 0),
  }),
  t_next_contacts: command({
    doc: 'Makes the next contacts of one q the destination set; -2 when none are left.',
    args: [],
    routes: REQUESTS | ROUTE.FAILURE,
    run: (run: Run, tm: TmCore) => nextContacts(run, tm),
  }),
  t_next_contact_flow: command({
    doc: 'Makes another flow of the failed instance the destination; -2 when none is left.',
    args: [],
    routes: REQUESTS | ROUTE.BRANCH_FAILURE,
    run: (run: Run, tm: TmCore) => nextContactFlow(run, tm),
  }),
  t_uac_send: command({
    doc: 'Sends a request of our own; its reply is not waited for.',
    args: ['str', 'str', 'str', 'str', 'str', 'str'],
    argNames: ['method', 'ruri', 'nexthop', 'socket', 'headers', 'body'],
    routes: ANYWHERE,
    run: (_run: Run, tm: TmCore, method, uri, nextHop, socket, rows, body) => {
      const problem = sendText(tm, { method, uri, nextHop, socket, rows, body }, () => {});
      if (problem === null) return 1;
      tm.server.log.error(`tm: t_uac_send(): ${problem}`);
      return -1;
    },
  }),
  t_write_req: command({
    doc: 'Writes what there is to know of the request into a FIFO, for another program.',
    args: ['const-str', 'const-str'],
    argNames: ['path', 'action[/append]'],
    routes: REQUESTS | ROUTE.FAILURE,
    check: ([, action], tm: TmCore) => (action === undefined ? null : tm.external.checkAction(String(action))),
    run: (run: Run, tm: TmCore, path, action) => tm.external.writeFifo(run, path, action),
  }),
  t_write_unix: command({
    doc: 'The same to a Unix datagram socket.',
    args: ['const-str', 'const-str'],
    argNames: ['path', 'action[/append]'],
    routes: REQUESTS | ROUTE.FAILURE,
    check: ([, action], tm: TmCore) => (action === undefined ? null : tm.external.checkAction(String(action))),
    run: (run: Run, tm: TmCore, path, action) => tm.external.writeUnix(run, path, action),
  }),
  t_clean: command({
    doc: 'Ends transactions that should have ended long ago.',
    args: [],
    routes: ANYWHERE,
    run: (_run: Run, tm: TmCore) => {
      tm.clean();
      return 1;
    },
  }),
};

/** Branches that wait go on with the new intervals after their next retransmission. */
function setRetransmission(run: Run, tm: TmCore, t1: number, t2: number): void {
  const t = tm.of(run.msg);
  const on = t ?? armedOf(run.msg);
  const oldT2 = t?.retrT2Ms ?? 0;
  if (t1 > 0) on.retrT1Ms = t1;
  if (t2 > 0) on.retrT2Ms = t2;
  if (t === null) return;
  for (const branch of t.branches) {
    if (!branch.isWaiting || branch.isReliable) continue;
    const isAtT2 = branch.intervalMs >= oldT2;
    // The interval is doubled when the timer fires.
    branch.intervalMs = (isAtT2 ? t.retrT2Ms : t.retrT1Ms) / 2;
  }
}

function setLife(run: Run, tm: TmCore, inviteMs: number, otherMs: number): void {
  const t = tm.of(run.msg);
  if (t === null) {
    const armed = armedOf(run.msg);
    if (inviteMs > 0) armed.maxInvLifeMs = inviteMs;
    if (otherMs > 0) armed.maxNoninvLifeMs = otherMs;
    return;
  }
  const lifeMs = t.isInvite ? inviteMs : otherMs;
  if (lifeMs <= 0) return;
  t.endOfLifeMs = t.createdMs + lifeMs;
  for (const branch of t.branches) branch.capToLife();
}
