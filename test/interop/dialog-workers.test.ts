import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, suite, test } from 'node:test';
import { callControlSocket } from '../../core/rpc/control-socket.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { createTables } from '../support/dialog-tables.ts';
import type { TestMsg } from '../support/msg.ts';
import { SipPeer } from '../support/sip-peer.ts';
import { BIN_FOLDER, StrowgerProcess } from '../support/strowger-process.ts';

const CALLS = 12;
const script = (port: number, callee: string, database: string): string => `
workers=3
listen=udp:127.0.0.1:${port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "db_sqlite.so"
loadmodule "dialog.so"
modparam("dialog", "profiles_with_value", "caller")
modparam("dialog", "db_url", "sqlite://${database}")
modparam("dialog", "db_mode", 1)
request_route {
  if ($rU == "count") {
    get_profile_size("caller", "$fu", "$var(n)");
    sl_send_reply("200", "$var(n) of $DLG_count");
    exit;
  }
  if ($rU == "short") { dlg_set_timeout("77", "$hdr(X-Entry)", "$hdr(X-Id)"); sl_send_reply("200", "$rc"); exit; }
  if ($rU == "all") { dlg_set_timeout_by_profile("caller", "$fu", "500"); sl_send_reply("200", "$rc"); exit; }
  if (has_totag()) { loose_route(); t_relay(); exit; }
  record_route();
  dlg_manage();
  set_dlg_profile("caller", "$fu");
  $du = "${callee}";
  t_relay();
}
`;

suite('dialogs with three workers', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-dialogs-'));
  const database = join(folder, 'dialogs.db');
  const control = join(folder, 'control.sock');
  const clock = new RealClock();
  let server: StrowgerProcess;
  let alice: SipPeer;
  let bob: SipPeer;
  let lastId = 0;
  /** Chosen by the system at first; the same after a restart, for it is in Record-Route. */
  let port = 0;
  const routes = new Map<string, string[]>();

  async function starts(): Promise<void> {
    const path = join(folder, 'dialogs.cfg');
    writeFileSync(path, script(port, `sip:127.0.0.1:${bob.port}`, database));
    const args = ['-f', path, '-E', '--control', control, '-Y', folder];
    server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
    await server.says('is ready on');
    port = Number(/is ready on .*udp:127\.0\.0\.1:(\d+)/.exec(server.stderr)?.[1]);
    alice.target = bob.target = { ip: '127.0.0.1', port };
  }

  async function rpc<T>(method: string, ...params: (string | number)[]): Promise<T> {
    const reply = await callControlSocket(control, method, params, 'json');
    const { result, error } = reply as { readonly result?: T; readonly error?: { readonly message: string } };
    if (error !== undefined) throw new Error(error.message);
    return result as T;
  }

  /** The reason of alice's 200. */
  async function asks(user: string, headers: Record<string, string | number> = {}): Promise<string> {
    const callId = `q${++lastId}`;
    alice.sends(alice.request('OPTIONS', `sip:${user}@127.0.0.1`, { callId, headers }));
    const reply = await alice.receives((msg) => msg.get('Call-ID') === callId, 10_000);
    return reply.startLine.replace('SIP/2.0 200 ', '');
  }

  async function calls(callId: string): Promise<void> {
    alice.sends(alice.request('INVITE', 'sip:bob@127.0.0.1', { callId }));
    const invite = await bob.receives((msg) => msg.method === 'INVITE' && msg.get('Call-ID') === callId, 10_000);
    bob.replies(invite, 200);
    const answer = await alice.receives((msg) => msg.status === 200 && msg.get('Call-ID') === callId, 10_000);
    routes.set(callId, answer.all('Record-Route').toReversed());
    alice.sends(within('ACK', callId, 1));
    await bob.receives((msg) => msg.method === 'ACK' && msg.get('Call-ID') === callId, 10_000);
  }

  function within(method: string, callId: string, cseq: number): string {
    const route = routes.get(callId) ?? [];
    return alice.request(method, bob.uri, { callId, to: '<sip:bob@127.0.0.1>', toTag: 'bob-tag', route, cseq });
  }

  async function ends(callId: string): Promise<void> {
    alice.sends(within('BYE', callId, 2));
    bob.replies(await bob.receives((msg) => msg.method === 'BYE' && msg.get('Call-ID') === callId, 10_000), 200);
    await alice.receives((msg) => msg.status === 200 && msg.get('Call-ID') === callId, 10_000);
  }

  /** Waits until what is asked is so: workers hear of each other with some delay. */
  async function becomes(wanted: unknown, ask: () => Promise<unknown>): Promise<void> {
    let found: unknown;
    for (let i = 0; i < 100; i++) {
      found = await ask();
      if (JSON.stringify(found) === JSON.stringify(wanted)) return;
      await new Promise<void>((resolve) => void clock.schedule(50, resolve));
    }
    assert.deepEqual(found, wanted);
  }

  /** Calls in the database. */
  function rows(): number {
    const db = new DatabaseSync(database, { readOnly: true, timeout: 5000 });
    try {
      return Number(db.prepare('SELECT COUNT(*) AS n FROM dialog').get()?.['n']);
    } finally {
      db.close();
    }
  }

  interface Shown {
    readonly 'call-id': string;
    readonly h_entry: number;
    readonly h_id: number;
    readonly lifetime: number;
    readonly state: number;
  }
  /** Dialogs that are not over. One alone comes as itself, several as a list. */
  async function live(): Promise<Shown[]> {
    const shown = (await rpc<Shown | Shown[] | undefined>('dlg.list')) ?? [];
    return [shown].flat().filter(({ state }) => state === 4);
  }

  before(async () => {
    createTables(database);
    const driver = new DgramUdpDriver();
    alice = await SipPeer.udp(driver, { clock, name: 'alice' });
    bob = await SipPeer.udp(driver, { clock, name: 'bob' });
    await starts();
  });
  after(async () => {
    await alice.close();
    await bob.close();
    const { code, stderr } = await server.stop();
    rmSync(folder, { recursive: true });
    assert.equal(code, 0, stderr);
  });

  test('calls of all workers count in profiles, statistics and lists', async () => {
    for (let i = 0; i < CALLS; i++) await calls(`c${i}`);
    await becomes(`${CALLS} of ${CALLS}`, () => asks('count'));
    assert.equal(await rpc('dlg.profile_get_size', 'caller', 'sip:alice@example.org'), CALLS);
    const shown = await live();
    assert.deepEqual(
      shown.map((each) => each['call-id']).sort(),
      Array.from({ length: CALLS }, (_, i) => `c${i}`).sort(),
    );
    assert.deepEqual(
      shown.map(({ h_entry }) => h_entry),
      shown.map(({ h_entry }) => h_entry).toSorted((a, b) => a - b),
    );
    assert.equal(new Set(shown.map(({ h_entry, h_id }) => `${h_entry} ${h_id}`)).size, CALLS);
    assert.equal((await rpc<{ ongoing: number }>('dlg.stats_active')).ongoing, CALLS);
  });

  test('a worker changes and ends dialogs of the others', async () => {
    for (const { h_entry, h_id } of (await live()).slice(0, 4))
      assert.equal(await asks('short', { 'X-Entry': h_entry, 'X-Id': h_id }), '1');
    assert.equal(await asks('short', { 'X-Entry': 1, 'X-Id': 1 }), '-1');
    assert.equal((await live()).filter(({ lifetime }) => lifetime === 77).length, 4);
    assert.equal(await asks('all'), '1');
    await becomes(CALLS, async () => (await live()).filter(({ lifetime }) => lifetime === 500).length);
    await rpc('dlg.terminate_dlg', 'c0', 'alice-tag', 'bob-tag');
    const byes: TestMsg[] = [await alice.receives('BYE', 10_000), await bob.receives('BYE', 10_000)];
    alice.replies(byes[0] ?? assert.fail(), 200);
    bob.replies(byes[1] ?? assert.fail(), 200);
    await becomes(`${CALLS - 1} of ${CALLS - 1}`, () => asks('count'));
    await assert.rejects(rpc('dlg.terminate_dlg', 'c0', 'alice-tag', 'bob-tag'), /Couldnt find callid/);
  });

  test('after kill -9 each worker has its calls from the database, and they end as they would have', async () => {
    // The row of the call that has just ended is taken out a moment later.
    await becomes(CALLS - 1, async () => rows());
    server.child.kill('SIGKILL');
    await server.end();
    await starts();
    assert.equal((await live()).length, CALLS - 1);
    await becomes(`${CALLS - 1} of ${CALLS - 1}`, () => asks('count'));
    for (let i = 1; i < CALLS; i++) await ends(`c${i}`);
    await becomes('0 of 0', () => asks('count'));
    assert.deepEqual(await live(), []);
  });
});
