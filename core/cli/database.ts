import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { settingsOf } from '../cfg/core-params.ts';
import type { Db } from '../db/db.ts';
import { type DbUrl, parseDbUrl, printDbUrl } from '../db/db-url.ts';
import type { SchemaDialect } from '../db/schema/index.ts';
import { StrowgerError } from '../errors.ts';
import { FdSink } from '../log/log-sink.ts';
import { PinoLog } from '../log/pino-log.ts';
import { LoadedModule } from '../module/loaded-module.ts';
import { moduleMatcher, paramError } from '../module/modparam.ts';
import { Server } from '../server.ts';
import { systemEnvironment } from '../start/environment.ts';
import { readScript } from '../start/script.ts';
import { type CommandContext, lastValue, UsageError } from './command.ts';
import type { OptionDef } from './getopt.ts';
import { findScript, scriptOptions } from './run-options.ts';

/** The module and the dialect of each scheme of a `db_url`. */
const SCHEMES: Readonly<Record<string, { readonly module: string; readonly dialect: SchemaDialect }>> = {
  sqlite: { module: 'db_sqlite', dialect: 'sqlite' },
  postgres: { module: 'db_postgres', dialect: 'postgres' },
  postgresql: { module: 'db_postgres', dialect: 'postgres' },
  mysql: { module: 'db_mysql', dialect: 'mysql' },
};
/** Whose `db_url` counts where a script has several: those that look after accounts. */
const FIRST = ['auth_db', 'usrloc'];

type ModParam = readonly [module: string, name: string, value: string | number];

/** Options of commands that work on a database. */
export const DATABASE_OPTIONS: readonly OptionDef[] = [
  {
    name: 'url',
    flags: ['--url'],
    arg: 'URL',
    help: 'The database, as in db_url: sqlite:///path, mysql://user:password@host/name, postgres://…',
    default: 'STROWGER_DB_URL, then db_url of the script',
  },
  { name: 'file', flags: ['-f'], arg: 'FILE', help: 'The script whose db_url is meant' },
  { name: 'define', flags: ['-A'], arg: 'NAME[=VALUE]', help: 'Define a name for its preprocessor; may be repeated' },
];

/** A database that a command works on. */
export interface OpenDatabase {
  readonly db: Db;
  readonly url: DbUrl;
  readonly dialect: SchemaDialect;
}

/** Opens the database that the options mean, and closes it again. Throws UsageError where none is named. */
export async function withDatabase<T>(
  context: CommandContext,
  use: (database: OpenDatabase) => Promise<T>,
  mayCreate = false,
): Promise<T> {
  const params = scriptParams(context);
  const text = lastValue(context, 'url') ?? context.env['STROWGER_DB_URL'] ?? urlOf(params);
  if (text === null) throw new UsageError('which database? Give --url, or a script with a db_url by -f');
  const url = parseDbUrl(text);
  if (typeof url === 'string') throw new UsageError(url);
  const scheme = SCHEMES[url.scheme];
  if (scheme === undefined) throw new UsageError(`${printDbUrl(url)}: there are ${Object.keys(SCHEMES).join(', ')}`);
  return await withDriver(scheme.module, params, async (server) => {
    if (mayCreate) await createDatabase(server, url, scheme.dialect);
    const db = await server.db.open(text);
    try {
      return await use({ db, url, dialect: scheme.dialect });
    } finally {
      await db.close();
    }
  });
}

/** A server of nothing but one database module, with the script's parameters for it. */
async function withDriver<T>(
  name: string,
  params: readonly ModParam[],
  use: (server: Server) => Promise<T>,
): Promise<T> {
  const env = systemEnvironment();
  const log = PinoLog.create({
    sink: new FdSink(2),
    format: 'text',
    level: -1,
    color: false,
    timestamps: false,
    wall: () => env.clock.wall(),
  });
  const { settings } = settingsOf([]);
  const server = new Server({
    clock: env.clock,
    random: env.random,
    log,
    settings,
    serverHeader: '',
    userAgentHeader: '',
  });
  const loaded = await env.loader.load(name, { scriptFolder: '.', loadPaths: [] });
  await env.loader.close();
  const module = new LoadedModule(loaded, { file: '', line: 0, column: 0 });
  for (const [pattern, param, value] of params) {
    const matches = moduleMatcher(pattern);
    if (typeof matches === 'string' || !matches(name)) continue;
    const error = paramError(loaded.def, param, value);
    if (error !== null) throw new StrowgerError('MODULE_PARAM', error);
    module.params.set(param, value);
  }
  await module.init(server);
  try {
    return await use(server);
  } finally {
    await server.db.close();
    await module.destroy(server);
    server.wheel.close();
    log.flush();
  }
}

/** Makes the database of a server where it is not there; SQLite makes its file by itself. */
async function createDatabase(server: Server, url: DbUrl, dialect: SchemaDialect): Promise<void> {
  if (dialect === 'sqlite') return;
  try {
    const db = await server.db.open(url.text);
    await db.close();
    return;
  } catch (error) {
    if (!/unknown database|database .* does not exist/i.test((error as Error).message)) throw error;
  }
  const place = url.text.lastIndexOf(`/${url.database}`);
  const admin = await server.db.open(`${url.text.slice(0, place)}/${dialect === 'postgres' ? 'postgres' : ''}`);
  const quoted = dialect === 'mysql' ? `\`${url.database}\`` : `"${url.database}"`;
  if (!/^\w+$/.test(url.database)) throw new UsageError(`"${url.database}" can not be the name of a new database`);
  await admin.raw(`CREATE DATABASE ${quoted}${dialect === 'mysql' ? ' CHARACTER SET utf8mb4' : ''}`);
  await admin.close();
}

/**
 * The modparam lines of the script that the options mean. Where they name neither script nor URL: of the script of a
 * checkout, or the one that would run: the first that has a db_url.
 */
function scriptParams(context: CommandContext): ModParam[] {
  const file = lastValue(context, 'file');
  if (file !== undefined) {
    if (!existsSync(resolve(context.cwd, file))) throw new UsageError(`there is no script ${file}`);
    return paramsOf(context, file);
  }
  if (lastValue(context, 'url') !== undefined || context.env['STROWGER_DB_URL'] !== undefined) return [];
  for (const path of [join(context.cwd, 'cfg/strowger.cfg'), findScript()]) {
    const params = path === null || !existsSync(path) ? [] : paramsOf(context, path);
    if (urlOf(params) !== null) return params;
  }
  return [];
}

function paramsOf(context: CommandContext, file: string): ModParam[] {
  const values = new Map([...context.values, ['file', [file]]]);
  const options = { ...scriptOptions(values, context.cwd), log: SILENT };
  const { modules } = readScript(options, systemEnvironment());
  return modules.flatMap((item) => (item.type === 'modParam' ? [[item.modules, item.name, item.value] as const] : []));
}

function urlOf(params: readonly ModParam[]): string | null {
  const urls = params.filter(([, name, value]) => name === 'db_url' && typeof value === 'string' && value !== '');
  const rank = ([module]: ModParam): number => {
    const at = FIRST.findIndex((name) => module.split('|').includes(name));
    return at < 0 ? FIRST.length : at;
  };
  const best = urls.toSorted((a, b) => rank(a) - rank(b))[0];
  return best === undefined ? null : String(best[2]);
}

const SILENT = PinoLog.create({
  sink: { write: () => {}, flush: () => {} },
  format: 'text',
  level: -5,
  color: false,
  timestamps: false,
  wall: () => 0,
});
