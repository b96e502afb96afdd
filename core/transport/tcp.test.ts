import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { RealClock } from '../timer/real-clock.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import type { StreamConnection, StreamListener } from './drivers.ts';
import { DEFAULT_STREAM_SOCKET } from './stream-socket.ts';
import { TcpDriver } from './tcp.ts';

/** A listener whose connections can be awaited. */
async function listening(
  driver: TcpDriver,
  options: { address: string; family: 4 | 6 },
  admit?: (ip: string) => (() => void) | null,
) {
  const waiting: ((conn: StreamConnection) => void)[] = [];
  const accepted: StreamConnection[] = [];
  const listener: StreamListener = await driver.listen(
    { ...options, port: 0, ...(admit === undefined ? {} : { admit }) },
    (conn) => {
      const next = waiting.shift();
      if (next === undefined) accepted.push(conn);
      else next(conn);
    },
    (error) => assert.fail(error),
  );
  const next = (): Promise<StreamConnection> => {
    const conn = accepted.shift();
    return conn === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(conn);
  };
  return { listener, next };
}

function received(conn: StreamConnection, length: number): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    conn.onData = (chunk) => {
      text += chunk;
      if (text.length >= length) resolve(text);
    };
  });
}

function closed(conn: StreamConnection): Promise<Error | null> {
  return new Promise((resolve) => {
    conn.onClose = resolve;
  });
}

describe('TCP through node:net', { timeout: 20_000 }, () => {
  const driver = new TcpDriver(new RealClock(), { ...DEFAULT_STREAM_SOCKET, tos: 0x10, keepIdleSec: 30 });

  for (const options of [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ] as const) {
    test(`connect, exchange every byte, end, IPv${options.family}`, async () => {
      const { listener, next } = await listening(driver, options);
      const client = await driver.connect({ ip: options.address, port: listener.port, timeoutMs: 5000 });
      const server = await next();
      assert.equal(client.remotePort, listener.port);
      assert.equal(server.remotePort, client.localPort);
      assert.equal(server.localIp, options.address);
      const all = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join('');
      const echoed = received(client, 512);
      const atServer = received(server, 512);
      client.write(all);
      client.write(all);
      assert.equal(client.queuedBytes, 0, 'what one turn writes is not queued yet');
      server.write(await atServer);
      assert.equal(await echoed, all + all);
      const ends = Promise.all([closed(client), closed(server)]);
      client.end();
      assert.deepEqual(await ends, [null, null]);
      assert.equal(client.queuedBytes, 0);
      client.write('ignored');
      await listener.close();
    });
  }

  test('a refused connection names the peer and the cause', async () => {
    const { listener } = await listening(driver, { address: '127.0.0.1', family: 4 });
    await listener.close();
    await assert.rejects(driver.connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 }), {
      code: 'TCP_CONNECT',
      message: `tcp:127.0.0.1:${listener.port}: cannot connect: ECONNREFUSED`,
    });
    await assert.rejects(driver.connect({ ip: 'example.org', port: 1, timeoutMs: 5000 }), /not an IP address/);
  });

  test('connecting ends after timeoutMs of the injected clock', async () => {
    const clock = new VirtualClock();
    // RFC 5737: nobody answers there, at most the network says that it is unreachable.
    const attempt = new TcpDriver(clock).connect({ ip: '192.0.2.1', port: 9, timeoutMs: 3000 });
    clock.advance(3000);
    await assert.rejects(attempt, /TCP_CONNECT|not connected within 3000 ms|ENETUNREACH|EHOSTUNREACH/);
  });

  test('an unusable source address is left out', async () => {
    const { listener, next } = await listening(driver, { address: '127.0.0.1', family: 4 });
    const client = await driver.connect({
      ip: '127.0.0.1',
      port: listener.port,
      timeoutMs: 5000,
      localAddress: '192.0.2.9',
    });
    (await next()).destroy();
    client.destroy();
    await listener.close();
  });

  test('what admit refuses is reset before anybody hears of it', async () => {
    let asked = 0;
    const { listener } = await listening(driver, { address: '127.0.0.1', family: 4 }, () => {
      asked++;
      return null;
    });
    const socket = connect(listener.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => {
      socket.on('close', resolve);
    });
    assert.equal(asked, 1);
    await listener.close();
  });

  test('an address in use is an error that names it', async () => {
    const { listener } = await listening(driver, { address: '127.0.0.1', family: 4 });
    const again = driver.listen(
      { address: '127.0.0.1', port: listener.port, family: 4 },
      () => {},
      () => {},
    );
    await assert.rejects(again, {
      code: 'TCP_BIND',
      message: `tcp:127.0.0.1:${listener.port}: cannot listen: EADDRINUSE`,
    });
    await listener.close();
  });

  test('a reset by the peer is an error, with tcp_close_rst by our drop', async () => {
    const resetting = new TcpDriver(new RealClock(), { ...DEFAULT_STREAM_SOCKET, closeWithReset: true });
    const { listener, next } = await listening(driver, { address: '127.0.0.1', family: 4 });
    const client = await resetting.connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 });
    const server = await next();
    const end = closed(server);
    client.destroy();
    assert.match(String((await end)?.message), /ECONNRESET/);
    await listener.close();
  });

  test('pause stops the bytes until resume, and what the peer does not read counts as queued', async () => {
    const { listener, next } = await listening(driver, { address: '127.0.0.1', family: 4 });
    const client = await driver.connect({ ip: '127.0.0.1', port: listener.port, timeoutMs: 5000 });
    const server = await next();
    server.pause();
    const block = 'x'.repeat(1 << 20);
    for (let i = 0; i < 16; i++) client.write(block);
    assert.ok(client.queuedBytes > 0);
    const drained = new Promise<void>((resolve) => {
      client.onDrain = resolve;
    });
    const all = received(server, 16 << 20);
    server.resume();
    assert.equal((await all).length, 16 << 20);
    await drained;
    assert.equal(client.queuedBytes, 0);
    client.destroy();
    server.destroy();
    await listener.close();
  });

  test('tcp_accept_haproxy: addresses come from the PROXY header, the bytes behind it are kept; without one it is closed', async () => {
    const clock = new VirtualClock();
    const behind = new TcpDriver(clock, { ...DEFAULT_STREAM_SOCKET, proxyHeaderMs: 5000 });
    const errors: string[] = [];
    let wake = (): void => {};
    const accepted: StreamConnection[] = [];
    const texts: Promise<string>[] = [];
    const listener = await behind.listen(
      { address: '127.0.0.1', port: 0, family: 4 },
      (conn) => {
        accepted.push(conn);
        texts.push(received(conn, 5));
        wake();
      },
      (error) => {
        errors.push(error.message.replace(/:\d+:/, ':'));
        wake();
      },
    );
    const something = (): Promise<void> =>
      new Promise((resolve) => {
        wake = resolve;
      });
    const open = async (text: string): Promise<void> => {
      const socket = connect(listener.port, '127.0.0.1');
      socket.on('error', () => {});
      const next = something();
      socket.on('connect', () => {
        socket.write(text.slice(0, 9));
        setImmediate(() => socket.write(text.slice(9), 'latin1'));
      });
      await next;
      socket.on('close', () => {});
    };
    await open('PROXY TCP4 192.0.2.1 192.0.2.2 40000 5060\r\nhello');
    const [conn] = accepted;
    assert.ok(conn !== undefined);
    assert.deepEqual(
      [conn.remoteIp, conn.remotePort, conn.localIp, conn.localPort],
      ['192.0.2.1', 40_000, '192.0.2.2', 5060],
    );
    assert.equal(await texts[0], 'hello');
    conn.destroy();
    await open('OPTIONS sip:x SIP/2.0\r\n\r\n');
    const silent = connect(listener.port, '127.0.0.1');
    silent.on('error', () => {});
    await new Promise<void>((resolve) => silent.on('connect', () => resolve()));
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(5000);
    assert.deepEqual(errors, ['tcp:127.0.0.1: no PROXY header', 'tcp:127.0.0.1: no PROXY header within 5000 ms']);
    silent.destroy();
    await listener.close();
  });
});
