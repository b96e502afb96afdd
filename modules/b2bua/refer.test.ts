import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, type Sides, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import { parseReplaces } from './replaces.ts';

const SDP = 'application/sdp';
const CAROLS = ANSWER.replaceAll('10.0.2.1', '10.0.2.2').replace('7 7', '9 9');

/** A description without its o= line, which is the dialog's own (RFC 3264 §8). */
const media = (sdp: string): string => sdp.replace(/^o=.*\r\n/m, '');

/** The next NOTIFY of a transfer's progress, answered; its status line. */
async function notified(peer: SipPeer): Promise<string> {
  const notify = await peer.receives('NOTIFY');
  assert.match(notify.get('Event'), /^refer/);
  assert.match(notify.get('Content-Type'), /^message\/sipfrag/);
  peer.replies(notify, 200);
  return notify.body.trim();
}

async function bothHangUp(first: SipPeer, ok: TestMsg | string, second: SipPeer): Promise<void> {
  if (typeof ok === 'string') first.sends(ok);
  await first.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  second.replies(await second.receives('BYE'), 200);
}

/** bob, who was called, transfers alice to carol, who answers. */
async function transferred(world: SipWorld, sides: Sides): Promise<TestMsg> {
  const refer = { cseq: 2, headers: { 'Refer-To': '<sip:carol@10.0.2.2>', 'Referred-By': '<sip:bob@10.0.2.1>' } };
  world.bob.sends(fromBob(world, 'REFER', sides.atBob, refer));
  await world.bob.receives(202);
  assert.equal(await notified(world.bob), 'SIP/2.0 100 Trying');
  const atCarol = await world.carol.receives('INVITE');
  assert.equal(atCarol.get('Referred-By'), '<sip:bob@10.0.2.1>');
  assert.equal(media(atCarol.body), media(OFFER));
  return atCarol;
}

/** What follows carol's answer: alice gets it as an offer, carol alice's answer where it is another one. */
async function carolAnswers(world: SipWorld, atCarol: TestMsg): Promise<void> {
  world.carol.replies(atCarol, 200, { body: CAROLS, contentType: SDP });
  await world.carol.receives('ACK');
  const again = await world.alice.receives('INVITE');
  assert.equal(media(again.body), media(CAROLS));
  world.alice.replies(again, 200, { body: OFFER, contentType: SDP });
  await world.alice.receives('ACK');
}

describe('A40: REFER: a blind transfer', () => {
  test('the transferee is joined with the target, the transferor is told and hung up', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      await carolAnswers(world, await transferred(world, sides));
      assert.equal(await notified(world.bob), 'SIP/2.0 200 OK');
      world.bob.replies(await world.bob.receives('BYE'), 200);
      await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.carol);
    });
  });

  test('the transferor hangs up at once: the call goes on', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      const atCarol = await transferred(world, sides);
      world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 3 }));
      await world.bob.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
      await world.alice.receivesNothing(200, 'BYE');
      await carolAnswers(world, atCarol);
      await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.carol);
    });
  });

  test('the target is busy: the transferor is told, and the call is as it was', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.carol.replies(await transferred(world, sides), 486);
      assert.equal(await notified(world.bob), 'SIP/2.0 486 Busy Here');
      world.alice.sends(inDialog(world, 'INFO', sides.ok, { cseq: 2 }));
      world.bob.replies(await world.bob.receives('INFO'), 200);
      await world.alice.receives(200);
      await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.bob);
    });
  });

  test('the transferor left, and the target is busy: nobody is left to talk to', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      const atCarol = await transferred(world, sides);
      world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 3 }));
      await world.bob.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
      world.carol.replies(atCarol, 486);
      world.alice.replies(await world.alice.receives('BYE'), 200);
    });
  });

  test('Refer-Sub: false: nobody is notified; a REFER without Refer-To is refused', async () => {
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 2 }));
      await world.bob.receives(400);
      const headers = { 'Refer-To': '<sip:carol@10.0.2.2>', 'Refer-Sub': 'false' };
      world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 3, headers }));
      assert.equal((await world.bob.receives(202)).get('Refer-Sub'), 'false');
      await carolAnswers(world, await world.carol.receives('INVITE'));
      world.bob.replies(await world.bob.receives('BYE'), 200);
      assert.equal(world.bob.count('NOTIFY'), 0);
      await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.carol);
    });
  });

  test('refer_mode: reject and pass', async () => {
    const mode = (name: string) => ({ params: `modparam("b2bua", "refer_mode", "${name}")` });
    const headers = { 'Refer-To': '<sip:carol@10.0.2.2>' };
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers }));
      await world.bob.receives(603);
      await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.bob);
    }, mode('reject'));
    await withB2b(async (world) => {
      const sides = await talking(world);
      world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers }));
      world.alice.replies(await world.alice.receives('REFER'), 202);
      await world.bob.receives(202);
      await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.bob);
    }, mode('pass'));
  });
});

test('A40: REFER with Replaces: an attended transfer joins the others of two calls', async () => {
  const routes = `request_route { $ru = "sip:bob@10.0.2.1"; if ($tU == "carol") { $ru = "sip:carol@10.0.2.2"; } b2b_call(); exit; }`;
  await withB2b(
    async (world) => {
      const sides = await talking(world);
      // bob calls carol over the same server.
      const consult = world.bob.request('INVITE', 'sip:carol@10.0.0.1', {
        callId: 'consultation',
        fromTag: 'bob-2',
        body: ANSWER,
        contentType: SDP,
      });
      world.bob.sends(consult);
      const atCarol = await world.carol.receives('INVITE');
      world.carol.replies(atCarol, 200, { body: CAROLS, contentType: SDP });
      const ok = await world.bob.receives(200);
      const dialog = {
        callId: 'consultation',
        fromTag: 'bob-2',
        to: '<sip:carol@10.0.0.1>',
        toTag: ok.param('To', 'tag') ?? '',
      };
      const contact = /<([^>]*)>/.exec(ok.get('Contact'))?.[1] ?? '';
      world.bob.sends(world.bob.request('ACK', contact, { ...dialog, cseq: 1 }));
      await world.carol.receives('ACK');
      const replaces = `consultation%3Bto-tag%3D${dialog.toTag}%3Bfrom-tag%3Dbob-2`;
      world.bob.sends(
        fromBob(world, 'REFER', sides.atBob, {
          cseq: 2,
          headers: { 'Refer-To': `<sip:carol@10.0.2.2?Replaces=${replaces}>` },
        }),
      );
      await world.bob.receives(202);
      assert.equal(await notified(world.bob), 'SIP/2.0 100 Trying');
      const asked = await world.alice.receives('INVITE');
      assert.equal(asked.body, '');
      world.alice.replies(asked, 200, { body: OFFER, contentType: SDP });
      const offered = await world.carol.receives('INVITE');
      assert.equal(media(offered.body), media(OFFER));
      world.carol.replies(offered, 200, { body: CAROLS, contentType: SDP });
      assert.equal(media((await world.alice.receives('ACK')).body), media(CAROLS));
      await world.carol.receives('ACK');
      assert.equal(await notified(world.bob), 'SIP/2.0 200 OK');
      world.bob.replies(await world.bob.receives('BYE'), 200);
      world.bob.replies(await world.bob.receives('BYE'), 200);
      await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.carol);
    },
    {},
    routes,
  );
});

describe('A19: INVITE with Replaces (RFC 3891)', () => {
  const ANYBODY = { params: 'modparam("b2bua", "replaces_auth", 0)' };

  test('in a call: the new side takes the place of the old one, which is hung up', async () => {
    await withB2b(async (world) => {
      const { atBob } = await talking(world);
      const replaces = `${atBob.get('Call-ID')};to-tag=${atBob.param('From', 'tag') ?? ''};from-tag=bob-tag`;
      const invite = world.dave.request('INVITE', 'sip:x@10.0.0.1', {
        callId: 'new',
        headers: { Replaces: replaces },
        body: CAROLS,
        contentType: SDP,
      });
      world.dave.sends(invite);
      const again = await world.alice.receives('INVITE');
      assert.equal(media(again.body), media(CAROLS));
      world.alice.replies(again, 200, { body: OFFER, contentType: SDP });
      const ok = await world.dave.receives(200);
      assert.equal(media(ok.body), media(OFFER));
      const dialog = { callId: 'new', to: '<sip:x@10.0.0.1>', toTag: ok.param('To', 'tag') ?? '' };
      const contact = /<([^>]*)>/.exec(ok.get('Contact'))?.[1] ?? '';
      world.dave.sends(world.dave.request('ACK', contact, { ...dialog, cseq: 1 }));
      await world.alice.receives('ACK');
      world.bob.replies(await world.bob.receives('BYE'), 200);
      await bothHangUp(world.dave, world.dave.request('BYE', contact, { ...dialog, cseq: 2 }), world.alice);
    }, ANYBODY);
  });

  test('while it rings: the call is picked up, the ringing phone is cancelled', async () => {
    await withB2b(async (world) => {
      world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP });
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180);
      await world.alice.receives(180);
      const replaces = `${atBob.get('Call-ID')};to-tag=${atBob.param('From', 'tag') ?? ''};from-tag=bob-tag;early-only`;
      world.dave.sends(
        world.dave.request('INVITE', 'sip:x@10.0.0.1', {
          callId: 'new',
          headers: { Replaces: replaces },
          body: CAROLS,
          contentType: SDP,
        }),
      );
      const toDave = await world.dave.receives(200);
      assert.equal(media(toDave.body), media(OFFER));
      const toAlice = await world.alice.receives(200);
      assert.equal(media(toAlice.body), media(CAROLS));
      const cancel = await world.bob.receives('CANCEL');
      assert.match(cancel.get('Reason'), /Call completed elsewhere/);
      world.bob.replies(cancel, 200);
      world.bob.replies(atBob, 487);
      world.alice.sends(inDialog(world, 'ACK', toAlice, { cseq: 1 }));
      const dialog = { callId: 'new', to: '<sip:x@10.0.0.1>', toTag: toDave.param('To', 'tag') ?? '' };
      const contact = /<([^>]*)>/.exec(toDave.get('Contact'))?.[1] ?? '';
      world.dave.sends(world.dave.request('ACK', contact, { ...dialog, cseq: 1 }));
      await bothHangUp(world.alice, inDialog(world, 'BYE', toAlice, { cseq: 2 }), world.dave);
    }, ANYBODY);
  });

  const REFUSED: readonly (readonly [string, (sides: Sides) => string | readonly string[], number])[] = [
    ['of a call that is not there', () => 'nothing;to-tag=a;from-tag=b', 481],
    ['that can not be read', () => 'nothing', 400],
    ['two of them', () => ['a;to-tag=a;from-tag=b', 'c;to-tag=a;from-tag=b'], 400],
    [
      'early-only of a call that was answered',
      ({ atBob }) => `${atBob.get('Call-ID')};to-tag=${atBob.param('From', 'tag') ?? ''};from-tag=bob-tag;early-only`,
      486,
    ],
  ];
  for (const [what, value, code] of REFUSED) {
    test(`${what}: ${code}`, async () => {
      await withB2b(async (world) => {
        const sides = await talking(world);
        const invite = world.dave.request('INVITE', 'sip:x@10.0.0.1', {
          callId: 'new',
          headers: { Replaces: value(sides) },
        });
        world.dave.sends(invite);
        const reply = await world.dave.receives((msg) => msg.status >= 200);
        world.dave.sends(world.ackOf(invite, reply));
        assert.equal(reply.status, code);
        await bothHangUp(world.alice, inDialog(world, 'BYE', sides.ok, { cseq: 5 }), world.bob);
      });
    });
  }

  test('parseReplaces', () => {
    assert.deepEqual(parseReplaces('a@b ; to-tag=1;from-tag=2; early-only'), {
      callId: 'a@b',
      toTag: '1',
      fromTag: '2',
      isEarlyOnly: true,
    });
    assert.equal(parseReplaces('a@b;to-tag=1'), null);
    assert.equal(parseReplaces(';to-tag=1;from-tag=2'), null);
  });
});
