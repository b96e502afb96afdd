import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SipWorld } from '../../test/support/sip-world.ts';
import type { TmApi } from './api.ts';

/** Waits two seconds for DNS before it relays. */
const SLOW = 'request_route { $ru = "sip:b@slow.example.org:5060"; t_relay(); exit; }';

async function slowWorld(script: string, use: (world: SipWorld) => Promise<void>): Promise<void> {
  const world = await SipWorld.start(script);
  world.sim.dns.add('slow.example.org', 'A', 60, '10.0.2.1');
  world.sim.dns.delayMs = 2000;
  try {
    await use(world);
    await world.passes(400_000);
    assert.equal(world.sim.api<TmApi>('tm').core.table.size, 0, 'transactions left');
    assert.equal(world.sim.server.wheel.size, 0, 'timers left');
    assert.equal(world.sim.server.suspendedRuns, 0);
  } finally {
    await world.stop();
  }
}

test('an INVITE whose script waits gets its 100 within 200 ms (RFC 3261 §17.2.1)', async () => {
  // forward() makes no transaction: the 100 does not depend on one.
  await slowWorld('request_route { $ru = "sip:b@slow.example.org:5060"; forward(); exit; }', async (world) => {
    world.calls();
    await world.alice.receives(100, 210);
    world.bob.replies(await world.bob.receives('INVITE', 3000), 486);
    await world.alice.receives(486);
  });
});

test('repeats of a request whose script waits are absorbed', async () => {
  await slowWorld(SLOW, async (world) => {
    const invite = world.calls();
    await world.passes(500);
    world.alice.sends(invite);
    world.bob.replies(await world.bob.receives('INVITE', 3000), 200);
    assert.equal((await world.final(invite)).status, 200);
    assert.equal(world.bob.count('INVITE'), 1);
  });
});

test('the caller cancels while the script waits: 487 at once, and nothing is sent when the wait is over', async () => {
  await slowWorld(SLOW, async (world) => {
    const invite = world.calls();
    await world.passes(500);
    world.alice.sends(world.cancelOf(invite));
    await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'CANCEL', 50);
    assert.equal((await world.final(invite, 50)).status, 487);
    await world.bob.receivesNothing(5000);
  });
});

test('the script does not go on behind the command that waited', async () => {
  const script = 'request_route { $ru = "sip:b@slow.example.org:5060"; t_relay(); t_replicate("sip:10.0.2.2"); exit; }';
  await slowWorld(script, async (world) => {
    const invite = world.calls();
    await world.passes(500);
    world.alice.sends(world.cancelOf(invite));
    assert.equal((await world.final(invite, 50)).status, 487);
    await world.carol.receivesNothing(5000);
  });
});

test('CANCEL of a call that has been relayed runs through the script although another command waits', async () => {
  const script = `request_route {
  if (is_method("CANCEL")) { t_relay(); exit; }
  $du = "sip:10.0.2.1"; t_relay();
  $du = "sip:slow.example.org:5060"; t_relay(); exit;
}`;
  await slowWorld(script, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.alice.receives(180);
    world.alice.sends(world.cancelOf(invite));
    world.bob.replies(await world.bob.receives('CANCEL', 50), 200);
    world.bob.replies(got, 487);
    assert.equal((await world.final(invite)).status, 487);
  });
});

test('overload: beyond the bound of waiting requests 503 with Retry-After, in the transaction there is', async () => {
  await slowWorld(SLOW, async (world) => {
    world.sim.server.maxSuspended = 1;
    const first = world.calls('sip:a@10.0.0.1', { callId: 'first' });
    const second = world.calls('sip:a@10.0.0.1', { callId: 'second' });
    const refused = await world.final(second, 100);
    assert.deepEqual([refused.status, refused.get('Retry-After'), refused.get('Call-ID')], [503, '5', 'second']);
    world.bob.replies(await world.bob.receives('INVITE', 3000), 200);
    assert.equal((await world.final(first)).status, 200);
    assert.equal(world.bob.count('INVITE'), 1);
  });
});
