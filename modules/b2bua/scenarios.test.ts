/** What a call has to do, said in scenarios; each that no other test of this folder shows. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ALICES,
  ANSWER,
  acks,
  answered,
  BOBS,
  ends,
  fromBob,
  fromCallee,
  hungUp,
  inDialog,
  isReply,
  OFFER,
  type Sides,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = 'application/sdp';
const CAROLS = { body: ANSWER.replaceAll('10.0.2.1', '10.0.2.2').replace('7 7', '9 9'), contentType: SDP };
/** A description without its o= line, which is the dialog's own (RFC 3264 §8). */
const media = (sdp: string): string => sdp.replace(/^o=.*\r\n/m, '');

describe('basic call', () => {
  test('each leg counts its own CSeq; 200 goes to the caller after that of the callee, ACK to the callee after that of the caller', async () => {
    await withB2b(async (world) => {
      world.calls('sip:bob@10.0.0.1', { ...ALICES, cseq: 4711 });
      const atBob = await world.bob.receives('INVITE');
      assert.notEqual(atBob.get('CSeq'), '4711 INVITE');
      world.bob.replies(atBob, 180);
      await world.alice.receives(180);
      await world.alice.receivesNothing(5000, (msg) => msg.status > 180);
      world.bob.replies(atBob, 200, BOBS);
      const ok = await world.alice.receives(200, 10);
      assert.equal(ok.get('CSeq'), '4711 INVITE');
      await world.bob.receivesNothing(400, 'ACK');
      acks(world, { invite: '', atBob, ok }, 4711);
      assert.equal((await world.bob.receives('ACK', 10)).get('CSeq'), atBob.get('CSeq').replace('INVITE', 'ACK'));
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 4712 }));
      await hungUp(world.bob);
    });
  });

  for (const side of ['caller', 'callee'] as const)
    test(`the ${side} hangs up: 200 at once, whatever becomes of the BYE on the other side`, async () => {
      await withB2b(async (world) => {
        const sides = await talking(world);
        const [first, other] = side === 'caller' ? [world.alice, world.bob] : [world.bob, world.alice];
        if (side === 'caller') first.sends(inDialog(world, 'BYE', sides.ok, { cseq: 2 }));
        else first.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 2 }));
        await first.receives(isReply('BYE', 200), 3);
        // Nobody answers: it is sent again, and then given up.
        await other.receives('BYE', 10);
        await world.passes(40_000);
        assert.equal(other.count('BYE'), 10);
      });
    });
});

describe('forked dial', () => {
  const FORKS = `request_route { $ru = "sip:bob@10.0.2.1"; append_branch("sip:carol@10.0.2.2"); append_branch("sip:dave@10.0.2.3");
    b2b_call(); exit; }`;

  for (const [statuses, expected] of [
    [[486, 486, 486], 486],
    [[486, 480, 603], 603],
    [[404, 503, 486], 404],
    [[500, 503, 408], 408],
    [[401, 486, 404], 403],
  ] as const)
    test(`${statuses.join(', ')}: ${expected} to the caller`, async () => {
      await withB2b(
        async (world) => {
          const invite = world.calls('sip:x@10.0.0.1');
          for (const [at, peer] of [world.bob, world.carol, world.dave].entries()) {
            const headers = statuses[at] === 401 ? { 'WWW-Authenticate': 'Digest realm="r", nonce="n"' } : {};
            peer.replies(await peer.receives('INVITE'), statuses[at] ?? 0, { headers });
            await peer.receives('ACK');
          }
          assert.equal((await world.final(invite)).status, expected);
        },
        {},
        FORKS,
      );
    });

  test('603 of one ends the others at once, with CANCEL', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1');
        const rings: [SipPeer, TestMsg][] = [];
        for (const peer of [world.bob, world.carol]) {
          const atPeer = await peer.receives('INVITE');
          peer.replies(atPeer, 180);
          rings.push([peer, atPeer]);
        }
        world.dave.replies(await world.dave.receives('INVITE'), 603);
        assert.equal((await world.final(invite, 100)).status, 603);
        for (const [peer, atPeer] of rings) {
          peer.replies(await peer.receives('CANCEL'), 200);
          peer.replies(atPeer, 487);
        }
      },
      {},
      FORKS,
    );
  });
});

describe('in the call', () => {
  test('a re-INVITE without an offer: the offer of the other side is in the 200, the answer in the ACK', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2 }));
      const again = await world.bob.receives('INVITE');
      assert.equal(again.body, '');
      world.bob.replies(again, 200, BOBS);
      assert.equal((await world.alice.receives(isReply('INVITE', 200))).body, ANSWER);
      await world.bob.receivesNothing(300, 'ACK');
      acks(world, sides, 2, ALICES);
      assert.equal((await world.bob.receives('ACK')).body, OFFER);
      await ends(world, sides, 3);
    });
  });

  test('a method nobody knows: 501, or what the script says, or it passes where relayed_methods has it', async () => {
    const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
      event_route[b2bua:request] { if ($rm == "GRAB") { b2b_reply(405, "Method Not Allowed"); drop; } }`;
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        for (const [cseq, method, status] of [
          [2, 'FROB', 501],
          [3, 'GRAB', 405],
        ] as const) {
          world.alice.sends(inDialog(world, method, sides.ok, { cseq }));
          await world.alice.receives(isReply(method, status));
        }
        world.alice.sends(inDialog(world, 'PASS', sides.ok, { cseq: 4 }));
        world.bob.replies(await world.bob.receives('PASS'), 200);
        await world.alice.receives(isReply('PASS', 200));
        assert.deepEqual([world.bob.count('FROB'), world.bob.count('GRAB')], [0, 0]);
        await ends(world, sides, 5);
      },
      { params: 'modparam("b2bua", "relayed_methods", "INFO,PASS")' },
      routes,
    );
  });
});

describe('session timers', () => {
  const timers = { params: 'modparam("b2bua", "default_timer", "both")\nmodparam("b2bua", "session_expires", 120)' };

  test('a side that does not know timers: we refresh it with re-INVITEs, and grant no refresher of its', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      assert.equal(sides.ok.get('Session-Expires'), '120;refresher=uas');
      assert.doesNotMatch(sides.ok.get('Require'), /timer/);
      acks(world, sides);
      await world.bob.receives('ACK');
      for (const [peer, body] of [
        [world.alice, ALICES],
        [world.bob, BOBS],
      ] as const) {
        const refresh = await peer.receives('INVITE', 61_000);
        assert.equal(Number.parseInt(refresh.get('Session-Expires'), 10), 120);
        peer.replies(refresh, 200, body);
        await peer.receives('ACK');
      }
      await ends(world, sides);
    }, timers);
  });

  test('a refresh that is not answered: BYE to both, with Reason 408', async () => {
    await withB2b(async (world) => {
      await talking(world);
      world.bob.replies(await world.bob.receives('INVITE', 61_000), 200, BOBS);
      // alice is gone: our re-INVITE is not answered.
      for (const peer of [world.bob, world.alice])
        assert.match((await peer.receives('BYE', 60_000)).get('Reason'), /408/);
    }, timers);
  });
});

describe('REFER', () => {
  const ROUTES = `request_route {
    if ($rU == "loop") { b2b_call("sip:loop@10.0.0.1"); exit; }
    $ru = "sip:bob@10.0.2.1"; if ($tU == "carol") { $ru = "sip:carol@10.0.2.2"; } b2b_call(); exit; }`;

  async function notified(peer: SipPeer): Promise<string> {
    const notify = await peer.receives('NOTIFY', 40_000);
    peer.replies(notify, 200);
    return notify.body.trim();
  }

  function refers(world: SipWorld, sides: Sides, target: string): void {
    const headers = { 'Refer-To': `<${target}>` };
    world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers }));
  }

  /** alice is joined with carol: she is asked for an offer, carol gets it. */
  async function joined(world: SipWorld): Promise<void> {
    const asked = await world.alice.receives('INVITE');
    assert.equal(asked.body, '');
    world.alice.replies(asked, 200, ALICES);
    const offered = await world.carol.receives('INVITE');
    assert.equal(media(offered.body), media(OFFER));
    world.carol.replies(offered, 200, CAROLS);
    assert.equal(media((await world.alice.receives('ACK')).body), media(CAROLS.body));
    await world.carol.receives('ACK');
  }

  async function hangsUpWithCarol(world: SipWorld, sides: Sides): Promise<void> {
    world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 9 }));
    await world.alice.receives(isReply('BYE', 200));
    await hungUp(world.carol);
  }

  test('the transferor hears how it goes: 100, 180, 200, each once', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      refers(world, sides, 'sip:carol@10.0.2.2');
      await world.bob.receives(202);
      const atCarol = await world.carol.receives('INVITE');
      for (const status of [100, 180, 180]) world.carol.replies(atCarol, status);
      await world.passes(10);
      world.carol.replies(atCarol, 200, CAROLS);
      await world.carol.receives('ACK');
      world.alice.replies(await world.alice.receives('INVITE'), 200, ALICES);
      await world.alice.receives('ACK');
      const heard = [await notified(world.bob), await notified(world.bob), await notified(world.bob)];
      assert.deepEqual(heard, ['SIP/2.0 100 Trying', 'SIP/2.0 180 Ringing', 'SIP/2.0 200 OK']);
      await hungUp(world.bob);
      await hangsUpWithCarol(world, sides);
      assert.equal(world.bob.count('NOTIFY'), 3);
    });
  });

  test('a REFER that leads round in a circle ends with 482 or 483; the call is as it was', async () => {
    for (const detects of [1, 0]) {
      await withB2b(
        async (world) => {
          const sides = await talking(world);
          refers(world, sides, 'sip:loop@10.0.0.1');
          await world.bob.receives(202);
          assert.equal(await notified(world.bob), 'SIP/2.0 100 Trying');
          assert.match(await notified(world.bob), detects === 1 ? /482/ : /483/);
          world.alice.sends(inDialog(world, 'INFO', sides.ok, { cseq: 2 }));
          world.bob.replies(await world.bob.receives('INFO'), 200);
          await world.alice.receives(isReply('INFO', 200));
          await ends(world, sides, 3);
        },
        { params: `modparam("b2bua", "loop_detect", ${detects})` },
        ROUTES,
      );
    }
  });

  test('attended, by the ids of a call that the transferor was called in; both of its BYEs come late and cross ours', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        world.carol.sends(world.carol.request('INVITE', 'sip:bob@10.0.0.1', { callId: 'carols', ...CAROLS }));
        const second = await world.bob.receives('INVITE');
        world.bob.replies(second, 200, { ...BOBS, toTag: 'bob-2' });
        const ok = await world.carol.receives(isReply('INVITE', 200));
        const dialog = { callId: 'carols', to: '<sip:bob@10.0.0.1>', toTag: ok.param('To', 'tag') };
        world.carol.sends(world.carol.request('ACK', 'sip:10.0.0.1', { ...dialog, cseq: 1 }));
        await world.bob.receives('ACK');
        const replaces = `${second.get('Call-ID')};to-tag=${second.param('From', 'tag')};from-tag=bob-2`;
        refers(world, sides, `sip:carol@10.0.2.2?Replaces=${encodeURIComponent(replaces)}`);
        await world.bob.receives(202);
        await joined(world);
        assert.equal(await notified(world.bob), 'SIP/2.0 100 Trying');
        assert.equal(await notified(world.bob), 'SIP/2.0 200 OK');
        world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 3 }));
        world.bob.sends(fromCallee(world.bob, 'BYE', second, { cseq: 3, fromTag: 'bob-2' }));
        await world.bob.receives(isReply('BYE', 200));
        await world.bob.receives(isReply('BYE', 200));
        await hungUp(world.bob);
        await hungUp(world.bob);
        assert.equal(world.alice.count('BYE') + world.carol.count('BYE'), 0);
        await hangsUpWithCarol(world, sides);
      },
      {},
      ROUTES,
    );
  });

  test('attended, where the other call is on another server: the target is called with its Replaces', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        const replaces = 'elsewhere@192.0.2.1;to-tag=t;from-tag=f';
        refers(world, sides, `sip:carol@10.0.2.2?Replaces=${encodeURIComponent(replaces)}`);
        await world.bob.receives(202);
        const atCarol = await world.carol.receives('INVITE');
        assert.equal(atCarol.get('Replaces'), replaces);
        world.carol.replies(atCarol, 200, CAROLS);
        await world.carol.receives('ACK');
        world.alice.replies(await world.alice.receives('INVITE'), 200, ALICES);
        await world.alice.receives('ACK');
        assert.equal(await notified(world.bob), 'SIP/2.0 100 Trying');
        assert.equal(await notified(world.bob), 'SIP/2.0 200 OK');
        await hungUp(world.bob);
        await hangsUpWithCarol(world, sides);
      },
      {},
      ROUTES,
    );
  });
});

describe('outgoing auth', () => {
  test('of several credentials those of the realm that asks', async () => {
    const params = ['one:first:pw1', 'two:second:pw2', 'any:*:pw3']
      .map((text) => `modparam("b2bua", "credentials", "${text}")`)
      .join('\n');
    await withB2b(
      async (world) => {
        for (const [callId, realm, user] of [
          ['a', 'second', 'two'],
          ['b', 'first', 'one'],
          ['c', 'third', 'any'],
        ] as const) {
          const invite = world.calls('sip:bob@10.0.0.1', { callId });
          const headers = { 'Proxy-Authenticate': `Digest realm="${realm}", nonce="n"` };
          world.bob.replies(await world.bob.receives('INVITE'), 407, { headers });
          await world.bob.receives('ACK');
          const again = await world.bob.receives('INVITE');
          assert.match(again.get('Proxy-Authorization'), new RegExp(`username="${user}", realm="${realm}"`));
          world.bob.replies(again, 486);
          assert.equal((await world.final(invite)).status, 486);
        }
      },
      { params },
    );
  });
});
