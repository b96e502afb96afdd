import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { authParam, challengeOf, digestAnswer } from '../support/digest-client.ts';
import type { TestMsg } from '../support/msg.ts';
import type { SipPeer } from '../support/sip-peer.ts';
import { DOMAIN, Edge, type EdgeOptions } from './edge.ts';

/**
 * Attacks on bindings and credentials: replayed and forged nonces, contacts for others' addresses of record,
 * contacts that point where no request may go. What each worker knows of nonces is in test/interop/auth-workers.test.ts,
 * digest itself in modules/auth and core/auth.
 */

/** All of it with cfg/strowger.cfg. */
const withOwn = (use: (edge: Edge) => Promise<void>, options: EdgeOptions = {}): Promise<void> =>
  Edge.with(use, { isOwn: true, ...options });

const REGISTRAR = `sip:${DOMAIN}`;
const ALICE = `<sip:alice@${DOMAIN}>`;

/** mallory's REGISTER for alice with these credentials. */
function asAlice(edge: Edge, credentials: string, contact = `<${edge.mallory.uri}>`): Promise<TestMsg> {
  return edge.asks(edge.mallory, 'REGISTER', REGISTRAR, {
    from: ALICE,
    to: ALICE,
    contact,
    headers: { Authorization: credentials, Expires: contact === '*' ? 0 : 600 },
  });
}

function credentialsOf(text: string): string {
  return /\r\nAuthorization: (.*)\r\n/.exec(text)?.[1] ?? '';
}

async function challengeFor(edge: Edge, peer: SipPeer): Promise<string> {
  return challengeOf(await edge.asks(peer, 'REGISTER', REGISTRAR));
}

suite('nonce replay', () => {
  test('credentials heard on the wire, with her contact, another or *: challenged, the nonce count is old', () =>
    withOwn(async (edge) => {
      const { alice } = edge.world;
      const good = await edge.authenticated('alice', alice, 'REGISTER', REGISTRAR, { contact: `<${alice.uri}>` });
      assert.equal((await edge.sends(alice, good)).status, 200);
      for (const contact of [`<${alice.uri}>`, `<${edge.mallory.uri}>`, '*'])
        assert.equal((await asAlice(edge, credentialsOf(good), contact)).status, 401, contact);
      assert.deepEqual(await edge.contactsOf('alice'), [alice.uri]);
    }));

  test('the same datagram from another address: no second effect, it is the same transaction', () =>
    withOwn(async (edge) => {
      const { alice } = edge.world;
      const good = await edge.authenticated('alice', alice, 'REGISTER', REGISTRAR, { contact: `<${alice.uri}>` });
      await edge.sends(alice, good);
      const leave = await edge.asksAs('alice', alice, 'REGISTER', REGISTRAR, {
        contact: `<${alice.uri}>;expires=0`,
      });
      assert.equal(leave.status, 200);
      edge.mallory.sends(good);
      await edge.world.passes(1000);
      assert.deepEqual(await edge.contactsOf('alice'), [], 'she is not put back');
    }));

  test('a count that is raised without the password, another cnonce, method or digest-uri: the response is wrong', () =>
    withOwn(async (edge) => {
      const { alice } = edge.world;
      const good = await edge.authenticated('alice', alice, 'REGISTER', REGISTRAR, { contact: `<${alice.uri}>` });
      const heard = credentialsOf(good);
      for (const changed of [
        heard.replace('nc=00000001', 'nc=00000002'),
        heard.replace('cnonce="c0ffee"', 'cnonce="c0ffe"'),
        heard.replace('username="alice"', 'username="mallory"'),
        heard.replace(/qop=auth, nc=\w+, cnonce="[^"]*"/, ''),
        heard.replace('qop=auth', 'qop=auth-int'),
        heard.replace(/response="./, 'response="'),
        heard.replace(/response="[^"]*"/, 'response=""'),
      ]) {
        assert.notEqual(changed, heard);
        assert.equal((await asAlice(edge, changed)).status, 401, changed);
      }
      assert.deepEqual(await edge.contactsOf('alice'), []);
    }));

  test('credentials of a MESSAGE, replayed in an INVITE: challenged', () =>
    withOwn(async (edge) => {
      const text = await edge.authenticated('alice', edge.world.alice, 'MESSAGE', `sip:bob@${DOMAIN}`);
      await edge.sends(edge.world.alice, text);
      const stolen = /\r\nProxy-Authorization: (.*)\r\n/.exec(text)?.[1] ?? '';
      const reply = await edge.asks(edge.mallory, 'INVITE', `sip:bob@${DOMAIN}`, {
        from: ALICE,
        headers: { 'Proxy-Authorization': stolen },
      });
      assert.equal(reply.status, 407);
    }));

  test('an expired nonce with the right password: challenged as stale', () =>
    withOwn(async (edge) => {
      const { alice } = edge.world;
      const good = await edge.authenticated('alice', alice, 'REGISTER', REGISTRAR, { contact: `<${alice.uri}>` });
      await edge.world.passes(301_000);
      const reply = await edge.sends(alice, good);
      assert.equal(reply.status, 401);
      assert.match(challengeOf(reply), /stale=true/);
    }));

  test('an expired nonce that was given a later time: challenged, the time is proven', () =>
    withOwn(async (edge) => {
      const nonce = authParam(await challengeFor(edge, edge.mallory), 'nonce');
      await edge.world.passes(301_000);
      const now = Math.floor(edge.world.clock.wall() / 1000)
        .toString(16)
        .padStart(8, '0');
      assert.ok(now > nonce.slice(0, 8).toLowerCase(), 'it begins with its time');
      const answer = { user: 'mallory', password: 'mallorypw', method: 'REGISTER', uri: REGISTRAR };
      for (const changed of [now, now.toUpperCase()]) {
        const challenge = `Digest realm="${DOMAIN}", nonce="${changed}${nonce.slice(8)}", qop="auth"`;
        const headers = { Authorization: digestAnswer(challenge, answer) };
        assert.equal((await edge.asks(edge.mallory, 'REGISTER', REGISTRAR, { headers })).status, 401);
      }
    }));

  test('nonces made up, cut, prolonged, with a later time: challenged, though the password is right', () =>
    withOwn(async (edge) => {
      const nonce = authParam(await challengeFor(edge, edge.mallory), 'nonce');
      const later = (parseInt(nonce.slice(0, 8), 36) || 0).toString(16).padStart(8, 'f');
      for (const bad of [
        '',
        'x',
        nonce.slice(1),
        `${nonce}A`,
        later + nonce.slice(8),
        nonce.repeat(200),
        '\u0000',
        '%n',
      ]) {
        const challenge = `Digest realm="${DOMAIN}", nonce="${bad}", qop="auth"`;
        const credentials = digestAnswer(challenge, {
          user: 'mallory',
          password: 'mallorypw',
          method: 'REGISTER',
          uri: REGISTRAR,
        });
        const reply = await edge.asks(edge.mallory, 'REGISTER', REGISTRAR, {
          contact: `<${edge.mallory.uri}>`,
          headers: { Authorization: credentials },
        });
        assert.ok(reply.status === 401 || reply.status === 400, `${bad}: ${reply.startLine}`);
      }
      assert.deepEqual(await edge.contactsOf('mallory'), []);
    }));
});

suite('contact hijack by another subscriber', () => {
  /** mallory's own good credentials, for these From and To. */
  const registersFor = (edge: Edge, from: string, to: string, headers = {}): Promise<TestMsg> =>
    edge.asksAs('mallory', edge.mallory, 'REGISTER', REGISTRAR, {
      from,
      to,
      contact: `<${edge.mallory.uri}>`,
      headers,
    });
  const MALLORY = `<sip:mallory@${DOMAIN}>`;

  for (const [what, from, to] of [
    ['To is another', MALLORY, ALICE],
    ['From and To are another', ALICE, ALICE],
    ['From is another', ALICE, MALLORY],
    ['the user is escaped', `<sip:%61lice@${DOMAIN}>`, `<sip:%61lice@${DOMAIN}>`],
    ['To is escaped', MALLORY, `<sip:%61lice@${DOMAIN}>`],
    ['the user has parameters', MALLORY, `<sip:alice;x=mallory@${DOMAIN}>`],
    ['the user has a password', MALLORY, `<sip:alice:mallory@${DOMAIN}>`],
    ['the display name is hers', `"alice" ${MALLORY}`, `"mallory" ${ALICE}`],
    ['the display name holds an address', MALLORY, `"<sip:mallory@${DOMAIN}>" ${ALICE}`],
    ['two addresses in To', MALLORY, `${ALICE}, ${MALLORY}`],
    ['two addresses in To, hers last', MALLORY, `${MALLORY}, ${ALICE}`],
    ['a tel URI', MALLORY, '<tel:alice>'],
    ['case of the user', MALLORY, `<sip:ALICE@${DOMAIN}>`],
  ] as const)
    test(`${what}: mallory's password does not bind for alice`, () =>
      withOwn(async (edge) => {
        const reply = await registersFor(edge, from, to);
        assert.deepEqual(await edge.contactsOf('alice'), [], reply.startLine);
        assert.deepEqual(await edge.contactsOf('%61lice'), [], reply.startLine);
        assert.deepEqual(await edge.contactsOf('ALICE'), [], reply.startLine);
        if (what !== 'two addresses in To, hers last') assert.notEqual(reply.status, 200);
      }));

  test('two To rows: what is authenticated and what is bound are the same', () =>
    withOwn(async (edge) => {
      for (const rows of [
        [MALLORY, ALICE],
        [ALICE, MALLORY],
      ])
        await registersFor(edge, MALLORY, '', { To: rows });
      assert.deepEqual(await edge.contactsOf('alice'), []);
    }));

  test('credentials of two users in one request: what was verified is what counts', () =>
    withOwn(async (edge) => {
      const good = credentialsOf(await edge.authenticated('mallory', edge.mallory, 'REGISTER', REGISTRAR));
      const forged = good.replace('username="mallory"', 'username="alice"');
      for (const rows of [
        [good, forged],
        [forged, good],
      ]) {
        const reply = await edge.asks(edge.mallory, 'REGISTER', REGISTRAR, {
          from: ALICE,
          to: ALICE,
          contact: `<${edge.mallory.uri}>`,
          headers: { Authorization: rows },
        });
        assert.notEqual(reply.status, 200);
      }
      assert.deepEqual(await edge.contactsOf('alice'), []);
    }));

  test('a username with a domain, an empty one, a quoted one: only the account itself is let in', () =>
    withOwn(async (edge) => {
      for (const user of [`alice@${DOMAIN}`, '', 'mallory\\"', 'alice\u0000mallory', 'alice,mallory']) {
        const challenge = await challengeFor(edge, edge.mallory);
        const answer = { user, password: 'mallorypw', method: 'REGISTER', uri: REGISTRAR };
        assert.notEqual((await asAlice(edge, digestAnswer(challenge, answer))).status, 200, user);
      }
      assert.deepEqual(await edge.contactsOf('alice'), []);
    }));

  test('the realm of another domain, a foreign From: no account of ours is asked', () =>
    withOwn(async (edge) => {
      const foreign = '<sip:alice@evil.example>';
      const reply = await edge.asks(edge.mallory, 'REGISTER', 'sip:evil.example', { from: foreign, to: foreign });
      assert.notEqual(reply.status, 200);
      const crossed = await edge.asksAs('mallory', edge.mallory, 'REGISTER', REGISTRAR, {
        from: MALLORY,
        to: '<sip:mallory@evil.example>',
        contact: `<${edge.mallory.uri}>`,
      });
      assert.equal(crossed.status, 404, 'third-party registration');
    }));

  test("Contact: * of another's account: her bindings stay", () =>
    withOwn(async (edge) => {
      const { alice } = edge.world;
      await edge.registers(alice);
      await edge.asksAs('mallory', edge.mallory, 'REGISTER', REGISTRAR, {
        to: ALICE,
        contact: '*',
        headers: { Expires: 0 },
      });
      assert.deepEqual(await edge.contactsOf('alice'), [alice.uri]);
    }));
});

suite('contacts that point where no request may go', () => {
  /** mallory registers the contacts, bob calls her. */
  async function called(edge: Edge, contact: string): Promise<TestMsg> {
    const { bob } = edge.world;
    await edge.registers(bob);
    const reply = await edge.registers(edge.mallory, contact);
    assert.equal(reply.status, 200, reply.startLine);
    return await edge.asksAs('bob', bob, 'INVITE', `sip:mallory@${DOMAIN}`, { contact: `<${bob.uri}>` });
  }

  for (const contact of [
    '<sip:mallory@10.0.0.1>',
    '<sip:mallory@10.0.0.1:5060;transport=tcp>',
    `<sip:mallory@${DOMAIN}>`,
    '<sip:bob@edge.internal.test>',
    '<sip:a@10.0.0.1>, <sip:b@10.0.0.1>, <sip:c@10.0.0.1>, <sip:d@10.0.0.1>',
    '<sip:mallory@10.0.9.9;alias=10.0.0.1~5060~1>',
    '<sip:mallory@0.0.0.0>',
  ])
    test(`${contact}: the call is not sent to ourselves (RFC 5393's amplification)`, () =>
      withOwn(async (edge) => {
        edge.world.sim.dns.add('edge.internal.test', 'A', 60, '10.0.0.1');
        edge.world.sim.dns.add(DOMAIN, 'A', 60, '10.0.0.1');
        const seen: string[] = [];
        edge.world.network.onPacket = ({ what, from, to, text }) => {
          if (what === 'sent' && from === '10.0.0.1:5060' && text.startsWith('INVITE')) seen.push(to);
        };
        const reply = await called(edge, contact);
        assert.ok(reply.status >= 400, reply.startLine);
        assert.deepEqual(
          seen.filter((to) => /^10\.0\.0\.1:|^0\./.test(to)),
          [],
        );
      }));

  test('more contacts than max_contacts, in one request or several: 503 and the old ones stay', () =>
    withOwn(async (edge) => {
      await edge.registers(edge.mallory);
      const many = Array.from({ length: 40 }, (_, i) => `<sip:m${i}@10.0.9.9>`).join(', ');
      assert.equal((await edge.registers(edge.mallory, many)).status, 503);
      assert.deepEqual(await edge.contactsOf('mallory'), [edge.mallory.uri]);
    }));

  test('a Contact with control characters, quotes or markup: bound as it is or refused, answered in one piece', () =>
    withOwn(async (edge) => {
      for (const contact of [
        '<sip:m@10.0.9.9;x="\u0000">',
        '<sip:m%0d%0aVia:x@10.0.9.9>',
        '"a\\"b" <sip:m2@10.0.9.9>;+sip.instance="<urn:uuid:1%0d%0aX: y>"',
        '<sip:m3@10.0.9.9?Route=%3csip:10.0.8.8;lr%3e>',
      ]) {
        const reply = await edge.registers(edge.mallory, contact);
        assert.ok(!reply.has('X') && reply.all('Via').length === 1, reply.text);
      }
    }));
});
