import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jsonText, type Run } from 'strowger';
import { BareServer } from '../../test/support/bare-server.ts';
import counters, { parseCounter } from './index.ts';

test('declarations as the documentation writes them', () => {
  assert.deepEqual(parseCounter('foo', 'script'), { group: 'script', name: 'foo', doc: 'custom script counter' });
  assert.deepEqual(parseCounter('test.bar', 'script'), { group: 'test', name: 'bar', doc: 'custom script counter' });
  assert.deepEqual(parseCounter('baz example counter', 'g'), { group: 'g', name: 'baz', doc: 'example counter' });
  assert.deepEqual(parseCounter('test.x:another example', 'g'), { group: 'test', name: 'x', doc: 'another example' });
  for (const bad of ['', '.x', 'a.b.c']) assert.equal(parseCounter(bad, 'g'), null, bad);
});

test('commands count, RPC tells', async () => {
  const bare = new BareServer();
  const state = await bare.load(counters, [
    ['script_cnt_grp_name', 'mine'],
    ['script_counter', 'reqs'],
    ['script_counter', 'out.reqs forwarded requests'],
  ]);
  const use = (name: string, ...args: unknown[]): unknown => {
    const def = counters.commands?.[name];
    assert.ok(def !== undefined && 'run' in def);
    assert.equal(def.check?.(args as (string | number)[], state) ?? null, null);
    return (def.run as unknown as (run: Run | null, ...rest: unknown[]) => unknown)(null, state, ...args);
  };
  const call = async (method: string, ...params: string[]): Promise<string> =>
    jsonText(await bare.server.rpc.call(method, params));
  use('cnt_inc', 'reqs');
  use('cnt_add', 'reqs', 10);
  use('cnt_inc', 'out.reqs');
  assert.equal(await call('cnt.get', 'mine', 'reqs'), '11');
  assert.equal(await call('cnt.get_raw', 'mine', 'reqs'), '11');
  assert.equal(await call('cnt.get_vars', 'out'), '{"reqs":1}');
  assert.equal(await call('cnt.grp_get_all', 'nono'), '{}');
  assert.equal(await call('cnt.list_vars', 'out'), '["reqs"]');
  assert.equal(await call('cnt.grps_list'), '["core","mine","out"]');
  assert.equal(await call('cnt.help', 'out', 'reqs'), '"forwarded requests"');
  use('cnt_reset', 'reqs');
  assert.equal(await call('cnt.get', 'mine', 'reqs'), '0');
  await call('cnt.reset', 'out', 'reqs');
  assert.equal(await call('cnt.get', 'out', 'reqs'), '0');
  await assert.rejects(call('cnt.get', 'nono', 'x'), { code: 400, message: 'non-existent counter nono.x\n' });
});

test('an undeclared counter is an error of the script', async () => {
  const bare = new BareServer();
  const state = await bare.load(counters);
  const def = counters.commands?.['cnt_inc'];
  assert.ok(def !== undefined && 'run' in def);
  assert.equal(def.check?.(['typo'], undefined as never), null);
  assert.match(def.check?.(['typo'], state) ?? '', /no counter "typo"/);
});
