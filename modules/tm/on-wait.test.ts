import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SipWorld, withTmWorld } from '../../test/support/sip-world.ts';
import type { TmApi } from './api.ts';
import type { TmCore } from './core.ts';

const TO_BOB = 'request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }';
const core = (world: SipWorld): TmCore => world.sim.api<TmApi>('tm').core;

/** A call that bob has answered, its transaction on wait. */
async function answered(
  world: SipWorld,
): Promise<{ invite: string; got: Awaited<ReturnType<SipWorld['bob']['receives']>> }> {
  const invite = world.calls();
  const got = await world.bob.receives('INVITE');
  world.bob.replies(got, 200);
  assert.equal((await world.final(invite)).status, 200);
  await world.passes(10);
  assert.equal(core(world).onWait.size, 1);
  return { invite, got };
}

test('an answered call is on wait: no object is kept of it, and it ends after wt_timer', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    await answered(world);
    assert.equal([...core(world).table.live()].length, 0);
    assert.equal(core(world).table.size, 1);
    assert.equal(core(world).stats.waiting, 1);
    await world.passes(4980);
    assert.equal(core(world).table.size, 1);
    await world.passes(100);
    assert.deepEqual([core(world).table.size, core(world).onWait.size, core(world).table.keys], [0, 0, 0]);
    assert.equal(core(world).stats.final(2), 1);
  });
});

test('the repeated INVITE of an answered call is absorbed (RFC 6026 §7.1)', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const { invite } = await answered(world);
    world.alice.sends(invite);
    await world.bob.receivesNothing(100, 'INVITE');
    assert.equal(core(world).onWait.size, 0, 'woken');
    await world.passes(5100);
    assert.equal(core(world).table.size, 0, 'ends when it would have ended');
  });
});

test('the repeated request of another method gets the same reply again', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const message = world.alice.request('MESSAGE', 'sip:x@10.0.0.1');
    world.alice.sends(message);
    world.bob.replies(await world.bob.receives('MESSAGE'), 200);
    const first = await world.alice.receives(200);
    await world.passes(3000);
    assert.equal(core(world).onWait.size, 1);
    world.alice.sends(message);
    assert.equal((await world.alice.receives(200)).text, first.text);
    await world.bob.receivesNothing(10, 'MESSAGE');
  });
});

test('a late 2xx goes to the caller through the onreply_route, with flags, AVPs and the Request-URI of the call', async () => {
  const script = `
    request_route { $ru = "sip:rewritten@10.0.2.1"; $avp(x) = "kept"; setflag(3); t_on_reply("BACK"); t_relay(); exit; }
    onreply_route[BACK] {
      append_hf("X-Seen: $avp(x) $T_req($ru) $T_req($ci)\\r\\n");
      if (isflagset(3)) append_hf("X-Flag: 3\\r\\n");
    }`;
  await withTmWorld(script, async (world) => {
    const { got } = await answered(world);
    world.bob.replies(got, 200);
    const late = await world.alice.receives(200);
    assert.equal(late.get('X-Seen'), `kept sip:rewritten@10.0.2.1 ${late.get('Call-ID')}`);
    assert.equal(late.get('X-Flag'), '3');
  });
});

test('the CANCEL of an answered call gets 200 and goes nowhere (RFC 3261 §16.10)', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const { invite } = await answered(world);
    world.alice.sends(world.cancelOf(invite));
    await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'CANCEL');
    await world.bob.receivesNothing(100, 'CANCEL');
  });
});

test('a refused call is on wait once it is acknowledged; repeats of refusal and ACK change nothing (timers D and I)', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 486);
    const refused = await world.final(invite);
    const ack = await world.bob.receives('ACK');
    await world.passes(10);
    assert.equal(core(world).onWait.size, 1);
    world.bob.replies(got, 486);
    assert.equal((await world.bob.receives('ACK')).text, ack.text);
    world.alice.sends(world.ackOf(invite, refused));
    await world.alice.receivesNothing(100, (msg) => msg.status >= 200);
    await world.passes(5000);
    assert.equal(core(world).table.size, 0);
  });
});

test('a cancelled call is on wait once all of it is over', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.alice.receives(180);
    world.alice.sends(world.cancelOf(invite));
    const cancel = await world.bob.receives('CANCEL');
    world.bob.replies(cancel, 200);
    world.bob.replies(got, 487);
    await world.final(invite);
    await world.passes(10);
    assert.ok(core(world).onWait.size >= 1);
    world.bob.replies(cancel, 200);
    world.bob.replies(got, 487);
    assert.equal((await world.bob.receives('ACK')).cseqMethod, 'ACK');
  });
});

test('the ACK of an answered call is known to t_check_trans', async () => {
  const script = `request_route {
      $du = "sip:10.0.2.1";
      if (is_method("ACK")) { if (t_check_trans()) append_hf("X-Known: yes\\r\\n"); forward(); exit; }
      t_relay();
    }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 200);
    const reply = await world.final(invite);
    await world.passes(10);
    assert.equal(core(world).onWait.size, 1);
    world.alice.sends(world.ackOf(invite, reply).replace(/branch=[^;\r]*/, 'branch=z9hG4bKanother'));
    assert.equal((await world.bob.receives('ACK')).get('X-Known'), 'yes');
  });
});

test('tm.list shows those on wait, and leaves them there', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    const { invite } = await answered(world);
    const list = (await world.clock.runUntilSettled(world.sim.server.rpc.call('tm.list', []))) as readonly {
      callid: string;
      method: string;
      outgoings: number;
    }[];
    const [shown] = list;
    assert.deepEqual([shown?.method, shown?.outgoings], ['INVITE', 1]);
    assert.ok(invite.includes(shown?.callid ?? 'none'));
    assert.equal(core(world).onWait.size, 1);
  });
});

test('transactions stay objects while a module is told of the end of all', async () => {
  await withTmWorld(TO_BOB, async (world) => {
    let ended = 0;
    const off = world.sim.api<TmApi>('tm').on('destroy', () => ended++);
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 200);
    await world.final(invite);
    await world.passes(10);
    assert.equal(core(world).onWait.size, 0);
    await world.passes(5100);
    assert.equal(ended, 1);
    off();
  });
});

test('a shorter wt_timer given meanwhile: later ones end earlier', async () => {
  await withTmWorld(
    TO_BOB,
    async (world) => {
      await answered(world);
      await world.clock.runUntilSettled(world.sim.server.rpc.call('cfg.set_now_int', ['tm', 'wt_timer', 1000]));
      const invite = world.calls();
      world.bob.replies(await world.bob.receives('INVITE'), 200);
      await world.final(invite);
      await world.passes(1100);
      assert.equal(core(world).table.size, 1);
      await world.passes(4000);
      assert.equal(core(world).table.size, 0);
    },
    { params: 'loadmodule "cfg_rpc"' },
  );
});
