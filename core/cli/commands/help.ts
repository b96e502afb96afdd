import { type CliCommand, EXIT, UsageError } from '../command.ts';
import { optionHelp } from '../getopt.ts';
import { RUN_OPTIONS } from '../options.ts';
import { allCommands, commandHelp, findCommand } from '../program.ts';

export const command: CliCommand = {
  name: 'help',
  summary: 'Print what a command does and takes',
  usage: '[COMMAND]',
  options: [],
  async run({ operands, stdout }) {
    const [verb] = operands;
    if (verb === undefined) {
      stdout.write(await programHelp());
      return EXIT.OK;
    }
    const found = await findCommand(verb);
    if (found === null) throw new UsageError(`there is no command "${verb}"`);
    stdout.write(commandHelp(found));
    return EXIT.OK;
  },
};

/** The help of the whole program. */
export async function programHelp(): Promise<string> {
  const commands = await allCommands();
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}`);
  return `A programmable SIP server that runs Kamailio's scripts.

Usage: strowger -f FILE [options]
       strowger COMMAND [options] [operands]

Examples:
  strowger -f my.cfg                         run a server
  strowger check my.cfg                      find all errors of a script
  strowger modules tm                        what a module offers
  strowger rpc core.uptime                   ask a running server

Commands:
${lines.join('\n')}

Options of run (Kamailio's letters):
${optionHelp(RUN_OPTIONS)}

Exit codes: 0 good, 1 the script or the start failed, 2 wrong usage, 3 the stop was cut short.
`;
}
