import { type Db, type DbCondition, dbText, type ModuleContext, parseUri, type Run, type SipUri } from 'strowger';

/** How a lookup differs from what the parameters say. */
interface LookupFlags {
  readonly usesDomain: boolean;
  /** From the user to the alias. */
  readonly isReverse: boolean;
}

/** Looks aliases up in the database. */
export class Aliases {
  readonly #ctx: ModuleContext;
  readonly #db: Db;

  private constructor(ctx: ModuleContext, db: Db) {
    this.#ctx = ctx;
    this.#db = db;
  }

  static async open(ctx: ModuleContext): Promise<Aliases> {
    return new Aliases(ctx, await ctx.server.db.open(ctx.str('db_url')));
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** alias_db_lookup: the first URI becomes the Request-URI, the others branches where append_branches asks for it. */
  async lookup(run: Run, table: string, flags: string): Promise<number> {
    const { msg } = run;
    const uri = msg.ruri;
    if (uri === null) return -1;
    const [first, ...others] = await this.#find(table, uri, flags);
    if (first === undefined) return -1;
    msg.newUri = first;
    const room = run.server.settings.int('max_branches') - 1 - (msg.branches?.length ?? 0);
    if (others.length > room) this.#ctx.log.warn('more aliases than max_branches');
    for (const other of others.slice(0, Math.max(0, room))) msg.appendBranch(other);
    return 1;
  }

  /** alias_db_find: each URI is put into the variable, so that an AVP holds them all. */
  async find(table: string, text: string, set: (value: string) => void, flags: string): Promise<number> {
    const uri = parseUri(text);
    if (uri === null) {
      this.#ctx.log.error('alias_db_find: not a URI');
      return -1;
    }
    const found = await this.#find(table, uri, flags);
    for (const each of found) set(each);
    return found.length === 0 ? -1 : 1;
  }

  /** The URIs that one stands for; only the first unless append_branches. */
  async #find(table: string, uri: SipUri, flagText: string): Promise<readonly string[]> {
    if (uri.user === '') return [];
    const ctx = this.#ctx;
    const { usesDomain, isReverse } = parseFlags(flagText, ctx.int('use_domain') !== 0);
    const user = ctx.str('user_column');
    const domain = ctx.str('domain_column');
    const aliasUser = ctx.str('alias_user_column');
    const aliasDomain = ctx.str('alias_domain_column');
    const where: DbCondition[] = [{ column: isReverse ? user : aliasUser, value: uri.user }];
    if (usesDomain) where.push({ column: isReverse ? domain : aliasDomain, value: this.#withoutPrefix(uri.host) });
    const columns = isReverse ? [aliasUser, aliasDomain] : [user, domain];
    const limit = ctx.int('append_branches') === 0 ? { limit: 1 } : {};
    try {
      const { rows } = await this.#db.query({ table, columns, where, ...limit });
      return rows.map(([name, host]) => `sip:${dbText(name)}@${dbText(host) || uri.host}`).filter(this.#isUri);
    } catch (error) {
      ctx.log.error(`an alias can not be looked up: ${(error as Error).message}`);
      return [];
    }
  }

  readonly #isUri = (text: string): boolean => {
    if (parseUri(text) !== null) return true;
    this.#ctx.log.error('an alias stands for what is no URI');
    return false;
  };

  #withoutPrefix(host: string): string {
    const prefix = this.#ctx.str('domain_prefix');
    return prefix !== '' && host.startsWith(prefix) ? host.slice(prefix.length) : host;
  }
}

/** Flags are letters: d without domain, u with it, r the other way round; the last of d and u holds. */
export function parseFlags(text: string, usesDomainByDefault: boolean): LookupFlags {
  const chosen = /[du](?=[^du]*$)/.exec(text)?.[0];
  return {
    usesDomain: chosen === undefined ? usesDomainByDefault : chosen === 'u',
    isReverse: text.includes('r'),
  };
}
