import { defineModule } from 'strowger';
import { dialogApi } from './api.ts';
import { COMMANDS } from './commands.ts';
import { PROFILE_COMMANDS } from './commands-profile.ts';
import { needContext } from './context.ts';
import { DialogModule } from './module.ts';
import { DIALOG_PARAMS } from './params.ts';
import { RPC } from './rpc.ts';
import { VARIABLES } from './variables.ts';

export default defineModule<DialogModule>({
  name: 'dialog',
  summary: 'Follows calls: their state, lifetime, profiles and variables; ends them.',
  depends: ['tm', 'rr', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: DIALOG_PARAMS,
  commands: { ...COMMANDS, ...PROFILE_COMMANDS },
  pseudoVariables: VARIABLES,
  rpc: RPC,
  statistics: {
    active_dialogs: { doc: 'Calls that are answered and not over.', get: ({ dialogs }) => dialogs.activeShown },
    early_dialogs: { doc: 'Calls that ring.', get: ({ dialogs }) => dialogs.earlyShown },
    processed_dialogs: { doc: 'Dialogs since the start.' },
    expired_dialogs: { doc: 'Dialogs whose time was over.' },
    failed_dialogs: { doc: 'Calls that were not answered.' },
  },
  eventRoutes: {
    start: { doc: 'A call was answered; the message is the reply.' },
    end: { doc: 'A call is over: the message is the BYE, or made up where it ends by our doing.' },
    failed: { doc: 'A call was not answered; the message is the reply, or made up where it is ours.' },
    timeout: { doc: 'Allowed, as in Kamailio, and never run.' },
  },
  init: (ctx) => new DialogModule(ctx),
  childInit: (module) => module.start(),
  destroy: (module) => module.stop(),
  api: ({ dialogs }) =>
    dialogApi(dialogs, (msg, dialog) => {
      needContext(msg).dialog = dialog;
    }),
});
