import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  ALICES,
  BOBS,
  ends,
  fromBob,
  hungUp,
  inDialog,
  isReply,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipPeer } from '../../test/support/sip-peer.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Calls go to bob, or to carol; events are logged with a version. */
const script = (version: string, target: string) => `
  request_route { $ru = "${target}"; b2b_call(); exit; }
  event_route[b2bua:request] { xlog("${version} $rm\\n"); route(SAY); }
  event_route[b2bua:end] { xlog("${version} END\\n"); }
  route[SAY] { xlog("${version} SAY\\n"); }`;
const V1 = script('V1', 'sip:bob@10.0.2.1');
const V2 = script('V2', 'sip:carol@10.0.2.2');
const LOAD = 'loadmodule "b2bua.so"\n';

const said = (world: SipWorld): string[] =>
  world.sim.log.lines.map((line) => /V\d \w+/.exec(line)?.[0] ?? '').filter((line) => line !== '');

/** alice's second call, which carol answers. */
async function newCall(world: SipWorld): Promise<TestMsg> {
  world.calls('sip:x@10.0.0.1', { callId: 'second', ...ALICES });
  world.carol.replies(await world.carol.receives('INVITE'), 200, BOBS);
  const ok = await world.alice.receives((msg) => msg.status === 200 && msg.get('Call-ID') === 'second');
  world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
  await world.carol.receives('ACK');
  return ok;
}

async function info(world: SipWorld, ok: TestMsg, cseq: number, at: SipPeer): Promise<void> {
  world.alice.sends(inDialog(world, 'INFO', ok, { cseq }));
  at.replies(await at.receives('INFO'), 200);
  await world.alice.receives(isReply('INFO', 200));
}

describe('a reload while calls are there', () => {
  test('A5: the events of a call keep the routes it began with, a new call has the new ones; the old script is freed at its end', async () => {
    await withB2b(
      async (world) => {
        const old = new WeakRef(world.sim.server.program);
        const sides = await talking(world);
        await info(world, sides.ok, 2, world.bob);
        assert.equal((await world.reload(V2, LOAD)).ok, true);
        await info(world, sides.ok, 3, world.bob);
        const ok = await newCall(world);
        await info(world, ok, 2, world.carol);
        await ends(world, sides, 4);
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 3 }));
        await hungUp(world.carol);
        await world.passes(10);
        assert.equal(
          said(world).join(),
          'V1 INFO,V1 SAY,V1 INFO,V1 SAY,V2 INFO,V2 SAY,V1 BYE,V1 SAY,V1 END,V2 BYE,V2 SAY,V2 END',
        );
        await world.passes(120_000);
        collect();
        assert.equal(old.deref(), undefined);
      },
      {},
      V1,
    );
  });

  test('A2: one with errors, in the script or in a parameter, names them and leaves what was', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        for (const [routes, params, error] of [
          ['request_route { no_such(); }', LOAD, /no_such/],
          [V2, `${LOAD}modparam("b2bua", "refer_mode", "perhaps")`, /refer_mode/],
          [V2, `${LOAD}modparam("b2bua", "header_pass_regexp", "(")`, /header_pass_regexp/],
          [V2, `${LOAD}modparam("b2bua", "no_such", 1)`, /no_such/],
        ] as const) {
          const { ok, messages } = await world.reload(routes, params);
          assert.equal(ok, false);
          assert.match(messages.join('\n'), error);
        }
        await info(world, sides.ok, 2, world.bob);
        await ends(world, sides, 3);
        const again = world.calls('sip:bob@10.0.0.1', { callId: 'again' });
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        assert.equal((await world.final(again)).status, 486);
      },
      {},
      V1,
    );
  });

  test('A5: nothing that comes while a reload is on its way is lost', async () => {
    await withB2b(
      async (world) => {
        const sides = await talking(world);
        const isOver = world.reload(V1, `${LOAD}modparam("b2bua", "header_drop", "X-Not")`);
        const callIds = Array.from({ length: 20 }, (_, i) => `during-${i}`);
        for (const callId of callIds) world.calls('sip:bob@10.0.0.1', { callId, headers: { 'X-Not': '1' } });
        world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 2 }));
        assert.deepEqual(await isOver, { ok: true, messages: [], unchanged: [] });
        await world.bob.receives(isReply('BYE', 200));
        await hungUp(world.alice);
        for (const callId of callIds) {
          const invite = await world.bob.receives('INVITE');
          world.bob.replies(invite, 486);
          const refused = await world.alice.receives((msg) => msg.status === 486 && msg.get('Call-ID') === callId);
          assert.equal(refused.cseqMethod, 'INVITE');
        }
        // What is new counts for what comes now.
        world.calls('sip:bob@10.0.0.1', { callId: 'after', headers: { 'X-Not': '1' } });
        const after = await world.bob.receives('INVITE');
        assert.equal(after.has('X-Not'), false);
        world.bob.replies(after, 486);
      },
      {},
      V1,
    );
  });
});
