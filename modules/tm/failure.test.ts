import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SipWorld, withTmWorld } from '../../test/support/sip-world.ts';
import type { TmApi } from './api.ts';

const table = (world: SipWorld): number => world.sim.api<TmApi>('tm').core.table.size;

test('a failure route starts from the request as it was relayed; what it edits is in its branch alone', async () => {
  const script = `request_route { t_on_failure("ONE"); setflag(1); append_hf("X-Req: 1\\r\\n"); $du = "sip:10.0.2.1"; t_relay(); append_hf("X-Late: 1\\r\\n"); setflag(2); exit; }
failure_route[ONE] { append_hf("X-One: $mf\\r\\n"); setflag(3); $du = "sip:10.0.2.2"; t_on_failure("TWO"); t_relay(); }
failure_route[TWO] { append_hf("X-Two: $mf\\r\\n"); $du = "sip:10.0.2.3"; t_relay(); }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 500);
    const c = await world.carol.receives('INVITE');
    world.carol.replies(c, 500);
    const d = await world.dave.receives('INVITE');
    world.dave.replies(d, 486);
    await world.final(invite);
    const own = (text: string): string[] => text.match(/^X-\w+: \d+/gm) ?? [];
    assert.deepEqual(own(c.text), ['X-Req: 1', 'X-One: 2']);
    assert.deepEqual(own(d.text), ['X-Req: 1', 'X-Two: 10']);
  });
});

test('relaying again without a new destination fails; the reply chosen stands', async () => {
  const script = `request_route { t_on_failure("AGAIN"); $du = "sip:10.0.2.1"; t_relay(); exit; }
failure_route[AGAIN] { t_relay(); }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 486);
    assert.equal((await world.final(invite)).status, 486);
    assert.equal(world.bob.count('INVITE'), 1);
  });
});

test('the same destination set anew is tried again', async () => {
  const script = `request_route { t_on_failure("AGAIN"); $du = "sip:10.0.2.1"; t_relay(); exit; }
failure_route[AGAIN] { $du = "sip:10.0.2.1"; t_relay(); }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    const first = await world.bob.receives('INVITE');
    world.bob.replies(first, 500);
    const second = await world.bob.receives('INVITE');
    assert.notEqual(second.branch, first.branch);
    world.bob.replies(second, 486);
    assert.equal((await world.final(invite)).status, 486);
  });
});

test('failure_reply_mode and t_drop_replies: what a new leg forgets', async () => {
  const script = (
    drop: string,
  ): string => `request_route { t_on_failure("NEXT"); $du = "sip:10.0.2.1"; t_relay(); exit; }
failure_route[NEXT] { ${drop} $du = "sip:10.0.2.2"; t_relay(); }`;
  const cases: readonly (readonly [drop: string, mode: number, best: number])[] = [
    ['', 3, 486],
    ['', 0, 302],
    ['t_drop_replies("n");', 3, 302],
    ['t_drop_replies();', 0, 486],
    ['t_drop_replies("l");', 0, 486],
  ];
  for (const [drop, mode, best] of cases) {
    await withTmWorld(
      script(drop),
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 302);
        world.carol.replies(await world.carol.receives('INVITE'), 486);
        assert.equal((await world.final(invite)).status, best, `${drop} mode ${mode}`);
      },
      { params: `modparam("tm", "failure_reply_mode", ${mode})` },
    );
  }
});

test('a failure route that has to wait for DNS: replies and time pass meanwhile', async () => {
  const script = `request_route { t_on_failure("NEXT"); $du = "sip:10.0.2.1"; t_relay(); exit; }
failure_route[NEXT] { $du = $null; $ru = "sip:c@slow.example.org:5060"; t_relay(); }`;
  await withTmWorld(script, async (world) => {
    world.sim.dns.add('slow.example.org', 'A', 60, '10.0.2.2');
    world.sim.dns.delayMs = 700;
    const invite = world.calls();
    const busy = world.bob.replies(await world.bob.receives('INVITE'), 500);
    await world.passes(300);
    world.bob.sends(busy);
    world.alice.sends(invite);
    world.carol.replies(await world.carol.receives('INVITE', 3000), 200);
    assert.equal((await world.final(invite)).status, 200);
    assert.equal(world.bob.count('ACK'), 2);
  });
});

test('a script that does nothing with its transaction leaves nothing behind; a provisional reply keeps it for its life', async () => {
  await withTmWorld('request_route { t_newtran(); exit; }', async (world) => {
    world.calls();
    await world.passes(5100);
    assert.equal(table(world), 0);
  });
  await withTmWorld('request_route { t_newtran(); t_reply("180", "Ringing"); exit; }', async (world) => {
    const invite = world.calls();
    await world.passes(100_000);
    assert.equal(table(world), 1);
    assert.equal((await world.final(invite, 100_000)).status, 408);
  });
});

test('what relaying fails with is told to the caller when the script says nothing', async () => {
  const script = (rest: string): string => `request_route { $du = "sip:10.0.2.1;transport=sctp"; ${rest} exit; }`;
  const cases: readonly (readonly [rest: string, line: string])[] = [
    ['t_relay();', "SIP/2.0 500 I'm terribly sorry, server error occurred (7/TM)"],
    ['if (!t_relay()) send_reply("404", "Nowhere");', 'SIP/2.0 404 Nowhere'],
    ['$du = "sip:nobody.example.org:5060"; t_relay();', 'SIP/2.0 478 Unresolvable destination (478/TM)'],
    ['if (!t_relay()) sl_reply_error();', "SIP/2.0 500 I'm terribly sorry, server error occurred (7/SL)"],
    ['if (!t_relay()) send_reply_error();', "SIP/2.0 500 I'm terribly sorry, server error occurred (7/SL)"],
    [
      '$du = "sip:nobody.example.org:5060"; if (!t_relay()) sl_reply_error();',
      'SIP/2.0 478 Unresolvable destination (478/SL)',
    ],
  ];
  for (const [rest, line] of cases) {
    await withTmWorld(script(rest), async (world) => {
      assert.equal((await world.final(world.calls(), 30_000)).startLine, line);
    });
  }
  await withTmWorld(script('t_set_disable_internal_reply(1); t_relay();'), async (world) => {
    world.calls();
    await world.alice.receivesNothing(60_000, (msg) => msg.status >= 200);
  });
});

test('failure_exec_mode: what could not be sent runs the failure route', async () => {
  const script = `request_route { t_on_failure("NEXT"); $du = "sip:10.0.2.1;transport=sctp"; t_relay(); exit; }
failure_route[NEXT] { $du = "sip:10.0.2.2"; t_relay(); }`;
  await withTmWorld(
    script,
    async (world) => {
      const invite = world.calls();
      world.carol.replies(await world.carol.receives('INVITE'), 200);
      assert.equal((await world.final(invite)).status, 200);
    },
    { params: 'modparam("tm", "failure_exec_mode", 1)' },
  );
});

test('t_replicate: the copy is sent, its replies stay here, the script answers by itself', async () => {
  const script = 'request_route { t_replicate("sip:10.0.2.2"); sl_send_reply("200", "Mine"); exit; }';
  await withTmWorld(script, async (world) => {
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1'));
    world.carol.replies(await world.carol.receives('MESSAGE'), 202);
    await world.alice.receives(200);
    await world.alice.receivesNothing(2000);
  });
});

test('t_suspend and t_continue: the request waits; its failure route runs when nobody goes on', async () => {
  const script = `request_route {
  if (is_method("MESSAGE")) { if (t_continue("$shv(ti)", "$shv(tl)", "RESUME")) sl_send_reply("200", "Yes"); else sl_send_reply("480", "No"); exit; }
  if (is_method("CANCEL")) { t_relay(); exit; }
  t_on_failure("LATE"); if (t_suspend()) { $shv(ti) = $T(id_index); $shv(tl) = $T(id_label); } exit;
}
route[RESUME] { $du = "sip:10.0.2.1"; append_hf("X-Resumed: yes\\r\\n"); t_relay(); }
failure_route[LATE] { t_reply("480", "Too late"); }`;
  const poke = (world: SipWorld): void =>
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1', { callId: 'poke' }));
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    await world.alice.receives(100);
    poke(world);
    const got = await world.bob.receives('INVITE');
    assert.equal(got.get('X-Resumed'), 'yes');
    await world.alice.receives(200);
    world.bob.replies(got, 200);
    assert.equal((await world.final(invite)).status, 200);
    // It is not suspended any more.
    poke(world);
    await world.alice.receives(480);
  });
  await withTmWorld(script, async (world) => {
    assert.equal((await world.final(world.calls(), 31_000)).startLine, 'SIP/2.0 480 Too late');
  });
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    await world.alice.receives(100);
    world.alice.sends(world.cancelOf(invite));
    assert.equal((await world.final(invite, 1000)).startLine, 'SIP/2.0 480 Too late');
  });
});

test('a reply can be suspended: it waits in its onreply route, others pass', async () => {
  const script = `request_route {
  if (is_method("MESSAGE")) { t_continue("$shv(ti)", "$shv(tl)", "RESUME"); sl_send_reply("200", "Yes"); exit; }
  t_on_reply("HOLD"); $du = "sip:10.0.2.1"; t_relay(); exit;
}
onreply_route[HOLD] { if ($rs == 183 && !t_is_retr_async_reply()) { if (t_suspend()) { $shv(ti) = $T(id_index); $shv(tl) = $T(id_label); } exit; } }
route[RESUME] { append_hf("X-Held: $rs\\r\\n"); }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 183);
    await world.alice.receivesNothing(500, 183);
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1', { callId: 'poke' }));
    assert.equal((await world.alice.receives(183)).get('X-Held'), '183');
    world.bob.replies(got, 486);
    await world.final(invite);
  });
});

test('onreply_route: edits go with the reply, drop keeps provisional ones back but no final one', async () => {
  const script = `request_route { t_on_reply("R"); $du = "sip:10.0.2.1"; t_relay(); exit; }
onreply_route[R] { append_hf("X-S: $rs $T_req($rm) $T_req($ru)\\r\\n"); if ($rs != 180) drop; }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 183);
    world.bob.replies(got, 180);
    assert.equal((await world.alice.receives(180)).get('X-S'), '180 INVITE sip:someone@10.0.0.1');
    world.bob.replies(got, 486);
    assert.equal((await world.final(invite)).status, 486);
    assert.equal(world.alice.count(183), 0);
  });
});

test('on_sl_reply sees replies without a transaction and may drop them', async () => {
  const script = `request_route { $du = "sip:10.0.2.1"; forward(); exit; }
onreply_route[STRAY] { if ($rs == 202) drop; if ($rs == 299) return 0; }`;
  await withTmWorld(
    script,
    async (world) => {
      world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1'));
      const got = await world.bob.receives('MESSAGE');
      world.bob.replies(got, 202);
      world.bob.replies(got, 299);
      world.bob.replies(got, 200);
      await world.alice.receives(200);
      assert.equal(world.alice.count(202) + world.alice.count(299), 0);
    },
    { params: 'modparam("tm", "on_sl_reply", "STRAY")' },
  );
});

test('a late reply whose transaction is gone is dropped, but for a 2xx to an INVITE (RFC 6026 §7.3, RFC 4320 §4.2)', async () => {
  await withTmWorld('request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }', async (world) => {
    world.calls();
    const got = await world.bob.receives('INVITE');
    const ok = world.bob.replies(got, 200);
    await world.passes(10_000);
    assert.equal(table(world), 0);
    world.bob.replies(got, 486);
    world.bob.sends(ok);
    await world.passes(100);
    assert.equal(world.alice.count(486), 0);
    assert.equal(world.alice.count(200), 2);
  });
});

test('overload: beyond the bound of transactions new requests get 503 with Retry-After, others go on', async () => {
  await withTmWorld('request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }', async (world) => {
    world.sim.api<TmApi>('tm').core.maxTransactions = 1;
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1', { callId: 'second' }));
    assert.equal((await world.alice.receives(503)).get('Retry-After'), '5');
    world.bob.replies(got, 180);
    world.alice.sends(world.cancelOf(invite));
    world.bob.replies(await world.bob.receives('CANCEL'), 200);
    world.bob.replies(got, 487);
    assert.equal((await world.final(invite)).status, 487);
  });
});

test('a script error is answered 500 in its transaction, once', async () => {
  const script =
    'request_route { t_newtran(); t_reply("100", "Hm"); route(BAD); exit; }\nroute[BAD] { $var(x) = $(hdr(X){s.substr,0,0}); t_reply("500", "Script"); }';
  await withTmWorld(script, async (world) => {
    assert.equal((await world.final(world.calls())).status, 500);
  });
});

test('reply_408_code and reply_408_reason: what a timeout is told as', async () => {
  const script = `request_route { $du = "sip:10.0.2.1"; t_set_fr(0, 1000); t_on_failure("F"); t_relay(); exit; }
failure_route[F] { if (t_check_status("480") && t_branch_timeout()) append_to_reply("X-Seen: yes\\r\\n"); }`;
  const params = 'modparam("tm", "reply_408_code", 480)\nmodparam("tm", "reply_408_reason", "Nobody there")';
  await withTmWorld(
    script,
    async (world) => {
      const invite = world.calls();
      await world.passes(1500);
      const reply = await world.final(invite);
      assert.equal(reply.startLine, 'SIP/2.0 480 Nobody there');
    },
    { params },
  );
});

test('t_exists, t_relay_to_proxy, t_reply_error', async () => {
  const script = `request_route {
  if (t_exists()) $avp(early) = 1;
  t_newtran();
  if (t_exists()) $avp(late) = 1;
  if ($rU == "bad") { t_set_disable_internal_reply(1); if (!t_relay_to_proxy("udp:nowhere.invalid:5060")) t_reply_error(); exit; }
  append_hf("X-Exists: $avp(early) $avp(late)\\r\\n"); $var(p) = "udp:10.0.2.1:5060"; t_relay_to_proxy("$var(p)"); exit;
}
reply_route { if (!t_exists()) drop; }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    const b = await world.bob.receives('INVITE');
    assert.equal(b.get('X-Exists'), '<null> 1');
    world.bob.replies(b, 486);
    assert.equal((await world.final(invite)).status, 486);
    world.alice.sends(world.alice.request('MESSAGE', 'sip:bad@10.0.0.1'));
    const reply = await world.alice.receives(478);
    assert.match(reply.startLine, /TM\)$/);
  });
});
