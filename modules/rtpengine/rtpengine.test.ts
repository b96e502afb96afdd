import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { callHash, RpcMany } from 'strowger';
import { checkScript } from '../../core/start.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import { SipWorld, type WorldOptions } from '../../test/support/sip-world.ts';
import { BDict, bdecode, bencode } from './bencode.ts';

const SDP = 'v=0\r\no=a 1 1 IN IP4 10.0.1.1\r\ns=-\r\nc=IN IP4 10.0.1.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n';
const NODES = ['10.0.9.1', '10.0.9.2', '10.0.9.3'] as const;
const PORT = 2223;

/** rtpengines of the simulated network, and what each was asked. */
class Farm {
  readonly asked = new Map<string, BDict[]>();
  /** Addresses that do not answer. */
  readonly mute = new Set<string>();
  /** What a node answers other than usual. */
  readonly answers = new Map<string, (request: BDict) => BDict>();
  readonly #world: SipWorld;

  constructor(world: SipWorld) {
    this.#world = world;
  }

  async open(): Promise<void> {
    for (const ip of NODES) {
      this.asked.set(ip, []);
      const host = this.#world.network.host(ip);
      const endpoint = await host.udp.open(
        { address: ip, port: PORT, family: 4 },
        (text, srcIp, srcPort) => {
          const reply = this.#answer(ip, text);
          if (reply !== null) endpoint.send(reply, srcIp, srcPort);
        },
        () => {},
      );
    }
  }

  #answer(ip: string, text: string): string | null {
    const space = text.indexOf(' ');
    const request = bdecode(text.slice(space + 1));
    assert.ok(request instanceof BDict);
    this.asked.get(ip)?.push(request);
    if (this.mute.has(ip)) return null;
    const own = this.answers.get(ip)?.(request);
    const reply = own ?? this.#usual(ip, request);
    return `${text.slice(0, space)} ${bencode(reply)}`;
  }

  #usual(ip: string, request: BDict): BDict {
    if (request.str('command') === 'ping') return new BDict().add('result', 'pong');
    const reply = new BDict().add('result', 'ok');
    return request.get('sdp') === undefined ? reply : reply.add('sdp', SDP.replaceAll('10.0.1.1', ip));
  }

  /** Commands about calls that a node got. */
  commands(ip: string): string[] {
    return (this.asked.get(ip) ?? []).map((request) => request.str('command')).filter((name) => name !== 'ping');
  }
}

const PARAMS = `
loadmodule "rtpengine.so"
modparam("rtpengine", "rtpengine_sock", "${NODES.map((ip) => `udp:${ip}:${PORT}`).join(' ')}")
modparam("rtpengine", "rtpengine_tout_ms", 200)
modparam("rtpengine", "rtpengine_retr", 2)
modparam("rtpengine", "rtpengine_disable_tout", 30)
`;
const ROUTES = `
request_route {
  if (is_method("INVITE|BYE|ACK|CANCEL")) $var(rc) = rtpengine_manage("replace-origin");
  $du = "sip:10.0.2.1";
  t_on_reply("R");
  t_on_failure("F");
  t_relay();
}
onreply_route[R] { rtpengine_manage(); }
failure_route[F] { rtpengine_manage(); }
`;

async function withFarm(
  use: (world: SipWorld, farm: Farm) => Promise<void>,
  routes = ROUTES,
  params = PARAMS,
  options: WorldOptions = {},
): Promise<void> {
  const world = await SipWorld.start(routes, { params, ...options });
  const farm = new Farm(world);
  await farm.open();
  await world.passes(1000);
  try {
    await use(world, farm);
  } finally {
    await world.stop();
  }
}

const WITH_SDP = { body: SDP } as const;

/** The node that a call falls to, none being disabled. */
function nodeOf(invite: string): (typeof NODES)[number] {
  const callId = /Call-ID: ([^\r]*)/i.exec(invite)?.[1] ?? '';
  return NODES[callHash(callId, 0) % NODES.length] ?? NODES[0];
}

describe('rtpengine on virtual time', { timeout: 60_000 }, () => {
  test('offer, answer and delete of a call go to one node; SDP comes out rewritten', () =>
    withFarm(async (world, farm) => {
      const invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      const node = nodeOf(invite);
      const received = await world.bob.receives('INVITE');
      assert.match(received.text, new RegExp(`c=IN IP4 ${node}\\r\\n`));
      world.bob.replies(received, 200, WITH_SDP);
      const ok = await world.final(invite);
      assert.equal(ok.status, 200);
      assert.match(ok.text, new RegExp(`c=IN IP4 ${node}\\r\\n`));
      assert.deepEqual(farm.commands(node), ['offer', 'answer']);
      const [offer, answer] = (farm.asked.get(node) ?? []).filter((request) => request.str('command') !== 'ping');
      assert.equal(offer?.str('from-tag'), answer?.str('from-tag'));
      assert.notEqual(answer?.str('to-tag'), '');
    }));

  test('an INVITE without SDP: the reply brings the offer, the ACK the answer', () =>
    withFarm(async (world, farm) => {
      const invite = world.calls('sip:bob@10.0.0.1');
      const received = await world.bob.receives('INVITE');
      world.bob.replies(received, 200, WITH_SDP);
      await world.final(invite);
      assert.deepEqual(farm.commands(nodeOf(invite)), ['offer']);
    }));

  test('a failed call is deleted', () =>
    withFarm(async (world, farm) => {
      const invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      world.bob.replies(await world.bob.receives('INVITE'), 486);
      await world.final(invite);
      assert.deepEqual(farm.commands(nodeOf(invite)), ['offer', 'delete', 'delete']);
    }));

  test('a node that dies: the next takes the call, others do not wait for the dead one, and it comes back', () =>
    withFarm(async (world, farm) => {
      const probe = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      const dead = nodeOf(probe);
      world.bob.replies(await world.bob.receives('INVITE'), 486);
      await world.final(probe);
      farm.mute.add(dead);
      const startMs = world.clock.now();
      // As many calls as it takes to have one for the dead node.
      let invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      while (nodeOf(invite) !== dead) {
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        await world.final(invite);
        invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      }
      const received = await world.bob.receives('INVITE');
      assert.doesNotMatch(received.text, new RegExp(`c=IN IP4 ${dead}`));
      assert.ok(world.clock.now() - startMs >= 400);
      world.bob.replies(received, 486);
      await world.final(invite);
      const shown = await world.sim.server.rpc.call('rtpengine.show', [`udp:${dead}:${PORT}`]);
      assert.ok(shown instanceof RpcMany);
      assert.equal((shown.values[0] as { disabled: unknown }).disabled, 1);
      // While it is disabled nothing is sent to it; after its time a ping brings it back.
      farm.mute.delete(dead);
      const before = farm.asked.get(dead)?.length;
      for (let i = 0; i < 5; i++) {
        const other = world.calls('sip:bob@10.0.0.1', WITH_SDP);
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        await world.final(other);
      }
      assert.equal(farm.asked.get(dead)?.length, before);
      await world.passes(31_000);
      const last = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      world.bob.replies(await world.bob.receives('INVITE'), 486);
      await world.final(last);
      assert.equal(farm.asked.get(dead)?.[before ?? 0]?.str('command'), 'ping');
      const again = await world.sim.server.rpc.call('rtpengine.show', [`udp:${dead}:${PORT}`]);
      assert.equal(((again as RpcMany).values[0] as { disabled: unknown }).disabled, 0);
    }));

  test('load limit: another node takes the call, and the full one stays enabled', () =>
    withFarm(async (world, farm) => {
      const probe = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      await world.bob.receives('INVITE');
      const full = nodeOf(probe);
      farm.answers.set(full, () => new BDict().add('result', 'load limit').add('message', 'too many'));
      let invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      while (nodeOf(invite) !== full) {
        await world.bob.receives('INVITE');
        invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
      }
      const received = await world.bob.receives('INVITE');
      assert.doesNotMatch(received.text, new RegExp(`c=IN IP4 ${full}`));
      const shown = (await world.sim.server.rpc.call('rtpengine.show', ['all'])) as RpcMany;
      assert.ok(shown.values.every((node) => (node as { disabled: unknown }).disabled === 0));
    }));

  test('nobody answers: -1, the call goes on with its SDP, and nothing else is held up meanwhile', () =>
    withFarm(async (world, farm) => {
      for (const ip of NODES) farm.mute.add(ip);
      world.calls('sip:bob@10.0.0.1', WITH_SDP);
      const options = world.alice.request('OPTIONS', 'sip:bob@10.0.0.1');
      world.alice.sends(options);
      const first = await world.bob.receives('OPTIONS');
      world.bob.replies(first, 200);
      const invite = await world.bob.receives('INVITE', 10_000);
      assert.match(invite.text, /c=IN IP4 10\.0\.1\.1\r\n/);
    }));

  test('lossy links: requests are repeated, calls get their media', () =>
    withFarm(
      async (world) => {
        world.network.setLink('10.0.0.1', '*', { loss: 0.3 });
        world.network.setLink('10.0.0.1', '10.0.2.1', {});
        for (let i = 0; i < 10; i++) {
          const invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
          const received = await world.bob.receives('INVITE', 60_000);
          assert.match(received.text, /c=IN IP4 10\.0\.9\.\d\r\n/);
          assert.ok(invite.length > 0);
        }
      },
      ROUTES,
      PARAMS.replace('"rtpengine_retr", 2', '"rtpengine_retr", 12'),
    ));

  test('disabled for good: new calls go elsewhere; rtpengine_allow_op 2 lets the present ones end there', () =>
    withFarm(
      async (world, farm) => {
        const invite = world.calls('sip:bob@10.0.0.1', WITH_SDP);
        const node = nodeOf(invite);
        const received = await world.bob.receives('INVITE');
        await world.sim.server.rpc.call('rtpengine.enable', [`udp:${node}:${PORT}`, 0]);
        world.bob.replies(received, 200, WITH_SDP);
        await world.final(invite);
        assert.deepEqual(farm.commands(node), ['offer', 'answer']);
        const shown = (await world.sim.server.rpc.call('rtpengine.show', [`udp:${node}:${PORT}`])) as RpcMany;
        assert.deepEqual(
          { ...(shown.values[0] as object), index: 0 },
          { url: `udp:${node}:${PORT}`, set: 0, index: 0, weight: 1, disabled: '1(permanent)', recheck_ticks: 'N/A' },
        );
        assert.equal(await world.sim.server.rpc.call('rtpengine.get_hash_total', []), 1);
        await assert.rejects(world.sim.server.rpc.call('rtpengine.show', ['udp:1.1.1.1:1']), /Instance not found/);
        await assert.rejects(world.sim.server.rpc.call('rtpengine.reload', []), /No Database URL/);
        const enabled = world.sim.server.rpc.call('rtpengine.enable', [`udp:${node}:${PORT}`, 1]);
        await world.passes(1000);
        assert.deepEqual(await enabled, { url: `udp:${node}:${PORT}`, status: 'enable' });
      },
      ROUTES,
      `${PARAMS}modparam("rtpengine", "rtpengine_allow_op", 2)\n`,
    ));

  test('each branch has media of its own: via-branch=next in a branch_route', () =>
    withFarm(
      async (world, farm) => {
        for (const [ip, tail] of NODES.map((each, i) => [each, i] as const))
          farm.answers.set(ip, (request) => {
            const reply = new BDict().add('result', request.str('command') === 'ping' ? 'pong' : 'ok');
            return reply.add('sdp', SDP.replace('4000', `${request.str('via-branch').length}${tail}00`));
          });
        world.calls('sip:x@10.0.0.1', WITH_SDP);
        const seen: string[] = [];
        for (const peer of [world.bob, world.carol]) {
          const { text } = await peer.receives('INVITE');
          seen.push(/branch=([^\r;]*)/.exec(text)?.[1] ?? '');
          assert.equal(text.match(/\r\nm=audio /g)?.length, 1);
        }
        const asked = [...farm.asked.values()].flat().map((request) => request.str('via-branch'));
        assert.deepEqual(
          asked.filter((branch) => branch !== '').sort((a, b) => a.localeCompare(b)),
          seen.sort((a, b) => a.localeCompare(b)),
        );
      },
      `request_route { $ru = "sip:bob@10.0.2.1"; append_branch("sip:carol@10.0.2.2"); t_on_branch("B"); t_relay(); }
branch_route[B] { rtpengine_offer("via-branch=next"); }`,
    ));

  test('weights share calls out; unknown sets, bad sockets and variables are refused at start', async () => {
    for (const [params, why] of [
      ['modparam("rtpengine", "rtpengine_sock", "udp:10.0.0.1")', /is not udp:host:port/],
      ['modparam("rtpengine", "rtpengine_sock", "ws://")', /is not ws:\/\/host:port/],
      ['modparam("rtpengine", "rtpengine_sock", "ws://10.0.0.1:99999/")', /is not ws:\/\/host:port/],
      ['modparam("rtpengine", "rtpengine_sock", "udp:10.0.0.1:5=x")', /weight is no number/],
      ['modparam("rtpengine", "rtp_inst_pvar", "$rU(")', /rtp_inst_pvar/],
      ['modparam("rtpengine", "write_sdp_pv", "$ci")', /write_sdp_pv: \$ci can not be assigned/],
    ] as const)
      await assert.rejects(
        SipWorld.start(ROUTES, { params: `loadmodule "rtpengine.so"\n${params}\n` }),
        (error: Error) => {
          assert.match(error.message, why);
          return true;
        },
      );
    await assert.rejects(
      SipWorld.start('request_route { set_rtpengine_set("7"); }', { params: PARAMS }),
      (error: Error) => /no set 7/.test(error.message),
    );
  });

  test('a script is checked without nodes', async () => {
    const script = `loadmodule "rtpengine.so"\nrequest_route { set_rtpengine_set("7"); rtpengine_offer(); }`;
    assert.deepEqual((await checkScript(scriptOptions(script))).diagnostics, []);
  });
});
