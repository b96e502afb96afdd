import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SipWorld, type WorldOptions } from '../../test/support/sip-world.ts';
import type { TmApi } from './api.ts';

const TO_BOB = 'request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }';

async function withWorld(
  routes: string,
  options: WorldOptions,
  use: (world: SipWorld) => Promise<void>,
): Promise<void> {
  const world = await SipWorld.start(routes, options);
  try {
    await use(world);
  } finally {
    await world.stop();
  }
}

/** Times at which the server sent what begins so, from the first one on. */
function sendTimes(world: SipWorld, start: string): number[] {
  const times: number[] = [];
  world.network.onPacket = ({ atMs, what, from, text }) => {
    if (what === 'sent' && from === '10.0.0.1:5060' && text.startsWith(start)) times.push(atMs);
  };
  return times;
}

function fromFirst(times: readonly number[]): number[] {
  return times.map((at) => at - (times[0] ?? 0));
}

const transactions = (world: SipWorld): number => world.sim.api<TmApi>('tm').core.table.size;

test('INVITE client over UDP: timer A doubles without end, timer B gives up at 64 T1 with 408 (RFC 3261 §17.1.1.2)', async () => {
  await withWorld(TO_BOB, { params: 'modparam("tm", "fr_timer", 32000)' }, async (world) => {
    const sent = sendTimes(world, 'INVITE');
    const invite = world.calls();
    const reply = await world.final(invite);
    assert.deepEqual(fromFirst(sent), [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert.equal(reply.status, 408);
    assert.equal(world.clock.now() - (sent[0] ?? 0), 32001);
    await world.passes(5100);
    assert.equal(transactions(world), 0);
    assert.equal(world.sim.server.wheel.size, 0);
  });
});

test('timer B beats timer A at the same moment', async () => {
  await withWorld(TO_BOB, { params: 'modparam("tm", "fr_timer", 1500)' }, async (world) => {
    const sent = sendTimes(world, 'INVITE');
    await world.final(world.calls());
    assert.deepEqual(fromFirst(sent), [0, 500]);
  });
});

test('non-INVITE client: timer E doubles to T2, timer F ends it (RFC 3261 §17.1.2.2)', async () => {
  const params = 'modparam("tm", "fr_timer", 32000)\nmodparam("tm", "max_noninv_lifetime", 40000)';
  await withWorld(TO_BOB, { params }, async (world) => {
    const sent = sendTimes(world, 'MESSAGE');
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1'));
    assert.equal((await world.alice.receives((msg) => msg.status >= 200, 40_000)).status, 408);
    assert.deepEqual(fromFirst(sent), [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    await world.passes(5100);
    assert.equal(transactions(world), 0);
  });
});

test('non-INVITE client: at T2 once a provisional reply came; timer E runs on', async () => {
  await withWorld(TO_BOB, {}, async (world) => {
    const sent = sendTimes(world, 'MESSAGE');
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1'));
    world.bob.replies(await world.bob.receives('MESSAGE'), 100);
    await world.passes(13_000);
    assert.deepEqual(fromFirst(sent), [0, 500, 4500, 8500, 12500]);
  });
});

test('max_noninv_lifetime ends a transaction whatever fr_timer says', async () => {
  await withWorld(
    TO_BOB,
    { params: 'modparam("tm", "fr_timer", 60000)\nmodparam("tm", "max_noninv_lifetime", 3000)' },
    async (world) => {
      world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1'));
      assert.equal((await world.alice.receives(408, 3100)).status, 408);
    },
  );
});

test('INVITE server: timer G doubles to T2 until timer H; the transaction then ends (RFC 3261 §17.2.1)', async () => {
  const script = 'request_route { t_newtran(); t_reply("486", "Busy"); exit; }';
  await withWorld(script, { params: 'modparam("tm", "fr_timer", 32000)' }, async (world) => {
    const sent = sendTimes(world, 'SIP/2.0 486');
    world.calls();
    await world.passes(40_000);
    assert.deepEqual(fromFirst(sent), [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
    assert.equal(transactions(world), 0);
    assert.equal(world.sim.server.wheel.size, 0);
  });
});

test('INVITE server: the ACK stops timer G, timer I keeps the state for wt_timer', async () => {
  const script = 'request_route { t_newtran(); t_reply("486", "Busy"); exit; }';
  await withWorld(script, {}, async (world) => {
    const sent = sendTimes(world, 'SIP/2.0 486');
    await world.final(world.calls());
    await world.passes(4000);
    assert.equal(sent.length, 1);
    assert.equal(transactions(world), 1);
    await world.passes(1100);
    assert.equal(transactions(world), 0);
  });
});

test('a 2xx made here is sent again until its ACK comes (RFC 3261 §13.3.1.4)', async () => {
  const script =
    'request_route { if (is_method("ACK")) { t_check_trans(); exit; } t_newtran(); t_reply("200", "OK"); exit; }';
  await withWorld(script, {}, async (world) => {
    const sent = sendTimes(world, 'SIP/2.0 200');
    world.calls();
    const ok = await world.alice.receives(200);
    await world.passes(3600);
    assert.deepEqual(fromFirst(sent), [0, 500, 1500, 3500]);
    const tag = /;tag=(.*)$/.exec(ok.get('To'))?.[1] ?? '';
    world.alice.sends(world.alice.request('ACK', 'sip:someone@10.0.0.1', { toTag: tag }));
    await world.passes(20_000);
    assert.equal(sent.length, 4);
    assert.equal(transactions(world), 0);
  });
});

test('non-INVITE server: timer J keeps the final reply for repeats, wt_timer long', async () => {
  await withWorld('request_route { t_newtran(); t_reply("200", "OK"); exit; }', {}, async (world) => {
    const options = world.alice.request('OPTIONS', 'sip:x@10.0.0.1');
    world.alice.sends(options);
    await world.alice.receives(200);
    world.alice.sends(options);
    await world.alice.receives(200);
    await world.passes(5100);
    assert.equal(transactions(world), 0);
  });
});

test('timer C: CANCEL and 408 when nobody picks up; restarted by each provisional reply unless told otherwise', async () => {
  const params = 'modparam("tm", "fr_inv_timer", 10000)';
  await withWorld(TO_BOB, { params }, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.passes(8000);
    world.bob.replies(got, 180);
    await world.passes(8000);
    assert.equal(world.bob.count('CANCEL'), 0);
    world.bob.replies(await world.bob.receives('CANCEL', 3000), 200);
    world.bob.replies(got, 487);
    assert.equal((await world.final(invite)).status, 408);
    await world.passes(6000);
    assert.equal(world.bob.count('ACK'), 1);
    assert.equal(transactions(world), 0);
  });
  await withWorld(TO_BOB, { params: `${params}\nmodparam("tm", "restart_fr_on_each_reply", 0)` }, async (world) => {
    world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.passes(8000);
    world.bob.replies(got, 180);
    await world.bob.receives('CANCEL', 2100);
  });
});

test('max_inv_lifetime bounds a call that is still ringing, and its cancelled branch', async () => {
  const params = 'modparam("tm", "fr_inv_timer", 600000)\nmodparam("tm", "max_inv_lifetime", 20000)';
  await withWorld(TO_BOB, { params }, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    for (let i = 0; i < 4; i++) {
      world.bob.replies(got, 180 + i);
      await world.passes(4500);
    }
    assert.equal((await world.final(invite, 3000)).status, 408);
    await world.passes(60_000);
    assert.equal(transactions(world), 0);
    assert.equal(world.sim.server.wheel.size, 0);
  });
});

test('cfg.set_now_int changes the timers of the transactions that follow', async () => {
  await withWorld(TO_BOB, {}, async (world) => {
    const error = world.sim.server.modules.setParam('tm', 'fr_timer', 2000);
    assert.equal(error, null);
    const reply = await world.final(world.calls(), 2100);
    assert.equal(reply.status, 408);
  });
});

test('t_set_fr after t_relay moves the timers of branches that wait', async () => {
  const script = 'request_route { $du = "sip:10.0.2.1"; t_relay(); t_set_fr(0, 1000); exit; }';
  await withWorld(script, {}, async (world) => {
    assert.equal((await world.final(world.calls(), 1100)).status, 408);
  });
});

test('fr_timer_avp and fr_inv_timer_avp give seconds for a transaction', async () => {
  const script = 'request_route { $avp(fr) = 2; $du = "sip:10.0.2.1"; t_relay(); exit; }';
  await withWorld(script, { params: 'modparam("tm", "fr_timer_avp", "$avp(fr)")' }, async (world) => {
    assert.equal((await world.final(world.calls(), 2100)).status, 408);
  });
});

test('noisy_ctimer = 0: a call nobody ever answered ends in silence', async () => {
  await withWorld(
    TO_BOB,
    { params: 'modparam("tm", "noisy_ctimer", 0)\nmodparam("tm", "fr_timer", 1000)' },
    async (world) => {
      world.calls();
      await world.alice.receives(100);
      await world.alice.receivesNothing(20_000, (msg) => msg.status >= 200);
      assert.equal(transactions(world), 0);
    },
  );
});
