import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BOB, PresWorld, pidf, tuples } from '../support/pres-world.ts';

/**
 * Abuse of the presence server: documents made to explode, expiries at their limits, subscriptions that aim NOTIFYs at a
 * third host, dialogs and publications of others. dave (10.0.2.3) is the attacker.
 */

async function withPresence(use: (pres: PresWorld) => Promise<void>, settings = ''): Promise<void> {
  const pres = await PresWorld.start({ settings: `modparam("presence_xml", "force_active", 1)\n${settings}` });
  try {
    await use(pres);
  } finally {
    await pres.stop();
  }
}

const HEAD = '<?xml version="1.0"?>\n';
const OPEN = `<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="${BOB}">`;

suite('presence', () => {
  const BOMBS: Readonly<Record<string, string>> = {
    'a billion laughs': `${HEAD}<!DOCTYPE presence [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>${OPEN}<note>&c;</note></presence>`,
    'an external entity': `${HEAD}<!DOCTYPE presence [<!ENTITY x SYSTEM "file:///etc/passwd">]>${OPEN}<note>&x;</note></presence>`,
    'an external DTD': `${HEAD}<!DOCTYPE presence SYSTEM "http://10.0.2.3/x.dtd">${OPEN}</presence>`,
    depth: `${HEAD}${OPEN}${'<a>'.repeat(8000)}${'</a>'.repeat(8000)}</presence>`,
    'an attribute thousands of times': `${HEAD}${OPEN}<tuple ${Array.from({ length: 4000 }, (_, i) => `a${i}=""`).join(' ')}/></presence>`,
    'an unknown entity': `${HEAD}${OPEN}<note>&bomb;</note></presence>`,
    'a document that does not end': `${HEAD}${OPEN}${'<tuple id="x">'.repeat(3000)}`,
    'characters that are none': `${HEAD}${OPEN}<note>&#0;&#x1;\u0000</note></presence>`,
    'another character set': `<?xml version="1.0" encoding="UTF-7"?>${OPEN}+ADw-note+AD4-</presence>`,
  };
  for (const [what, body] of Object.entries(BOMBS))
    test(`XML, ${what}: refused or taken as it is, nothing is resolved, watchers get nothing larger`, () =>
      withPresence(async (pres) => {
        const { alice } = pres.world;
        await pres.watches(alice);
        const before = process.cpuUsage();
        const reply = await pres.publishes(body);
        await pres.world.passes(3000);
        const { user } = process.cpuUsage(before);
        assert.ok(user < 1_500_000, `${user} µs`);
        assert.ok(reply.status >= 200 && reply.status !== 500, reply.startLine);
        for (const msg of alice.heard.filter((m) => m.method === 'NOTIFY')) {
          assert.ok(msg.body.length < body.length + 1000);
          assert.ok(!/root:|haha/.test(msg.body));
        }
        // Only a document that says so of itself may be told on.
        assert.equal((await pres.publishes(pidf('open'))).status, 200);
      }));

  test('Expires at its limits: 423, or cut to max_expires; nothing lasts for ever', () =>
    withPresence(async (pres) => {
      const { alice } = pres.world;
      for (const value of ['4294967295', '4294967296', '9'.repeat(100), '2147483648']) {
        const reply = await pres.subscribes(alice, { headers: { Expires: value } });
        assert.ok(reply.status >= 400 || Number(reply.get('Expires')) <= 600, `${value}: ${reply.get('Expires')}`);
        const put = await pres.publishes(pidf('open'), { headers: { Expires: value } });
        assert.ok(put.status >= 400 || Number(put.get('Expires')) <= 600, `${value}: ${put.get('Expires')}`);
      }
      for (const value of ['-1', 'abc', '1e9', '0x10']) {
        const reply = await pres.subscribes(alice, { headers: { Expires: value } });
        assert.ok(reply.status >= 400 || Number(reply.get('Expires')) <= 600, `${value}: ${reply.get('Expires')}`);
      }
      await pres.world.passes(700_000);
      assert.match(await pres.rpc('stats.fetch', 'presence:'), /^/);
      const left = pres.world.alice.inbox.filter((msg) => msg.method === 'NOTIFY').length;
      await pres.publishes(pidf('closed'));
      await pres.world.passes(2000);
      assert.equal(pres.world.alice.inbox.filter((msg) => msg.method === 'NOTIFY').length, left, 'all have ended');
    }, 'modparam("presence", "max_expires", 600)'));

  test('NOTIFYs aimed at a host that did not ask: bounded per SUBSCRIBE, and the subscription ends unanswered', () =>
    withPresence(async (pres) => {
      const { world } = pres;
      for (let i = 0; i < 5; i++) await pres.subscribes(world.dave, { contact: '<sip:victim@10.0.2.2:5060>' });
      await world.passes(60_000);
      const first = world.carol.count('NOTIFY');
      // Timer F ends each after at most eleven copies (RFC 3261 §17.1.2.2).
      assert.ok(first <= 5 * 11, `${first}`);
      for (let i = 0; i < 20; i++) await pres.publishes(pidf(i % 2 === 0 ? 'open' : 'closed', `t${i}`));
      await world.passes(60_000);
      assert.equal(world.carol.count('NOTIFY'), first, 'publications are not told on');
    }, 'modparam("presence", "timeout_rm_subs", 1)'));

  test("another's subscription: Call-ID and tags guessed in part neither end nor move it", () =>
    withPresence(async (pres) => {
      const { alice, dave } = pres.world;
      const reply = await pres.watches(alice);
      const dialog = pres.within(reply, 900);
      for (const wrong of [
        { ...dialog, toTag: 'guess' },
        { ...dialog, fromTag: 'guess' },
        { ...dialog, callId: 'guess' },
        { ...dialog, fromTag: reply.param('To', 'tag'), toTag: 'alice-tag' },
      ]) {
        const answer = await pres.subscribes(dave, { expires: 0, ...wrong, contact: '<sip:dave@10.0.2.3>' });
        assert.ok(answer.status === 481, answer.startLine);
      }
      await pres.publishes(pidf('open'));
      assert.deepEqual(tuples(await pres.notified(alice)), ['t1 open']);
      assert.equal(dave.count('NOTIFY'), 0);
    }));

  test("another's publication: an etag that was never given out, or of another presentity, changes nothing (412)", () =>
    withPresence(async (pres) => {
      const { alice, dave } = pres.world;
      await pres.watches(alice);
      const etag = (await pres.publishes(pidf('open'))).get('SIP-ETag');
      await pres.notified(alice);
      const near = etag.replace(/.$/, (c) => (c === '0' ? '1' : '0'));
      for (const guess of [near, `${etag}x`, '*', 'a.0.0.0', "' OR 1=1 --"]) {
        const reply = await pres.asks(dave, 'PUBLISH', BOB, {
          contentType: 'application/pidf+xml',
          body: pidf('closed'),
          headers: { Event: 'presence', Expires: 600, 'SIP-If-Match': guess },
        });
        assert.equal(reply.status, 412, `${guess}: ${reply.startLine}`);
      }
      const elsewhere = await pres.asks(dave, 'PUBLISH', 'sip:dave@example.org', {
        headers: { Event: 'presence', Expires: 0, 'SIP-If-Match': etag },
      });
      assert.equal(elsewhere.status, 412, 'of another presentity');
      await pres.world.passes(2000);
      assert.equal(alice.count('NOTIFY'), 2);
    }));
});
