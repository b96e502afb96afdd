import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { jsonText, ROUTE, RUN_EXIT, Run, type ScriptRoute } from 'strowger';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { sipMsg } from '../../test/support/fake-msg.ts';
import cfgutils from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-cfgutils-'));
const file = join(folder, 'x.cfg');
const clock = new VirtualClock();
const bare = new BareServer({ clock });
let state: unknown;

before(async () => {
  writeFileSync(file, 'one');
  state = await bare.load(cfgutils, [
    ['lock_set_size', 2],
    ['initial_gflags', 8],
    ['hash_file', file],
  ]);
});
after(async () => {
  await bare.stop();
  rmSync(folder, { recursive: true });
});

const newRun = (): Run =>
  new Run(bare.server, bare.server.program, sipMsg('OPTIONS sip:a SIP/2.0\r\n\r\n'), ROUTE.REQUEST);

function use(name: string, ...args: unknown[]): unknown {
  return useIn(newRun(), name, ...args);
}
function useIn(run: Run, name: string, ...args: unknown[]): unknown {
  const def = cfgutils.commands?.[name];
  assert.ok(def !== undefined && 'run' in def, name);
  return (def.run as unknown as (...rest: unknown[]) => unknown)(run, state, ...args);
}
const call = async (method: string, ...params: (string | number)[]): Promise<string> =>
  jsonText(await bare.server.rpc.call(`cfgutils.${method}`, params));

test('chance', async () => {
  assert.equal(use('rand_get_prob'), 10);
  assert.equal(use('rand_set_prob', 0), 1);
  for (let i = 0; i < 50; i++) assert.equal(use('rand_event'), -1);
  use('rand_set_prob', 100);
  for (let i = 0; i < 50; i++) assert.equal(use('rand_event'), 1);
  assert.equal(use('rand_set_prob', 101), -1);
  assert.equal(await call('rand_get_prob'), '"actual probability: 100 percent"');
  use('rand_reset_prob');
  assert.equal(await call('rand_get_prob'), '"actual probability: 10 percent"');
  await assert.rejects(call('rand_set_prob', 500), { code: 500, message: 'Invalid Percent' });
  const random = cfgutils.pseudoVariables?.['RANDOM']?.bind({} as never, state as never);
  assert.ok(typeof random === 'object');
  const value = random.get(newRun());
  assert.ok(typeof value === 'number' && value >= 0 && value < 2 ** 31);
});

test('global flags, by number from the script and by mask over RPC', async () => {
  assert.equal(use('is_gflag', 3), 1);
  assert.equal(use('set_gflag', 31), 1);
  assert.equal(await call('get_gflags'), '"0x80000008 (2147483656)"');
  assert.equal(use('reset_gflag', 31), 1);
  assert.equal(use('set_gflag', 32), -1);
  await call('set_gflag', '0x5');
  assert.equal(await call('is_gflag', 5), '"TRUE"');
  await call('reset_gflag', 4);
  assert.equal(await call('is_gflag', 5), '"FALSE"');
  assert.equal(await call('get_gflags'), '"0x9 (9)"');
});

test('the core hash, one more than it, as kamailio returns it', () => {
  const cases: readonly (readonly [string, string, number, number])[] = [
    ['abc', '', 4, 3],
    ['abc', 'def', 10, 370],
    ['1-23@x', '', 0, 2],
    ['1-23@x', '', 1, 2],
    ['1-23@x', '', 2, 4],
    ['1-23@x', '', 31, 923_891_388],
    ['', '', 3, 1],
    ['', 'abc', 4, 3],
    ['12345678', '90', 12, 4094],
  ];
  for (const [a, b, size, expected] of cases) assert.equal(use('core_hash', a, b, size), expected, `${a} ${b} ${size}`);
});

test('sleep waits on the clock and holds nobody up', async () => {
  const started = clock.now();
  const slept = use('sleep', 2) as Promise<number>;
  const nap = use('usleep', 1500) as Promise<number>;
  assert.equal(use('usleep', 0), 1);
  assert.equal(await clock.runUntilSettled(nap), 1);
  assert.equal(clock.now() - started, 2);
  assert.equal(await clock.runUntilSettled(slept), 1);
  assert.equal(clock.now() - started, 2000);
});

test('locks are granted in turn', async () => {
  const [first, second, third] = [newRun(), newRun(), newRun()];
  const order: string[] = [];
  assert.equal(useIn(first, 'lock', 'key'), 1);
  assert.equal(useIn(first, 'lock', 'key'), 1);
  assert.equal(useIn(second, 'trylock', 'key'), -1);
  const waits = [second, third].map((run, i) =>
    (useIn(run, 'lock', 'key') as Promise<number>).then((code) => order.push(`${i} ${code}`)),
  );
  assert.equal(useIn(first, 'unlock', 'key'), 1);
  await waits[0];
  assert.deepEqual(order, ['0 1']);
  useIn(second, 'unlock', 'key');
  await waits[1];
  useIn(third, 'unlock', 'key');
  assert.equal(useIn(first, 'trylock', 'key'), 1);
  useIn(first, 'unlock', 'key');

  assert.equal(useIn(first, 'lock', 'key', 'a'), 1);
  assert.equal(useIn(second, 'trylock', 'key', 'a'), -1);
  assert.equal(useIn(first, 'unlock', 'key', 'a'), 1);

  const other = new BareServer();
  const without = await other.load(cfgutils);
  const def = cfgutils.commands?.['lock'];
  assert.ok(def !== undefined && 'run' in def);
  assert.equal((def.run as unknown as (...rest: unknown[]) => unknown)(newRun(), without, 'key'), -1);
});

test('routes that may not be there', async () => {
  const route =
    (rc: number, bits = 0): ScriptRoute =>
    (run) => {
      run.rc = rc;
      return bits;
    };
  const waiting: ScriptRoute = async (run) => {
    run.rc = 7;
    return await Promise.resolve(0);
  };
  const routes = new Map<string, ScriptRoute>([
    ['FOO', route(5)],
    ['END', route(1, RUN_EXIT)],
    ['SLOW', waiting],
  ]);
  const run = new Run(bare.server, { ...bare.server.program, routes }, newRun().msg, ROUTE.REQUEST);
  assert.equal(useIn(run, 'check_route_exists', 'FOO'), 1);
  assert.equal(useIn(run, 'check_route_exists', 'NO'), -1);
  assert.equal(useIn(run, 'route_if_exists', 'FOO'), 5);
  assert.equal(useIn(run, 'route_if_exists', 'NO'), -1);
  assert.equal(useIn(run, 'route_if_exists', 'END'), 0);
  assert.equal(await useIn(run, 'route_if_exists', 'SLOW'), 7);
  assert.equal(run.depth, 0);
  run.depth = 256;
  assert.equal(useIn(run, 'route_if_exists', 'FOO'), -1);
});

test('the hash of a file', async () => {
  assert.equal(await call('get_config_hash'), '"f97c5d29941bfb1b2fdab0874906ab82"');
  assert.match(await call('check_config_hash'), /is identical/);
  writeFileSync(file, 'two');
  await assert.rejects(call('check_config_hash'), { code: 400 });
  const other = new BareServer();
  await other.load(cfgutils);
  await assert.rejects(other.server.rpc.call('cfgutils.check_config_hash', []), { code: 500, message: 'No hash file' });
  await assert.rejects(new BareServer().load(cfgutils, [['hash_file', join(folder, 'nono')]]), /ENOENT/);
});

test('memory goes to the log', () => {
  for (const name of ['pkg_status', 'pkg_summary', 'shm_status', 'shm_summary']) assert.equal(use(name), 1);
  assert.equal(bare.logged.filter((line) => line.startsWith('NOTICE memory: total ')).length, 4);
});
