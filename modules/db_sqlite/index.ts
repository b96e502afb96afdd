import { resolve } from 'node:path';
import { defineModule, intParam, listParam, type ModuleContext, printDbUrl, SqlDb } from 'strowger';
import { SqliteConnection } from './connection.ts';
import { makeMissingDatabase } from './make-database.ts';

const JOURNAL_MODES = ['DELETE', 'TRUNCATE', 'PERSIST', 'MEMORY', 'WAL', 'OFF'];
/** Ms to wait for the lock of another process. */
const BUSY_TIMEOUT_MS = 5000;
/** Ms a statement may take in all. */
const TIMEOUT_MS = 30_000;

/** `path=ms` or `path=ms;`; null when it has another form. */
function parseBusyTimeout(text: string): readonly [path: string, ms: number] | null {
  const match = /^(.+)=\s*(\d{1,8})\s*;?\s*$/.exec(text);
  return match?.[1] === undefined ? null : [resolve(match[1]), Number(match[2])];
}

/** `path=MODE` or `path=MODE;`; null when it has another form. */
function parseJournalMode(text: string): { path: string; mode: string } | null {
  const match = /^(.+)=\s*(\w+)\s*;?\s*$/.exec(text);
  const mode = match?.[2]?.toUpperCase() ?? '';
  return match?.[1] === undefined || !JOURNAL_MODES.includes(mode) ? null : { path: resolve(match[1]), mode };
}

/** The module's state in one server. */
class SqliteDriver {
  readonly #ctx: ModuleContext;
  readonly #readOnly: ReadonlySet<string>;
  readonly #journalModes: ReadonlyMap<string, string>;
  readonly #busyTimeouts: ReadonlyMap<string, number>;
  /** Takes the driver out of the server. */
  readonly close: () => void;

  constructor(ctx: ModuleContext) {
    this.#ctx = ctx;
    this.#readOnly = new Set(ctx.list('db_set_readonly').map((path) => resolve(path)));
    const modes = ctx.list('db_set_journal_mode').flatMap((text) => parseJournalMode(text) ?? []);
    this.#journalModes = new Map(modes.map(({ path, mode }) => [path, mode]));
    this.#busyTimeouts = new Map(
      ctx.list('db_set_busy_timeout').flatMap((text) => {
        const pair = parseBusyTimeout(text);
        return pair === null ? [] : [pair];
      }),
    );
    this.close = ctx.server.db.register('sqlite', { open: (url) => this.#open(url.rest, printDbUrl(url)) });
  }

  async #open(rest: string, name: string): Promise<SqlDb> {
    if (rest === ':memory:') return await this.#connect(rest, name);
    const path = resolve(rest);
    if (this.#ctx.int('make_tables') === 1) {
      if (await makeMissingDatabase(path, (temporary) => this.#connect(temporary, temporary)))
        this.#ctx.log.notice(`made the database ${path}`);
    }
    return await this.#connect(path, name);
  }

  async #connect(path: string, name: string): Promise<SqlDb> {
    const { wheel } = this.#ctx.server;
    const setup = {
      path,
      isReadOnly: this.#readOnly.has(path),
      journalMode: this.#journalModes.get(path) ?? '',
      busyTimeoutMs: this.#busyTimeouts.get(path) ?? BUSY_TIMEOUT_MS,
    };
    const connection = await SqliteConnection.open(setup, wheel.clock);
    return new SqlDb(connection, {
      name,
      dialect: { quote: '"', upsert: 'on-conflict' },
      wheel,
      timeoutMs: TIMEOUT_MS,
    });
  }
}

export default defineModule<SqliteDriver>({
  name: 'db_sqlite',
  summary: 'SQLite databases: db_url sqlite:///path.',
  params: {
    make_tables: intParam({
      default: 0,
      min: 0,
      max: 1,
      doc: "1: a database whose file is not there is made with Kamailio's tables, and its folder too.",
    }),
    db_set_readonly: listParam({ doc: 'Path of a database that is opened for reading only.' }),
    db_set_busy_timeout: listParam({
      doc: 'How long a database waits for the lock of another process: `path=ms` (Kamailio 6).',
      check: (value) => (parseBusyTimeout(String(value)) === null ? 'path=milliseconds expected' : null),
    }),
    db_set_journal_mode: listParam({
      doc: 'How a database keeps its journal: `path=WAL`.',
      check: (value) =>
        parseJournalMode(String(value)) === null ? `expected path=MODE, one of ${JOURNAL_MODES.join(', ')}` : null,
    }),
  },
  init: (ctx) => new SqliteDriver(ctx),
  destroy: (driver) => driver.close(),
});
