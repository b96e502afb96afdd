import {
  checkTableVersion,
  type Db,
  type DbCondition,
  type ModuleContext,
  parseUri,
  type Run,
  type SipUri,
  VERIFIED_CREDENTIALS,
  type VerifiedCredentials,
} from 'strowger';

/** Results, as scripts see them. */
const RESULT = {
  OK: 1,
  ERROR: -1,
  NO_CREDENTIALS: -2,
  NO_USER: -4,
  NOT_FOUND: -5,
  DB_QUERY: -8,
  SPOOFED: -9,
  NO_MATCH: -10,
} as const;

/** Versions of the tables that there are. */
const SUBSCRIBER_VERSION = 7;
const URI_VERSION = 1;

/** Compares users of URIs with who has been authenticated, and looks them up. */
export class UriChecks {
  readonly #ctx: ModuleContext;
  readonly #db: Db;

  private constructor(ctx: ModuleContext, db: Db) {
    this.#ctx = ctx;
    this.#db = db;
  }

  static async open(ctx: ModuleContext): Promise<UriChecks> {
    const db = await ctx.server.db.open(ctx.str('db_url'));
    const version = ctx.int('use_uri_table') === 0 ? SUBSCRIBER_VERSION : URI_VERSION;
    try {
      await checkTableVersion(db, ctx.str('db_table'), version);
    } catch (error) {
      await db.close();
      throw error;
    }
    return new UriChecks(ctx, db);
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** check_to, check_from, check_uri: against the credentials that were verified. */
  check(run: Run, uri: SipUri | null): number | Promise<number> {
    if (uri === null) return RESULT.ERROR;
    if (uri.user === '') return RESULT.NO_USER;
    const verified = run.msg.extension<VerifiedCredentials>(VERIFIED_CREDENTIALS);
    if (verified === undefined) {
      this.#ctx.log.error('nobody has been authenticated: www_authenticate or proxy_authenticate comes first');
      return RESULT.NO_CREDENTIALS;
    }
    return this.#compare(uri.user, verified.username, verified.credentials?.realm ?? verified.realm);
  }

  /** check_uri with a username and realm of the script's own. */
  checkUser(text: string, username: string, realm: string): number | Promise<number> {
    const uri = parseUri(text);
    if (uri === null) return RESULT.ERROR;
    return uri.user === '' ? RESULT.NO_USER : this.#compare(uri.user, username, realm);
  }

  /** does_uri_exist: the user of the Request-URI is in the table. */
  async exists(run: Run): Promise<number> {
    const uri = run.msg.ruri;
    if (uri === null) return RESULT.ERROR;
    const ctx = this.#ctx;
    const column = ctx.str(ctx.int('use_uri_table') === 0 ? 'user_column' : 'uriuser_column');
    const where: DbCondition[] = [{ column, value: uri.user }];
    if (ctx.int('use_domain') !== 0) where.push({ column: ctx.str('domain_column'), value: uri.host });
    return await this.#look(where, RESULT.NOT_FOUND);
  }

  #compare(user: string, username: string, realm: string): number | Promise<number> {
    const ctx = this.#ctx;
    if (ctx.int('use_uri_table') === 0)
      return user.toLowerCase() === username.toLowerCase() ? RESULT.OK : RESULT.NO_MATCH;
    const where = [
      { column: ctx.str('user_column'), value: username },
      { column: ctx.str('domain_column'), value: realm },
      { column: ctx.str('uriuser_column'), value: user },
    ];
    return this.#look(where, RESULT.SPOOFED);
  }

  async #look(where: readonly DbCondition[], none: number): Promise<number> {
    try {
      const columns = [this.#ctx.str('user_column')];
      const { rows } = await this.#db.query({ table: this.#ctx.str('db_table'), columns, where, limit: 1 });
      return rows.length === 0 ? none : RESULT.OK;
    } catch (error) {
      this.#ctx.log.error(`a user can not be looked up: ${(error as Error).message}`);
      return RESULT.DB_QUERY;
    }
  }
}
