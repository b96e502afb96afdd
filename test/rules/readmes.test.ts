import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { describeModule, type ModuleDescription } from '../../core/module/describe.ts';
import { ModuleLoader } from '../../core/module/loader.ts';
import { checkScript } from '../../core/start.ts';
import { scriptOptions } from '../support/both-servers.ts';

const ROOT = join(import.meta.dirname, '../..');
const SECTIONS = [
  'Overview',
  'Dependencies',
  'Parameters',
  'Functions',
  'Pseudo-variables',
  'RPC Commands',
  'Event Routes',
  'Statistics',
  'Examples',
  'Differences from Kamailio',
];

const MODULES = readdirSync(join(ROOT, 'modules'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, 'modules', entry.name, 'index.ts')))
  .map((entry) => entry.name);

function readme(path: string): string {
  const file = join(ROOT, path, 'README.md');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** Text of the README without its examples: where everything is described. */
function descriptions(text: string): string {
  return text.replace(/\n## Examples\n[\s\S]*?(?=\n## |$)/, '\n');
}

/** Names that are families (`tls_peer_subject_cn`) may be told by their pattern; these modules do so. */
const FAMILIES_OF_PVS = new Set(['pv', 'tls']);

/** What a reader must find described. */
function declared(module: ModuleDescription): string[] {
  const pvs = FAMILIES_OF_PVS.has(module.name) ? [] : module.pvs.map(({ name }) => `$${name}`);
  const parts = [module.params, module.commands, module.rpc, module.eventRoutes];
  return [...new Set([...parts.flat().map(({ name }) => name), ...pvs])];
}

function isNamed(text: string, name: string): boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<!\\w)${quoted}(?!\\w)`).test(text);
}

/** Cells of a row, without the marks of code and quotes; a `\\|` is no border. */
function cells(row: string): string[] {
  return row
    .slice(1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.replaceAll('\\|', '|').trim());
}

/** Words that tables of parameters have where the default is an empty text or none at all. */
const NO_DEFAULT = new Set(['', 'none', 'empty', '""']);

/** `0600` is 384: modes of files are written in octal. */
function isDefault(shown: string, { default: value }: ModuleDescription['params'][number]): boolean {
  const plain = shown.replaceAll('`', '').replaceAll('\\r', '\r').replaceAll('\\n', '\n');
  if (value === null || value === '') return NO_DEFAULT.has(plain) || value === null;
  return plain === String(value) || (/^0[0-7]+$/.test(plain) && Number.parseInt(plain, 8) === value);
}

/** Rows of the tables under "Parameters" that show another default than the module declares. */
function wrongDefaults(text: string, params: ModuleDescription['params']): string[] {
  const section = /\n## Parameters\n([\s\S]*?)(?=\n## |$)/.exec(text)?.[1] ?? '';
  const wrong: string[] = [];
  for (const table of section.split(/\n(?!\|)/)) {
    const [head = '', , ...rows] = table.split('\n').filter((line) => line.startsWith('|'));
    const column = cells(head).indexOf('default');
    if (column < 0) continue;
    for (const row of rows) {
      const [first = '', ...others] = cells(row);
      const names = [...first.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
      const shown = others[column - 1] ?? '';
      const each = names.length > 1 && shown.includes(', ') ? shown.split(', ') : names.map(() => shown);
      for (const [i, name] of names.entries()) {
        const param = params.find((candidate) => candidate.name === name);
        if (param === undefined || param.noEffect !== undefined || isDefault(each[i] ?? '', param)) continue;
        wrong.push(`${name}: ${each[i]} is ${JSON.stringify(param.default)}`);
      }
    }
  }
  return wrong;
}

suite('a module has a README', () => {
  const loader = new ModuleLoader();
  for (const name of MODULES) {
    test(name, async () => {
      const text = readme(`modules/${name}`);
      assert.ok(text.startsWith(`# ${name}\n`), `modules/${name}/README.md begins with "# ${name}"`);
      const sections = [...text.matchAll(/^## (.*)$/gm)].map((match) => match[1] ?? '');
      assert.deepEqual(
        sections,
        SECTIONS.filter((section) => sections.includes(section)),
        'sections and their order',
      );
      assert.equal(sections[0], 'Overview');
      const { def } = await loader.load(name, { scriptFolder: ROOT, loadPaths: [] });
      const described = descriptions(text);
      const module = describeModule(def);
      const silent = declared(module).filter((each) => !isNamed(described, each));
      assert.deepEqual(silent, [], 'named nowhere in it');
      assert.deepEqual(wrongDefaults(text, module.params), [], 'other defaults than declared');
    });
  }
});

interface Example {
  readonly folder: string;
  readonly line: number;
  readonly text: string;
}

/** Fenced blocks that say they are scripts, and indented paragraphs with a modparam line. */
function examples(folder: string): Example[] {
  const text = readme(folder);
  const lineAt = (offset: number): number => text.slice(0, offset).split('\n').length;
  const found: Example[] = [];
  for (const match of text.matchAll(/^```kamailio\n([\s\S]*?)^```$/gm))
    found.push({ folder, line: lineAt(match.index), text: match[1] ?? '' });
  const outside = text.replace(/^```[\s\S]*?^```$/gm, (block) => block.replace(/[^\n]/g, ''));
  for (const match of outside.matchAll(/(?:^ {4}.*\n)*^ {4}modparam\(.*\n(?:^ {4}.*\n)*/gm))
    found.push({ folder, line: lineAt(match.index), text: match[0] });
  return found;
}

/** An example of a few lines stands for a script that loads its module and has a route. */
function wholeScript({ folder, text }: Example): string {
  const name = folder.split('/')[1] ?? '';
  const isModule = folder.startsWith('modules/') && !new RegExp(`^\\s*loadmodule "${name}(?:\\.so)?"`, 'm').test(text);
  const route = /^\s*(?:request_route|route)\s*\{/m.test(text) ? '' : '\nrequest_route { exit; }\n';
  return `${isModule ? `loadmodule "${name}.so"\n` : ''}${text}${route}`;
}

suite('examples of the READMEs pass the check', () => {
  const folders = ['.', 'core', 'core/module', 'routing-lang', ...MODULES.map((name) => `modules/${name}`)];
  for (const example of folders.flatMap(examples)) {
    test(`${example.folder}/README.md:${example.line}`, async () => {
      const { diagnostics } = await checkScript(scriptOptions(wholeScript(example)));
      const errors = diagnostics.filter(({ severity }) => severity === 'error');
      assert.deepEqual(
        errors.map(({ line, message }) => `${line}: ${message}`),
        [],
      );
    });
  }
});

test('the README of the project leads to that of each module', () => {
  const text = readme('.');
  assert.deepEqual(
    MODULES.filter((name) => !text.includes(`[${name}](modules/${name}/README.md)`)),
    [],
  );
});
