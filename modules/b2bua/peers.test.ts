import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { SipMsg } from '../../core/parser/sip-msg.ts';
import { PROTO } from '../../core/transport/socket-info.ts';
import { ANSWER, inDialog, talking, withB2b } from '../../test/support/b2b-world.ts';
import { authParam, digestAnswer } from '../../test/support/digest-client.ts';
import { response, type TestMsg } from '../../test/support/msg.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import type { Calls } from './calls.ts';
import { PeerAddresses } from './peer-addresses.ts';
import { type PeerDef, parsePeer } from './peer-def.ts';
import { NEW_PEER, type PeerState, probed } from './peer-state.ts';

/** Two trunks of a group, which are asked each 20 s. */
const TRUNKS = `
  modparam("b2bua", "peer", "name=one;uri=<sip:10.0.2.1;transport=udp>;group=trunks;limit=1")
  modparam("b2bua", "peer", "name=two;uri=sip:10.0.2.2;group=trunks;match=192.0.2.7")
  modparam("b2bua", "qualify_interval", 20)
  modparam("b2bua", "qualify_timeout", 1000)
  modparam("b2bua", "qualify_threshold", 2)
`;
const OFF = `${TRUNKS}\nmodparam("b2bua", "qualify_interval", 0)`;

/** Answers OPTIONS by itself while `isUp()`. */
function answersOptions(peer: SipPeer, isUp: () => boolean, status = 200): void {
  peer.autoReply = (msg) => (msg.method === 'OPTIONS' && isUp() ? response(msg, status, { toTag: 'o' }) : null);
}

async function status(world: SipWorld, name: string): Promise<string> {
  const [peer] = (await world.sim.server.rpc.call('b2bua.peers', [name])) as unknown as { status: string }[];
  return peer?.status ?? '';
}

async function off(world: SipWorld): Promise<void> {
  await world.sim.server.rpc.call('b2bua.qualify', ['off']);
}

describe('A39: what a peer is written as', () => {
  test('A39: attributes, with values in brackets and quotes', () => {
    const peer = parsePeer('name=t1; uri=<sip:a@h;transport=tcp>;user="a;b";limit=3;match=192.0.2.1, 192.0.2.2');
    assert.ok(typeof peer !== 'string');
    assert.deepEqual(
      [peer.uri, peer.user, peer.limit, peer.qualify, peer.match],
      ['sip:a@h;transport=tcp', 'a;b', 3, -1, ['192.0.2.1', '192.0.2.2']],
    );
  });

  for (const [text, error] of [
    ['name=t1', /t1 has no uri/],
    ['name=a b;uri=sip:h', /no name of a peer/],
    ['name=t1;uri=mailto', /no SIP URI/],
    ['name=t1;uri=sip:h;name=t2', /name is given twice/],
    ['name=t1;uri=sip:h;colour=red', /"colour=red" is none of/],
    ['name=t1;uri=sip:h;limit=many', /are numbers/],
    ['name=t1;uri=sip:h;register=maybe', /client or server/],
    ['name=t1;uri=sip:h;register=client', /needs user/],
    ['name=t1;uri=sip:h;match=192.0.2.1:x', /match is addresses/],
  ] as const)
    test(`A39: ${text} is refused`, () => {
      const found = parsePeer(text);
      assert.match(typeof found === 'string' ? found : 'it was taken', error);
    });

  test('A2, A39: a bad peer ends the start with its module and parameter', async () => {
    const bad = { params: 'modparam("b2bua", "peer", "name=x;uri=nothing")' };
    await assert.rejects(
      withB2b(async () => {}, bad),
      /x: "nothing" is no SIP URI/,
    );
  });
});

describe('A39: hysteresis', () => {
  const after = (results: string, threshold: number): PeerState => {
    let state = NEW_PEER;
    for (const c of results)
      state = probed(state, { isAlive: c === '+', code: c === '+' ? 200 : 408, latencyMs: 5, askedMs: 1 }, threshold);
    return state;
  };
  for (const [results, threshold, expected] of [
    ['+', 3, 'up'],
    ['--', 3, 'unknown'],
    ['---', 3, 'down'],
    ['+-+--+-+--+', 3, 'up'],
    ['+---', 3, 'down'],
    ['---++', 3, 'down'],
    ['---++-++-+', 3, 'down'],
    ['---+++', 3, 'up'],
    ['+-', 1, 'down'],
  ] as const)
    test(`A39: ${results} with a threshold of ${threshold} is ${expected}`, () =>
      assert.equal(after(results, threshold).status, expected));
});

describe('A39: qualify', () => {
  test('A39: down after so many losses, the event once; up again; latency', async () => {
    let isUp = true;
    const routes = `request_route { exit; }
      event_route[b2bua:peer-down] { xlog("DOWN $peer(name) $peer(status) $ru\\n"); }
      event_route[b2bua:peer-up] { xlog("UP $peer(name) $peer(two=>status)\\n"); }`;
    await withB2b(
      async (world) => {
        answersOptions(world.bob, () => isUp);
        answersOptions(world.carol, () => true, 404);
        await world.passes(1000);
        assert.equal(await status(world, 'one'), 'up');
        assert.equal(await status(world, 'two'), 'up', '404 is an answer');
        isUp = false;
        await world.passes(21_000);
        assert.equal(await status(world, 'one'), 'up', 'one loss is none');
        await world.passes(12_000);
        assert.equal(await status(world, 'one'), 'down');
        await world.passes(60_000);
        isUp = true;
        await world.passes(40_000);
        assert.equal(await status(world, 'one'), 'up');
        const told = world.sim.log.lines.filter((line) => /DOWN|UP/.test(line)).map((line) => line.slice(2).trim());
        assert.equal(told.length, 2);
        assert.match(told[0] ?? '', /DOWN one down sip:10\.0\.2\.1/);
        assert.match(told[1] ?? '', /UP one up/);
        const [peer] = (await world.sim.server.rpc.call('b2bua.peers', ['one'])) as unknown as { latency: number }[];
        assert.ok((peer?.latency ?? 0) >= 2);
        await off(world);
      },
      { params: TRUNKS },
      routes,
    );
  });

  test('A39: RPC b2bua.qualify asks at once', async () => {
    await withB2b(
      async (world) => {
        answersOptions(world.bob, () => true);
        answersOptions(world.carol, () => true, 503);
        const asked = world.sim.server.rpc.call('b2bua.qualify', ['all']);
        await world.passes(100);
        const peers = (await asked) as unknown as { name: string; status: string; code: number }[];
        assert.deepEqual(
          peers.map(({ name, status: is, code }) => [name, is, code]),
          [
            ['one', 'up', 200],
            ['two', 'unknown', 503],
          ],
        );
        await assert.rejects(world.sim.server.rpc.call('b2bua.qualify', ['nobody']), { code: 404 });
      },
      { params: OFF },
    );
  });
});

describe('A39: calling peers', () => {
  const routes = `request_route {
    $var(to) = $rU;
    if (!b2b_dial("$var(to)", 20)) { $var(rc) = $rc; b2b_reject(480, "rc=$var(rc) status=$b2b(status) limit=$b2b(limit)"); }
    exit;
  }`;
  const dialling = (text: string): string => routes.replace('b2b_dial("$var(to)"', `b2b_dial("${text}"`);

  test('A39: a peer that is down is left out, the next of the group is called', async () => {
    await withB2b(
      async (world) => {
        answersOptions(world.bob, () => false);
        answersOptions(world.carol, () => true);
        await world.passes(15_000);
        assert.equal(await status(world, 'one'), 'down');
        world.bob.inbox.length = 0;
        world.calls('sip:123@10.0.0.1');
        const atCarol = await world.carol.receives('INVITE');
        assert.equal(atCarol.startLine, 'INVITE sip:123@10.0.2.2 SIP/2.0');
        assert.equal(world.bob.count('INVITE'), 0);
        world.carol.replies(atCarol, 486);
        assert.match((await world.alice.receives(480)).startLine, /rc=-1 status=486/);
        await off(world);
      },
      { params: TRUNKS },
      dialling('group:trunks'),
    );
  });

  test('A39: a peer that fails is followed by the next', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:123@10.0.0.1');
        const atBob = await world.bob.receives('INVITE');
        assert.equal(atBob.startLine, 'INVITE sip:77@10.0.2.1;transport=udp SIP/2.0');
        world.bob.replies(atBob, 503);
        const atCarol = await world.carol.receives('INVITE');
        world.carol.replies(atCarol, 200, { body: ANSWER, contentType: 'application/sdp' });
        const ok = await world.final(invite);
        assert.equal(ok.status, 200);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        world.carol.replies(await world.carol.receives('BYE'), 200);
      },
      { params: OFF },
      dialling('peer:77@one,peer:two'),
    );
  });

  for (const [what, code, isOver] of [
    ['busy', 486, true],
    ['declined', 603, true],
    ['no such number', 404, true],
    ['not acceptable', 488, true],
    ['overloaded', 503, false],
    ['forbidden', 403, false],
    ['not available', 480, false],
  ] as const)
    test(`A39: ${what} (${code}) at a line of a group ${isOver ? 'is about the callee: no other is tried' : 'is its own: the next is tried'}`, async () => {
      await withB2b(
        async (world) => {
          const invite = world.calls('sip:123@10.0.0.1');
          world.bob.replies(await world.bob.receives('INVITE'), code);
          if (!isOver) world.carol.replies(await world.carol.receives('INVITE'), 500);
          else await world.carol.receivesNothing(100, 'INVITE');
          const rc = code === 486 || code === 603 ? -1 : -3;
          const status = isOver ? code : 500;
          assert.match((await world.final(invite)).startLine, new RegExp(`rc=${rc} status=${status}`));
        },
        { params: OFF },
        dialling('group:trunks'),
      );
    });

  test('A39: a busy phone of a group with users of their own is followed by the next phone', async () => {
    const params = `modparam("b2bua", "peer", "name=a;uri=sip:anna@10.0.2.1;group=sales")
      modparam("b2bua", "peer", "name=b;uri=sip:ben@10.0.2.2;group=sales")
      modparam("b2bua", "qualify_interval", 0)`;
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:123@10.0.0.1');
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        const atCarol = await world.carol.receives('INVITE');
        assert.match(atCarol.startLine, /sip:ben@10\.0\.2\.2/);
        world.carol.replies(atCarol, 486);
        assert.match((await world.final(invite)).startLine, /rc=-1 status=486/);
      },
      { params },
      dialling('group:sales'),
    );
  });

  test('A39: who was tried says more than who was left out: 503 of one, the other at its limit', async () => {
    const params = `${OFF}\nmodparam("b2bua", "peer", "name=zero;uri=sip:10.0.2.3;group=trunks;limit=1")`;
    const own = `request_route {
      if ($rU == "first") { b2b_dial("peer:zero", 20); b2b_reject(486); exit; }
      b2b_dial("peer:two,peer:zero", 20); $var(rc) = $rc; b2b_reject(480, "rc=$var(rc) status=$b2b(status)"); exit; }`;
    await withB2b(
      async (world) => {
        const first = world.calls('sip:first@10.0.0.1', { callId: 'first' });
        const atDave = await world.dave.receives('INVITE');
        const second = world.calls('sip:second@10.0.0.1', { callId: 'second' });
        world.carol.replies(await world.carol.receives('INVITE'), 503);
        assert.match((await world.final(second)).startLine, /rc=-3 status=503/);
        world.dave.replies(atDave, 486);
        assert.equal((await world.final(first)).status, 486);
      },
      { params },
      own,
    );
  });

  test("A38: a peer's limit: the call beyond it goes elsewhere or gets -5; its slot is free when its leg has ended", async () => {
    await withB2b(
      async (world) => {
        const first = world.calls('sip:123@10.0.0.1', { callId: 'first' });
        const atBob = await world.bob.receives('INVITE');
        const second = world.calls('sip:123@10.0.0.1', { callId: 'second' });
        assert.match((await world.final(second)).startLine, /rc=-5 status=503 limit=peer:one/);
        const [peer] = (await world.sim.server.rpc.call('b2bua.peers', ['one'])) as unknown as { calls: number }[];
        assert.equal(peer?.calls, 1);
        world.bob.replies(atBob, 486);
        assert.match((await world.final(first)).startLine, /rc=-1/);
        const third = world.calls('sip:123@10.0.0.1', { callId: 'third' });
        world.bob.replies(await world.bob.receives('INVITE'), 404);
        assert.match((await world.final(third)).startLine, /rc=-3 status=404/);
      },
      { params: OFF },
      dialling('peer:one'),
    );
  });

  test('A39: who sent a request; a call of a peer counts for its limit', async () => {
    const own = `request_route {
      if (!b2b_is_peer()) { sl_send_reply("403", "Who are you"); exit; }
      if (!b2b_peer()) { b2b_reject(486, "$peer(name) has $peer(calls) of $peer(limit) rc $rc"); exit; }
      b2b_peer_status("two"); xlog("two is $rc\\n");
      $ru = "sip:10.0.2.2"; b2b_call(); exit;
    }`;
    await withB2b(
      async (world) => {
        assert.equal((await world.final(world.calls('sip:x@10.0.0.1', { callId: 'stranger' }))).status, 403);
        const invite = world.bob.request('INVITE', 'sip:x@10.0.0.1', { callId: 'from-bob' });
        world.bob.sends(invite);
        const atCarol = await world.carol.receives('INVITE');
        world.bob.sends(world.bob.request('INVITE', 'sip:x@10.0.0.1', { callId: 'again' }));
        const refused = await world.bob.receives(486);
        assert.match(refused.startLine, /one has 1 of 1 rc -5/);
        world.bob.sends(
          world.bob.request('ACK', 'sip:x@10.0.0.1', { callId: 'again', toTag: refused.param('To', 'tag') ?? '' }),
        );
        world.carol.replies(atCarol, 404);
        await world.bob.receives(404);
        assert.ok(world.sim.log.lines.some((line) => line.includes('two is 1')));
      },
      { params: OFF },
      own,
    );
  });

  const rows: readonly (readonly [sent: string, expected: string | null])[] = [
    ['UDP 192.0.2.1:5060', 'one'],
    ['UDP 192.0.2.1:5070', 'two'],
    ['UDP 192.0.2.1:9999', null],
    ['TCP 192.0.2.1:40000 via 5070', 'two'],
    ['TCP 192.0.2.1:40000 via 0', 'one'],
    ['TLS 192.0.2.1:40000 via 0', 'secure'],
    ['UDP 192.0.2.2:40000', 'alone'],
    ['UDP 192.0.2.3:1', 'alone'],
    ['UDP 192.0.2.4:5080', 'alone'],
    ['UDP 192.0.2.4:5081', null],
    ['UDP 2001:db8::1:5090', 'alone'],
    ['UDP 192.0.2.9:5060', null],
  ];
  for (const [sent, expected] of rows)
    test(`A39: ${sent} is ${expected ?? 'nobody'}`, () => {
      const peers = [
        'name=one;uri=sip:192.0.2.1',
        'name=two;uri=sip:192.0.2.1:5070',
        'name=secure;uri=<sip:192.0.2.1;transport=tls>',
        'name=alone;uri=sip:192.0.2.2:5062;match=192.0.2.3,192.0.2.4:5080,[2001:db8::1]:5090',
      ].map((text) => parsePeer(text) as PeerDef);
      const [, proto = '', srcIp = '', port = '', via = '0'] = /^(\w+) (.*):(\d+)(?: via (\d+))?$/.exec(sent) ?? [];
      const rcv = { proto: PROTO[proto as 'UDP'], srcIp, srcPort: Number(port) };
      const found = new PeerAddresses(peers).sender({ rcv, via1: { port: Number(via) } } as unknown as SipMsg);
      assert.equal(found?.name ?? null, expected);
    });

  test('A39: a peer that registers here is called at its contact', async () => {
    const params = `loadmodule "usrloc.so"\nloadmodule "registrar.so"
      modparam("b2bua", "peer", "name=desk;register=server;aor=200")`;
    const own = `request_route {
      if (is_method("REGISTER")) { save("location"); exit; }
      if (!b2b_dial("peer:desk", 20)) { b2b_reject(480, "rc=$rc"); }
      exit;
    }`;
    await withB2b(
      async (world) => {
        assert.match(
          (await world.final(world.calls('sip:200@10.0.0.1', { callId: 'early' }))).startLine,
          /^SIP\/2.0 480/,
        );
        world.carol.sends(
          world.carol.request('REGISTER', 'sip:10.0.0.1', {
            to: '<sip:200@10.0.0.1>',
            headers: { Expires: '100' },
          }),
        );
        await world.carol.receives(200);
        const invite = world.calls('sip:200@10.0.0.1', { callId: 'late' });
        const atCarol = await world.carol.receives('INVITE');
        assert.match(atCarol.startLine, /^INVITE sip:carol@10\.0\.2\.2/);
        world.carol.replies(atCarol, 486);
        await world.final(invite);
        await off(world);
      },
      { params },
      own,
      1,
    );
  });
});

describe('A39: credentials of peers', () => {
  const REALM = 'Digest realm="bob.example", nonce="n1", qop="auth", algorithm=MD5';
  const peer = (more: string): string =>
    `modparam("b2bua", "peer", "name=bob;uri=sip:10.0.2.1;qualify=0;user=me;password=pw;realm=bob.example${more}")`;

  /** Whether what bob got answers his challenge as who knows the password would. */
  function isRight(request: TestMsg, header: string): void {
    const value = request.get(header);
    const right = digestAnswer(REALM, {
      user: 'me',
      password: 'pw',
      method: request.method,
      uri: authParam(value, 'uri'),
      nc: authParam(value, 'nc'),
      cnonce: authParam(value, 'cnonce'),
    });
    assert.equal(authParam(value, 'response'), authParam(right, 'response'));
  }

  test("A39: a peer's challenge to a call is answered with its credentials", async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:123@10.0.0.1');
        world.bob.replies(await world.bob.receives('INVITE'), 407, { headers: { 'Proxy-Authenticate': REALM } });
        const again = await world.bob.receives('INVITE');
        isRight(again, 'Proxy-Authorization');
        world.bob.replies(again, 486);
        assert.equal((await world.final(invite)).status, 486);
      },
      { params: peer('') },
      'request_route { if (!b2b_dial("peer:bob", 20)) b2b_reject(486); exit; }',
    );
  });

  test('A39: registration as a client, refreshed in time', async () => {
    await withB2b(
      async (world) => {
        const first = await world.bob.receives('REGISTER', 10_000);
        assert.equal(first.startLine, 'REGISTER sip:10.0.2.1 SIP/2.0');
        assert.match(first.get('Contact'), /<sip:bob@10\.0\.0\.1(?::5060)?>/);
        assert.match(first.get('To'), /sip:me@10\.0\.2\.1/);
        world.bob.replies(first, 401, { headers: { 'WWW-Authenticate': REALM } });
        const second = await world.bob.receives('REGISTER', 10_000);
        isRight(second, 'Authorization');
        const granted = { headers: { Contact: `${second.get('Contact')};expires=120` } };
        world.bob.replies(second, 200, granted);
        await world.passes(1000);
        const [report] = (await world.sim.server.rpc.call('b2bua.peers', ['bob'])) as unknown as {
          registered: number;
        }[];
        assert.equal(report?.registered, 1);
        const third = await world.bob.receives('REGISTER', 121_000);
        world.bob.replies(third, 200, granted);
        const calls = world.sim.server.modules.loaded.find(({ name }) => name === 'b2bua')?.state as Calls;
        calls.peers.registrations.close();
      },
      { params: `loadmodule "uac.so"\n${peer(';register=client;expires=120')}` },
    );
  });

  test('A39: to register somewhere needs uac: the start ends with the name of the peer', async () => {
    await assert.rejects(
      withB2b(async () => {}, { params: peer(';register=client') }),
      /peer bob: to register there needs the module uac/,
    );
  });
});

describe('A39: peers_source', () => {
  test('A39: a file, read anew by RPC; a bad one leaves what was', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-peers-'));
    const file = join(folder, 'peers');
    writeFileSync(file, '# trunks\nname=a;uri=sip:10.0.2.1\n\nname=b;uri=sip:10.0.2.2;qualify=0\n');
    try {
      await withB2b(
        async (world) => {
          const names = async (): Promise<string[]> =>
            ((await world.sim.server.rpc.call('b2bua.peers', [])) as unknown as { name: string }[]).map((p) => p.name);
          assert.deepEqual(await names(), ['a', 'b']);
          writeFileSync(file, 'name=c;uri=sip:10.0.2.2\n');
          assert.equal(await world.sim.server.rpc.call('b2bua.reload', []), 1);
          assert.deepEqual(await names(), ['c']);
          writeFileSync(file, 'name=d\n');
          await assert.rejects(
            world.sim.server.rpc.call('b2bua.reload', []),
            /old peers stay: .*peers:1: d has no uri/,
          );
          assert.deepEqual(await names(), ['c']);
          const { ok } = await talking(world);
          world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
          world.bob.replies(await world.bob.receives('BYE'), 200);
        },
        { params: `modparam("b2bua", "peers_source", "${file}")\nmodparam("b2bua", "qualify_interval", 0)` },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
