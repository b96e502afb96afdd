import process from 'node:process';
import { type CliCommand, EXIT, UsageError } from '../command.ts';
import { RUN_OPTIONS } from '../options.ts';
import { processOptions, scriptOptions } from '../run-options.ts';
import { runServer } from '../run-server.ts';
import { versionLines } from '../version.ts';
import { checkScriptFile, printScriptFile } from './check.ts';
import { programHelp } from './help.ts';

/** `strowger -f FILE`: a server in the foreground. */
export const command: CliCommand = {
  name: 'run',
  summary: 'Run a server in the foreground (also without a command)',
  usage: '-f FILE',
  options: RUN_OPTIONS,
  examples: ['strowger -f my.cfg', 'strowger -f my.cfg -l udp:127.0.0.1:5080 -A WITH_TLS --debug=3'],
  async run(context) {
    const { values, operands, cwd, stdout } = context;
    if (values.has('help')) {
      stdout.write(await programHelp());
      return EXIT.OK;
    }
    if (values.has('version') || values.has('build-info')) {
      stdout.write(versionLines());
      return EXIT.OK;
    }
    const [operand] = operands;
    if (operand !== undefined) throw new UsageError(`unexpected "${operand}": the script is given with -f`);
    const options = processOptions(values, cwd);
    const script = scriptOptions(values, cwd);
    if (options.action === 'check') return await checkScriptFile(script, context, { isJson: false });
    if (options.action === 'print') return await printScriptFile(script, context);
    const { startProcess } = await import('../../workers/start-process.ts');
    process.exit(await runServer('strowger', script, options, startProcess));
  },
};
