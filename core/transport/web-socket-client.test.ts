import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { CryptoRandom } from '../timer/random.ts';
import { RealClock } from '../timer/real-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { WebSocketClient } from './web-socket-client.ts';

const CERTIFICATES = join(import.meta.dirname, 'testdata');
const PATIENCE = { timeoutMs: 2000, tries: 1 };
const PROTOCOL = 'ng.example.org';
/** Of the certificate in testdata. */
const NAME = 'sip.example.org';

interface World {
  readonly client: WebSocketClient;
  readonly port: number;
  /** Connections that the server has accepted. */
  readonly accepted: WebSocket[];
}

/** A client, and a server that answers each message as `answer` says. */
async function withServer(
  answer: (cookie: string, payload: string, socket: WebSocket) => void,
  use: (world: World) => Promise<void>,
  { isTls = false, ca = '' } = {},
): Promise<void> {
  const https = isTls
    ? createServer({
        key: readFileSync(join(CERTIFICATES, 'server-key.pem')),
        cert: readFileSync(join(CERTIFICATES, 'server.pem')),
      }).listen(0, '127.0.0.1')
    : null;
  const server = new WebSocketServer({
    ...(https === null ? { port: 0, host: '127.0.0.1' } : { server: https }),
    handleProtocols: (protocols) => (protocols.has(PROTOCOL) ? PROTOCOL : false),
  });
  await once(https ?? server, 'listening');
  const accepted: WebSocket[] = [];
  server.on('connection', (socket) => {
    accepted.push(socket);
    socket.on('message', (data) => {
      const text = (data as Buffer).latin1Slice();
      const space = text.indexOf(' ');
      answer(text.slice(0, space), text.slice(space + 1), socket);
    });
  });
  const wheel = new TimerWheel(new RealClock());
  const options = { wheel, random: new CryptoRandom(), protocol: PROTOCOL };
  const client = new WebSocketClient(ca === '' ? options : { ...options, ca });
  try {
    await use({ client, port: ((https ?? server).address() as AddressInfo).port, accepted });
  } finally {
    client.close();
    for (const socket of accepted) socket.terminate();
    server.close();
    https?.close();
    wheel.close();
  }
}

const echo = (cookie: string, payload: string, socket: WebSocket): void =>
  socket.send(Buffer.from(`${cookie} <${payload}>`, 'latin1'));

suite('requests over WebSocket', { timeout: 30_000 }, () => {
  test('many at a time on one connection, answered in any order, each byte as it is', () =>
    withServer(
      (cookie, payload, socket) => void setImmediate(echo, cookie, payload, socket),
      async ({ client, port, accepted }) => {
        const peer = { url: `ws://a.example.org:${port}/x`, ip: '127.0.0.1' };
        const payloads = Array.from({ length: 50 }, (_, i) => `${i} \xff\x00 ${'y'.repeat(i * 100)}`);
        const answers = await Promise.all(payloads.map((payload) => client.ask(peer, payload, PATIENCE)));
        assert.deepEqual(
          answers,
          payloads.map((payload) => ({ ok: true, text: `<${payload}>` })),
        );
        assert.equal(accepted.length, 1);
      },
    ));

  test('one that is not answered times out; a cookie of nobody, or no cookie, is passed over', () =>
    withServer(
      (cookie, payload, socket) => {
        for (const text of ['', 'x', `${cookie}0 no`, ' ']) socket.send(text);
        if (payload !== 'quiet') echo(cookie, payload, socket);
      },
      async ({ client, port }) => {
        const peer = { url: `ws://127.0.0.1:${port}/`, ip: '127.0.0.1' };
        const quiet = client.ask(peer, 'quiet', { timeoutMs: 50, tries: 2 });
        assert.deepEqual(await client.ask(peer, 'a', PATIENCE), { ok: true, text: '<a>' });
        assert.deepEqual(await quiet, { ok: false, why: 'timeout' });
        assert.deepEqual(await client.ask(peer, 'b', PATIENCE), { ok: true, text: '<b>' });
      },
    ));

  test('a connection that breaks refuses what waits on it; the next request makes another', () =>
    withServer(
      (cookie, payload, socket) => (payload === 'die' ? socket.terminate() : echo(cookie, payload, socket)),
      async ({ client, port, accepted }) => {
        const peer = { url: `ws://127.0.0.1:${port}/`, ip: '127.0.0.1' };
        assert.deepEqual(await client.ask(peer, 'die', PATIENCE), { ok: false, why: 'refused' });
        assert.deepEqual(await client.ask(peer, 'a', PATIENCE), { ok: true, text: '<a>' });
        assert.equal(accepted.length, 2);
        const left = client.ask(peer, 'b', PATIENCE);
        client.close();
        assert.deepEqual(await left, { ok: false, why: 'closed' });
        assert.deepEqual(await client.ask(peer, 'c', PATIENCE), { ok: false, why: 'closed' });
      },
    ));

  test('nobody there, or nobody who speaks the protocol: refused at once', () =>
    withServer(echo, async ({ client, port }) => {
      assert.deepEqual(await client.ask({ url: 'ws://127.0.0.1:1/', ip: '127.0.0.1' }, 'a', PATIENCE), {
        ok: false,
        why: 'refused',
      });
      const other = new WebSocketClient({
        wheel: new TimerWheel(new RealClock()),
        random: new CryptoRandom(),
        protocol: 'other',
      });
      const peer = { url: `ws://127.0.0.1:${port}/`, ip: '127.0.0.1' };
      assert.deepEqual(await other.ask(peer, 'a', PATIENCE), { ok: false, why: 'refused' });
      other.close();
    }));

  test('over TLS: only who has a certificate of a known authority, for the name of the URL', async () => {
    const ca = readFileSync(join(CERTIFICATES, 'ca.pem'), 'latin1');
    const asks = async ({ client, port }: World, host: string): Promise<boolean> =>
      (await client.ask({ url: `wss://${host}:${port}/`, ip: '127.0.0.1' }, 'a', PATIENCE)).ok;
    await withServer(echo, async (world) => assert.equal(await asks(world, NAME), false), { isTls: true });
    await withServer(
      echo,
      async (world) => {
        assert.equal(await asks(world, NAME), true);
        assert.equal(await asks(world, 'elsewhere.example.net'), false);
      },
      { isTls: true, ca },
    );
  });
});
