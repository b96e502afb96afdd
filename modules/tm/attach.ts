import type { Server } from 'strowger';
import type { TmCore } from './core.ts';

/** Connects the transaction layer with its server. */
export function attach(server: Server, tm: TmCore): TmCore {
  const max = server.settings.int('max_branches');
  if (max > 0) tm.maxBranches = max;
  const detach = [
    server.hooks.requestIn.add((msg) => tm.admits(msg)),
    server.hooks.requestDone.add((msg) => tm.requestDone(msg)),
  ];
  server.openTransactions = () => tm.stats.active;
  server.onRequestWaits = (msg) => tm.waiting.begins(msg);
  server.onWaitingCancelled = (run, cancel) => tm.waiting.cancelled(run, cancel);
  // A failed run is answered in its transaction, where there is one.
  const stateless = server.replies.sendError;
  server.replies.sendError = (msg, code = 500, reason = 'Server Internal Error', headers = '') => {
    const t = tm.of(msg);
    if (t === null) stateless(msg, code, reason, headers);
    else tm.replies.reply(t, code, reason, headers);
  };
  tm.onClose = () => {
    for (const undo of detach) undo();
    server.replies.sendError = stateless;
    server.onRequestWaits = null;
    server.onWaitingCancelled = null;
  };
  return tm;
}
