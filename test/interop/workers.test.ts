import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { connect } from 'node:tls';
import { hashText, mixHash } from '../../core/msg/hash.ts';
import { callControlSocket } from '../../core/rpc/control-socket.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { TcpDriver } from '../../core/transport/tcp.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { CallPair } from '../support/call-pair.ts';
import { ChildGroup } from '../support/child-group.ts';
import { request } from '../support/msg.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { BIN_FOLDER, StrowgerProcess } from '../support/strowger-process.ts';

const WORKERS = 2;
const folder = mkdtempSync(join(tmpdir(), 'strowger-workers-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const CERTIFICATES = join(import.meta.dirname, '../../core/transport/testdata');
const HAZARD = join(import.meta.dirname, 'testdata/hazard');
const clock = new RealClock();
const udp = new DgramUdpDriver();

/** Which worker a Call-ID's requests belong to, from 1. */
function workerOf(callId: string): number {
  return (mixHash(hashText(callId)) % WORKERS) + 1;
}

let lastCallId = 0;
/** A new Call-ID, of a worker where it matters. */
function callIdOf(worker = 0): string {
  for (;;) {
    const callId = `w${++lastCallId}@test`;
    if (worker === 0 || workerOf(callId) === worker) return callId;
  }
}

/** OPTIONS to a user makes the server do what the user's name says; all else is relayed to the Request-URI. */
function script(answer = 'OK'): string {
  return `
workers=${WORKERS}
listen=udp:127.0.0.1:0
listen=tcp:127.0.0.1:0
listen=tls:127.0.0.1:0
enable_tls=yes
tcp_no_connect=yes
loadmodule "pv.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "tls.so"
modparam("tls", "certificate", "${CERTIFICATES}/server.pem")
modparam("tls", "private_key", "${CERTIFICATES}/server-key.pem")
loadmodule "kex.so"
loadmodule "counters.so"
loadmodule "cfg_rpc.so"
loadmodule "jsonrpcs.so"
modparam("jsonrpcs", "transport", 2)
modparam("jsonrpcs", "fifo_reply_dir", "${folder}/")
loadmodule "${HAZARD}"
modparam("counters", "script_counter", "asked")
x.y = 1 desc "A custom variable"
request_route {
  if (method == "OPTIONS") {
    cnt_inc("asked");
    if ($rU == "exit") hazard_exit();
    if ($rU == "block") {
      hazard_block("3500");
    }
    if ($rU == "tls") {
      hazard_worker();
      sl_send_reply("200", "OK $rc $tls_version $tls_peer_server_name CN=$tls_my_subject_cn");
      exit;
    }
    if ($rU == "remember") $shv(word) = $hdr(X-Word);
    $var(worker) = 0;
    hazard_worker();
    $var(worker) = $rc;
    sl_send_reply("200", "${answer} $var(worker) $shv(word) $sel(cfg_get.x.y)");
    exit;
  }
  if (loose_route()) { t_relay(); exit; }
  record_route();
  if ($hdr(X-Callee) != $null) $du = $hdr(X-Callee);
  t_relay();
  # A negative end would close the caller's connection.
  exit;
}
`;
}

/** The line of the command that blocks. */
const BLOCK_LINE =
  script()
    .split('\n')
    .findIndex((line) => line.includes('hazard_block(')) + 1;

/** A server in a process of its own. */
class Server {
  readonly process: StrowgerProcess;
  readonly scriptPath: string;
  readonly #control: string;
  udpPort = 0;
  tcpPort = 0;
  tlsPort = 0;

  private constructor(name: string, text: string) {
    this.scriptPath = join(folder, `${name}.cfg`);
    writeFileSync(this.scriptPath, text);
    this.#control = join(folder, `${name}.sock`);
    const args = ['-f', this.scriptPath, '-E', '--debug=2', '--control', this.#control, '-Y', folder];
    this.process = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
  }

  static async start(name: string, text = script()): Promise<Server> {
    const server = new Server(name, text);
    await server.process.says('is ready on');
    const port = (proto: string): number =>
      Number(new RegExp(`is ready on .*${proto}:127\\.0\\.0\\.1:(\\d+)`).exec(server.process.stderr)?.[1]);
    server.udpPort = port('udp');
    server.tcpPort = port('tcp');
    server.tlsPort = port('tls');
    return server;
  }

  async rpc(method: string, ...params: (string | number)[]): Promise<unknown> {
    const answer = await callControlSocket(this.#control, method, params, 'json');
    if ('error' in answer) throw new Error(answer.error.message);
    return answer.result;
  }

  async stop(): Promise<void> {
    const { code, stderr } = await this.process.stop();
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /do not keep up|a mistake that nobody caught|unmanaged/);
  }
}

/** What the server answers to OPTIONS: its reason phrase. */
async function asks(peer: SipPeer, user: string, callId = callIdOf(), word = ''): Promise<string> {
  const headers = word === '' ? {} : { 'X-Word': word };
  const { ip, port } = peer.target;
  peer.sends(peer.request('OPTIONS', `sip:${user}@${ip}:${port}`, { callId, headers }));
  const reply = await peer.receives((msg) => msg.status === 200 && msg.get('Call-ID') === callId, 10_000);
  return reply.startLine.replace('SIP/2.0 200 ', '');
}

async function udpPeer(name: string, server: Server): Promise<SipPeer> {
  return await SipPeer.udp(udp, { clock, name, target: { ip: '127.0.0.1', port: server.udpPort } });
}

suite('two workers', { timeout: 120_000 }, () => {
  let server: Server;
  before(async () => {
    server = await Server.start('calls');
  });
  after(() => server.stop());

  test('datagrams reach their owner whichever socket the kernel chose', async () => {
    const peers = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name) => udpPeer(name, server)));
    for (const peer of peers) {
      for (const worker of [1, 2, 1, 2]) {
        assert.match(await asks(peer, 'who', callIdOf(worker)), new RegExp(`^OK ${worker} `));
      }
      // One source is one socket: the other worker's are handed over.
      assert.equal(peer.count('2xx'), 4);
      await peer.close();
    }
  });

  test('calls pass over UDP, nothing is sent twice', async () => {
    const pairs = await Promise.all(Array.from({ length: 4 }, () => CallPair.open(() => udp, clock)));
    const calls = pairs.map(async (pair) => {
      pair.target = { ip: '127.0.0.1', port: server.udpPort };
      pair.alice.target = pair.target = { ip: '127.0.0.1', port: server.udpPort };
      const toBob = { 'X-Callee': pair.calleeUri };
      for (let i = 0; i < 6; i++) {
        const callId = callIdOf((i % WORKERS) + 1);
        const { alice, bob } = pair;
        const uri = `sip:bob@127.0.0.1:${server.udpPort}`;
        const of =
          (what: string | number) => (msg: { get(name: string): string | undefined; method: string; status: number }) =>
            msg.get('Call-ID') === callId && (msg.method === what || msg.status === what);
        alice.sends(alice.request('INVITE', uri, { callId, headers: toBob }));
        const invite = await bob.receives(of('INVITE'), 10_000);
        bob.replies(invite, 180);
        await alice.receives(of(180), 10_000);
        bob.replies(invite, 200);
        const answer = await alice.receives(of(200), 10_000);
        const inDialog = { callId, toTag: 'bob-tag', to: `<${uri}>`, route: answer.all('Record-Route').toReversed() };
        alice.sends(alice.request('ACK', bob.uri, inDialog));
        await bob.receives(of('ACK'), 10_000);
        // The callee hangs up: its request comes from another socket.
        const back = {
          ...inDialog,
          from: `<${uri}>`,
          fromTag: 'bob-tag',
          to: '<sip:alice@example.org>',
          toTag: 'alice-tag',
        };
        bob.sends(bob.request('BYE', alice.uri, { ...back, cseq: 1, route: invite.all('Record-Route') }));
        alice.replies(await alice.receives(of('BYE'), 10_000), 200);
        await bob.receives(of(200), 10_000);
      }
      assert.equal(pair.bob.count('INVITE'), 6);
      assert.equal(pair.bob.count('ACK'), 6);
      assert.equal(pair.alice.count('BYE'), 6);
      assert.equal(pair.alice.count(200), 6);
    });
    await Promise.all(calls);
    await Promise.all(pairs.map((pair) => pair.close()));
  });

  test('a TCP connection is one worker’s, and all workers answer and send on it', async () => {
    const tcp = new TcpDriver(clock);
    const target = { ip: '127.0.0.1', port: server.tcpPort };
    const names = ['carol', 'dave', 'erin', 'frank'];
    const peers = await Promise.all(names.map((name) => SipPeer.tcpClient(tcp, { clock, name, target })));
    for (const [at, caller] of peers.entries()) {
      for (const worker of [1, 2])
        assert.match(await asks(caller, 'who', callIdOf(worker)), new RegExp(`^OK ${worker} `));
      const callee = peers[(at + 1) % peers.length] as SipPeer;
      for (const worker of [1, 2, 1, 2]) {
        const callId = callIdOf(worker);
        // tcp_no_connect: it is reached over the connection it opened, or not at all.
        caller.sends(caller.request('MESSAGE', callee.uri, { callId, body: 'hello' }));
        callee.replies(await callee.receives((msg) => msg.get('Call-ID') === callId), 202);
        await caller.receives((msg) => msg.get('Call-ID') === callId && msg.status === 202);
      }
    }
    const gone = peers.pop() as SipPeer;
    const list = (await server.rpc('core.tcp_list')) as { src_port: number }[];
    assert.deepEqual(new Set(list.map(({ src_port }) => src_port)), new Set([...peers, gone].map(({ port }) => port)));
    await gone.close();
    const [caller] = peers as [SipPeer];
    for (const worker of [1, 2]) {
      const callId = callIdOf(worker);
      caller.sends(caller.request('MESSAGE', gone.uri, { callId }));
      const reply = await caller.receives((msg) => msg.get('Call-ID') === callId && msg.status >= 400);
      assert.ok([408, 477, 500, 503].includes(reply.status), reply.startLine);
    }
    await Promise.all(peers.map((peer) => peer.close()));
  });

  test('what is known of a TLS connection is known to all workers', async () => {
    const socket = connect({
      port: server.tlsPort,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: 'a.test',
    });
    await once(socket, 'secureConnect');
    let heard = '';
    socket.setEncoding('latin1').on('data', (text: string) => void (heard += text));
    for (const worker of [1, 2]) {
      const callId = callIdOf(worker);
      const via = `SIP/2.0/TLS 127.0.0.1:${socket.localPort};branch=z9hG4bK${callId}`;
      socket.write(request('OPTIONS', 'sips:tls@127.0.0.1', { callId, via }));
      const wanted = new RegExp(`SIP/2\\.0 200 OK ${worker} TLSv1\\.3 a\\.test CN=`);
      while (!wanted.test(heard)) await once(socket, 'data');
    }
    socket.destroy();
  });

  test('RPC counts what all have counted, and changes what all have', async () => {
    const peer = await udpPeer('g', server);
    await server.rpc('cnt.reset', 'script', 'asked');
    for (const worker of [1, 2, 1, 2, 2]) await asks(peer, 'who', callIdOf(worker));
    assert.equal(await server.rpc('cnt.get', 'script', 'asked'), 5);
    assert.deepEqual(await server.rpc('stats.fetchn', 'script:asked'), { 'script.asked': 5 });
    const { '200': replies } = (await server.rpc('sl.stats')) as { '200': number };
    assert.ok(replies >= 5, `${replies}`);
    await server.rpc('cfg.seti', 'x', 'y', 42);
    for (const worker of [1, 2]) assert.match(await asks(peer, 'who', callIdOf(worker)), / 42$/);
    await peer.close();
  });

  test('$shv is the same everywhere', async () => {
    const peer = await udpPeer('h', server);
    assert.match(await asks(peer, 'remember', callIdOf(2), 'plum'), /^OK 2 plum /);
    await untilAnswer(peer, callIdOf(1), /^OK 1 plum /);
    await peer.close();
  });

  test('answers to FIFOs leave no descriptors behind that end with the worker', async () => {
    const reply = join(folder, 'reply');
    execFileSync('mkfifo', [reply]);
    const ask = { jsonrpc: '2.0', method: 'core.echo', params: ['plum'], reply_name: 'reply', id: 1 };
    for (let i = 0; i < 3; i++) {
      const reader = new ChildGroup('cat', [reply]);
      writeFileSync(join(folder, 'kamailio_rpc.fifo'), `${JSON.stringify(ask)}\n`);
      assert.match((await reader.end()).stdout, /plum/);
    }
    assert.doesNotMatch(server.process.stderr, /unmanaged/);
  });

  test('a worker that dies is replaced; calls of the other go on, and what all know is not lost', async () => {
    const [peer, pair] = await Promise.all([udpPeer('i', server), CallPair.open(() => udp, clock)]);
    const { alice, bob } = pair;
    const uri = `sip:bob@127.0.0.1:${server.udpPort}`;
    alice.target = { ip: '127.0.0.1', port: server.udpPort };
    const callId = callIdOf(2);
    alice.sends(alice.request('INVITE', uri, { callId, headers: { 'X-Callee': pair.calleeUri } }));
    const invite = await bob.receives('INVITE', 10_000);
    bob.replies(invite, 180);
    await alice.receives(180);
    const before = server.process.stderr.length;
    const said = (text: string | RegExp): Promise<void> =>
      server.process.says(new RegExp(`^[^]{${before}}[^]*(${typeof text === 'string' ? text : text.source})`));
    peer.sends(peer.request('OPTIONS', `sip:exit@127.0.0.1:${server.udpPort}`, { callId: callIdOf(1) }));
    await said('worker 1 died and is replaced: it ended with 7');
    bob.replies(invite, 200);
    await alice.receives(200);
    await said('worker 1 is back');
    // The first worker is also where RPC is; its socket is there again.
    await server.rpc('core.uptime');
    await untilAnswer(peer, callIdOf(1), /^OK 1 plum 42$/);
    assert.match(await asks(peer, 'who', callIdOf(2)), /^OK 2 plum 42$/);
    await Promise.all([peer.close(), pair.close()]);
  });

  test('a reload switches all workers or none', async () => {
    const peer = await udpPeer('j', server);
    writeFileSync(server.scriptPath, script('New'));
    server.process.child.kill('SIGHUP');
    await server.process.says('the script is reloaded');
    for (const worker of [1, 2]) assert.match(await asks(peer, 'who', callIdOf(worker)), new RegExp(`^New ${worker} `));
    writeFileSync(server.scriptPath, 'request_route { nosuchcommand(); }');
    await assert.rejects(server.rpc('core.reload'), /nosuchcommand/);
    for (const worker of [1, 2]) assert.match(await asks(peer, 'who', callIdOf(worker)), new RegExp(`^New ${worker} `));
    await peer.close();
  });

  test('a worker that stands still is named, with the line of the script', async () => {
    const peer = await udpPeer('k', server);
    const blocked = asks(peer, 'block', callIdOf(2));
    await server.process.says(
      new RegExp(`worker 2 stands still, for two seconds now, in .*calls\\.cfg:${BLOCK_LINE} \\(request_route\\)`),
    );
    await blocked;
    await server.process.says('worker 2 goes on');
    await peer.close();
  });
});

/** Asks until it is answered so: replicas are as old as the way to them, and what was on its way to a dead worker is lost. */
async function untilAnswer(peer: SipPeer, callId: string, wanted: RegExp): Promise<void> {
  const end = performance.now() + 15_000;
  let answer = '';
  for (let cseq = 1; performance.now() < end; cseq++) {
    const { ip, port } = peer.target;
    peer.sends(peer.request('OPTIONS', `sip:who@${ip}:${port}`, { callId, cseq }));
    try {
      const reply = await peer.receives(
        (msg) => msg.get('CSeq') === `${cseq} OPTIONS` && msg.get('Call-ID') === callId,
        300,
      );
      answer = reply.startLine.replace('SIP/2.0 200 ', '');
      if (wanted.test(answer)) return;
    } catch {
      // Nothing came in time: once more.
    }
  }
  throw new Error(`${String(wanted)} was not answered, but "${answer}"`);
}

suite('one worker', { timeout: 60_000 }, () => {
  test('a server that stood still says where it did, when it goes on', async () => {
    const server = await Server.start('alone', script().replace(`workers=${WORKERS}`, 'workers=1'));
    const peer = await udpPeer('l', server);
    // The watch begins a second after the start.
    const begin = performance.now();
    while (performance.now() - begin < 2000) await asks(peer, 'who');
    await asks(peer, 'block');
    await server.process.says(
      new RegExp(`the event loop stood still for [34]\\.\\d s, in .*alone\\.cfg:${BLOCK_LINE} \\(request_route\\)`),
    );
    await peer.close();
    await server.stop();
  });
});
