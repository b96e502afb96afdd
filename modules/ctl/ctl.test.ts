import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { binrpcRequest, parseBinrpcBody, parseBinrpcHeader, type RpcParam } from 'strowger';
import { callBinrpc, parseBinrpcAddress } from '../../core/rpc/binrpc-client.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import ctl from './index.ts';
import type { Listener } from './listeners.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-ctl-'));
const unixPath = join(folder, 'run', 'ctl');
const bare = new BareServer({ clock: new RealClock() });
let listeners: readonly Listener[] = [];

before(async () => {
  const state = await bare.load(ctl, [
    ['binrpc', `unix:${unixPath}`],
    ['binrpc', 'tcp:127.0.0.1:0'],
    ['binrpc', 'udp:127.0.0.1:0'],
    ['fifo', 'tcp:127.0.0.1:0'],
    ['mode', 0o640],
    ['binrpc_max_body_size', 2],
  ]);
  ({ listeners } = state);
});
after(async () => {
  await bare.stop();
  assert.equal(existsSync(unixPath), false);
  rmSync(folder, { recursive: true });
});

function portOf(protocol: string, type: string): number {
  const address = listeners.find((l) => l.protocol === protocol && l.address.type === type)?.address;
  assert.ok(address !== undefined && 'port' in address);
  return address.port;
}

/** The next whole packet from a stream. */
async function packet(socket: Socket): Promise<{ type: string; cookie: number; values: readonly RpcParam[] }> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += (chunk as Buffer).toString('latin1');
    const header = parseBinrpcHeader(text);
    if (header === null || typeof header === 'string') continue;
    if (text.length < header.headerLength + header.bodyLength) continue;
    const values = parseBinrpcBody(text.slice(header.headerLength));
    assert.ok(typeof values !== 'string');
    return { type: header.type, cookie: header.cookie, values };
  }
  throw new Error('closed');
}

test('binrpc over a Unix stream: the socket has its mode, requests may come in pieces', async () => {
  assert.equal(statSync(unixPath).mode & 0o777, 0o640);
  const socket = connect(unixPath);
  const request = binrpcRequest('core.echo', ['a', 5], 77);
  socket.write(request.slice(0, 9), 'latin1');
  await once(socket, 'connect');
  socket.write(request.slice(9), 'latin1');
  assert.deepEqual(await packet(socket), { type: 'reply', cookie: 77, values: ['a', '5'] });
  socket.write(binrpcRequest('nono', [], 78), 'latin1');
  assert.deepEqual(await packet(socket), { type: 'fault', cookie: 78, values: [500, 'command nono not found'] });
  socket.write(binrpcRequest('core.echo', ['x'.repeat(3000)], 79), 'latin1');
  assert.equal((await packet(socket)).type, 'fault');
  socket.destroy();
});

test('binrpc over TCP; who and listen describe it', async () => {
  const port = portOf('binrpc', 'tcp');
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  socket.write(binrpcRequest('ctl.who', [], 1), 'latin1');
  assert.deepEqual((await packet(socket)).values, [
    'binrpc',
    'tcp',
    '127.0.0.1',
    String(socket.localPort),
    '127.0.0.1',
    String(port),
  ]);
  socket.write(binrpcRequest('ctl.connections', [], 2), 'latin1');
  assert.deepEqual((await packet(socket)).values, [1]);
  socket.write(binrpcRequest('ctl.listen', [], 3), 'latin1');
  assert.deepEqual((await packet(socket)).values.slice(0, 4), ['binrpc', 'unix_stream', unixPath, '']);
  socket.destroy();
});

test('binrpc over UDP', async () => {
  const socket = createSocket('udp4');
  const answer = once(socket, 'message') as Promise<[Buffer]>;
  socket.send('junk', portOf('binrpc', 'udp'), '127.0.0.1');
  socket.send(Buffer.from(binrpcRequest('core.printi', [4], 9), 'latin1'), portOf('binrpc', 'udp'), '127.0.0.1');
  const [data] = await answer;
  assert.equal(data.toString('hex'), 'a11302000000091004');
  socket.close();
});

test('what is not binrpc, or claims to be huge, loses its connection', async () => {
  for (const junk of ['GET / HTTP/1.0\r\n', '\xa1\x0f\x7f\xff\xff\xff\0\0\0\0']) {
    const socket = connect(portOf('binrpc', 'tcp'), '127.0.0.1');
    socket.write(junk, 'latin1');
    socket.resume();
    await once(socket, 'close');
  }
});

test('our own client over each of them', async () => {
  for (const text of [
    `unix:${unixPath}`,
    `tcp:127.0.0.1:${portOf('binrpc', 'tcp')}`,
    `udp:127.0.0.1:${portOf('binrpc', 'udp')}`,
  ]) {
    const address = parseBinrpcAddress(text);
    assert.ok(address !== null);
    assert.deepEqual(await callBinrpc(address, 'core.printi', [4]), [4]);
  }
  await assert.rejects(callBinrpc({ type: 'unix', path: `${unixPath}x` }, 'a', []), { code: 'BINRPC' });
  assert.deepEqual(parseBinrpcAddress('./x'), { type: 'unix', path: './x' });
  assert.deepEqual(parseBinrpcAddress('tcp:[::1]'), { type: 'tcp', host: '::1', port: 2049 });
  assert.equal(parseBinrpcAddress('x'), null);
});

test('the line protocol over TCP', async () => {
  const socket = connect(portOf('fifo', 'tcp'), '127.0.0.1');
  socket.setEncoding('latin1');
  socket.write(':core.echo:\n1\nabc\n\n:nono:\n\nrubbish\n\n');
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.includes('begins')) break;
  }
  assert.equal(text, "200 OK\n1\nabc\n500 Command 'nono' not found\n400 a command begins with :method:\n");
  socket.destroy();
});

test('an address that is taken ends the start with its name', async () => {
  const second = new BareServer({ clock: new RealClock() });
  const address = `tcp:127.0.0.1:${portOf('binrpc', 'tcp')}`;
  await assert.rejects(second.load(ctl, [['binrpc', address]]), /tcp:127.0.0.1:\d+: .*EADDRINUSE/);
  await second.stop();
});
