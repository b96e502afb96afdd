import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { datagramEnvironment } from './datagram-environment.ts';
import type { UdpDriver, UdpEndpoint, UdpOptions } from './drivers.ts';
import { selectUdpDriver } from './udp.ts';

const LOOPBACK4 = { address: '127.0.0.1', port: 0, family: 4 } as const;
const LOOPBACK6 = { address: '::1', port: 0, family: 6 } as const;

/** An endpoint whose datagrams and errors can be awaited. */
class Peer {
  readonly seen: { text: string; ip: string; port: number }[] = [];
  readonly errors: Error[] = [];
  #wake: () => void = () => {};
  #endpoint: UdpEndpoint | null = null;

  get endpoint(): UdpEndpoint {
    assert.ok(this.#endpoint !== null);
    return this.#endpoint;
  }

  static async open(
    driver: UdpDriver,
    options: UdpOptions,
    answer?: (peer: Peer, text: string, ip: string, port: number) => void,
  ): Promise<Peer> {
    const peer = new Peer();
    peer.#endpoint = await driver.open(
      options,
      (text, ip, port) => {
        peer.seen.push({ text, ip, port });
        answer?.(peer, text, ip, port);
        peer.#wake();
      },
      (error) => {
        peer.errors.push(error);
        peer.#wake();
      },
    );
    return peer;
  }

  /** Resolves once `count` datagrams have come and `errors` errors. */
  async until(count: number, errors = 0): Promise<void> {
    while (this.seen.length < count || this.errors.length < errors) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const choices = typeof datagramEnvironment() === 'string' ? (['dgram'] as const) : (['addon', 'dgram'] as const);

test('the addon is built wherever a compiler is (otherwise only node:dgram is tested)', (t) => {
  const environment = datagramEnvironment();
  if (typeof environment === 'string') t.diagnostic(environment);
  assert.equal(selectUdpDriver('dgram').name, 'dgram');
  let reason = '';
  const driver = selectUdpDriver('auto', (text) => {
    reason = text;
  });
  assert.equal(driver.name, reason === '' ? 'addon' : 'dgram');
});

for (const choice of choices) {
  describe(`UDP through ${choice}`, { timeout: 30_000 }, () => {
    const driver = selectUdpDriver(choice);
    const opened: UdpEndpoint[] = [];
    const open: typeof Peer.open = async (...args) => {
      const peer = await Peer.open(...args);
      opened.push(peer.endpoint);
      return peer;
    };
    after(() => {
      for (const endpoint of opened) endpoint.close();
    });

    for (const options of [LOOPBACK4, LOOPBACK6]) {
      test(`a datagram and its answer, IPv${options.family}`, async () => {
        const server = await open(driver, options, (peer, text, ip, port) =>
          peer.endpoint.send(`re:${text}`, ip, port),
        );
        const client = await open(driver, options);
        assert.notEqual(server.endpoint.port, 0);
        client.endpoint.send('hello', options.address, server.endpoint.port);
        await client.until(1);
        assert.deepEqual(client.seen, [{ text: 're:hello', ip: options.address, port: server.endpoint.port }]);
        assert.deepEqual(server.seen, [{ text: 'hello', ip: options.address, port: client.endpoint.port }]);
      });
    }

    test('every byte survives, one char each', async () => {
      const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
      const server = await open(driver, LOOPBACK4, (peer, text, ip, port) => peer.endpoint.send(text, ip, port));
      const client = await open(driver, LOOPBACK4);
      client.endpoint.send(all, '127.0.0.1', server.endpoint.port);
      await client.until(1);
      assert.equal(client.seen[0]?.text, all);
    });

    test('an empty datagram and one of 65507 bytes pass; one byte more is reported', async () => {
      const server = await open(driver, LOOPBACK4);
      const client = await open(driver, LOOPBACK4);
      const { port } = server.endpoint;
      client.endpoint.send('', '127.0.0.1', port);
      await server.until(1);
      client.endpoint.send('x'.repeat(65507), '127.0.0.1', port);
      await server.until(2);
      client.endpoint.send('x'.repeat(65508), '127.0.0.1', port);
      await client.until(0, 1);
      assert.match(String(client.errors[0]?.message), /65508 bytes to 127\.0\.0\.1:\d+ failed: EMSGSIZE/);
      assert.deepEqual(
        server.seen.map((datagram) => datagram.text.length),
        [0, 65507],
      );
    });

    test('a wrong family, a host name and port 0 are reported, not thrown', async () => {
      const client = await open(driver, LOOPBACK4);
      client.endpoint.send('x', '::1', 5060);
      client.endpoint.send('x', 'example.org', 5060);
      client.endpoint.send('x', '127.0.0.1', 0);
      await client.until(0, 3);
      for (const error of client.errors) assert.match(error.message, /EINVAL/);
    });

    test('a closed port at the other end kills nothing', async () => {
      const gone = await open(driver, LOOPBACK4);
      const { port } = gone.endpoint;
      gone.endpoint.close();
      const server = await open(driver, LOOPBACK4);
      const client = await open(driver, LOOPBACK4);
      for (let i = 0; i < 10; i++) {
        client.endpoint.send('lost', '127.0.0.1', port);
        client.endpoint.send(`kept ${i}`, '127.0.0.1', server.endpoint.port);
        await server.until(i + 1);
      }
      assert.equal(server.seen.length, 10);
    });

    test('an address in use is an error that names it', async () => {
      const first = await open(driver, LOOPBACK4);
      const { port } = first.endpoint;
      await assert.rejects(open(driver, { ...LOOPBACK4, port }), {
        code: 'UDP_BIND',
        message: `udp:127.0.0.1:${port}: cannot listen: EADDRINUSE`,
      });
      await assert.rejects(open(driver, { ...LOOPBACK4, address: '192.0.2.1' }), /EADDRNOTAVAIL/);
    });

    test('several sockets share a port with reusePort', async () => {
      const first = await open(driver, { ...LOOPBACK4, reusePort: true });
      const { port } = first.endpoint;
      const second = await open(driver, { ...LOOPBACK4, reusePort: true, port });
      assert.equal(second.endpoint.port, port);
    });

    test('receive buffer and TOS are set without complaint', async () => {
      const server = await open(driver, { ...LOOPBACK4, receiveBufferBytes: 131072, tos: 0xb8 });
      const client = await open(driver, { ...LOOPBACK6, receiveBufferBytes: 131072, tos: 0xb8 });
      client.endpoint.send('x', '::1', client.endpoint.port);
      await client.until(1);
      assert.equal(server.errors.length, 0);
    });

    test('sends made by a handler, its microtasks, a timer and other sockets all leave, in order', async () => {
      const other = await open(driver, LOOPBACK4);
      const client = await open(driver, LOOPBACK4);
      const server = await open(driver, LOOPBACK4, (peer, _text, ip, port) => {
        peer.endpoint.send('1', ip, port);
        other.endpoint.send('other', ip, port);
        peer.endpoint.send('2', ip, port);
        queueMicrotask(() => {
          peer.endpoint.send('3', ip, port);
          void Promise.resolve().then(() => peer.endpoint.send('4', ip, port));
        });
        setImmediate(() => peer.endpoint.send('5', ip, port));
      });
      client.endpoint.send('go', '127.0.0.1', server.endpoint.port);
      await client.until(6);
      const fromServer = client.seen.filter((datagram) => datagram.port === server.endpoint.port);
      assert.deepEqual(
        fromServer.map((datagram) => datagram.text),
        ['1', '2', '3', '4', '5'],
      );
    });

    test('10,000 small exchanges, one after the other', async () => {
      const server = await open(driver, LOOPBACK4, (peer, text, ip, port) => peer.endpoint.send(text, ip, port));
      let next = 0;
      const { port: to } = server.endpoint;
      const client = await open(driver, LOOPBACK4, (peer, text) => {
        assert.equal(text, String(next));
        peer.seen.length = 0;
        if (++next < 10_000) peer.endpoint.send(String(next), '127.0.0.1', to);
        else peer.seen.push({ text: 'done', ip: '', port: 0 });
      });
      client.endpoint.send('0', '127.0.0.1', to);
      await client.until(1);
      assert.equal(next, 10_000);
    });

    test('a burst larger than a batch arrives whole', async () => {
      const server = await open(driver, { ...LOOPBACK4, receiveBufferBytes: 4 << 20 });
      const client = await open(driver, LOOPBACK4);
      for (let i = 0; i < 150; i++) client.endpoint.send(`n${i}`, '127.0.0.1', server.endpoint.port);
      await server.until(150);
      assert.deepEqual(
        server.seen.map((datagram) => datagram.text),
        Array.from({ length: 150 }, (_, i) => `n${i}`),
      );
    });

    test('what is sent just before close still leaves (property: any texts)', async () => {
      const server = await open(driver, { ...LOOPBACK4, receiveBufferBytes: 4 << 20 });
      const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.string({ unit: byte, maxLength: 300 }), { minLength: 1, maxLength: 20 }),
          async (texts) => {
            server.seen.length = 0;
            const client = await Peer.open(driver, LOOPBACK4);
            for (const text of texts) client.endpoint.send(text, '127.0.0.1', server.endpoint.port);
            if (choice === 'addon') client.endpoint.close();
            await server.until(texts.length);
            client.endpoint.close();
            assert.deepEqual(
              server.seen.map((datagram) => datagram.text),
              texts,
            );
          },
        ),
        { numRuns: 50 },
      );
    });

    test('a handler may close its socket in the middle of a batch', async () => {
      let calls = 0;
      const server = await open(driver, LOOPBACK4, (peer) => {
        calls++;
        peer.endpoint.close();
      });
      const client = await open(driver, LOOPBACK4);
      const witness = await open(driver, LOOPBACK4);
      for (let i = 0; i < 5; i++) client.endpoint.send('x', '127.0.0.1', server.endpoint.port);
      await server.until(1);
      client.endpoint.send('still alive', '127.0.0.1', witness.endpoint.port);
      await witness.until(1);
      assert.equal(calls, 1);
      server.endpoint.send('ignored', '127.0.0.1', witness.endpoint.port);
      server.endpoint.close();
    });

    test('a multicast group is joined', async (t) => {
      const group = { address: '239.192.3.7', port: 0, family: 4, multicastTtl: 1, multicastLoopback: true } as const;
      let first: Peer;
      try {
        first = await open(driver, group);
      } catch (error) {
        t.skip(`no multicast here: ${String(error)}`);
        return;
      }
      const second = await open(driver, { ...group, port: first.endpoint.port });
      assert.equal(second.endpoint.port, first.endpoint.port);
    });

    test('batchDelayMicros: what gathers on a busy line comes whole, in order, and timers fire meanwhile', async () => {
      const options = { ...LOOPBACK4, batchDelayMicros: 2000 };
      const server = await open(driver, options, (peer, text, ip, port) => peer.endpoint.send(text, ip, port));
      const client = await open(driver, options);
      const { port } = server.endpoint;
      let ticks = 0;
      const timer = setInterval(() => ticks++, 1);
      const sent: string[] = [];
      for (let round = 0; round < 100; round++) {
        for (let i = 0; i <= round % 5; i++) {
          sent.push(`${round}.${i}`);
          client.endpoint.send(`${round}.${i}`, '127.0.0.1', port);
        }
        await client.until(sent.length);
      }
      clearInterval(timer);
      assert.deepEqual(
        client.seen.map(({ text }) => text),
        sent,
      );
      assert.ok(ticks > 0);
      client.endpoint.close();
      server.endpoint.close();
    });

    test('datagrams from a stranger (a plain socket) arrive with its address', async () => {
      const server = await open(driver, LOOPBACK4);
      const stranger: Socket = createSocket('udp4');
      stranger.bind(0, '127.0.0.1');
      await once(stranger, 'listening');
      stranger.send('hi', server.endpoint.port, '127.0.0.1');
      await server.until(1);
      assert.equal(server.seen[0]?.port, stranger.address().port);
      stranger.close();
    });
  });
}

test('the addon works in worker threads, which may end at any moment', {
  timeout: 30_000,
  skip: choices.length === 1,
}, async () => {
  const main = await Peer.open(selectUdpDriver('addon'), LOOPBACK4);
  const source = `
    const { workerData, parentPort } = require('node:worker_threads');
    import(workerData.module).then(async ({ selectUdpDriver }) => {
      const endpoint = await selectUdpDriver('addon').open({ address: '127.0.0.1', port: 0, family: 4 }, (text, ip, port) => {
        if (text === 'exit') process.exit(0);
        endpoint.send('worker:' + text, ip, port);
      }, () => {});
      parentPort.postMessage(endpoint.port);
    });`;
  const workers = Array.from(
    { length: 3 },
    () => new Worker(source, { eval: true, workerData: { module: import.meta.resolve('./udp.ts') } }),
  );
  const ports = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0] as number));
  for (const port of ports) main.endpoint.send('ping', '127.0.0.1', port);
  await main.until(3);
  assert.deepEqual(new Set(main.seen.map((datagram) => datagram.text)), new Set(['worker:ping']));
  main.endpoint.send('exit', '127.0.0.1', ports[0] ?? 0);
  await once(workers[0] as Worker, 'exit');
  await Promise.all(workers.slice(1).map((worker) => worker.terminate()));
  main.endpoint.send('self', '127.0.0.1', main.endpoint.port);
  await main.until(4);
  main.endpoint.close();
});
