import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, describe, test } from 'node:test';
import { scriptOptions } from '../../test/support/both-servers.ts';
import { MemoryLog } from '../../test/support/fake-run.ts';
import { request } from '../../test/support/msg.ts';
import type { StartedServer } from '../cli/start-options.ts';
import { RpcMany } from '../rpc/registry.ts';
import { startServer } from '../start.ts';
import { PROTO } from '../transport/socket-info.ts';

describe('the sockets of a started server', { timeout: 30_000 }, () => {
  const running: StartedServer[] = [];
  const sockets: Socket[] = [];
  after(async () => {
    for (const socket of sockets) socket.destroy();
    for (const started of running) await started.stop(0);
  });

  async function start(script: string, extra: Parameters<typeof scriptOptions>[1] = {}): Promise<StartedServer> {
    const started = await startServer(scriptOptions(`loadmodule "sl"\n${script}`, { listens: [], ...extra }));
    running.push(started);
    return started;
  }

  async function dial({ server }: StartedServer): Promise<Socket> {
    const port = server.transport.sockets.find((socket) => socket.proto === PROTO.TCP)?.port ?? 0;
    const socket = connect(port, '127.0.0.1');
    sockets.push(socket);
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    return socket;
  }

  function answer(socket: Socket): Promise<string> {
    return new Promise((resolve) => socket.once('data', (data) => resolve(data.toString('latin1'))));
  }

  const REPLY = 'request_route { sl_send_reply("200", "OK"); }';
  const OPTIONS = request('OPTIONS', 'sip:a@example.org', { transport: 'TCP', sentBy: '127.0.0.1:5071;alias' });

  test('TCP: a request and its answer; core.tcp_list shows the connection', async () => {
    const started = await start(`listen=127.0.0.1:0\n${REPLY}`);
    const socket = await dial(started);
    socket.write(OPTIONS);
    assert.match(await answer(socket), /^SIP\/2\.0 200 OK/);
    const list = await started.server.rpc.call('core.tcp_list', []);
    assert.ok(list instanceof RpcMany);
    const [entry] = list.values as Record<string, unknown>[];
    assert.deepEqual(
      [entry?.['type'], entry?.['state'], entry?.['lifetime'], entry?.['src_port']],
      ['TCP', 'CONN_OK', 120, socket.localPort],
    );
    assert.equal(started.server.connections.find(PROTO.TCP, '127.0.0.1', 5071), undefined);
  });

  test('tcp_accept_aliases: the port of a Via with alias leads to the connection', async () => {
    const started = await start(`listen=tcp:127.0.0.1:0\ntcp_accept_aliases=yes\n${REPLY}`);
    const socket = await dial(started);
    socket.write(OPTIONS);
    await answer(socket);
    assert.equal(started.server.connections.find(PROTO.TCP, '127.0.0.1', 5071)?.id, 1);
  });

  test('a request whose end cannot be found is answered, then the connection ends', async () => {
    const started = await start(`listen=tcp:127.0.0.1:0\n${REPLY}`);
    for (const [length, status] of [
      ['2147483648', '513 Message Too Large'],
      ['x', '400 Bad Content-Length'],
    ]) {
      const socket = await dial(started);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.write(OPTIONS.replace(/Content-Length: 0/, `Content-Length: ${length}`));
      assert.ok((await answer(socket)).startsWith(`SIP/2.0 ${status}\r\n`));
      await closed;
    }
  });

  test('listen lines and -l together; names and aliases are ours; the log says what is open', async () => {
    const log = new MemoryLog();
    const script = `listen=udp:127.0.0.1:0 advertise 203.0.113.5:5099\nlisten=udp:localhost:0 name "here"\n${REPLY}`;
    const { server } = await start(script, { listens: ['tcp:127.0.0.1:0'], aliases: ['tcp:example.net:5080'], log });
    assert.deepEqual(
      server.transport.sockets.map((socket) => `${socket.proto} ${socket.name} ${socket.isAdvertised}`),
      ['1  true', '1 here false', '2  false'],
    );
    for (const [host, port] of [
      ['localhost', 0],
      ['203.0.113.5', 5099],
      ['example.net', 5080],
    ] as const) {
      assert.ok(server.isMyself(host, port, 0), host);
    }
    assert.ok(!server.isMyself('example.net', 5081, 0));
  });

  test('A7: what cannot be listened on is told with its place', async () => {
    const script = 'listen=udp:nowhere.invalid:5060\nlisten=sctp:127.0.0.1:5060\n';
    const refused = start(`${script}${REPLY}`, { listens: ['udp:'] });
    await assert.rejects(refused, (error: Error) => {
      assert.match(error.message, /^-l 'udp:'/);
      assert.match(error.message, /test\.cfg:2:\d+: listen: 'nowhere\.invalid' is no address/);
      assert.match(error.message, /test\.cfg:3:\d+: listen: cannot listen on 'sctp'/);
      return true;
    });
  });
});
