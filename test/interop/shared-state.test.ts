import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { callControlSocket } from '../../core/rpc/control-socket.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { BIN_FOLDER, StrowgerProcess } from '../support/strowger-process.ts';

/** What modules keep for a whole server, written by all its workers at once. */

const PEERS = 6;
const script = `
workers=2
listen=udp:127.0.0.1:0
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "cfgutils.so"
loadmodule "htable.so"
loadmodule "pike.so"
loadmodule "ratelimit.so"
loadmodule "dlgs.so"
loadmodule "debugger.so"
modparam("htable", "htable", "t=>size=4;initval=0")
modparam("htable", "htable", "texts=>size=4;autoexpire=100")
modparam("pike", "reqs_density_per_unit", 10)
modparam("pike", "sampling_time_unit", 1000)
modparam("ratelimit", "timer_interval", 30)
modparam("ratelimit", "pipe", "1:TAILDROP:1")
event_route[htable:mod-init] { $var(x) = $shtinc(t=>started); $sht(texts=>start) = "yes"; }
request_route {
  if ($rU == "inc") { $var(r) = $shtinc(t=>n); }
  if ($rU == "lock") {
    sht_lock("t=>k");
    $var(r) = $sht(t=>k);
    usleep("500");
    $sht(t=>k) = $var(r) + 1;
    sht_unlock("t=>k");
  }
  if ($rU == "pike") { pike_check_ip("192.0.2.7"); $var(r) = $rc; }
  if ($rU == "limit") { rl_check_pipe("1"); $var(r) = $rc; }
  if ($rU == "text") { $sht(texts=>$ci) = "of " + $ci; $var(r) = $sht(texts=>start); }
  if ($rU == "dlg") { dlgs_init("$fU", "$rU", ""); sl_send_reply("183", "Session Progress"); }
  if ($rU == "count") { dlgs_count("any", "eq", ""); $var(r) = $rc; }
  if ($rU == "step") { $var(r) = 1; }
  sl_send_reply("200", "$var(r)");
}
`;

suite('two workers', { timeout: 60_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-shared-'));
  const control = join(folder, 'control.sock');
  const clock = new RealClock();
  const udp = new DgramUdpDriver();
  const peers: SipPeer[] = [];
  let server: StrowgerProcess;
  let port = 0;
  let lastId = 0;

  before(async () => {
    const file = join(folder, 'x.cfg');
    writeFileSync(file, script);
    server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), [
      '-f',
      file,
      '-E',
      '--control',
      control,
      '-Y',
      folder,
    ]);
    await server.says('is ready on');
    port = Number(/is ready on .*udp:127\.0\.0\.1:(\d+)/.exec(server.stderr)?.[1]);
    for (let i = 0; i < PEERS; i++)
      peers.push(await SipPeer.udp(udp, { clock, name: `p${i}`, target: { ip: '127.0.0.1', port } }));
  });
  after(async () => {
    for (const peer of peers) await peer.close();
    const { code, stderr } = await server.stop();
    rmSync(folder, { recursive: true, force: true });
    assert.equal(code, 0, stderr);
  });

  async function ask(peer: SipPeer, user: string, method = 'OPTIONS'): Promise<string> {
    const callId = `shared-${++lastId}`;
    peer.sends(peer.request(method, `sip:${user}@127.0.0.1:${port}`, { callId }));
    const reply = await peer.receives((msg) => msg.status === 200 && msg.get('Call-ID') === callId, 10_000);
    return reply.startLine.replace('SIP/2.0 200 ', '');
  }

  /** So many requests of each peer, all peers at once: what came back. */
  async function askAll(user: string, times: number, method = 'OPTIONS'): Promise<string[]> {
    const answers = await Promise.all(
      peers.map(async (peer) => {
        const own: string[] = [];
        for (let i = 0; i < times; i++) own.push(await ask(peer, user, method));
        return own;
      }),
    );
    return answers.flat();
  }

  async function rpc(method: string, ...params: (string | number)[]): Promise<string> {
    const answer = await callControlSocket(control, method, params, 'json');
    return JSON.stringify('error' in answer ? answer.error : answer.result);
  }

  test('no increment is lost and no sum is given twice', async () => {
    const sums = await askAll('inc', 40);
    assert.deepEqual(
      sums.map(Number).sort((a, b) => a - b),
      Array.from({ length: 40 * PEERS }, (_, i) => i + 1),
    );
    assert.match(await rpc('htable.get', 't', 'n'), new RegExp(`"value":${40 * PEERS},`));
  });

  test('what is read and written under a lock is not torn', async () => {
    const seen = await askAll('lock', 10);
    assert.equal(new Set(seen).size, 10 * PEERS);
    assert.match(await rpc('htable.get', 't', 'k'), new RegExp(`"value":${10 * PEERS},`));
  });

  test('items of all workers are in one table; the first one filled it, once', async () => {
    assert.deepEqual(new Set(await askAll('text', 5)), new Set(['yes']));
    assert.match(await rpc('htable.stats'), new RegExp(`"name":"texts","slots":16,"all":${5 * PEERS + 1},`));
    assert.match(await rpc('htable.get', 't', 'started'), /"value":1,/);
  });

  test('an address is blocked after as many requests as with one worker', async () => {
    const answers = await askAll('pike', 10);
    assert.equal(answers.filter((answer) => answer === '1').length, 13);
    assert.equal(answers.filter((answer) => answer === '-2').length, 1);
    assert.match(await rpc('pike.top'), /"ip_addr":"192\.0\.2\.7","leaf_hits_prev":0,"leaf_hits_curr":56,/);
  });

  test('a pipe lets as many pass as with one worker', async () => {
    const answers = await askAll('limit', 10);
    assert.equal(answers.filter((answer) => answer === '1').length, 30);
  });

  test('dialogs of all workers are counted', async () => {
    await askAll('dlg', 4, 'INVITE');
    // The 200 has answered them.
    assert.deepEqual(new Set(await askAll('count', 2)), new Set([String(4 * PEERS)]));
    assert.match(await rpc('dlgs.stats'), new RegExp(`"answered":${4 * PEERS},`));
  });

  test('runs of both workers are held and let go', async () => {
    assert.equal(await rpc('dbg.bp', 'on'), '"200 ok"');
    const answers = peers.map((peer) => ask(peer, 'step'));
    const rows = async (): Promise<{ pid: number; state: number }[]> =>
      JSON.parse(await rpc('dbg.ls')) as { pid: number; state: number }[];
    let held = await rows();
    while (held.filter(({ state }) => state === 1).length < PEERS) held = await rows();
    assert.ok(new Set(held.map(({ pid }) => Math.floor(pid / 1_000_000))).size >= 2, JSON.stringify(held));
    await rpc('dbg.bp', 'off');
    for (;;) {
      const next = (await rows()).find(({ state }) => state !== 0);
      if (next === undefined) break;
      await rpc('dbg.bp', 'move', next.pid);
    }
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(['1']));
  });
});
