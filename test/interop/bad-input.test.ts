import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { suite, type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { PROTO } from '../../core/transport/socket-info.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { CallPair, proxyScript } from '../support/call-pair.ts';
import { MemoryLog } from '../support/fake-run.ts';
import { request } from '../support/msg.ts';
import { SimNetwork } from '../support/sim-network.ts';
import { SimServer } from '../support/sim-server.ts';
import { malformedDatagrams } from './malformed.ts';

const SERVER = { ip: '10.0.0.1', port: 5060 };
const CERTIFICATES = join(import.meta.dirname, '../../core/transport/testdata');
/** INFO and above: what is written with `debug=2`. */
const INFO = 2;

/** A proxy and two phones on virtual time. */
async function simulated(
  globals = '',
): Promise<{ sim: SimServer; pair: CallPair; network: SimNetwork; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(1));
  const addresses = { alice: '10.0.0.2', bob: '10.0.0.3' };
  const pair = await CallPair.open(
    (who) => network.host(addresses[who]).udp,
    clock,
    (who) => addresses[who],
  );
  const sim = await SimServer.start(network, { script: proxyScript(pair.calleeUri, globals), ip: SERVER.ip });
  sim.log.level = INFO;
  sim.log.lines.length = 0;
  pair.target = SERVER;
  return { sim, pair, network, clock };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that are still in use after a collection. */
function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

function assertReadable(lines: readonly string[]): void {
  for (const line of lines) {
    assert.ok(line.length < 300, `a line of ${line.length} characters: ${line.slice(0, 400)}`);
    assert.doesNotMatch(line, /[^\x20-\x7e\xa0-\xff]/, 'control characters in the log');
  }
}

suite('bad input: a line of the log each at most, nothing grows, calls go on', () => {
  test('malformed datagrams', async (t) => {
    const { sim, pair, network, clock } = await simulated();
    const { server } = sim;
    const attacker = await network
      .host('10.0.0.66')
      .udp.open({ address: '10.0.0.66', port: 0, family: 4 }, () => {}, assert.fail);
    const seed = Number(process.env['FUZZ_SEED'] ?? 1);
    t.diagnostic(`FUZZ_SEED=${seed}`);
    const datagrams = malformedDatagrams(new SeededRandom(seed), 4000);
    const attack = async (): Promise<void> => {
      for (const [at, text] of datagrams.entries()) {
        const before = sim.log.lines.length;
        attacker.send(text, SERVER.ip, SERVER.port);
        // A name to look up takes the simulated DNS 5 ms.
        await clock.advanceAsync(20);
        const said = sim.log.lines.slice(before);
        assert.ok(
          said.length <= 1,
          `${said.length} lines for datagram ${at}:\n${said.join('\n')}\n${JSON.stringify(text)}`,
        );
        assertReadable(said);
        if (at % 500 === 0) await pair.call();
      }
      // All transactions that valid ones among them began have ended by then (64*T1 and the wait state).
      await clock.advanceAsync(200_000);
      sim.log.lines.length = 0;
      for (const peer of [pair.alice, pair.bob]) peer.heard.length = peer.inbox.length = 0;
    };
    await attack();
    const heap = heapBytes();
    await attack();
    const growth = heapBytes() - heap;
    t.diagnostic(`${datagrams.length} datagrams, heap ${growth} bytes larger after the second time`);
    assert.ok(growth < 1_000_000, `${growth} bytes more`);
    assert.equal(server.openTransactions(), 0);
    assert.equal(server.suspendedRuns, 0);
    await pair.call();
    await sim.stop();
  });

  test('a peer that sends one byte a second', async () => {
    const { sim, pair, network, clock } = await simulated('tcp_msg_read_timeout=20\n');
    const slow = network.host('10.0.0.66').stream;
    const connecting = slow.connect({ ip: SERVER.ip, port: SERVER.port, timeoutMs: 1000 });
    const conn = await clock.runUntilSettled(connecting);
    let isOpen = true;
    conn.onClose = () => (isOpen = false);
    const text = request('OPTIONS', 'sip:10.0.0.1', { transport: 'TCP', sentBy: '10.0.0.66' });
    let sent = 0;
    while (isOpen && sent < text.length) {
      conn.write(text.charAt(sent++));
      await clock.advanceAsync(1000);
      if (sent % 5 === 0) await pair.call();
    }
    assert.ok(!isOpen && sent <= 25, `closed after ${sent} s`);
    assert.equal(sim.log.lines.length, 1, sim.log.lines.join('\n'));
    assert.match(
      sim.log.lines[0] ?? '',
      /tcp connection \d+ from 10\.0\.0\.66:\d+: closed: a message did not end in time/,
    );
    assert.equal(sim.server.connections.size, 0);
    await sim.stop();
  });

  for (const length of ['2147483648', '99999999999999999999', '-1', '0x10', '1 2']) {
    test(`Content-Length: ${length}, on a connection and in a datagram`, async () => {
      const { sim, pair, network, clock } = await simulated();
      const host = network.host('10.0.0.66');
      const text = request('OPTIONS', 'sip:10.0.0.1', {
        transport: 'TCP',
        sentBy: '10.0.0.66',
        headers: { 'Content-Length': length },
      });
      const conn = await clock.runUntilSettled(
        host.stream.connect({ ip: SERVER.ip, port: SERVER.port, timeoutMs: 1000 }),
      );
      let answer = '';
      let isOpen = true;
      conn.onData = (chunk) => (answer += chunk);
      conn.onClose = () => (isOpen = false);
      conn.write(text);
      await clock.advanceAsync(100);
      // What comes behind it is not read, let alone kept.
      for (let i = 0; i < 50; i++) conn.write('x'.repeat(65_536));
      await clock.advanceAsync(5000);
      assert.match(answer, /^SIP\/2\.0 (?:400|513) /);
      assert.equal(isOpen, false);
      assert.equal(sim.server.connections.size, 0);
      assert.equal(sim.log.lines.length, 1, sim.log.lines.join('\n'));
      const attacker = await host.udp.open({ address: '10.0.0.66', port: 0, family: 4 }, () => {}, assert.fail);
      attacker.send(text, SERVER.ip, SERVER.port);
      await pair.call();
      assert.equal(sim.log.lines.length, 2, sim.log.lines.join('\n'));
      assertReadable(sim.log.lines);
      await sim.stop();
    });
  }
});

/** A proxy on loopback and two phones, in real time. */
async function real(
  t: TestContext,
  globals: string,
  listens: readonly string[],
): Promise<{ started: StartedServer; pair: CallPair; log: MemoryLog; port: number }> {
  const driver = new DgramUdpDriver();
  const pair = await CallPair.open(() => driver, new RealClock());
  t.after(() => pair.close());
  const log = new MemoryLog();
  log.level = INFO;
  const started = await startServer(scriptOptions(proxyScript(pair.calleeUri, globals), { listens, log }));
  t.after(() => started.stop(0));
  const { sockets } = started.server.transport;
  pair.target = { ip: '127.0.0.1', port: sockets.find((socket) => socket.proto === PROTO.UDP)?.port ?? 0 };
  log.lines.length = 0;
  const port = sockets.find((socket) => socket.proto !== PROTO.UDP)?.port ?? 0;
  return { started, pair, log, port };
}

/** File descriptors this process may open: both ends of every connection are in it. */
function openFilesLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft: number | 'unlimited' } } };
  const soft = report.userLimits?.open_files?.soft ?? 1024;
  return soft === 'unlimited' ? 1_000_000 : soft;
}

function connect(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => resolve(socket));
    socket.on('error', reject);
  });
}

/** Resolves when the other side has closed or reset it. */
function closed(socket: Socket): Promise<void> {
  socket.removeAllListeners('error');
  socket.on('error', () => {});
  socket.resume();
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
}

const MAX_CONNECTIONS = 1000;
const TRIES = Math.min(10_000, openFilesLimit() - MAX_CONNECTIONS - 500);

suite('bad input on real sockets', () => {
  test(`${TRIES} connections where ${MAX_CONNECTIONS} are allowed`, {
    skip: TRIES < 2000 ? 'the limit of open files is too low' : false,
    timeout: 60_000,
  }, async (t) => {
    const globals = `tcp_max_connections=${MAX_CONNECTIONS}\ntcp_accept_iplimit=0\n`;
    const { started, pair, log, port } = await real(t, globals, ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0']);
    const { server } = started;
    const sockets: Socket[] = [];
    let refused = 0;
    let allRefused = (): void => {};
    const refusals = new Promise<void>((resolve) => (allRefused = resolve));
    const oneLess = (): void => {
      if (++refused === TRIES - MAX_CONNECTIONS) allRefused();
    };
    try {
      while (sockets.length < TRIES) {
        const batch = await Promise.all(Array.from({ length: 250 }, () => connect(port)));
        sockets.push(...batch);
        for (const socket of batch) void closed(socket).then(oneLess);
        if (sockets.length % 2000 === 0) await pair.call();
      }
      await refusals;
      assert.equal(server.connections.size, MAX_CONNECTIONS);
      await pair.call();
      assert.equal(log.lines.length, 1, log.lines.join('\n'));
      assert.match(log.lines[0] ?? '', /refused: tcp_max_connections reached/);
      // Once there is room again, the next one is served.
      for (const socket of sockets) socket.destroy();
      while (server.connections.size > 0) await pair.call();
      const late = await connect(port);
      late.write(request('OPTIONS', 'sip:127.0.0.1', { transport: 'TCP' }));
      const [answer] = (await once(late, 'data')) as [Buffer];
      assert.match(answer.toString('latin1'), /^SIP\/2\.0 200 /);
      late.destroy();
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test('half of a TLS handshake', { timeout: 20_000 }, async (t) => {
    const globals = `enable_tls=yes\ntcp_connect_timeout=1\nloadmodule "tls.so"
modparam("tls", "certificate", "${CERTIFICATES}/server.pem")
modparam("tls", "private_key", "${CERTIFICATES}/server-key.pem")
`;
    const { started, pair, log, port } = await real(t, globals, ['udp:127.0.0.1:0', 'tls:127.0.0.1:0']);
    // A record that announces 512 bytes of ClientHello and brings 200 of them; no record at all; nothing.
    const half = Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]), Buffer.alloc(200, 7)]);
    const openings = [half, Buffer.from('OPTIONS sip:127.0.0.1 SIP/2.0\r\n\r\n'), Buffer.alloc(0)];
    const sockets = await Promise.all(Array.from({ length: 60 }, () => connect(port)));
    const ends = sockets.map((socket, at) => {
      socket.write(openings[at % openings.length] ?? half);
      return closed(socket);
    });
    await pair.call();
    await Promise.all(ends);
    await pair.call();
    assert.ok(log.lines.length <= sockets.length, `${log.lines.length} lines: ${log.lines.slice(0, 5).join('\n')}`);
    assertReadable(log.lines);
    assert.equal(started.server.connections.size, 0);
  });
});
