import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromCallee, OFFER, withB2b } from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = 'application/sdp';
const CAROLS = OFFER.replaceAll('10.0.1.1', '10.0.2.2').replace('o=a', 'o=c');

async function offered(peer: SipPeer, answer: string): Promise<TestMsg> {
  const invite = await peer.receives('INVITE');
  peer.replies(invite, 200, { body: answer, contentType: SDP });
  return invite;
}

describe('b2b_originate: third-party call control', () => {
  const routes = (mode: string) =>
    `request_route { b2b_originate("sip:bob@10.0.2.1", "sip:carol@10.0.2.2", "${mode}", "sip:click@10.0.0.1"); sl_send_reply(200, "OK"); exit; }`;
  const clicks = (world: SipWorld) => world.alice.sends(world.alice.request('OPTIONS', 'sip:10.0.0.1'));

  /** bob has the call; carol and he hang up. */
  async function over(world: SipWorld, atCarol: TestMsg): Promise<void> {
    world.carol.sends(fromCallee(world.carol, 'BYE', atCarol, { cseq: 3 }));
    await world.carol.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
    world.bob.replies(await world.bob.receives('BYE'), 200);
  }

  test("RFC 3725 §4.1, flow I: the first side's offer goes to the second, whose answer comes in the first one's ACK", async () => {
    await withB2b(
      async (world) => {
        clicks(world);
        const atBob = await world.bob.receives('INVITE');
        assert.equal(atBob.body, '');
        assert.match(atBob.get('From'), /<sip:click@10\.0\.0\.1>/);
        world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
        const atCarol = await world.carol.receives('INVITE');
        assert.equal(atCarol.body, ANSWER);
        assert.equal(world.bob.count('ACK'), 0);
        world.carol.replies(atCarol, 200, { body: CAROLS, contentType: SDP });
        await world.carol.receives('ACK');
        assert.equal((await world.bob.receives('ACK')).body, CAROLS);
        await over(world, atCarol);
      },
      {},
      routes('I'),
    );
  });

  for (const [mode, section, offer] of [
    ['III', '§4.3', /^$/],
    ['IV', '§4.4', /^v=0\r\n(?:(?!m=).*\r\n)*$/],
  ] as const) {
    test(`RFC 3725 ${section}, flow ${mode}: the first side is in the call before the second offers`, async () => {
      await withB2b(
        async (world) => {
          clicks(world);
          const atBob = await world.bob.receives('INVITE');
          assert.match(atBob.body, offer);
          world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
          const ack = await world.bob.receives('ACK');
          if (mode === 'III') assert.match(ack.body, /m=audio 9 RTP\/AVP 8\r\na=inactive/);
          else assert.equal(ack.body, '');
          const atCarol = await world.carol.receives('INVITE');
          assert.equal(atCarol.body, '');
          world.carol.replies(atCarol, 200, { body: CAROLS, contentType: SDP });
          const again = await offered(world.bob, ANSWER);
          assert.match(again.body, /c=IN IP4 10\.0\.2\.2/);
          assert.match((await world.carol.receives('ACK')).body, /c=IN IP4 10\.0\.2\.1/);
          await world.bob.receives('ACK');
          await over(world, atCarol);
        },
        {},
        routes(mode),
      );
    });
  }

  test('RFC 3725 §6: the second side fails: BYE to the first; the first fails: nobody else is called', async () => {
    await withB2b(
      async (world) => {
        clicks(world);
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        world.carol.replies(await world.carol.receives('INVITE'), 486);
        await world.bob.receives('ACK');
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
      {},
      routes('I'),
    );
    await withB2b(
      async (world) => {
        clicks(world);
        world.bob.replies(await world.bob.receives('INVITE'), 603);
        await world.passes(1000);
        assert.equal(world.carol.count('INVITE'), 0);
      },
      {},
      routes('I'),
    );
  });

  test('RFC 3725 §6: no codec in common: both get BYE', async () => {
    await withB2b(
      async (world) => {
        clicks(world);
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        await world.bob.receives('ACK');
        world.carol.replies(await world.carol.receives('INVITE'), 200, { body: CAROLS, contentType: SDP });
        world.bob.replies(await world.bob.receives('INVITE'), 488);
        world.bob.replies(await world.bob.receives('BYE'), 200);
        await world.carol.receives('ACK');
        world.carol.replies(await world.carol.receives('BYE'), 200);
      },
      {},
      routes('a-first'),
    );
  });
});
