import type { Server, SipMsg } from 'strowger';
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
  const stateless = server.replies.sendError;
  server.replies.sendError = (msg) => sendError(tm, msg, stateless);
  tm.onClose = () => {
    for (const undo of detach) undo();
    server.replies.sendError = stateless;
  };
  return tm;
}

/** A script error is answered in the transaction, where there is one. */
function sendError(tm: TmCore, msg: SipMsg, stateless: (msg: SipMsg) => void): void {
  const t = tm.of(msg);
  if (t === null) stateless(msg);
  else tm.replies.reply(t, 500, 'Server Internal Error');
}
