import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { ConnectionOptions, SslOptions } from 'mysql2';
import {
  type Counter,
  type Db,
  type DbUrl,
  defineModule,
  intParam,
  type ModuleContext,
  type ParamDef,
  printDbUrl,
  SqlDb,
  type SqlDialect,
  type SqlLink,
  SqlPool,
  StrowgerError,
} from 'strowger';
import { MysqlLink } from './link.ts';
import { readOptionFiles } from './option-file.ts';
import { addressOf, hostOf } from './server-address.ts';

/** Connections at most of one server, or one worker of it. */
const POOL_SIZE = 8;
/** A statement has this many times the interval, as the client library's retries give it. */
const TIMEOUT_FACTOR = 3;
const NO_TLS_HERE = /does not support (?:secure|ssl)/i;

/** Values of `opt_ssl_mode` (MySQL: mysql_ssl_mode). */
const TLS = { UNSET: 0, DISABLED: 1, PREFERRED: 2, REQUIRED: 3, VERIFY_CA: 4, VERIFY_IDENTITY: 5 } as const;

const bit = (value: 0 | 1, doc: string): ParamDef => intParam({ default: value, min: 0, max: 1, doc });
const seconds = (value: number, doc: string): ParamDef => intParam({ default: value, min: 0, max: 86_400, doc });

/** The module's state in one server. */
class MysqlDriver {
  readonly #ctx: ModuleContext;
  /** Servers that were asked for TLS and have none. */
  readonly #withoutTls = new Set<string>();
  readonly #failures: Counter;
  /** Takes the driver out of the server. */
  readonly close: () => void;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#failures = ctx.server.counters.register('mysql', 'driver_errors', 'Statements and connections that failed.');
    this.close = ctx.server.db.register('mysql', { open: (url) => this.#open(url) });
  }

  async #open(url: DbUrl): Promise<Db> {
    const ctx = this.#ctx;
    const { wheel } = ctx.server;
    const name = printDbUrl(url);
    const host = hostOf(url);
    const file =
      host.group === null ? new Map<string, string>() : readOptionFiles(['client', host.group], process.env['HOME']);
    const options: ConnectionOptions = {
      ...addressOf(url, host, file),
      // UPDATE tells of rows that it changed, not of all that it found, unless asked to.
      flags: [ctx.int('update_affected_found') === 0 ? '-FOUND_ROWS' : '+FOUND_ROWS'],
    };
    const tls = this.#tls(file);
    const interval = ctx.int('timeout_interval') * 1000;
    const ioTimeout = (ctx.int('send_timeout') + ctx.int('receive_timeout')) * 1000;
    const connect = ctx.isSet('connect_timeout') ? ctx.int('connect_timeout') * 1000 : interval;
    const pool = await SqlPool.open({
      name,
      wheel,
      log: ctx.log,
      connect: (signal) => this.#connect(url, name, options, tls, signal),
      size: POOL_SIZE,
      connectTimeoutMs: connect || interval || 2000,
      timeoutMs: ioTimeout || interval * TIMEOUT_FACTOR,
      retries: ctx.int('retries'),
      pingMs: ctx.int('ping_interval') * 1000,
      reconnects: ctx.int('auto_reconnect') !== 0,
    });
    return new SqlDb(pool, { name, dialect: this.#dialect(), wheel, timeoutMs: 0 });
  }

  #dialect(): SqlDialect {
    const ctx = this.#ctx;
    return {
      quote: '`',
      upsert: 'on-duplicate-key',
      ...(ctx.int('insert_delayed') === 0 ? {} : { insert: 'INSERT DELAYED' }),
      ...(ctx.int('server_timezone') === 0
        ? {}
        : { date: { place: 'FROM_UNIXTIME(?)', value: (date: Date) => Math.floor(date.getTime() / 1000) } }),
    };
  }

  async #connect(
    url: DbUrl,
    name: string,
    options: ConnectionOptions,
    tls: SslOptions,
    signal: AbortSignal,
  ): Promise<SqlLink> {
    const mode = this.#ctx.int('opt_ssl_mode');
    const isServerTime = this.#ctx.int('server_timezone') !== 0;
    const isPlain = mode <= TLS.DISABLED || (mode === TLS.PREFERRED && this.#withoutTls.has(url.text));
    if (isPlain) return await MysqlLink.connect(name, options, isServerTime, signal, this.#failures);
    const ssl: SslOptions = {
      ...tls,
      rejectUnauthorized: mode >= TLS.VERIFY_CA,
      verifyIdentity: mode >= TLS.VERIFY_IDENTITY,
    };
    try {
      return await MysqlLink.connect(name, { ...options, ssl }, isServerTime, signal, this.#failures);
    } catch (error) {
      if (mode !== TLS.PREFERRED || !NO_TLS_HERE.test((error as Error).message)) throw error;
      this.#withoutTls.add(url.text);
      return await MysqlLink.connect(name, options, isServerTime, signal, this.#failures);
    }
  }

  /** Certificates that my.cnf names. */
  #tls(file: ReadonlyMap<string, string>): SslOptions {
    const read = (name: string, option: string): SslOptions => {
      const path = file.get(option);
      if (path === undefined) return {};
      try {
        return { [name]: readFileSync(path, 'latin1') };
      } catch (error) {
        throw new StrowgerError('DB_OPEN', `${option}: ${(error as Error).message}`, error);
      }
    };
    return { ...read('ca', 'ssl-ca'), ...read('cert', 'ssl-cert'), ...read('key', 'ssl-key') };
  }
}

export default defineModule<MysqlDriver>({
  name: 'db_mysql',
  summary: 'MySQL and MariaDB databases: db_url mysql://user:password@host/database.',
  params: {
    ping_interval: seconds(300, 'Seconds between questions whether an idle connection still lives; 0: none.'),
    connect_timeout: seconds(2, 'Seconds a connection may take to open; timeout_interval where it is not set.'),
    send_timeout: seconds(0, 'Seconds a statement may take to be sent: counts into the time it has in all.'),
    receive_timeout: seconds(0, 'Seconds its answer may take; 0 as for send_timeout: three times timeout_interval.'),
    retries: intParam({
      default: 1,
      min: 0,
      max: 100,
      doc: 'How often a statement that only reads is repeated when its connection breaks.',
    }),
    server_timezone: bit(0, '1: times are those of the server’s zone, not of this machine’s.'),
    timeout_interval: seconds(2, 'Seconds a connection may take to open, and a third of what a statement may take.'),
    auto_reconnect: bit(1, '0: a connection that is lost is not made anew.'),
    insert_delayed: bit(0, '1: insertions are INSERT DELAYED, where the table’s engine can do that.'),
    update_affected_found: bit(0, '1: an update tells how many rows it found, also those that it left as they were.'),
    unsigned_type: intParam({ default: 0, doc: 'Type of unsigned columns.', noEffect: 'numbers have but one type' }),
    opt_ssl_mode: intParam({
      default: 0,
      min: 0,
      max: TLS.VERIFY_IDENTITY,
      doc: 'TLS: 0, 1 none; 2 if the server has it; 3 always; 4 with a known CA; 5 and the right name.',
    }),
  },
  init: (ctx) => new MysqlDriver(ctx),
  destroy: (driver) => driver.close(),
});
