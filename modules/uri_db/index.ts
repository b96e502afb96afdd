import { command, defineModule, intParam, LOCAL_ROUTE, parseUri, REQUEST_ROUTE, type Run, strParam } from 'strowger';
import { UriChecks } from './uri-checks.ts';

export default defineModule<UriChecks>({
  name: 'uri_db',
  summary: 'Compares users of URIs with the authenticated one, and looks them up in a table.',
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: {
    db_url: strParam({ default: 'mysql://kamailioro:kamailioro@localhost/kamailio', doc: 'Database with the table.' }),
    db_table: strParam({ default: 'subscriber', doc: 'Table: subscriber, or uri where use_uri_table is set.' }),
    user_column: strParam({ default: 'username', doc: 'Column with the user.' }),
    domain_column: strParam({ default: 'domain', doc: 'Column with the domain.' }),
    uriuser_column: strParam({ default: 'uri_user', doc: 'Column with the user part of a URI that the user may use.' }),
    use_uri_table: intParam({ default: 0, doc: 'Whether the table says which URIs a user may use.' }),
    use_domain: intParam({ default: 0, doc: 'Whether does_uri_exist looks at the domain too.' }),
  },
  commands: {
    check_to: command({
      doc: 'Whether the user of To is the authenticated one, or one that he may use.',
      args: [],
      routes: REQUEST_ROUTE,
      isAsync: true,
      run: (run: Run, checks: UriChecks) => checks.check(run, run.msg.to?.uri ?? null),
    }),
    check_from: command({
      doc: 'The same for From.',
      args: [],
      routes: REQUEST_ROUTE,
      isAsync: true,
      run: (run: Run, checks: UriChecks) => checks.check(run, run.msg.from?.uri ?? null),
    }),
    check_uri: [
      command({
        doc: 'The same for a URI.',
        args: ['text'],
        argNames: ['uri'],
        routes: REQUEST_ROUTE,
        isAsync: true,
        run: (run: Run, checks: UriChecks, uri) => checks.check(run, parseUri(uri(run) ?? '')),
      }),
      command({
        doc: 'The same for a URI and a user of whom the script knows.',
        args: ['text', 'text', 'text'],
        argNames: ['uri', 'username', 'realm'],
        routes: REQUEST_ROUTE,
        isAsync: true,
        run: (run: Run, checks: UriChecks, uri, username, realm) =>
          checks.checkUser(uri(run) ?? '', username(run) ?? '', realm(run) ?? ''),
      }),
    ],
    does_uri_exist: command({
      doc: 'Whether the user of the Request-URI is in the table.',
      args: [],
      routes: REQUEST_ROUTE | LOCAL_ROUTE,
      isAsync: true,
      run: (run: Run, checks: UriChecks) => checks.exists(run),
    }),
  },
  init: (ctx) => UriChecks.open(ctx),
  destroy: (checks) => checks.close(),
});
