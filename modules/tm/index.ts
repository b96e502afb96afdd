import { defineModule } from 'strowger';
import { tmApi } from './api.ts';
import { attach } from './attach.ts';
import { RELAY_COMMANDS } from './commands-relay.ts';
import { STATE_COMMANDS } from './commands-state.ts';
import { OTHER_COMMANDS } from './commands-timers.ts';
import { TmCore } from './core.ts';
import { TM_RPC } from './rpc.ts';
import { TM_PARAMS, TmSettings } from './settings.ts';

export default defineModule<TmCore>({
  name: 'tm',
  summary: 'Transactions: stateful forwarding, forking, failure routes (RFC 3261 §16, §17).',
  params: TM_PARAMS,
  commands: { ...RELAY_COMMANDS, ...STATE_COMMANDS, ...OTHER_COMMANDS },
  rpc: TM_RPC,
  eventRoutes: {
    'local-request': { doc: 'A request of our own is about to be sent; drop keeps it back.' },
    'local-response': { doc: 'A reply made here has been sent in a transaction.' },
    'tm:branch-failure:*': { doc: 'A branch armed with t_on_branch_failure() failed.' },
  },
  init: (ctx) => attach(ctx.server, new TmCore(ctx.server, TmSettings.of(ctx))),
  onReply: (msg, tm) => tm.replies.received(msg),
  reload(tm) {
    tm.settings.refresh();
    return [];
  },
  destroy: (tm) => tm.close(),
  api: (tm) => tmApi(tm),
});
