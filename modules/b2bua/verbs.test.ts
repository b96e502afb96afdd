import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, fromBob, inDialog, OFFER, type Sides, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import type { B2buaApi } from './api.ts';

const SDP = 'application/sdp';
const CAROLS = OFFER.replaceAll('10.0.1.1', '10.0.2.2').replace('o=a', 'o=c');
const DAVES = OFFER.replaceAll('10.0.1.1', '10.0.2.3').replace('o=a', 'o=d');

/** Calls go to bob; a MESSAGE of bob's in his call does what `verbs` says. */
const obeys = (verbs: string, more = '') => `
  request_route { ${more} $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
  event_route[b2bua:request] { if (is_method("MESSAGE")) { ${verbs} b2b_reply(200); drop; } }`;

function asks(world: SipWorld, sides: Sides, cseq = 2): void {
  world.bob.sends(fromBob(world, 'MESSAGE', sides.atBob, { cseq, body: 'go', contentType: 'text/plain' }));
}

async function offered(peer: SipPeer, answer: string): Promise<TestMsg> {
  const invite = await peer.receives('INVITE');
  peer.replies(invite, 200, { body: answer, contentType: SDP });
  return invite;
}

/** alice hangs up, and the other side is told. */
async function ends(world: SipWorld, sides: Sides, other: SipPeer, cseq = 9): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq }));
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  other.replies(await other.receives('BYE'), 200);
}

/** A caller's dialog with the server, from the 200 it got. */
function dialogOf(peer: SipPeer, callId: string, ok: TestMsg) {
  const contact = /<([^>]*)>/.exec(ok.get('Contact'))?.[1] ?? '';
  const to = ok.get('To').replace(/;tag=.*/, '');
  return (method: string, cseq: number) =>
    peer.sends(peer.request(method, contact, { callId, to, toTag: ok.param('To', 'tag'), cseq }));
}

/** dave calls the server with a description of his. */
function daveCalls(world: SipWorld, uri: string, callId = 'daves', options: object = {}): void {
  world.dave.sends(world.dave.request('INVITE', uri, { callId, body: DAVES, contentType: SDP, ...options }));
}

describe('b2b_hold, b2b_resume', () => {
  test('the leg gets a re-INVITE without media, then the description of its other side; o= versions grow', async () => {
    const routes = obeys(`if ($b2b_ctx(n) == $null) { $b2b_ctx(n) = 1; if (!b2b_hold("other")) b2b_reply(500); }
      else { if (!b2b_resume("a")) b2b_reply(500); }`);
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        asks(world, sides);
        const held = await offered(world.alice, OFFER);
        assert.match(held.body, /\r\na=inactive\r\n/);
        assert.match(held.body, /^v=0\r\no=b 7 8 IN IP4 10\.0\.2\.1/);
        await world.alice.receives('ACK');
        assert.equal((await world.bob.receives(200)).cseqMethod, 'MESSAGE');
        asks(world, sides, 3);
        const resumed = await offered(world.alice, OFFER);
        assert.match(resumed.body, /^v=0\r\no=b 7 9 IN IP4 10\.0\.2\.1/);
        assert.doesNotMatch(resumed.body, /inactive/);
        await world.alice.receives('ACK');
        await world.bob.receives(200);
        await ends(world, sides, world.bob);
      },
      {},
      routes,
    );
  });

  test('a leg that refuses has the session it had', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        asks(world, sides);
        world.alice.replies(await world.alice.receives('INVITE'), 488);
        await world.bob.receives(500);
        await ends(world, sides, world.bob);
      },
      {},
      obeys('if (!b2b_hold("other")) { b2b_reply(500); drop; }'),
    );
  });
});

describe('b2b_park, b2b_unpark', () => {
  const ROUTES = obeys(
    'b2b_reply(200); b2b_park("701"); drop;',
    'if ($rU == "701") { if (!b2b_unpark("701")) b2b_reject(404, "Nobody there"); exit; }',
  );

  async function parked(world: SipWorld): Promise<Sides> {
    const sides = await talking(world);
    asks(world, sides);
    await world.bob.receives(200);
    world.bob.replies(await world.bob.receives('BYE'), 200);
    const held = await offered(world.alice, OFFER);
    assert.match(held.body, /a=inactive/);
    await world.alice.receives('ACK');
    return sides;
  }

  test('somebody else takes the parked call', async () => {
    await withB2b(
      async (world) => {
        const sides = await parked(world);
        daveCalls(world, 'sip:701@10.0.0.1');
        const asked = await offered(world.alice, OFFER);
        assert.match(asked.body, /c=IN IP4 10\.0\.2\.3/);
        const ok = await world.dave.receives(200);
        assert.equal(ok.body, OFFER);
        dialogOf(world.dave, 'daves', ok)('ACK', 1);
        await world.alice.receives('ACK');
        await ends(world, sides, world.dave);
      },
      {},
      ROUTES,
    );
  });

  test('an empty slot: -1', async () => {
    await withB2b(
      async (world) => {
        const invite = world.calls('sip:701@10.0.0.1', { body: OFFER, contentType: SDP });
        assert.equal((await world.final(invite)).status, 404);
      },
      {},
      ROUTES,
    );
  });

  test('nobody takes it: who parked it is called back', async () => {
    await withB2b(
      async (world) => {
        const sides = await parked(world);
        const back = await world.bob.receives(
          (msg) => msg.method === 'INVITE' && msg.get('Call-ID') !== sides.atBob.get('Call-ID'),
          90_000,
        );
        assert.equal(back.body, OFFER);
        world.bob.replies(back, 200, { body: ANSWER, contentType: SDP });
        await world.bob.receives('ACK');
        await offered(world.alice, OFFER);
        await world.alice.receives('ACK');
        await ends(world, sides, world.bob);
      },
      {},
      ROUTES,
    );
  });

  test('nobody takes it, and who parked it does not answer: the call ends', async () => {
    await withB2b(
      async (world) => {
        await parked(world);
        const back = await world.bob.receives('INVITE', 90_000);
        world.bob.replies(back, 486);
        world.alice.replies(await world.alice.receives('BYE'), 200);
      },
      { params: 'modparam("b2bua", "park_timeout", 20)' },
      ROUTES,
    );
  });

  test('event_route[b2bua:park-timeout] does something else', async () => {
    await withB2b(
      async (world) => {
        await parked(world);
        const bye = await world.alice.receives('BYE', 90_000);
        assert.match(bye.get('Reason'), /nobody/);
        world.alice.replies(bye, 200);
      },
      {},
      `${ROUTES} event_route[b2bua:park-timeout] { b2b_hangup('SIP;cause=480;text="nobody"'); drop; }`,
    );
  });

  test('the parked side hangs up: the slot is free', async () => {
    await withB2b(
      async (world) => {
        const sides = await parked(world);
        world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 9 }));
        await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
        daveCalls(world, 'sip:701@10.0.0.1');
        await world.dave.receives(404);
      },
      {},
      ROUTES,
    );
  });
});

describe('A30: b2b_pickup', () => {
  const script = (key: string) => `request_route {
    if ($rU == "*8") { if (!b2b_pickup("${key}")) b2b_reject(404, "Nothing rings"); exit; }
    if ($rU == "carol") { $ru = "sip:carol@10.0.2.2"; } else { $ru = "sip:bob@10.0.2.1"; } b2b_call(); exit; }`;
  const groups = { params: 'modparam("b2bua", "pickup_groups", "desk=bob,carol;other=zoe")' };

  async function pickedUp(world: SipWorld): Promise<void> {
    world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP });
    const atBob = await world.bob.receives('INVITE');
    world.bob.replies(atBob, 180);
    await world.alice.receives(180);
    daveCalls(world, 'sip:*8@10.0.0.1');
    const toDave = await world.dave.receives(200);
    assert.equal(toDave.body, OFFER);
    const ok = await world.alice.receives(200);
    assert.equal(ok.body, DAVES);
    const cancel = await world.bob.receives('CANCEL');
    assert.match(cancel.get('Reason'), /cause=200;text="Call completed elsewhere"/);
    world.bob.replies(cancel, 200);
    world.bob.replies(atBob, 487);
    world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
    dialogOf(world.dave, 'daves', toDave)('ACK', 1);
    world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
    await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
    world.dave.replies(await world.dave.receives('BYE'), 200);
  }

  test('A30: of a group', () => withB2b(pickedUp, groups, script('desk')));
  test('A30: of one phone', () => withB2b(pickedUp, groups, script('bob')));

  test('A30: nothing rings in the group: -1', async () => {
    await withB2b(
      async (world) => {
        world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP });
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(180);
        daveCalls(world, 'sip:*8@10.0.0.1');
        await world.dave.receives(404);
        world.bob.replies(atBob, 486);
        await world.alice.receives(486);
      },
      groups,
      script('other'),
    );
  });

  test('A30: the call that rings for longest comes first', async () => {
    await withB2b(
      async (world) => {
        const ring = async (peer: SipPeer, callId: string, uri: string) => {
          world.alice.sends(world.alice.request('INVITE', uri, { callId, body: OFFER, contentType: SDP }));
          const invite = await peer.receives('INVITE');
          peer.replies(invite, 180);
          await world.alice.receives(180);
          return invite;
        };
        const atCarol = await ring(world.carol, 'one', 'sip:carol@10.0.0.1');
        await world.passes(2000);
        const atBob = await ring(world.bob, 'two', 'sip:bob@10.0.0.1');
        daveCalls(world, 'sip:*8@10.0.0.1');
        world.carol.replies(await world.carol.receives('CANCEL'), 200);
        world.carol.replies(atCarol, 487);
        const ok = await world.alice.receives(200);
        assert.equal(ok.get('Call-ID'), 'one');
        const toDave = await world.dave.receives(200);
        dialogOf(world.dave, 'daves', toDave)('ACK', 1);
        dialogOf(world.alice, 'one', ok)('ACK', 1);
        dialogOf(world.alice, 'one', ok)('BYE', 2);
        world.dave.replies(await world.dave.receives('BYE'), 200);
        world.bob.replies(atBob, 486);
        await world.alice.receives(486);
      },
      groups,
      script('desk'),
    );
  });
});

describe('b2b_bridge, b2b_unbridge, b2b_join', () => {
  /** alice talks to bob, dave to carol; `dave`'s call id is in the script's hands. */
  const two = (verbs: string) => `
    request_route { if ($rU == "carol") { $ru = "sip:carol@10.0.2.2"; b2b_call(); exit; }
      if ($rU == "join") { if (!b2b_join($shv(alone))) b2b_reject(404, "no"); exit; }
      $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
    event_route[b2bua:confirmed] { if ($rU != "bob") $shv(other) = $leg(b=>id); }
    event_route[b2bua:request] { if (is_method("MESSAGE")) { $shv(alone) = $b2b(key); ${verbs} drop; } }`;

  async function second(world: SipWorld) {
    daveCalls(world, 'sip:carol@10.0.0.1');
    const atCarol = await world.carol.receives('INVITE');
    world.carol.replies(atCarol, 200, { body: CAROLS, contentType: SDP });
    const ok = await world.dave.receives(200);
    const says = dialogOf(world.dave, 'daves', ok);
    says('ACK', 1);
    await world.carol.receives('ACK');
    return { atCarol, says };
  }

  test('legs of two calls are joined, those they talked to are hung up', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        await second(world);
        asks(world, sides);
        const toCarol = await offered(world.carol, CAROLS);
        assert.match(toCarol.body, /c=IN IP4 10\.0\.1\.1/);
        const toAlice = await offered(world.alice, OFFER);
        assert.match(toAlice.body, /c=IN IP4 10\.0\.2\.2/);
        await world.bob.receives(200);
        world.bob.replies(await world.bob.receives('BYE'), 200);
        world.dave.replies(await world.dave.receives('BYE'), 200);
        await ends(world, sides, world.carol);
      },
      {},
      two('if (b2b_bridge("a", "$shv(other)")) b2b_reply(200); else b2b_reply(500);'),
    );
  });

  test('hold-old and late-offer: the first is asked for an offer, the others are held', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        const { says } = await second(world);
        asks(world, sides);
        assert.equal((await offered(world.alice, OFFER)).body, '');
        assert.match((await offered(world.carol, CAROLS)).body, /c=IN IP4 10\.0\.1\.1/);
        assert.match((await world.alice.receives('ACK')).body, /c=IN IP4 10\.0\.2\.2/);
        assert.match((await offered(world.bob, ANSWER)).body, /a=inactive/);
        assert.match((await offered(world.dave, DAVES)).body, /a=inactive/);
        await world.bob.receives('ACK');
        await world.dave.receives('ACK');
        await ends(world, sides, world.carol);
        world.bob.replies(await world.bob.receives('BYE'), 200);
        says('BYE', 2);
        await world.dave.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
      },
      {},
      two('if (b2b_bridge("a", "$shv(other)", "hold-old,late-offer")) b2b_reply(200); else b2b_reply(500);'),
    );
  });

  test('rollback: the one whose session changed talks to the other again', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        const { says } = await second(world);
        asks(world, sides);
        await offered(world.carol, CAROLS);
        world.alice.replies(await world.alice.receives('INVITE'), 488);
        // carol and dave, then alice and bob, as they were.
        assert.equal((await offered(world.dave, DAVES)).body, '');
        assert.match((await offered(world.carol, CAROLS)).body, /c=IN IP4 10\.0\.2\.3/);
        assert.equal((await offered(world.bob, ANSWER)).body, '');
        assert.match((await offered(world.alice, OFFER)).body, /c=IN IP4 10\.0\.2\.1/);
        await world.bob.receives(500);
        says('BYE', 2);
        world.carol.replies(await world.carol.receives('BYE'), 200);
        await ends(world, sides, world.bob);
      },
      {},
      two('if (b2b_bridge("a", "$shv(other)", "rollback")) b2b_reply(200); else b2b_reply(500);'),
    );
  });

  test('b2b_unbridge splits a call, b2b_join takes one of its sides', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        asks(world, sides);
        await Promise.all([offered(world.alice, OFFER), offered(world.bob, ANSWER)]);
        await world.bob.receives(200);
        daveCalls(world, 'sip:join@10.0.0.1');
        assert.match((await offered(world.alice, OFFER)).body, /c=IN IP4 10\.0\.2\.3/);
        const ok = await world.dave.receives(200);
        dialogOf(world.dave, 'daves', ok)('ACK', 1);
        await world.alice.receives('ACK');
        world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 7 }));
        await world.bob.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
        await ends(world, sides, world.dave);
      },
      {},
      two('if (b2b_unbridge()) b2b_reply(200); else b2b_reply(500);'),
    );
  });
});

describe('b2b_transfer and what event_route[b2bua:refer] decides', () => {
  test('a leg is transferred: the other one is hung up when the target has answered', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        asks(world, sides);
        await world.bob.receives(200);
        const atCarol = await offered(world.carol, CAROLS);
        assert.equal(atCarol.body, OFFER);
        await offered(world.alice, OFFER);
        world.bob.replies(await world.bob.receives('BYE'), 200);
        await ends(world, sides, world.carol);
      },
      {},
      obeys('b2b_transfer("a", "sip:carol@10.0.2.2");'),
    );
  });

  test('refer_mode pass: the leg is asked by REFER, and its NOTIFY is answered here', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        asks(world, sides);
        const refer = await world.alice.receives('REFER');
        assert.equal(refer.get('Refer-To'), '<sip:carol@10.0.2.2>');
        world.alice.replies(refer, 202);
        world.alice.sends(
          inDialog(world, 'NOTIFY', sides.ok, {
            cseq: 2,
            headers: { Event: 'refer', 'Subscription-State': 'active' },
            body: 'SIP/2.0 100 Trying',
            contentType: 'message/sipfrag',
          }),
        );
        await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'NOTIFY');
        assert.equal(world.bob.count('NOTIFY'), 0);
        await ends(world, sides, world.bob);
      },
      { params: 'modparam("b2bua", "refer_mode", "pass")' },
      obeys('b2b_transfer("a", "sip:carol@10.0.2.2");'),
    );
  });

  const asked = (verb: string) =>
    `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; } event_route[b2bua:refer] { ${verb} }`;
  const refers = (world: SipWorld, sides: Sides) =>
    world.bob.sends(fromBob(world, 'REFER', sides.atBob, { cseq: 2, headers: { 'Refer-To': '<sip:dave@10.0.2.3>' } }));

  test('b2b_refer_accept: to another target', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        refers(world, sides);
        await world.bob.receives(202);
        await offered(world.carol, CAROLS);
        await offered(world.alice, OFFER);
        while (world.bob.count('BYE') === 0) {
          const next = await world.bob.receives((msg) => msg.method === 'NOTIFY' || msg.method === 'BYE');
          world.bob.replies(next, 200);
        }
        await ends(world, sides, world.carol);
      },
      {},
      asked('b2b_refer_accept("sip:carol@10.0.2.2");'),
    );
  });

  test('b2b_refer_pass, b2b_refer_reject', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        refers(world, sides);
        world.alice.replies(await world.alice.receives('REFER'), 603);
        await world.bob.receives(603);
        await ends(world, sides, world.bob);
      },
      {},
      asked('b2b_refer_pass();'),
    );
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        refers(world, sides);
        await world.bob.receives(405);
        await ends(world, sides, world.bob);
      },
      {},
      asked('b2b_refer_reject(405);'),
    );
  });
});

describe('what a script sends', () => {
  test('b2b_send, b2b_send_dtmf (A36), b2b_send_text', async () => {
    const verbs = `if (!b2b_send("a", "BYE")) { b2b_send("a", "INFO", "x", "text/x", "X-A: 1"); }
      b2b_send_text("a", "hello"); b2b_send_dtmf("a", "1#");`;
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        asks(world, sides);
        const info = await world.alice.receives('INFO');
        assert.deepEqual([info.body, info.get('Content-Type'), info.get('X-A')], ['x', 'text/x', '1']);
        world.alice.replies(info, 200);
        const text = await world.alice.receives('MESSAGE');
        assert.equal(text.body, 'hello');
        world.alice.replies(text, 200);
        for (const digit of ['1', '#']) {
          const sent = await world.alice.receives('INFO');
          assert.match(sent.body, new RegExp(`^Signal=${digit}\r\nDuration=160`));
          world.alice.replies(sent, 200);
        }
        await world.bob.receives(200);
        await ends(world, sides, world.bob);
      },
      {},
      obeys(verbs),
    );
  });

  test('b2b_find: commands are about another call then; b2b_replaces takes a leg by its id', async () => {
    const routes = `request_route {
        if ($rU == "end") { if (b2b_find($shv(key))) b2b_hangup("SIP;cause=1"); sl_send_reply(200, "OK"); exit; }
        if ($rU == "steal") { if (!b2b_replaces($shv(leg))) b2b_reject(404, "no"); exit; }
        $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
      event_route[b2bua:confirmed] { $shv(key) = $b2b(key); $shv(leg) = $leg(b=>id); }`;
    await withB2b(
      async (world) => {
        await talking(world);
        daveCalls(world, 'sip:steal@10.0.0.1');
        await offered(world.alice, OFFER);
        const ok = await world.dave.receives(200);
        dialogOf(world.dave, 'daves', ok)('ACK', 1);
        world.bob.replies(await world.bob.receives('BYE'), 200);
        assert.equal(world.sim.api<B2buaApi>('b2bua').callCount, 1);
        world.carol.sends(world.carol.request('OPTIONS', 'sip:end@10.0.0.1'));
        await world.carol.receives(200);
        world.alice.replies(await world.alice.receives('BYE'), 200);
        world.dave.replies(await world.dave.receives('BYE'), 200);
      },
      {},
      routes,
    );
  });
});
