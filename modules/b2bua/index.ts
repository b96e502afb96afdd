import { defineModule, SDP_VARIABLE } from 'strowger';
import { b2buaApi } from './api.ts';
import { Calls } from './calls.ts';
import { CALL_COMMANDS } from './commands-call.ts';
import { LIMIT_COMMANDS } from './commands-limit.ts';
import { B2BUA_EVENTS } from './events.ts';
import { CALL_RPC } from './rpc.ts';
import { PEER_RPC } from './rpc-peers.ts';
import { VERB_RPC } from './rpc-verbs.ts';
import { B2BUA_PARAMS } from './settings.ts';
import { B2BUA_STATISTICS } from './statistics.ts';
import { B2BUA_VARIABLES } from './variables.ts';
import { PEER_VARIABLES } from './variables-peer.ts';
import { REFER_VARIABLES } from './variables-refer.ts';
import { POLICY_COMMANDS } from './verbs-policy.ts';
import { SEND_COMMANDS } from './verbs-send.ts';
import { TALK_COMMANDS } from './verbs-talk.ts';

export default defineModule<Calls>({
  name: 'b2bua',
  summary: 'Calls as a back-to-back user agent: two dialogs, joined.',
  depends: ['tm', 'usrloc?', 'uac?', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: B2BUA_PARAMS,
  commands: { ...CALL_COMMANDS, ...LIMIT_COMMANDS, ...POLICY_COMMANDS, ...TALK_COMMANDS, ...SEND_COMMANDS },
  pseudoVariables: { ...B2BUA_VARIABLES, ...PEER_VARIABLES, ...REFER_VARIABLES, sdp: SDP_VARIABLE },
  eventRoutes: B2BUA_EVENTS,
  rpc: { ...CALL_RPC, ...PEER_RPC, ...VERB_RPC },
  statistics: B2BUA_STATISTICS,
  procs: [{ name: 'b2bua peers', start: (calls) => calls.watchPeers() }],
  async init(ctx) {
    const calls = new Calls(ctx);
    await calls.open();
    return calls;
  },
  async childInit(calls) {
    calls.openMedia();
    await calls.adoptStored();
  },
  onReply: (msg, calls) => calls.onReply(msg),
  reload: (calls) => calls.reload(),
  destroy: (calls) => calls.close(),
  api: b2buaApi,
});
