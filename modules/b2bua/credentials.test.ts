import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ANSWER, inDialog, OFFER, withB2b } from '../../test/support/b2b-world.ts';
import { authParam, digestAnswer } from '../../test/support/digest-client.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import { credentialFor, parseCredential } from './credentials.ts';

const SDP = 'application/sdp';
const CREDENTIALS = {
  params:
    'modparam("b2bua", "credentials", "me:two.example:pw2")\nmodparam("b2bua", "credentials", "me:one.example:pw1")',
};
const challenge = (realm: string, nonce = 'n1', more = '') =>
  `Digest realm="${realm}", nonce="${nonce}", qop="auth", opaque="o", algorithm=MD5${more}`;

/** Whether a request answers a challenge as the one who knows the password would. */
function answersWell(request: TestMsg, header: string, realm: string, password: string): void {
  const value = request.get(header);
  assert.equal(authParam(value, 'realm'), realm);
  const right = digestAnswer(value.replace('Digest ', 'Digest x=1, '), {
    user: 'me',
    password,
    method: request.method,
    uri: authParam(value, 'uri'),
    nc: authParam(value, 'nc'),
    cnonce: authParam(value, 'cnonce'),
  });
  assert.equal(authParam(value, 'response'), authParam(right, 'response'));
}

const branchOf = (msg: TestMsg): string => /branch=([^;]*)/.exec(msg.get('Via'))?.[1] ?? '';

describe('outgoing auth (RFC 3261 §22)', () => {
  test('two realms, one after the other, then a stale nonce: CSeq grows, branches are new; BYE has credentials, too', async () => {
    await withB2b(async (world) => {
      world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: SDP });
      const first = await world.bob.receives('INVITE');
      world.bob.replies(first, 407, { headers: { 'Proxy-Authenticate': challenge('one.example') } });
      await world.bob.receives('ACK');
      const second = await world.bob.receives('INVITE');
      answersWell(second, 'Proxy-Authorization', 'one.example', 'pw1');
      assert.equal(Number.parseInt(second.get('CSeq'), 10), Number.parseInt(first.get('CSeq'), 10) + 1);
      assert.notEqual(branchOf(second), branchOf(first));
      assert.equal(second.get('Call-ID'), first.get('Call-ID'));
      assert.equal(second.body, OFFER);
      world.bob.replies(second, 401, { headers: { 'WWW-Authenticate': challenge('two.example') } });
      const third = await world.bob.receives('INVITE');
      answersWell(third, 'Proxy-Authorization', 'one.example', 'pw1');
      answersWell(third, 'Authorization', 'two.example', 'pw2');
      world.bob.replies(third, 401, {
        headers: { 'WWW-Authenticate': challenge('two.example', 'n2', ', stale=true') },
      });
      const fourth = await world.bob.receives('INVITE');
      assert.equal(authParam(fourth.get('Authorization'), 'nonce'), 'n2');
      assert.equal(authParam(fourth.get('Proxy-Authorization'), 'nc'), '00000003');
      world.bob.replies(fourth, 200, { body: ANSWER, contentType: SDP });
      const ok = await world.alice.receives(200);
      assert.equal(ok.has('WWW-Authenticate'), false);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      await world.alice.receives(200);
      const bye = await world.bob.receives('BYE');
      answersWell(bye, 'Authorization', 'two.example', 'pw2');
      world.bob.replies(bye, 401, { headers: { 'WWW-Authenticate': challenge('two.example', 'n3') } });
      const again = await world.bob.receives((msg) => msg.method === 'BYE' && msg.get('CSeq') !== bye.get('CSeq'));
      assert.equal(authParam(again.get('Authorization'), 'nonce'), 'n3');
      world.bob.replies(again, 200);
    }, CREDENTIALS);
  });

  test('a wrong password: the caller gets 403, and no challenge', async () => {
    await withB2b(async (world) => {
      const invite = world.calls();
      for (let tries = 0; tries < 2; tries++) {
        world.bob.replies(await world.bob.receives('INVITE'), 401, {
          headers: { 'WWW-Authenticate': challenge('one.example') },
        });
        await world.bob.receives('ACK');
      }
      const refusal = await world.final(invite);
      assert.equal(refusal.status, 403);
      assert.equal(refusal.has('WWW-Authenticate'), false);
    }, CREDENTIALS);
  });

  test('no credentials for the realm: 403; event_route[b2bua:auth-required] may give some, or veto', async () => {
    await withB2b(async (world) => {
      const invite = world.calls();
      world.bob.replies(await world.bob.receives('INVITE'), 401, {
        headers: { 'WWW-Authenticate': challenge('other') },
      });
      assert.equal((await world.final(invite)).status, 403);
    }, CREDENTIALS);
    const routes = (body: string) =>
      `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; } event_route[b2bua:auth-required] { ${body} }`;
    await withB2b(
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 401, {
          headers: { 'WWW-Authenticate': challenge('other') },
        });
        const again = await world.bob.receives((msg) => msg.has('Authorization'));
        answersWell(again, 'Authorization', 'other', 'own');
        world.bob.replies(again, 486);
        assert.equal((await world.final(invite)).status, 486);
      },
      CREDENTIALS,
      routes('b2b_auth("me", "own", "other");'),
    );
    await withB2b(
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 401, {
          headers: { 'WWW-Authenticate': challenge('one.example') },
        });
        assert.equal((await world.final(invite)).status, 403);
      },
      CREDENTIALS,
      routes('drop;'),
    );
  });

  test('parameters: what a credential may look like, and which one fits', () => {
    assert.deepEqual(parseCredential('u:r:p:q'), { user: 'u', realm: 'r', password: 'p:q' });
    assert.deepEqual(parseCredential('u:*:p'), { user: 'u', realm: '', password: 'p' });
    assert.equal(parseCredential('u:r'), null);
    const any = { user: 'a', realm: '', password: '1' };
    const own = { user: 'b', realm: 'r', password: '2' };
    assert.equal(credentialFor([any, own], 'r'), own);
    assert.equal(credentialFor([any, own], 'r', 'a'), any);
    assert.equal(credentialFor([own], 'x'), null);
  });
});

describe('what is on its way from one side to the other', () => {
  test('b2b_map_reply and reply_map: a status of one side is another on the other', async () => {
    const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_map_reply(180, 183); b2b_map_reply(486, 480);
      if (b2b_map_reply(486, 200)) { b2b_reject(500, "no"); exit; } b2b_call(); exit; }`;
    await withB2b(
      async (world) => {
        const invite = world.calls();
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        await world.alice.receives(183);
        world.bob.replies(atBob, 486);
        const refusal = await world.final(invite);
        assert.match(refusal.text, /^SIP\/2\.0 480 Temporarily Unavailable/);
      },
      {},
      routes,
    );
    await withB2b(
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 603);
        assert.equal((await world.final(invite)).status, 486);
      },
      { params: 'modparam("b2bua", "reply_map", "603=486, 500=503")' },
    );
  });

  test('b2b_hdr_pass, b2b_hdr_drop, b2b_hdr_set', async () => {
    const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_hdr_drop("Subject,X-Both"); b2b_hdr_pass("x-both,P-Charging-Vector");
      b2b_hdr_set("b", "X-Ours", "one"); b2b_hdr_set("b", "X-Ours", "two"); b2b_hdr_set("a", "X-Back", "yes");
      b2b_hdr_set("b", "X-Gone", "x"); b2b_hdr_set("b", "X-Gone", ""); b2b_call(); exit; }`;
    await withB2b(
      async (world) => {
        const headers = { Subject: 's', 'X-Both': 'b', 'P-Charging-Vector': 'phone' };
        const invite = world.calls('sip:bob@10.0.0.1', { headers });
        const atBob = await world.bob.receives('INVITE');
        assert.deepEqual(
          ['Subject', 'X-Both', 'P-Charging-Vector', 'X-Ours', 'X-Gone', 'X-Back'].map((name) => atBob.get(name)),
          ['', 'b', 'phone', 'two', '', ''],
        );
        world.bob.replies(atBob, 486);
        assert.equal((await world.final(invite)).get('X-Back'), 'yes');
      },
      {},
      routes,
    );
  });
});
