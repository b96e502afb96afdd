import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import type { StreamConnection } from '../../core/transport/drivers.ts';
import { type SimHost, SimNetwork, type SimNetworkOptions } from './sim-network.ts';

const onError = (error: Error): void => {
  throw error;
};

function setup(
  seed = 1,
  options: SimNetworkOptions = {},
): { clock: VirtualClock; network: SimNetwork; a: SimHost; b: SimHost } {
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(seed), options);
  return { clock, network, a: network.host('10.0.0.1'), b: network.host('10.0.0.2') };
}

test('a datagram arrives after the delay of its direction, with its source', async () => {
  const { clock, network, a, b } = setup();
  network.setLink('10.0.0.1', '10.0.0.2', { delayMs: [20, 20] });
  const got: string[] = [];
  const from = await a.udp.open({ address: '0.0.0.0', port: 5060, family: 4 }, () => {}, onError);
  const to = await b.udp.open(
    { address: '10.0.0.2', port: 0, family: 4 },
    (t, ip, port) => got.push(`${t} ${ip}:${port} @${clock.now()}`),
    onError,
  );
  assert.notEqual(to.port, 0);
  from.send('hello', '10.0.0.2', to.port);
  clock.advance(100);
  assert.deepEqual(got, ['hello 10.0.0.1:5060 @20']);
  await assert.rejects(
    b.udp.open({ address: '10.0.0.2', port: to.port, family: 4 }, () => {}, onError),
    { code: 'EADDRINUSE' },
  );
  to.close();
  from.send('late', '10.0.0.2', to.port);
  clock.advance(100);
  assert.equal(network.counts.unreachable, 1);
});

test('loss, duplication and overtaking come at the rates asked for, and repeat with the seed', async () => {
  const run = async (seed: number): Promise<{ got: string[]; counts: SimNetwork['counts'] }> => {
    const { clock, network, a, b } = setup(seed, {
      link: { loss: 0.2, duplicate: 0.1, delayMs: [1, 5], reorder: 0.05, reorderMs: 50 },
    });
    const got: string[] = [];
    const from = await a.udp.open({ address: '10.0.0.1', port: 1, family: 4 }, () => {}, onError);
    await b.udp.open({ address: '10.0.0.2', port: 2, family: 4 }, (text) => got.push(text), onError);
    for (let i = 0; i < 10_000; i++) {
      from.send(String(i), '10.0.0.2', 2);
      clock.advance(1);
    }
    clock.advance(100);
    return { got, counts: network.counts };
  };
  const { got, counts } = await run(3);
  assert.ok(Math.abs(counts.lost - 2000) < 200, String(counts.lost));
  assert.ok(Math.abs(counts.duplicated - 800) < 150, String(counts.duplicated));
  assert.equal(counts.delivered, got.length);
  assert.ok(got.some((text, i) => i > 0 && Number(text) < Number(got[i - 1]) - 20));
  assert.deepEqual((await run(3)).got, got);
  assert.notDeepEqual((await run(4)).got, got);
});

test('a partition and an isolated host are silent, heal() ends both; kill() takes the sockets away', async () => {
  const { clock, network, a, b } = setup();
  const got: string[] = [];
  const from = await a.udp.open({ address: '10.0.0.1', port: 1, family: 4 }, () => {}, onError);
  await b.udp.open({ address: '10.0.0.2', port: 2, family: 4 }, (text) => got.push(text), onError);
  const say = (text: string): void => {
    from.send(text, '10.0.0.2', 2);
    clock.advance(10);
  };
  network.partition(['10.0.0.1'], ['10.0.0.2']);
  say('cut');
  network.heal();
  say('healed');
  network.isolate('10.0.0.2');
  say('isolated');
  network.heal();
  network.kill('10.0.0.2');
  say('dead');
  assert.deepEqual(got, ['healed']);
});

test('a stream carries bytes in order in both directions, cut at random, and ends on both sides', async () => {
  const { clock, a, b } = setup(5, { maxChunkBytes: 7, link: { delayMs: [1, 30] } });
  const seen = { server: '', client: '', serverClosed: false, clientClosed: false };
  const listener = await b.stream.listen(
    { address: '10.0.0.2', port: 0, family: 4 },
    (conn) => {
      conn.onData = (chunk) => {
        assert.ok(chunk.length <= 7);
        seen.server += chunk;
      };
      conn.onClose = (error) => {
        assert.equal(error, null);
        seen.serverClosed = true;
      };
      conn.write('welcome to the other side');
    },
    onError,
  );
  const conn = await clock.runUntilSettled(a.stream.connect({ ip: '10.0.0.2', port: listener.port, timeoutMs: 1000 }));
  conn.onData = (chunk) => {
    seen.client += chunk;
  };
  conn.onClose = () => {
    seen.clientClosed = true;
  };
  const text = 'x'.repeat(500) + 'y'.repeat(500);
  conn.write(text);
  conn.end();
  await clock.advanceAsync(5000);
  assert.equal(seen.server, text);
  assert.equal(seen.serverClosed && seen.clientClosed, true);
});

test('connecting is refused without a listener, times out when cut; a killed host resets its streams', async () => {
  const { clock, network, a, b } = setup();
  await assert.rejects(clock.runUntilSettled(a.stream.connect({ ip: '10.0.0.2', port: 5060, timeoutMs: 1000 })), {
    code: 'ECONNREFUSED',
  });
  await b.stream.listen({ address: '10.0.0.2', port: 5060, family: 4 }, () => {}, onError);
  network.isolate('10.0.0.2');
  await assert.rejects(clock.runUntilSettled(a.stream.connect({ ip: '10.0.0.2', port: 5060, timeoutMs: 1000 })), {
    code: 'ETIMEDOUT',
  });
  network.heal();
  const conn = await clock.runUntilSettled(a.stream.connect({ ip: '10.0.0.2', port: 5060, timeoutMs: 1000 }));
  const closed = new Promise<Error | null>((resolve) => {
    conn.onClose = resolve;
  });
  network.kill('10.0.0.2');
  assert.equal(((await clock.runUntilSettled(closed)) as NodeJS.ErrnoException).code, 'ECONNRESET');
});

test('a paused reader makes the bytes queue at the writer; a cut stream goes on after heal()', async () => {
  const { clock, network, a, b } = setup();
  let server: StreamConnection | null = null;
  let received = 0;
  await b.stream.listen(
    { address: '10.0.0.2', port: 5060, family: 4 },
    (conn) => {
      server = conn;
      conn.pause();
      conn.onData = (chunk) => {
        received += chunk.length;
      };
    },
    onError,
  );
  const conn = await clock.runUntilSettled(a.stream.connect({ ip: '10.0.0.2', port: 5060, timeoutMs: 1000 }));
  conn.write('x'.repeat(100_000));
  clock.advance(1000);
  assert.equal(received, 0);
  assert.equal(conn.queuedBytes, 100_000 - 65_536);
  network.isolate('10.0.0.1');
  (server as StreamConnection | null)?.resume();
  clock.advance(1000);
  assert.equal(received, 0);
  network.heal();
  clock.advance(1000);
  assert.equal(received, 100_000);
  assert.equal(conn.queuedBytes, 0);
});
