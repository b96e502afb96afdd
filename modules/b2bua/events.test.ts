import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ANSWER,
  fromBob,
  inDialog,
  OFFER,
  SCRIPT,
  type Sides,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import { challengeOf, digestAnswer } from '../../test/support/digest-client.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = 'application/sdp';
const DAVES = OFFER.replaceAll('10.0.1.1', '10.0.2.3').replace('o=a', 'o=d');

function told(world: SipWorld, word: string): string[] {
  return world.sim.log.lines.filter((line) => line.includes(word)).map((line) => line.slice(line.indexOf(word)).trim());
}

async function aliceHangsUp(world: SipWorld, ok: TestMsg, cseq = 9): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

describe('event_route[b2bua:leg-new]', () => {
  test('of the caller before new, of each callee before predial, of who a call is transferred to', async () => {
    const routes = `request_route { b2b_dial("sip:bob@10.0.2.1&sip:carol@10.0.2.2", 20); exit; }
      event_route[b2bua:leg-new] { xlog("LOG leg-new $b2b(dir) $rm $ru\\n"); }
      event_route[b2bua:new] { xlog("LOG new $b2b(dir)\\n"); }
      event_route[b2bua:predial] { xlog("LOG predial $ru\\n"); if ($rd == "10.0.2.2") drop; }`;
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        world.bob.sends(
          fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers: { 'Refer-To': '<sip:dave@10.0.2.3>' } }),
        );
        world.dave.replies(await world.dave.receives('INVITE'), 486);
        await world.passes(10);
        assert.deepEqual(told(world, 'LOG'), [
          'LOG leg-new in INVITE sip:bob@10.0.0.1',
          'LOG new in',
          'LOG leg-new out INVITE sip:bob@10.0.2.1',
          'LOG predial sip:bob@10.0.2.1',
          'LOG leg-new out INVITE sip:carol@10.0.2.2',
          'LOG predial sip:carol@10.0.2.2',
          'LOG leg-new out INVITE sip:bob@10.0.0.1',
        ]);
        await aliceHangsUp(world, sides.ok);
      },
      {},
      routes,
    );
  });

  test('drop refuses the caller, also of b2b_dial, and leaves a callee out, also of a transfer', async () => {
    const routes = `request_route { if (!b2b_dial("sip:bob@10.0.2.1", 20)) { $var(rc) = $rc; b2b_reject(480, "rc=$var(rc)"); } exit; }
      event_route[b2bua:leg-new] {
        if ($b2b(dir) == "in" && $tU == "nobody") drop;
        if ($b2b(dir) == "out" && ($tU == "outcast" || $b2b(state) == "confirmed")) drop;
      }`;
    await withB2b(
      async (world) => {
        const refused = await world.final(world.calls('sip:nobody@10.0.0.1', { callId: 'first' }));
        assert.equal(refused.status, 403);
        const left = await world.final(world.calls('sip:outcast@10.0.0.1', { callId: 'second' }));
        assert.match(left.startLine, /480 rc=-5/);
        assert.equal(world.bob.count('INVITE'), 0);
        const sides = await talking(world);
        world.bob.sends(
          fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers: { 'Refer-To': '<sip:dave@10.0.2.3>' } }),
        );
        const notified = await world.bob.receives((msg) => msg.method === 'NOTIFY' && msg.body.includes('403'));
        assert.match(notified.body, /^SIP\/2\.0 403/);
        assert.equal(world.dave.count('INVITE'), 0);
        await aliceHangsUp(world, sides.ok);
      },
      {},
      routes,
    );
  });
});

test('event_route[b2bua:new] that waits: b2b_dial and b2b_call wait for it, and its drop counts', async () => {
  for (const verb of ['b2b_dial("sip:bob@10.0.2.1", 20); b2b_reject(480);', 'b2b_call("sip:bob@10.0.2.1");'])
    await withB2b(
      async (world) => {
        const first = world.calls('sip:x@10.0.0.1', { callId: 'first' });
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(180);
        assert.equal((await world.final(world.calls('sip:x@10.0.0.1', { callId: 'second' }))).status, 403);
        assert.equal(world.bob.count('INVITE'), 1, 'of the first');
        world.bob.replies(atBob, 486);
        assert.ok((await world.final(first)).status >= 480);
      },
      {},
      `request_route { ${verb} exit; } event_route[b2bua:new] { if (!b2b_limit("one", 1)) drop; }`,
    );
});

describe('event_route[b2bua:answered] and event_route[b2bua:reply]', () => {
  test('an answer that is dropped is hung up; the next is called', async () => {
    const routes = `request_route { b2b_dial("sip:bob@10.0.2.1,sip:carol@10.0.2.2", 20); exit; }
      event_route[b2bua:answered] { if ($si == "10.0.2.1") drop; }`;
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:x@10.0.0.1', { body: OFFER, contentType: SDP });
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        await world.bob.receives('ACK');
        world.bob.replies(await world.bob.receives('BYE'), 200);
        world.carol.replies(await world.carol.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        const ok = await world.final(invite);
        assert.equal(ok.status, 200);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        world.carol.replies(await world.carol.receives('BYE'), 200);
      },
      {},
      routes,
    );
  });

  test('replies to INFO and re-INVITE are seen, 2xx and refusals; what the script adds goes along', async () => {
    const routes = `${SCRIPT}
      event_route[b2bua:reply] { xlog("REPLY $rs $rm $b2b(dir)\\n"); append_hf("X-Seen: $rs\\r\\n"); }`;
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        world.alice.sends(inDialog(world, 'INFO', sides.ok, { cseq: 2 }));
        world.bob.replies(await world.bob.receives('INFO'), 415);
        assert.equal((await world.alice.receives(415)).get('X-Seen'), '415');
        const again = inDialog(world, 'INVITE', sides.ok, { cseq: 3, body: OFFER, contentType: SDP });
        world.alice.sends(again);
        world.bob.replies(await world.bob.receives('INVITE'), 488);
        const refused = await world.final(again);
        assert.deepEqual([refused.status, refused.get('X-Seen')], [488, '488']);
        world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 4, body: OFFER, contentType: SDP }));
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        assert.equal((await world.alice.receives(200)).get('X-Seen'), '200');
        world.alice.sends(inDialog(world, 'ACK', sides.ok, { cseq: 4 }));
        await world.bob.receives('ACK');
        assert.deepEqual(told(world, 'REPLY'), ['REPLY 415 INFO out', 'REPLY 488 INVITE out', 'REPLY 200 INVITE out']);
        await aliceHangsUp(world, sides.ok);
      },
      {},
      routes,
    );
  });
});

/** dave asks for bob's place. */
function daveReplaces(world: SipWorld, { atBob }: Sides, callId: string, headers: Record<string, string> = {}): string {
  const replaces = `${atBob.get('Call-ID')};to-tag=${atBob.param('From', 'tag') ?? ''};from-tag=bob-tag`;
  const invite = world.dave.request('INVITE', 'sip:x@10.0.0.1', {
    callId,
    headers: { Replaces: replaces, ...headers },
    body: DAVES,
    contentType: SDP,
  });
  world.dave.sends(invite);
  return invite;
}

async function daveIsRefused(world: SipWorld, invite: string): Promise<TestMsg> {
  const reply = await world.dave.receives((msg) => msg.status >= 200);
  world.dave.sends(world.ackOf(invite, reply));
  await world.alice.receivesNothing(200, 'INVITE');
  return reply;
}

/** dave is in bob's place; then he hangs up. */
async function daveIsIn(world: SipWorld, callId: string): Promise<void> {
  world.alice.replies(await world.alice.receives('INVITE'), 200, { body: OFFER, contentType: SDP });
  const ok = await world.dave.receives(200);
  const dialog = { callId, to: '<sip:x@10.0.0.1>', toTag: ok.param('To', 'tag') ?? '' };
  const contact = /<([^>]*)>/.exec(ok.get('Contact'))?.[1] ?? '';
  world.dave.sends(world.dave.request('ACK', contact, { ...dialog, cseq: 1 }));
  await world.alice.receives('ACK');
  world.bob.replies(await world.bob.receives('BYE'), 200);
  world.dave.sends(world.dave.request('BYE', contact, { ...dialog, cseq: 2 }));
  await world.dave.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  world.alice.replies(await world.alice.receives('BYE'), 200);
}

describe('A19: who may take the place of another (RFC 3891 §8)', () => {
  const ALLOWED: readonly (readonly [string, string, string])[] = [
    ['the script allows it', 'request_route { if (!b2b_replaces()) b2b_call("sip:bob@10.0.2.1"); exit; }', ''],
    [
      'its event route allows it',
      `${SCRIPT} event_route[b2bua:replaces] { if ($refer(replaces) =~ "bob-tag") b2b_replaces(); }`,
      '',
    ],
    [
      'it comes from a peer',
      SCRIPT,
      'modparam("b2bua", "peer", "name=desk;uri=sip:dave@10.0.2.3")\nmodparam("b2bua", "qualify_interval", 0)',
    ],
    ['anybody may', SCRIPT, 'modparam("b2bua", "replaces_auth", 0)'],
  ];
  for (const [what, routes, params] of ALLOWED)
    test(`A19: ${what}`, () =>
      withB2b(
        async (world) => {
          const sides = await talking(world);
          daveReplaces(world, sides, 'daves');
          await daveIsIn(world, 'daves');
        },
        { params },
        routes,
      ));

  test('A19: credentials that were verified: 401 without, in the call with them', () => {
    const routes = `request_route {
      if ($si == "10.0.2.3" && !pv_www_authenticate("here", "secret", "0")) { www_challenge("here", "0"); exit; }
      $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }`;
    return withB2b(
      async (world) => {
        const sides = await talking(world);
        const challenged = await daveIsRefused(world, daveReplaces(world, sides, 'without'));
        assert.equal(challenged.status, 401);
        const answer = { user: 'dave', password: 'secret', method: 'INVITE', uri: 'sip:x@10.0.0.1' };
        daveReplaces(world, sides, 'with', { Authorization: digestAnswer(challengeOf(challenged), answer) });
        await daveIsIn(world, 'with');
      },
      { params: 'loadmodule "auth.so"' },
      routes,
    );
  });

  const REFUSED: readonly (readonly [string, string, number])[] = [
    ['nobody says so', SCRIPT, 403],
    ['the event route drops it', `${SCRIPT} event_route[b2bua:replaces] { b2b_replaces(); drop; }`, 403],
    ['leg-new drops it', `${SCRIPT} event_route[b2bua:leg-new] { if ($si == "10.0.2.3") drop; }`, 403],
    [
      'the event route refuses it in its own words',
      `${SCRIPT} event_route[b2bua:replaces] { b2b_reject(603, "No"); }`,
      603,
    ],
  ];
  for (const [what, routes, code] of REFUSED)
    test(`A19: ${what}: ${code}, and the call goes on`, () =>
      withB2b(
        async (world) => {
          const sides = await talking(world);
          assert.equal((await daveIsRefused(world, daveReplaces(world, sides, 'daves'))).status, code);
          world.alice.sends(inDialog(world, 'INFO', sides.ok, { cseq: 2 }));
          world.bob.replies(await world.bob.receives('INFO'), 200);
          await world.alice.receives(200);
          await aliceHangsUp(world, sides.ok);
        },
        {},
        routes,
      ));

  test('A19: who has hung up meanwhile can not be replaced: 603', () =>
    withB2b(
      async (world) => {
        const sides = await talking(world);
        await aliceHangsUp(world, sides.ok);
        const invite = daveReplaces(world, sides, 'daves');
        const reply = await world.dave.receives((msg) => msg.status >= 200);
        world.dave.sends(world.ackOf(invite, reply));
        assert.equal(reply.status, 603);
      },
      { params: 'modparam("b2bua", "replaces_auth", 0)' },
    ));
});
