import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RpcDouble } from '../../core/index.ts';
import type { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import ratelimit from './index.ts';
import type { Limiter } from './limiter.ts';
import { waitingIn } from './machine.ts';
import { PidController } from './pid.ts';
import { parsePipe, parseQueue } from './pipes.ts';

interface World {
  readonly bare: BareServer;
  readonly limiter: Limiter;
  /** So many requests through a pipe: how many are dropped. */
  drops(pipe: number, count: number): number;
  advance(ms: number): void;
}

async function start(...pipes: string[]): Promise<World> {
  const bare = new BareServer();
  const limiter = await bare.load(ratelimit, [['timer_interval', 2], ...pipes.map((text) => ['pipe', text] as const)]);
  return {
    bare,
    limiter,
    drops: (pipe, count) => Array.from({ length: count }, () => limiter.checkPipe(pipe)).filter((r) => r < 0).length,
    advance: (ms) => (bare.clock as VirtualClock).advance(ms),
  };
}

suite('algorithms', () => {
  test('TAILDROP lets the first ones of an interval pass', async () => {
    const { drops, advance } = await start('0:TAILDROP:5');
    assert.equal(drops(0, 10), 0);
    assert.equal(drops(0, 5), 5);
    advance(2000);
    assert.equal(drops(0, 12), 2);
  });

  test('RED lets every n-th pass, as the last interval says: the numbers of Kamailio', async () => {
    const { limiter, drops, advance } = await start('1:RED:5');
    assert.equal(drops(1, 41), 0);
    advance(2000);
    const answers = Array.from({ length: 9 }, () => limiter.checkPipe(1));
    assert.deepEqual(answers, [-1, -1, -1, 1, -1, -1, -1, 1, -1]);
    advance(2000);
    assert.equal(drops(1, 20), 0);
  });

  test('FEEDBACK drops as the load says: the numbers of Kamailio', async () => {
    const { bare, drops } = await start('3:FEEDBACK:80');
    const push = (load: number) => bare.server.rpc.call('rl.push_load', [new RpcDouble(load)]);
    const seen: number[] = [];
    for (const load of [0.99, 0.99, 0.99, 0.9, 0.5, 0.5, 0.5, 0.9]) {
      await push(load);
      seen.push(drops(3, 200));
    }
    assert.deepEqual(seen, [8, 18, 28, 32, 18, 2, 0, 0]);
    await bare.server.rpc.call('rl.set_pid', [new RpcDouble(10), new RpcDouble(20), new RpcDouble(5)]);
    for (const [load, wanted] of [
      [0.5, 18],
      [0.99, 0],
      [0.5, 20],
    ] as const) {
      await push(load);
      assert.equal(drops(3, 200), wanted);
    }
    await bare.stop();
  });

  test('NETWORK looks at what waits in the sockets', async () => {
    const { limiter, drops, advance } = await start('2:NETWORK:100');
    assert.equal(drops(2, 5), 0);
    limiter.pipes.tick(101);
    assert.equal(drops(2, 5), 5);
    advance(2000);
    assert.equal(drops(2, 5), 0);
    const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
  10: 0100007F:13C4 00000000:0000 07 00000000:00000A00 00:00000000 00000000     0        0 1 2 0 0
  11: 0100007F:13C5 00000000:0000 07 00000000:000000FF 00:00000000 00000000     0        0 1 2 0 0
  12: 00000000000000000000000000000000:13C4 00000000000000000000000000000000:0000 07 00000000:00000001 00:0 0 0 0 1\n`;
    assert.equal(waitingIn(table, new Set([5060])), 0xa01);
    assert.equal(waitingIn('', new Set([5060])), 0);
  });

  test('the controller does not add up low loads', () => {
    const pid = new PidController();
    for (let i = 0; i < 100; i++) assert.equal(pid.update(0.1, 0.8), 0);
    assert.equal(pid.update(0.99, 0.8), 4);
  });
});

suite('definitions', () => {
  test('pipes and queues', async () => {
    assert.deepEqual(parsePipe('3:FEEDBACK:80'), { id: 3, algorithm: 'FEEDBACK', limit: 80 });
    assert.deepEqual(parseQueue('2:*'), { pipe: 2, method: '*' });
    for (const text of ['', '1:RED', 'x:RED:1', '32:RED:1', '1:NOP:1', '1:red:1', '1:RED:-1'])
      assert.equal(typeof parsePipe(text), 'string', text);
    for (const text of ['', '1', 'x:INVITE', '32:INVITE']) assert.equal(typeof parseQueue(text), 'string', text);
    await assert.rejects(start('1:WHAT:1'), /WHAT/);
  });

  test('a pipe that is changed counts on', async () => {
    const { bare, drops } = await start('0:TAILDROP:1');
    assert.equal(drops(0, 4), 2);
    await bare.server.rpc.call('rl.set_pipe', [0, 'TAILDROP', 3]);
    assert.equal(drops(0, 4), 2);
    assert.equal(drops(9, 2), 2);
    await bare.server.rpc.call('rl.set_dbg', [1]);
    (bare.clock as VirtualClock).advance(2000);
    assert.ok(bare.logged.includes('WARN pipe 0: 8 of 3 (drop rate 0)'), bare.logged.join('\n'));
    await bare.stop();
  });
});
