import process from 'node:process';
import { didYouMean } from '../suggest.ts';
import { type CliCommand, type CommandContext, EXIT, UsageError } from './command.ts';
import { getopt, optionHelp } from './getopt.ts';

/** Streams and surroundings of a program; the process's own unless a test gives others. */
export type Surroundings = Pick<CommandContext, 'cwd' | 'env' | 'stdin' | 'stdout' | 'stderr'>;

/** Each verb's file is read when the verb is used. */
const VERBS: ReadonlyMap<string, () => Promise<{ readonly command: CliCommand }>> = new Map([
  ['run', () => import('./commands/run.ts')],
  ['check', () => import('./commands/check.ts')],
  ['modules', () => import('./commands/modules.ts')],
  ['create-module', () => import('./commands/create-module.ts')],
  ['reload', () => import('./commands/reload.ts')],
  ['rpc', () => import('./commands/rpc.ts')],
  ['db', () => import('./commands/db.ts')],
  ['user', () => import('./commands/user.ts')],
  ['version', () => import('./commands/version.ts')],
  ['help', () => import('./commands/help.ts')],
]);

/** Runs `strowger VERB …`; without a verb, `run`. Resolves to the exit code. */
export async function runProgram(argv: readonly string[], around: Surroundings): Promise<number> {
  const [first = ''] = argv;
  const isVerb = first !== '' && !first.startsWith('-');
  if (!isVerb && (argv.includes('--help') || first === '-h')) return await runVerb('help', [], around);
  if (!isVerb) return await runVerb('run', argv, around);
  if (VERBS.has(first)) return await runVerb(first, argv.slice(1), around);
  around.stderr.write(`strowger: there is no command "${first}"${didYouMean(first, VERBS.keys())}\n`);
  around.stderr.write(first.endsWith('.cfg') ? `To run a script: strowger -f ${first}\n` : 'Try: strowger help\n');
  return EXIT.USAGE;
}

/** All verbs, in the order of the help. */
export async function allCommands(): Promise<CliCommand[]> {
  return await Promise.all([...VERBS.values()].map(async (load) => (await load()).command));
}

/** The command of a verb, or null. */
export async function findCommand(verb: string): Promise<CliCommand | null> {
  const load = VERBS.get(verb);
  return load === undefined ? null : (await load()).command;
}

/** What `strowger help VERB` prints. */
export function commandHelp(command: CliCommand): string {
  const usage = `strowger ${command.name}${command.options.length > 0 ? ' [options]' : ''} ${command.usage}`.trimEnd();
  const parts = [`${command.summary}\n\nUsage: ${usage}`];
  if (command.options.length > 0) parts.push(`Options:\n${optionHelp(command.options)}`);
  if (command.examples !== undefined)
    parts.push(`Examples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`);
  return `${parts.join('\n\n')}\n`;
}

async function runVerb(verb: string, argv: readonly string[], around: Surroundings): Promise<number> {
  const command = await findCommand(verb);
  if (command === null) throw new Error(`no command ${verb}`);
  if (verb !== 'run' && (argv.includes('--help') || argv.includes('-h'))) {
    around.stdout.write(commandHelp(command));
    return EXIT.OK;
  }
  const { values, operands, errors } = getopt(argv, command.options);
  if (errors.length > 0) return usageError(command, errors, around);
  try {
    return await command.run({ values, operands, ...around });
  } catch (error) {
    if (error instanceof UsageError) return usageError(command, [error.message], around);
    throw error;
  }
}

function usageError(command: CliCommand, errors: readonly string[], around: Surroundings): number {
  for (const error of errors) around.stderr.write(`strowger ${command.name}: ${error}\n`);
  around.stderr.write(`Try: strowger help ${command.name}\n`);
  return EXIT.USAGE;
}

/** The surroundings of this process. */
export function processSurroundings(): Surroundings {
  return {
    cwd: process.cwd(),
    env: process.env,
    stdin: () => process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  };
}
