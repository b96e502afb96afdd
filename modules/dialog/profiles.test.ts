import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { heapMemory, SharedHeap } from '../../core/store/shared-heap.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { DialogWorld } from '../../test/support/dialog-world.ts';
import { ProfileCounts } from './profile-counts.ts';
import { parseProfileNames } from './profiles.ts';

suite('profiles', { timeout: 30_000 }, () => {
  test('names', () => {
    assert.deepEqual(parseProfileNames('a ; b_2;; c/s;'), ['a', 'b_2', 'c']);
    assert.equal(typeof parseProfileNames('a b'), 'string');
  });

  test('counts of all workers; those of one that died are forgotten when another takes its place', () => {
    const memory = heapMemory(1);
    const clock = new VirtualClock();
    const worker = (workerIndex: number): ProfileCounts =>
      new ProfileCounts({ sharedHeap: new SharedHeap(memory, workerIndex), workerCount: 2, workerIndex, clock });
    const [one, two] = [worker(0), worker(1)] as const;
    one.add('caller', 'alice', 1);
    one.add('caller', 'bob', 1);
    two.add('caller', 'alice', 1);
    two.add('all', null, 1);
    two.addRemote('caller', 'alice', 1);
    const sizes = (counts: ProfileCounts): number[] => [
      counts.size('caller', null),
      counts.size('caller', 'alice'),
      counts.size('caller', 'nobody'),
      counts.size('all', null),
    ];
    assert.deepEqual(
      [sizes(one), sizes(two)],
      [
        [4, 3, 0, 1],
        [4, 3, 0, 1],
      ],
    );
    assert.deepEqual(sizes(worker(1)), [3, 2, 0, 0]);
    one.add('caller', 'alice', -1);
    one.add('caller', 'bob', -1);
    assert.deepEqual(sizes(two).slice(0, 2), [2, 2]);
  });

  test('calls of other servers count until their time', async () => {
    const script = {
      params: 'modparam("dialog", "profiles_with_value", "caller")',
      before: `if ($hdr(X-Cmd) != $null) {
        dlg_remote_profile("$hdr(X-Cmd)", "caller", "v", "$hdr(X-Uid)", "$hdr(X-Until)");
        sl_send_reply("200", "$rc");
        exit;
      }`,
    };
    await DialogWorld.with(script, async (w) => {
      const now = Math.floor(w.world.clock.wall() / 1000);
      const sends = async (cmd: string, uid: string, seconds: number): Promise<void> => {
        const headers = { 'X-Cmd': cmd, 'X-Uid': uid, 'X-Until': now + seconds };
        w.world.calls('sip:bob@10.0.0.1', { callId: `${cmd}-${uid}`, headers });
        await w.alice.receives(200);
      };
      const size = (): Promise<unknown> => w.rpc('dlg.profile_get_size', 'caller', 'v');
      await sends('add', 'a', 100);
      await sends('add', 'a', 100);
      await sends('add', 'b', 50);
      await sends('add', 'c', 1000);
      assert.equal(await size(), 3);
      await sends('rm', 'c', 0);
      await sends('rm', 'nobody', 0);
      assert.equal(await size(), 2);
      await w.passes(52_000);
      assert.equal(await size(), 1);
      await w.passes(50_000);
      assert.deepEqual([await size(), await w.rpc('dlg.profile_get_size', 'caller')], [0, 0]);
    });
  });

  test('dlg_set_timeout_by_profile: all of a profile, or those with a value', async () => {
    const script = {
      params: 'modparam("dialog", "profiles_with_value", "call")',
      after: 'set_dlg_profile("call", "$ci");',
      within: `if ($hdr(X-Do) == "all") dlg_set_timeout_by_profile("call", "500");
        if ($hdr(X-Do) == "one") dlg_set_timeout_by_profile("call", "b", 600);`,
    };
    await DialogWorld.with(script, async (w) => {
      const call = await w.call('a').answered();
      await w.call('b').answered();
      const lifetimes = async (): Promise<unknown[]> =>
        (await w.list()).map((each) => `${String(each['call-id'])} ${String(each['lifetime'])}`).toSorted();
      await call.fromAlice('INFO', 2, { 'X-Do': 'all' });
      assert.deepEqual(await lifetimes(), ['a 500', 'b 500']);
      await call.fromAlice('INFO', 3, { 'X-Do': 'one' });
      assert.deepEqual(await lifetimes(), ['a 500', 'b 600']);
    });
  });

  test('a limit of calls for each caller', async () => {
    const script = {
      params: 'modparam("dialog", "profiles_with_value", "caller")',
      after: `set_dlg_profile("caller", "$fu");
        get_profile_size("caller", "$fu", "$var(calls)");
        if ($var(calls) > 2) { sl_send_reply("486", "Too many"); exit; }`,
    };
    await DialogWorld.with(script, async (w) => {
      const first = await w.call('1').answered();
      await w.call('2').sends();
      w.world.calls('sip:bob@10.0.0.1', { callId: '3' });
      await w.alice.receives(486);
      assert.equal(await w.rpc('dlg.profile_get_size', 'caller'), 2);
      await first.fromAlice('BYE', 2);
      await w.call('4').answered();
      assert.equal(await w.rpc('dlg.profile_get_size', 'caller'), 2);
    });
  });
});
