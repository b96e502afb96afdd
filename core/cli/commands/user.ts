import { createHash } from 'node:crypto';
import type { Db, DbCondition } from '../../db/db.ts';
import { fromDbText } from '../../db/db-text.ts';
import { ALL_TABLES, createTables } from '../../db/schema/index.ts';
import { StrowgerError } from '../../errors.ts';
import { type CliCommand, type CommandContext, EXIT, lastValue, UsageError } from '../command.ts';
import { DATABASE_OPTIONS, type OpenDatabase, withDatabase } from '../database.ts';
import { readPassword } from '../read-password.ts';

const TABLE = 'subscriber';
/** The domain where none is given. */
const DEFAULT_DOMAIN = 'localhost';

interface Account {
  readonly user: string;
  readonly domain: string;
}

type Verb = (context: CommandContext, database: OpenDatabase, operands: readonly string[]) => Promise<number>;

const VERBS: Readonly<Record<string, { readonly run: Verb; readonly min: number; readonly max: number }>> = {
  add: { run: add, min: 1, max: 2 },
  passwd: { run: passwd, min: 1, max: 2 },
  rm: { run: remove, min: 1, max: 1 },
  list: { run: list, min: 0, max: 1 },
};

/** `strowger user`: accounts, as `kamctl add`, `passwd`, `rm` and `db show subscriber`. */
export const command: CliCommand = {
  name: 'user',
  summary: 'Make, change, remove and list accounts',
  usage: 'add USER[@DOMAIN] [PASSWORD] | passwd USER[@DOMAIN] [PASSWORD] | rm USER[@DOMAIN] | list [USER]',
  options: [
    ...DATABASE_OPTIONS,
    {
      name: 'domain',
      flags: ['--domain'],
      arg: 'DOMAIN',
      help: 'Domain of the account, and realm of its digest',
      default: `SIP_DOMAIN, then ${DEFAULT_DOMAIN}`,
    },
    { name: 'no-plaintext', flags: ['--no-plaintext'], help: 'Store the digests only, not the password itself' },
  ],
  examples: ['strowger user add alice', 'strowger user add bob@example.org secret', 'strowger user list'],
  async run(context) {
    const [name = '', ...operands] = context.operands;
    const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
    if (verb === undefined) throw new UsageError('add, passwd, rm or list?');
    if (operands.length < verb.min) throw new UsageError(`${name} needs a user`);
    if (operands.length > verb.max) throw new UsageError(`unexpected "${operands[verb.max]}"`);
    try {
      return await withDatabase(context, async (database) => {
        await prepare(database, name === 'add');
        return await verb.run(context, database, operands);
      });
    } catch (error) {
      if (!(error instanceof StrowgerError)) throw error;
      context.stderr.write(`strowger user: ${error.message}\n`);
      return EXIT.FAILED;
    }
  },
};

/** A SQLite file that is new gets its tables; a server's database is its administrator's. */
async function prepare({ db, dialect }: OpenDatabase, mayCreate: boolean): Promise<void> {
  try {
    await db.query({ table: TABLE, columns: ['username'], limit: 1 });
  } catch (error) {
    if (!(error instanceof StrowgerError) || error.code !== 'DB_QUERY') throw error;
    if (dialect !== 'sqlite' || !mayCreate)
      throw new StrowgerError('DB_QUERY', `${error.message}; to make the tables: strowger db create`, error);
    await createTables(db, dialect, ALL_TABLES);
  }
}

async function add(context: CommandContext, { db }: OpenDatabase, operands: readonly string[]): Promise<number> {
  const account = accountOf(context, operands[0] ?? '');
  if (await exists(db, account)) return failed(context, `${nameOf(account)} is there already`);
  const password = operands[1] ?? (await readPassword(context, `Password of ${nameOf(account)}: `));
  await db.insert(TABLE, {
    username: account.user,
    domain: account.domain,
    ...secrets(account, password, !context.values.has('no-plaintext')),
  });
  context.stdout.write(`${nameOf(account)} added\n`);
  return EXIT.OK;
}

async function passwd(context: CommandContext, { db }: OpenDatabase, operands: readonly string[]): Promise<number> {
  const account = accountOf(context, operands[0] ?? '');
  if (!(await exists(db, account))) return failed(context, `there is no ${nameOf(account)}`);
  const password = operands[1] ?? (await readPassword(context, `New password of ${nameOf(account)}: `));
  await db.update(TABLE, secrets(account, password, !context.values.has('no-plaintext')), rowOf(account));
  context.stdout.write(`${nameOf(account)} changed\n`);
  return EXIT.OK;
}

async function remove(context: CommandContext, { db }: OpenDatabase, operands: readonly string[]): Promise<number> {
  const account = accountOf(context, operands[0] ?? '');
  const { affected } = await db.delete(TABLE, rowOf(account));
  if (affected === 0) return failed(context, `there is no ${nameOf(account)}`);
  context.stdout.write(`${nameOf(account)} removed\n`);
  return EXIT.OK;
}

async function list(context: CommandContext, { db }: OpenDatabase, operands: readonly string[]): Promise<number> {
  const [user, domain] = (operands[0] ?? '').split('@');
  const where: DbCondition[] = [];
  if (user !== undefined && user !== '') where.push({ column: 'username', value: fromDbText(user) });
  const only = domain ?? lastValue(context, 'domain');
  if (only !== undefined) where.push({ column: 'domain', value: fromDbText(only) });
  const { rows } = await db.query({
    table: TABLE,
    columns: ['username', 'domain'],
    where,
    orderBy: ['username', 'domain'],
  });
  const lines = rows.map(([name, of]) => `${String(name)}@${String(of)}\n`);
  context.stdout.write(Buffer.from(lines.join(''), 'latin1').toString('utf8'));
  return EXIT.OK;
}

/** Throws UsageError where it can not be the name of an account. */
function accountOf(context: CommandContext, text: string): Account {
  const at = text.lastIndexOf('@');
  const user = at < 0 ? text : text.slice(0, at);
  const domain =
    at < 0 ? (lastValue(context, 'domain') ?? context.env['SIP_DOMAIN'] ?? DEFAULT_DOMAIN) : text.slice(at + 1);
  if (!/^[^\s@:<>"\p{Cc}]+$/u.test(user)) throw new UsageError(`"${user}" can not be the user of a SIP URI`);
  if (!/^[\w.:[\]-]+$/.test(domain)) throw new UsageError(`"${domain}" can not be a domain`);
  return { user: fromDbText(user), domain };
}

/** The columns with the password: itself, and HA1 of the user alone and with the domain (Kamailio: auth_db). */
function secrets({ user, domain }: Account, text: string, isPlain: boolean): Record<string, string> {
  if (text === '') throw new UsageError('an account without a password can not register');
  const password = fromDbText(text);
  const digest = (name: string): string =>
    createHash('md5').update(`${name}:${domain}:${password}`, 'latin1').digest('hex');
  return { password: isPlain ? password : '', ha1: digest(user), ha1b: digest(`${user}@${domain}`) };
}

async function exists(db: Db, account: Account): Promise<boolean> {
  return (await db.query({ table: TABLE, columns: ['username'], where: rowOf(account) })).rows.length > 0;
}

function rowOf({ user, domain }: Account): DbCondition[] {
  return [
    { column: 'username', value: user },
    { column: 'domain', value: domain },
  ];
}

function nameOf({ user, domain }: Account): string {
  return `${Buffer.from(user, 'latin1').toString('utf8')}@${domain}`;
}

function failed(context: CommandContext, text: string): number {
  context.stderr.write(`strowger user: ${text}\n`);
  return EXIT.FAILED;
}
