import { defineModule } from 'strowger';
import { UL_PARAMS } from './params.ts';
import { Usrloc } from './usrloc.ts';

export default defineModule<Usrloc>({
  name: 'usrloc',
  summary: 'Keeps the contacts of registered users.',
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: UL_PARAMS,
  statistics: {
    registered_users: { doc: 'AORs with contacts, of all tables.', get: (usrloc) => usrloc.registeredUsers },
  },
  init: (ctx) => new Usrloc(ctx),
  api: (usrloc) => usrloc,
});
