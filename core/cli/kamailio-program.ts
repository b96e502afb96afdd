import process from 'node:process';
import { EXIT, UsageError } from './command.ts';
import { checkLikeKamailio, printScriptFile } from './commands/check.ts';
import { daemonise, isDaemonChild } from './daemon.ts';
import { getopt, optionHelp } from './getopt.ts';
import { KAMAILIO_OPTIONS } from './options.ts';
import { unknownIdentity } from './privileges.ts';
import type { Surroundings } from './program.ts';
import { type ProcessOptions, processOptions, type ScriptOptions, scriptOptions } from './run-options.ts';
import { runServer } from './run-server.ts';
import { versionLines } from './version.ts';

/** Kamailio ends with -1 whatever fails. */
const FAILED = 255;

/**
 * `strowger-kamailio`: Kamailio's options and exit codes. Goes to the background once it is ready, unless -D, -DD,
 * -c and the like say otherwise. Operands are passed over, as Kamailio does.
 */
export async function runLikeKamailio(argv: readonly string[], around: Surroundings): Promise<number> {
  const { values, errors } = getopt(argv, KAMAILIO_OPTIONS);
  const [error] = errors;
  if (error !== undefined) {
    around.stderr.write(`${error.charAt(0).toUpperCase()}${error.slice(1)}. Use -h for help.\n`);
    return FAILED;
  }
  if (values.has('help')) {
    around.stdout.write(
      `${versionLines()}Usage: strowger-kamailio [options]\nOptions:\n${optionHelp(KAMAILIO_OPTIONS)}\n`,
    );
    return EXIT.OK;
  }
  if (values.has('version') || values.has('build-info')) {
    around.stdout.write(versionLines());
    return EXIT.OK;
  }
  try {
    const options = processOptions(values, around.cwd);
    const isForeground = options.foreground === 1 || options.foreground === 2;
    if (options.action === 'run' && !isForeground && !isDaemonChild()) return await daemonise(argv);
    return await act(scriptOptions(values, around.cwd), options, around);
  } catch (problem) {
    if (!(problem instanceof UsageError)) throw problem;
    around.stderr.write(`ERROR: ${problem.message}\n`);
    return FAILED;
  }
}

async function act(script: ScriptOptions, options: ProcessOptions, around: Surroundings): Promise<number> {
  if (options.action === 'check') {
    const problem = unknownIdentity({ user: options.user ?? '', group: options.group ?? '' });
    if (problem !== null) throw new UsageError(problem);
    return (await checkLikeKamailio(script, around.stderr)) ? EXIT.OK : FAILED;
  }
  if (options.action === 'print') return await printScriptFile(script, around);
  const { startProcess } = await import('../workers/start-process.ts');
  const code = await runServer('strowger-kamailio', script, options, startProcess);
  process.exit(code === EXIT.OK ? EXIT.OK : FAILED);
}
