import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';

describe('b2b_call: a transparent call', () => {
  test('the legs have Call-IDs, tags, CSeqs and Contacts of their own; bodies pass; ACK follows ACK', async () => {
    await withB2b(async (world) => {
      const { invite, atBob, ok } = await talking(world);
      const sent = /Call-ID: (.*)\r/.exec(invite)?.[1];
      assert.notEqual(atBob.get('Call-ID'), sent);
      assert.equal(ok.get('Call-ID'), sent);
      assert.notEqual(atBob.param('From', 'tag'), 'alice-tag');
      assert.notEqual(ok.param('To', 'tag'), 'bob-tag');
      assert.match(atBob.get('Contact') ?? '', /10\.0\.0\.1/);
      assert.match(ok.get('Contact') ?? '', /10\.0\.0\.1/);
      assert.equal(atBob.body, OFFER);
      assert.equal(ok.body, ANSWER);
      assert.ok(!atBob.has('Record-Route'));
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      await world.alice.receives(200);
      world.bob.replies(await world.bob.receives('BYE'), 200);
    });
  });

  test('the callee hangs up: 200 at once, BYE to the caller', async () => {
    await withB2b(async (world) => {
      const { atBob } = await talking(world);
      world.bob.sends(fromBob(world, 'BYE', atBob, { cseq: 5 }));
      await world.bob.receives(200);
      const bye = await world.alice.receives('BYE');
      assert.equal(bye.param('To', 'tag'), 'alice-tag');
      world.alice.replies(bye, 200);
    });
  });

  test('the caller cancels: 487 to it, CANCEL to the callee', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1');
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180);
      await world.alice.receives(180);
      world.alice.sends(world.cancelOf(invite));
      await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'CANCEL');
      assert.equal((await world.final(invite)).status, 487);
      world.bob.replies(await world.bob.receives('CANCEL'), 200);
      world.bob.replies(atBob, 487);
      await world.bob.receives('ACK');
    });
  });

  test('a refusal reaches the caller', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1');
      world.bob.replies(await world.bob.receives('INVITE'), 486);
      assert.equal((await world.final(invite)).status, 486);
      await world.bob.receives('ACK');
    });
  });

  test('nobody answers: 408', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:bob@10.0.0.1');
      assert.equal((await world.final(invite)).status, 408);
    });
  });
});

describe('b2b_call: in the call', () => {
  test('re-INVITE: hold passes, its answer and ACK, too', async () => {
    await withB2b(async (world) => {
      const { ok } = await talking(world);
      const hold = OFFER.replace('1 1 IN', '1 2 IN') + 'a=sendonly\r\n';
      world.alice.sends(inDialog(world, 'INVITE', ok, { cseq: 2, body: hold, contentType: 'application/sdp' }));
      const again = await world.bob.receives('INVITE');
      assert.equal(again.body, hold);
      world.bob.replies(again, 200, { body: ANSWER, contentType: 'application/sdp' });
      assert.equal((await world.alice.receives(200)).body, ANSWER);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 2 }));
      await world.bob.receives('ACK');
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 3 }));
      await world.alice.receives(200);
      world.bob.replies(await world.bob.receives('BYE'), 200);
    });
  });

  test('INFO and MESSAGE pass both ways; a method nobody knows gets 501; an old CSeq 500; Require 420', async () => {
    await withB2b(async (world) => {
      const { ok, atBob } = await talking(world);
      world.alice.sends(
        inDialog(world, 'INFO', ok, { cseq: 2, body: 'Signal=5', contentType: 'application/dtmf-relay' }),
      );
      const info = await world.bob.receives('INFO');
      assert.equal(info.body, 'Signal=5');
      world.bob.replies(info, 200);
      assert.equal((await world.alice.receives(200)).cseqMethod, 'INFO');
      world.bob.sends(fromBob(world, 'MESSAGE', atBob, { cseq: 2, body: 'hi', contentType: 'text/plain' }));
      world.alice.replies(await world.alice.receives('MESSAGE'), 202);
      await world.bob.receives(202);
      world.alice.sends(inDialog(world, 'FROBNICATE', ok, { cseq: 3 }));
      await world.alice.receives(501);
      world.alice.sends(inDialog(world, 'INFO', ok, { cseq: 2 }));
      await world.alice.receives(500);
      world.alice.sends(inDialog(world, 'INFO', ok, { cseq: 5, headers: { Require: 'foo' } }));
      assert.equal((await world.alice.receives(420)).get('Unsupported'), 'foo');
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 6 }));
      await world.alice.receives(200);
      world.bob.replies(await world.bob.receives('BYE'), 200);
    });
  });
});

test('forking: the first answer wins, the others are cancelled with a Reason; a second 200 is hung up', async () => {
  const routes = 'request_route { $ru = "sip:bob@10.0.2.1"; append_branch("sip:carol@10.0.2.2"); b2b_call(); exit; }';
  await withB2b(
    async (world) => {
      world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: 'application/sdp' });
      const atBob = await world.bob.receives('INVITE');
      const atCarol = await world.carol.receives('INVITE');
      world.bob.replies(atBob, 180);
      world.carol.replies(atCarol, 180);
      await world.alice.receives(180);
      world.carol.replies(atCarol, 200, { body: ANSWER, contentType: 'application/sdp' });
      const ok = await world.alice.receives(200);
      const cancel = await world.bob.receives('CANCEL');
      assert.match(cancel.get('Reason') ?? '', /Call completed elsewhere/);
      world.bob.replies(cancel, 200);
      world.bob.replies(atBob, 200, { body: ANSWER, contentType: 'application/sdp' });
      await world.bob.receives('ACK');
      world.bob.replies(await world.bob.receives('BYE'), 200);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
      await world.carol.receives('ACK');
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      await world.alice.receives(200);
      world.carol.replies(await world.carol.receives('BYE'), 200);
    },
    {},
    routes,
  );
});

describe('commands and event routes', () => {
  const DIAL = `
    request_route { if (b2b_dial("sip:bob@10.0.2.1&sip:carol@10.0.2.2,sip:dave@10.0.2.3", 20)) { exit; }
      $var(rc) = $rc; b2b_reject(480, "code $var(rc)"); exit; }`;

  test('A33: b2b_dial: a group that does not answer in time is cancelled, then the next one is called', async () => {
    await withB2b(
      async (world) => {
        world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: 'application/sdp' });
        const atBob = await world.bob.receives('INVITE');
        const atCarol = await world.carol.receives('INVITE');
        world.bob.replies(atBob, 180);
        world.carol.replies(atCarol, 486);
        world.bob.replies(await world.bob.receives('CANCEL', 30_000), 200);
        world.bob.replies(atBob, 487);
        const atDave = await world.dave.receives('INVITE');
        world.dave.replies(atDave, 200, { body: ANSWER, contentType: 'application/sdp' });
        const ok = await world.alice.receives(200);
        assert.equal(ok.body, ANSWER);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        await world.dave.receives('ACK');
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        await world.alice.receives(200);
        world.dave.replies(await world.dave.receives('BYE'), 200);
      },
      {},
      DIAL,
    );
  });

  test('A33: b2b_dial: all are busy: -1 to the script, which refuses the caller in its own words', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1');
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        world.carol.replies(await world.carol.receives('INVITE'), 486);
        world.dave.replies(await world.dave.receives('INVITE'), 486);
        assert.equal((await world.final(invite)).startLine, 'SIP/2.0 480 code -1');
      },
      {},
      DIAL,
    );
  });

  test('A33: b2b_dial: the caller cancels while it rings', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1');
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        world.carol.replies(await world.carol.receives('INVITE'), 486);
        await world.alice.receives(180);
        world.alice.sends(world.cancelOf(invite));
        assert.equal((await world.final(invite)).status, 487);
        world.bob.replies(await world.bob.receives('CANCEL'), 200);
        world.bob.replies(atBob, 487);
        await world.dave.receivesNothing(10_000);
      },
      {},
      DIAL,
    );
  });

  test('event routes: new, predial, progress, answered, confirmed, request, end; what they drop and edit', async () => {
    const routes = `
      request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
      event_route[b2bua:new] { if ($tU == "refused") drop; $b2b_ctx(who) = $fU; }
      event_route[b2bua:predial] { append_hf("X-For: $rU of $b2b_ctx(who)\\r\\n"); $rU = "robert"; }
      event_route[b2bua:progress] { if ($rs == 183) drop; }
      event_route[b2bua:request] { if ($rm == "INFO") { b2b_hangup("SIP;cause=200"); drop; } }
      event_route[b2bua:end] { xlog("L_ERR", "ended $b2b(cause) $b2b(state) $leg(a=>state) $leg(b=>state)\\n"); }`;
    await withB2b(
      async (world) => {
        assert.equal((await world.final(world.calls('sip:refused@10.0.0.1', { callId: 'first' }))).status, 403);
        world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: 'application/sdp' });
        const atBob = await world.bob.receives('INVITE');
        assert.match(atBob.startLine, /^INVITE sip:robert@10\.0\.2\.1 /);
        assert.equal(atBob.get('X-For'), 'bob of alice');
        world.bob.replies(atBob, 183);
        world.bob.replies(atBob, 180);
        assert.equal((await world.alice.receives((msg) => msg.status > 100)).status, 180);
        world.bob.replies(atBob, 200, { body: ANSWER, contentType: 'application/sdp' });
        const ok = await world.alice.receives(200);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        await world.bob.receives('ACK');
        world.alice.sends(inDialog(world, 'INFO', ok, { cseq: 2 }));
        world.bob.replies(await world.bob.receives('BYE'), 200);
        const bye = await world.alice.receives('BYE');
        assert.equal(bye.get('Reason'), 'SIP;cause=200');
        world.alice.replies(bye, 200);
        await world.passes(10);
        assert.ok(world.sim.log.lines.some((line) => line.includes('ended SIP;cause=200 ended ended ended')));
      },
      {},
      routes,
    );
  });
});
