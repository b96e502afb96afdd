import assert from 'node:assert/strict';
import { test } from 'node:test';
import { response, type TestMsg } from '../../test/support/msg.ts';
import { RegistrarPeer } from '../../test/support/registrar-peer.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import type { Credential, RegistrationState, UacApi } from './api.ts';

async function withWorld(
  routes: string,
  use: (world: SipWorld) => Promise<void>,
  params = '',
  modules = '',
): Promise<void> {
  const world = await SipWorld.start(routes, { params: `${modules}loadmodule "uac.so"\n${params}` });
  try {
    await use(world);
    await world.passes(400_000);
    assert.deepEqual(
      world.sim.log.lines.filter((line) => line.startsWith('-2')),
      [],
    );
  } finally {
    await world.stop();
  }
}

const RELAY = `
request_route {
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (has_totag()) { loose_route(); $du = "sip:10.0.2.1"; t_relay(); exit; }
  MANAGE
  record_route();
  uac_replace_from("Anon", "sip:anon@hidden.example.org");
  uac_replace_to("sip:target@hidden.example.org");
  CHANGE
  $du = "sip:10.0.2.1";
  t_relay();
}`;
const relay = (change = '', manage = ''): string => RELAY.replace('CHANGE', change).replace('MANAGE', manage);
const NAMES = { from: '"Al" <sip:alice@example.org>', to: 'Bob <sip:bob@example.org>' };
const names = (msg: TestMsg): string[] => [msg.get('From').replace(/;tag.*/, ''), msg.get('To').replace(/;tag.*/, '')];
const OWN = [NAMES.from, NAMES.to];
const HIDDEN = ['Anon <sip:anon@hidden.example.org>', 'Bob <sip:target@hidden.example.org>'];

test('a cancelled call: each side sees its names in everything', async () => {
  await withWorld(relay(), async ({ alice, bob, ...world }) => {
    const invite = alice.request('INVITE', 'sip:bob@10.0.0.1', NAMES);
    alice.sends(invite);
    const got = await bob.receives('INVITE');
    assert.deepEqual(names(got), HIDDEN);
    bob.replies(got, 180);
    assert.deepEqual(names(await alice.receives(180)), OWN);
    alice.sends(invite.replace(/^INVITE/, 'CANCEL').replace(/CSeq: (\d+) INVITE/, 'CSeq: $1 CANCEL'));
    assert.deepEqual(names(await bob.receives('CANCEL')), HIDDEN);
    bob.replies(got, 487);
    assert.deepEqual(names(await bob.receives('ACK')), HIDDEN);
    assert.deepEqual(names(await alice.receives(487)), OWN);
    void world;
  });
});

for (const [name, change, params] of [
  ['by the Record-Route', '', ''],
  ['after msg_apply_changes', 'remove_record_route(); msg_apply_changes(); record_route();', ''],
] as const) {
  test(`a call and its requests, names kept ${name}`, async () => {
    await withWorld(
      relay(change),
      async ({ alice, bob }) => {
        const call = { ...NAMES, callId: 'call' };
        alice.sends(alice.request('INVITE', 'sip:bob@10.0.0.1', call));
        const got = await bob.receives('INVITE');
        bob.replies(got, 200);
        const ok = await alice.receives(200);
        assert.deepEqual(names(ok), OWN);
        if (change !== '') return;
        const route = ok.all('Record-Route');
        const inside = { ...call, route, toTag: 'bob-tag', cseq: 2 };
        alice.sends(alice.request('ACK', 'sip:bob@10.0.2.1', { ...inside, cseq: 1 }));
        assert.deepEqual(names(await bob.receives('ACK')), [HIDDEN[0]?.replace('Anon', '"Al"'), HIDDEN[1]]);
        alice.sends(alice.request('BYE', 'sip:bob@10.0.2.1', inside));
        const bye = await bob.receives('BYE');
        assert.match(bye.get('From'), /<sip:anon@hidden/);
        bob.replies(bye, 200);
        assert.deepEqual(names(await alice.receives((msg) => msg.cseqMethod === 'BYE')), OWN);
      },
      params,
      'loadmodule "textopsx.so"\n',
    );
  });
}

test('each branch has names of its own; the one that answers keeps them for the call', async () => {
  const routes = `
request_route {
  if (has_totag()) { loose_route(); $du = "sip:10.0.2.1"; t_relay(); exit; }
  ROUTE
  t_on_branch("NAMES");
  $ru = "sip:one@10.0.2.1";
  append_branch("sip:two@10.0.2.1");
  t_relay();
}
branch_route[NAMES] {
  IN_BRANCH
  uac_replace_from("Anon", "sip:$rU@hidden.example.org");
  add_rr_param(";at=$rU");
}`;
  for (const [before, inBranch] of [
    ['record_route();', ''],
    ['', 'record_route();'],
  ] as const)
    await withWorld(routes.replace('ROUTE', before).replace('IN_BRANCH', inBranch), async ({ alice, bob }) => {
      const call = { ...NAMES, callId: 'call' };
      alice.sends(alice.request('INVITE', 'sip:bob@10.0.0.1', call));
      const [one, two] = [await bob.receives('INVITE'), await bob.receives('INVITE')];
      for (const [invite, user] of [
        [one, 'one'],
        [two, 'two'],
      ] as const) {
        assert.match(invite.startLine, new RegExp(`sip:${user}@`));
        assert.match(invite.get('From'), new RegExp(`^Anon <sip:${user}@hidden`));
        assert.equal(invite.all('Record-Route').length, 1);
        assert.match(invite.get('Record-Route'), new RegExp(`;lr;ftag=alice-tag;vsf=[^;]+;at=${user}>$`));
      }
      bob.replies(one, 180, { toTag: 'one' });
      assert.deepEqual(names(await alice.receives(180)), OWN);
      bob.replies(two, 200, { toTag: 'two' });
      const ok = await alice.receives(200);
      assert.deepEqual(names(ok), OWN);
      bob.replies(await bob.receives('CANCEL'), 200);
      bob.replies(one, 487, { toTag: 'one' });
      const inside = { ...call, route: ok.all('Record-Route'), toTag: 'two', cseq: 2 };
      alice.sends(alice.request('BYE', 'sip:bob@10.0.2.1', inside));
      const bye = await bob.receives('BYE');
      assert.match(bye.get('From'), /<sip:two@hidden/);
      bob.replies(bye, 200);
      assert.deepEqual(names(await alice.receives((msg) => msg.cseqMethod === 'BYE')), OWN);
    });
});

test('restore_dlg keeps the names in the dialog, and nothing in Record-Route', async () => {
  await withWorld(
    relay('', 'dlg_manage();'),
    async ({ alice, bob }) => {
      const call = { ...NAMES, callId: 'call' };
      alice.sends(alice.request('INVITE', 'sip:bob@10.0.0.1', call));
      const got = await bob.receives('INVITE');
      assert.deepEqual(names(got), HIDDEN);
      assert.doesNotMatch(got.get('Record-Route'), /vs[ft]=/);
      bob.replies(got, 200);
      const ok = await alice.receives(200);
      const route = ok.all('Record-Route');
      const inside = { ...call, route, toTag: 'bob-tag' };
      alice.sends(alice.request('ACK', 'sip:bob@10.0.2.1', inside));
      assert.deepEqual(names(await bob.receives('ACK')), HIDDEN);
      alice.sends(alice.request('BYE', 'sip:bob@10.0.2.1', { ...inside, cseq: 2 }));
      const bye = await bob.receives('BYE');
      assert.deepEqual(names(bye), HIDDEN);
      bob.replies(bye, 200);
      assert.deepEqual(names(await alice.receives((msg) => msg.cseqMethod === 'BYE')), OWN);
    },
    'modparam("uac", "restore_dlg", 1)\n',
    'loadmodule "dialog.so"\n',
  );
});

const AUTH = `
request_route {
  if (is_method("ACK")) exit;
  t_on_failure("F");
  $du = "sip:10.0.2.1";
  t_relay();
}
failure_route[F] {
  if (t_check_status("401|407") && uac_auth()) { t_on_failure("F"); t_relay(); }
}`;
const CREDENTIALS =
  'modparam("uac", "credential", "a:proxy.example.org:pa")\nmodparam("uac", "credential", "b:home.example.org:pb")\n';

test('uac_auth: a proxy and the registrar behind it each get their answer, in one request', async () => {
  await withWorld(
    AUTH,
    async ({ alice, bob }) => {
      const old = 'Digest username="x", realm="home.example.org", nonce="o", uri="x", response="0"';
      alice.sends(alice.request('MESSAGE', 'sip:bob@10.0.0.1', { body: 'hi', headers: { Authorization: old } }));
      const first = await bob.receives('MESSAGE');
      const proxy = 'Digest realm="proxy.example.org", nonce="1"';
      bob.sends(response(first, 407, { headers: { 'Proxy-Authenticate': proxy } }));
      const second = await bob.receives('MESSAGE');
      assert.match(second.get('Proxy-Authorization'), /^Digest username="a", realm="proxy.example.org", nonce="1"/);
      assert.equal(second.get('Authorization'), old);
      const home = 'Digest realm="home.example.org", nonce="2", algorithm=SHA-256, qop="auth"';
      bob.sends(response(second, 401, { headers: { 'WWW-Authenticate': home } }));
      const third = await bob.receives('MESSAGE');
      assert.match(third.get('Proxy-Authorization'), /nonce="1"/);
      assert.deepEqual(
        third.all('Authorization').map((value) => /username="(\w)".*algorithm=(\S+)$/.exec(value)?.slice(1)),
        [['b', 'SHA-256']],
      );
      bob.replies(third, 200);
      await alice.receives(200);
    },
    CREDENTIALS,
  );
});

const SEND = `
request_route {
  $uac_req(method) = "MESSAGE";
  $uac_req(ruri) = "sip:bob@10.0.2.1";
  $uac_req(turi) = "\\"Bob\\" <sip:bob@example.org>";
  $uac_req(body) = "hello";
  $uac_req(hdrs) = "X-A: 1\\nX-B: 2";
  $uac_req(auser) = "me";
  $uac_req(apasswd) = "pw";
  $uac_req(evroute) = 1;
  $uac_req(evparam) = $ci;
  uac_req_send();
  $uac_req(evparam) = "another";
  sl_send_reply("200", "$uac_req(body)");
}
event_route[uac:reply] { xlog("L_ERR", "told $uac_req(evcode) $uac_req(evtype) $uac_req(evparam)\\n"); }`;

test('uac_req_send: challenged and answered in the same call, told of each reply and of none', async () => {
  await withWorld(SEND, async (world) => {
    const { alice, bob } = world;
    alice.sends(alice.request('OPTIONS', 'sip:x@10.0.0.1', { callId: 'c1' }));
    const first = await bob.receives('MESSAGE');
    bob.sends(response(first, 401, { headers: { 'WWW-Authenticate': 'Digest realm="r", nonce="n"' } }));
    const second = await bob.receives((msg) => msg.method === 'MESSAGE' && msg.has('Authorization'));
    for (const name of ['From', 'To', 'Call-ID', 'X-A', 'X-B']) assert.equal(second.get(name), first.get(name));
    assert.deepEqual([first.cseqNumber, second.cseqNumber, second.body], [10, 11, 'hello']);
    bob.replies(second, 202);
    alice.sends(alice.request('OPTIONS', 'sip:x@10.0.0.1', { callId: 'c2' }));
    await world.passes(60_000);
    const told = world.sim.log.lines.flatMap((line) => /told (.*)/.exec(line)?.[1] ?? []);
    assert.deepEqual(told, ['401 1 c1', '202 1 c1', '408 2 c2']);
    bob.inbox.length = 0;
  });
});

test('what another message has set is not sent again', async () => {
  const routes = `
request_route {
  if ($rU == "first") { $uac_req(body) = "secret"; $uac_req(method) = "MESSAGE"; }
  $uac_req(ruri) = "sip:bob@10.0.2.1";
  $var(r) = uac_req_send();
  sl_send_reply("200", "$var(r)");
}`;
  await withWorld(routes, async ({ alice, bob }) => {
    alice.sends(alice.request('OPTIONS', 'sip:first@10.0.0.1', { callId: 'c1' }));
    bob.replies(await bob.receives('MESSAGE'), 200);
    assert.match((await alice.receives(200)).startLine, / 1$/);
    alice.sends(alice.request('OPTIONS', 'sip:second@10.0.0.1', { callId: 'c2' }));
    assert.match((await alice.receives(200)).startLine, / -1$/);
  });
});

test('the api: answers and registrations for other modules', async () => {
  await withWorld(
    'request_route { exit; }',
    async (world) => {
      const uac = world.sim.api<UacApi>('uac');
      assert.equal(uac.credential('home.example.org')?.username, 'b');
      const registrar = new RegistrarPeer(world.bob, () => world.clock.now());
      const states: RegistrationState[] = [];
      const credential: Credential = { realm: 'example.org', username: 'me', secret: 'pw', isHa1: false };
      const plan = {
        name: 'trunk',
        registrar: 'sip:10.0.2.1',
        nextHop: '',
        aor: 'sip:me@10.0.2.1',
        contact: 'sip:me@10.0.0.1',
        expiresSec: 120,
        socket: null,
        headers: 'X-Trunk: 1\r\n',
        credential: () => credential,
      };
      const handle = uac.register(plan, (state) => states.push(state), { retrySec: 30 });
      handle.begin(0);
      await world.passes(500);
      assert.ok(registrar.has('sip:me@10.0.0.1'));
      assert.equal(registrar.seen.at(-1)?.get('X-Trunk'), '1');
      assert.deepEqual(
        states.map(({ flags }) => flags),
        [18, 26, 20],
      );
      handle.unregister();
      await world.passes(500);
      assert.ok(!registrar.has('sip:me@10.0.0.1'));
      assert.ok(handle.isDisabled);
      handle.close();
    },
    CREDENTIALS,
  );
});

test('parameters that contradict each other end the start', async () => {
  const starts = (params: string): Promise<void> =>
    withWorld('request_route { exit; }', () => Promise.resolve(), params);
  const bad: readonly (readonly [string, RegExp])[] = [
    ['modparam("rr", "append_fromtag", 0)\n', /append_fromtag/],
    ['modparam("uac", "restore_mode", "sometimes")\n', /none, manual or auto/],
    ['modparam("uac", "rr_to_store_param", "")\n', /can not be empty/],
    ['modparam("uac", "credential", "user:realm")\n', /username:realm:password/],
    ['modparam("uac", "auth_realm_avp", "$avp(x)")\n', /need each other/],
    ['modparam("uac", "restore_dlg", 1)\n', /needs the module dialog/],
    ['modparam("uac", "default_socket", "udp:1.2.3.4:5")\n', /none of our sockets/],
    ['modparam("uac", "restore_from_avp", "$ci")\n', /can not be assigned/],
    ['modparam("uac", "reg_contact_addr", "sip:1.2.3.4")\n', /must not begin with sip:/],
  ];
  for (const [params, error] of bad) await assert.rejects(starts(params), error, params);
});
