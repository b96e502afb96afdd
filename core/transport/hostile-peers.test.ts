import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { CounterRegistry } from '../counters/counters.ts';
import type { Log } from '../log/log.ts';
import { RealClock } from '../timer/real-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { defaultConnectionSettings } from './connection-settings.ts';
import { ConnectionTable } from './connections.ts';
import type { StreamListener } from './drivers.ts';
import { makeSocketInfo } from './listen.ts';
import { PROTO } from './socket-info.ts';
import { TcpDriver } from './tcp.ts';

/** What the issue calls bad input, on real sockets: a line in the log at most, no growth, and the others go on. */
describe('hostile peers', { timeout: 60_000 }, () => {
  const clock = new RealClock();
  const wheel = new TimerWheel(clock);
  const counters = new CounterRegistry();
  const lines: string[] = [];
  const log = new Proxy({} as Log, {
    get: (_target, name) => (name === 'isEnabled' ? () => false : (text: string) => lines.push(text)),
  });
  const settings = {
    ...defaultConnectionSettings(),
    maxConnections: 300,
    maxPerAddress: 0,
  };
  const table: ConnectionTable = new ConnectionTable({
    wheel,
    log,
    settings,
    counters,
    events: {
      onMessage: (_text, rcv) => {
        const dst = { proto: PROTO.TCP, ip: rcv.srcIp, port: rcv.srcPort, socket: rcv.socket, conId: rcv.conId };
        table.send('SIP/2.0 200 OK\r\nl: 0\r\n\r\n', { ...dst, noConnect: true, closeAfter: false, host: '' });
      },
    },
  });
  let listener: StreamListener;
  let good: Socket;
  before(async () => {
    table.setDriver(PROTO.TCP, new TcpDriver(clock));
    const plan = {
      proto: PROTO.TCP,
      family: 4,
      address: '127.0.0.1',
      port: 0,
      advertise: null,
      name: '',
      isVirtual: false,
      hostName: '',
    } as const;
    listener = await table.listen(PROTO.TCP, { address: '127.0.0.1', port: 0, family: 4 }, (port) =>
      makeSocketInfo(plan, 0, port),
    );
    good = await open();
  });
  after(async () => {
    await listener.close();
    await table.close();
    wheel.close();
    good.destroy();
  });

  function open(): Promise<Socket> {
    return new Promise((resolve) => {
      const socket = connect(listener.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.once('connect', () => resolve(socket));
      socket.once('close', () => resolve(socket));
    });
  }

  function stat(name: string): number {
    return counters.find('tcp', name)?.get() ?? 0;
  }

  function closed(socket: Socket): Promise<void> {
    return new Promise((resolve) => (socket.destroyed ? resolve() : socket.once('close', () => resolve())));
  }

  /** The well-behaved peer gets its answer. */
  async function callsGoOn(): Promise<void> {
    const answer = new Promise<string>((resolve) => good.once('data', (data) => resolve(data.toString())));
    good.write('OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n');
    assert.match(await answer, /^SIP\/2\.0 200/);
  }

  test('10,000 connections: those above the limit are reset, one line says so', async () => {
    const kept: Socket[] = [];
    for (let round = 0; round < 200; round++) {
      const burst = await Promise.all(Array.from({ length: 50 }, open));
      kept.push(...burst);
      // One connection is accepted a turn of the loop, and the kernel's queue of them is short.
      while (stat('passive_open') + stat('local_reject') < kept.length + 1) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.ok(table.size <= settings.maxConnections);
      if (round % 50 === 0) await callsGoOn();
    }
    await callsGoOn();
    assert.equal(stat('local_reject'), 10_000 - (settings.maxConnections - 1));
    assert.equal(lines.filter((line) => line.includes('tcp_max_connections')).length, 1);
    for (const socket of kept) socket.destroy();
    await Promise.all(kept.map(closed));
    while (table.size > 1) await new Promise((resolve) => setImmediate(resolve));
    await callsGoOn();
  });

  test('a 2 GB Content-Length ends the connection at once', async () => {
    const socket = await open();
    socket.write('INVITE sip:a SIP/2.0\r\nContent-Length: 2147483648\r\n\r\n');
    socket.resume();
    await closed(socket);
    await callsGoOn();
    assert.equal(lines.filter((line) => line.includes('message-too-large')).length, 1);
  });

  test('bytes that trickle in, and peers that say nothing, end with their time', async () => {
    settings.messageReadTimeoutMs = 600;
    settings.firstDataTimeoutMs = 600;
    const silent = await open();
    const slow = await open();
    silent.resume();
    slow.resume();
    const text = 'OPTIONS sip:a SIP/2.0\r\n';
    let at = 0;
    const drip = (): void => {
      if (slow.destroyed) return;
      slow.write(text.charAt(at++ % text.length));
      clock.schedule(50, drip);
    };
    drip();
    await Promise.all([closed(silent), closed(slow)]);
    await callsGoOn();
    assert.equal(table.size, 1);
    assert.equal(lines.filter((line) => line.includes('in time')).length, 2);
  });

  test('a peer that asks and never reads is stopped, then dropped', async () => {
    settings.sendTimeoutMs = 400;
    const deaf = await open();
    deaf.pause();
    const burst = 'OPTIONS sip:a SIP/2.0\r\nl: 0\r\n\r\n'.repeat(2000);
    const end = closed(deaf);
    const push = (): void => {
      while (!deaf.destroyed && deaf.write(burst));
      if (!deaf.destroyed) deaf.once('drain', push);
    };
    push();
    // A paused socket does not see its end before it reads; the server's side is what counts.
    while (table.size > 1) {
      await new Promise<void>((resolve) => {
        clock.schedule(20, resolve);
      });
    }
    deaf.destroy();
    await end;
    assert.ok(table.queuedBytes <= settings.connectionQueueBytes);
    await callsGoOn();
  });
});
