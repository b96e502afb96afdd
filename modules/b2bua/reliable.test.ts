import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, inDialog, OFFER, withB2b } from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import { parseRAck } from './reliable.ts';

const SDP = 'application/sdp';
const routes = (flags: string) => `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call("${flags}"); exit; }`;

function rings(world: SipWorld, atBob: TestMsg, rseq: number, body = ANSWER): void {
  world.bob.replies(atBob, 183, { headers: { Require: '100rel', RSeq: String(rseq) }, body, contentType: SDP });
}

function pracks(world: SipWorld, reply: TestMsg, cseq: number, options: object = {}): void {
  world.alice.sends(
    inDialog(world, 'PRACK', reply, { cseq, headers: { RAck: `${reply.get('RSeq')} 1 INVITE` }, ...options }),
  );
}

const calls = (world: SipWorld, headers: Record<string, string> = { Supported: '100rel' }) =>
  world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP, headers });

/** bob answers without a description, as the one in the 183 counts; both hang up. */
async function talkAndEnd(world: SipWorld, atBob: TestMsg, body = ''): Promise<void> {
  world.bob.replies(atBob, 200, body === '' ? {} : { body, contentType: SDP });
  const ok = await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'INVITE');
  assert.equal(ok.body, body);
  world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
  await world.bob.receives('ACK');
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 9 }));
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

describe('A35: PRACK from end to end (rel100=pass)', () => {
  test('A35: RSeq and RAck are of each side; a reply that comes again is sent again', async () => {
    await withB2b(async (world) => {
      calls(world);
      const atBob = await world.bob.receives('INVITE');
      assert.match(atBob.get('Supported'), /100rel/);
      rings(world, atBob, 700);
      const early = await world.alice.receives(183);
      assert.deepEqual([early.get('Require'), early.body], ['100rel', ANSWER]);
      rings(world, atBob, 700);
      const again = await world.alice.receives(183);
      assert.equal(again.get('RSeq'), early.get('RSeq'));
      pracks(world, early, 2);
      const prack = await world.bob.receives('PRACK');
      assert.equal(prack.get('RAck'), `700 ${Number.parseInt(atBob.get('CSeq'), 10)} INVITE`);
      assert.equal(prack.param('To', 'tag'), 'bob-tag');
      world.bob.replies(prack, 200);
      assert.equal((await world.alice.receives(200)).cseqMethod, 'PRACK');
      // 702 has overtaken 701.
      rings(world, atBob, 702, '');
      rings(world, atBob, 701, '');
      const next = await world.alice.receives(183);
      assert.equal(Number(next.get('RSeq')), Number(early.get('RSeq')) + 1);
      pracks(world, next, 3);
      const second = await world.bob.receives('PRACK');
      assert.match(second.get('RAck'), /^701 /);
      world.bob.replies(second, 200);
      await talkAndEnd(world, atBob);
    });
  });

  test('A35: an offer in PRACK and its answer pass; an UPDATE before the answer, too', async () => {
    await withB2b(async (world) => {
      calls(world);
      const atBob = await world.bob.receives('INVITE');
      rings(world, atBob, 1);
      const early = await world.alice.receives(183);
      const second = OFFER.replace('1 1 IN', '1 2 IN').replace('4000', '4002');
      pracks(world, early, 2, { body: second, contentType: SDP });
      const prack = await world.bob.receives('PRACK');
      assert.equal(prack.body, second);
      const answer = ANSWER.replace('7 7 IN', '7 8 IN');
      world.bob.replies(prack, 200, { body: answer, contentType: SDP });
      assert.equal((await world.alice.receives(200)).body, answer);
      world.alice.sends(inDialog(world, 'UPDATE', early, { cseq: 3, body: second, contentType: SDP }));
      world.bob.replies(await world.bob.receives('UPDATE'), 200, { body: answer, contentType: SDP });
      const updated = await world.alice.receives(200);
      assert.deepEqual([updated.cseqMethod, updated.body], ['UPDATE', answer]);
      await talkAndEnd(world, atBob);
    });
  });

  test('a PRACK of nothing: 481; an offer in the 183 has its answer in PRACK', async () => {
    await withB2b(async (world) => {
      world.calls('sip:bob@10.0.0.1', { headers: { Require: '100rel' } });
      const atBob = await world.bob.receives('INVITE');
      assert.match(atBob.get('Require'), /100rel/);
      rings(world, atBob, 5);
      const early = await world.alice.receives(183);
      world.alice.sends(inDialog(world, 'PRACK', early, { cseq: 2, headers: { RAck: '1 1 INVITE' } }));
      await world.alice.receives(481);
      pracks(world, early, 3, { body: OFFER, contentType: SDP });
      const prack = await world.bob.receives('PRACK');
      assert.equal(prack.body, OFFER);
      world.bob.replies(prack, 200);
      await talkAndEnd(world, atBob);
    });
  });
});

describe('A35: PRACK on each side by us (prack=leg)', () => {
  test('A35: the callee gets its PRACK at once, a caller without 100rel an ordinary 183', async () => {
    await withB2b(
      async (world) => {
        calls(world, {});
        const atBob = await world.bob.receives('INVITE');
        assert.match(atBob.get('Supported'), /100rel/);
        rings(world, atBob, 9);
        const prack = await world.bob.receives('PRACK');
        assert.match(prack.get('RAck'), /^9 /);
        world.bob.replies(prack, 200);
        const early = await world.alice.receives(183);
        assert.deepEqual([early.has('RSeq'), early.body], [false, ANSWER]);
        await talkAndEnd(world, atBob, ANSWER);
      },
      {},
      routes('prack=leg'),
    );
  });

  test('A35: a caller with 100rel gets a reliable one of ours, again and again until its PRACK; the answer waits for that', async () => {
    await withB2b(
      async (world) => {
        calls(world);
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 183, { body: ANSWER, contentType: SDP });
        const early = await world.alice.receives(183);
        assert.equal(early.get('Require'), '100rel');
        await world.alice.receives(183);
        world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
        const repeated = await world.alice.receives(183);
        assert.equal(repeated.get('RSeq'), early.get('RSeq'));
        assert.equal(world.alice.count(200), 0);
        pracks(world, early, 2);
        await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'PRACK');
        const ok = await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'INVITE');
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        await world.bob.receives('ACK');
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 9 }));
        await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
      {},
      routes('prack=leg'),
    );
  });

  test('no PRACK within 32 s: 504 to the caller, the callee is cancelled', async () => {
    await withB2b(
      async (world) => {
        const invite = calls(world);
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 183, { body: ANSWER, contentType: SDP });
        assert.equal((await world.final(invite)).status, 504);
        world.bob.replies(await world.bob.receives('CANCEL'), 200);
        world.bob.replies(atBob, 487);
      },
      {},
      routes('prack=leg'),
    );
  });
});

test('rel100=off: Require: 100rel gets 420, Supported does not pass', async () => {
  await withB2b(
    async (world) => {
      const refused = calls(world, { Require: '100rel' });
      assert.equal((await world.final(refused)).get('Unsupported'), '100rel');
      world.alice.sends(
        world.alice.request('INVITE', 'sip:bob@10.0.0.1', { callId: 'two', headers: { Supported: '100rel' } }),
      );
      const atBob = await world.bob.receives('INVITE');
      assert.equal(atBob.has('Supported'), false);
      world.bob.replies(atBob, 486);
      await world.alice.receives(486);
    },
    { params: 'modparam("b2bua", "rel100", "off")' },
  );
});

test('parseRAck', () => {
  assert.deepEqual(parseRAck('7 1 INVITE'), { rseq: 7, cseq: 1 });
  assert.equal(parseRAck('7 INVITE'), null);
  assert.equal(parseRAck('7 1 UPDATE'), null);
});
