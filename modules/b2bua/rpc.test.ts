import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inDialog, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import { mermaidLadder, textLadder } from './ladder.ts';

function rpc<T>(world: SipWorld, method: string, ...params: (string | number)[]): Promise<T> {
  return world.sim.server.rpc.call(`b2bua.${method}`, params) as unknown as Promise<T>;
}

interface Summary {
  readonly id: string;
  readonly state: string;
  readonly caller: string;
  readonly legs: number;
  readonly duration: number;
}

async function hangsUp(world: SipWorld, ok: Parameters<typeof inDialog>[2]): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

describe('RPC', () => {
  test('A3: list and get show what is there, and nothing after the end', async () => {
    await withB2b(async (world) => {
      assert.deepEqual(await rpc(world, 'list'), []);
      const { ok } = await talking(world);
      await world.passes(5000);
      const [call] = await rpc<Summary[]>(world, 'list');
      assert.equal(call?.state, 'confirmed');
      assert.equal(call?.caller, 'sip:alice@example.org');
      assert.deepEqual([call?.legs, call?.duration], [2, 5]);
      const all = await rpc<{ legs: { id: string; joined: string; dir: string }[] }>(world, 'get', call?.id ?? '');
      assert.deepEqual(
        all.legs.map(({ dir }) => dir),
        ['in', 'out'],
      );
      assert.equal(all.legs[0]?.joined, all.legs[1]?.id);
      const [dump] = await rpc<{ history: string[]; mailbox: number }[]>(world, 'dump');
      assert.equal(dump?.mailbox, 0);
      assert.ok((dump?.history.length ?? 0) > 5);
      await assert.rejects(rpc(world, 'get', 'nothing'), { code: 404 });
      await hangsUp(world, ok);
      await world.passes(1000);
      assert.deepEqual(await rpc(world, 'list'), []);
      assert.equal((await rpc<Summary>(world, 'get', call?.id ?? '')).state, 'ended');
      await assert.rejects(rpc(world, 'end', call?.id ?? ''), { code: 410 });
      await world.passes(40_000);
      await assert.rejects(rpc(world, 'get', call?.id ?? ''), { code: 404 });
    });
  });

  test('A14: history has what was received and sent, in order, with times', async () => {
    await withB2b(async (world) => {
      const { ok } = await talking(world);
      await world.passes(2000);
      const [call] = await rpc<Summary[]>(world, 'list');
      await hangsUp(world, ok);
      const history = await rpc<string[]>(world, 'history', call?.id ?? '');
      const said = history.map((line) => line.replace(/^(\S+) \S*-(\d) /, '$2 ').replace(/^\S+ - /, '- '));
      assert.deepEqual(said.slice(0, 9), [
        '1 < INVITE sip:bob@10.0.0.1',
        '2 > INVITE',
        '2 < 180 Ringing',
        '1 > 180 Ringing',
        '2 < 200 OK',
        '1 > 200 OK',
        '1 < ACK',
        '2 > ACK',
        '1 < BYE',
      ]);
      assert.ok(said.includes('- ended: bye'));
      const times = history.map((line) => Number.parseFloat(line));
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
      );
      assert.ok((times.at(-1) ?? 0) >= 2);
    });
  });

  test('A14: ladder draws it', async () => {
    await withB2b(async (world) => {
      const { ok } = await talking(world);
      const [call] = await rpc<Summary[]>(world, 'list');
      const text = await rpc<string[]>(world, 'ladder', call?.id ?? '');
      assert.match(text[0] ?? '', /b2bua +sip:alice@example\.org +sip:bob@10\.0\.0\.1/);
      assert.match(text[1] ?? '', /0\.000 +\|< INVITE sip:bob@/);
      const mermaid = await rpc<string[]>(world, 'ladder', call?.id ?? '', 'mermaid');
      assert.equal(mermaid[0], 'sequenceDiagram');
      assert.ok(mermaid.some((line) => line.startsWith('  us->>l1: INVITE (')));
      await assert.rejects(rpc(world, 'ladder', call?.id ?? '', 'oil'), { code: 400 });
      await hangsUp(world, ok);
    });
  });

  test('A38: limits and stats: counters, failures by status, post-dial delays', async () => {
    await withB2b(
      async (world) => {
        const { ok } = await talking(world);
        const limits = await rpc<{ name: string }[]>(world, 'limits');
        assert.deepEqual(
          limits.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
          [
            { name: 'bob', key: 'alice', count: 1 },
            { name: 'max_calls', key: '', count: 1 },
          ],
        );
        await hangsUp(world, ok);
        const refused = world.calls('sip:bob@10.0.0.1', { callId: 'second' });
        const atBob = await world.bob.receives('INVITE');
        await world.passes(1500);
        world.bob.replies(atBob, 180);
        await world.passes(100);
        world.bob.replies(atBob, 404);
        await world.final(refused);
        await world.passes(10);
        const stats = await rpc<Record<string, unknown>>(world, 'stats');
        assert.deepEqual(
          [stats['calls'], stats['answered'], stats['setup_fail'], stats['active_calls'], stats['failures']],
          [2, 1, 1, 0, { 404: 1 }],
        );
        const pdd = stats['pdd'] as Record<string, number>;
        assert.deepEqual([pdd['le_100'], pdd['le_2000'], stats['pdd_count']], [1, 1, 2]);
      },
      {},
      'request_route { b2b_limit("bob", 5, "alice"); $ru = "sip:bob@10.0.2.1"; b2b_call(); exit; }',
    );
  });
});

describe('ladders', () => {
  const legs = [
    { id: 'a', label: 'alice' },
    { id: 'b', label: 'bob;x' },
  ];
  const history = [
    { atMs: 1000, leg: 'a', what: '< INVITE' },
    { atMs: 1001, leg: 'b', what: '> INVITE' },
    { atMs: 1500, leg: '', what: 'ended: bye' },
  ];

  test('text: each leg has its line', () => {
    assert.deepEqual(textLadder(history, legs, 1000), [
      '         b2bua                     alice                     bob;x',
      '  0.000  |<------- INVITE ---------|                         |',
      '  0.001  |-------------------------+-------- INVITE -------->|',
      '  0.500  |  (ended: bye)',
    ]);
  });

  test('Mermaid: what would end a line is left out', () => {
    assert.deepEqual(mermaidLadder(history, legs, 1000), [
      'sequenceDiagram',
      '  participant us as b2bua',
      '  participant l0 as alice',
      '  participant l1 as bob x',
      '  l0->>us: INVITE (0.000)',
      '  us->>l1: INVITE (0.001)',
      '  Note over us: ended: bye (0.500)',
    ]);
  });
});
