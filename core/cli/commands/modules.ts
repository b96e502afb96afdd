import { StrowgerError } from '../../errors.ts';
import { builtinNames } from '../../module/builtin.ts';
import { type CommandDescription, describeModule, type ModuleDescription } from '../../module/describe.ts';
import { ModuleLoader } from '../../module/loader.ts';
import { type CliCommand, EXIT } from '../command.ts';

/** `strowger modules`: what modules offer, from their own declarations. */
export const command: CliCommand = {
  name: 'modules',
  summary: 'Print what modules offer: parameters, functions, variables, RPC …',
  usage: '[NAME…]',
  options: [
    { name: 'json', flags: ['--json'], help: 'An array with one object a module' },
    { name: 'load-path', flags: ['-L'], arg: 'FOLDERS', help: 'Search path of modules, separated by colons' },
  ],
  examples: ['strowger modules', 'strowger modules tm dispatcher', 'strowger modules --json ./my-module'],
  async run({ values, operands, cwd, stdout, stderr }) {
    const loadPaths = (values.get('load-path') ?? []).flatMap((path) => path.split(':'));
    const loader = new ModuleLoader();
    const names = operands.length === 0 ? builtinNames() : operands;
    const loads = names.map((name) => loader.load(name, { scriptFolder: cwd, loadPaths }));
    const results = await Promise.allSettled(loads);
    await loader.close();
    let code: number = EXIT.OK;
    const found: ModuleDescription[] = [];
    for (const result of results) {
      if (result.status === 'fulfilled') found.push(describeModule(result.value.def));
      else {
        const error: unknown = result.reason;
        if (!(error instanceof StrowgerError)) throw error;
        stderr.write(`strowger modules: ${error.message}\n`);
        code = EXIT.FAILED;
      }
    }
    if (values.has('json')) stdout.write(`${JSON.stringify(found, null, 2)}\n`);
    else stdout.write(found.map(moduleText).join('\n'));
    return code;
  },
};

function moduleText(module: ModuleDescription): string {
  const needs = module.depends.length === 0 ? '' : `\nNeeds: ${module.depends.join(', ')}`;
  const sections: [string, readonly string[]][] = [
    ['Parameters', module.params.map((param) => entry(paramSignature(param), param.noEffect ?? param.doc))],
    ['Functions', module.commands.map((command) => entry(commandSignature(command), command.doc))],
    ['Pseudo-variables', module.pvs.map((pv) => entry(pvSignature(pv), pv.doc))],
    ['Transformations', module.transformations.map(({ name, doc }) => entry(`{${name}}`, doc))],
    ['RPC commands', module.rpc.map(({ name, params, doc }) => entry([name, ...params].join(' '), doc))],
    ['Statistics', module.stats.map(({ group, name, doc }) => entry(`${group}:${name}`, doc))],
    ['Event routes', module.eventRoutes.map(({ name, doc }) => entry(`event_route[${name}]`, doc))],
  ];
  const text = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `  ${title}\n${lines.join('')}`)
    .join('');
  return `${module.name}: ${module.summary}${needs}\n${text}`;
}

function entry(signature: string, doc: string): string {
  return `    ${signature}\n${doc === '' ? '' : `        ${doc}\n`}`;
}

function paramSignature(param: ModuleDescription['params'][number]): string {
  const value = param.default === null ? 'none' : JSON.stringify(param.default);
  const range =
    param.min === undefined && param.max === undefined ? '' : `, ${param.min ?? '…'} to ${param.max ?? '…'}`;
  const notes = [
    param.runtime ? ', settable while running' : '',
    param.repeatable ? ', may be repeated' : '',
    param.noEffect === undefined ? '' : ', no effect',
  ];
  return `${param.name} (${param.type}, default ${value}${range}${notes.join('')})`;
}

function commandSignature({ name, args, variadic, routes }: CommandDescription): string {
  const list = args.map((arg) => `${arg.name}${arg.optional ? '?' : ''}: ${arg.type}`).join(', ');
  return `${name}(${list}${variadic ? ', …' : ''})  [${routes.join(' ')}]`;
}

function pvSignature({ name, hasName, indexed, writable }: ModuleDescription['pvs'][number]): string {
  const inner = hasName === 'none' ? `$${name}` : `$${name}(${hasName === 'optional' ? '[name]' : 'name'})`;
  return `${inner}${indexed ? '[index]' : ''}${writable ? ', can be assigned' : ''}`;
}
