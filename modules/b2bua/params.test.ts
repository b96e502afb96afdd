import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ANSWER,
  fromBob,
  fromCallee,
  inDialog,
  OFFER,
  SCRIPT,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import type { B2buaApi } from './api.ts';
import { withReasons } from './reason-header.ts';

const SDP = 'application/sdp';
const isAck = (msg: TestMsg): boolean => msg.status === 200 && msg.cseqMethod === 'BYE';

const param = (name: string, value: string | number) => ({
  params: `modparam("b2bua", "${name}", ${typeof value === 'number' ? value : `"${value}"`})`,
});

async function aliceHangsUp(world: SipWorld, ok: TestMsg, cseq = 9): Promise<TestMsg> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives(isAck);
  const bye = await world.bob.receives('BYE');
  world.bob.replies(bye, 200);
  return bye;
}

test('advertise: Contact of both sides', async () => {
  await withB2b(
    async (world) => {
      const { atBob, ok } = await talking(world);
      assert.equal(atBob.get('Contact'), '<sip:pbx@gw.example.org:5070>');
      assert.equal(ok.get('Contact'), '<sip:pbx@gw.example.org:5070>');
      await aliceHangsUp(world, ok);
    },
    { params: `${param('advertise', 'gw.example.org:5070').params}\n${param('contact_user', 'pbx').params}` },
  );
  for (const wrong of ['a b', 'sip:host', 'host:port', '<x>'])
    await assert.rejects(
      withB2b(async () => {}, param('advertise', wrong)),
      /host or host:port/,
      wrong,
    );
});

describe('tag_mode', () => {
  test("keep: the callee sees the caller's tag; the legs of a fork with one Call-ID have tags of their own", async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP });
        const atBob = await world.bob.receives('INVITE');
        const atCarol = await world.carol.receives('INVITE');
        assert.equal(atBob.get('Call-ID'), atCarol.get('Call-ID'));
        assert.equal(atBob.param('From', 'tag'), 'alice-tag');
        assert.notEqual(atCarol.param('From', 'tag'), 'alice-tag');
        world.carol.replies(atCarol, 200, { body: ANSWER, contentType: SDP });
        world.bob.replies(atBob, 180);
        world.bob.replies(await world.bob.receives('CANCEL'), 200);
        world.bob.replies(atBob, 487);
        const ok = await world.final(invite);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        await world.carol.receives('ACK');
        world.carol.sends(fromCallee(world.carol, 'BYE', atCarol, { cseq: 1 }));
        await world.carol.receives(isAck);
        world.alice.replies(await world.alice.receives('BYE'), 200);
      },
      { params: `${param('tag_mode', 'keep').params}\n${param('callid_mode', 'keep').params}` },
      'request_route { b2b_dial("sip:bob@10.0.2.1&sip:carol@10.0.2.2", 20); exit; }',
    );
  });

  test('keep: with hidden topology the tag is another', async () => {
    await withB2b(
      async (world) => {
        const { atBob, ok } = await talking(world);
        assert.notEqual(atBob.param('From', 'tag'), 'alice-tag');
        await aliceHangsUp(world, ok);
      },
      { params: `${param('tag_mode', 'keep').params}\n${param('topology_hiding', 1).params}` },
    );
  });
});

describe('allow_update', () => {
  test('0: UPDATE is refused and in no Allow; sessions are refreshed with re-INVITE', async () => {
    await withB2b(
      async (world) => {
        const allow = { Allow: 'INVITE, UPDATE, ACK, BYE' };
        const invite = world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP, headers: allow });
        const atBob = await world.bob.receives('INVITE');
        assert.equal(atBob.get('Allow'), 'INVITE, ACK, BYE');
        world.bob.replies(atBob, 200, {
          body: ANSWER,
          contentType: SDP,
          headers: { ...allow, 'Session-Expires': '90;refresher=uac' },
        });
        const ok = await world.final(invite);
        assert.equal(ok.get('Allow'), 'INVITE, ACK, BYE');
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        await world.bob.receives('ACK');
        world.alice.sends(inDialog(world, 'UPDATE', ok, { cseq: 2 }));
        const refused = await world.alice.receives(501);
        assert.doesNotMatch(refused.get('Allow'), /UPDATE/);
        await world.passes(44_000);
        const refresh = await world.bob.receives('INVITE');
        world.bob.replies(refresh, 200, {
          body: ANSWER,
          contentType: SDP,
          headers: { 'Session-Expires': '90;refresher=uac' },
        });
        await world.bob.receives('ACK');
        await aliceHangsUp(world, ok);
      },
      {
        params: `${param('allow_update', 0).params}\n${param('default_timer', 'b').params}\n${param('session_expires', 90).params}`,
      },
    );
  });
});

describe('progress_timeout', () => {
  const routes = 'request_route { b2b_dial("sip:bob@10.0.2.1,sip:carol@10.0.2.2", 60); exit; }';
  test('who says nothing is given up, the next is called; who rings may ring on', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP });
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 100);
        const atCarol = await world.carol.receives('INVITE', 6000);
        assert.ok(world.clock.now() >= 5000);
        world.bob.replies(await world.bob.receives('CANCEL'), 200);
        world.bob.replies(atBob, 487);
        world.carol.replies(atCarol, 180);
        await world.alice.receives(180);
        await world.passes(20_000);
        world.carol.replies(atCarol, 486);
        await world.final(invite).then(({ status }) => assert.ok(status >= 400));
      },
      param('progress_timeout', 5),
      routes.replace('exit;', 'b2b_reject(480); exit;'),
    );
  });
});

test('dialog_linger: how long an ended call answers what comes late', async () => {
  await withB2b(
    async (world) => {
      const { ok, atBob } = await talking(world);
      await aliceHangsUp(world, ok);
      world.bob.sends(fromBob(world, 'INFO', atBob, { cseq: 7 }));
      await world.bob.receives(481);
      const b2bua = world.sim.api<B2buaApi>('b2bua');
      await world.passes(4000);
      assert.equal(b2bua.legCount, 2);
      await world.passes(2000);
      assert.equal(b2bua.legCount, 0);
    },
    param('dialog_linger', 5),
  );
});

describe('glare_retry', () => {
  const routes = `${SCRIPT}
    event_route[b2bua:request] { if (is_method("MESSAGE")) { if (b2b_hold("a")) b2b_reply(200); else b2b_reply(500); drop; } }`;
  for (const [retries, tries] of [
    [0, 1],
    [2, 3],
  ] as const)
    test(`${retries}: a re-INVITE that gets 491 is sent ${tries} times`, async () => {
      await withB2b(
        async (world) => {
          const sides = await talking(world);
          world.bob.sends(fromBob(world, 'MESSAGE', sides.atBob, { cseq: 2, body: 'go', contentType: 'text/plain' }));
          for (let i = 0; i < tries; i++) {
            world.alice.replies(await world.alice.receives('INVITE', 5000), 491);
            await world.alice.receives('ACK');
          }
          await world.bob.receives(500);
          await world.alice.receivesNothing(5000, 'INVITE');
          await aliceHangsUp(world, sides.ok);
        },
        param('glare_retry', retries),
        routes,
      );
    });
});

describe('max_duration', () => {
  test('counts from the answer', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        await world.passes(59_000);
        assert.equal(world.alice.count('BYE') + world.bob.count('BYE'), 0);
        await world.passes(1000);
        assert.match((await world.alice.receives('BYE')).get('Reason'), /Maximum duration/);
        world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 3 }));
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
      param('max_duration', 60),
    );
  });

  test('b2b_max_duration comes first', async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        await world.passes(70_000);
        assert.equal(world.bob.count('BYE'), 0);
        await aliceHangsUp(world, ok);
      },
      param('max_duration', 60),
      'request_route { b2b_max_duration(100); $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }',
    );
  });
});

describe('reason_header', () => {
  const Q850: readonly (readonly [string, string])[] = [
    ['', 'Reason: Q.850;cause=16\r\n'],
    ['Reason: SIP;cause=486;text="x"\r\n', 'Reason: SIP;cause=486;text="x"\r\nReason: Q.850;cause=17\r\n'],
    ['Reason: SIP;cause=499\r\n', 'Reason: SIP;cause=499\r\nReason: Q.850;cause=127\r\n'],
    ['Reason: SIP;cause=580\r\n', 'Reason: SIP;cause=580\r\nReason: Q.850;cause=41\r\n'],
    ['reason : Q.850;cause=31\r\n', 'reason : Q.850;cause=31\r\n'],
    ['X: y\r\nReason: preemption;cause=1\r\n', 'X: y\r\nReason: preemption;cause=1\r\nReason: Q.850;cause=16\r\n'],
  ];
  for (const [rows, expected] of Q850)
    test(`q850: ${JSON.stringify(rows)}`, () => assert.equal(withReasons(rows, 'q850'), expected));

  test('off: none in BYE, of whoever', async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2, headers: { Reason: 'SIP;cause=200' } }));
        await world.alice.receives(isAck);
        const bye = await world.bob.receives('BYE');
        world.bob.replies(bye, 200);
        assert.equal(bye.get('Reason'), '');
      },
      param('reason_header', 'off'),
    );
  });

  test('q850: in CANCEL', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1');
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(180);
        world.alice.sends(world.cancelOf(invite, 'Reason: SIP;cause=487\r\n'));
        const cancel = await world.bob.receives('CANCEL');
        assert.match(cancel.text, /Reason: SIP;cause=487\r\nReason: Q\.850;cause=16\r\n/);
        world.bob.replies(cancel, 200);
        world.bob.replies(atBob, 487);
        await world.final(invite);
      },
      param('reason_header', 'q850'),
    );
  });
});

/** bob sends an INVITE that he got back to the server, as a proxy does, for `uri`. */
function sendsBack(world: SipWorld, got: TestMsg, uri: string): void {
  const via = `Via: SIP/2.0/UDP 10.0.2.1:5060;branch=z9hG4bK${uri.length}-${got.get('CSeq').length}-back\r\n`;
  world.bob.sends(got.text.replace(/^INVITE \S+/, `INVITE ${uri}`).replace(/\r\n/, `\r\n${via}`));
}

describe('loop_detect', () => {
  test('our INVITE comes back for the same: 482, which the caller gets', async () => {
    await withB2b(async (world) => {
      const invite = world.calls('sip:x@10.0.0.1');
      const atBob = await world.bob.receives('INVITE');
      sendsBack(world, atBob, 'sip:x@10.0.0.1');
      const looped = await world.bob.receives(482);
      world.bob.sends(
        atBob.text
          .replace(/^INVITE \S+/, 'ACK sip:x@10.0.0.1')
          .replace(/\r\n/, `\r\nVia: ${/^[^,]*/.exec(looped.get('Via'))?.[0]}\r\n`)
          .replace(/ INVITE\r\n/, ' ACK\r\n')
          .replace(/\r\nTo: [^\r]*/, `\r\nTo: ${looped.get('To')}`),
      );
      world.bob.replies(atBob, 482);
      assert.equal((await world.final(invite)).status, 482);
    });
  });

  for (const [what, uri, options, routes] of [
    ['for somebody else', 'sip:y@10.0.0.1', {}, ''],
    ['where nobody looks', 'sip:x@10.0.0.1', param('loop_detect', 0), ''],
  ] as const)
    test(`${what} it is another call`, async () => {
      await withB2b(
        async (world) => {
          const invite = world.calls('sip:x@10.0.0.1');
          const atBob = await world.bob.receives('INVITE');
          sendsBack(world, atBob, uri);
          const atCarol = await world.carol.receives('INVITE');
          assert.equal(atCarol.get('Max-Forwards'), String(Number(atBob.get('Max-Forwards')) - 1));
          world.carol.replies(atCarol, 486);
          const back = await world.bob.receives(486);
          world.bob.sends(
            atBob.text
              .replace(/^INVITE \S+/, `ACK ${uri}`)
              .replace(/\r\n/, `\r\nVia: ${/^[^,]*/.exec(back.get('Via'))?.[0]}\r\n`)
              .replace(/ INVITE\r\n/, ' ACK\r\n')
              .replace(/\r\nTo: [^\r]*/, `\r\nTo: ${back.get('To')}`),
          );
          world.bob.replies(atBob, 486);
          assert.equal((await world.final(invite)).status, 486);
        },
        options,
        `${routes}request_route { if ($si == "10.0.2.1") $ru = "sip:carol@10.0.2.2"; else $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }`,
      );
    });

  for (const [isOn, status] of [
    [1, 482],
    [0, 483],
  ] as const)
    test(`a transfer to where this server calls itself for ever: ${status}, and the call goes on`, async () => {
      const routes = `request_route { if ($rU != "loop") $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }`;
      await withB2b(
        async (world) => {
          const sides = await talking(world);
          const headers = { 'Refer-To': '<sip:loop@10.0.0.1>' };
          world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers }));
          await world.bob.receives(202);
          for (let line = ''; !line.includes(String(status)); ) {
            const notify = await world.bob.receives('NOTIFY', 5000);
            world.bob.replies(notify, 200);
            line = notify.body;
            assert.match(line, new RegExp(`SIP/2\\.0 (?:100|${status}) `));
          }
          await aliceHangsUp(world, sides.ok);
        },
        param('loop_detect', isOn),
        routes,
      );
    });

  test('Max-Forwards 0: 483 to who wants to be called on, no matter to a server that answers itself (RFC 7332)', async () => {
    const routes = `request_route { if ($rU == "echo") { b2b_answer(200, "v=0"); exit; } $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }`;
    await withB2b(
      async (world) => {
        const zero = { headers: { 'Max-Forwards': '0' } };
        const called = await world.final(world.calls('sip:x@10.0.0.1', { ...zero, callId: 'one' }));
        assert.equal(called.status, 483);
        assert.equal(world.bob.count('INVITE'), 0);
        const ok = await world.final(world.calls('sip:echo@10.0.0.1', { ...zero, callId: 'two' }));
        assert.equal(ok.status, 200);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        await world.alice.receives(isAck);
      },
      {},
      routes,
    );
  });
});

for (const code of [501, 405])
  test(`unknown_method: ${code}, with what is allowed`, async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        world.alice.sends(inDialog(world, 'PING', ok, { cseq: 2 }));
        const refused = await world.alice.receives(code);
        assert.match(refused.get('Allow'), /^INVITE, ACK, CANCEL, BYE, INFO,/);
        await aliceHangsUp(world, ok);
      },
      param('unknown_method', code),
    );
  });
