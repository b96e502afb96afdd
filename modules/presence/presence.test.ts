import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOB, type PresOptions, PresWorld, pidf, tuples } from '../../test/support/pres-world.ts';

async function withWorld(use: (pres: PresWorld) => Promise<void>, options: PresOptions = {}): Promise<void> {
  const pres = await PresWorld.start(options);
  try {
    await use(pres);
  } finally {
    await pres.stop();
  }
}

test('who subscribes is answered, then told; who publishes is answered, then the watchers are told', () =>
  withWorld(async (pres) => {
    const { alice } = pres.world;
    const reply = await pres.subscribes(alice, { callId: 'a1' });
    assert.deepEqual([reply.status, reply.get('Expires')], [200, '600']);
    assert.equal(reply.get('Contact'), '<sip:10.0.0.1:5060;transport=udp>');
    const first = await pres.notified(alice);
    assert.equal(first.uri, alice.uri);
    assert.deepEqual(
      ['To', 'From', 'Call-ID', 'CSeq', 'Event', 'Contact', 'Subscription-State'].map((name) => first.get(name)),
      [reply.get('From'), reply.get('To'), 'a1', '2 NOTIFY', 'presence', reply.get('Contact'), 'active;expires=600'],
    );
    assert.equal(first.body, '');
    const published = await pres.publishes(pidf('open'));
    assert.deepEqual([published.status, published.get('Expires')], [200, '600']);
    assert.match(published.get('SIP-ETag'), /^a\.\d+\.\d+\.1\.0$/);
    const second = await pres.notified(alice);
    assert.deepEqual([second.get('CSeq'), second.get('Content-Type')], ['3 NOTIFY', 'application/pidf+xml']);
    assert.equal(second.body, pidf('open'));
    await pres.world.passes(100);
    assert.deepEqual(pres.said().sort(), [
      'answered a1 200 OK',
      'answered a1 200 OK',
      'publish 1',
      'sends NOTIFY a1 1',
      'sends NOTIFY a1 1',
      `subscribe 1 ${BOB} alice@example.org 1 600`,
    ]);
  }));

test('publications are put together, refreshed, changed and taken back by their tags (RFC 3903 §4)', () =>
  withWorld(async (pres) => {
    const { alice } = pres.world;
    await pres.watches(alice);
    const one = await pres.publishes(pidf('open', 'one'));
    await pres.notified(alice);
    await pres.world.passes(1000);
    const two = await pres.publishes(pidf('open', 'two'));
    assert.deepEqual(tuples(await pres.notified(alice)), ['two open', 'one open']);
    await pres.world.passes(1000);
    const refreshed = await pres.publishes('', { etag: one.get('SIP-ETag'), expires: 300 });
    assert.deepEqual([refreshed.status, refreshed.get('Expires')], [200, '300']);
    assert.match(refreshed.get('SIP-ETag'), /\.3\.1$/);
    assert.deepEqual(tuples(await pres.notified(alice)), ['one open', 'two open']);
    assert.equal((await pres.publishes('', { etag: one.get('SIP-ETag') })).status, 412);
    const changed = await pres.publishes(pidf('closed', 'two'), { etag: two.get('SIP-ETag') });
    await pres.notified(alice);
    const gone = await pres.publishes('', { etag: changed.get('SIP-ETag'), expires: 0 });
    assert.deepEqual([gone.status, gone.get('Expires')], [200, '0']);
    assert.deepEqual(tuples(await pres.notified(alice)), ['two closed', 'one open']);
    await pres.publishes('', { etag: refreshed.get('SIP-ETag'), expires: 0 });
    assert.deepEqual(tuples(await pres.notified(alice)), ['one closed']);
    assert.equal((await pres.publishes('', { etag: refreshed.get('SIP-ETag'), expires: 0 })).status, 412);
  }));

test('a first publication that ends at once is told to nobody', () =>
  withWorld(async (pres) => {
    const { alice } = pres.world;
    await pres.watches(alice);
    const reply = await pres.publishes(pidf('open'), { expires: 0 });
    assert.deepEqual([reply.status, reply.get('Expires')], [200, '0']);
    await alice.receivesNothing(5000, 'NOTIFY');
  }));

test('publications and subscriptions expire, on their time', () =>
  withWorld(async (pres) => {
    const { alice, carol } = pres.world;
    const reply = await pres.watches(alice, { expires: 100 });
    await pres.watches(carol, { expires: 50 });
    await pres.publishes(pidf('open'), { expires: 60 });
    await pres.notified(alice);
    await pres.notified(carol);
    const over = await carol.receives('NOTIFY', 52_000);
    carol.replies(over, 200);
    assert.equal(over.get('Subscription-State'), 'terminated;reason=timeout');
    const empty = await alice.receives('NOTIFY', 12_000);
    alice.replies(empty, 200);
    assert.deepEqual([empty.body, empty.get('Subscription-State').split(';')[0]], ['', 'active']);
    const again = await pres.subscribes(alice, { ...pres.within(reply), expires: 100 });
    assert.equal(again.status, 200);
    await pres.notified(alice);
    await alice.receivesNothing(98_000, 'NOTIFY');
    const end = await alice.receives('NOTIFY', 4000);
    alice.replies(end, 200);
    assert.equal(end.get('Subscription-State'), 'terminated;reason=timeout');
    assert.equal((await pres.subscribes(alice, pres.within(reply))).status, 481);
    await alice.receivesNothing(5000, 'NOTIFY');
  }));

test('a subscription ends with Expires 0; a fetch is told once (RFC 6665 §4.4.3)', () =>
  withWorld(async (pres) => {
    const { alice } = pres.world;
    const reply = await pres.watches(alice);
    await pres.publishes(pidf('open'));
    await pres.notified(alice);
    const end = await pres.subscribes(alice, { ...pres.within(reply), expires: 0 });
    assert.deepEqual([end.status, end.get('Expires')], [200, '0']);
    const last = await pres.notified(alice);
    assert.deepEqual([last.get('CSeq'), last.get('Subscription-State')], ['4 NOTIFY', 'terminated;reason=timeout']);
    await pres.subscribes(alice, { expires: 0 });
    const fetched = await pres.notified(alice);
    assert.deepEqual(
      [fetched.get('CSeq'), fetched.get('Subscription-State'), tuples(fetched)],
      ['1 NOTIFY', 'terminated;reason=timeout', ['t1 open']],
    );
    await pres.publishes(pidf('open', 't2'));
    await alice.receivesNothing(5000, 'NOTIFY');
  }));

/** What watchers answer, and whether they are told again. */
const ANSWERS: readonly (readonly [status: number | null, isTold: boolean])[] = [
  [200, true],
  [202, true],
  [500, true],
  [503, true],
  [404, false],
  [481, false],
  [408, false],
  [null, false],
  [403, false],
];
for (const [status, isTold] of ANSWERS) {
  test(`a NOTIFY answered ${status ?? 'never'}: the watcher is ${isTold ? 'told on' : 'not told again'}`, () =>
    withWorld(
      async (pres) => {
        const { alice } = pres.world;
        await pres.subscribes(alice);
        if (status === null) await alice.receives('NOTIFY');
        else await pres.notified(alice, status);
        await pres.world.passes(3000);
        while (alice.inbox.length > 0) alice.inbox.pop();
        await pres.publishes(pidf('open'));
        if (isTold) await pres.notified(alice);
        else await alice.receivesNothing(5000, 'NOTIFY');
      },
      {
        settings:
          'modparam("presence_xml", "force_active", 1)\nmodparam("presence", "xavp_cfg", "pres")\nmodparam("tm", "fr_timer", 2000)',
      },
    ));
}

test('without timeout_rm_subs a watcher that does not answer is told on', () =>
  withWorld(
    async (pres) => {
      const { alice } = pres.world;
      await pres.subscribes(alice);
      await alice.receives('NOTIFY');
      await pres.world.passes(3000);
      while (alice.inbox.length > 0) alice.inbox.pop();
      await pres.publishes(pidf('open'));
      await pres.notified(alice);
      assert.ok(pres.said().includes('answered call-1 408 TIMEOUT'));
    },
    {
      settings:
        'modparam("presence_xml", "force_active", 1)\nmodparam("presence", "timeout_rm_subs", 0)\nmodparam("tm", "fr_timer", 2000)',
    },
  ));

test('PUBLISHes that race: one change of a tag wins, and the last NOTIFY tells what holds', () =>
  withWorld(async (pres) => {
    const { alice, bob } = pres.world;
    await pres.watches(alice);
    const tag = (await pres.publishes(pidf('open', 'x'))).get('SIP-ETag');
    await pres.notified(alice);
    for (let i = 0; i < 10; i++) {
      bob.sends(
        bob.request('PUBLISH', BOB, {
          callId: `race-${i}`,
          body: pidf('open', `x${i}`),
          contentType: 'application/pidf+xml',
          headers: { Event: 'presence', Expires: 600, 'SIP-If-Match': tag },
        }),
      );
    }
    const statuses: number[] = [];
    let winner = '';
    for (let i = 0; i < 10; i++) {
      const reply = await bob.receives((msg) => msg.status >= 200);
      statuses.push(reply.status);
      if (reply.status === 200) winner = reply.get('Call-ID').replace('race-', 'x');
    }
    assert.deepEqual(
      statuses.sort((a, b) => a - b),
      [200, ...Array<number>(9).fill(412)],
    );
    assert.deepEqual(tuples(await pres.notified(alice)), [`${winner} open`]);
    await alice.receivesNothing(2000, 'NOTIFY');
  }));

test('an id of the event is kept apart and repeated (RFC 6665 §8.2.1)', () =>
  withWorld(async (pres) => {
    const { alice } = pres.world;
    assert.equal((await pres.subscribes(alice, { event: 'presence;id=7' })).status, 200);
    assert.equal((await pres.notified(alice)).get('Event'), 'presence;id=7');
  }));

test('what can not be done is refused', () =>
  withWorld(
    async (pres) => {
      const { alice, bob } = pres.world;
      const bad = await pres.publishes(pidf('open'), { event: 'strange' });
      assert.deepEqual(
        [bad.status, bad.get('Allow-Events')],
        [489, 'message-summary, dialog, xcap-diff, presence.winfo, presence'],
      );
      assert.equal((await pres.subscribes(alice, { event: 'dialog;sla' })).status, 489);
      assert.equal((await pres.publishes('')).status, 400);
      assert.equal((await pres.publishes('no xml')).status, 415);
      assert.equal((await pres.publishes('Messages-Waiting: perhaps', { event: 'message-summary' })).status, 500);
      assert.equal((await pres.publishes('no xml', { event: 'dialog' })).status, 415);
      assert.equal(
        (await pres.asks(alice, 'SUBSCRIBE', BOB, { contact: '', headers: { Event: 'presence' } })).status,
        400,
      );
      const brief = await pres.subscribes(alice, { expires: 5 });
      assert.deepEqual([brief.status, brief.get('Min-Expires')], [423, '30']);
      assert.equal((await pres.subscribes(alice, { headers: { 'X-As': 'nobody' } })).status, 400);
      const long = await pres.subscribes(alice, { expires: 99_999 });
      assert.deepEqual([long.status, long.get('Expires')], [202, '900']);
      await pres.notified(alice);
      const inDialog = pres.within(long);
      assert.equal((await pres.subscribes(alice, { ...inDialog, toTag: 'other' })).status, 481);
      assert.equal((await pres.subscribes(alice, { ...inDialog, event: 'dialog' })).status, 481);
      assert.equal((await pres.subscribes(alice, { ...inDialog, cseq: 1 })).status, 400);
      assert.equal((await pres.publishes(pidf('open'), { expires: 99_999 })).get('Expires'), '890');
      await pres.notified(alice);
      assert.equal(bob.count('NOTIFY'), 0);
    },
    {
      settings: `modparam("presence_xml", "force_active", 1)
modparam("presence", "min_expires", 30)
modparam("presence", "max_expires", 900)
modparam("presence", "expires_offset", 10)
modparam("presence", "subs_respond_200", 0)`,
    },
  ));

test('NOTIFYs follow the route of the SUBSCRIBE', () =>
  withWorld(async (pres) => {
    const { alice, carol } = pres.world;
    const rows = ['<sip:10.0.2.2:5060;lr;x=1>', '<sip:10.0.9.9;lr>, <sip:10.0.9.8;lr>'];
    const reply = await pres.subscribes(alice, { headers: { 'Record-Route': rows } });
    assert.deepEqual(reply.all('Record-Route'), rows);
    const msg = await carol.receives('NOTIFY');
    carol.replies(msg, 200);
    assert.deepEqual(
      [msg.uri, msg.get('Route')],
      [alice.uri, '<sip:10.0.2.2:5060;lr;x=1>, <sip:10.0.9.9;lr>, <sip:10.0.9.8;lr>'],
    );
    await pres.subscribes(alice, { headers: { 'Record-Route': '<sip:10.0.2.2:5060>' } });
    const strict = await carol.receives('NOTIFY');
    carol.replies(strict, 200);
    assert.deepEqual([strict.uri, strict.get('Route')], ['sip:10.0.2.2:5060', `<${alice.uri}>`]);
  }));

test('watchers are told to who watches them (RFC 3857)', () =>
  withWorld(async (pres) => {
    const { alice, bob, carol } = pres.world;
    await pres.subscribes(bob, { event: 'presence.winfo' });
    const empty = await pres.notified(bob);
    assert.match(
      empty.body,
      /version="1" state="full">\s*<watcher-list resource="sip:bob@example.org" package="presence"\/>/,
    );
    const reply = await pres.watches(alice, { callId: 'w<1>' });
    const one = await pres.notified(bob);
    assert.match(one.body, /version="2" state="partial"/);
    assert.match(one.body, /<watcher id="w&lt;1&gt;" event="subscribe" status="active">sip:alice@example.org</);
    await pres.watches(carol, { expires: 20 });
    assert.match((await pres.notified(bob)).body, /sip:carol@/);
    await pres.subscribes(bob, { event: 'presence.winfo' });
    const all = await pres.notified(bob);
    assert.match(all.body, /version="1" state="full"/);
    assert.match(all.body, /sip:alice@[^]*sip:carol@/);
    const left = (await pres.notified(bob, 200, 22_000)).body;
    assert.match(left, /state="full"/);
    assert.doesNotMatch(left, /carol/);
    await pres.notified(bob);
    await pres.subscribes(alice, { ...pres.within(reply), expires: 0 });
    assert.doesNotMatch((await pres.notified(bob)).body, /alice/);
  }));

test('who sent a change is not told it; another watcher URI, has_subscribers', () =>
  withWorld(async (pres) => {
    const { alice, carol } = pres.world;
    await pres.watches(alice, { headers: { 'X-As': 'sip:other@example.com' } });
    assert.ok(pres.said().includes(`subscribe 1 ${BOB} other@example.com 1 600`));
    await pres.watches(carol);
    await pres.publishes(pidf('open'), { headers: { Sender: carol.uri } });
    await pres.notified(alice);
    await carol.receivesNothing(2000, 'NOTIFY');
    const asked = { headers: { 'X-Watcher': 'sip:x@example.org' } };
    assert.equal((await pres.asks(alice, 'MESSAGE', BOB, asked)).startLine, 'SIP/2.0 200 has 1 auth 1');
    assert.equal(
      (await pres.asks(alice, 'MESSAGE', 'sip:no@example.org', asked)).startLine,
      'SIP/2.0 200 has -1 auth 1',
    );
  }));

test('priorities order publications; same Call-ID replaces; case does not count', () =>
  withWorld(
    async (pres) => {
      const { alice, carol } = pres.world;
      await pres.watches(alice, { callId: 'same', fromTag: 'one' });
      await pres.watches(alice, { callId: 'same', fromTag: 'two' });
      await pres.watches(carol, { uri: 'sip:BOB@Example.org' });
      await pres.publishes(pidf('open', 'five'), { headers: { 'X-Priority': 5 } });
      const only = await pres.notified(alice);
      assert.equal(only.param('To', 'tag'), 'two');
      assert.deepEqual(tuples(await pres.notified(carol)), ['five open']);
      await pres.publishes(pidf('open', 'three'), { headers: { 'X-Priority': 3 } });
      assert.deepEqual(tuples(await pres.notified(alice)), ['five open', 'three open']);
      await pres.publishes(pidf('open', 'now'));
      assert.deepEqual(tuples(await pres.notified(alice)), ['now open', 'five open', 'three open']);
      const list = await pres.rpc('presence.presentity_list', 'full');
      assert.equal(list.match(/priority: (3|5)\n/g)?.length, 2);
      assert.match(list, /user: bob\s+domain: example.org\s+event: presence\s+etag: a\./);
    },
    {
      settings: `modparam("presence_xml", "force_active", 1)
modparam("presence", "xavp_cfg", "pres")
modparam("presence", "retrieve_order", 1)
modparam("presence", "delete_same_subs", 1)
modparam("presence", "sip_uri_match", 1)`,
    },
  ));

test('message summaries and dialogs are told', () =>
  withWorld(async (pres) => {
    const { alice, carol } = pres.world;
    await pres.watches(alice, { event: 'message-summary' });
    const tag = (await pres.publishes('Messages-Waiting: yes\r\n', { event: 'message-summary' })).get('SIP-ETag');
    const summary = await pres.notified(alice);
    assert.deepEqual(
      [summary.body, summary.get('Content-Type')],
      ['Messages-Waiting: yes\r\n', 'application/simple-message-summary'],
    );
    await pres.publishes('', { event: 'message-summary', etag: tag, expires: 0 });
    assert.equal((await pres.notified(alice)).body, '');
    await pres.watches(carol, { event: 'dialog' });
    const dialog = (id: string, state: string): string =>
      `<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="9" state="full" entity="${BOB}"><dialog id="${id}"><state>${state}</state></dialog></dialog-info>`;
    const first = await pres.publishes(dialog('a', 'early'), { event: 'dialog' });
    assert.match((await pres.notified(carol)).body, /version="2"/);
    await pres.publishes(dialog('b', 'confirmed'), { event: 'dialog' });
    assert.match((await pres.notified(carol)).body, /version="3"[^]*id="a"[^]*id="b"/);
    const over = await pres.publishes(dialog('a', 'terminated'), { event: 'dialog', etag: first.get('SIP-ETag') });
    await pres.notified(carol);
    const late = await pres.publishes(dialog('a', 'confirmed'), { event: 'dialog', etag: over.get('SIP-ETag') });
    assert.equal(late.status, 200);
    await carol.receivesNothing(1000, 'NOTIFY');
    assert.equal((await pres.publishes('', { event: 'dialog', etag: late.get('SIP-ETag') })).status, 200);
  }));

test('a presentity has a bounded number of publications', () =>
  withWorld(async (pres) => {
    for (let i = 0; i < 200; i++) assert.equal((await pres.publishes(pidf('open', `t${i}`))).status, 200);
    assert.equal((await pres.publishes(pidf('open', 'more'))).status, 503);
  }));

test('RPC says what is wrong', () =>
  withWorld(async (pres) => {
    assert.equal(await pres.rpc('presence.cleanup'), 'Reload OK\n');
    await assert.rejects(pres.rpc('presence.refreshWatchers', BOB, 'strange', 1), /Execution failed/);
    await assert.rejects(pres.rpc('presence.refreshWatchers', BOB), /Not enough parameters/);
    await assert.rejects(pres.rpc('presence.refreshWatchers', BOB, 'presence', 2), /No file uri or name parameters/);
    await assert.rejects(pres.rpc('presence.updateWatchers', BOB), /Not enough parameters/);
    const { alice } = pres.world;
    await pres.watches(alice);
    await pres.rpc('presence.refreshWatchers', BOB, 'presence', 1);
    await pres.notified(alice);
  }));
