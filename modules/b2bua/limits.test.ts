import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { heapMemory, SharedHeap } from 'strowger';
import { ANSWER, fromBob, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import type { Calls } from './calls.ts';
import { Limits } from './limits.ts';

/** The module's state, for looking at what is left. */
function callsOf(world: SipWorld): Calls {
  return world.sim.server.modules.loaded.find(({ name }) => name === 'b2bua')?.state as Calls;
}

function worker(memory: SharedArrayBuffer, workerIndex: number): Limits {
  return new Limits({ sharedHeap: new SharedHeap(memory, workerIndex), workerIndex });
}

const LIMITED = `request_route {
  if (!b2b_limit("out", 1)) { b2b_reject(486, "Line in use"); exit; }
  $ru = "sip:bob@10.0.2.1"; b2b_call(); exit;
}`;

describe('A38: limits count over all workers', () => {
  test('A38: what one worker holds the others see; a holder has one slot of each limit', () => {
    const memory = heapMemory(1);
    const [one, two] = [worker(memory, 0), worker(memory, 1)];
    const [a, b, c] = [{}, {}, {}];
    assert.ok(one.take(a, 'trunk', 2));
    assert.ok(one.take(a, 'trunk', 2));
    assert.ok(two.take(b, 'trunk', 2));
    assert.ok(!one.take(c, 'trunk', 2));
    assert.ok(one.take(c, 'trunk', 2, 'of another key'));
    assert.equal(two.count('trunk'), 2);
    one.release(a);
    one.release(a);
    assert.ok(two.take(c, 'trunk', 2));
    for (const limits of [one, two]) limits.close();
    assert.deepEqual(one.list(), []);
  });

  test('A38: what a worker held that died is free again for the one in its place', () => {
    const memory = heapMemory(1);
    const [one, two] = [worker(memory, 0), worker(memory, 1)];
    one.take({}, 'trunk', 5);
    one.take({}, 'trunk', 5);
    two.take({}, 'trunk', 5);
    assert.equal(worker(memory, 0).count('trunk'), 1);
  });
});

describe('A38: a slot lives as long as its call', () => {
  /** A way for the one call to end; the next call then finds its slot free. */
  const ways: Readonly<Record<string, (world: SipWorld) => Promise<void>>> = {
    'the caller hangs up': async (world) => {
      const { ok } = await talking(world);
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      await world.alice.receives(200);
      world.bob.replies(await world.bob.receives('BYE'), 200);
    },
    'the callee hangs up': async (world) => {
      const { atBob } = await talking(world);
      world.bob.sends(fromBob(world, 'BYE', atBob, { cseq: 2 }));
      world.alice.replies(await world.alice.receives('BYE'), 200);
    },
    'the callee refuses': async (world) => {
      const invite = world.calls();
      world.bob.replies(await world.bob.receives('INVITE'), 486);
      await world.final(invite);
    },
    'the caller cancels': async (world) => {
      const invite = world.calls();
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180);
      world.alice.sends(world.cancelOf(invite));
      await world.final(invite);
      world.bob.replies(await world.bob.receives('CANCEL'), 200);
      world.bob.replies(atBob, 487);
    },
    'CANCEL crosses the answer': async (world) => {
      const invite = world.calls();
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 180);
      await world.alice.receives(180);
      world.alice.sends(world.cancelOf(invite));
      world.bob.replies(atBob, 200, { body: ANSWER, contentType: 'application/sdp' });
      const reply = await world.final(invite);
      if (reply.status === 200) {
        world.alice.sends(inDialog(world, 'ACK', reply, { cseq: 1 }));
        world.alice.sends(inDialog(world, 'BYE', reply, { cseq: 2 }));
      }
      world.bob.replies(await world.bob.receives('BYE'), 200);
    },
    'nobody answers': async (world) => {
      await world.final(world.calls());
    },
    'the caller sends no ACK, and no answer to BYE': async (world) => {
      world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: 'application/sdp' });
      world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: 'application/sdp' });
      await world.alice.receives('BYE', 60_000);
      await world.passes(40_000);
    },
    'neither side answers BYE': async (world) => {
      const { ok } = await talking(world);
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      await world.passes(40_000);
    },
  };
  for (const [name, way] of Object.entries(ways))
    test(`A38: ${name}`, async () => {
      await withB2b(
        async (world) => {
          await way(world);
          await world.passes(1000);
          assert.deepEqual(callsOf(world).limits.list(), []);
          assert.equal(callsOf(world).limits.holders, 0);
          world.alice.inbox.length = 0;
          world.bob.inbox.length = 0;
          const next = world.calls('sip:bob@10.0.0.1', { callId: 'next' });
          const atBob = await world.bob.receives((msg) => msg.method === 'INVITE' && msg.get('Call-ID') !== null);
          world.bob.replies(atBob, 404);
          assert.equal((await world.final(next)).status, 404);
        },
        {},
        LIMITED,
      );
    });

  test('A38: the second call is refused by the script, and takes nothing', async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        const second = world.calls('sip:bob@10.0.0.1', { callId: 'second' });
        const reply = await world.final(second);
        assert.equal(reply.startLine, 'SIP/2.0 486 Line in use');
        assert.equal(callsOf(world).limits.count('out'), 1);
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
      {},
      LIMITED,
    );
  });

  test('A38: a script that answers past the call, or not at all, leaves no slot', async () => {
    const routes = `request_route {
      b2b_limit("out", 9);
      if ($rU == "past") t_reply("404", "Not here");
      exit;
    }`;
    await withB2b(
      async (world) => {
        assert.equal((await world.final(world.calls('sip:past@10.0.0.1'))).status, 404);
        await world.passes(1);
        assert.equal(callsOf(world).limits.count('out'), 0);
        world.calls('sip:nothing@10.0.0.1', { callId: 'silent' });
        await world.passes(300_000);
        assert.equal(callsOf(world).limits.count('out'), 0);
      },
      {},
      routes,
    );
  });

  test('A38: b2b_limit_get counts, b2bua:limit is told, each key has slots of its own', async () => {
    const routes = `request_route {
      if (!b2b_limit("user", 1, "$fU")) { b2b_reject(486); exit; }
      b2b_limit_get("user", "$fU");
      b2b_answer(200, "n=$rc");
      exit;
    }
    event_route[b2bua:limit] { b2b_reject(403, "No more of $b2b(limit)"); }`;
    await withB2b(
      async (world) => {
        const ok = await world.final(world.calls('sip:x@10.0.0.1', { callId: 'one' }));
        assert.equal(ok.body, 'n=1');
        world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1 }));
        const refused = await world.final(world.calls('sip:x@10.0.0.1', { callId: 'two' }));
        assert.equal(refused.startLine, 'SIP/2.0 403 No more of user');
        const other = world.calls('sip:x@10.0.0.1', { callId: 'three', from: '<sip:zoe@example.org>' });
        const second = await world.final(other);
        assert.equal(second.status, 200);
        world.alice.sends(inDialog(world, 'ACK', second, { cseq: 1 }));
        for (const reply of [ok, second]) {
          world.alice.sends(inDialog(world, 'BYE', reply, { cseq: 2 }));
          await world.alice.receives((msg) => msg.cseqMethod === 'BYE' && msg.status === 200);
        }
      },
      {},
      routes,
    );
  });
});

describe('A38: max_calls', () => {
  const params = { params: 'modparam("b2bua", "max_calls", 1)' };

  test('A38: the call beyond it gets 480, b2b_call says -5', async () => {
    const routes = 'request_route { $ru = "sip:bob@10.0.2.1"; b2b_call(); if ($rc == -5) xlog("beyond\\n"); exit; }';
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        assert.equal((await world.final(world.calls('sip:bob@10.0.0.1', { callId: 'second' }))).status, 480);
        assert.ok(world.sim.log.lines.some((line) => line.includes('beyond')));
        assert.equal(world.sim.server.counters.find('b2bua', 'limit_rejects')?.get(), 1);
        world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
        world.bob.replies(await world.bob.receives('BYE'), 200);
        await world.passes(1);
        const third = world.calls('sip:bob@10.0.0.1', { callId: 'third' });
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        assert.equal((await world.final(third)).status, 486);
      },
      params,
      routes,
    );
  });

  test('A38: no slot is left after fifty calls of which every packet may be lost', async () => {
    for (let seed = 1; seed <= 10; seed++)
      await withB2b(
        async (world) => {
          world.bob.autoReply = null;
          const sends = [180, 200] as const;
          for (let i = 0; i < 5; i++) {
            const invite = world.calls('sip:bob@10.0.0.1', { callId: `lost-${i}` });
            await world.passes(100);
            for (const atBob of world.bob.inbox.splice(0))
              for (const status of sends) if (atBob.method === 'INVITE') world.bob.replies(atBob, status);
            if (i % 2 === 0) world.alice.sends(world.cancelOf(invite));
            await world.passes(500);
          }
          await world.passes(400_000);
          assert.deepEqual(callsOf(world).limits.list(), []);
        },
        { params: 'modparam("b2bua", "max_calls", 3)', networkSeed: seed, network: { link: { loss: 0.3 } } },
      );
  });
});
