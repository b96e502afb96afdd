import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import type { ModParam } from '../../routing-lang/ast.ts';
import { Diagnostics } from '../../routing-lang/diagnostics.ts';
import { CounterRegistry } from '../counters/counters.ts';
import { Hooks } from '../events/hooks.ts';
import type { Log } from '../log/log.ts';
import type { SipMsg } from '../parser/sip-msg.ts';
import { RpcRegistry } from '../rpc/registry.ts';
import { ANY_ROUTE } from '../script/run.ts';
import type { Server } from '../server.ts';
import { command, defineModule, intParam, listParam, type ModuleDef, strParam } from './define-module.ts';
import { ModuleHostImpl } from './host-impl.ts';
import type { LoadEnvironment, ModuleItem } from './load-items.ts';
import { ModuleLoader } from './loader.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-host-'));
after(() => rmSync(folder, { recursive: true }));

const span = { start: 0, end: 1 };

function load(name: string, line = 1): ModuleItem {
  return {
    type: 'loadModule',
    span: { start: line, end: line },
    name,
    nameSpan: { start: line, end: line },
    isDynamic: false,
    options: null,
  };
}

function set(modules: string, name: string, value: string | number): ModParam {
  return {
    type: 'modParam',
    span,
    modules,
    modulesSpan: span,
    name,
    nameSpan: span,
    value,
    valueSpan: span,
    isDynamic: false,
  };
}

function bench(defs: readonly ModuleDef<never>[] = []): {
  host: ModuleHostImpl;
  server: Server;
  env: LoadEnvironment;
  diagnostics: Diagnostics;
  logged: string[];
  messages: () => string[];
} {
  const host = new ModuleHostImpl();
  const diagnostics = new Diagnostics();
  const logged: string[] = [];
  const log = {
    child: () => log,
    debug: (text: string) => void logged.push(text),
    error: (text: string) => void logged.push(text),
  } as unknown as Log;
  const server = {
    log,
    modules: host,
    rpc: new RpcRegistry(),
    counters: new CounterRegistry(),
    hooks: new Hooks(log),
  } as unknown as Server;
  const env = {
    loader: new ModuleLoader({
      cacheFolder: join(folder, 'cache'),
      given: new Map(defs.map((def) => [def.name, def])),
    }),
    diagnostics,
    locate: (offset: number) => ({ file: join(folder, 'a.cfg'), line: offset, column: 1 }),
  };
  return { host, server, env, diagnostics, logged, messages: () => diagnostics.items.map((d) => d.message) };
}

function moduleOf<S>(def: Omit<ModuleDef<S>, 'summary'>): ModuleDef<never> {
  return defineModule<S>({ summary: '', ...def }) as ModuleDef<never>;
}

suite('module host', () => {
  test('A1: init follows depends, destroy goes backwards', async () => {
    const trace: string[] = [];
    const tracing = (name: string, depends: string[]): ModuleDef<never> =>
      moduleOf<string>({
        name,
        depends,
        init: () => (trace.push(`init ${name}`), name),
        childInit: (state) => void trace.push(`child ${state}`),
        destroy: (state) => void trace.push(`destroy ${state}`),
      });
    const { host, server, env } = bench([tracing('a', ['b', 'none?']), tracing('b', ['c']), tracing('c', [])]);
    await host.load([load('a'), load('b.so'), load('c')], env);
    await host.init(server);
    await host.childInit();
    await host.destroy();
    await host.destroy();
    const names = (phase: string): string[] => trace.filter((t) => t.startsWith(phase)).map((t) => t.slice(-1));
    assert.deepEqual(names('init'), ['c', 'b', 'a']);
    assert.deepEqual(names('child'), ['c', 'b', 'a']);
    assert.deepEqual(names('destroy'), ['a', 'b', 'c']);
  });

  test('after a half-finished start only what was initialised is destroyed', async () => {
    const trace: string[] = [];
    const { host, server, env } = bench([
      moduleOf({ name: 'good', init: () => 1, destroy: () => void trace.push('good') }),
      moduleOf({
        name: 'bad',
        init: () => {
          throw new Error('no list file');
        },
        destroy: () => void trace.push('bad'),
      }),
    ]);
    await host.load([load('good'), load('bad')], env);
    await assert.rejects(host.init(server), {
      code: 'MODULE_INIT',
      message: 'module "bad" can not start: no list file',
    });
    await host.destroy();
    assert.deepEqual(trace, ['good']);
  });

  test('A1: missing dependencies and cycles are reported with the line and the path', async () => {
    const { host, env, diagnostics } = bench([
      moduleOf({ name: 'x', depends: ['tm'] }),
      moduleOf({ name: 'a', depends: ['b'] }),
      moduleOf({ name: 'b', depends: ['c'] }),
      moduleOf({ name: 'c', depends: ['a'] }),
    ]);
    await host.load([load('x', 7), load('a', 8), load('b', 9), load('c', 10)], env);
    assert.deepEqual(
      diagnostics.items.map((d) => [d.line, d.message]),
      [
        [7, 'module "x" needs the module "tm", which is not loaded'],
        [8, 'modules depend on each other in a circle: a → b → c → a'],
      ],
    );
  });

  test('modules reach each other by api, which is made once, after init', async () => {
    let made = 0;
    let seen: unknown;
    const { host, server, env } = bench([
      moduleOf({
        name: 'tm',
        init: () => ({ n: 5 }),
        api: (state: { n: number }) => ({ get: () => state.n + made++ }),
      }),
      moduleOf({
        name: 'user',
        depends: ['tm', 'gone?'],
        init: (ctx) => {
          seen = [ctx.api<{ get(): number }>('tm').get(), ctx.api('tm') === ctx.api('tm'), ctx.optionalApi('gone')];
          assert.throws(() => ctx.api('sl'), /does not name in depends/);
        },
      }),
    ]);
    await host.load([load('user'), load('tm')], env);
    assert.equal(host.api('tm'), undefined);
    await host.init(server);
    assert.deepEqual(seen, [5, true, undefined]);
  });

  test('parameters: defaults, patterns, lists, types, ranges, suggestions', async () => {
    const def = moduleOf({
      name: 'disp',
      params: {
        timeout: intParam({ default: 5, min: 1, max: 10, doc: '', runtime: true }),
        file: strParam({ default: null, doc: '' }),
        each: listParam({ doc: '' }),
        old: intParam({ default: 0, doc: '', noEffect: 'there is no shared memory' }),
        isOn: intParam({ default: 0, min: 0, max: 1, doc: '' }),
      },
      olderParams: { gone_avp: 'an XAVP has it' },
    });
    const { host, server, env, messages, diagnostics } = bench([def, moduleOf({ name: 'other' })]);
    await host.load(
      [
        load('disp'),
        set('DISP|nothing', 'timeout', 7),
        set('d.*', 'file', 'x'),
        set('disp', 'each', 'one'),
        set('disp', 'each', 'two'),
        set('disp', 'old', 1),
        set('disp', 'gone_avp', '$avp(x)'),
        set('disp', 'timeout', '8'),
        set('disp', 'timeout', 11),
        set('disp', 'isOn', 2),
        set('disp', 'file', 8),
        set('disp', 'timeuot', 8),
        set('other', 'x', 8),
        set('dispp', 'x', 8),
        set('d(', 'x', 8),
        load('other'),
      ],
      env,
    );
    assert.deepEqual(messages(), [
      'parameter "old" of module "disp" has no effect here: there is no shared memory',
      'Kamailio 5.6.3 has no parameter "gone_avp" of module "disp" any more: an XAVP has it',
      'parameter "timeout" of module "disp" takes a number: write 8 without quotes',
      'parameter "timeout" of module "disp" is at most 10, not 11',
      'parameter "isOn" of module "disp" is 0 or 1: 2 counts as 1',
      'parameter "file" of module "disp" takes a string: write "8" in quotes',
      'module "disp" has no parameter "timeuot" (did you mean "timeout"?)',
      'no module "other" is loaded before this line',
      'no module "dispp" is loaded before this line (did you mean "disp"?)',
      '"d(" is not a regular expression',
    ]);
    assert.equal(diagnostics.items[0]?.severity, 'notice');
    assert.equal(diagnostics.items[1]?.severity, 'warning');
    await host.init(server);
    assert.deepEqual(host.loaded[0]?.params.values, { timeout: 7, file: 'x', each: ['one', 'two'], old: 1, isOn: 1 });
    assert.equal(host.setParam('disp', 'timeout', 9), null);
    assert.equal(host.param('disp', 'timeout'), 9);
    assert.match(host.setParam('disp', 'file', 'y') ?? '', /can not change while running/);
    assert.deepEqual(host.runtimeParams(), [{ module: 'disp', name: 'timeout' }]);
  });

  test('the same module twice, an unknown one and a clash of names are errors', async () => {
    const hi = command({ doc: '', args: [], routes: ANY_ROUTE, run: () => 1 }) as never;
    const { host, env, messages } = bench([
      moduleOf({ name: 'one', commands: { hi } }),
      moduleOf({ name: 'two', commands: { hi } }),
    ]);
    await host.load([load('one'), load('one.so'), load('two'), load('nowhere')], env);
    assert.deepEqual(messages(), [
      'module "one" is loaded twice',
      'there is no module "nowhere"',
      'the modules "one" and "two" both declare the command hi',
    ]);
  });

  test('rpc, statistics and onReply are registered and taken back', async () => {
    const { host, server, env, logged } = bench([
      moduleOf({
        name: 'm',
        statistics: { made: { doc: '' }, 'core:held': { doc: '', get: (state: { held: number }) => state.held } },
        rpc: { 'm.hello': { doc: '', run: (_params, state: { held: number }) => state.held } },
        init: (ctx) => (ctx.counter('made').inc(), { held: 4 }),
        onReply: (_msg, state) => {
          if (state.held === 4) return false;
          throw new Error('boom');
        },
      }),
    ]);
    await host.load([load('m')], env);
    await host.init(server);
    const msg = {} as SipMsg;
    assert.equal(server.counters.find('m', 'made')?.get(), 1);
    assert.equal(server.counters.find('core', 'held')?.get(), 4);
    assert.equal(await server.rpc.call('m.hello', []), 4);
    assert.equal(server.hooks.replyIn.every(msg), false);
    const state = host.loaded[0]?.state as { held: number } | undefined;
    if (state !== undefined) state.held = 5;
    assert.equal(server.hooks.replyIn.every(msg), true, 'a reply is not lost because a module fails');
    assert.match(logged[0] ?? '', /"m" failed on a reply: boom/);
    await host.destroy();
    assert.deepEqual(server.rpc.names(), []);
    assert.equal(server.hooks.replyIn.isEmpty, true);
  });

  test('A1: a reload keeps states, changes what may change and names the rest', async () => {
    const trace: string[] = [];
    const kept = moduleOf({
      name: 'kept',
      params: {
        now: intParam({ default: 1, doc: '', runtime: true }),
        fixed: intParam({ default: 1, doc: '' }),
      },
      init: () => (trace.push('init kept'), {}),
    });
    const named = (name: string): ModuleDef<never> =>
      moduleOf({
        name,
        init: () => void trace.push(`init ${name}`),
        destroy: () => void trace.push(`destroy ${name}`),
        commands: { [`${name}_it`]: command({ doc: '', args: [], routes: ANY_ROUTE, run: () => 1 }) as never },
      });
    const { host, server, env } = bench([kept, named('gone'), named('fresh')]);
    await host.load([load('kept'), load('gone')], env);
    await host.init(server);
    await host.childInit();
    const state = host.loaded[0]?.state;

    const items = [load('kept'), set('kept', 'now', 2), set('kept', 'fixed', 2), load('fresh')];
    const dropped = await host.prepareReload(items, env);
    await dropped.abort();
    const plan = await host.prepareReload(items, env);
    assert.equal(host.isLoaded('gone'), true);
    assert.equal(plan.index.commands('fresh_it').length, 1);
    assert.deepEqual(plan.commit(), ['kept.fixed']);
    assert.equal(host.loaded[0]?.state, state);
    assert.deepEqual(host.loaded[0]?.params.values, { now: 2, fixed: 1 });
    await host.destroyRetired();
    await host.destroy();
    assert.deepEqual(trace, [
      'init kept',
      'init gone',
      'init fresh',
      'destroy fresh',
      'init fresh',
      'destroy gone',
      'destroy fresh',
    ]);
  });

  test('a module of the user, in TypeScript beside the script, is bundled and changed by a reload', async () => {
    const hello = join(folder, 'hello');
    mkdirSync(join(hello, 'node_modules', 'dep'), { recursive: true });
    writeFileSync(
      join(hello, 'package.json'),
      JSON.stringify({ name: 'hello', type: 'module', exports: './index.ts' }),
    );
    writeFileSync(join(hello, 'node_modules/dep/package.json'), '{"name":"dep","type":"module","exports":"./d.js"}');
    writeFileSync(join(hello, 'node_modules/dep/d.js'), 'export const dep = import.meta.url;');
    const source = (word: string): string => `
      import { defineModule } from 'strowger';
      import { dep } from 'dep';
      import { part } from './part.ts';
      const word: string = '${word}';
      export default defineModule({ name: 'hello', summary: '', init: () => [word, part, dep, import.meta.filename] });`;
    writeFileSync(join(hello, 'part.ts'), `export const part = import.meta.dirname;`);
    writeFileSync(join(hello, 'index.ts'), source('one'));
    const { host, server, env } = bench();
    await host.load([load('./hello')], env);
    await host.init(server);
    const dep = new URL(`file://${hello}/node_modules/dep/d.js`).href;
    assert.deepEqual(host.loaded[0]?.state, ['one', hello, dep, join(hello, 'index.ts')]);

    writeFileSync(join(hello, 'index.ts'), source('two'));
    const plan = await host.prepareReload([load('./hello')], env);
    plan.commit();
    assert.equal((host.loaded[0]?.state as string[] | undefined)?.[0], 'two');
    await host.destroy();
  });

  test('what is wrong with a user module is said with file and line', async () => {
    writeFileSync(join(folder, 'syntax.ts'), 'const x: = 3;\n');
    writeFileSync(join(folder, 'empty.ts'), 'export const x = 3;\n');
    writeFileSync(
      join(folder, 'shape.ts'),
      'export default { name: "a b", summary: "", commands: { f: { args: ["strng"], routes: 1, run() {} } } };\n',
    );
    writeFileSync(join(folder, 'throws.ts'), 'throw new Error("on import");\n');
    mkdirSync(join(folder, 'nothing'));
    const { host, env, messages } = bench();
    await host.load(
      ['./syntax', './empty.ts', './shape', './throws', './nothing', '/lib/none.so'].map((n) => load(n)),
      env,
    );
    const [syntax, empty, shape, throws, nothing, none] = messages();
    assert.match(syntax ?? '', /syntax\.ts:1:10: Unexpected "="\n {4}const x: = 3;/);
    assert.match(empty ?? '', /its default export is nothing/);
    assert.match(shape ?? '', /name: a word is needed.*\n +commands\.f: args: there is no argument type "strng"/);
    assert.match(throws ?? '', /can not be imported: on import/);
    assert.match(nothing ?? '', /neither a package\.json/);
    assert.match(none ?? '', /there is no module at \/lib\/none\.so/);
  });
});
