import {
  checkTableVersion,
  type Db,
  type DbCondition,
  type DbValue,
  dbText,
  METHOD,
  type ModuleContext,
  parseUri,
  type Run,
} from 'strowger';
import type { AuthApi, AuthTarget, FoundCredentials } from '../auth/api.ts';
import { type LoadedColumn, loadCredentials, parseLoadCredentials } from './load-credentials.ts';

/** Version of the table subscriber. */
const TABLE_VERSION = 7;

/** Bits of auth_check. */
const CHECK = { ID: 1, NOT_OF_CALLS: 2 } as const;
/** Bits of is_subscriber. */
const SUBSCRIBER = { DOMAIN: 1, NOT_LOADED: 2 } as const;

/** Results beside those of auth. */
const ERROR = -1;
const NOT_FOUND = -2;
const USER_UNKNOWN = -3;

/** Authenticates against a table of subscribers. */
export class AuthDb {
  /** Tables that the script names as constants: their versions are checked at start. */
  readonly tables = new Set<string>();
  readonly #ctx: ModuleContext;
  readonly #db: Db;
  readonly #auth: AuthApi;
  readonly #loaded: readonly LoadedColumn[];

  private constructor(ctx: ModuleContext, db: Db) {
    this.#ctx = ctx;
    this.#db = db;
    this.#auth = ctx.api<AuthApi>('auth');
    const loaded = parseLoadCredentials(ctx.str('load_credentials'));
    this.#loaded = typeof loaded === 'string' ? [] : loaded;
  }

  static async open(ctx: ModuleContext): Promise<AuthDb> {
    return new AuthDb(ctx, await ctx.server.db.open(ctx.str('db_url')));
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** Rejects where a table is of another version than this module knows. */
  async checkVersions(): Promise<void> {
    if (this.#ctx.int('version_table') === 0) return;
    for (const table of this.tables) await checkTableVersion(this.#db, table, TABLE_VERSION);
  }

  /** www_authenticate, proxy_authenticate. Waits only where there are credentials to look up. */
  authenticate(run: Run, target: AuthTarget, realm: string, table: string, method?: string): number | Promise<number> {
    return this.#authenticate(run, target, realm, table, 0, method);
  }

  /** auth_check. */
  check(run: Run, realm: string, table: string, flags: number): number | Promise<number> {
    const target = run.msg.method === METHOD.REGISTER ? 'www' : 'proxy';
    return this.#authenticate(run, target, realm, table, flags);
  }

  /** is_subscriber: 1, -1 bad URI or no answer of the database, -2 there is none. */
  async isSubscriber(run: Run, uriText: string, table: string, flags: number): Promise<number> {
    const uri = parseUri(uriText);
    if (uri === null) {
      this.#ctx.log.error('is_subscriber: not a URI');
      return ERROR;
    }
    if (uri.user === '') return NOT_FOUND;
    const isLoading = (flags & SUBSCRIBER.NOT_LOADED) === 0;
    const columns = isLoading ? this.#loaded.map(({ column }) => column) : [];
    const domain = (flags & SUBSCRIBER.DOMAIN) === 0 ? null : this.#auth.strippedRealm(uri.host);
    const row = await this.#fetch(table, uri.user, domain, columns.length === 0 ? [this.#userColumn] : columns);
    if (row === 'error') return ERROR;
    if (row === null) return NOT_FOUND;
    if (isLoading) loadCredentials(run.msg, this.#loaded, row);
    return 1;
  }

  #authenticate(
    run: Run,
    target: AuthTarget,
    realm: string,
    table: string,
    flags: number,
    method?: string,
  ): number | Promise<number> {
    const { code, found } = this.#auth.begin(run, target, realm);
    return found === null ? code : this.#lookUp(run, found, table, flags, method);
  }

  async #lookUp(run: Run, found: FoundCredentials, table: string, flags: number, method?: string): Promise<number> {
    const { credentials, realm } = found;
    const ctx = this.#ctx;
    const isHa1 = ctx.int('calculate_ha1') === 0;
    const column = ctx.str(isHa1 && credentials.domain !== '' ? 'password_column_2' : 'password_column');
    const domain = ctx.int('use_domain') === 0 ? null : credentials.domain || realm;
    const columns = [column, ...this.#loaded.map((loaded) => loaded.column)];
    const row = await this.#fetch(table, credentials.user, domain, columns);
    if (row === 'error') return ERROR;
    if (row === null) return USER_UNKNOWN;
    const [secret, ...values] = row;
    const code = this.#auth.verify(run, found, { text: dbText(secret), isHa1 }, method);
    if (code > 0 || ctx.int('force_generate_avps') !== 0) loadCredentials(run.msg, this.#loaded, values);
    if (code < 0 || !this.#checksIdentity(run, flags)) return code;
    return this.#auth.checkIdentity(run.msg, found, ctx.int('use_domain') !== 0);
  }

  #checksIdentity({ msg }: Run, flags: number): boolean {
    if ((flags & CHECK.ID) === 0) return false;
    return (flags & CHECK.NOT_OF_CALLS) === 0 || !ANONYMOUS.has(msg.method);
  }

  get #userColumn(): string {
    return this.#ctx.str('user_column');
  }

  /** The first row of a user; null where there is none. */
  async #fetch(
    table: string,
    user: string,
    domain: string | null,
    columns: readonly string[],
  ): Promise<readonly DbValue[] | null | 'error'> {
    const where: DbCondition[] = [{ column: this.#userColumn, value: user }];
    if (domain !== null) where.push({ column: this.#ctx.str('domain_column'), value: domain });
    try {
      const { rows } = await this.#db.query({ table, columns, where, limit: 1 });
      return rows[0] ?? null;
    } catch (error) {
      this.#ctx.log.error(`the subscriber can not be looked up: ${(error as Error).message}`);
      return 'error';
    }
  }
}

/** Methods that may come with an anonymous From. */
const ANONYMOUS: ReadonlySet<number> = new Set([
  METHOD.INVITE,
  METHOD.BYE,
  METHOD.PRACK,
  METHOD.UPDATE,
  METHOD.MESSAGE,
]);
