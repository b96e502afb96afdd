import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, inDialog, OFFER, SCRIPT, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = 'application/sdp';
const isBye200 = (msg: TestMsg): boolean => msg.status === 200 && msg.cseqMethod === 'BYE';
const media = (sdp: string): string => sdp.replace(/^o=.*\r\n/m, '');
const CAROLS = ANSWER.replaceAll('10.0.2.1', '10.0.2.2').replace('o=b', 'o=c');

/** alice's ACK of what answered her INVITE, her BYE, and that of who she talks to. */
async function aliceHangsUp(world: SipWorld, ok: TestMsg, other: SipWorld['bob'], cseq = 9): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives(isBye200);
  other.replies(await other.receives('BYE'), 200);
}

describe('A34: b2b_answer, then b2b_dial', () => {
  const routes = `request_route { if (!b2b_answer()) exit; b2b_dial("sip:bob@10.0.2.1", 20);
    $var(rc) = $rc; xlog("RC $var(rc)\\n"); if ($var(rc) < 0) b2b_hangup("", "480"); exit; }`;
  const rc = (world: SipWorld): string[] =>
    world.sim.log.lines.filter((line) => /RC -?\d/.test(line)).map((line) => /RC -?\d/.exec(line)?.[0] ?? '');

  test('A34: the caller hears nothing until somebody answers, and is joined with a re-INVITE', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP });
        const ok = await world.final(invite);
        assert.match(ok.body, /c=IN IP4 0\.0\.0\.0[^]*m=audio 9 RTP\/AVP 8\r\n[^]*a=inactive/);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        const atBob = await world.bob.receives('INVITE');
        assert.equal(media(atBob.body), media(OFFER));
        world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
        await world.bob.receives('ACK');
        const again = await world.alice.receives('INVITE');
        assert.equal(media(again.body), media(ANSWER));
        world.alice.replies(again, 200, { body: OFFER, contentType: SDP });
        await world.alice.receives('ACK');
        await world.passes(10);
        assert.deepEqual(rc(world), ['RC 1']);
        await aliceHangsUp(world, ok, world.bob);
      },
      {},
      routes,
    );
  });

  test('A34: a caller without an offer gets one, and whoever is called gets the answer to it', async () => {
    await withB2b(
      async (world) => {
        const ok = await world.final(world.calls('sip:x@10.0.0.1'));
        assert.match(ok.body, /m=audio 9 RTP\/AVP 8 0 101\r\n/);
        await world.bob.receivesNothing(100, 'INVITE');
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1, body: OFFER, contentType: SDP }));
        const atBob = await world.bob.receives('INVITE');
        assert.equal(media(atBob.body), media(OFFER));
        world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
        const again = await world.alice.receives('INVITE');
        world.alice.replies(again, 200, { body: OFFER, contentType: SDP });
        await world.alice.receives('ACK');
        await aliceHangsUp(world, ok, world.bob);
      },
      {},
      routes,
    );
  });

  for (const [what, code] of [
    ['nobody answers', 486],
    ["the caller does not take the callee's description", 488],
  ] as const)
    test(`A34: ${what}: the script goes on, the caller is hung up`, async () => {
      await withB2b(
        async (world) => {
          const ok = await world.final(world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP }));
          world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
          const atBob = await world.bob.receives('INVITE');
          if (code === 486) world.bob.replies(atBob, 486);
          else {
            world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
            world.alice.replies(await world.alice.receives('INVITE'), 488);
            world.bob.replies(await world.bob.receives('BYE'), 200);
          }
          const bye = await world.alice.receives('BYE');
          assert.equal(bye.get('Reason'), 'SIP;cause=480;text="Temporarily Unavailable"');
          world.alice.replies(bye, 200);
          assert.deepEqual(rc(world), [code === 486 ? 'RC -1' : 'RC -3']);
        },
        {},
        routes,
      );
    });

  test('A34: the caller leaves while it is joined', async () => {
    await withB2b(
      async (world) => {
        const ok = await world.final(world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP }));
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        const again = await world.alice.receives('INVITE');
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        await world.alice.receives(isBye200);
        world.alice.replies(again, 487);
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
      {},
      routes,
    );
  });
});

/** alice's MESSAGE does what `verbs` say about her leg. */
const obeys = (verbs: string): string =>
  `${SCRIPT} event_route[b2bua:request] { if (is_method("MESSAGE")) { b2b_reply(200); ${verbs} drop; } }`;

describe('A34: b2b_dial and b2b_hangup in a call', () => {
  for (const [what, verbs, reason] of [
    ['who she talked to is hung up when the other has answered', '', /Bridged elsewhere/],
    [
      'b2b_hangup("other") hangs one side up, the caller stays',
      'b2b_hangup("other", "486 Gone");',
      /SIP;cause=486;text="Gone"/,
    ],
  ] as const)
    test(`A34: ${what}`, async () => {
      await withB2b(
        async (world) => {
          const { ok } = await talking(world);
          world.alice.sends(inDialog(world, 'MESSAGE', ok, { cseq: 2, body: 'go', contentType: 'text/plain' }));
          await world.alice.receives(200);
          if (verbs !== '') world.bob.replies(await world.bob.receives('BYE'), 200);
          const atCarol = await world.carol.receives('INVITE');
          assert.equal(media(atCarol.body), media(OFFER));
          world.carol.replies(atCarol, 200, { body: CAROLS, contentType: SDP });
          const again = await world.alice.receives('INVITE');
          assert.equal(media(again.body), media(CAROLS));
          world.alice.replies(again, 200, { body: OFFER, contentType: SDP });
          if (verbs === '') {
            const bye = await world.bob.receives('BYE');
            assert.match(bye.get('Reason'), reason);
            world.bob.replies(bye, 200);
          }
          await aliceHangsUp(world, ok, world.carol);
        },
        {},
        obeys(`${verbs} b2b_dial("sip:carol@10.0.2.2", 20);`),
      );
    });

  test('A34: b2b_hangup with a code: the caller gets it, who rings is cancelled with it', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1');
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        const reply = await world.final(invite);
        assert.match(reply.startLine, /480 Gone fishing/);
        const cancel = await world.bob.receives('CANCEL');
        assert.equal(cancel.get('Reason'), 'SIP;cause=480;text="Gone fishing"');
        world.bob.replies(cancel, 200);
        world.bob.replies(atBob, 487);
      },
      {},
      `${SCRIPT} event_route[b2bua:progress] { b2b_hangup("", "480 Gone fishing"); drop; }`,
    );
  });

  test('A34: b2b_hangup of a leg that rings: the next is called', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1');
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 183);
        world.carol.replies(await world.carol.receives('INVITE'), 486);
        world.bob.replies(await world.bob.receives('CANCEL'), 200);
        world.bob.replies(atBob, 487);
        assert.equal((await world.final(invite)).status, 486);
      },
      {},
      `request_route { b2b_dial("sip:bob@10.0.2.1,sip:carol@10.0.2.2", 20); b2b_reject($b2b(status)); exit; }
       event_route[b2bua:progress] { if ($rs == 183) { b2b_hangup("this"); drop; } }`,
    );
  });

  test('A34: b2b_hangup of the last leg ends the call, of the caller who was not answered, too', async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        world.alice.sends(inDialog(world, 'MESSAGE', ok, { cseq: 2, body: 'go', contentType: 'text/plain' }));
        const byes = await Promise.all([world.alice.receives('BYE'), world.bob.receives('BYE')]);
        world.alice.replies(byes[0], 200);
        world.bob.replies(byes[1], 200);
        await world.passes(10);
        assert.ok(world.sim.log.lines.some((line) => line.includes('END hangup')));
      },
      {},
      `${obeys('b2b_hangup("a"); b2b_hangup("b"); if (b2b_hangup("b")) xlog("AGAIN\\n");')} event_route[b2bua:end] { xlog("END $b2b(cause)\\n"); }`,
    );
  });

  test('A40: b2b_transfer to the other side of a call, by the id of that', async () => {
    const routes = `request_route { if ($rU == "carol") $ru = "sip:carol@10.0.2.2"; else $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
      event_route[b2bua:confirmed] { if ($si == "10.0.2.3") $shv(second) = $b2b(key); }
      event_route[b2bua:request] { if (is_method("MESSAGE")) { if (b2b_transfer("this", "", $shv(second))) b2b_reply(200); else b2b_reply(500); drop; } }`;
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        world.dave.sends(
          world.dave.request('INVITE', 'sip:carol@10.0.0.1', { callId: 'daves', body: OFFER, contentType: SDP }),
        );
        world.carol.replies(await world.carol.receives('INVITE'), 200, { body: CAROLS, contentType: SDP });
        const toDave = await world.dave.receives(200);
        const contact = /<([^>]*)>/.exec(toDave.get('Contact'))?.[1] ?? '';
        const toTag = toDave.param('To', 'tag') ?? '';
        world.dave.sends(
          world.dave.request('ACK', contact, { callId: 'daves', to: '<sip:carol@10.0.0.1>', toTag, cseq: 1 }),
        );
        await world.carol.receives('ACK');
        world.alice.sends(inDialog(world, 'MESSAGE', ok, { cseq: 2, body: 'go', contentType: 'text/plain' }));
        await world.alice.receives(200);
        world.alice.replies(await world.alice.receives('INVITE'), 200, { body: OFFER, contentType: SDP });
        world.carol.replies(await world.carol.receives('INVITE'), 200, { body: CAROLS, contentType: SDP });
        world.bob.replies(await world.bob.receives('BYE'), 200);
        world.dave.replies(await world.dave.receives('BYE'), 200);
        await aliceHangsUp(world, ok, world.carol);
      },
      {},
      routes,
    );
  });
});
