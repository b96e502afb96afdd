import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, SCRIPT, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = { contentType: 'application/sdp' };

async function bye(world: SipWorld, ok: TestMsg, cseq: number): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives((msg) => msg.cseqMethod === 'BYE');
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

describe('messages and transactions', () => {
  test('A9: a call over TCP is the same as one over UDP', async () => {
    await withB2b(async (world) => {
      const target = { ip: '10.0.0.1', port: 5060 };
      const { clock } = world;
      const phone = await SipPeer.tcpClient(world.network.host('10.0.1.9').stream, { clock, name: 'tina', target });
      phone.sends(phone.request('INVITE', 'sip:bob@10.0.0.1', { body: OFFER, ...SDP }));
      const atBob = await world.bob.receives('INVITE');
      assert.equal(atBob.body, OFFER);
      world.bob.replies(atBob, 200, { body: ANSWER, ...SDP });
      const ok = await phone.receives(200);
      const to = {
        callId: ok.get('Call-ID'),
        to: ok.get('To').replace(/;tag=.*/, ''),
        toTag: ok.param('To', 'tag') ?? '',
      };
      assert.match(ok.get('Contact'), /transport=tcp/i);
      phone.sends(phone.request('ACK', 'sip:10.0.0.1', { ...to, cseq: 1 }));
      await world.bob.receives('ACK');
      world.bob.sends(fromBob(world, 'BYE', atBob, { cseq: 2 }));
      phone.replies(await phone.receives('BYE'), 200);
      await phone.close();
    });
  });

  test('A10: what is no message gets no reply and does no harm', async () => {
    await withB2b(async (world) => {
      for (const text of ['', '\r\n\r\n', 'hello', 'INVITE sip:a@b SIP/2.0\r\nX: 1\r\n\r\n']) world.alice.sends(text);
      await world.alice.receivesNothing(5000);
      const { ok } = await talking(world);
      await bye(world, ok, 2);
    });
  });

  test('A12: each fork that answers is a dialog of its own; a BYE of no dialog is the script to answer', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER, ...SDP });
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 200, { toTag: 'first', body: ANSWER, ...SDP });
        world.bob.replies(atBob, 200, { toTag: 'second', body: ANSWER, ...SDP });
        const ok = await world.final(invite);
        const unwanted = await world.bob.receives('BYE');
        assert.equal(unwanted.param('To', 'tag'), 'second');
        world.bob.replies(unwanted, 200);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        const stray = world.alice.request('BYE', 'sip:bob@10.0.0.1', { callId: 'unknown', toTag: 'x', cseq: 7 });
        world.alice.sends(stray);
        assert.equal((await world.alice.receives((msg) => msg.cseqMethod === 'BYE')).status, 481);
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        const end = await world.bob.receives('BYE');
        assert.equal(end.param('To', 'tag'), 'first');
        world.bob.replies(end, 200);
      },
      {},
      'request_route { if (has_totag()) { sl_send_reply("481", "No such call"); exit; } $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }',
    );
  });

  test('A15: an INVITE that comes again gets the last reply, the script runs once; a BYE again gets its 200', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER, ...SDP });
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(180);
        world.alice.sends(invite);
        await world.alice.receives(180);
        assert.equal(world.bob.count('INVITE'), 1);
        world.bob.replies(atBob, 200, { body: ANSWER, ...SDP });
        const ok = await world.alice.receives(200);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        const end = inDialog(world, 'BYE', ok, { cseq: 2 });
        world.alice.sends(end);
        await world.alice.receives(200);
        world.alice.sends(end);
        await world.alice.receives(200);
        assert.equal(world.bob.count('BYE'), 1);
        world.bob.replies(await world.bob.receives('BYE'), 200);
        assert.equal(world.sim.log.lines.filter((line) => line.includes('RAN')).length, 1);
      },
      {},
      'request_route { xlog("RAN\\n"); $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }',
    );
  });

  test('A17: Require with an extension nobody knows: 420 and Unsupported, before and in a call', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', { callId: 'new', headers: { Require: 'foo, timer' } });
      const refused = await world.final(invite);
      assert.deepEqual([refused.status, refused.get('Unsupported')], [420, 'foo']);
      const { ok } = await talking(world);
      world.alice.sends(inDialog(world, 'INFO', ok, { cseq: 2, headers: { Require: 'bar' } }));
      const info = await world.alice.receives(420);
      assert.equal(info.get('Unsupported'), 'bar');
      await bye(world, ok, 3);
    });
  });
});

describe('dialogs', () => {
  test('A21: what comes late is answered while the dialog lingers, 32 s', async () => {
    await withB2b(async (world) => {
      const { ok } = await talking(world);
      await bye(world, ok, 2);
      world.alice.sends(inDialog(world, 'INFO', ok, { cseq: 3 }));
      assert.equal((await world.alice.receives((msg) => msg.cseqMethod === 'INFO')).status, 481);
    });
  });

  test('A22, A27: requests follow the route set in order, to the newest Contact', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1', { body: OFFER, ...SDP });
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 200, {
        body: ANSWER,
        ...SDP,
        headers: { 'Record-Route': ['<sip:10.0.2.1;lr;p=2>', '<sip:192.0.2.1;lr;p=1>'] },
      });
      const ok = await world.final(invite);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
      // The last proxy of the way is the one next to the callee: the set is turned round for the caller.
      assert.equal(world.bob.count('ACK'), 0, 'it goes to the first proxy, 192.0.2.1');
      world.bob.sends(
        fromBob(world, 'INVITE', atBob, { cseq: 5, body: ANSWER, ...SDP, contact: '<sip:moved@10.0.2.1>' }),
      );
      const atAlice = await world.alice.receives('INVITE');
      world.alice.replies(atAlice, 200, { body: OFFER, ...SDP, contact: '<sip:alice@10.0.1.1;new>' });
      await world.bob.receives(200);
      world.bob.sends(fromBob(world, 'ACK', atBob, { cseq: 5 }));
      await world.alice.receives('ACK');
      world.bob.sends(fromBob(world, 'BYE', atBob, { cseq: 6 }));
      const end = await world.alice.receives('BYE');
      assert.equal(end.startLine, 'BYE sip:alice@10.0.1.1;new SIP/2.0');
      world.alice.replies(end, 200);
    });
  });

  test('A25: a description that is refused: 488 and 415 reach the caller', async () => {
    await withB2b(async (world) => {
      for (const status of [488, 415]) {
        const invite = world.calls('sip:bob@10.0.0.1', { callId: `s${status}`, body: OFFER, ...SDP });
        world.bob.replies(await world.bob.receives('INVITE'), status);
        assert.equal((await world.final(invite)).status, status);
      }
    });
  });

  test('A26: an INVITE without a description: the offer comes in our 200, the answer in ACK', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1');
      const atBob = await world.bob.receives('INVITE');
      assert.equal(atBob.body, '');
      world.bob.replies(atBob, 200, { body: OFFER, ...SDP });
      const ok = await world.final(invite);
      assert.equal(ok.body, OFFER);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1, body: ANSWER, ...SDP }));
      assert.equal((await world.bob.receives('ACK')).body, ANSWER);
      await bye(world, ok, 2);
    });
  });
});

describe('the script as the dial plan', () => {
  for (const [status, expected] of [
    [486, 486],
    [600, 600],
    [603, 603],
    [404, 404],
    [480, 480],
    [503, 503],
    [500, 500],
  ] as const)
    test(`A29: ${status} of the callee is ${expected} to the caller; 100 comes at once`, async () => {
      await withB2b(async (world) => {
        const invite = world.calls();
        await world.alice.receives(100, 200);
        world.bob.replies(await world.bob.receives('INVITE'), status);
        assert.equal((await world.final(invite)).status, expected);
      });
    });

  test('A31: a step of one call that waits does not delay another call', async () => {
    const routes = `request_route {
      if ($rU == "slow") { b2b_dial("sip:carol@10.0.2.2", 30); b2b_reject(480); exit; }
      $ru = "sip:bob@10.0.2.1"; b2b_call(); exit;
    }`;
    await withB2b(
      async (world) => {
        const slow = world.calls('sip:slow@10.0.0.1', { callId: 'slow' });
        const atCarol = await world.carol.receives('INVITE');
        const { ok } = await talking(world);
        await bye(world, ok, 2);
        world.carol.replies(atCarol, 486);
        assert.equal((await world.final(slow)).status, 480);
      },
      {},
      routes,
    );
  });

  test('A32: the caller gives up while b2b_dial waits: the script ends there, the route of the end runs', async () => {
    const routes = `request_route { b2b_dial("sip:bob@10.0.2.1,sip:carol@10.0.2.2", 30); xlog("RC $rc $b2b(status)\\n"); exit; }
      event_route[b2bua:end] { xlog("END $b2b(cause)\\n"); }`;
    await withB2b(
      async (world) => {
        const invite = world.calls();
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(180);
        world.alice.sends(world.cancelOf(invite));
        await world.final(invite);
        world.bob.replies(await world.bob.receives('CANCEL'), 200);
        world.bob.replies(atBob, 487);
        await world.passes(100);
        assert.equal(world.carol.count('INVITE'), 0);
        const said = world.sim.log.lines.filter((line) => /RC|END/.test(line)).map((line) => line.slice(2).trim());
        assert.ok(!said.some((line) => line.includes('RC')), said.join());
        assert.ok(
          said.some((line) => line.endsWith('END cancelled')),
          said.join(),
        );
      },
      {},
      routes,
    );
  });
});

describe('bodies', () => {
  test('A40: m=video, m=image and b= pass as they are; INFO, MESSAGE and NOTIFY, too', async () => {
    await withB2b(
      async (world) => {
        const rich = `${OFFER}b=AS:64\r\nm=video 4002 RTP/AVP 99\r\na=rtpmap:99 H264/90000\r\nm=image 4004 udptl t38\r\na=T38FaxVersion:0\r\n`;
        const invite = world.calls('sip:bob@10.0.0.1', { body: rich, ...SDP });
        const atBob = await world.bob.receives('INVITE');
        assert.equal(atBob.body, rich);
        world.bob.replies(atBob, 200, { body: ANSWER, ...SDP });
        const ok = await world.final(invite);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        let cseq = 1;
        for (const method of ['INFO', 'MESSAGE', 'NOTIFY']) {
          cseq++;
          world.alice.sends(inDialog(world, method, ok, { cseq, body: 'hello', contentType: 'text/plain' }));
          const passed = await world.bob.receives(method);
          assert.equal(passed.body, 'hello');
          world.bob.replies(passed, 200);
          await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === method);
        }
        await bye(world, ok, cseq + 1);
      },
      {},
      SCRIPT,
    );
  });
});
