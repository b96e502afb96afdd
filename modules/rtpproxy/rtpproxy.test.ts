import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { callHash, RpcMany } from 'strowger';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import { UdpPeer } from '../../test/support/kamailio.ts';
import { SipWorld } from '../../test/support/sip-world.ts';

const SDP = 'v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
const WITH_SDP = { body: SDP } as const;
const NODES = ['10.0.9.1', '10.0.9.2'] as const;
const PORT = 7722;

/** An rtpproxy, as its protocol is documented: version and extensions, sessions, counts. */
class FakeProxy {
  readonly commands: string[] = [];
  isMute = false;
  version = '20040107';
  extensions: ReadonlySet<string> = new Set(['20050322', '20071116', '20081102']);
  readonly #ip: string;
  #port = 40_000;

  constructor(ip: string) {
    this.#ip = ip;
  }

  /** Null: silence. */
  answer(command: string): string | null {
    if (this.isMute) return null;
    if (command === 'V') return this.version;
    if (command.startsWith('VF ')) return this.extensions.has(command.slice(3)) ? '1' : '0';
    this.commands.push(command);
    if (/^[UL]/.test(command)) return `${(this.#port += 2)} ${this.#ip}`;
    return command.startsWith('Q') ? '90 100 99 1 0' : '0';
  }
}

const PARAMS = `
loadmodule "rtpproxy.so"
modparam("rtpproxy", "rtpproxy_sock", "${NODES.map((ip) => `udp:${ip}:${PORT}`).join(' ')}")
modparam("rtpproxy", "rtpproxy_retr", 2)
modparam("rtpproxy", "rtpproxy_disable_tout", 30)
`;
const ROUTES = `
request_route {
  if (is_method("INVITE|BYE|ACK|CANCEL")) rtpproxy_manage("co");
  if (is_method("BYE")) append_hf("X-Stat: $rtpstat\\r\\n");
  $du = "sip:10.0.2.1";
  t_on_reply("R");
  t_relay();
}
onreply_route[R] { rtpproxy_manage("co"); }
`;

type Farm = ReadonlyMap<string, FakeProxy>;

async function withFarm(
  use: (world: SipWorld, farm: Farm) => Promise<void>,
  before: (farm: Farm) => void = () => {},
): Promise<void> {
  const world = await SipWorld.start(ROUTES, { params: PARAMS });
  const farm = new Map(NODES.map((ip) => [ip, new FakeProxy(ip)]));
  before(farm);
  for (const [ip, proxy] of farm) {
    const endpoint = await world.network.host(ip).udp.open(
      { address: ip, port: PORT, family: 4 },
      (text, srcIp, srcPort) => {
        const space = text.indexOf(' ');
        const answer = proxy.answer(text.slice(space + 1).trimEnd());
        if (answer !== null) endpoint.send(`${text.slice(0, space)} ${answer}\n`, srcIp, srcPort);
      },
      () => {},
    );
  }
  await world.passes(10_000);
  try {
    await use(world, farm);
  } finally {
    await world.stop();
  }
}

function nodeOf(invite: string): (typeof NODES)[number] {
  const callId = /Call-ID: ([^\r]*)/i.exec(invite)?.[1] ?? '';
  return NODES[callHash(callId, 0) % NODES.length] ?? NODES[0];
}

describe('rtpproxy on virtual time', { timeout: 60_000 }, () => {
  test('a call: offer, answer, counts and end at one node', () =>
    withFarm(async (world, farm) => {
      const invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      const node = nodeOf(invite);
      const received = await world.bob.receives('INVITE');
      assert.match(
        received.text,
        new RegExp(`o=a 1 1 IN IP4 ${node}\\r\\n[^]*c=IN IP4 ${node}\\r\\n[^]*m=audio 40002 `),
      );
      world.bob.replies(received, 200, WITH_SDP);
      const ok = await world.final(invite);
      assert.match(ok.text, new RegExp(`c=IN IP4 ${node}\\r\\n[^]*m=audio 40004 `));
      const bye = invite
        .replace(/^INVITE/, 'BYE')
        .replace(/CSeq: \d+ INVITE/, 'CSeq: 2 BYE')
        .replace(/branch=[^\r]*/, 'branch=z9hG4bKbye')
        .replace(/To: [^\r]*/, `To: ${ok.get('To')}`);
      world.alice.sends(bye.slice(0, bye.indexOf('\r\n\r\n') + 4).replace(/Content-Length: \d+/, 'Content-Length: 0'));
      assert.match((await world.bob.receives('BYE')).text, /\r\nX-Stat: 90 100 99 1 0\r\n/);
      assert.deepEqual(
        farm.get(node)?.commands.map((command) => command.replace(/^(\S+) .*/, '$1')),
        ['Uc0', 'Lc0', 'Q', 'D'],
      );
    }));

  test('a node that dies: the next takes the call; it comes back after its time', () =>
    withFarm(async (world, farm) => {
      const dead = nodeOf(world.alice.request('INVITE', 'sip:x@y'));
      const proxy = farm.get(dead);
      assert.ok(proxy !== undefined);
      proxy.isMute = true;
      let invite = '';
      do {
        invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
        const received = await world.bob.receives('INVITE', 10_000);
        assert.doesNotMatch(received.text, new RegExp(`c=IN IP4 ${dead}`));
        world.bob.replies(received, 486);
        await world.final(invite);
      } while (nodeOf(invite) !== dead);
      const list = async (): Promise<unknown[]> =>
        ((await world.sim.server.rpc.call('rtpproxy.list', [])) as RpcMany).values.map(
          (node) => (node as { disabled: unknown }).disabled,
        );
      assert.deepEqual(
        await list(),
        NODES.map((ip) => Number(ip === dead)),
      );
      proxy.isMute = false;
      await world.passes(31_000);
      do {
        invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
        const received = await world.bob.receives('INVITE', 10_000);
        assert.match(received.text, new RegExp(`c=IN IP4 ${nodeOf(invite)}`));
        world.bob.replies(received, 486);
        await world.final(invite);
      } while (nodeOf(invite) !== dead);
      assert.deepEqual(await list(), [0, 0]);
    }));

  test('what a node can not do is not asked of it; one too old is not used', () =>
    withFarm(
      async (world) => {
        for (let i = 0; i < 4; i++) {
          const invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
          const received = await world.bob.receives('INVITE', 10_000);
          assert.match(received.text, /c=IN IP4 10\.0\.9\.2\r\n/);
          world.bob.replies(received, 486);
          await world.final(invite);
        }
      },
      (farm) => {
        const [old, plain] = NODES.map((ip) => farm.get(ip));
        if (old !== undefined) old.extensions = new Set();
        if (plain !== undefined) plain.extensions = new Set(['20050322']);
      },
    ));

  test('RPC: disabled for good, until enabled', () =>
    withFarm(async (world, farm) => {
      const { rpc } = world.sim.server;
      await rpc.call('rtpproxy.enable', [`udp:${NODES[0]}:${PORT}`, 0]);
      await world.passes(200_000);
      for (let i = 0; i < 5; i++) {
        const invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        await world.final(invite);
      }
      assert.deepEqual(farm.get(NODES[0])?.commands, []);
      await rpc.call('rtpproxy.enable', [`udp:${NODES[0]}:${PORT}`, 1]);
      await assert.rejects(rpc.call('rtpproxy.enable', ['udp:1.1.1.1:1', 1]), /RTPProxy not found/);
      await assert.rejects(rpc.call('rtpproxy.enable', ['x']), /Not enough parameters/);
    }));

  test('a Call-ID that would be another command is refused', () =>
    withFarm(async (world, farm) => {
      const invite = world.alice.request('INVITE', 'sip:bob@10.0.0.1', WITH_SDP);
      world.alice.sends(invite.replace(/Call-ID: [^\r]*/, 'Call-ID: a 1.2.3.4 5 x;1'));
      const received = await world.bob.receives('INVITE');
      assert.match(received.text, /c=IN IP4 10\.0\.1\.1\r\n/);
      for (const proxy of farm.values()) assert.deepEqual(proxy.commands, []);
    }));

  test('bad sockets are refused at start', async () => {
    for (const [sock, why] of [
      ['tcp:1.2.3.4:5', /neither udp:host:port nor unix/],
      ['udp:1.2.3.4:99999', /is no port/],
      ['udp:1.2.3.4:5=x', /weight is no number/],
    ] as const)
      await assert.rejects(
        SipWorld.start(ROUTES, {
          params: `loadmodule "rtpproxy.so"\nmodparam("rtpproxy", "rtpproxy_sock", "${sock}")\n`,
        }),
        (error: Error) => why.test(error.message),
      );
  });
});

test('rtpproxy over a Unix socket', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rtpproxy-'));
  const path = join(folder, 'control');
  const proxy = new FakeProxy('192.0.2.9');
  const control = createServer((socket) =>
    socket.on('data', (data) => socket.end(`${proxy.answer(data.toString().trimEnd()) ?? ''}\n`)),
  );
  await new Promise<void>((resolve) => control.listen(path, () => resolve()));
  const peer = await UdpPeer.open();
  const script = `loadmodule "pv.so"\nloadmodule "sl.so"\nloadmodule "rtpproxy.so"\nmodparam("rtpproxy", "rtpproxy_sock", "unix:${path}")
request_route { rtpproxy_offer("r"); $du = "sip:127.0.0.1:${peer.port}"; forward(); }`;
  let started: StartedServer | null = null;
  try {
    started = await startServer(scriptOptions(script));
    const rows = `Via: SIP/2.0/UDP 127.0.0.1:${peer.port};branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=f\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\nContent-Type: application/sdp\r\n`;
    peer.send(
      `INVITE sip:a@b SIP/2.0\r\n${rows}Content-Length: ${SDP.length}\r\n\r\n${SDP}`,
      started.server.transport.sockets[0]?.port ?? 0,
    );
    assert.match((await peer.next(5000)) ?? '', /c=IN IP4 192\.0\.2\.9\r\n[^]*m=audio 40002 /);
    assert.deepEqual(proxy.commands, ['Uc0 c 10.0.1.1 4000 f;1']);
  } finally {
    await started?.stop(0);
    peer.close();
    control.close();
    rmSync(folder, { recursive: true });
  }
});
