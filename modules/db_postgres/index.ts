import { existsSync, readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import {
  type Db,
  type DbUrl,
  defineModule,
  intParam,
  listParam,
  type ModuleContext,
  printDbUrl,
  SqlDb,
  type SqlDialect,
  type SqlLink,
  SqlPool,
  StrowgerError,
} from 'strowger';
import { type ConParams, idleParams, parseConParams, type SslMode, sslModeOf } from './con-params.ts';
import { PostgresLink } from './link.ts';

/** Connections at most of one server, or one worker of it. */
const POOL_SIZE = 8;
/** Ms for a statement or a connection, where no parameter says so. */
const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 5000;
const SOCKET_FOLDER = '/var/run/postgresql';
const NO_TLS_HERE = /does not support SSL/;
/** What is tried, in order (PostgreSQL: libpq, table of SSL modes). */
const WAYS: Readonly<Record<SslMode, readonly string[]>> = {
  disable: ['plain'],
  allow: ['plain', 'tls'],
  prefer: ['tls', 'plain'],
  require: ['tls'],
  'verify-ca': ['tls'],
  'verify-full': ['tls'],
};

const DIALECT: SqlDialect = { quote: '"', upsert: 'on-conflict', lowerCase: true, uniqueKeys };

/** The columns of each unique index of a table that has no condition and no expressions. */
async function uniqueKeys(db: Db, table: string): Promise<string[][]> {
  const { rows } = await db.raw(
    `SELECT i.indexrelid, a.attname FROM pg_index i
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indrelid = to_regclass(?) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL`,
    [table.toLowerCase()],
  );
  const keys = new Map<string, string[]>();
  for (const [index, column] of rows) {
    const key = keys.get(String(index)) ?? [];
    key.push(String(column));
    keys.set(String(index), key);
  }
  return [...keys.values()];
}

/** True when nobody could be asked: then the other way is no better. */
function isNotThere(error: unknown): boolean {
  const { cause } = error as Error;
  return ['connect', 'getaddrinfo'].includes((cause as NodeJS.ErrnoException | undefined)?.syscall ?? '');
}

/** The module's state in one server. */
class PostgresDriver {
  readonly #ctx: ModuleContext;
  readonly #params: ConParams;
  /** Takes the driver out of the server. */
  readonly close: () => void;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    const params = parseConParams(ctx.list('con_param').join(';'));
    if (typeof params === 'string') throw new Error(`con_param: ${params}`);
    this.#params = params;
    for (const text of idleParams(params)) ctx.log.notice(`con_param: ${text}`);
    const driver = { open: (url: DbUrl) => this.#open(url) };
    const undo = ['postgres', 'postgresql'].map((scheme) => ctx.server.db.register(scheme, driver));
    this.close = () => {
      for (const step of undo) step();
    };
  }

  async #open(url: DbUrl): Promise<Db> {
    const { wheel } = this.#ctx.server;
    const name = printDbUrl(url);
    const timeoutMs = this.#ctx.int('timeout') * 1000;
    const connectMs = Number(this.#params.get('connect_timeout') ?? 0) * 1000;
    const pool = await SqlPool.open({
      name,
      wheel,
      log: this.#ctx.log,
      connect: (signal) => this.#connect(url, name, signal),
      size: POOL_SIZE,
      connectTimeoutMs: connectMs || timeoutMs || CONNECT_TIMEOUT_MS,
      timeoutMs: timeoutMs || TIMEOUT_MS,
      retries: this.#ctx.int('retries'),
      pingMs: 0,
      reconnects: true,
    });
    return new SqlDb(pool, { name, dialect: DIALECT, wheel, timeoutMs: 0 });
  }

  async #connect(url: DbUrl, name: string, signal: AbortSignal): Promise<SqlLink> {
    const config = this.#config(url);
    const mode = sslModeOf(this.#params);
    // There is no TLS on sockets of this machine.
    const [first, second] = config.host?.startsWith('/') === true ? ['plain'] : WAYS[mode];
    const connect = async (way: string | undefined): Promise<SqlLink> =>
      await PostgresLink.connect(name, way === 'tls' ? { ...config, ssl: this.#tls(mode) } : config, signal);
    try {
      return await connect(first);
    } catch (error) {
      if (second === undefined || signal.aborted || isNotThere(error)) throw error;
      return await connect(second).catch((again: unknown) => {
        throw NO_TLS_HERE.test((error as Error).message) ? again : error;
      });
    }
  }

  #config(url: DbUrl): ClientConfig {
    const params = this.#params;
    const idle = Number(params.get('keepalives_idle') ?? this.#ctx.int('tcp_keepalive'));
    const optional = (key: string, value: string | undefined): ClientConfig =>
      value === undefined || value === '' ? {} : { [key]: value };
    return {
      // As libpq: the socket of this machine where no host is named.
      host: url.host || (existsSync(SOCKET_FOLDER) ? SOCKET_FOLDER : '127.0.0.1'),
      port: url.port || 5432,
      keepAlive: params.get('keepalives') !== '0' && idle > 0,
      keepAliveInitialDelayMillis: idle * 1000,
      ...optional('user', url.user),
      ...optional('password', url.password),
      ...optional('database', url.database),
      ...optional('application_name', params.get('application_name')),
      ...optional('fallback_application_name', params.get('fallback_application_name') ?? 'strowger'),
      ...optional('options', params.get('options')),
    };
  }

  #tls(mode: SslMode): NonNullable<ClientConfig['ssl']> {
    const read = (name: string): Buffer | undefined => {
      const path = this.#params.get(name);
      if (path === undefined) return undefined;
      try {
        return readFileSync(path);
      } catch (error) {
        throw new StrowgerError('DB_OPEN', `${name}: ${(error as Error).message}`, error);
      }
    };
    const [ca, cert, key] = [read('sslrootcert'), read('sslcert'), read('sslkey')];
    return {
      rejectUnauthorized: mode.startsWith('verify-'),
      ...(mode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    };
  }
}

export default defineModule<PostgresDriver>({
  name: 'db_postgres',
  summary: 'PostgreSQL databases: db_url postgres://user:password@host/database.',
  params: {
    retries: intParam({
      default: 2,
      min: 0,
      max: 100,
      doc: 'How often a statement that only reads is repeated when its connection breaks.',
    }),
    timeout: intParam({
      default: 0,
      min: 0,
      max: 86_400,
      doc: 'Seconds a statement may take; 0: 30. Also for connections, where con_param has no connect_timeout.',
    }),
    tcp_keepalive: intParam({
      default: 0,
      min: 0,
      max: 86_400,
      doc: 'Seconds a connection is idle before TCP asks whether it lives; 0: it does not ask.',
    }),
    lockset: intParam({ default: 4, min: 0, max: 31, doc: 'Locks for REPLACE.', noEffect: 'a transaction does it' }),
    bytea_output_escape: intParam({
      default: 1,
      min: 0,
      max: 1,
      doc: 'How bytes travel.',
      noEffect: 'both ways are understood',
    }),
    con_param: listParam({
      doc: 'Parameters of the connection: `connect_timeout=5;sslmode=require`.',
      check: (value) => {
        const params = parseConParams(String(value));
        return typeof params === 'string' ? params : null;
      },
    }),
  },
  init: (ctx) => new PostgresDriver(ctx),
  destroy: (driver) => driver.close(),
});
