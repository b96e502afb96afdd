import {
  BRANCH_ROUTE,
  command,
  defineModule,
  FAILURE_ROUTE,
  intParam,
  LOCAL_ROUTE,
  REQUEST_ROUTE,
  strParam,
} from 'strowger';
import type { DomainApi } from './api.ts';
import { Domain } from './domain.ts';
import { DOMAIN_RPC } from './rpc.ts';

const ROUTES = REQUEST_ROUTE | FAILURE_ROUTE | BRANCH_ROUTE | LOCAL_ROUTE;

export default defineModule<Domain>({
  name: 'domain',
  summary: 'Tells which domains are local, from a database, and what belongs to them.',
  depends: ['db_sqlite?', 'db_mysql?', 'db_postgres?', 'db_text?'],
  olderParams: { db_mode: 'domains are always kept in memory' },
  params: {
    db_url: strParam({
      default: 'mysql://kamailioro:kamailioro@localhost/kamailio',
      doc: 'Database with the domains.',
    }),
    domain_table: strParam({ default: 'domain', doc: 'Table with the domains.' }),
    domain_attrs_table: strParam({ default: 'domain_attrs', doc: 'Table with attributes of domains.' }),
    did_col: strParam({ default: 'did', doc: 'Column with the id of a domain, in both tables.' }),
    domain_col: strParam({ default: 'domain', doc: 'Column with the domain.' }),
    name_col: strParam({ default: 'name', doc: 'Column with the name of an attribute.' }),
    type_col: strParam({ default: 'type', doc: 'Column with its type: 0 a number, 2 text.' }),
    value_col: strParam({ default: 'value', doc: 'Column with its value.' }),
    register_myself: intParam({ default: 0, min: 0, max: 1, doc: '1: the domains are "myself", with any port.' }),
  },
  commands: {
    is_from_local: command({
      doc: 'Is the host of the From URI a local domain?',
      args: [],
      routes: ROUTES,
      run: (run, domain: Domain) => (domain.isFromLocal(run) ? 1 : -1),
    }),
    is_uri_host_local: command({
      doc: 'Is the host of the Request-URI a local domain? In a failure route: that of the first branch added there.',
      args: [],
      routes: ROUTES,
      run: (run, domain: Domain) => (domain.isUriHostLocal(run) ? 1 : -1),
    }),
    is_domain_local: command({
      doc: 'Is this a local domain?',
      args: ['str'],
      argNames: ['domain'],
      routes: ROUTES,
      run: (_run, domain: Domain, name) => (domain.isDomainLocal(name) ? 1 : -1),
    }),
    lookup_domain: command({
      doc: 'Is this a local domain? Then its did and its attributes become AVPs, with a prefix before their names.',
      args: ['str', 'str?'],
      argNames: ['domain', 'prefix'],
      routes: ROUTES,
      run: (run, domain: Domain, name, prefix) => (domain.lookup(run, name, prefix ?? '') ? 1 : -1),
    }),
  },
  rpc: DOMAIN_RPC,
  async init(ctx) {
    const domain = new Domain(ctx);
    await domain.start();
    return domain;
  },
  destroy: (domain) => domain.close(),
  api: (domain): DomainApi => ({ isDomainLocal: (name) => domain.isDomainLocal(name) }),
});
