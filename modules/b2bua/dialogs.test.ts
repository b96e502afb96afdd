/**
 * What RFC 3261 says of answers, tags and options of a dialog, one test for each:
 *
 * | section | what |
 * |---|---|
 * | §13.2.2.4, §13.3.1.4 | a 2xx that comes again, or is not acknowledged; a 2xx of each fork |
 * | §9.1, §15 | CANCEL and 200; BYE before ACK |
 * | §14.1, §14.2 | when a re-INVITE of ours is tried again after 491; INVITEs of one side that overlap |
 * | §12.1.2, §12.2.2 | peers without tags; requests of no dialog |
 * | §8.2.2.3, §8.1.3.5 | Require with unknown options |
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ALICES,
  acks,
  answered,
  BOBS,
  ends,
  fromBob,
  hungUp,
  inDialog,
  isReply,
  OFFER,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';

describe('RFC 3261: answers', () => {
  test('RFC 3261 §13.2.2.4: a 2xx that comes again gets its ACK again, with the answer, for as long as it comes', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world, {});
      acks(world, sides, 1, ALICES);
      const first = await world.bob.receives('ACK');
      for (const waitMs of [500, 20_000, 20_000]) {
        await world.passes(waitMs);
        world.bob.replies(sides.atBob, 200, BOBS);
        const again = await world.bob.receives('ACK');
        assert.deepEqual([again.get('CSeq'), again.body], [first.get('CSeq'), OFFER]);
      }
      assert.equal(world.alice.count(isReply('INVITE', 200)), 1);
      await ends(world, sides);
    });
  });

  test('RFC 3261 §13.3.1.4: our 2xx is repeated, in intervals that double to 4 s, until its ACK; without one both get BYE', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      const atMs: number[] = [];
      const startMs = world.clock.now();
      for (;;) {
        const msg = await world.alice.receives((each) => each.method === 'BYE' || each.status === 200, 60_000);
        if (msg.method === 'BYE') {
          world.alice.replies(msg, 200);
          break;
        }
        atMs.push(Math.round((world.clock.now() - startMs) / 100) / 10);
      }
      assert.deepEqual(atMs.slice(0, 5), [0.5, 1.5, 3.5, 7.5, 11.5]);
      assert.ok(world.clock.now() - startMs >= 31_900);
      await world.bob.receives('ACK');
      await hungUp(world.bob);
      assert.equal(sides.ok.status, 200);
    });
  });

  test('RFC 3261 §13.2.2.4: two forks answer: the second is acknowledged and hung up, once, however often it says so', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', ALICES);
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 200, { toTag: 'first', ...BOBS });
      const ok = await world.final(invite);
      acks(world, { invite, atBob, ok });
      await world.bob.receives((msg) => msg.method === 'ACK' && msg.param('To', 'tag') === 'first');
      for (let times = 0; times < 3; times++) {
        world.bob.replies(atBob, 200, { toTag: 'second', ...BOBS });
        await world.bob.receives((msg) => msg.method === 'ACK' && msg.param('To', 'tag') === 'second');
        if (times === 0) assert.equal((await hungUp(world.bob)).param('To', 'tag'), 'second');
        await world.passes(1000);
      }
      assert.equal(world.bob.count('BYE'), 1);
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      assert.equal((await hungUp(world.bob)).param('To', 'tag'), 'first');
    });
  });

  test('RFC 3261 §9.1, §15: CANCEL and the 200 cross at the callee: it is acknowledged and hung up, the caller has 487', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', ALICES);
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180);
      await world.alice.receives(180);
      world.alice.sends(world.cancelOf(invite));
      world.bob.replies(atBob, 200, BOBS);
      const final = await world.final(invite);
      if (final.status === 200) acks(world, { invite, atBob, ok: final });
      await world.bob.receives('ACK');
      await hungUp(world.bob);
      await world.passes(1000);
      assert.deepEqual([final.status, world.bob.count('BYE')], [487, 1]);
    });
  });

  test('RFC 3261 §15: the callee hangs up before it has our ACK: ACK or not, both dialogs end', async () => {
    await withB2b(async (world) => {
      const sides = await answered(world);
      world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 2 }));
      await world.bob.receives(isReply('BYE', 200));
      await hungUp(world.alice);
      acks(world, sides);
      // Its 200, repeated, is acknowledged all the same.
      world.bob.replies(sides.atBob, 200, BOBS);
      await world.bob.receives('ACK');
    });
  });
});

describe('RFC 3261 §14.1: glare of our own re-INVITEs', () => {
  /** A MESSAGE of alice's puts a leg on hold. */
  const holds = (leg: string) => `
    request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
    event_route[b2bua:request] { if (is_method("MESSAGE")) { b2b_hold("${leg}"); b2b_reply(200); drop; } }`;

  for (const [name, leg, window] of [
    ['we made the Call-ID', 'b', [2100, 4000]],
    ['the other side made it', 'a', [0, 2000]],
  ] as const) {
    test(`A18: RFC 3261 §14.1: after 491 it is sent again within ${window[0]} to ${window[1]} ms where ${name}`, async () => {
      await withB2b(
        async (world) => {
          const sides = await talking(world);
          const peer = leg === 'a' ? world.alice : world.bob;
          world.alice.sends(inDialog(world, 'MESSAGE', sides.ok, { cseq: 2, body: 'go', contentType: 'text/plain' }));
          const waits: number[] = [];
          for (let tries = 0; tries < 3; tries++) {
            const invite = await peer.receives('INVITE', 5000);
            peer.replies(invite, 491);
            const sinceMs = world.clock.now();
            const next = await peer.receives('INVITE', 5000);
            waits.push(world.clock.now() - sinceMs);
            peer.inbox.unshift(next);
          }
          peer.replies(await peer.receives('INVITE'), 200, leg === 'a' ? ALICES : BOBS);
          await world.alice.receives(isReply('MESSAGE', 200));
          // Two ways over the network, and the steps of the clock, come on top.
          for (const waitMs of waits) assert.ok(waitMs >= window[0] && waitMs <= window[1] + 100, waits.join());
          await ends(world, sides, 3);
        },
        {},
        holds(leg),
      );
    });
  }

  test('A18: RFC 3261 §14.2: a second INVITE before the first has its reply: 500 with Retry-After; the first goes on', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
      const again = await world.bob.receives('INVITE');
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 3, ...ALICES }));
      const refused = await world.alice.receives(isReply('INVITE', 500));
      assert.match(refused.get('Retry-After'), /^(?:\d|10)$/);
      acks(world, sides, 3);
      world.bob.replies(again, 200, BOBS);
      await world.alice.receives(isReply('INVITE', 200));
      acks(world, sides, 2);
      await world.bob.receives('ACK');
      await ends(world, sides, 4);
    });
  });
});

test('RFC 3261 §17.2.1: the ACK of a refused re-INVITE ends it: nothing is said again', async () => {
  await withB2b(async (world) => {
    const sides = await talking(world);
    const headers = { Require: 'foo' };
    const invite = inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES, headers });
    world.alice.sends(invite);
    const refused = await world.alice.receives(isReply('INVITE', 420));
    world.alice.sends(world.ackOf(invite, refused));
    await world.passes(20_000);
    assert.equal(world.alice.count(isReply('INVITE', 420)), 1);
    await ends(world, sides, 3);
  });
});

test('RFC 3261 §13.2.2.4: a 2xx that comes again while the next INVITE is under way is not its answer', async () => {
  await withB2b(async (world) => {
    const sides = await talking(world);
    world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
    const again = await world.bob.receives('INVITE');
    world.bob.replies(sides.atBob, 200, BOBS);
    assert.equal((await world.bob.receives('ACK')).get('CSeq'), sides.atBob.get('CSeq').replace('INVITE', 'ACK'));
    await world.alice.receivesNothing(300, isReply('INVITE', 200));
    world.bob.replies(again, 200, BOBS);
    await world.alice.receives(isReply('INVITE', 200));
    acks(world, sides, 2);
    assert.equal((await world.bob.receives('ACK')).get('CSeq'), again.get('CSeq').replace('INVITE', 'ACK'));
    // Nor are those before.
    world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 3, ...ALICES }));
    const third = await world.bob.receives('INVITE');
    for (const invite of [sides.atBob, again]) {
      world.bob.replies(invite, 200, BOBS);
      assert.equal((await world.bob.receives('ACK')).get('CSeq'), invite.get('CSeq').replace('INVITE', 'ACK'));
    }
    world.bob.replies(third, 486);
    await world.alice.receives(isReply('INVITE', 486));
    acks(world, sides, 3);
    await ends(world, sides, 4);
  });
});

describe('RFC 3261 §12: tags', () => {
  test('RFC 3261 §12.1.2: a callee without a To tag (RFC 2543) has a dialog all the same, in both directions', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', ALICES);
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180, { toTag: '' });
      world.bob.replies(atBob, 200, { toTag: '', ...BOBS });
      const ok = await world.final(invite);
      assert.notEqual(ok.param('To', 'tag'), '');
      acks(world, { invite, atBob, ok });
      assert.equal((await world.bob.receives('ACK')).param('To', 'tag'), '');
      world.bob.sends(fromBob(world, 'INFO', atBob, { cseq: 2, fromTag: '' }));
      world.alice.replies(await world.alice.receives('INFO'), 200);
      await world.bob.receives(isReply('INFO', 200));
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      await hungUp(world.bob);
    });
  });

  test('RFC 3261 §12.2.2: a request of a call without our tag, or with another, is not in its dialog', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        const callId = sides.ok.get('Call-ID');
        const to = '<sip:bob@10.0.0.1>';
        world.alice.sends(world.alice.request('BYE', 'sip:10.0.0.1', { callId, to, cseq: 2 }));
        await world.alice.receives(isReply('BYE', 481));
        world.alice.sends(world.alice.request('BYE', 'sip:10.0.0.1', { callId, to, toTag: 'another', cseq: 3 }));
        await world.alice.receives(isReply('BYE', 481));
        const fromTag = 'a-stranger';
        world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 4, fromTag }));
        await world.alice.receives(isReply('BYE', 481));
        await ends(world, sides, 5);
      },
      {},
      `request_route {
        if (!is_method("INVITE") || has_totag()) { sl_send_reply(481, "Call/Transaction Does Not Exist"); exit; }
        $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }`,
    );
  });
});

describe('RFC 3261 §8.2.2.3: Require with unknown options', () => {
  test('A17: RFC 3261 §8.2.2.3: 420 names them all, of an INVITE and in the dialog; an ACK is taken as it is', async () => {
    await withB2b(async (world) => {
      const headers = { Require: ['foo, timer', 'bar'] };
      const refused = await world.final(world.calls('sip:bob@10.0.0.1', { callId: 'one', ...ALICES, headers }));
      assert.deepEqual([refused.status, refused.get('Unsupported')], [420, 'foo, bar']);
      assert.equal(world.bob.heard.length, 0);
      const sides = await answered(world);
      acks(world, sides, 1, { headers: { Require: 'foo' } });
      await world.bob.receives('ACK');
      for (const [cseq, method] of [
        [2, 'INVITE'],
        [3, 'UPDATE'],
        [4, 'BYE'],
      ] as const) {
        world.alice.sends(inDialog(world, method, sides.ok, { cseq, ...ALICES, headers: { Require: 'foo' } }));
        assert.equal((await world.alice.receives(isReply(method, 420))).get('Unsupported'), 'foo');
        if (method === 'INVITE') acks(world, sides, 2);
      }
      world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 5, ...ALICES }));
      world.bob.replies(await world.bob.receives('INVITE'), 200, BOBS);
      await world.alice.receives((msg) => msg.get('CSeq') === '5 INVITE');
      acks(world, sides, 5);
      await ends(world, sides, 6);
    });
  });

  test('RFC 3261 §8.1.3.5: 420 of the callee reaches the caller with its Unsupported', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', ALICES);
      world.bob.replies(await world.bob.receives('INVITE'), 420, { headers: { Unsupported: 'x-thing' } });
      const refused = await world.final(invite);
      assert.deepEqual([refused.status, refused.get('Unsupported')], [420, 'x-thing']);
    });
  });
});
