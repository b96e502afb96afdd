import { flatCopy, type ModuleContext, parseUri, ROUTE, type Run, TableCache, varsOf } from 'strowger';
import type { DomainApi } from './api.ts';
import { type DomainColumns, type Domains, NO_DOMAINS, readDomains } from './domain-table.ts';

/** The module's state in one server. */
export class Domain implements DomainApi {
  readonly #ctx: ModuleContext;
  readonly #cache: TableCache<Domains>;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    const columns: DomainColumns = {
      domainTable: ctx.str('domain_table'),
      attrsTable: ctx.str('domain_attrs_table'),
      did: ctx.str('did_col'),
      domain: ctx.str('domain_col'),
      name: ctx.str('name_col'),
      type: ctx.str('type_col'),
      value: ctx.str('value_col'),
    };
    this.#cache = new TableCache(ctx.server.db, ctx.str('db_url'), NO_DOMAINS, (tables) =>
      readDomains(tables, columns),
    );
  }

  get domains(): Domains {
    return this.#cache.value;
  }

  /** Reads the tables; rejects with what is wrong with them. */
  async start(): Promise<void> {
    await this.#cache.load();
    if (this.#ctx.int('register_myself') !== 0) this.#ctx.server.addresses.addClaim((host) => this.isDomainLocal(host));
  }

  /** Reads the tables anew. What is wrong, which is logged, or null; what was there stays when something is. */
  async reload(): Promise<string | null> {
    try {
      await this.#cache.load();
      return null;
    } catch (error) {
      const { message } = error as Error;
      this.#ctx.log.error(`reload: ${message}`);
      return message;
    }
  }

  close(): Promise<void> {
    return this.#cache.close();
  }

  isDomainLocal(domain: string): boolean {
    return this.domains.byName.has(domain.toLowerCase());
  }

  isFromLocal({ msg }: Run): boolean {
    return this.isDomainLocal(msg.from?.uri?.host ?? '');
  }

  /** The Request-URI's host; in a failure route that of the first branch added there. */
  isUriHostLocal(run: Run): boolean {
    const { msg } = run;
    if (run.routeType !== ROUTE.FAILURE) return this.isDomainLocal(msg.ruri?.host ?? '');
    const branch = msg.branches?.[0];
    if (branch === undefined) {
      this.#ctx.log.error('is_uri_host_local: in a failure route there must be a branch, and there is none');
      return false;
    }
    return this.isDomainLocal(parseUri(branch.uri)?.host ?? '');
  }

  /** lookup_domain(): the did and the attributes of a local domain become AVPs. */
  lookup({ msg }: Run, domain: string, prefix: string): boolean {
    const { byName, attributes } = this.domains;
    const found = byName.get(domain.toLowerCase());
    if (found === undefined) return false;
    const vars = varsOf(msg);
    const name = (text: string): string => (prefix === '' ? text : flatCopy(`${prefix}${text}`));
    for (const attribute of attributes.get(found.did) ?? []) vars.addAvp(name(attribute.name), attribute.value);
    vars.addAvp(name('did'), found.did);
    return true;
  }
}
