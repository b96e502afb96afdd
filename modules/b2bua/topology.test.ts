import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

const SDP = 'application/sdp';
/** Where media flow is no secret while they flow from side to side. */
const wire = (peer: SipPeer): string => peer.heard.map((msg) => msg.text.replace(/^c=.*$/gm, '')).join('\n');

function hidden(peer: SipPeer, secrets: readonly string[]): void {
  const seen = wire(peer);
  assert.ok(seen.length > 500);
  for (const secret of secrets) {
    const at = seen.indexOf(secret);
    assert.equal(at < 0 ? '' : seen.slice(Math.max(0, at - 120), at + 60), '', `${peer.name} sees ${secret}`);
  }
}

const ROUTES = `request_route { if ($rU == "carol") { $ru = "sip:carol@10.0.2.2"; } else { $ru = "sip:bob@10.0.2.1"; }
  b2b_call("topoh;refer=pass;hdrs=Target-Dialog"); exit; }`;
const HEADERS = {
  'P-Asserted-Identity': '<sip:alice@10.0.1.1>',
  'Record-Route': '<sip:edge@10.0.1.1;lr>',
  'Call-Info': '<http://10.0.1.1/pic>;purpose=icon',
  Subject: 'from the house of a.example',
};

async function callWithSecrets(world: SipWorld) {
  world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP, headers: HEADERS, callId: 'secret-call@10.0.1.1' });
  const atBob = await world.bob.receives('INVITE');
  const headers = { 'P-Asserted-Identity': '<sip:bob@10.0.2.1>', Server: 'bobs', Warning: '399 10.0.2.1 "hm"' };
  world.bob.replies(atBob, 183, { body: ANSWER, contentType: SDP, headers });
  await world.alice.receives(183);
  world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP, headers });
  const ok = await world.alice.receives(200);
  world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
  await world.bob.receives('ACK');
  return { atBob, ok };
}

async function hangUp(world: SipWorld, ok: Parameters<typeof inDialog>[2]): Promise<void> {
  world.alice.sends(
    inDialog(world, 'BYE', ok, { cseq: 9, headers: { Reason: 'SIP;cause=200;text="10.0.1.1 has left"' } }),
  );
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

const A_SIDE = ['10.0.1.1', 'edge@', 'secret-call'];

describe('topology hiding', () => {
  test('no host, address or Call-ID of one side is in any byte that the other gets; calls and their in-dialog requests', async () => {
    await withB2b(
      async (world) => {
        const { atBob, ok } = await callWithSecrets(world);
        assert.match(atBob.get('From'), /<sip:[^@]*@10\.0\.0\.1>/);
        assert.match(atBob.get('P-Asserted-Identity'), /<sip:alice@10\.0\.0\.1>/);
        assert.match(atBob.body, /^v=0\r\no=- 1 1 IN IP4 10\.0\.0\.1\r\n/);
        world.alice.sends(
          inDialog(world, 'INVITE', ok, { cseq: 2, body: OFFER.replace('1 1', '1 2'), contentType: SDP }),
        );
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: SDP });
        await world.alice.receives(200);
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 2 }));
        await world.bob.receives('ACK');
        const target = `${atBob.get('Call-ID')};local-tag=bob-tag;remote-tag=${atBob.param('From', 'tag')}`;
        world.bob.sends(
          fromBob(world, 'INFO', atBob, { cseq: 3, headers: { 'Target-Dialog': target, Via2: '10.0.2.1' } }),
        );
        const info = await world.alice.receives('INFO');
        assert.match(info.get('Target-Dialog'), /^secret-call@10\.0\.1\.1;local-tag=alice-tag;remote-tag=/);
        world.alice.replies(info, 200);
        await world.bob.receives(200);
        await hangUp(world, ok);
        hidden(world.bob, A_SIDE);
        hidden(world.alice, ['10.0.2.1', 'bobs', atBob.get('Call-ID')]);
      },
      {},
      ROUTES,
    );
  });

  test('a caller that gives up, and a refusal', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:bob@10.0.0.1', { headers: HEADERS, callId: 'secret-call' });
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(180);
        world.alice.sends(world.cancelOf(invite, 'Reason: SIP;cause=487;text="10.0.1.1 gives up"\r\n'));
        assert.equal((await world.final(invite)).status, 487);
        const cancel = await world.bob.receives('CANCEL');
        assert.match(cancel.get('Reason'), /gives up/);
        world.bob.replies(cancel, 200);
        world.bob.replies(atBob, 487);
        hidden(world.bob, A_SIDE);
        hidden(world.alice, ['10.0.2.1']);
      },
      {},
      ROUTES,
    );
  });

  test('REFER with Replaces: URI and dialog have other names; an INVITE with them comes to where they lead', async () => {
    await withB2b(
      async (world) => {
        const { atBob, ok } = await callWithSecrets(world);
        const replaces = `${atBob.get('Call-ID')};to-tag=${atBob.param('From', 'tag')};from-tag=bob-tag`;
        const headers = { 'Refer-To': `<sip:carol@10.0.2.2?Replaces=${encodeURIComponent(replaces)}>` };
        world.bob.sends(fromBob(world, 'REFER', atBob, { cseq: 2, headers }));
        const refer = await world.alice.receives('REFER');
        world.alice.replies(refer, 202);
        await world.bob.receives(202);
        const [, uri = '', escaped = ''] = /<([^?>]*)\?Replaces=([^>]*)>/.exec(refer.get('Refer-To')) ?? [];
        assert.match(uri, /^sip:carol@10\.0\.0\.1:5060;th=/);
        hidden(world.alice, ['10.0.2.1', '10.0.2.2', atBob.get('Call-ID')]);
        // The URI alone leads to carol, whatever the script would do with it.
        world.dave.sends(world.dave.request('INVITE', uri.replace('carol@', 'x@'), { callId: 'd1' }));
        const atCarol = await world.carol.receives('INVITE');
        world.carol.replies(atCarol, 486);
        await world.dave.receives(486);
        // With Replaces the new side takes bob's place.
        world.dave.sends(
          world.dave.request('INVITE', uri, {
            callId: 'd2',
            headers: { Replaces: decodeURIComponent(escaped) },
            body: OFFER,
            contentType: SDP,
          }),
        );
        const again = await world.alice.receives('INVITE');
        world.alice.replies(again, 200, { body: OFFER, contentType: SDP });
        const toDave = await world.dave.receives(200);
        const contact = /<([^>]*)>/.exec(toDave.get('Contact'))?.[1] ?? '';
        const dialog = { callId: 'd2', to: toDave.get('To').replace(/;tag=.*/, ''), toTag: toDave.param('To', 'tag') };
        world.dave.sends(world.dave.request('ACK', contact, { ...dialog, cseq: 1 }));
        world.bob.replies(await world.bob.receives('BYE'), 200);
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 9 }));
        world.dave.replies(await world.dave.receives('BYE'), 200);
      },
      {},
      ROUTES.replace('$ru = "sip:carol@10.0.2.2";', '$var(x) = 1;').replace('else {', 'else if ($rU == "bob") {'),
    );
  });

  test('without it hosts pass, and a REFER that passes keeps its Refer-To', async () => {
    await withB2b(
      async (world) => {
        const { atBob, ok } = await talking(world);
        assert.match(atBob.get('From'), /alice/);
        world.bob.sends(fromBob(world, 'REFER', atBob, { cseq: 2, headers: { 'Refer-To': '<sip:carol@10.0.2.2>' } }));
        const refer = await world.alice.receives('REFER');
        assert.equal(refer.get('Refer-To'), '<sip:carol@10.0.2.2>');
        world.alice.replies(refer, 202);
        await world.bob.receives(202);
        await hangUp(world, ok);
      },
      { params: 'modparam("b2bua", "refer_mode", "pass")' },
    );
  });
});
