import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { response, type TestMsg } from '../support/msg.ts';
import { SimNetwork } from '../support/sim-network.ts';
import { SimServer } from '../support/sim-server.ts';
import { SipPeer } from '../support/sip-peer.ts';

/** The script at the end of dispatcher's document, unchanged but for its database line. */

const README = '/usr/share/doc/kamailio/modules/README.dispatcher.gz';
/** The document's lines are broken here. */
const WIDTH = 80;

function scriptOf(listFile: string): string {
  const lines = gunzipSync(readFileSync(README)).toString('latin1').split('\n');
  const start = lines.indexOf('#!KAMAILIO');
  const listing = lines.slice(start, lines.indexOf('...', start));
  const text = listing.map((line) => (line.length === WIDTH ? line : `${line}\n`)).join('');
  return text
    .replace('loadmodule "db_mysql.so"\n', '')
    .replace('modparam("dispatcher", "db_url", DBURL)', `modparam("dispatcher", "list_file", "${listFile}")`);
}

describe("kamailio's own script for dispatcher", {
  skip: existsSync(README) ? false : `${README} is not there`,
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-k14-'));
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(3));
  const peers: Record<string, SipPeer> = {};
  let sim: SimServer;

  const peer = (name: string): SipPeer => peers[name] as SipPeer;
  const says =
    (code: number) =>
    (msg: TestMsg): string | null =>
      msg.method === 'ACK' ? null : response(msg, msg.method === 'OPTIONS' ? 200 : code);
  const call = async (id: string, uri = 'sip:bob@10.0.0.1'): Promise<TestMsg> => {
    const alice = peer('alice');
    alice.sends(alice.request('INVITE', uri, { callId: id, branch: `z9hG4bK-${id}` }));
    return alice.receives((msg) => msg.status >= 200 && msg.get('Call-ID') === id, 100_000);
  };
  const states = async (): Promise<string> => {
    const { RECORDS } = (await sim.server.rpc.call('dispatcher.list', ['short'])) as { RECORDS: unknown };
    return [...JSON.stringify(RECORDS).matchAll(/"FLAGS","(\w\w)"/g)].map(([, state]) => state).join(' ');
  };

  before(async () => {
    const list = join(folder, 'dispatcher.list');
    writeFileSync(list, '1 sip:10.0.2.2:5060 0 0\n1 sip:10.0.2.1:5060 0 0\n');
    sim = await SimServer.start(network, {
      script: scriptOf(list),
      listens: ['udp:10.0.0.1:5060'],
      options: { runtimeDir: folder, settings: { workers: 1 } },
    });
    for (const [name, ip] of [
      ['alice', '10.0.1.1'],
      ['one', '10.0.2.1'],
      ['two', '10.0.2.2'],
    ] as const)
      peers[name] = await SipPeer.udp(network.host(ip).udp, {
        clock,
        name,
        address: ip,
        port: 5060,
        target: { ip: '10.0.0.1', port: 5060 },
      });
  });
  after(async () => {
    await sim.stop();
    for (const one of Object.values(peers)) await one.close();
    rmSync(folder, { recursive: true });
  });

  test('balances calls', async () => {
    const answered: string[] = [];
    for (const name of ['one', 'two'])
      peer(name).autoReply = (msg) => {
        if (msg.method === 'INVITE') answered.push(name);
        return says(200)(msg);
      };
    for (let i = 0; i < 4; i++) assert.equal((await call(`balance-${i}`)).status, 200);
    assert.deepEqual(answered, ['one', 'two', 'one', 'two']);
  });

  test('goes on to the next destination after a 500, and after silence', async () => {
    peer('one').autoReply = says(500);
    peer('two').autoReply = says(200);
    for (const id of ['fail-1', 'fail-2']) assert.equal((await call(id)).status, 200);
    peer('one').autoReply = null;
    for (const id of ['silent-1', 'silent-2']) assert.equal((await call(id)).status, 200);
  });

  test('passes on a failure that is not the destination’s fault', async () => {
    for (const name of ['one', 'two']) peer(name).autoReply = says(486);
    assert.equal((await call('busy')).status, 486);
  });

  test('pings, and takes out who is silent until he answers again', async () => {
    peer('one').autoReply = null;
    peer('two').autoReply = says(200);
    await clock.advanceAsync(65_000);
    assert.equal(await states(), 'IP AP');
    for (const id of ['out-1', 'out-2']) {
      const before = clock.now();
      assert.equal((await call(id)).status, 200);
      assert.ok(clock.now() - before < 500, 'nobody waits for a destination that is out');
    }
    peer('one').autoReply = says(200);
    await clock.advanceAsync(60_000);
    assert.equal(await states(), 'AP AP');
  });

  test('refuses what it does not do', async () => {
    const alice = peer('alice');
    for (const [method, uri, code] of [
      ['REGISTER', 'sip:10.0.0.1', 404],
      ['PUBLISH', 'sip:bob@10.0.0.1', 404],
      ['INVITE', 'sip:10.0.0.1', 484],
    ] as const) {
      alice.sends(alice.request(method, uri, { callId: `no-${method}`, branch: `z9hG4bK-no-${method}` }));
      const reply = await alice.receives((msg) => msg.status >= 200 && msg.get('Call-ID') === `no-${method}`, 10_000);
      assert.equal(reply.status, code, method);
    }
  });
});
