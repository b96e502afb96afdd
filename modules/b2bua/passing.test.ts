import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import { parseCallFlags } from './call-flags.ts';

const SDP = 'application/sdp';

async function hangUp(world: SipWorld, ok: TestMsg, other: SipPeer, cseq = 9): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  other.replies(await other.receives('BYE'), 200);
}

describe('3xx', () => {
  const TO_CAROL = { headers: { Contact: '<sip:bob@10.0.2.1>;q=0.9, <sip:carol@10.0.2.2>;q=0.5, <mailto:x@y>' } };

  test('it passes to the caller with its Contacts; event_route[b2bua:redirect] sees it', async () => {
    const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
      event_route[b2bua:redirect] { b2b_hdr_set("a", "X-Seen", "$rs"); }`;
    await withB2b(
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 302, TO_CAROL);
        const reply = await world.final(invite);
        assert.deepEqual([reply.status, reply.get('X-Seen')], [302, '']);
        assert.match(reply.get('Contact'), /carol@10\.0\.2\.2/);
      },
      {},
      routes.replace('b2b_hdr_set("a", "X-Seen", "$rs");', '$b2b_ctx(n) = $rs;'),
    );
  });

  test('it is followed; nobody is called twice, and no more than `redirects` are followed', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 302, TO_CAROL);
        const atCarol = await world.carol.receives('INVITE');
        assert.match(atCarol.text, /^INVITE sip:carol@10\.0\.2\.2/);
        world.carol.replies(atCarol, 302, { headers: { Contact: '<sip:bob@10.0.2.1>' } });
        const reply = await world.final(invite);
        assert.equal(reply.status, 302);
        assert.equal(world.bob.count('INVITE'), 1);
      },
      { params: 'modparam("b2bua", "redirects", 3)' },
    );
    await withB2b(
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 302, { headers: { Contact: '<sip:carol@10.0.2.2>' } });
        world.carol.replies(await world.carol.receives('INVITE'), 302, { headers: { Contact: '<sip:dave@10.0.2.3>' } });
        assert.equal((await world.final(invite)).status, 302);
      },
      { params: 'modparam("b2bua", "redirects", 1)' },
    );
  });

  test('the route vetoes', async () => {
    const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; } event_route[b2bua:redirect] { drop; }`;
    await withB2b(
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 302, TO_CAROL);
        assert.equal((await world.final(invite)).status, 302);
      },
      { params: 'modparam("b2bua", "redirects", 3)' },
      routes,
    );
  });
});

describe('A26: an INVITE without an offer', () => {
  test('A26: pass: the offer is in the answer, the answer in the ACK', async () => {
    await withB2b(async (world) => {
      world.calls('sip:bob@10.0.0.1');
      const atBob = await world.bob.receives('INVITE');
      assert.equal(atBob.body, '');
      world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
      const ok = await world.alice.receives(200);
      assert.equal(ok.body, ANSWER);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1, body: OFFER, contentType: SDP }));
      assert.equal((await world.bob.receives('ACK')).body, OFFER);
      // The same in the call.
      world.alice.sends(inDialog(world, 'INVITE', ok, { cseq: 2 }));
      const again = await world.bob.receives('INVITE');
      assert.equal(again.body, '');
      world.bob.replies(again, 200, { body: ANSWER, contentType: SDP });
      await world.alice.receives(200);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 2, body: OFFER, contentType: SDP }));
      assert.equal((await world.bob.receives('ACK')).body, OFFER);
      await hangUp(world, ok, world.bob);
    });
  });

  const CONVERT = 'request_route { b2b_call("sip:bob@10.0.2.1", "late-offer=convert"); exit; }';

  test('A26: convert: the callee gets an offer, and is asked for one when it has answered', async () => {
    await withB2b(
      async (world) => {
        world.calls('sip:bob@10.0.0.1');
        const atBob = await world.bob.receives('INVITE');
        assert.match(atBob.body, /m=audio 9 RTP\/AVP 8 0 101[^]*a=inactive/);
        world.bob.replies(atBob, 183, { body: ANSWER, contentType: SDP });
        assert.equal((await world.alice.receives(183)).body, '');
        world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
        await world.bob.receives('ACK');
        const asked = await world.bob.receives('INVITE');
        assert.equal(asked.body, '');
        world.bob.replies(asked, 200, { body: ANSWER, contentType: SDP });
        const ok = await world.alice.receives(200);
        assert.equal(ok.body, ANSWER);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1, body: OFFER, contentType: SDP }));
        assert.match((await world.bob.receives('ACK')).body, /c=IN IP4 10\.0\.1\.1/);
        await hangUp(world, ok, world.bob);
      },
      {},
      CONVERT,
    );
  });

  test('convert: the callee makes no offer: 488 to the caller', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:bob@10.0.0.1');
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        await world.bob.receives('ACK');
        world.bob.replies(await world.bob.receives('INVITE'), 488);
        assert.equal((await world.final(invite)).status, 488);
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
      {},
      CONVERT,
    );
  });
});

describe('event routes about what happens in a call', () => {
  const NOTED = (names: readonly string[]) =>
    names.map((name) => `event_route[b2bua:${name}] { $shv(seen) = $shv(seen) + " ${name}"; }`).join('\n');
  const SHOWS = `request_route { if (is_method("OPTIONS")) { append_to_reply("X-Seen: $shv(seen)\\r\\n"); sl_send_reply(200, "OK"); exit; }
    $shv(seen) = ""; $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }`;
  const shown = async (world: SipWorld): Promise<string> => {
    world.carol.sends(world.carol.request('OPTIONS', 'sip:10.0.0.1'));
    return (await world.carol.receives(200)).get('X-Seen').trim();
  };

  test('A20: reinvite, hold in three notations, resume', async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        let cseq = 1;
        for (const change of [
          (sdp: string) => `${sdp}a=sendonly\r\n`,
          (sdp: string) => sdp,
          (sdp: string) => `${sdp}a=inactive\r\n`,
          (sdp: string) => sdp,
          (sdp: string) => sdp.replace('c=IN IP4 10.0.1.1', 'c=IN IP4 0.0.0.0'),
        ]) {
          const body = change(OFFER.replace('1 1 IN', `1 ${++cseq} IN`));
          world.alice.sends(inDialog(world, 'INVITE', ok, { cseq, body, contentType: SDP }));
          const atBob = await world.bob.receives('INVITE');
          assert.equal(atBob.body, body);
          world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
          await world.alice.receives(200);
          world.alice.sends(inDialog(world, 'ACK', ok, { cseq }));
          await world.bob.receives('ACK');
        }
        assert.equal(await shown(world), 'reinvite hold reinvite resume reinvite hold reinvite resume reinvite hold');
        await hangUp(world, ok, world.bob);
      },
      {},
      `${SHOWS} ${NOTED(['reinvite', 'hold', 'resume'])}`,
    );
  });

  test('a re-INVITE that is vetoed, or refused, leaves the session as it was', async () => {
    await withB2b(
      async (world) => {
        const { ok, atBob } = await talking(world);
        world.alice.sends(inDialog(world, 'INVITE', ok, { cseq: 2, body: `${OFFER}a=inactive\r\n`, contentType: SDP }));
        await world.alice.receives(403);
        assert.equal(world.bob.count('INVITE'), 1);
        world.bob.sends(fromBob(world, 'INVITE', atBob, { cseq: 2, body: ANSWER, contentType: SDP }));
        world.alice.replies(await world.alice.receives('INVITE'), 488);
        await world.bob.receives(488);
        await hangUp(world, ok, world.bob);
      },
      {},
      `${SHOWS} event_route[b2bua:hold] { drop; }`,
    );
  });

  test('A36: a digit in an INFO is relayed; the route sees it, and may keep it', async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        const says = (cseq: number, body: string, contentType = 'application/dtmf-relay') =>
          world.alice.sends(inDialog(world, 'INFO', ok, { cseq, body, contentType }));
        says(2, 'Signal=5\r\nDuration=160\r\n');
        const info = await world.bob.receives('INFO');
        assert.match(info.body, /Signal=5/);
        world.bob.replies(info, 200);
        await world.alice.receives(200);
        says(3, 'Signal=11\r\nDuration=160\r\n');
        await world.alice.receives(200);
        says(4, '7', 'application/dtmf');
        world.bob.replies(await world.bob.receives('INFO'), 200);
        await world.alice.receives(200);
        assert.equal(world.bob.count('INFO'), 2);
        assert.equal(await shown(world), '5#7');
        await hangUp(world, ok, world.bob);
      },
      {},
      `${SHOWS} event_route[b2bua:dtmf] { $shv(seen) = $shv(seen) + $b2b(dtmf); if ($b2b(dtmf) == "#") drop; }`,
    );
  });

  test('timer-expired: of a session that nobody refreshes, and of b2b_max_duration; drop keeps the call', async () => {
    const params = { params: 'modparam("b2bua", "default_timer", "a")\nmodparam("b2bua", "session_expires", 90)' };
    const routes = (
      more: string,
    ) => `request_route { $ru = "sip:bob@10.0.2.1"; b2b_max_duration(30); b2b_call(); exit; }
      event_route[b2bua:timer-expired] { ${more} }`;
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        await world.passes(60_000);
        assert.equal(world.bob.count('BYE'), 0);
        await hangUp(world, ok, world.bob);
      },
      params,
      routes('drop;'),
    );
    await withB2b(
      async (world) => {
        await talking(world);
        world.alice.replies(await world.alice.receives('BYE', 40_000), 200);
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
      params,
      routes('$var(x) = 1;'),
    );
  });
});

describe('flags of b2b_call and b2b_dial', () => {
  test('what can be read, and what can not', () => {
    const flags = parseCallFlags(
      'topoh;media=none refer=pass;prack=leg;late-offer=convert;auth=me;timer=b;hdrs=X-A,X-B',
      '',
    );
    assert.deepEqual(flags, {
      isTopologyHidden: true,
      media: false,
      refer: 'pass',
      prack: 'leg',
      lateOffer: 'convert',
      auth: 'me',
      timer: 'b',
      headers: ['X-A', 'X-B'],
    });
    for (const bad of ['x', 'topoh=1', 'media', 'media=rtpengine', 'refer=no', 'prack=', 'auth=', 'timer=all'])
      assert.equal(typeof parseCallFlags(bad, ''), 'string', bad);
    assert.equal(typeof parseCallFlags('media=rtpengine', 'rtpengine'), 'object');
  });

  test('timer=, refer=, hdrs= count for this call', async () => {
    const routes =
      'request_route { b2b_dial("sip:bob@10.0.2.1", 20, "timer=b;refer=reject;hdrs=Target-Dialog"); exit; }';
    await withB2b(
      async (world) => {
        world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP, headers: { 'Target-Dialog': 'x' } });
        const atBob = await world.bob.receives('INVITE');
        assert.match(atBob.get('Session-Expires'), /^1800/);
        assert.equal(atBob.get('Target-Dialog'), 'x');
        world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
        const ok = await world.alice.receives(200);
        assert.equal(ok.has('Session-Expires'), false);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        await world.bob.receives('ACK');
        world.bob.sends(fromBob(world, 'REFER', atBob, { cseq: 2, headers: { 'Refer-To': '<sip:c@10.0.2.2>' } }));
        await world.bob.receives(603);
        await hangUp(world, ok, world.bob);
      },
      {},
      routes,
    );
  });
});
