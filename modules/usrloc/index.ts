import { defineModule, ROUTE, Run } from 'strowger';
import { UL_PARAMS } from './params.ts';
import { UL_RPC } from './rpc.ts';
import { UL_DB_RPC } from './rpc-db.ts';
import { Usrloc } from './usrloc.ts';

export default defineModule<Usrloc>({
  name: 'usrloc',
  summary: 'Keeps the contacts of registered users.',
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: UL_PARAMS,
  rpc: { ...UL_RPC, ...UL_DB_RPC },
  statistics: {
    registered_users: { doc: 'AORs with contacts, of all tables.', get: (usrloc) => usrloc.registeredUsers },
  },
  procs: [{ name: 'USRLOC Timer', start: (usrloc) => usrloc.startTimer() }],
  init: (ctx) => new Usrloc(ctx),
  childInit: (usrloc) => usrloc.start(),
  onReply(msg, usrloc) {
    const { server } = usrloc.ctx;
    return !usrloc.keepalives.takes(msg, () => new Run(server, server.program, msg, ROUTE.CORE_ONREPLY));
  },
  destroy: (usrloc) => usrloc.stop(),
  api: (usrloc) => usrloc,
});
