import { basename } from 'node:path';
import { diagnosticsToJson, formatDiagnostic, formatDiagnostics } from '../../../routing-lang/diagnostics.ts';
import { FdSink } from '../../log/log-sink.ts';
import { PinoLog } from '../../log/pino-log.ts';
import { RealClock } from '../../timer/real-clock.ts';
import { type CliCommand, type CommandContext, EXIT, UsageError } from '../command.ts';
import { KAMAILIO_OPTIONS } from '../options.ts';
import { readable } from '../readable-diagnostics.ts';
import { type ScriptOptions, scriptOptions } from '../run-options.ts';
import { wantsColor } from '../server-log.ts';
import type { CheckResult, StartOptions } from '../start-options.ts';

const SCRIPT_OPTIONS = new Set([
  'define',
  'load-path',
  'loadmodule',
  'modparam',
  'subst',
  'substdef',
  'substdefs',
  'listen',
]);

/** `strowger check FILE`: all that is wrong with a script. */
export const command: CliCommand = {
  name: 'check',
  summary: 'Check a script and print all that is wrong with it',
  usage: 'FILE',
  options: [
    { name: 'json', flags: ['--json'], help: 'An array of diagnostics on standard output' },
    { name: 'strict', flags: ['--strict'], help: 'Refuse what Kamailio 5.6 refuses' },
    ...KAMAILIO_OPTIONS.filter((option) => SCRIPT_OPTIONS.has(option.name)),
  ],
  examples: ['strowger check kamailio.cfg', 'strowger check --json -A WITH_NAT kamailio.cfg'],
  async run(context) {
    const [file, extra] = context.operands;
    if (file === undefined) throw new UsageError('which script? FILE is missing');
    if (extra !== undefined) throw new UsageError(`one script at a time: unexpected "${extra}"`);
    const values = new Map([...context.values, ['file', [file]]]);
    const isJson = context.values.has('json');
    return await checkScriptFile(scriptOptions(values, context.cwd), context, { isJson });
  },
};

/** Checks and prints: diagnostics as text on standard error, or as JSON on standard output. EXIT.OK or EXIT.FAILED. */
export async function checkScriptFile(
  script: ScriptOptions,
  context: Pick<CommandContext, 'stdout' | 'stderr' | 'env'>,
  { isJson }: { readonly isJson: boolean },
): Promise<number> {
  const result = await check(script);
  const { diagnostics, lineText, ok } = result;
  if (isJson) context.stdout.write(`${JSON.stringify(diagnosticsToJson(diagnostics), null, 2)}\n`);
  else {
    const color = wantsColor(context.env, context.stderr.isTTY);
    context.stderr.write(formatDiagnostics(diagnostics, { lineText, color }));
    if (ok) context.stderr.write(`${basename(script.scriptPath)}: the script is good\n`);
  }
  return ok ? EXIT.OK : EXIT.FAILED;
}

/** `-c` of strowger-kamailio: Kamailio's last line, on standard error. */
export async function checkLikeKamailio(script: ScriptOptions, stderr: CommandContext['stderr']): Promise<boolean> {
  const { diagnostics, lineText, ok } = await check(script);
  for (const diagnostic of diagnostics) stderr.write(`${formatDiagnostic(diagnostic, { lineText })}\n`);
  const count = diagnostics.filter((diagnostic) => diagnostic.severity === 'error').length;
  if (!ok) {
    stderr.write(`ERROR: bad config file (${count} errors)\n`);
    return false;
  }
  const { checkListens } = await import('../../start.ts');
  const problem = await checkListens(withLog(script));
  stderr.write(problem === null ? 'config file ok, exiting...\n' : `ERROR: ${problem}\n`);
  return problem === null;
}

/** `--cfg-print`: the script after its preprocessor, on standard output. */
export async function printScriptFile(script: ScriptOptions, context: Pick<CommandContext, 'stdout'>): Promise<number> {
  const { printScript } = await import('../../start.ts');
  context.stdout.write(Buffer.from(await printScript(withLog(script)), 'latin1'));
  return EXIT.OK;
}

async function check(script: ScriptOptions): Promise<CheckResult> {
  const { checkScript } = await import('../../start.ts');
  return readable(await checkScript(withLog(script)));
}

/** A check logs nothing but what is wrong with the machine. */
function withLog(script: ScriptOptions): StartOptions {
  const clock = new RealClock();
  return {
    ...script,
    log: PinoLog.create({ sink: new FdSink(2), format: 'text', level: -1, wall: () => clock.wall() }),
  };
}
