import { printDbUrl } from '../../db/db-url.ts';
import { ALL_TABLES, createTables, OWN_TABLES, STANDARD_TABLES, type TableDef } from '../../db/schema/index.ts';
import { StrowgerError } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import { type CliCommand, EXIT, lastValue, UsageError } from '../command.ts';
import { DATABASE_OPTIONS, withDatabase } from '../database.ts';

/** `strowger db create`: Kamailio's tables. */
export const command: CliCommand = {
  name: 'db',
  summary: 'Make the tables of a database, those of Kamailio 5.6',
  usage: 'create',
  options: [
    ...DATABASE_OPTIONS,
    {
      name: 'tables',
      flags: ['--tables'],
      arg: 'NAMES',
      help: 'Only these, separated by commas',
      default: 'all but those of the uid modules',
    },
  ],
  examples: [
    'strowger db create --url sqlite:///var/lib/strowger/strowger.sqlite',
    'strowger db create --url mysql://root:secret@localhost/kamailio',
    'strowger db create -f kamailio.cfg -A WITH_AUTH',
  ],
  async run(context) {
    const [verb, extra] = context.operands;
    if (verb !== 'create' || extra !== undefined) throw new UsageError('the only thing to do is "create"');
    const tables = chosen(lastValue(context, 'tables'));
    try {
      return await withDatabase(
        context,
        async ({ db, url, dialect }) => {
          const { made, found, differing } = await createTables(db, dialect, tables);
          context.stdout.write(`${printDbUrl(url)}: ${made.length} tables made, ${found.length} were there\n`);
          for (const { name, version, wanted } of differing)
            context.stderr.write(`strowger db: ${name} has version ${version} and was left so; needed is ${wanted}\n`);
          return differing.length === 0 ? EXIT.OK : EXIT.FAILED;
        },
        true,
      );
    } catch (error) {
      if (!(error instanceof StrowgerError)) throw error;
      context.stderr.write(`strowger db: ${error.message}\n`);
      return EXIT.FAILED;
    }
  },
};

/** The tables of these names, and the one that lists them all. */
function chosen(names: string | undefined): readonly TableDef[] {
  if (names === undefined) return [...STANDARD_TABLES, ...OWN_TABLES];
  const every = [...ALL_TABLES, ...OWN_TABLES];
  const wanted = new Set(['version', ...names.split(',').map((name) => name.trim())]);
  const known = every.filter(({ name }) => wanted.has(name));
  for (const name of wanted)
    if (!known.some((table) => table.name === name)) {
      const all = every.map((table) => table.name);
      throw new UsageError(`there is no table "${name}"${didYouMean(name, all)}`);
    }
  return known;
}
