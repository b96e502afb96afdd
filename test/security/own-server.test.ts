import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { request } from '../support/msg.ts';
import { RawStream } from '../support/raw-stream.ts';
import { SoftPhone } from '../support/soft-phone.ts';
import { BIN_FOLDER, freePort, StrowgerProcess } from '../support/strowger-process.ts';
import { frame, OPCODE, WebSocketPeer, wsHeaders } from '../support/web-socket-peer.ts';

/**
 * The server that `npm start` runs, attacked over sockets: floods over WebSocket and HTTP, bodies and heads that are too
 * large. Each attacker has an address of its own; 127.0.0.1 is the server's, which it does not ban. How frames may be
 * broken is in modules/websocket/websocket.test.ts.
 */

const folder = mkdtempSync(join(tmpdir(), 'strowger-attacked-'));
const ports = { sip: 0, tls: 0, ws: 0, wss: 0 };
let server: StrowgerProcess;

before(async () => {
  for (const name of ['sip', 'tls', 'ws', 'wss'] as const) ports[name] = await freePort();
  const defines = { LISTEN_PORT: ports.sip, TLS_PORT: ports.tls, WS_PORT: ports.ws, WSS_PORT: ports.wss };
  const options = Object.entries(defines).flatMap(([name, port]) => ['-A', `${name}=${port}`]);
  const script = join(import.meta.dirname, '../../cfg/strowger.cfg');
  server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), ['-f', script, '-Y', folder, '-E', ...options], {
    cwd: folder,
  });
  await server.says('is ready');
});
after(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Status of the answer to a handshake from this address; 0 for none. */
async function handshake(from: string, withinMs: number): Promise<number> {
  const stream = await RawStream.open(ports.ws, false, from);
  stream.send(`GET / HTTP/1.1\r\n${wsHeaders()}\r\n`);
  const { status } = await stream.response(true, withinMs).catch(() => ({ status: 0 }));
  stream.close();
  return status;
}

let count = 0;
function options(transport: string, more: object = {}): string {
  const id = ++count;
  const sentBy = 'a.invalid';
  const branch = `z9hG4bK-${id}`;
  return request('OPTIONS', 'sip:localhost', { transport, sentBy, branch, callId: `flood-${id}`, cseq: id, ...more });
}

/** Somebody else, at an address of his own, is served: over WebSocket and UDP. */
async function othersAreServed(from: string): Promise<void> {
  const peer = await WebSocketPeer.open(ports.ws, { from });
  peer.sends(options('WS'));
  assert.match(await peer.message(), /^SIP\/2\.0 200/);
  peer.close();
  const phone = await SoftPhone.open({ name: 'alice', domain: 'localhost', serverPort: ports.sip, ip: from });
  assert.equal((await phone.asks('OPTIONS', 'sip:localhost')).status, 200);
  phone.close();
}

/** Replies among what a peer has heard, once the last of its flood has been read by the server. */
async function answersTo(peer: WebSocketPeer, flood: readonly string[]): Promise<number> {
  for (const text of flood) peer.sends(text);
  // Answered by the WebSocket itself, after all that came before.
  peer.stream.send(frame(OPCODE.PING, 'done'));
  let answers = 0;
  for (;;) {
    const { opcode, payload } = await peer.frame();
    if (opcode === OPCODE.PONG && payload === 'done') return answers;
    if (payload.startsWith('SIP/2.0 200')) answers++;
  }
}

suite('cfg/strowger.cfg on an open network', { timeout: 60_000 }, () => {
  test('a flood of requests over a WebSocket: banned on it, on new ones and over UDP; others are served', async () => {
    const from = '127.0.0.11';
    const peer = await WebSocketPeer.open(ports.ws, { from });
    const answers = await answersTo(
      peer,
      Array.from({ length: 500 }, () => options('WS')),
    );
    assert.ok(answers > 5 && answers < 60, `${answers} of 500 answered`);
    assert.equal(await answersTo(peer, [options('WS')]), 0);
    assert.equal(await handshake(from, 300), 0);
    const phone = await SoftPhone.open({ name: 'm', domain: 'localhost', serverPort: ports.sip, ip: from });
    phone.sends(options('UDP'));
    await othersAreServed('127.0.0.12');
    assert.deepEqual(phone.inbox, []);
    phone.close();
    peer.close();
    await server.says(/too many requests: 127\.0\.0\.11 is banned/);
  });

  test('a flood of handshakes, and of connections that say nothing: the same', async () => {
    const from = '127.0.0.13';
    let opened = 0;
    for (let i = 0; i < 100; i++) {
      if ((await handshake(from, opened > 5 ? 300 : 5000)) !== 101) break;
      opened++;
    }
    assert.ok(opened > 5 && opened < 60, `${opened} of 100`);
    const silent = await Promise.all(Array.from({ length: 300 }, () => RawStream.open(ports.ws, false, '127.0.0.14')));
    await othersAreServed('127.0.0.15');
    for (const each of silent) each.close();
  });

  test('a flood of pings: answered by the WebSocket, the script and others are not held up', async () => {
    const peer = await WebSocketPeer.open(ports.ws, { from: '127.0.0.16' });
    peer.stream.send(frame(OPCODE.PING, 'x'.repeat(125)).repeat(20_000));
    await othersAreServed('127.0.0.17');
    peer.close();
  });

  test('a message or frame that is too large ends its connection; what is said to be large is not waited for', async () => {
    const huge = 'x'.repeat(100_000);
    for (const bytes of [
      frame(OPCODE.TEXT, huge).slice(0, 100),
      frame(OPCODE.TEXT, huge.slice(0, 60_000), { isLast: false }) + frame(OPCODE.CONTINUATION, huge.slice(0, 60_000)),
    ]) {
      const peer = await WebSocketPeer.open(ports.ws, { from: '127.0.0.18' });
      peer.stream.send(bytes);
      const { opcode, payload } = await peer.frame();
      assert.deepEqual([opcode, payload.charCodeAt(0) * 256 + payload.charCodeAt(1)], [OPCODE.CLOSE, 1009]);
      peer.close();
    }
    const body = { headers: { 'Content-Length': '99999999' } };
    for (const bytes of [
      options('TCP', body),
      options('TCP', { headers: { 'Content-Length': '9'.repeat(300) } }),
      options('TCP').replace('\r\n', `\r\nX: ${huge}\r\n`),
      `OPTIONS sip:localhost SIP/2.0\r\nX: ${huge}`,
      `POST /RPC HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n`,
      `POST /RPC HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n${huge}`,
      `GET / HTTP/1.1\r\nX: ${huge}\r\n\r\n`,
    ]) {
      const stream = await RawStream.open(bytes.includes('HTTP') ? ports.ws : ports.sip, false, '127.0.0.18');
      stream.send(bytes);
      assert.ok(await stream.closes(), bytes.slice(0, 60));
      assert.doesNotMatch(stream.heard, / 200 /, bytes.slice(0, 60));
      stream.close();
    }
    await othersAreServed('127.0.0.19');
  });

  test('a body as large as a datagram: one answer without it, from nobody but the server', async () => {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.20');
    await once(socket, 'listening');
    const heard: Buffer[] = [];
    socket.on('message', (data) => void heard.push(data));
    const large = options('UDP', { body: 'x'.repeat(60_000), sentBy: `127.0.0.20:${socket.address().port}` });
    socket.send(Buffer.from(large, 'latin1'), ports.sip, '127.0.0.1');
    await once(socket, 'message');
    await othersAreServed('127.0.0.21');
    assert.equal(heard.length, 1);
    assert.ok((heard[0]?.length ?? 0) < 1000);
    socket.close();
  });

  test('JSON-RPC is for this machine: neither another address nor a forwarded one is let in', async () => {
    const call = JSON.stringify({ jsonrpc: '2.0', method: 'core.echo', params: ['x'], id: 1 });
    const ask = async (from: string, more = ''): Promise<number> => {
      const stream = await RawStream.open(ports.ws, false, from);
      const head = `POST /RPC HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${call.length}\r\n${more}`;
      stream.send(`${head}\r\n${call}`);
      const { status } = await stream.response();
      stream.close();
      return status;
    };
    assert.equal(await ask('127.0.0.1'), 200);
    assert.equal(await ask('127.0.0.22'), 403);
    assert.equal(await ask('127.0.0.22', 'X-Forwarded-For: 127.0.0.1\r\nVia: SIP/2.0/TCP 127.0.0.1\r\n'), 403);
  });
});
