import { type Db, type DbCondition, dbText, type ModuleContext, parseUri, type Run, type SipUri } from 'strowger';

/** What use_domain says to look a short number up by, besides user and number. */
const BY = { OWNER_DOMAIN: 1, BOTH_DOMAINS: 2 } as const;

/** Looks short numbers up in the database. */
export class SpeedDial {
  readonly #ctx: ModuleContext;
  readonly #db: Db;

  private constructor(ctx: ModuleContext, db: Db) {
    this.#ctx = ctx;
    this.#db = db;
  }

  static async open(ctx: ModuleContext): Promise<SpeedDial> {
    return new SpeedDial(ctx, await ctx.server.db.open(ctx.str('db_url')));
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** sd_lookup: 1 and a new Request-URI, -1 where there is none. `owner` is a URI, From's where absent. */
  async lookup(run: Run, table: string, owner: string | null | undefined): Promise<number> {
    const { msg } = run;
    const from = owner === undefined ? (msg.from?.uri ?? null) : owner === null ? null : parseUri(owner);
    const short = msg.ruri;
    if (from === null) this.#ctx.log.error('sd_lookup: the owner is not a URI');
    if (from === null || short === null || from.user === '' || short.user === '') return -1;
    const found = await this.#find(table, from, short);
    if (found === null) return -1;
    msg.newUri = found;
    return 1;
  }

  async #find(table: string, owner: SipUri, short: SipUri): Promise<string | null> {
    const ctx = this.#ctx;
    const by = ctx.int('use_domain');
    const where: DbCondition[] = [
      { column: ctx.str('user_column'), value: owner.user },
      { column: ctx.str('sd_user_column'), value: short.user },
    ];
    if (by >= BY.OWNER_DOMAIN) where.push({ column: ctx.str('domain_column'), value: this.#withoutPrefix(owner.host) });
    if (by >= BY.BOTH_DOMAINS)
      where.push({ column: ctx.str('sd_domain_column'), value: this.#withoutPrefix(short.host) });
    try {
      const { rows } = await this.#db.query({ table, columns: [ctx.str('new_uri_column')], where, limit: 1 });
      return rows[0] === undefined ? null : this.#checked(dbText(rows[0][0]));
    } catch (error) {
      ctx.log.error(`a short number can not be looked up: ${(error as Error).message}`);
      return null;
    }
  }

  /** The URI in a row, which may lack its scheme. */
  #checked(text: string): string | null {
    const uri = /^(?:sips?|tels?|urn):/i.test(text) ? text : `sip:${text}`;
    if (parseUri(uri) !== null) return uri;
    this.#ctx.log.error('a short number stands for what is no URI');
    return null;
  }

  #withoutPrefix(host: string): string {
    const prefix = this.#ctx.str('domain_prefix');
    return prefix !== '' && host.startsWith(prefix) ? host.slice(prefix.length) : host;
  }
}
