import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, suite, test } from 'node:test';
import type { CommandDescription, ModuleDescription } from '../../core/module/describe.ts';
import KNOWN from '../../core/module/known-exports.json' with { type: 'json' };
import { BIN_FOLDER, StrowgerProcess } from '../support/strowger-process.ts';

/**
 * What one module of Kamailio 5.6.3 offers to scripts: its exports, without those for other C modules (`bind_…`) and those
 * not compiled in; event routes as its documentation names them.
 */
interface Exports {
  /** By name: the numbers of arguments it is declared with (below 0: any), and the routes it may be called in. */
  readonly functions: Readonly<
    Record<string, { readonly args: readonly number[]; readonly routes: readonly string[] }>
  >;
  readonly params: readonly string[];
  /** By name: can it be assigned? */
  readonly pvs: Readonly<Record<string, boolean>>;
  /** `class.name` */
  readonly transformations: readonly string[];
  readonly rpc: readonly string[];
  readonly stats: readonly string[];
  readonly eventRoutes: readonly string[];
}

const INVENTORY = JSON.parse(
  readFileSync(join(import.meta.dirname, 'testdata/kamailio-5.6.3.json'), 'utf8'),
) as Readonly<Record<string, Exports>>;

const MODULES = join(import.meta.dirname, '../../modules');

/** The section of a module's README that admits what is not as in Kamailio. */
function differences(name: string): string {
  const file = join(MODULES, name, 'README.md');
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return /\n## Differences from Kamailio\n([\s\S]*)$/.exec(text)?.[1] ?? '';
}

/** A gap: what it is called in the README, and how it is told here. */
interface Gap {
  readonly name: string;
  readonly text: string;
}

function missing(kind: string, wanted: readonly string[], found: readonly { readonly name: string }[]): Gap[] {
  const names = new Set(found.map(({ name }) => name));
  return wanted.filter((name) => !names.has(name)).map((name) => ({ name, text: `${kind} ${name} is missing` }));
}

function accepts({ args, variadic }: CommandDescription, count: number): boolean {
  return count < 0 || (count >= args.filter((arg) => !arg.optional).length && (count <= args.length || variadic));
}

/** Functions that are there, but not with all their forms or not in all their routes. */
function narrower(wanted: Exports['functions'], commands: readonly CommandDescription[]): Gap[] {
  const gaps: Gap[] = [];
  for (const [name, { args, routes }] of Object.entries(wanted)) {
    const forms = commands.filter((command) => command.name === name);
    if (forms.length === 0) continue;
    for (const count of args) {
      if (!forms.some((form) => accepts(form, count)))
        gaps.push({ name, text: `function ${name} does not take ${count} arguments` });
    }
    const where = new Set(forms.flatMap((form) => form.routes));
    const lacking = where.has('ANY') ? [] : routes.filter((route) => !where.has(route));
    if (lacking.length > 0) gaps.push({ name, text: `function ${name} may not be called in ${lacking.join(', ')}` });
  }
  return gaps;
}

function gapsOf(wanted: Exports, found: ModuleDescription): Gap[] {
  const readOnly = found.pvs.filter((pv) => wanted.pvs[pv.name] === true && !pv.writable);
  return [
    ...missing('function', Object.keys(wanted.functions), found.commands),
    ...narrower(wanted.functions, found.commands),
    ...missing('parameter', wanted.params, found.params),
    ...found.params.flatMap(({ name, noEffect }) =>
      noEffect === undefined ? [] : [{ name, text: `parameter ${name} has no effect: ${noEffect}` }],
    ),
    ...missing('pseudo-variable', Object.keys(wanted.pvs), found.pvs),
    ...readOnly.map(({ name }) => ({ name, text: `pseudo-variable ${name} can not be assigned` })),
    ...missing('transformation', wanted.transformations, found.transformations),
    ...missing('RPC command', wanted.rpc, found.rpc),
    ...missing('statistic', wanted.stats, found.stats),
    ...missing('event route', wanted.eventRoutes, found.eventRoutes),
  ];
}

/** The name as a word of its own: not a part of a longer one. */
function names(text: string, name: string): boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`(?<![\\w:.])${quoted}(?![\\w:])`).test(text);
}

suite('everything Kamailio 5.6.3 exports is here, or the README says that it is not', () => {
  const described = new Map<string, ModuleDescription>();
  let complaints = '';

  before(async () => {
    const run = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), ['modules', '--json', ...Object.keys(INVENTORY)]);
    const { stdout, stderr } = await run.end();
    complaints = stderr;
    for (const module of JSON.parse(stdout) as ModuleDescription[]) described.set(module.name, module);
  });

  test('what hints say that only newer Kamailios have is not here', () => {
    for (const [name, found] of described) {
      const here = { newerCommands: found.commands, newerPvs: found.pvs, newerParams: found.params };
      for (const [kind, exports] of Object.entries(here)) {
        const table: Readonly<Record<string, string>> = KNOWN[kind as keyof typeof here];
        const names = (table[name] ?? '').split(' ');
        const stale = exports.flatMap((item) => (names.includes(item.name) ? [item.name] : []));
        assert.deepEqual(stale, [], `core/module/known-exports.json, ${kind} of ${name}`);
      }
    }
  });

  for (const [name, wanted] of Object.entries(INVENTORY)) {
    test(name, (t) => {
      const found = described.get(name);
      assert.ok(found !== undefined, `no module ${name}\n${complaints}`);
      const admitted = differences(name);
      const gaps = gapsOf(wanted, found);
      for (const gap of gaps) t.diagnostic(`${name}: ${gap.text}`);
      const silent = gaps.filter((gap) => !names(admitted, gap.name)).map((gap) => gap.text);
      assert.deepEqual(silent, [], `not named under "Differences from Kamailio" in modules/${name}/README.md`);
    });
  }
});
