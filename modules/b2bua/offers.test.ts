import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ANSWER,
  ends,
  fromBob,
  inDialog,
  isReply,
  OFFER,
  type Sides,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import { OFFER_VERDICT } from './offer-answer.ts';
import { SessionOffers } from './session-offers.ts';

const SDP = 'application/sdp';
const NEW_OFFER = { body: OFFER.replace('1 1 IN', '1 2 IN').replace('4000', '4010'), contentType: SDP };
const NEW_ANSWER = { body: ANSWER.replace('7 7 IN', '7 8 IN').replace('5000', '5010'), contentType: SDP };

/** A refusal of what came before the last was answered. */
async function toldLater(peer: SipPeer, method: string): Promise<void> {
  const reply = await peer.receives(isReply(method, 500));
  assert.match(reply.get('Retry-After'), /^(?:\d|10)$/);
}

describe('offers that cross (RFC 3311 §5.2, RFC 3261 §14.2)', () => {
  test('RFC 3311 §5.2: UPDATEs with offers cross: 491 to the one that came while ours was open; the other passes', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 2, ...NEW_OFFER }));
      world.bob.sends(fromBob(world, 'UPDATE', sides.atBob, { cseq: 2, ...NEW_ANSWER }));
      await world.bob.receives(isReply('UPDATE', 491));
      world.bob.replies(await world.bob.receives('UPDATE'), 200, NEW_ANSWER);
      assert.equal((await world.alice.receives(isReply('UPDATE', 200))).body, NEW_ANSWER.body);
      assert.equal(world.alice.count('UPDATE'), 0);
      // Now nothing is open any more.
      world.bob.sends(fromBob(world, 'UPDATE', sides.atBob, { cseq: 3, ...NEW_ANSWER }));
      world.alice.replies(await world.alice.receives('UPDATE'), 200, NEW_OFFER);
      await world.bob.receives(isReply('UPDATE', 200));
      await ends(world, sides);
    });
  });

  test('RFC 3311 §5.2: an UPDATE before the last was answered: 500 with Retry-After', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 2, ...NEW_OFFER }));
      const first = await world.bob.receives('UPDATE');
      world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 3, ...NEW_OFFER }));
      await toldLater(world.alice, 'UPDATE');
      world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 4 }));
      await toldLater(world.alice, 'UPDATE');
      world.bob.replies(first, 488);
      await world.alice.receives(isReply('UPDATE', 488));
      world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 5, ...NEW_OFFER }));
      world.bob.replies(await world.bob.receives('UPDATE'), 200, NEW_ANSWER);
      await world.alice.receives(isReply('UPDATE', 200));
      await ends(world, sides);
    });
  });

  test("RFC 3311 §5.2: an UPDATE with an offer while a re-INVITE's is open: 500 on its side, 491 on the other; one without passes", async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...NEW_OFFER }));
      const again = await world.bob.receives('INVITE');
      world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 3, ...NEW_OFFER }));
      await toldLater(world.alice, 'UPDATE');
      world.bob.sends(fromBob(world, 'UPDATE', sides.atBob, { cseq: 2, ...NEW_ANSWER }));
      await world.bob.receives(isReply('UPDATE', 491));
      world.bob.sends(fromBob(world, 'UPDATE', sides.atBob, { cseq: 3 }));
      world.alice.replies(await world.alice.receives('UPDATE'), 200);
      await world.bob.receives(isReply('UPDATE', 200));
      world.bob.replies(again, 200, NEW_ANSWER);
      await world.alice.receives(isReply('INVITE', 200));
      world.alice.sends(inDialog(world, 'ACK', sides.ok, { cseq: 2 }));
      await world.bob.receives('ACK');
      await ends(world, sides);
    });
  });

  test("RFC 3261 §14.2: a re-INVITE while an UPDATE's offer is open: 491 where ours is, 500 where theirs is", async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 2, ...NEW_OFFER }));
      const update = await world.bob.receives('UPDATE');
      world.bob.sends(fromBob(world, 'INVITE', sides.atBob, { cseq: 2, ...NEW_ANSWER }));
      await world.bob.receives(isReply('INVITE', 491));
      world.bob.sends(fromBob(world, 'ACK', sides.atBob, { cseq: 2 }));
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 3, ...NEW_OFFER }));
      await toldLater(world.alice, 'INVITE');
      world.bob.replies(update, 200, NEW_ANSWER);
      await world.alice.receives(isReply('UPDATE', 200));
      await ends(world, sides);
    });
  });

  test('RFC 3311 §5.1: before the answer: an offer while the first is open is refused; after a reliable 183 it passes', async () => {
    await withB2b(async (world) => {
      world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP, headers: { Supported: '100rel' } });
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 183, { body: ANSWER, contentType: SDP });
      const early = await world.alice.receives(183);
      world.alice.sends(inDialog(world, 'UPDATE', early, { cseq: 2, ...NEW_OFFER }));
      await toldLater(world.alice, 'UPDATE');
      world.bob.sends(fromBob(world, 'UPDATE', atBob, { cseq: 2, ...NEW_ANSWER }));
      await world.bob.receives(isReply('UPDATE', 491));
      world.bob.replies(atBob, 183, { body: ANSWER, contentType: SDP, headers: { Require: '100rel', RSeq: '5' } });
      const reliable = await world.alice.receives((msg) => msg.has('RSeq'));
      const headers = { RAck: `${reliable.get('RSeq')} 1 INVITE` };
      world.alice.sends(inDialog(world, 'PRACK', early, { cseq: 3, headers }));
      world.bob.replies(await world.bob.receives('PRACK'), 200);
      await world.alice.receives(isReply('PRACK', 200));
      world.alice.sends(inDialog(world, 'UPDATE', early, { cseq: 4, ...NEW_OFFER }));
      world.bob.replies(await world.bob.receives('UPDATE'), 200, NEW_ANSWER);
      await world.alice.receives(isReply('UPDATE', 200));
      world.bob.replies(atBob, 200);
      const ok = await world.alice.receives(isReply('INVITE', 200));
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
      await world.bob.receives('ACK');
      await ends(world, { invite: '', atBob, ok });
    });
  });
});

/** A MESSAGE of alice's does what `verbs` says. */
const obeys = (verbs: string) => `
  request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
  event_route[b2bua:request] { if (is_method("MESSAGE")) { ${verbs} b2b_reply(200); drop; } }`;

const asks = (world: SipWorld, { ok }: Sides, cseq: number): void =>
  world.alice.sends(inDialog(world, 'MESSAGE', ok, { cseq, body: 'go', contentType: 'text/plain' }));

describe('our own offers', () => {
  test('RFC 6337 §4: a re-INVITE of ours waits while an offer is open', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 2, ...NEW_OFFER }));
        const update = await world.bob.receives('UPDATE');
        asks(world, sides, 3);
        await world.bob.receivesNothing(1000, 'INVITE');
        world.bob.replies(update, 200, NEW_ANSWER);
        const hold = await world.bob.receives('INVITE');
        assert.match(hold.body, /m=audio 4010 .*\r\na=inactive/);
        // Nor does an offer of alice's pass while ours is open.
        world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 4, ...NEW_OFFER }));
        await world.alice.receives(isReply('UPDATE', 491));
        world.bob.replies(hold, 200, NEW_ANSWER);
        await world.bob.receives('ACK');
        await world.alice.receives(isReply('MESSAGE', 200));
        await ends(world, sides);
      },
      {},
      obeys('b2b_hold("other");'),
    );
  });

  test('RFC 3311 §5.1: b2b_send of an UPDATE says -1 while another is open', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        world.alice.sends(inDialog(world, 'UPDATE', sides.ok, { cseq: 2, ...NEW_OFFER }));
        const update = await world.bob.receives('UPDATE');
        asks(world, sides, 3);
        await world.alice.receives(isReply('MESSAGE', 603));
        world.bob.replies(update, 200, NEW_ANSWER);
        await world.alice.receives(isReply('UPDATE', 200));
        assert.equal(world.bob.count('UPDATE'), 1);
        await ends(world, sides);
      },
      {},
      obeys('if (!b2b_send("other", "UPDATE")) { b2b_reply(603); drop; }'),
    );
  });
});

describe('what a session is afterwards', () => {
  const RESUMES = obeys('b2b_resume("this");');

  for (const [method, status, expected] of [
    ['INVITE', 488, /m=audio 5000/],
    ['UPDATE', 488, /m=audio 5000/],
    ['INVITE', 200, /m=audio 5010/],
    ['UPDATE', 200, /m=audio 5010/],
  ] as const)
    test(`RFC 3264 §8: ${method} with ${status}: ${status === 200 ? 'the new description counts' : 'the old one does'}`, async () => {
      await withB2b(
        async (world) => {
          const sides = await talking(world);
          world.bob.sends(fromBob(world, method, sides.atBob, { cseq: 2, ...NEW_ANSWER }));
          const passed = await world.alice.receives(method);
          world.alice.replies(passed, status, status === 200 ? NEW_OFFER : {});
          await world.bob.receives(isReply(method, status));
          if (method === 'INVITE') world.bob.sends(fromBob(world, 'ACK', sides.atBob, { cseq: 2 }));
          if (method === 'INVITE') await world.alice.receives('ACK');
          asks(world, sides, 2);
          const resumed = await world.alice.receives('INVITE');
          assert.match(resumed.body, expected);
          world.alice.replies(resumed, 200, NEW_OFFER);
          await world.alice.receives('ACK');
          await ends(world, sides);
        },
        {},
        RESUMES,
      );
    });
});

/** The six ways that a description travels (RFC 6337 §2.2, table 1), as the side that calls and the one that is called see them. */
describe('SessionOffers: what is an offer, and what its answer (RFC 6337 §2.2)', () => {
  const WAYS: readonly (readonly [
    string,
    (offers: SessionOffers) => void,
    (offers: SessionOffers) => void,
    'us' | 'them',
  ])[] = [
    ['INVITE, 2xx', (o) => o.invite('us', true), (o) => o.reply('them', 200, true, true), 'us'],
    ['2xx, ACK', (o) => (o.invite('us', false), o.reply('them', 200, true, true)), (o) => o.ack('us', true), 'them'],
    ['INVITE, reliable 1xx', (o) => o.invite('them', true), (o) => o.reply('us', 183, true, true), 'them'],
    [
      'reliable 1xx, PRACK',
      (o) => (o.invite('us', false), o.reply('them', 183, true, true)),
      (o) => o.request('us', 'PRACK', true, {}),
      'them',
    ],
    ['PRACK, its 2xx', (o) => o.request('them', 'PRACK', true, PRACK), (o) => o.done(PRACK, true), 'them'],
    ['UPDATE, its 2xx', (o) => o.request('us', 'UPDATE', true, UPDATE), (o) => o.done(UPDATE, true), 'us'],
  ];
  const PRACK = {};
  const UPDATE = {};
  const made = (): SessionOffers => new SessionOffers({ localSdp: '', remoteSdp: '', isHeld: false }, () => {});

  for (const [name, offers, answers, side] of WAYS) {
    test(`${name}: open until the answer`, () => {
      const dialog = made();
      offers(dialog);
      assert.equal(dialog.isAsked, side === 'them');
      assert.equal(dialog.verdict('us'), OFFER_VERDICT.WAIT);
      assert.equal(dialog.verdict('them'), side === 'us' ? OFFER_VERDICT.CROSSED : OFFER_VERDICT.TOO_EARLY);
      answers(dialog);
      assert.ok(dialog.isStable);
    });
  }

  test('RFC 3261 §13.2.1: a 1xx that is not reliable settles nothing, and an INVITE has one exchange', () => {
    const dialog = made();
    dialog.invite('us', true);
    dialog.reply('them', 183, true, false);
    assert.equal(dialog.verdict('us'), OFFER_VERDICT.WAIT);
    dialog.reply('them', 183, true, true);
    assert.ok(dialog.isStable);
    dialog.reply('them', 200, true, true);
    assert.ok(dialog.isStable, 'the 2xx says it once more');
  });

  test('RFC 3261 §12.1: an answer of another fork is one to the offer of the INVITE', () => {
    const dialog = made();
    dialog.invite('us', true);
    dialog.reply('them', 183, true, true);
    dialog.forked();
    assert.ok(!dialog.isStable);
    dialog.reply('them', 200, true, true);
    assert.ok(dialog.isStable);
    const late = made();
    late.invite('us', false);
    late.reply('them', 183, true, true);
    late.forked();
    late.reply('them', 200, true, true);
    assert.ok(late.isAsked, 'it is an offer of its own');
  });

  test('a failure closes what it was about, and nothing else', () => {
    const dialog = made();
    dialog.invite('them', true);
    dialog.reply('us', 183, true, true);
    dialog.request('them', 'UPDATE', true, UPDATE);
    dialog.reply('us', 488, false, true);
    assert.ok(dialog.isAsked);
    dialog.done(PRACK, true);
    assert.ok(dialog.isAsked);
    dialog.done(UPDATE, false);
    assert.ok(dialog.isStable);
  });
});
