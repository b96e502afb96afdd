import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, type Sides, talking, withB2b } from '../support/b2b-world.ts';
import type { RequestOptions, TestMsg } from '../support/msg.ts';
import type { SipWorld } from '../support/sip-world.ts';

/**
 * Calls of others at the back-to-back user agent: carol (10.0.2.2) has seen this or that of the call of alice and bob,
 * but is no party. She gets 4xx or nothing; the call goes on, and neither of them hears of it. Who may take a call by
 * Replaces needs both tags of a leg: they are 20 random characters on our side.
 */

/** Both still talk: a re-INVITE of alice's reaches bob, then she hangs up. */
async function stillTalking(world: SipWorld, sides: Sides): Promise<void> {
  const told = [...world.alice.inbox, ...world.bob.inbox].filter((msg) => msg.method !== '');
  assert.deepEqual(
    told.map((msg) => msg.startLine),
    [],
  );
  world.alice.sends(inDialog(world, 'INFO', sides.ok, { cseq: 50 }));
  world.bob.replies(await world.bob.receives('INFO'), 200);
  await world.alice.receives(200);
  world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 51 }));
  world.bob.replies(await world.bob.receives('BYE'), 200);
  await world.alice.receives(200);
}

/** carol's request, and what she is told, null for nothing. */
async function carolAsks(world: SipWorld, method: string, options: RequestOptions): Promise<TestMsg | null> {
  const text = world.carol.request(method, 'sip:bob@10.0.0.1', { ...options });
  world.carol.sends(text);
  await world.passes(300);
  const reply = world.carol.inbox.splice(0).find((msg) => msg.status >= 200) ?? null;
  if (reply !== null && method === 'INVITE') world.carol.sends(world.ackOf(text, reply));
  await world.passes(50);
  return reply;
}

suite('calls of others at b2bua', () => {
  const half = (sides: Sides): readonly (readonly [string, RequestOptions])[] => {
    const callId = sides.ok.get('Call-ID');
    const ours = sides.ok.param('To', 'tag');
    const far = sides.atBob.get('Call-ID');
    return [
      ['the Call-ID alone', { callId, fromTag: 'x', toTag: 'y' }],
      ["the Call-ID and alice's tag", { callId, fromTag: 'alice-tag', toTag: 'guessed' }],
      ['the Call-ID and our tag', { callId, fromTag: 'carol-tag', toTag: ours }],
      ['the tags the wrong way round', { callId, fromTag: ours, toTag: 'alice-tag' }],
      ["the other leg's Call-ID with this leg's tags", { callId: far, fromTag: 'alice-tag', toTag: ours }],
      ['an empty tag and ours', { callId, fromTag: '', toTag: ours }],
    ];
  };
  for (const method of ['BYE', 'INVITE', 'REFER', 'INFO', 'UPDATE', 'NOTIFY', 'MESSAGE'])
    test(`${method} with half of what identifies the dialog: refused (RFC 3261 §12.2.2), the call goes on`, () =>
      withB2b(async (world) => {
        const sides = await talking(world);
        for (const [what, options] of half(sides)) {
          const reply = await carolAsks(world, method, {
            ...options,
            cseq: 99,
            ...(method === 'REFER' ? { headers: { 'Refer-To': '<sip:carol@10.0.2.2>' } } : {}),
            ...(method === 'INVITE' ? { body: OFFER } : {}),
          });
          assert.ok(reply === null || reply.status >= 400, `${what}: ${reply?.startLine}`);
        }
        await stillTalking(world, sides);
      }));

  test('Replaces with one tag right, tags swapped, of the other leg, or doubled: 4xx, nobody is put aside', () =>
    withB2b(async (world) => {
      const sides = await talking(world);
      const near = sides.ok.get('Call-ID');
      const ours = sides.ok.param('To', 'tag');
      const far = sides.atBob.get('Call-ID');
      const farOurs = sides.atBob.param('From', 'tag');
      for (const replaces of [
        `${near};to-tag=${ours};from-tag=guess`,
        `${near};to-tag=guess;from-tag=alice-tag`,
        `${near};to-tag=alice-tag;from-tag=${ours}`,
        `${near};to-tag=${farOurs};from-tag=bob-tag`,
        `${far};to-tag=${ours};from-tag=alice-tag`,
        `${near};to-tag=;from-tag=`,
        `${near};to-tag=0;from-tag=0`,
        `${near};to-tag=${ours.slice(0, -1)};from-tag=alice-tag`,
        `${near.toUpperCase()};to-tag=${ours};from-tag=alice-tag`,
        `${near};to-tag=${ours.toUpperCase()}X;from-tag=alice-tag`,
      ]) {
        const reply = await carolAsks(world, 'INVITE', {
          callId: `r${replaces.length}`,
          headers: { Replaces: replaces },
          body: ANSWER,
        });
        assert.ok(reply !== null && reply.status >= 400, `${replaces}: ${reply?.startLine}`);
      }
      await stillTalking(world, sides);
    }));

  test("a CANCEL of another's ringing call, by Call-ID and tags without the branch: it rings on", () =>
    withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER });
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180);
      world.carol.sends(world.cancelOf(invite).replace(/branch=[^\r;]*/, 'branch=z9hG4bK-guess'));
      world.carol.sends(world.cancelOf(invite).replace('10.0.1.1:5060', '10.0.2.2:5060'));
      await world.bob.receivesNothing(1000, 'CANCEL');
      world.bob.replies(atBob, 486);
      await world.final(invite);
    }));

  test('a forged answer of carol for the branch to bob, by Call-ID and tags: alice hears the true one', () =>
    withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER });
      const atBob = await world.bob.receives('INVITE');
      world.carol.sends(
        world.bob
          .replies(atBob, 180)
          .replace('180 Ringing', '200 OK')
          .replace(/branch=[^\r;]*/, 'branch=z9hG4bK0-0-0-0-0'),
      );
      await world.passes(200);
      assert.equal(world.alice.count('2xx'), 0);
      world.bob.replies(atBob, 486);
      assert.equal((await world.final(invite)).status, 486);
    }));

  test('an old CSeq in the dialog, replayed: 500 (RFC 3261 §12.2.2)', () =>
    withB2b(async (world) => {
      const sides = await talking(world);
      world.bob.sends(fromBob(world, 'INFO', sides.atBob, { cseq: 20 }));
      world.alice.replies(await world.alice.receives('INFO'), 200);
      await world.bob.receives(200);
      world.carol.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 19, sentBy: '10.0.2.2:5060' }));
      assert.equal((await world.carol.receives((msg) => msg.status >= 200)).status, 500);
      await stillTalking(world, sides);
    }));
});
