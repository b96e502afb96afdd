import { defineModule } from 'strowger';
import { b2buaApi } from './api.ts';
import { Calls } from './calls.ts';
import { CALL_COMMANDS } from './commands-call.ts';
import { B2BUA_EVENTS } from './events.ts';
import { B2BUA_PARAMS } from './settings.ts';
import { B2BUA_VARIABLES } from './variables.ts';

export default defineModule<Calls>({
  name: 'b2bua',
  summary: 'Calls as a back-to-back user agent: two dialogs, joined.',
  depends: ['tm'],
  params: B2BUA_PARAMS,
  commands: { ...CALL_COMMANDS },
  pseudoVariables: B2BUA_VARIABLES,
  eventRoutes: B2BUA_EVENTS,
  init: (ctx) => new Calls(ctx),
  onReply: (msg, calls) => calls.onReply(msg),
  destroy: (calls) => calls.close(),
  api: b2buaApi,
});
