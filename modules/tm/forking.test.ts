import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withTmWorld } from '../../test/support/sip-world.ts';

const BOTH = 'request_route { $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); t_relay(); exit; }';

test('the first 2xx wins, the other branch is cancelled, its late 2xx is passed on, too (RFC 3261 §16.7)', async () => {
  await withTmWorld(BOTH, async (world) => {
    world.calls();
    const b = await world.bob.receives('INVITE');
    const c = await world.carol.receives('INVITE');
    world.bob.replies(b, 180);
    await world.alice.receives(180);
    world.carol.replies(c, 200);
    const cancel = await world.bob.receives('CANCEL');
    assert.equal(cancel.get('Reason'), 'SIP;cause=200;text="Call completed elsewhere"');
    assert.equal(cancel.branch, b.branch);
    world.bob.replies(b, 200);
    world.bob.replies(cancel, 481);
    const tags = [await world.alice.receives(200), await world.alice.receives(200)].map((ok) => ok.param('To', 'tag'));
    assert.deepEqual(tags, ['carol-tag', 'bob-tag']);
  });
});

test('2xx repeated by the callee pass on from Accepted, repeated INVITEs are absorbed (RFC 6026 §7)', async () => {
  await withTmWorld(BOTH, async (world) => {
    const invite = world.calls();
    const ok = world.bob.replies(await world.bob.receives('INVITE'), 200);
    await world.alice.receives(200);
    world.bob.sends(ok);
    await world.alice.receives(200);
    world.alice.sends(invite);
    await world.alice.receivesNothing(1000, 200);
    assert.equal(world.bob.count('INVITE'), 1);
  });
});

test('a 6xx cancels the other branches and wins', async () => {
  await withTmWorld(BOTH, async (world) => {
    const invite = world.calls();
    const b = await world.bob.receives('INVITE');
    world.bob.replies(b, 180);
    world.carol.replies(await world.carol.receives('INVITE'), 603);
    const cancel = await world.bob.receives('CANCEL');
    assert.equal(cancel.get('Reason'), 'SIP;cause=603');
    world.bob.replies(cancel, 200);
    world.bob.replies(b, 487);
    assert.equal((await world.final(invite)).status, 603);
  });
});

test('without a 2xx the caller waits for all branches and gets the best reply', async () => {
  const outcomes: readonly (readonly [b: number, c: number, best: number])[] = [
    [404, 302, 302],
    [500, 404, 404],
    [486, 407, 407],
    [500, 503, 500],
    [486, 408, 408],
    [580, 606, 606],
  ];
  for (const [b, c, best] of outcomes) {
    await withTmWorld(BOTH, async (world) => {
      const invite = world.calls();
      world.bob.replies(await world.bob.receives('INVITE'), b);
      await world.alice.receivesNothing(300, (msg) => msg.status >= 200 && b < 600);
      world.carol.replies(await world.carol.receives('INVITE'), c);
      assert.equal((await world.final(invite)).status, best);
    });
  }
});

test('faked_reply_prio moves replies made here behind received ones', async () => {
  const script =
    'request_route { t_set_fr(0, 1000); $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); t_relay(); exit; }';
  for (const [prio, best] of [
    [0, 408],
    [2000, 486],
  ]) {
    await withTmWorld(
      script,
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        assert.equal((await world.final(invite)).status, best);
      },
      { params: `modparam("tm", "faked_reply_prio", ${prio})` },
    );
  }
});

test('a target that is there twice is tried once (RFC 3261 §16.5)', async () => {
  const script =
    'request_route { $ru = "sip:b@10.0.2.1"; append_branch("sip:b@10.0.2.1"); append_branch("sip:b@10.0.2.2"); t_relay(); exit; }';
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 486);
    world.carol.replies(await world.carol.receives('INVITE'), 486);
    await world.final(invite);
    assert.equal(world.bob.count('INVITE'), 1);
  });
});

test('max_branches bounds forking', async () => {
  const script =
    'request_route { $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); append_branch("sip:d@10.0.2.3"); t_relay(); exit; }';
  await withTmWorld(
    script,
    async (world) => {
      const invite = world.calls();
      world.bob.replies(await world.bob.receives('INVITE'), 486);
      world.carol.replies(await world.carol.receives('INVITE'), 486);
      await world.final(invite);
      assert.equal(world.dave.count('INVITE'), 0);
    },
    { params: 'max_branches = 2' },
  );
});

test('a request that comes back unchanged is not forked again: 482 (RFC 5393 §4.2)', async () => {
  const script = 'request_route { $ru = "sip:x@10.0.0.1"; append_branch("sip:c@10.0.2.2"); t_relay(); exit; }';
  await withTmWorld(script, async (world) => {
    const invite = world.calls('sip:x@10.0.0.1');
    world.carol.replies(await world.carol.receives('INVITE'), 486);
    const reply = await world.final(invite);
    assert.equal(reply.status, 482);
    assert.equal(world.carol.count('INVITE'), 1);
  });
});

test('branch routes: edits and destination of one branch are its own; drop takes it out', async () => {
  const script = `request_route { t_on_branch("B"); $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); append_branch("sip:d@10.0.2.9"); t_relay(); exit; }
branch_route[B] {
  append_hf("X-Branch: $T_branch_idx $ru\\r\\n");
  if ($rd == "10.0.2.9") { $du = "sip:10.0.2.3"; }
  if ($rU == "c") drop;
}`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    const b = await world.bob.receives('INVITE');
    assert.deepEqual(b.all('X-Branch'), ['0 sip:b@10.0.2.1']);
    const d = await world.dave.receives('INVITE');
    assert.deepEqual(d.all('X-Branch'), ['1 sip:d@10.0.2.9']);
    world.bob.replies(b, 486);
    world.dave.replies(d, 480);
    assert.equal((await world.final(invite)).status, 480);
    assert.equal(world.carol.count('INVITE'), 0);
  });
});

test('t_load_contacts, t_next_contacts: by q, equal ones at once, flows of one instance apart', async () => {
  const script = `request_route {
  $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2", "0.5"); append_branch("sip:d@10.0.2.3", "0.5");
  t_load_contacts(); t_next_contacts(); t_on_failure("NEXT"); t_relay(); exit;
}
failure_route[NEXT] {
  if (!t_next_contacts()) { t_reply("480", "No more"); exit; }
  t_on_failure("NEXT"); t_relay();
}`;
  await withTmWorld(
    script,
    async (world) => {
      const invite = world.calls();
      const c = await world.carol.receives('INVITE');
      const d = await world.dave.receives('INVITE');
      assert.equal(world.bob.count('INVITE'), 0);
      world.carol.replies(c, 486);
      world.dave.replies(d, 486);
      world.bob.replies(await world.bob.receives('INVITE'), 404);
      const reply = await world.final(invite);
      assert.equal(reply.startLine, 'SIP/2.0 480 No more');
    },
    { params: 'modparam("tm", "contacts_avp", "contacts")\nmodparam("tm", "contact_flows_avp", "flows")' },
  );
});

test('t_load_contacts takes the attributes of contacts along, t_next_contacts brings them back', async () => {
  const script = `request_route {
  $xavp(at=>n) = "d"; $xavp(at=>n) = "c"; $xavp(at=>n) = "b";
  $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2", "0.5"); append_branch("sip:d@10.0.2.3", "0.5");
  t_load_contacts(); $var(left) = $xavp(at=>n);
  t_next_contacts();
  append_hf("X-At: $var(left) $xavp(at=>n)$xavp(at[1]=>n) $ru $xavp(contacts=>at)\\r\\n");
  t_on_failure("NEXT"); t_relay(); exit;
}
failure_route[NEXT] {
  t_next_contacts(); append_hf("X-At: $xavp(at=>n)$xavp(at[1]=>n) $ru\\r\\n"); t_relay();
}`;
  await withTmWorld(
    script,
    async (world) => {
      world.calls();
      const c = await world.carol.receives('INVITE');
      assert.equal(c.get('X-At'), '0 dc sip:d@10.0.2.3 <<xavp>>');
      world.carol.replies(c, 486);
      world.dave.replies(await world.dave.receives('INVITE'), 486);
      assert.equal((await world.bob.receives('INVITE')).all('X-At').at(-1), 'bd sip:b@10.0.2.1');
    },
    { params: 'modparam("tm", "contacts_avp", "contacts")\nmodparam("tm", "xavp_contact", "at")' },
  );
});

test('branch failure routes: another target for one branch while the others go on; t_reuse_branch', async () => {
  const script = `request_route { t_on_branch_failure("again"); $ru = "sip:b@10.0.2.1"; append_branch("sip:c@10.0.2.2"); t_relay(); exit; }
event_route[tm:branch-failure:again] {
  if ($T_reply_code == 430) { t_reuse_branch(); $du = "sip:10.0.2.3"; append_hf("X-Again: $T_branch_idx $ru\\r\\n"); t_relay(); }
}`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    world.bob.replies(await world.bob.receives('INVITE'), 430);
    const d = await world.dave.receives('INVITE');
    assert.equal(d.get('X-Again'), '0 sip:b@10.0.2.1');
    world.carol.replies(await world.carol.receives('INVITE'), 486);
    world.dave.replies(d, 200);
    assert.equal((await world.final(invite)).status, 200);
  });
});

test('DNS failover: the next address after a timeout and after 503, with another branch (RFC 3263 §4.3)', async () => {
  const script = 'request_route { t_set_fr(0, 2000); $ru = "sip:x@example.org"; t_relay(); exit; }';
  const params = 'use_dns_failover = yes\ndns_try_naptr = no';
  await withTmWorld(
    script,
    async (world) => {
      for (const [priority, ip] of ['10.0.2.1', '10.0.2.2', '10.0.2.3'].entries()) {
        const target = `h${priority}.example.org`;
        world.sim.dns.add('_sip._udp.example.org', 'SRV', 60, { priority, weight: 1, port: 5060, target });
        world.sim.dns.add(target, 'A', 60, ip);
      }
      const invite = world.calls();
      const first = await world.bob.receives('INVITE');
      const second = await world.carol.receives('INVITE', 2100);
      world.carol.replies(second, 503);
      const third = await world.dave.receives('INVITE');
      world.dave.replies(third, 200);
      assert.equal((await world.final(invite)).status, 200);
      assert.equal(new Set([first.branch, second.branch, third.branch]).size, 3);
    },
    { params },
  );
});

test('provisional replies to other requests than INVITE stay here (RFC 4320 §4.1)', async () => {
  await withTmWorld('request_route { $du = "sip:10.0.2.1"; t_relay(); exit; }', async (world) => {
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1'));
    const got = await world.bob.receives('MESSAGE');
    world.bob.replies(got, 180);
    world.bob.replies(got, 202);
    await world.alice.receives(202);
    assert.equal(world.alice.heard.length, 1);
  });
});

test('non-INVITE requests fork, too: the first final of the best kind, late ones are absorbed', async () => {
  await withTmWorld(BOTH, async (world) => {
    world.alice.sends(world.alice.request('MESSAGE', 'sip:x@10.0.0.1'));
    const b = await world.bob.receives('MESSAGE');
    const c = await world.carol.receives('MESSAGE');
    world.bob.replies(b, 404);
    world.carol.replies(c, 202);
    await world.alice.receives(202);
    world.carol.replies(c, 202);
    await world.alice.receivesNothing(500);
  });
});

test('onsend_route: a drop takes the branch out; without another one t_relay() fails with 477, as in Kamailio', async () => {
  const relay = 'request_route { $ru = "sip:b@10.0.2.1"; if ($rU == "b") route(FORK); }';
  const drop = (pattern: string): string => `onsend_route { if ($snd(ip) =~ "${pattern}") drop; }`;
  const fork =
    'route[FORK] { append_branch("sip:c@10.0.2.2"); if (!t_relay()) $ru = "sip:" + $rc + "@10.0.0.9"; exit; }';
  await withTmWorld(`${relay} ${fork} ${drop('2[.]1$')}`, async (world) => {
    const invite = world.calls();
    world.carol.replies(await world.carol.receives('INVITE'), 486);
    assert.equal((await world.final(invite)).status, 486);
    assert.equal(world.bob.count('INVITE'), 0);
  });
  await withTmWorld(`${relay} ${fork} ${drop('2[.][12]$')}`, async (world) => {
    const final = await world.final(world.calls());
    assert.match(final.startLine, /^SIP\/2\.0 477 Unfortunately error on sending to next hop occurred \(477\/TM\)$/);
    assert.equal(world.bob.count('INVITE') + world.carol.count('INVITE'), 0);
  });
  await withTmWorld(
    'request_route { $du = "sip:10.0.2.1"; if (!forward()) sl_send_reply("503", "kept"); } onsend_route { drop; }',
    async (world) => {
      assert.equal((await world.final(world.calls())).status, 503);
    },
  );
});

test('t_forward_nonack() needs a transaction, as in Kamailio', async () => {
  const script = `request_route {
    if (t_forward_nonack("10.0.2.1", "5060")) exit;
    t_newtran();
    if (!t_forward_nonack("10.0.2.2", "5060")) exit;
  }`;
  await withTmWorld(script, async (world) => {
    const invite = world.calls();
    world.carol.replies(await world.carol.receives('INVITE'), 486);
    assert.equal((await world.final(invite)).status, 486);
    assert.equal(world.bob.count('INVITE'), 0);
  });
});
