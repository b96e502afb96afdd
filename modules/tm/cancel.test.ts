import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTmWorld } from '../../test/support/sip-world.ts';
import type { TmApi } from './api.ts';

const TO_BOB = 'request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }';

test('CANCEL after a provisional reply: 200 to it, CANCEL on, 487 back, ACK for it (RFC 3261 §9)', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.alice.receives(180);
    world.alice.sends(world.cancelOf(invite, 'Reason: Q.850;cause=16\r\n'));
    const cancel = await world.bob.receives('CANCEL');
    assert.equal(cancel.uri, got.uri);
    assert.deepEqual(cancel.all('Via'), [got.all('Via')[0]]);
    assert.equal(cancel.get('Reason'), 'Q.850;cause=16');
    world.bob.replies(cancel, 200);
    world.bob.replies(got, 487);
    await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'CANCEL');
    assert.equal((await world.final(invite)).status, 487);
    await world.bob.receives('ACK');
  });
});

test('CANCEL before any provisional reply waits for one; repeats of the INVITE go on (RFC 3261 §9.1)', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.alice.sends(world.cancelOf(invite));
    await world.bob.receivesNothing(400, 'CANCEL');
    await world.bob.receives('INVITE', 1000);
    world.bob.replies(got, 100);
    world.bob.replies(await world.bob.receives('CANCEL'), 200);
    world.bob.replies(got, 487);
    assert.equal((await world.final(invite)).status, 487);
  });
});

test('cancel_b_method 0: as if it had answered 487; a 2xx that comes all the same is passed on', async () => {
  await withTmWorld(
    TO_BOB,
    async (world) => {
      const invite = world.calls();
      const got = await world.bob.receives('INVITE');
      world.alice.sends(world.cancelOf(invite));
      assert.equal((await world.final(invite, 100)).status, 487);
      world.bob.replies(got, 200);
      await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'INVITE');
    },
    { params: 'modparam("tm", "cancel_b_method", 0)' },
  );
});

test('cancel_b_method 2: CANCEL at once, and no more repeats of the INVITE', async () => {
  await withTmWorld(
    TO_BOB,
    async (world) => {
      const invite = world.calls();
      await world.bob.receives('INVITE');
      world.alice.sends(world.cancelOf(invite));
      await world.bob.receives('CANCEL', 100);
      await world.bob.receivesNothing(5000, 'INVITE');
      assert.equal((await world.final(invite)).status, 487);
    },
    { params: 'modparam("tm", "cancel_b_method", 2)' },
  );
});

test('the callee answers although cancelled: the 2xx goes to the caller', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.alice.receives(180);
    world.alice.sends(world.cancelOf(invite));
    const cancel = await world.bob.receives('CANCEL');
    world.bob.replies(got, 200);
    world.bob.replies(cancel, 481);
    assert.equal((await world.final(invite)).status, 200);
  });
});

test('no answer to the CANCEL: repeated as any request, 487 after fr_timer', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 180);
    await world.alice.receives(180);
    world.alice.sends(world.cancelOf(invite));
    assert.equal((await world.final(invite, 31_000)).status, 487);
    assert.equal(world.bob.count('CANCEL'), 10);
  });
});

test('CANCEL repeated by the caller gets the same 200 and cancels once', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.alice.receives(180);
    const text = world.cancelOf(invite);
    world.alice.sends(text);
    world.alice.sends(text);
    await world.passes(100);
    assert.equal(
      world.alice.count((msg) => msg.status === 200),
      2,
    );
    assert.equal(world.bob.count('CANCEL'), 1);
    world.bob.replies(await world.bob.receives('CANCEL'), 200);
    world.bob.replies(got, 487);
    await world.final(invite);
  });
});

test('CANCEL without an INVITE: relayed, statelessly relayed or dropped (unmatched_cancel)', async () => {
  for (const mode of [0, 1, 2]) {
    await withTmWorld(
      TO_BOB,
      async (world) => {
        world.alice.sends(world.cancelOf(world.alice.request('INVITE', 'sip:x@10.0.0.1')));
        await world.passes(100);
        assert.equal(world.bob.count('CANCEL'), mode === 2 ? 0 : 1);
        const tm = world.sim.api<TmApi>('tm').core;
        assert.equal(tm.table.size, mode === 0 ? 1 : 0);
        if (mode !== 2) world.bob.replies(await world.bob.receives('CANCEL'), 481);
        if (mode !== 2) await world.alice.receives(481);
      },
      { params: `modparam("tm", "unmatched_cancel", ${mode})` },
    );
  }
});

test('CANCEL while the failure route runs on: no new branch, the call ends', async () => {
  const script = `request_route { t_on_failure("NEXT"); $du = "sip:10.0.2.1"; t_relay(); exit; }
failure_route[NEXT] { if (t_is_canceled()) exit; $du = $null; $ru = "sip:c@slow.example.org"; t_relay(); }`;
  await withTmWorld(
    script,
    async (world) => {
      world.sim.dns.add('slow.example.org', 'A', 60, '10.0.2.2');
      world.sim.dns.delayMs = 500;
      const invite = world.calls();
      world.bob.replies(await world.bob.receives('INVITE'), 500);
      await world.passes(200);
      world.alice.sends(world.cancelOf(invite));
      const reply = await world.final(invite, 5000);
      assert.ok(reply.status === 487 || reply.status === 500);
      await world.passes(3000);
      assert.equal(world.carol.count('INVITE'), 0);
    },
    { params: 'dns_try_naptr = no' },
  );
});

test('t_set_no_e2e_cancel_reason keeps the Reason of the caller here', async () => {
  await withTmWorld(
    'request_route { t_set_no_e2e_cancel_reason(1); $du = "sip:10.0.2.1"; t_relay(); exit; }',
    async (world) => {
      const invite = world.calls();
      const got = await world.bob.receives('INVITE');
      world.bob.replies(got, 180);
      await world.alice.receives(180);
      world.alice.sends(world.cancelOf(invite, 'Reason: Q.850;cause=16\r\n'));
      const cancel = await world.bob.receives('CANCEL');
      assert.equal(cancel.has('Reason'), false);
      world.bob.replies(cancel, 200);
      world.bob.replies(got, 487);
      await world.final(invite);
    },
  );
});

test('ac_extra_hdrs: rows of the INVITE that CANCEL and ACK repeat', async () => {
  await withTmWorld(
    TO_BOB,
    async (world) => {
      const invite = world.calls('sip:x@10.0.0.1', { headers: { 'X-Keep-This': '1', 'X-Other': '2' } });
      const got = await world.bob.receives('INVITE');
      world.bob.replies(got, 486);
      const ack = await world.bob.receives('ACK');
      assert.equal(ack.get('X-Keep-This'), '1');
      assert.equal(ack.has('X-Other'), false);
      assert.equal(ack.branch, got.branch);
      await world.final(invite);
    },
    { params: 'modparam("tm", "ac_extra_hdrs", "x-keep-")' },
  );
});

test('each repeat of a negative final reply is acknowledged again, and goes to the caller once', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    const busy = world.bob.replies(await world.bob.receives('INVITE'), 486);
    world.bob.sends(busy);
    world.bob.sends(busy);
    await world.final(invite);
    await world.passes(100);
    assert.equal(world.bob.count('ACK'), 3);
    assert.equal(world.alice.count(486), 1);
  });
});
