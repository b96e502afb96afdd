import { type CliCommand, EXIT } from '../command.ts';
import { versionLines } from '../version.ts';

export const command: CliCommand = {
  name: 'version',
  summary: 'Print the version',
  usage: '',
  options: [],
  run({ stdout }) {
    stdout.write(versionLines());
    return Promise.resolve(EXIT.OK);
  },
};
