import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { request } from '../test/support/msg.ts';
import { SimNetwork } from '../test/support/sim-network.ts';
import { SimServer } from '../test/support/sim-server.ts';
import { SipPeer } from '../test/support/sip-peer.ts';
import { SeededRandom } from './timer/random.ts';
import { VirtualClock } from './timer/virtual-clock.ts';

interface World {
  readonly clock: VirtualClock;
  readonly sim: SimServer;
  readonly alice: SipPeer;
}

async function world(script: string, options: { ip?: string; listens?: readonly string[] } = {}): Promise<World> {
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(1));
  const sim = await SimServer.start(network, { script, ...options });
  sim.log.level = 2;
  sim.log.lines.length = 0;
  const target = { ip: '10.0.0.1', port: 5060 };
  const alice = await SipPeer.udp(network.host('10.0.0.2').udp, { clock, name: 'alice', address: '10.0.0.2', target });
  return { clock, sim, alice };
}

const BASE = 'loadmodule "pv"\nloadmodule "sl"\nloadmodule "xlog"\nloadmodule "cfgutils"\n';
const WAITS = `${BASE}
request_route {
  xlog("L_INFO", "begin $ci $cs\\n");
  if ($rU == "slow") usleep(50000);
  xlog("L_INFO", "end $ci $cs\\n");
}
`;

suite('core parameters on every message', () => {
  for (const size of [0, 16]) {
    test(`route_locks_size = ${size}: messages of a call ${size === 0 ? 'overtake' : 'wait for'} one that waits`, async () => {
      const { clock, sim, alice } = await world(`route_locks_size=${size}\n${WAITS}`);
      for (const [cseq, user, callId] of [
        [1, 'slow', 'a'],
        [2, 'slow', 'a'],
        [3, 'fast', 'a'],
        [1, 'fast', 'b'],
      ] as const)
        alice.sends(alice.request('MESSAGE', `sip:${user}@10.0.0.1`, { cseq, callId }));
      await clock.advanceAsync(500);
      const said = sim.log.lines.map((line) => line.replace('2 ', ''));
      assert.deepEqual(
        said,
        size === 0
          ? ['begin a 1', 'begin a 2', 'begin a 3', 'end a 3', 'begin b 1', 'end b 1', 'end a 1', 'end a 2']
          : ['begin a 1', 'begin b 1', 'end b 1', 'end a 1', 'begin a 2', 'end a 2', 'begin a 3', 'end a 3'],
      );
      await sim.stop();
    });
  }

  test('latency_cfg_log and latency_limit_action measure routes and commands', async () => {
    const { clock, sim, alice } = await world(
      `debug=2\nlatency_cfg_log=1\nlatency_limit_action=1000\nlatency_log=0\n${BASE}
request_route { usleep(5000); xlog("L_INFO", "here\\n"); }`,
    );
    alice.sends(alice.request('MESSAGE', 'sip:x@10.0.0.1'));
    await clock.advanceAsync(100);
    const lines = sim.log.lines.map((line) => line.replace(/\d+ us/, 'N us'));
    assert.deepEqual(lines, [
      '1 request-route executed in: N usec',
      '0 alert - action [usleep] cfg [/test.cfg:10] took too long [N us]',
      '2 here',
    ]);
    await sim.stop();
  });

  test('messages nobody can read are logged at corelog, those with a bad header at sip_parser_log', async () => {
    const { clock, sim, alice } = await world(`corelog=1\nsip_parser_log=2\n${BASE}request_route { exit; }`);
    alice.sends('rubbish\r\n\r\n');
    alice.sends(request('MESSAGE', 'sip:x@10.0.0.1', { sentBy: '10.0.0.2', callId: '' }));
    await clock.advanceAsync(10);
    assert.deepEqual(
      sim.log.lines.map((line) => line.slice(0, 13)),
      ['1 bad message', '2 bad message'],
    );
    await sim.stop();
  });

  test('msg_recv_max_size', async () => {
    const { clock, sim, alice } = await world(
      `msg_recv_max_size=1000\n${BASE}request_route { sl_send_reply("200", "OK"); }`,
    );
    alice.sends(alice.request('MESSAGE', 'sip:x@10.0.0.1', { body: 'x'.repeat(1000) }));
    await clock.advanceAsync(10);
    alice.sends(alice.request('MESSAGE', 'sip:x@10.0.0.1', { body: 'x'.repeat(100) }));
    await alice.receives(200);
    assert.equal(alice.count(200), 1);
    await sim.stop();
  });

  test('$rcv(buf) can be replaced before the message is read', async () => {
    const { sim, alice } = await world(`received_route_mode=1\n${BASE}
request_route { sl_send_reply("200", "$rU"); }
event_route[core:msg-received] { $rcv(buf) = $(rcv(buf){s.replace,old,new}); }`);
    alice.sends(alice.request('MESSAGE', 'sip:old@10.0.0.1'));
    assert.match((await alice.receives(200)).startLine, /200 new$/);
    await sim.stop();
  });

  test('mhomed: the socket is the one the system would send from', async () => {
    const script = `mhomed=1\nloadmodule "pv"\nloadmodule "tm"\nrequest_route { $du = "sip:10.0.0.2:5070"; if ($rm == "MESSAGE") forward(); else t_relay(); }`;
    const listens = ['udp:10.0.0.1:5060', 'udp:10.0.0.9:5060'];
    const { clock, sim, alice } = await world(script, { listens });
    const asked: string[] = [];
    sim.server.sourceAddress = (ip) => {
      asked.push(ip);
      return Promise.resolve('10.0.0.9');
    };
    const sent: string[] = [];
    sim.server.hooks.dataOut.add((text, dst) => {
      sent.push(`${text.split(' ')[0]} ${dst.socket?.address ?? ''} ${/Via: \S+ ([\d.]+)/.exec(text)?.[1]}`);
      return '';
    });
    for (const method of ['MESSAGE', 'OPTIONS']) alice.sends(alice.request(method, 'sip:x@10.0.0.1'));
    await clock.advanceAsync(10);
    assert.deepEqual(
      sent.filter((line) => !line.startsWith('SIP')),
      ['MESSAGE 10.0.0.9 10.0.0.9', 'OPTIONS 10.0.0.9 10.0.0.9'],
    );
    assert.deepEqual(asked, ['10.0.0.2']);
    await sim.stop();
  });
});
