import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { hashText, mixHash } from '../../core/msg/hash.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { challengeOf, digestAnswer } from '../support/digest-client.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { BIN_FOLDER, StrowgerProcess } from '../support/strowger-process.ts';

/** Nonces among workers: what one has made or seen, the others know at once. */

const WORKERS = 2;
const HAZARD = join(import.meta.dirname, 'testdata/hazard');
const folder = mkdtempSync(join(tmpdir(), 'strowger-auth-workers-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const PATIENCE_MS = 10_000;

const SCRIPT = `
workers=${WORKERS}
listen=udp:127.0.0.1:0
loadmodule "pv.so"
loadmodule "sl.so"
loadmodule "${HAZARD}"
loadmodule "auth.so"
modparam("auth", "nonce_count", 1)
modparam("auth", "one_time_nonce", 1)
request_route {
  if ($rU == "exit") hazard_exit();
  $var(worker) = 0;
  hazard_worker();
  $var(worker) = $rc;
  if ($rU == "challenge") { www_challenge("example.com", "$(hdr(X-F){s.int})"); exit; }
  pv_www_authenticate("example.com", "pw", "0");
  sl_send_reply("200", "$rc by $var(worker)");
}
`;

let lastId = 0;
/** A new Call-ID that belongs to a worker, from 1. */
function callIdOf(worker: number): string {
  for (;;) {
    const callId = `auth-${++lastId}@test`;
    if ((mixHash(hashText(callId)) % WORKERS) + 1 === worker) return callId;
  }
}

suite('nonces among two workers', { timeout: 60_000 }, () => {
  let server: StrowgerProcess;
  let peer: SipPeer;

  before(async () => {
    const path = join(folder, 'auth.cfg');
    writeFileSync(path, SCRIPT);
    server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), ['-f', path, '-E', '--debug=2', '-Y', folder]);
    await server.says('is ready on');
    const port = Number(/is ready on .*udp:127\.0\.0\.1:(\d+)/.exec(server.stderr)?.[1]);
    const target = { ip: '127.0.0.1', port };
    peer = await SipPeer.udp(new DgramUdpDriver(), { clock: new RealClock(), name: 'alice', target });
  });
  after(async () => {
    await peer.close();
    await server.stop();
  });

  async function asks(user: string, worker: number, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const callId = callIdOf(worker);
    peer.sends(peer.request('REGISTER', `sip:${user}@example.com`, { callId, headers }));
    const reply = await peer.receives((msg) => msg.status >= 200 && msg.get('Call-ID') === callId, PATIENCE_MS);
    return user === 'challenge' ? challengeOf(reply) : reply.startLine.replace('SIP/2.0 200 ', '');
  }

  /** Credentials for a challenge by a worker. */
  async function credentials(worker: number, qop: '' | 'auth', nc = '00000001'): Promise<string> {
    const challenge = await asks('challenge', worker, { 'X-F': qop === '' ? '0' : '1' });
    return digestAnswer(challenge, { user: 'alice', password: 'pw', method: 'REGISTER', uri: 'sip:example.com', nc });
  }

  const register = (worker: number, value: string): Promise<string> =>
    asks('register', worker, { Authorization: value });

  test('a nonce that one has made is good at the other, once', async () => {
    for (const [made, used] of [
      [1, 2],
      [2, 1],
    ] as const) {
      const value = await credentials(made, '');
      assert.equal(await register(used, value), `1 by ${used}`);
      assert.equal(await register(made, value), `-6 by ${made}`);
      assert.equal(await register(used, value), `-6 by ${used}`);
    }
  });

  test('a count that one has seen is old at the other', async () => {
    const value = await credentials(1, 'auth', '00000005');
    assert.equal(await register(1, value), '1 by 1');
    assert.equal(await register(2, value), '-4 by 2');
  });

  test('of replays that come at once, one is taken', async () => {
    for (let round = 0; round < 10; round++) {
      const value = await credentials((round % 2) + 1, round < 5 ? '' : 'auth');
      const results = await Promise.all([1, 2, 1, 2, 1, 2].map((worker) => register(worker, value)));
      assert.equal(results.filter((result) => result.startsWith('1 ')).length, 1, results.join(', '));
    }
  });

  test('a worker that takes another’s place knows the nonces', async () => {
    const fresh = await credentials(1, '');
    const used = await credentials(1, '');
    assert.equal(await register(1, used), '1 by 1');
    peer.sends(peer.request('REGISTER', 'sip:exit@example.com', { callId: callIdOf(1) }));
    await server.says('worker 1 is back');
    assert.equal(await register(1, used), '-6 by 1');
    assert.equal(await register(1, fresh), '1 by 1');
  });
});
