import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { builtinEntry, packageFolder } from '../../module/builtin.ts';
import { type CliCommand, EXIT, UsageError } from '../command.ts';
import { moduleFiles } from '../module-template.ts';
import { packageVersion } from '../version.ts';

/** `strowger create-module NAME`: a module that works, to begin from. */
export const command: CliCommand = {
  name: 'create-module',
  summary: 'Write a new module that works, with a test, types and a README',
  usage: 'FOLDER',
  options: [],
  examples: ['strowger create-module hello', 'strowger create-module modules/my_routing'],
  run({ operands, cwd, stdout, stderr }) {
    const [operand, extra] = operands;
    if (operand === undefined) throw new UsageError('what shall it be called? FOLDER is missing');
    if (extra !== undefined) throw new UsageError(`one module at a time: unexpected "${extra}"`);
    const folder = resolve(cwd, operand);
    const name = basename(folder);
    if (!/^[a-z][a-z0-9_]*$/.test(name)) {
      throw new UsageError(`"${name}" is no module name: small letters, digits and _ are, beginning with a letter`);
    }
    if (builtinEntry(name) !== null) throw new UsageError(`"${name}" is the name of a built-in module`);
    if (existsSync(folder)) {
      stderr.write(`strowger create-module: ${folder} exists\n`);
      return Promise.resolve(EXIT.FAILED);
    }
    mkdirSync(folder, { recursive: true });
    const files = moduleFiles({ name, version: packageVersion(), corePackage: packageFolder });
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    const shown = relative(cwd, folder);
    stdout.write(`${Object.keys(files)
      .map((file) => `${join(shown, file)}\n`)
      .join('')}
Load it in a script that stands beside the folder:

    loadmodule "./${name}"

and call ${name}_greet() in a route. Its README says how to test it.
`);
    return Promise.resolve(EXIT.OK);
  },
};
