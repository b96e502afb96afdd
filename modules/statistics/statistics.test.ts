import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Run } from 'strowger';
import { BareServer } from '../../test/support/bare-server.ts';
import statistics from './index.ts';

test('statistics go up and down and are reset, but for those that must not be', async () => {
  const bare = new BareServer();
  const state = await bare.load(statistics, [
    ['variable', 'seen'],
    ['variable', 'active/no_reset'],
  ]);
  const use = (name: string, ...args: unknown[]): unknown => {
    const def = statistics.commands?.[name];
    assert.ok(def !== undefined && 'run' in def);
    return (def.run as unknown as (run: Run | null, ...rest: unknown[]) => unknown)(null, state, ...args);
  };
  const value = (name: string): number | undefined => bare.server.counters.find('script', name)?.get();
  assert.equal(use('update_stat', 'seen', 3), 1);
  assert.equal(use('update_stat', 'seen', -1), 1);
  use('update_stat', 'active', 5);
  assert.equal(value('seen'), 2);
  use('reset_stat', 'seen');
  use('reset_stat', 'active');
  assert.deepEqual([value('seen'), value('active')], [0, 5]);
  assert.equal(use('update_stat', 'typo', 1), -1);
  assert.match(bare.logged.join(), /no such statistic/);
});

test('a constant name is checked with the script', async () => {
  const bare = new BareServer();
  const state = await bare.load(statistics);
  const def = statistics.commands?.['update_stat'];
  assert.ok(def !== undefined && 'run' in def);
  assert.equal(def.check?.(['typo', 1], undefined as never), null);
  assert.match(def.check?.(['typo', 1], state) ?? '', /no statistic "typo"/);
  assert.equal(def.check?.(['rcv_requests', 1], state), null);
  await assert.rejects(bare.load(statistics, [['variable', 'x/nono']]), /unknown flag "nono"/);
});
