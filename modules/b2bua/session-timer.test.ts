import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = 'application/sdp';
const timers = (mode: string, more = '') => ({
  params: `modparam("b2bua", "default_timer", "${mode}")\nmodparam("b2bua", "session_expires", 120)\n${more}`,
});

async function callWith(world: SipWorld, aliceHeaders: Record<string, string>, bobHeaders: Record<string, string>) {
  world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP, headers: aliceHeaders });
  const atBob = await world.bob.receives('INVITE');
  world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP, headers: bobHeaders });
  const ok = await world.alice.receives(200);
  world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
  await world.bob.receives('ACK');
  return { atBob, ok };
}

describe('A28: session timers (RFC 4028)', () => {
  test('off: what the sides agree on passes through', async () => {
    await withB2b(async (world) => {
      const { atBob, ok } = await callWith(
        world,
        { Supported: 'timer', 'Session-Expires': '200;refresher=uac', 'Min-SE': '100' },
        { Require: 'timer', 'Session-Expires': '200;refresher=uac' },
      );
      assert.equal(atBob.get('Session-Expires'), '200;refresher=uac');
      assert.equal(atBob.get('Supported'), 'timer');
      assert.equal(ok.get('Session-Expires'), '200;refresher=uac');
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      world.bob.replies(await world.bob.receives('BYE'), 200);
    });
  });

  test('we refresh both sides at half the time: UPDATE where Allow has it, else a re-INVITE', async () => {
    await withB2b(async (world) => {
      const { atBob, ok } = await callWith(
        world,
        { Supported: 'timer', Allow: 'INVITE, UPDATE' },
        { Supported: 'timer', 'Session-Expires': '120;refresher=uac' },
      );
      assert.equal(atBob.get('Session-Expires'), '120;refresher=uac');
      assert.equal(ok.get('Session-Expires'), '120;refresher=uas');
      const update = await world.alice.receives('UPDATE', 61_000);
      world.alice.replies(update, 200, { headers: { 'Session-Expires': '120;refresher=uac' } });
      const again = await world.bob.receives('INVITE', 1000);
      assert.equal(again.body, OFFER);
      world.bob.replies(again, 200, {
        body: ANSWER,
        contentType: SDP,
        headers: { 'Session-Expires': '120;refresher=uac' },
      });
      await world.bob.receives('ACK');
      world.alice.replies(await world.alice.receives('UPDATE', 61_000), 200, {
        headers: { 'Session-Expires': '120;refresher=uac' },
      });
      world.bob.sends(fromBob(world, 'BYE', atBob, { cseq: 7 }));
      await world.bob.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
      world.alice.replies(await world.alice.receives('BYE'), 200);
    }, timers('both'));
  });

  test('the other side is to refresh and does not: BYE to both, 32 s before the end', async () => {
    await withB2b(async (world) => {
      const begun = world.clock.now();
      await callWith(world, { Supported: 'timer', 'Session-Expires': '120;refresher=uac' }, {});
      const bye = await world.alice.receives('BYE', 121_000);
      assert.equal(Math.round((world.clock.now() - begun) / 1000), 88);
      assert.match(bye.get('Reason'), /408/);
      world.alice.replies(bye, 200);
      world.bob.replies(await world.bob.receives('BYE'), 200);
    }, timers('a'));
  });

  test('their refresh counts: the session lives on', async () => {
    await withB2b(async (world) => {
      const { ok } = await callWith(world, { Supported: 'timer', 'Session-Expires': '120;refresher=uac' }, {});
      for (let cseq = 2; cseq < 5; cseq++) {
        await world.passes(60_000);
        world.alice.sends(
          inDialog(world, 'UPDATE', ok, {
            cseq,
            headers: { Supported: 'timer', 'Session-Expires': '120;refresher=uac' },
          }),
        );
        const reply = await world.alice.receives(200);
        assert.equal(reply.get('Session-Expires'), '120;refresher=uac');
      }
      assert.equal(world.bob.count('UPDATE'), 0);
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 9 }));
      world.bob.replies(await world.bob.receives('BYE'), 200);
    }, timers('a'));
  });

  test('too short: 422 with Min-SE; the callee says 422: once more with its time', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:bob@10.0.0.1', { headers: { Supported: 'timer', 'Session-Expires': '60' } });
        const refused = await world.final(invite);
        assert.deepEqual([refused.status, refused.get('Min-SE')], [422, '100']);
      },
      timers('both', 'modparam("b2bua", "min_se", 100)'),
    );
    await withB2b(async (world) => {
      world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP });
      world.bob.replies(await world.bob.receives('INVITE'), 422, { headers: { 'Min-SE': '300' } });
      await world.bob.receives('ACK');
      const atBob = await world.bob.receives('INVITE');
      assert.deepEqual([atBob.get('Session-Expires').split(';')[0], atBob.get('Min-SE')], ['300', '300']);
      world.bob.replies(atBob, 486);
      assert.equal((await world.alice.receives((msg) => msg.status >= 200)).status, 486);
      await world.bob.receives('ACK');
    }, timers('b'));
  });

  test('b2b_set_timer and b2b_max_duration', async () => {
    const routes =
      'request_route { b2b_set_timer(200); b2b_max_duration(50); $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }';
    await withB2b(
      async (world) => {
        const begun = world.clock.now();
        const { atBob } = await talking(world);
        assert.equal(atBob.get('Session-Expires'), '200;refresher=uac');
        world.bob.replies(await world.bob.receives('BYE', 60_000), 200);
        assert.equal(Math.round((world.clock.now() - begun) / 1000), 50);
        world.alice.replies(await world.alice.receives('BYE'), 200);
      },
      {},
      routes,
    );
  });
});
