import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromCallee, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = { contentType: 'application/sdp' };

function rpc<T>(world: SipWorld, method: string, ...params: (string | number)[]): Promise<T> {
  return world.sim.server.rpc.call(`b2bua.${method}`, params) as unknown as Promise<T>;
}

/** The ids of the only call's legs, in the order in which they began. */
async function legsOf(world: SipWorld): Promise<string[]> {
  const [call] = await rpc<{ id: string }[]>(world, 'list');
  const { legs } = await rpc<{ legs: { id: string }[] }>(world, 'get', call?.id ?? '');
  return legs.map(({ id }) => id);
}

describe('A34: verbs by RPC', () => {
  test('A34: hold and resume: our re-INVITEs to one side', async () => {
    await withB2b(async (world) => {
      const { ok, atBob } = await talking(world);
      const [, b = ''] = await legsOf(world);
      for (const [method, expected] of [
        ['hold', /a=inactive/],
        ['resume', /m=audio 4000/],
      ] as const) {
        const asked = rpc(world, method, b);
        const again = await world.bob.receives('INVITE');
        assert.match(again.body, expected);
        world.bob.replies(again, 200, { body: ANSWER, ...SDP });
        await world.bob.receives('ACK');
        await world.passes(100);
        assert.equal(await asked, 'Ok');
      }
      assert.ok(atBob.get('Call-ID') !== '');
      await assert.rejects(rpc(world, 'hold', 'nobody'), { code: 404 });
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      world.bob.replies(await world.bob.receives('BYE'), 200);
    });
  });

  test('A34: transfer: the caller is joined with somebody else, the callee leaves', async () => {
    await withB2b(async (world) => {
      const { ok } = await talking(world);
      const [a = ''] = await legsOf(world);
      assert.equal(await rpc(world, 'transfer', a, 'sip:carol@10.0.2.2'), 'Ok');
      const atCarol = await world.carol.receives('INVITE');
      world.carol.replies(atCarol, 200, { body: ANSWER, ...SDP });
      await world.carol.receives('ACK');
      const again = await world.alice.receives('INVITE');
      world.alice.replies(again, 200, { body: OFFER, ...SDP });
      await world.alice.receives('ACK');
      world.bob.replies(await world.bob.receives('BYE'), 200);
      world.carol.sends(fromCallee(world.carol, 'BYE', atCarol, { cseq: 3 }));
      world.alice.replies(await world.alice.receives('BYE'), 200);
      assert.equal(world.sim.server.counters.find('b2bua', 'transfers')?.get(), 1);
      assert.equal(ok.status, 200);
    });
  });

  test('A30: pickup: a phone that is called gets the call that rings elsewhere', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER, ...SDP });
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(180);
        await assert.rejects(rpc(world, 'pickup', 'nobody', 'sip:carol@10.0.2.2'), { code: 404 });
        const asked = rpc(world, 'pickup', 'bob', 'sip:carol@10.0.2.2');
        const atCarol = await world.carol.receives('INVITE');
        assert.equal(atCarol.body, OFFER);
        world.carol.replies(atCarol, 200, { body: ANSWER, ...SDP });
        await world.carol.receives('ACK');
        const ok = await world.final(invite);
        assert.equal(ok.body, ANSWER);
        await world.passes(100);
        assert.equal(await asked, 'Ok');
        const cancel = await world.bob.receives('CANCEL');
        assert.match(cancel.get('Reason'), /cause=200;text="Call completed elsewhere"/);
        world.bob.replies(cancel, 200);
        world.bob.replies(atBob, 487);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        await world.passes(100);
        assert.ok(world.sim.log.lines.some((line) => line.includes('dialled 1')));
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        world.carol.replies(await world.carol.receives('BYE'), 200);
      },
      {},
      'request_route { b2b_dial("sip:bob@10.0.2.1", 60); $var(rc) = $rc; xlog("dialled $var(rc)\\n"); exit; }',
    );
  });

  test('A34: originate, park', async () => {
    await withB2b(async (world) => {
      const id = await rpc<string>(world, 'originate', 'sip:bob@10.0.2.1', 'sip:carol@10.0.2.2');
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 200, { body: OFFER, ...SDP });
      const atCarol = await world.carol.receives('INVITE');
      world.carol.replies(atCarol, 200, { body: ANSWER, ...SDP });
      await world.carol.receives('ACK');
      await world.bob.receives('ACK');
      const { legs } = await rpc<{ legs: { id: string }[] }>(world, 'get', id);
      const asked = rpc(world, 'park', legs[0]?.id ?? '', '700');
      world.bob.replies(await world.bob.receives('BYE'), 200);
      const held = await world.carol.receives('INVITE');
      assert.match(held.body, /a=inactive/);
      world.carol.replies(held, 200, { body: ANSWER, ...SDP });
      await world.passes(100);
      assert.equal(await asked, 'Ok');
      assert.equal(await rpc(world, 'end', id), 'Ok');
      world.carol.replies(await world.carol.receives('BYE'), 200);
      await assert.rejects(rpc(world, 'originate', 'sip:x@y', 'sip:z@y', 'XX'), { code: 400 });
    });
  });
});
