import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import { BDict, bdecode, bencode } from '../rtpengine/bencode.ts';
import type { B2buaApi } from './api.ts';
import type { FakeEngine } from './testdata/fake-engine/index.ts';

const SDP = 'application/sdp';
const ENGINE = join(import.meta.dirname, 'testdata/fake-engine/index.ts');
const params = (more = '') => ({
  params: `loadmodule "${ENGINE}"\nmodparam("b2bua", "media_module", "fake_engine")\n${more}`,
});
const engineOf = (world: SipWorld) => world.sim.server.modules.api('fake_engine') as FakeEngine;
const through = (sdp: string) => sdp.replace(/c=IN IP4 \S+/, 'c=IN IP4 192.0.2.9');

async function hangUp(world: SipWorld, ok: Parameters<typeof inDialog>[2]): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 9 }));
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

async function bothGetBye(world: SipWorld, reason: RegExp): Promise<void> {
  for (const peer of [world.alice, world.bob]) {
    const bye = await peer.receives('BYE', 200_000);
    assert.match(bye.get('Reason'), reason);
    peer.replies(bye, 200);
  }
}

describe('A24: media through an engine', () => {
  test('A24: offers and answers of a call and of a re-INVITE go through it, and it is told of the end', async () => {
    await withB2b(async (world) => {
      const { atBob, ok } = await talking(world);
      assert.deepEqual([atBob.body, ok.body], [through(OFFER), through(ANSWER)]);
      world.bob.sends(
        fromBob(world, 'INVITE', atBob, { cseq: 2, body: ANSWER.replace('7 7', '7 8'), contentType: SDP }),
      );
      const again = await world.alice.receives('INVITE');
      assert.equal(again.body, through(ANSWER).replace('7 7', '7 8'));
      world.alice.replies(again, 200, { body: OFFER, contentType: SDP });
      assert.equal((await world.bob.receives(200)).body, through(OFFER));
      world.bob.sends(fromBob(world, 'ACK', atBob, { cseq: 2 }));
      await world.alice.receives('ACK');
      await hangUp(world, ok);
      await world.passes(100);
      assert.deepEqual(engineOf(world).asked, ['offer', 'answer', 'offer', 'answer', 'delete']);
    }, params());
  });

  test('an engine that refuses: 503 to the caller, the callee is hung up', async () => {
    for (const kind of ['offer', 'answer'] as const) {
      await withB2b(async (world) => {
        engineOf(world).refuses = kind;
        const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP });
        if (kind === 'answer') {
          world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
          await world.bob.receives('ACK');
          world.bob.replies(await world.bob.receives('BYE'), 200);
        }
        assert.equal((await world.final(invite)).status, 503);
      }, params());
    }
  });

  test('the caller cancels while the engine is asked', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP });
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
      world.alice.sends(world.cancelOf(invite));
      assert.equal((await world.final(invite)).status, 487);
      await world.bob.receives('ACK');
      world.bob.replies(await world.bob.receives('BYE'), 200);
    }, params());
  });

  test('media=none keeps one call out of it; A36: digits are played by it', async () => {
    await withB2b(
      async (world) => {
        const { atBob, ok } = await talking(world);
        assert.equal(atBob.body, OFFER);
        await hangUp(world, ok);
        assert.deepEqual(engineOf(world).asked, []);
      },
      params(),
      'request_route { b2b_call("sip:bob@10.0.2.1", "media=none"); exit; }',
    );
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        await world.passes(100);
        assert.deepEqual(engineOf(world).asked.slice(2), ['digit 1', 'digit #']);
        await hangUp(world, ok);
      },
      params(),
      'request_route { b2b_call("sip:bob@10.0.2.1"); exit; } event_route[b2bua:confirmed] { b2b_send_dtmf("b", "1#"); }',
    );
  });

  test('a media_module that is no engine ends the start', async () => {
    await assert.rejects(
      withB2b(() => Promise.resolve(), { params: 'modparam("b2bua", "media_module", "tm")' }),
      /no media engine/,
    );
  });
});

describe('A37: RTP timeout', () => {
  const legsOf = (world: SipWorld) => {
    const b2bua = world.sim.api<B2buaApi>('b2bua');
    return [...b2bua.calls()].flatMap((call) => call.legs.map((leg) => leg.id));
  };

  test('A5, A37: nothing comes from one side: BYE to both with a Reason, cause rtp-timeout, and an event', async () => {
    const routes = `request_route { if (is_method("OPTIONS")) { append_to_reply("X-Seen: $shv(seen)\\r\\n"); sl_send_reply(200, "OK"); exit; }
      b2b_call("sip:bob@10.0.2.1"); exit; }
      event_route[b2bua:rtp-timeout] { $shv(seen) = "timeout"; } event_route[b2bua:end] { $shv(seen) = $shv(seen) + " " + $b2b(cause); }`;
    await withB2b(
      async (world) => {
        await talking(world);
        await world.passes(60_000);
        assert.equal(world.alice.count('BYE'), 0);
        engineOf(world).silent.add(legsOf(world)[1] ?? '');
        await bothGetBye(world, /cause=408;text="RTP timeout"/);
        world.carol.sends(world.carol.request('OPTIONS', 'sip:10.0.0.1'));
        assert.equal((await world.carol.receives(200)).get('X-Seen'), 'timeout rtp-timeout');
      },
      params('modparam("b2bua", "rtp_timeout", 20)'),
      routes,
    );
  });

  test('A37: a call on hold has rtp_timeout_hold', async () => {
    await withB2b(async (world) => {
      const { ok } = await talking(world);
      world.alice.sends(
        inDialog(world, 'INVITE', ok, {
          cseq: 2,
          body: `${OFFER.replace('1 1', '1 2')}a=sendonly\r\n`,
          contentType: SDP,
        }),
      );
      world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
      await world.alice.receives(200);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 2 }));
      await world.bob.receives('ACK');
      for (const leg of legsOf(world)) engineOf(world).silent.add(leg);
      await world.passes(50_000);
      assert.equal(world.alice.count('BYE'), 0);
      await bothGetBye(world, /RTP timeout/);
    }, params('modparam("b2bua", "rtp_timeout", 20)\nmodparam("b2bua", "rtp_timeout_hold", 90)'));
  });

  test('A37: an engine that notices by itself; drop keeps the call', async () => {
    const routes = (more: string) =>
      `request_route { b2b_call("sip:bob@10.0.2.1"); exit; } event_route[b2bua:rtp-timeout] { ${more} }`;
    const key = (world: SipWorld) => (legsOf(world)[0] ?? '').replace(/-\d+$/, '');
    await withB2b(
      async (world) => {
        await talking(world);
        engineOf(world).stop(key(world));
        await bothGetBye(world, /RTP timeout/);
      },
      params(),
      routes('$var(x) = 1;'),
    );
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        engineOf(world).stop(key(world));
        await world.passes(1000);
        await hangUp(world, ok);
      },
      params(),
      routes('drop;'),
    );
  });
});

test('A24: rtpengine is an engine: offer, answer, query and delete by its NG protocol', async () => {
  const asked: string[] = [];
  const answer = (request: BDict): BDict => {
    const command = request.str('command');
    if (command === 'ping') return new BDict().add('result', 'pong');
    asked.push(
      `${command} ${request.str('from-tag') === '' ? '' : 'from'} ${request.str('to-tag') === '' ? '' : 'to'}`.trim(),
    );
    const reply = new BDict().add('result', 'ok');
    if (command === 'query') {
      const stream = new BDict().add('stats', new BDict().add('packets', 7));
      const party = new BDict().add('medias', [new BDict().add('streams', [stream])]);
      reply.add('tags', new BDict().add(request.str('from-tag'), party));
    }
    return request.get('sdp') === undefined ? reply : reply.add('sdp', through(request.str('sdp')));
  };
  await withB2b(
    async (world) => {
      const endpoint = await world.network.host('10.0.9.1').udp.open(
        { address: '10.0.9.1', port: 2223, family: 4 },
        (text, ip, port) => {
          const space = text.indexOf(' ');
          const request = bdecode(text.slice(space + 1));
          if (request instanceof BDict) endpoint.send(`${text.slice(0, space)} ${bencode(answer(request))}`, ip, port);
        },
        () => {},
      );
      const { atBob, ok } = await talking(world);
      assert.deepEqual([atBob.body, ok.body], [through(OFFER), through(ANSWER)]);
      await bothGetBye(world, /RTP timeout/);
      await world.passes(1000);
      assert.deepEqual(asked.slice(0, 3), ['offer from', 'answer from to', 'query from']);
      assert.equal(asked.at(-1), 'delete from');
    },
    {
      params: `loadmodule "rtpengine.so"\nmodparam("rtpengine", "rtpengine_sock", "udp:10.0.9.1:2223")
        modparam("b2bua", "media_module", "rtpengine")\nmodparam("b2bua", "rtp_timeout", 20)`,
    },
  );
});
