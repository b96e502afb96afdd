/**
 * Races of the two dialogs of a call that RFC 5407 shows, one test for each section:
 *
 * | section | what crosses |
 * |---|---|
 * | §3.1.1 to §3.1.6 | INVITE, CANCEL, BYE, re-INVITE (with and without an open offer) before the ACK |
 * | §3.2.1 to §3.2.4 | BYE, re-INVITE, 200 of a re-INVITE, ACK after our BYE |
 * | §3.3.1 to §3.3.3 | re-INVITEs; re-INVITE and UPDATE; REFER and BYE |
 * | appendixes A, B, C, E | BYE before the answer, BYE over a re-INVITE, CANCEL before any reply, forks |
 *
 * Others: dialogs.test.ts (RFC 3261), offers.test.ts (RFC 3311, RFC 6337), originate.test.ts (RFC 3725).
 */
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
  hungUp,
  inDialog,
  isReply,
  OFFER,
  type Sides,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

describe('RFC 5407 §3.1: before the ACK', () => {
  test('RFC 5407 §3.1.1: the INVITE comes again: the 200 goes out again, nobody is called again', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      world.alice.sends(sides.invite);
      assert.equal((await world.alice.receives(isReply('INVITE', 200), 100)).body, ANSWER);
      assert.equal(world.bob.count('INVITE'), 1);
      acks(world, sides);
      await world.bob.receives('ACK');
      await ends(world, sides);
    });
  });

  test('RFC 5407 §3.1.2: CANCEL crosses the 200: it gets 200 and changes nothing, the caller hangs up with BYE', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      world.alice.sends(world.cancelOf(sides.invite));
      await world.alice.receives(isReply('CANCEL', 200));
      acks(world, sides);
      await world.bob.receives('ACK');
      await world.bob.receivesNothing(1000);
      assert.equal(world.alice.count(487), 0);
      await ends(world, sides, 2);
    });
  });

  test('RFC 5407 §3.1.3: BYE in the early dialog crosses the 200: 200, ACK stops the repetition, the callee is hung up', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 2 }));
      await world.alice.receives(isReply('BYE', 200));
      await world.bob.receives('ACK');
      await hungUp(world.bob);
      await world.alice.receives(isReply('INVITE', 200));
      acks(world, sides);
      await world.passes(10);
      const before = world.alice.count(isReply('INVITE', 200));
      await world.passes(20_000);
      assert.equal(world.alice.count(isReply('INVITE', 200)), before);
    });
  });

  test('RFC 5407 §3.1.4: a re-INVITE whose ACK before it was lost is taken; the ACK comes late and is passed over', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      await world.bob.receives('ACK');
      const again = await world.bob.receives('INVITE');
      acks(world, sides);
      world.bob.replies(again, 200, BOBS);
      await world.alice.receives((msg) => isReply('INVITE', 200)(msg) && msg.get('CSeq') === '2 INVITE');
      acks(world, sides);
      await world.bob.receivesNothing(300);
      acks(world, sides, 2);
      await world.bob.receives('ACK');
      await ends(world, sides, 3);
    });
  });

  test('RFC 5407 §3.1.5: a re-INVITE while the ACK is to hold an answer: 491', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world, {}, BOBS);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      await world.alice.receives(isReply('INVITE', 491));
      acks(world, sides, 2);
      acks(world, sides, 1, ALICES);
      assert.equal((await world.bob.receives('ACK')).body, OFFER);
      assert.equal(world.bob.count('INVITE'), 1);
      await ends(world, sides, 3);
    });
  });

  test('RFC 5407 §3.1.6: BYE before the ACK, which is lost: 200 at once, both dialogs end', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      await world.alice.receives(isReply('INVITE', 200));
      world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 2 }));
      await world.alice.receives(isReply('BYE', 200), 100);
      await world.bob.receives('ACK');
      await hungUp(world.bob);
    });
  });
});

describe('RFC 5407 §3.2: after our BYE', () => {
  /** bob has hung up, alice's BYE of ours is on its way, unheard. */
  async function hangsUp(world: SipWorld): Promise<Sides> {
    const sides = await talking(world);
    world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 2 }));
    await world.bob.receives(isReply('BYE', 200));
    return sides;
  }

  test('RFC 5407 §3.2.1: BYE crosses BYE: both get 200', async () => {
    await withB2b(async (world) => {
      const sides = await hangsUp(world);
      world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 2 }));
      await world.alice.receives(isReply('BYE', 200));
      await hungUp(world.alice);
      assert.equal(world.bob.count('BYE'), 0);
    });
  });

  test('RFC 5407 §3.2.2: a re-INVITE: 481', async () => {
    await withB2b(async (world) => {
      const sides = await hangsUp(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      await world.alice.receives(isReply('INVITE', 481));
      acks(world, sides, 2);
      await hungUp(world.alice);
    });
  });

  test('RFC 5407 §3.2.3: the 200 of a re-INVITE: it is acknowledged, and there is one BYE', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      const again = await world.bob.receives('INVITE');
      world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 3 }));
      await world.alice.receives(isReply('BYE', 200));
      await world.alice.receives(isReply('INVITE', 487));
      acks(world, sides, 2);
      world.bob.replies(again, 200, BOBS);
      assert.equal((await world.bob.receives('ACK')).get('CSeq'), again.get('CSeq').replace('INVITE', 'ACK'));
      await hungUp(world.bob);
      await world.passes(1000);
      assert.equal(world.bob.count('BYE'), 1);
    });
  });

  test('RFC 5407 §3.2.4: the ACK of our 200: it ends the repetition, and gets no reply', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 2 }));
      await world.bob.receives(isReply('BYE', 200));
      acks(world, sides);
      await hungUp(world.alice);
      const before = world.alice.heard.length;
      await world.passes(20_000);
      assert.equal(world.alice.heard.length, before);
    });
  });
});

describe('RFC 5407 §3.3: requests that cross', () => {
  test('RFC 5407 §3.3.1: re-INVITEs: each side is told 491, and may try again', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      world.bob.sends(fromBob(world, 'INVITE', sides.atBob, { cseq: 2, ...BOBS }));
      await world.bob.receives(isReply('INVITE', 491));
      world.bob.sends(fromBob(world, 'ACK', sides.atBob, { cseq: 2 }));
      world.bob.replies(await world.bob.receives('INVITE'), 491);
      await world.alice.receives(isReply('INVITE', 491));
      acks(world, sides, 2);
      world.bob.sends(fromBob(world, 'INVITE', sides.atBob, { cseq: 3, ...BOBS }));
      world.alice.replies(await world.alice.receives('INVITE'), 200, ALICES);
      await world.bob.receives(isReply('INVITE', 200));
      world.bob.sends(fromBob(world, 'ACK', sides.atBob, { cseq: 3 }));
      await world.alice.receives('ACK');
      await ends(world, sides, 3);
    });
  });

  test('RFC 5407 §3.3.2: UPDATE and re-INVITE with offers: each is told 491', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      world.bob.sends(fromBob(world, 'UPDATE', sides.atBob, { cseq: 2, ...BOBS }));
      await world.bob.receives(isReply('UPDATE', 491));
      world.bob.replies(await world.bob.receives('INVITE'), 491);
      await world.alice.receives(isReply('INVITE', 491));
      acks(world, sides, 2);
      assert.equal(world.alice.count('UPDATE'), 0);
      await ends(world, sides, 3);
    });
  });

  test('RFC 5407 §3.3.3: REFER and BYE: 481, nobody is called', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 2 }));
      await world.alice.receives(isReply('BYE', 200));
      const headers = { 'Refer-To': '<sip:carol@10.0.2.2>' };
      world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers }));
      await world.bob.receives(isReply('REFER', 481));
      await hungUp(world.bob);
      assert.equal(world.carol.heard.length, 0);
    });
  });
});

describe('RFC 5407, appendixes', () => {
  test('RFC 5407 appendix A: BYE before the answer: 200, 487 to the INVITE, CANCEL to the callee', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', ALICES);
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180);
      const ringing = await world.alice.receives(180);
      world.alice.sends(inDialog(world, 'BYE', ringing, { cseq: 2 }));
      await world.alice.receives(isReply('BYE', 200));
      assert.equal((await world.final(invite)).status, 487);
      world.bob.replies(await world.bob.receives('CANCEL'), 200);
      world.bob.replies(atBob, 487);
      await world.bob.receives('ACK');
    });
  });

  test('RFC 5407 appendix B: BYE while a re-INVITE is under way: 487 to it, on either side', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      const again = await world.bob.receives('INVITE');
      world.bob.replies(again, 100);
      world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 2 }));
      await world.bob.receives(isReply('BYE', 200));
      world.bob.replies(again, 487);
      await world.bob.receives('ACK');
      await world.alice.receives(isReply('INVITE', 487));
      acks(world, sides, 2);
      await hungUp(world.alice);
    });
  });

  test('RFC 5407 appendix C, RFC 3261 §9.1: CANCEL waits for a provisional reply', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', ALICES);
      const atBob = await world.bob.receives('INVITE');
      world.alice.sends(world.cancelOf(invite));
      assert.equal((await world.final(invite)).status, 487);
      await world.bob.receivesNothing(300, 'CANCEL');
      world.bob.replies(atBob, 180);
      world.bob.replies(await world.bob.receives('CANCEL'), 200);
      world.bob.replies(atBob, 487);
      await world.bob.receives('ACK');
    });
  });

  test('RFC 5407 appendix E: forks: each reply may have a To tag of its own; the call is in the dialog of the 200', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', ALICES);
      const atBob = await world.bob.receives('INVITE');
      for (const toTag of ['one', 'two']) world.bob.replies(atBob, 180, { toTag });
      world.bob.replies(atBob, 183, { toTag: 'one', ...BOBS });
      world.bob.replies(atBob, 200, { toTag: 'three', ...BOBS });
      const ok = await world.final(invite);
      // To alice it is one callee.
      const tags = new Set(world.alice.heard.filter((msg) => msg.status > 100).map((msg) => msg.param('To', 'tag')));
      assert.equal(tags.size, 1);
      const sides = { invite, atBob, ok };
      acks(world, sides);
      assert.equal((await world.bob.receives('ACK')).param('To', 'tag'), 'three');
      world.alice.sends(inDialog(world, 'INVITE', ok, { cseq: 2, ...ALICES }));
      const again = await world.bob.receives((msg) => msg.method === 'INVITE' && msg.param('To', 'tag') === 'three');
      world.bob.replies(again, 200, BOBS);
      await world.alice.receives((msg) => msg.get('CSeq') === '2 INVITE' && msg.status === 200);
      acks(world, sides, 2);
      await world.bob.receives('ACK');
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 3 }));
      await world.alice.receives(isReply('BYE', 200));
      assert.equal((await hungUp(world.bob)).param('To', 'tag'), 'three');
    });
  });
});
