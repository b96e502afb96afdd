import { command, defineModule, ROUTE } from 'strowger';
import { b2buaApi } from './api.ts';
import { Calls } from './calls.ts';
import { B2BUA_PARAMS } from './settings.ts';

export default defineModule<Calls>({
  name: 'b2bua',
  summary: 'Calls as a back-to-back user agent: two dialogs, joined.',
  depends: ['tm'],
  params: B2BUA_PARAMS,
  commands: {
    b2b_call: command({
      doc: 'Calls the destination set and joins caller and callee: 1 on its way, -1 not a new INVITE, -5 beyond max_calls.',
      args: [],
      routes: ROUTE.REQUEST,
      run: (run, calls: Calls) => calls.bridge(run),
    }),
  },
  init: (ctx) => new Calls(ctx),
  onReply: (msg, calls) => calls.onReply(msg),
  destroy: (calls) => calls.close(),
  api: b2buaApi,
});
