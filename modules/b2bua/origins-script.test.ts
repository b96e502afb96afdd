import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ALICES,
  acks,
  answered,
  BOBS,
  ends,
  fromBob,
  hungUp,
  inDialog,
  isReply,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import { challengeOf, digestAnswer } from '../../test/support/digest-client.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import type { B2buaApi } from './api.ts';

describe('parameters and time', () => {
  for (const [name, value, error] of [
    ['refer_mode', '"perhaps"', /refer_mode/],
    ['history_size', '"many"', /history_size/],
    ['header_pass_regexp', '"("', /header_pass_regexp/],
    ['credentials', '"nobody"', /credentials/],
    ['reply_map', '"503"', /reply_map/],
    ['no_such_thing', '1', /no_such_thing/],
  ] as const)
    test(`A2: ${name} = ${value} ends the start, with its module and name`, async () => {
      await assert.rejects(
        withB2b(async () => {}, { params: `modparam("b2bua", "${name}", ${value})` }),
        (thrown: Error) => error.test(thrown.message) && /b2bua/.test(thrown.message),
      );
    });

  test('A4: timers fire when they are due, to the millisecond; those of what has ended do not', async () => {
    const params = `modparam("b2bua", "default_timer", "a")
      modparam("b2bua", "session_expires", 120)
      modparam("b2bua", "peer", "name=one;uri=sip:10.0.2.2;qualify=60")`;
    const routes = `request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); b2b_max_duration(100); exit; }`;
    await withB2b(
      async (world) => {
        const { clock } = world;
        const b2bua = world.sim.api<B2buaApi>('b2bua');
        world.carol.replies(await world.carol.receives('OPTIONS', 5000), 200);
        const askedMs = clock.now();
        const sides = await answered(world);
        const answeredMs = clock.now();
        acks(world, sides);
        await world.bob.receives('ACK');
        world.carol.replies(await world.carol.receives('OPTIONS', 70_000), 200);
        assert.equal(clock.now() - askedMs, 60_000, 'asked each minute');
        world.alice.replies(await world.alice.receives('INVITE'), 200, ALICES);
        assert.equal(clock.now() - answeredMs, 60_000, 'refreshed at half of 120 s');
        await world.alice.receives('ACK');
        world.alice.sends(inDialog(world, 'BYE', sides.ok, { cseq: 2 }));
        await world.alice.receives(isReply('BYE', 200));
        const endedMs = clock.now();
        await hungUp(world.bob);
        assert.equal(b2bua.legCount, 2);
        await world.passes(endedMs + 31_998 - clock.now());
        assert.equal(b2bua.legCount, 2, 'its dialogs linger');
        await world.passes(1);
        assert.equal(b2bua.legCount, 0, 'for 32 s');
        // Neither the next refresh nor b2b_max_duration finds anything to do.
        const before = [world.alice.heard.length, world.bob.heard.length];
        await world.passes(120_000);
        assert.deepEqual([world.alice.heard.length, world.bob.heard.length], before);
        await world.clock.runUntilSettled(world.sim.server.rpc.call('b2bua.qualify', ['off']));
      },
      { params },
      routes,
    );
  });
});

describe('methods', () => {
  const PROXY = `request_route {
      if (is_method("OPTIONS") && uri == myself) { options_reply(); exit; }
      if (is_method("INVITE") && !has_totag()) { $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }
      if (has_totag()) { sl_send_reply(481, "No such call"); exit; }
      $ru = "sip:carol@10.0.2.2"; t_relay(); exit;
    }
    reply_route { xlog("REPLY $rs $rm\\n"); }`;

  test('A6: OPTIONS over UDP: 200', async () => {
    await withB2b(
      async (world) => {
        world.alice.sends(world.alice.request('OPTIONS', 'sip:10.0.0.1'));
        assert.equal((await world.alice.receives('2xx')).cseqMethod, 'OPTIONS');
      },
      {},
      PROXY,
    );
  });

  test('A11: a method nobody knows: 501 in a call, relayed by a proxy; replies go their way, also those of nobody', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        world.alice.sends(inDialog(world, 'FROBNICATE', sides.ok, { cseq: 2 }));
        await world.alice.receives(isReply('FROBNICATE', 501));
        world.alice.sends(world.alice.request('FROBNICATE', 'sip:x@10.0.0.1', { callId: 'proxied' }));
        world.carol.replies(await world.carol.receives('FROBNICATE'), 202);
        await world.alice.receives(isReply('FROBNICATE', 202));
        world.bob.replies(sides.atBob, 200, { toTag: 'bob-tag', headers: { 'Call-ID': [] } });
        world.bob.sends(
          `SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKnone\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nCall-ID: none\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n`,
        );
        await world.passes(100);
        const replies = world.sim.log.lines.flatMap((line) => /REPLY \d+ \w+/.exec(line)?.[0] ?? []);
        assert.ok(replies.includes('REPLY 180 INVITE') && replies.includes('REPLY 202 FROBNICATE'), replies.join());
        await ends(world, sides, 3);
      },
      {},
      PROXY,
    );
  });

  /** What becomes of each method in a call: passed to the other side, or the status it gets. */
  const IN_CALL = {
    INVITE: 'passes',
    UPDATE: 'passes',
    INFO: 'passes',
    MESSAGE: 'passes',
    NOTIFY: 'passes',
    SUBSCRIBE: 'passes',
    OPTIONS: 'passes',
    PUBLISH: 'passes',
    REGISTER: 501,
    PRACK: 481,
    REFER: 400,
    CANCEL: 481,
    ACK: 0,
    BYE: 200,
  } as const;

  test(`A16: in a call: ${Object.entries(IN_CALL)
    .map(([method, outcome]) => `${method} ${outcome || 'nothing'}`)
    .join(', ')}`, async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        let cseq = 1;
        for (const [method, outcome] of Object.entries(IN_CALL)) {
          cseq++;
          const headers = method === 'PRACK' ? { RAck: '77 1 INVITE' } : {};
          world.alice.sends(inDialog(world, method, sides.ok, { cseq, headers }));
          if (outcome === 0) await world.alice.receivesNothing(100, (msg) => msg.cseqMethod === method);
          else if (outcome === 'passes') {
            const passed = await world.bob.receives(method);
            world.bob.replies(passed, 200, method === 'INVITE' ? BOBS : {});
            await world.alice.receives(isReply(method, 200));
            if (method === 'INVITE') acks(world, sides, cseq, ALICES);
            if (method === 'INVITE') await world.bob.receives('ACK');
          } else {
            await world.alice.receives(isReply(method, outcome));
            if (method !== 'BYE') assert.equal(world.bob.count(method), 0);
          }
        }
        await hungUp(world.bob);
      },
      {},
      'request_route { if (is_method("CANCEL") || has_totag()) { sl_send_reply(481, "No such call"); exit; } $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }',
    );
  });

  test('A16: outside of calls only an INVITE becomes one: b2b_call says -1 of all others, and the script answers', async () => {
    await withB2b(
      async (world) => {
        const others = ['OPTIONS', 'REGISTER', 'REFER', 'NOTIFY', 'SUBSCRIBE', 'PUBLISH', 'INFO', 'MESSAGE', 'PRACK'];
        for (const method of [...others, 'UPDATE', 'BYE']) {
          world.alice.sends(world.alice.request(method, 'sip:x@10.0.0.1', { callId: method }));
          await world.alice.receives(isReply(method, 405));
        }
        assert.equal(world.bob.heard.length, 0);
      },
      {},
      'request_route { if (!b2b_call("sip:bob@10.0.2.1")) sl_send_reply(405, "Method Not Allowed"); exit; }',
    );
  });
});

describe('challenges', () => {
  const AUTH = `loadmodule "auth.so"\nmodparam("auth", "nonce_count", 1)\nmodparam("auth", "qop", "auth")\nmodparam("auth", "nonce_expire", 60)`;
  /** Everything that reaches the script is challenged. */
  const CHALLENGES = `request_route {
      if (!pv_www_authenticate("example.org", "pw", "0")) {
        if ($rc == -2) { sl_send_reply(403, "Forbidden"); exit; }
        www_challenge("example.org", "1"); exit;
      }
      consume_credentials();
      $ru = "sip:bob@10.0.2.1"; b2b_call(); exit;
    }`;

  async function asks(world: SipWorld, cseq: number, authorization = ''): Promise<TestMsg> {
    const headers = authorization === '' ? {} : { Authorization: authorization };
    const invite = world.calls('sip:bob@10.0.0.1', { callId: `with-${cseq}`, ...ALICES, headers });
    return world.final(invite, 5000);
  }

  const credentials = (challenge: string, more: object = {}): string =>
    digestAnswer(challenge, {
      user: 'alice',
      password: 'pw',
      method: 'INVITE',
      uri: 'sip:bob@10.0.0.1',
      ...more,
    });

  async function refuses(world: SipWorld, invite: string, expected: number): Promise<TestMsg> {
    world.alice.sends(invite);
    const reply = await world.final(invite, 5000);
    assert.equal(reply.status, expected);
    return reply;
  }

  for (const algorithm of ['MD5', 'SHA-256'])
    test(`A23: the first INVITE is challenged (${algorithm}): 401, then the call; wrong 403; stale; a nonce count again`, async () => {
      await withB2b(
        async (world) => {
          const invite = (callId: string, authorization = ''): string =>
            world.alice.request('INVITE', 'sip:bob@10.0.0.1', {
              callId,
              ...ALICES,
              headers: authorization === '' ? {} : { Authorization: authorization },
            });
          const challenge = challengeOf(await refuses(world, invite('one'), 401));
          assert.match(challenge, new RegExp(algorithm === 'MD5' ? 'realm="example.org"' : 'algorithm=SHA-256'));
          await refuses(world, invite('two', credentials(challenge, { password: 'no', nc: '00000001' })), 403);
          const good = credentials(challenge, { nc: '00000002' });
          const third = invite('three', good);
          world.alice.sends(third);
          const atBob = await world.bob.receives('INVITE');
          assert.equal(atBob.has('Authorization'), false);
          world.bob.replies(atBob, 486);
          const busy = await world.alice.receives(486);
          world.alice.sends(world.ackOf(third, busy));
          // The same again is not taken.
          await refuses(world, invite('four', good), 401);
          await world.passes(120_000);
          const stale = await refuses(world, invite('five', credentials(challenge, { nc: '00000003' })), 401);
          assert.match(challengeOf(stale), /stale=true/);
          assert.equal(world.bob.count('INVITE'), 1);
        },
        { params: `${AUTH}${algorithm === 'MD5' ? '' : `\nmodparam("auth", "algorithm", "${algorithm}")`}` },
        CHALLENGES,
      );
    });

  test('A13: who was let in is not challenged in the dialog: re-INVITE, INFO and BYE, of either side', async () => {
    await withB2b(
      async (world) => {
        const challenge = challengeOf(await asks(world, 1));
        const sides = await answered(world, {
          ...ALICES,
          headers: { Authorization: credentials(challenge) },
        });
        acks(world, sides);
        await world.bob.receives('ACK');
        world.alice.sends(inDialog(world, 'INVITE', sides.ok, { cseq: 2, ...ALICES }));
        world.bob.replies(await world.bob.receives('INVITE'), 200, BOBS);
        await world.alice.receives(isReply('INVITE', 200));
        acks(world, sides, 2);
        await world.bob.receives('ACK');
        world.bob.sends(fromBob(world, 'INFO', sides.atBob, { cseq: 2 }));
        world.alice.replies(await world.alice.receives('INFO'), 200);
        await world.bob.receives(isReply('INFO', 200));
        await ends(world, sides, 3);
        assert.equal(world.alice.count(401), 1);
      },
      { params: AUTH },
      CHALLENGES,
    );
  });
});
