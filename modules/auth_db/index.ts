import {
  ANY_ROUTE,
  type CommandDef,
  command,
  defineModule,
  intParam,
  REQUEST_ROUTE,
  type Run,
  strParam,
} from 'strowger';
import { AuthDb } from './auth-db.ts';
import { parseLoadCredentials } from './load-credentials.ts';

/**
 * Notes a table that is written as a constant, for the check of versions at start. As in Kamailio those of `auth_check` and
 * `is_subscriber` are not: they may be views, or tables that nobody lists in `version`.
 */
function noteTable(values: readonly (string | number | undefined)[], state: AuthDb | undefined): null {
  const table = values[1];
  if (typeof table === 'string' && table !== '') state?.tables.add(table);
  return null;
}

const authenticate = (target: 'www' | 'proxy', header: string): CommandDef<AuthDb> =>
  command({
    doc: `Checks ${header} with the password in a table.`,
    args: ['text', 'str', 'text?'],
    argNames: ['realm', 'table', 'method'],
    routes: REQUEST_ROUTE,
    isAsync: true,
    check: noteTable,
    run: (run: Run, db: AuthDb, realm, table, method) =>
      db.authenticate(run, target, realm(run) ?? '', table, method?.(run) ?? undefined),
  });

const wwwAuthenticate = authenticate('www', 'Authorization');
const proxyAuthenticate = authenticate('proxy', 'Proxy-Authorization');

export default defineModule<AuthDb>({
  name: 'auth_db',
  summary: 'Authenticates against a table of subscribers.',
  depends: ['auth', 'db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: {
    db_url: strParam({
      default: 'mysql://kamailioro:kamailioro@localhost/kamailio',
      doc: 'Database with the subscribers.',
    }),
    user_column: strParam({ default: 'username', doc: 'Column with the user.' }),
    domain_column: strParam({ default: 'domain', doc: 'Column with the domain.' }),
    password_column: strParam({ default: 'ha1', doc: 'Column with HA1, or with the password (calculate_ha1).' }),
    password_column_2: strParam({
      default: 'ha1b',
      doc: 'Column with the HA1 of username@domain, for clients that send one.',
    }),
    calculate_ha1: intParam({ default: 0, doc: '0: the column holds HA1; 1: the password in plain text.' }),
    use_domain: intParam({ default: 0, doc: 'Whether a subscriber is looked up by the domain too.' }),
    load_credentials: strParam({
      default: '',
      doc: 'Columns that are put into AVPs: `$avp(name)=column;column`.',
      check(value) {
        const parsed = parseLoadCredentials(String(value));
        return typeof parsed === 'string' ? parsed : null;
      },
    }),
    version_table: intParam({ default: 1, doc: 'Whether the versions of tables are checked at start.' }),
    force_generate_avps: intParam({ default: 0, doc: 'Whether AVPs are set though the password is wrong.' }),
  },
  commands: {
    www_authenticate: wwwAuthenticate,
    www_authorize: wwwAuthenticate,
    proxy_authenticate: proxyAuthenticate,
    proxy_authorize: proxyAuthenticate,
    auth_check: command({
      doc: 'Checks Authorization of REGISTER, Proxy-Authorization of any other request; with flag 1 the user too.',
      args: ['text', 'str', 'int'],
      argNames: ['realm', 'table', 'flags'],
      routes: REQUEST_ROUTE,
      isAsync: true,
      run: (run: Run, db: AuthDb, realm, table, flags) => db.check(run, realm(run) ?? '', table, flags),
    }),
    is_subscriber: command({
      doc: 'Whether there is a subscriber of a URI; its attributes are loaded unless flag 2 is set. Flag 1: by domain too.',
      args: ['text', 'str', 'int'],
      argNames: ['uri', 'table', 'flags'],
      routes: ANY_ROUTE,
      isAsync: true,
      run: (run: Run, db: AuthDb, uri, table, flags) => db.isSubscriber(run, uri(run) ?? '', table, flags),
    }),
  },
  init: (ctx) => AuthDb.open(ctx),
  childInit: (db) => db.checkVersions(),
  destroy: (db) => db.close(),
});
