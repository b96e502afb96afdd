import {
  BRANCH_ROUTE,
  command,
  defineModule,
  FAILURE_ROUTE,
  intParam,
  LOCAL_ROUTE,
  ONREPLY_ROUTE,
  REQUEST_ROUTE,
  type Run,
  strParam,
} from 'strowger';
import { Aliases } from './aliases.ts';

/** Letters that alias_db_lookup and alias_db_find know. */
function checkFlags(at: number): (values: readonly (string | number | undefined)[]) => string | null {
  return (values) => {
    const flags = values[at];
    return flags === undefined || /^[dru]*$/.test(String(flags)) ? null : `flags are d, r and u, not "${flags}"`;
  };
}

export default defineModule<Aliases>({
  name: 'alias_db',
  summary: 'Looks aliases of users up in a database.',
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: {
    db_url: strParam({
      default: 'mysql://kamailioro:kamailioro@localhost/kamailio',
      doc: 'Database with the aliases.',
    }),
    user_column: strParam({ default: 'username', doc: 'Column with the user.' }),
    domain_column: strParam({ default: 'domain', doc: "Column with the user's domain." }),
    alias_user_column: strParam({ default: 'alias_username', doc: 'Column with the user part of the alias.' }),
    alias_domain_column: strParam({ default: 'alias_domain', doc: 'Column with the domain of the alias.' }),
    use_domain: intParam({ default: 0, doc: 'Whether an alias is looked up by its domain too.' }),
    domain_prefix: strParam({ default: null, doc: 'Taken off the front of the domain before it is looked up.' }),
    append_branches: intParam({ default: 0, doc: 'Whether further users of an alias become branches.' }),
  },
  commands: {
    alias_db_lookup: command({
      doc: 'Replaces a Request-URI that is an alias by the user it stands for.',
      args: ['str', 'str?'],
      argNames: ['table', 'flags'],
      routes: REQUEST_ROUTE | FAILURE_ROUTE,
      isAsync: true,
      check: checkFlags(1),
      run: (run: Run, aliases: Aliases, table, flags) => aliases.lookup(run, table, flags ?? ''),
    }),
    alias_db_find: command({
      doc: 'Looks a URI up and puts what it stands for into a variable.',
      args: ['str', 'text', 'pvw', 'str?'],
      argNames: ['table', 'uri', 'variable', 'flags'],
      routes: REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE | LOCAL_ROUTE | ONREPLY_ROUTE,
      isAsync: true,
      check: checkFlags(3),
      run: (run: Run, aliases: Aliases, table, uri, variable, flags) =>
        aliases.find(table, uri(run) ?? '', (value) => variable.set(run, value), flags ?? ''),
    }),
  },
  init: (ctx) => Aliases.open(ctx),
  destroy: (aliases) => aliases.close(),
});
