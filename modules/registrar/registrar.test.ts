import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { StrowgerError } from 'strowger';
import { ModuleBench, type RequestOptions, request, SipPeer, sipMsg, type TestMsg } from 'strowger/testing';
import { SipWorld } from '../../test/support/sip-world.ts';
import registrar from './index.ts';
import type { Registrar } from './registrar.ts';

const AOR = 'sip:alice@example.org';
const INSTANCE = '+sip.instance="<urn:uuid:1>"';

const SAVE_AND_LOOKUP = `
request_route {
  if (is_method("REGISTER")) { save("location"); exit; }
  if (!lookup("location")) { sl_send_reply("480", "rc $rc"); exit; }
  t_relay();
}`;

async function withRegistrar(routes: string, params: string, use: (world: SipWorld) => Promise<void>): Promise<void> {
  const world = await SipWorld.start(routes, {
    params: `loadmodule "usrloc.so"\nloadmodule "registrar.so"\n${params}`,
  });
  try {
    await use(world);
  } finally {
    await world.stop();
  }
}

function param(name: string, value: number | string): string {
  return `modparam("registrar", "${name}", ${typeof value === 'number' ? value : `"${value}"`})\n`;
}

let numbers = 0;

function registration(peer: SipPeer, contact: string, options: RequestOptions = {}): string {
  const cseq = ++numbers;
  return peer.request('REGISTER', 'sip:example.org', {
    from: `<${AOR}>`,
    to: `<${AOR}>`,
    callId: `${peer.name}-call`,
    cseq,
    contact,
    ...options,
  });
}

async function registers(peer: SipPeer, contact: string, options: RequestOptions = {}): Promise<TestMsg> {
  peer.sends(registration(peer, contact, options));
  return await peer.receives((msg) => msg.status >= 200);
}

suite('save()', () => {
  test('in a reply_route: what another registrar has accepted is bound here too, and its reply passes', async () => {
    const routes = `
request_route {
  if (is_method("REGISTER")) { $du = "sip:10.0.2.1"; t_on_reply("SAVE"); t_relay(); exit; }
  if (!lookup("location")) { sl_send_reply("480", "None"); exit; }
  t_relay();
}
onreply_route[SAVE] { if ($rs == 200) save("location"); }`;
    await withRegistrar(routes, '', async (world) => {
      world.alice.sends(registration(world.alice, '<sip:carol@10.0.2.2>'));
      const seen = await world.bob.receives('REGISTER');
      world.bob.replies(seen, 200, { contact: '<sip:carol@10.0.2.2>;expires=100', headers: { 'X-From': 'bob' } });
      assert.equal((await world.alice.receives(200)).get('X-From'), 'bob');
      world.calls(AOR);
      assert.equal((await world.carol.receives('INVITE')).uri, 'sip:carol@10.0.2.2');
    });
  });

  test('in a failure_route it answers by the transaction', async () => {
    const routes = `
request_route {
  if (is_method("REGISTER")) { $du = "sip:10.0.2.1"; t_on_failure("SAVE"); t_relay(); exit; }
  lookup("location");
  t_relay();
}
failure_route[SAVE] { save("location"); }`;
    await withRegistrar(routes, '', async (world) => {
      world.alice.sends(registration(world.alice, '<sip:carol@10.0.2.2>'));
      world.bob.replies(await world.bob.receives('REGISTER'), 503);
      assert.equal((await world.alice.receives(200)).get('Contact'), '<sip:carol@10.0.2.2>;expires=3600');
      world.calls(AOR);
      await world.carol.receives('INVITE');
    });
  });

  test('random lives stay between their bounds', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, param('expires_range', 50), async (world) => {
      const lives = new Set<number>();
      for (let i = 0; i < 30; i++) {
        const reply = await registers(
          world.alice,
          `<sip:a${i}@10.0.1.1>;expires=1000;q=0.1, <sip:b@10.0.1.1>;expires=0`,
        );
        const [, seconds = ''] = new RegExp(`a${i}@[^,]*expires=(\\d+)`).exec(reply.get('Contact')) ?? [];
        assert.ok(Number(seconds) >= 500 && Number(seconds) <= 1000, seconds);
        lives.add(Number(seconds));
      }
      assert.ok(lives.size > 10);
    });
  });

  test('nothing of a contact gets into the reply as a header of its own', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, '', async (world) => {
      const folded = [
        '"x\r\n X-Evil: 1" <sip:a@10.0.1.1>',
        '<sip:a@10.0.1.1>;+sip.instance="a\r\n X-Evil: 1"',
        '<sip:a@10.0.1.1;x=\r\n X-Evil:1>',
        '<sip:a@10.0.1.1?X-Evil=1%0d%0aX-Evil:%201>',
      ];
      for (const contact of folded) {
        const reply = await registers(world.alice, contact, { headers: { 'User-Agent': 'a\r\n X-Evil: 1' } });
        assert.equal(reply.has('X-Evil'), false, contact);
        assert.ok(
          !reply.text.split('\r\n').some((line) => /^\s/.test(line)),
          `${contact} is not folded in the reply:\n${reply.text}`,
        );
      }
    });
  });

  test('a contact that is a GRUU of its own AOR is refused with 403 (RFC 5627 §5.1)', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, '', async (world) => {
      assert.equal((await registers(world.alice, '<sip:alice@example.org;gr=urn:uuid:1>')).status, 403);
      assert.equal((await registers(world.alice, '<sip:bob@example.org;gr=urn:uuid:1>')).status, 200);
    });
  });

  test('more contacts in one REGISTER than anybody has are a 400', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, '', async (world) => {
      const many = Array.from({ length: 65 }, (_, i) => `<sip:a${i}@10.0.1.1>`).join(', ');
      assert.equal((await registers(world.alice, many)).status, 400);
    });
  });
});

suite('lookup()', () => {
  test('a temporary GRUU leads to its instance as long as it is bound (RFC 5627 §5.5)', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, '', async (world) => {
      const headers = { Supported: 'gruu' };
      const contact = `<sip:bob@10.0.2.1>;${INSTANCE}`;
      const first = await registers(world.alice, contact, { headers });
      const gruu = /temp-gruu="([^"]+)"/.exec(first.get('Contact'))?.[1] ?? '';
      const again = await registers(world.alice, contact, { headers });
      assert.ok(again.get('Contact').includes(gruu), 'it stays the same');
      await registers(world.alice, '<sip:carol@10.0.2.2>;q=1.0');
      world.calls(gruu);
      const invite = await world.bob.receives('INVITE');
      assert.equal(invite.uri, 'sip:bob@10.0.2.1', 'gr is not passed on');
      await registers(world.alice, `${contact};expires=0`, { headers });
      world.calls(gruu, { callId: 'second', branch: 'z9hG4bK-2' });
      await world.alice.receives(480);
    });
  });

  test('flows of one instance are tried one after the other (RFC 5626 §7)', async () => {
    const routes = `
request_route {
  if (is_method("REGISTER")) { save("location"); exit; }
  if (!lookup("location")) { sl_send_reply("480", "None"); exit; }
  t_load_contacts();
  t_next_contacts();
  t_on_branch_failure("FLOW");
  t_relay();
}
event_route[tm:branch-failure:FLOW] {
  if (t_check_status("430") && t_next_contact_flow()) { t_on_branch_failure("FLOW"); t_relay(); }
}`;
    const params = `modparam("tm", "contacts_avp", "tm_contacts")\nmodparam("tm", "contact_flows_avp", "tm_flows")\n${param('outbound_mode', 1)}`;
    await withRegistrar(routes, params, async (world) => {
      const headers = { Supported: 'outbound' };
      await registers(world.alice, `<sip:phone@10.0.2.1>;${INSTANCE};reg-id=1`, { headers });
      await registers(world.alice, `<sip:phone@10.0.2.2>;${INSTANCE};reg-id=2`, { headers });
      world.calls(AOR);
      // The newer flow first, as Kamailio orders contacts of one q.
      const first = await world.carol.receives('INVITE');
      await world.bob.receivesNothing(500, 'INVITE');
      world.carol.replies(first, 430);
      world.bob.replies(await world.bob.receives('INVITE'), 200);
      await world.alice.receives(200);
    });
  });

  test('contacts over a connection that is gone are left out (lookup_filter_mode 2)', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, param('lookup_filter_mode', 2), async (world) => {
      const phone = await SipPeer.tcpClient(world.network.host('10.0.1.9').stream, {
        clock: world.clock,
        name: 'phone',
        target: { ip: '10.0.0.1', port: 5060 },
      });
      await registers(phone, '<sip:phone@10.0.1.9;transport=tcp>');
      await registers(world.alice, '<sip:bob@10.0.2.1>;q=0.1');
      await phone.close();
      await world.passes(100);
      world.calls(AOR);
      await world.bob.receives('INVITE');
      await registers(world.alice, '<sip:bob@10.0.2.1>;expires=0');
      world.calls(AOR, { callId: 'second', branch: 'z9hG4bK-2' });
      await world.alice.receives(480);
    });
  });

  test('no more branches than max_branches', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, 'max_branches=3\n', async (world) => {
      await registers(world.alice, Array.from({ length: 6 }, (_, i) => `<sip:b${i}@10.0.2.1>`).join(', '));
      world.calls(AOR);
      await world.passes(300);
      assert.equal(new Set(world.bob.heard.map((msg) => msg.uri)).size, 3);
    });
  });

  test('use_expired_contacts, and back at run time', async () => {
    await withRegistrar(SAVE_AND_LOOKUP, param('use_expired_contacts', 1), async (world) => {
      await registers(world.alice, '<sip:bob@10.0.2.1>;expires=60');
      await world.passes(60_000);
      world.calls(AOR);
      await world.bob.receives('INVITE');
      assert.equal(world.sim.server.modules.setParam('registrar', 'use_expired_contacts', 0), null);
      world.calls(AOR, { callId: 'second', branch: 'z9hG4bK-2' });
      await world.alice.receives(480);
    });
  });

  test('attributes of usrloc xavp_contact come back', async () => {
    const routes = `
request_route {
  if (is_method("REGISTER")) { $xavp(ct=>room) = "kitchen"; save("location"); exit; }
  $var(found) = lookup("location");
  sl_send_reply("200", "$xavp(ct=>room)");
}`;
    await withRegistrar(routes, 'modparam("usrloc", "xavp_contact", "ct")', async (world) => {
      await registers(world.alice, '<sip:bob@10.0.2.1>');
      world.calls(AOR);
      assert.equal((await world.alice.receives(200)).startLine, 'SIP/2.0 200 kitchen');
    });
  });
});

test('event_route[usrloc:contact-expired] has the contact in $ulc(exp=>…)', async () => {
  const routes = `${SAVE_AND_LOOKUP}
event_route[usrloc:contact-expired] { xlog("L_INFO", "gone: $ulc(exp=>aor) $ulc(exp=>addr) $ulc(exp=>callid)\\n"); }`;
  await withRegistrar(routes, '', async (world) => {
    world.sim.log.level = 3;
    await registers(world.alice, '<sip:bob@10.0.2.1>;expires=60');
    await world.passes(200_000);
    const told = world.sim.log.lines.filter((line) => line.includes('gone:'));
    assert.equal(told.length, 1, told.join('\n'));
    assert.match(told.join(), /gone: alice sip:bob@10\.0\.2\.1 alice-call/);
  });
});

/** A table in a database that is away. */
const GONE = (): Promise<never> => Promise.reject(new StrowgerError('DB_CLOSED', 'the database is away'));

function benchWithout(params: Record<string, number | string> = {}): {
  bench: ModuleBench<Registrar>;
  replies: [number, string][];
} {
  const replies: [number, string][] = [];
  const table = { edit: GONE, lookup: GONE, byRuid: GONE, deleteAor: GONE, deleteByRuid: GONE };
  const usrloc = {
    useDomain: false,
    natFlag: 0,
    xavpContact: '',
    nowSec: () => 1000,
    domain: () => table,
    on: () => () => undefined,
  };
  const sl = {
    sendReply: (_run: unknown, code: number, reason: string): number => {
      replies.push([code, reason]);
      return 1;
    },
  };
  const bench = new ModuleBench(registrar, params, {}, { usrloc, sl });
  return { bench, replies };
}

test('a database that is away gives the script an error, and the phone a 500', async () => {
  const { bench, replies } = benchWithout({ retry_after: 3 });
  await bench.init();
  const register = sipMsg(request('REGISTER', 'sip:example.org', { to: `<${AOR}>`, contact: '<sip:a@10.0.1.1>' }));
  assert.equal(await bench.start(bench.run(register), 'save', 'location'), -1);
  assert.deepEqual(replies, [[500, 'Server Internal Error']]);
  assert.equal(register.replyLumps?.join(''), 'P-Registrar-Error: Database operation failed\r\nRetry-After: 3\r\n');
  const run = bench.run(sipMsg(request('INVITE', AOR)));
  for (const [command, args, result] of [
    ['lookup', ['location'], -3],
    ['lookup_to_dset', ['location'], -3],
    ['lookup_branches', ['location'], -3],
    ['lookup', ['location', 'sip:x-y-1@example.org;gr'], -3],
    ['registered', ['location'], -1],
    ['unregister', ['location', AOR], -2],
    ['unregister', ['location', AOR, 'ruid'], -2],
    ['unregister', ['location', '', 'ruid'], -2],
    ['reg_fetch_contacts', ['location', AOR, 'p'], -2],
  ] as const)
    assert.equal(await bench.start(run, command, ...args), result, command);
});

test('parameters that contradict each other end the start', async () => {
  await assert.rejects(benchWithout({ flow_timer: 25 }).bench.init(), /outbound_mode/);
  await assert.rejects(benchWithout({ received_avp: '$var(x)' }).bench.init(), /received_avp/);
  for (const name of ['$avp(rcv)', '$avp(s:rcv)', '$avp(i:42)', '$(avp(rcv))'])
    await benchWithout({ received_avp: name }).bench.init();
});

test('reg_send_reply without a reply that was kept is false', async () => {
  const { bench, replies } = benchWithout();
  await bench.init();
  const run = bench.run(sipMsg(request('REGISTER', 'sip:example.org', { contact: 'junk' })));
  assert.equal(bench.call(run, 'reg_send_reply'), -1);
  assert.equal(bench.call(run, 'save', 'location', '2'), -1);
  assert.equal(bench.call(run, 'reg_send_reply'), 1);
  assert.equal(bench.call(run, 'reg_send_reply'), -1);
  assert.deepEqual(replies, [[400, 'Bad Request']]);
});
