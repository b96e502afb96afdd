import { command, defineModule, intParam, REQUEST_ROUTE, type Run, strParam } from 'strowger';
import { SpeedDial } from './speed-dial.ts';

export default defineModule<SpeedDial>({
  name: 'speeddial',
  summary: "Looks users' short numbers up in a database.",
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  params: {
    db_url: strParam({
      default: 'mysql://kamailioro:kamailioro@localhost/kamailio',
      doc: 'Database with the short numbers.',
    }),
    user_column: strParam({ default: 'username', doc: 'Column with the user whose number it is.' }),
    domain_column: strParam({ default: 'domain', doc: "Column with that user's domain." }),
    sd_user_column: strParam({ default: 'sd_username', doc: 'Column with the short number.' }),
    sd_domain_column: strParam({ default: 'sd_domain', doc: 'Column with the domain it is dialled at.' }),
    new_uri_column: strParam({ default: 'new_uri', doc: 'Column with the URI it stands for.' }),
    domain_prefix: strParam({ default: null, doc: 'Taken off the front of domains before they are looked up.' }),
    use_domain: intParam({
      default: 0,
      min: 0,
      max: 2,
      doc: "1: look up by the owner's domain too; 2: and by that of the Request-URI.",
    }),
  },
  commands: {
    sd_lookup: command({
      doc: 'Replaces a Request-URI that is a short number of the caller, or of the owner given.',
      args: ['str', 'text?'],
      argNames: ['table', 'owner'],
      routes: REQUEST_ROUTE,
      isAsync: true,
      run: (run: Run, speedDial: SpeedDial, table, owner) => speedDial.lookup(run, table, owner?.(run)),
    }),
  },
  init: (ctx) => SpeedDial.open(ctx),
  destroy: (speedDial) => speedDial.close(),
});
