import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { BareServer } from '../../test/support/bare-server.ts';
import pike from './index.ts';
import type { Pike } from './pike.ts';

/** A pike on virtual time; `ask` sends so many requests of an address and tells the answers, as `1x13 -2x1`. */
class World {
  readonly bare = new BareServer();
  pike!: Pike;

  static async start(limit: number, unitSec = 1000, latencySec = 2000): Promise<World> {
    const world = new World();
    world.pike = await world.bare.load(pike, [
      ['reqs_density_per_unit', limit],
      ['sampling_time_unit', unitSec],
      ['remove_latency', latencySec],
    ]);
    return world;
  }

  ask(ip: string, count: number): string {
    const runs: { answer: number; count: number }[] = [];
    for (let i = 0; i < count; i++) {
      const answer = this.pike.check(ip);
      const last = runs.at(-1);
      if (last?.answer === answer) last.count++;
      else runs.push({ answer, count: 1 });
    }
    return runs.map(({ answer, count: times }) => `${answer}x${times}`).join(' ');
  }

  advance(ms: number): void {
    (this.bare.clock as unknown as { advance(ms: number): void }).advance(ms);
  }
}

suite('pike', () => {
  test('an address is known once enough requests come, and blocked beyond the limit: the numbers of Kamailio 5.6.3', async () => {
    const first: Readonly<Record<number, number>> = {
      1: 4,
      7: 10,
      8: 11,
      10: 13,
      15: 19,
      16: 21,
      24: 31,
      30: 38,
      31: 39,
      32: 41,
      64: 81,
      100: 126,
      160: 201,
    };
    for (const [limit, passes] of Object.entries(first)) {
      const world = await World.start(Number(limit));
      assert.equal(world.ask('1.2.3.4', passes + 5), `1x${passes} -2x1 -1x4`, `limit ${limit}`);
    }
  });

  test('addresses that share bytes are known sooner', async () => {
    const world = await World.start(64);
    assert.equal(world.ask('1.2.3.4', 16), '1x16');
    assert.equal(world.ask('1.7.9.9', 70), '1x66 -2x1 -1x3');
    assert.equal(world.ask('1.7.9.8', 66), '1x64 -2x1 -1x1');
  });

  test('what a sampling unit has counted is remembered for one more', async () => {
    const world = await World.start(64, 2);
    world.ask('1.2.3.4', 58);
    world.advance(2000);
    assert.deepEqual(
      world.pike.leaves().map(({ previous, current }) => [previous, current]),
      [[40, 0]],
    );
    assert.equal(world.ask('1.2.3.4', 110), '1x63 -2x1 -1x46');
    world.advance(2000);
    assert.equal(world.ask('1.2.3.4', 5), '-1x5');
    world.advance(2000);
    assert.equal(world.ask('1.2.3.4', 5), '1x5');
    assert.ok(world.bare.logged.some((line) => line.endsWith('unblocking 1.2.3.4')));
    world.advance(2000);
    assert.equal(world.ask('1.2.3.4', 70), '1x63 -2x1 -1x6');
  });

  test('addresses are forgotten byte by byte', async () => {
    const world = await World.start(64, 2, 4);
    assert.equal(world.ask('1.2.3.4', 82), '1x81 -2x1');
    world.advance(6000);
    assert.deepEqual(world.pike.leaves(), []);
    assert.equal(world.ask('1.2.3.4', 82), '1x79 -2x1 -1x2');
    world.advance(11_000);
    assert.equal(world.ask('1.2.3.4', 82), '1x80 -2x1 -1x1');
    world.advance(40_000);
    assert.equal(world.ask('1.2.3.4', 82), '1x81 -2x1');
  });

  test('IPv6 addresses are counted too; what is no address is refused', async () => {
    const world = await World.start(10);
    assert.equal(world.ask('2001:db8::1', 40), '1x25 -2x1 -1x14');
    assert.equal(world.ask('[2001:db8::1]', 1), '-1x1');
    assert.equal(world.ask('bad', 1), '-1x1');
  });

  test('all memory comes back', async () => {
    const world = await World.start(1, 2, 4);
    const { sharedHeap } = world.bare.server;
    let used = 0;
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 2000; i++) world.ask(`10.${round}.${i >> 8}.${i & 255}`, 5);
      world.advance(60_000);
      assert.deepEqual(world.pike.leaves(), []);
      if (round > 0) assert.equal(sharedHeap.usedBytes, used);
      used = sharedHeap.usedBytes;
    }
  });
});
