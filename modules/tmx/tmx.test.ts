import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SipWorld } from '../../test/support/sip-world.ts';

async function withWorld(routes: string, use: (world: SipWorld) => Promise<void>): Promise<void> {
  const world = await SipWorld.start(routes);
  try {
    await use(world);
  } finally {
    await world.stop();
  }
}

const stat = (world: SipWorld, name: string): number => world.sim.server.counters.find('tmx', name)?.get() ?? -1;

test('$T… in each kind of route', async () => {
  const script = `request_route {
  t_on_branch("B"); t_on_reply("R"); t_on_failure("F");
  append_hf("X-Req: $T_branch_idx $T_reply_code $T(id_index)\\r\\n");
  $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); setbflag(1); t_relay(); exit;
}
branch_route[B] { append_hf("X-Branch: $T_branch_idx $T(branch_index)\\r\\n"); }
onreply_route[R] { append_hf("X-Reply: $T_branch_idx $T_reply_code $T_reply_reason $T_reply_last $T_req($rm) $T_branch(uri) $T_branch(flags)\\r\\n"); }
failure_route[F] {
  append_to_reply("X-Failure: $T_branch_idx $T_reply_code $T_reply_reason $T_rpl($rs) $T_rpl($si) $T(reply_type) $T_branch(flags)\\r\\n");
  t_reply("480", "Mine");
}`;
  await withWorld(script, async (world) => {
    const invite = world.calls();
    const b = await world.bob.receives('INVITE');
    const c = await world.carol.receives('INVITE');
    assert.equal(b.get('X-Req'), '0 0 <null>');
    assert.deepEqual([b.get('X-Branch'), c.get('X-Branch')], ['0 0', '1 1']);
    world.carol.replies(c, 183);
    const progress = await world.alice.receives(183);
    assert.equal(progress.get('X-Reply'), '1 183 Session Progress 183 INVITE sip:c@10.0.2.2 0');
    world.bob.replies(b, 486);
    world.carol.replies(c, 404);
    const final = await world.final(invite);
    assert.equal(final.get('X-Failure'), '2 404 Not Found 404 10.0.2.2 0 0');
  });
});

test('$T_inv shows the INVITE of a CANCEL; $T(id_index_n) creates the transaction', async () => {
  const script = `request_route {
  if (is_method("CANCEL")) { append_to_reply("X-Inv: $T_inv($mf) $T_inv($hdr(Subject))\\r\\n"); sl_send_reply("200", "Seen"); exit; }
  if (is_method("MESSAGE")) { if ($T(id_index_n) >= 0 && $T(id_label) >= 0) t_reply("202", "In a transaction"); exit; }
  setflag(4); $du = "sip:10.0.2.1"; t_relay(); exit;
}`;
  await withWorld(script, async (world) => {
    const invite = world.calls('sip:x@10.0.0.1', { headers: { Subject: 'hello' } });
    await world.bob.receives('INVITE');
    world.alice.sends(world.cancelOf(invite));
    assert.equal((await world.alice.receives(200)).get('X-Inv'), '16 hello');
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1', { callId: 'other' }));
    await world.alice.receives(202);
  });
});

test('unknown names are errors of the script', async () => {
  for (const text of ['$T(nothing)', '$T_branch(nothing)', '$T_req(si)'])
    await assert.rejects(
      withWorld(`request_route { xlog("${text}\\n"); }`, () => Promise.resolve()),
      text,
    );
});

test('t_flush_flags takes flags set since into the transaction', async () => {
  const script = `request_route { t_on_failure("F"); $du = "sip:10.0.2.1"; t_relay(); setflag(1); t_flush_flags(); exit; }
failure_route[F] { append_to_reply("X-Flags: $mf\\r\\n"); t_reply("480", "Mine"); }`;
  await withWorld(script, async (world) => {
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 486);
    assert.equal((await world.final(invite)).get('X-Flags'), '2');
  });
});

test('t_drop ends a transaction in silence', async () => {
  const script = `request_route { t_on_failure("F"); $du = "sip:10.0.2.1"; t_relay(); exit; }
failure_route[F] { t_drop(603); }`;
  await withWorld(script, async (world) => {
    world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 486);
    await world.alice.receivesNothing(10_000, (msg) => msg.status >= 200);
    assert.equal(stat(world, '6xx_transactions'), 1);
    assert.equal(stat(world, 'inuse_transactions'), 0);
  });
});

test('statistics', async () => {
  await withWorld('request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }', async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 100);
    world.bob.replies(got, 180);
    await world.passes(10);
    assert.deepEqual([stat(world, 'inuse_transactions'), stat(world, 'active_transactions')], [1, 1]);
    world.bob.replies(got, 486);
    await world.final(invite);
    assert.equal(stat(world, '4xx_transactions'), 1, 'counted with the reply, not when wt_timer is over');
    assert.deepEqual([stat(world, 'inuse_transactions'), stat(world, 'active_transactions')], [1, 0]);
    await world.passes(6000);
    const names = [
      'UAS_transactions',
      'UAC_transactions',
      '4xx_transactions',
      'rpl_received',
      'rpl_absorbed',
      'rpl_relayed',
      'rpl_generated',
      'rpl_sent',
    ];
    // The 100 of the callee is absorbed; the one the caller got was made by t_relay, which Kamailio counts, too.
    assert.deepEqual(
      names.map((name) => stat(world, name)),
      [1, 0, 1, 3, 1, 2, 1, 3],
    );
  });
});
