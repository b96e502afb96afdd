import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RpcParam, RpcReply } from 'strowger';
import { type SipWorld, withTmWorld } from '../../test/support/sip-world.ts';

const IDLE = 'request_route { sl_send_reply("404", "No"); exit; }';

const FROM_TO = 'From: <sip:a@example.org>\r\nTo: <sip:b@example.org>\r\n';

function rpc(world: SipWorld, name: string, ...params: RpcParam[]): Promise<RpcReply> {
  return world.clock.runUntilSettled(world.sim.server.rpc.call(name, params));
}

test('a request of our own: sent, repeated, its final reply told once', async () => {
  await withTmWorld(IDLE, async (world, tm) => {
    const told: number[] = [];
    const base = { method: 'OPTIONS', uri: 'sip:10.0.2.1', from: '<sip:a@example.org>', to: 'sip:b@example.org' };
    tm.send({ ...base, onReply: (_reply, code) => told.push(code) });
    const got = await world.bob.receives('OPTIONS');
    assert.equal(got.get('To'), '<sip:b@example.org>');
    assert.match(got.get('From'), /^<sip:a@example.org>;tag=\w+$/);
    await world.bob.receives('OPTIONS', 600);
    world.bob.replies(got, 200);
    world.bob.replies(got, 200);
    tm.send({ ...base, uri: 'sip:10.0.9.9', frTimeoutMs: 1000, onReply: (_reply, code) => told.push(code) });
    tm.send({ ...base, uri: 'sip:nobody.example.org:5060', onReply: (_reply, code) => told.push(code) });
    await world.passes(20_000);
    assert.deepEqual(
      told.sort((a, b) => a - b),
      [200, 408, 478],
    );
  });
});

test('an INVITE of our own: each 2xx is acknowledged to its Contact along its route, negative ones hop by hop', async () => {
  await withTmWorld(IDLE, async (world, tm) => {
    const base = { method: 'INVITE', uri: 'sip:10.0.2.1', from: '<sip:a@example.org>', to: '<sip:b@example.org>' };
    tm.send({ ...base, headers: 'Contact: <sip:10.0.0.1>\r\n' });
    const got = await world.bob.receives('INVITE');
    const ok = world.bob.replies(got, 200, { contact: '<sip:bob@10.0.2.2>' });
    const ack = await world.carol.receives('ACK');
    assert.equal(ack.uri, 'sip:bob@10.0.2.2');
    assert.notEqual(ack.branch, got.branch);
    world.bob.sends(ok);
    await world.carol.receives('ACK');
    tm.send(base);
    const second = await world.bob.receives('INVITE');
    world.bob.replies(second, 486);
    assert.equal((await world.bob.receives('ACK')).branch, second.branch);
  });
});

test('an INVITE of our own can be cancelled', async () => {
  await withTmWorld(IDLE, async (world, tm) => {
    let code = 0;
    const t = tm.send({
      method: 'INVITE',
      uri: 'sip:10.0.2.1',
      from: '<sip:a@example.org>',
      to: '<sip:b@example.org>',
      onReply: (_reply, status) => {
        code = status;
      },
    });
    assert.ok(t !== null);
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    await world.passes(10);
    assert.equal(tm.cancel(t), true);
    world.bob.replies(await world.bob.receives('CANCEL'), 200);
    world.bob.replies(got, 487);
    await world.bob.receives('ACK');
    assert.equal(code, 487);
  });
});

test('event_route[tm:local-request] may change where it goes, set timers and keep it back', async () => {
  const script = `${IDLE}
event_route[tm:local-request] { if ($rm == "INFO") drop; $du = "sip:10.0.2.2"; t_set_fr(0, 500); append_hf("X-Local: $rm\\r\\n"); }`;
  await withTmWorld(script, async (world, tm) => {
    const told: number[] = [];
    const base = {
      uri: 'sip:10.0.2.1',
      from: '<sip:a@example.org>',
      to: '<sip:b@example.org>',
      onReply: (_reply: unknown, code: number) => void told.push(code),
    };
    tm.send({ ...base, method: 'MESSAGE' });
    const got = await world.carol.receives('MESSAGE');
    assert.equal(got.get('X-Local'), 'MESSAGE');
    tm.send({ ...base, method: 'INFO' });
    await world.passes(600);
    assert.deepEqual(told, [408, 408]);
    assert.equal(world.bob.heard.length, 0);
  });
});

test('enable_uac_fr: a request of our own runs the failure route armed for it', async () => {
  const script = `${IDLE}
event_route[tm:local-request] { t_on_failure("ELSE"); }
failure_route[ELSE] { $du = "sip:10.0.2.2"; t_relay(); }`;
  await withTmWorld(
    script,
    async (world, tm) => {
      let code = 0;
      tm.send({
        method: 'MESSAGE',
        uri: 'sip:10.0.2.1',
        from: '<sip:a@example.org>',
        to: '<sip:b@example.org>',
        onReply: (_reply, status) => {
          code = status;
        },
      });
      world.bob.replies(await world.bob.receives('MESSAGE'), 500);
      world.carol.replies(await world.carol.receives('MESSAGE'), 202);
      await world.passes(10);
      assert.equal(code, 202);
    },
    { params: 'modparam("tm", "enable_uac_fr", 1)' },
  );
});

test('RPC: t_uac_start, t_uac_wait_block, t_uac_wait and what they refuse', async () => {
  await withTmWorld(IDLE, async (world) => {
    world.bob.autoReply = null;
    assert.equal(
      await rpc(
        world,
        'tm.t_uac_start',
        'OPTIONS',
        'sip:10.0.2.1',
        '.',
        '.',
        `${FROM_TO}X-H: 1\r\nCall-ID: mine\r\nCSeq: 7 OPTIONS\r\n`,
      ),
      undefined,
    );
    const got = await world.bob.receives('OPTIONS');
    assert.deepEqual([got.get('Call-ID'), got.get('CSeq'), got.get('X-H')], ['mine', '7 OPTIONS', '1']);
    world.bob.replies(got, 200);
    const waiting = rpc(world, 'tm.t_uac_wait_block', 'OPTIONS', 'sip:10.0.2.9', '.', '.', FROM_TO);
    assert.deepEqual(await waiting, { code: 408, text: 'No reply' });
    const faults: readonly (readonly [string, RpcParam[]])[] = [
      ['Invalid request uri "foo"', ['OPTIONS', 'foo', '.', '.', FROM_TO]],
      ['Invalid next-hop uri "x"', ['OPTIONS', 'sip:a@b', 'x', '.', FROM_TO]],
      ['No local socket for "10.9.9.9:1"', ['OPTIONS', 'sip:a@b', '.', '10.9.9.9:1', FROM_TO]],
      ['From missing', ['OPTIONS', 'sip:a@b', '.', '.', 'To: <sip:b@example.org>\r\n']],
      ['To missing', ['OPTIONS', 'sip:a@b', '.', '.', 'From: <sip:b@example.org>\r\n']],
      ['Content-Type missing', ['MESSAGE', 'sip:a@b', '.', '.', FROM_TO, 'hello']],
      ['too few parameters (-2/5)', ['OPTIONS', 'sip:a@b', '.']],
    ];
    for (const [message, params] of faults) await assert.rejects(rpc(world, 'tm.t_uac_start', ...params), { message });
    await assert.rejects(rpc(world, 'tm.cancel', 'nobody', '1'), { message: 'Transaction not found' });
  });
});

test('RPC: tm.list, tm.stats, tm.reply, tm.reply_callid, tm.clean', async () => {
  const script = 'request_route { t_newtran(); t_reply("180", "Ringing"); exit; }';
  await withTmWorld(script, async (world, tm) => {
    const invite = world.calls('sip:x@10.0.0.1', { callId: 'listed' });
    await world.alice.receives(180);
    const list = (await rpc(world, 'tm.list')) as Record<string, unknown>[];
    assert.equal(list.length, 1);
    const [one] = list;
    assert.deepEqual(
      [one?.['method'], one?.['callid'], one?.['uas_request'], one?.['outgoings']],
      ['INVITE', 'Call-ID: listed\r\n', 'yes', 0],
    );
    await assert.rejects(rpc(world, 'tm.reply', 404, 'Not', '999:1', 'tag', '.'), { message: 'No such transaction' });
    await rpc(
      world,
      'tm.reply',
      404,
      'Not',
      `${String(one?.['tindex'])}:${String(one?.['tlabel'])}`,
      'my-tag',
      'X-Rpc: 1',
    );
    const reply = await world.final(invite);
    assert.deepEqual(
      [reply.startLine, reply.param('To', 'tag'), reply.get('X-Rpc')],
      ['SIP/2.0 404 Not', 'my-tag', '1'],
    );
    const second = world.calls('sip:x@10.0.0.1', { callId: 'other' });
    await world.alice.receives(180);
    await rpc(world, 'tm.reply_callid', 486, 'Busy', 'other', 1, '.', '.');
    assert.equal((await world.final(second)).status, 486);
    const stats = (await rpc(world, 'tm.stats')) as Record<string, number>;
    assert.deepEqual([stats['current'], stats['waiting'], stats['total'], stats['rpl_generated']], [2, 2, 2, 4]);
    assert.equal(tm.core.clean(), 0);
  });
});

test('other modules are told what happens to a transaction', async () => {
  const script =
    'request_route { t_on_failure("F"); $du = "sip:10.0.2.1"; t_relay(); exit; }\nfailure_route[F] { exit; }';
  await withTmWorld(script, async (world, tm) => {
    const seen: string[] = [];
    for (const event of [
      'requestIn',
      'requestOut',
      'requestFwded',
      'replyIn',
      'replyFwded',
      'onFailure',
      'completed',
      'destroy',
    ] as const)
      tm.on(event, ({ code }) => seen.push(code === 0 ? event : `${event} ${code}`));
    const off = tm.on('completed', () => {
      throw new Error('a callback of a test');
    });
    const invite = world.calls();
    const got = await world.bob.receives('INVITE');
    world.bob.replies(got, 180);
    world.bob.replies(got, 486);
    await world.final(invite);
    off();
    await world.passes(6000);
    assert.deepEqual(seen, [
      'requestIn',
      'requestOut',
      'requestFwded',
      'replyIn 180',
      'replyFwded 180',
      'replyIn 486',
      'onFailure 486',
      'replyFwded 486',
      'completed 486',
      'destroy 486',
    ]);
  });
});
