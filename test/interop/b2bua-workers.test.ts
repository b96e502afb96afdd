import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, afterEach, before, suite, test } from 'node:test';
import { createSql, OWN_TABLES, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import { callControlSocket } from '../../core/rpc/control-socket.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { DgramUdpDriver } from '../../core/transport/udp-dgram.ts';
import { callOwner } from '../../core/workers/ownership.ts';
import { ANSWER, OFFER } from '../support/b2b-world.ts';
import type { RequestOptions, TestMsg } from '../support/msg.ts';
import { type Expected, SipPeer } from '../support/sip-peer.ts';
import { BIN_FOLDER, StrowgerProcess } from '../support/strowger-process.ts';

const WORKERS = 2;
const STORE_INTERVAL_MS = 50;
const PATIENCE_MS = 10_000;

const script = (port: number, bob: string, dave: string, database: string): string => `
workers=${WORKERS}
listen=udp:127.0.0.1:${port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "db_sqlite.so"
loadmodule "${join(import.meta.dirname, 'testdata/hazard')}"
loadmodule "b2bua.so"
modparam("b2bua", "store", "sqlite://${database}")
modparam("b2bua", "store_interval", ${STORE_INTERVAL_MS})
modparam("b2bua", "rel100", "off")
modparam("b2bua", "replaces_auth", 0)
request_route {
  if ($rU == "exit") hazard_exit();
  if (is_method("OPTIONS")) {
    if (!b2b_find("$hdr(X-Key)")) { sl_send_reply("404", "Nothing"); exit; }
    b2b_hangup();
    sl_send_reply("200", "Ended");
    exit;
  }
  if (has_totag()) { sl_send_reply("481", "Not here"); exit; }
  if ($rU == "pick") { if (!b2b_pickup("bob")) b2b_reject(404, "Nothing rings"); exit; }
  if ($rU == "counted-pick") {
    b2b_limit("picks", 5);
    b2b_ring();
    if (!b2b_pickup("bob")) b2b_reject(404, "Nothing rings");
    exit;
  }
  if ($rU == "get") { if (!b2b_unpark("7")) b2b_reject(404, "Nobody there"); exit; }
  if ($rU == "join") { if (!b2b_join("$hdr(X-Key)")) b2b_reject(404, "Nobody there"); exit; }
  if ($rU == "replace") { if (!b2b_replaces("$hdr(X-Key)")) b2b_reject(404, "Nobody there"); exit; }
  if ($rU == "dave") b2b_call("${dave}");
  else b2b_call("${bob}");
  exit;
}
event_route[b2bua:request] {
  if (is_method("INFO")) { b2b_reply(200); b2b_park("7"); drop; }
  if (is_method("MESSAGE")) { b2b_reply(200); b2b_unbridge(); drop; }
}
`;

/** The dialog of a user agent with the server: of who called by the 2xx, of who was called by the INVITE. */
interface Dialog {
  readonly peer: SipPeer;
  readonly msg: TestMsg;
}

interface Call {
  readonly caller: Dialog;
  readonly callee: Dialog;
}

suite('b2bua with two workers', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-b2b-workers-'));
  const database = join(folder, 'calls.db');
  const control = join(folder, 'control.sock');
  const clock = new RealClock();
  let server: StrowgerProcess;
  let alice: SipPeer;
  let bob: SipPeer;
  let carol: SipPeer;
  let dave: SipPeer;
  let lastId = 0;
  let lastCseq = 10;
  let port = 0;

  async function starts(): Promise<void> {
    const path = join(folder, 'b2bua.cfg');
    writeFileSync(path, script(port, bob.uri, dave.uri, database));
    const args = ['-f', path, '-E', '--control', control, '-Y', folder];
    server = new StrowgerProcess(join(BIN_FOLDER, 'strowger.js'), args);
    await server.says('is ready on');
    port = Number(/is ready on .*udp:127\.0\.0\.1:(\d+)/.exec(server.stderr)?.[1]);
    for (const peer of [alice, bob, carol, dave]) peer.target = { ip: '127.0.0.1', port };
  }

  async function rpc<T>(method: string, ...params: (string | number)[]): Promise<T> {
    const reply = await callControlSocket(control, method, params, 'json');
    const { result, error } = reply as { readonly result?: T; readonly error?: { readonly message: string } };
    if (error !== undefined) throw new Error(error.message);
    return result as T;
  }

  async function live(): Promise<{ readonly id: string; readonly legs: number }[]> {
    return [(await rpc<{ id: string; legs: number }[] | undefined>('b2bua.list')) ?? []].flat();
  }

  /** A Call-ID whose requests come to a worker. */
  function callIdOf(worker: number): string {
    for (;;) {
      const callId = `call-${++lastId}`;
      if (callOwner(callId, WORKERS) === worker) return callId;
    }
  }

  const receives = (peer: SipPeer, expected: Expected): Promise<TestMsg> => peer.receives(expected, PATIENCE_MS);
  const answered = (status: number, method: string) => (msg: TestMsg) =>
    msg.status === status && msg.cseqMethod === method;

  /** A new INVITE, with a Call-ID of this worker's. */
  function invites(peer: SipPeer, user: string, worker: number, options: RequestOptions = {}): void {
    const callId = callIdOf(worker);
    peer.sends(peer.request('INVITE', `sip:${user}@127.0.0.1`, { callId, body: OFFER, ...options }));
  }

  function within({ peer, msg }: Dialog, method: string, options: RequestOptions = {}): void {
    const [own, other] = msg.method === 'INVITE' ? (['To', 'From'] as const) : (['From', 'To'] as const);
    const target = /<([^>]*)>/.exec(msg.get('Contact') ?? '')?.[1] ?? '';
    const bare = (name: string): string => (msg.get(name) ?? '').replace(/;tag=.*/, '');
    const tags = { fromTag: `${peer.name}-tag`, toTag: msg.param(other, 'tag') ?? '' };
    const parties = { from: bare(own), to: bare(other), callId: msg.get('Call-ID') ?? '' };
    peer.sends(peer.request(method, target, { cseq: ++lastCseq, ...parties, ...tags, ...options }));
  }

  /** `msg` of who called: the 2xx that it waits for, acknowledged. */
  async function isAnswered(peer: SipPeer): Promise<Dialog> {
    const dialog = { peer, msg: await receives(peer, answered(200, 'INVITE')) };
    within(dialog, 'ACK', { cseq: 1 });
    return dialog;
  }

  async function rings(caller: SipPeer, callee: SipPeer, worker: number): Promise<TestMsg> {
    invites(caller, callee.name, worker);
    const invite = await receives(callee, 'INVITE');
    callee.replies(invite, 180);
    await receives(caller, 180);
    return invite;
  }

  async function talk(caller: SipPeer, callee: SipPeer, worker: number): Promise<Call> {
    const msg = await rings(caller, callee, worker);
    callee.replies(msg, 200, { body: ANSWER });
    const calls = await isAnswered(caller);
    await receives(callee, 'ACK');
    return { caller: calls, callee: { peer: callee, msg } };
  }

  /** A re-INVITE of the server's, answered. */
  async function takesOffer(peer: SipPeer): Promise<TestMsg> {
    const invite = await receives(peer, 'INVITE');
    peer.replies(invite, 200, { body: OFFER });
    return invite;
  }

  const passes = (ms: number): Promise<void> => new Promise((resolve) => void clock.schedule(ms, resolve));

  /** Waits until the table has so many calls, one of them with this leg, and nothing more is written into it. */
  async function isStored(count: number, callId: string): Promise<void> {
    const db = new DatabaseSync(database, { readOnly: true, timeout: PATIENCE_MS });
    try {
      let before = '';
      for (const end = clock.now() + PATIENCE_MS; clock.now() < end; await passes(4 * STORE_INTERVAL_MS)) {
        const states = db.prepare('SELECT state FROM b2b_call ORDER BY call_id').all() as { state: string }[];
        const now = JSON.stringify(states);
        if (states.length === count && now.includes(callId) && now === before) return;
        before = now;
      }
      throw new Error(`not ${count} calls: ${before}`);
    } finally {
      db.close();
    }
  }

  async function ends(dialog: Dialog, other: SipPeer): Promise<void> {
    within(dialog, 'BYE');
    other.replies(await receives(other, 'BYE'), 200);
    await receives(dialog.peer, answered(200, 'BYE'));
  }

  before(async () => {
    const db = new DatabaseSync(database);
    for (const table of [...STANDARD_TABLES.filter(({ name }) => name === 'version'), ...OWN_TABLES]) {
      for (const sql of createSql(table, 'sqlite')) db.exec(sql);
      db.prepare('INSERT INTO version (table_name, table_version) VALUES (?, ?)').run(table.name, table.version);
    }
    db.close();
    const driver = new DgramUdpDriver();
    [alice, bob, carol, dave] = [
      await SipPeer.udp(driver, { clock, name: 'alice' }),
      await SipPeer.udp(driver, { clock, name: 'bob' }),
      await SipPeer.udp(driver, { clock, name: 'carol' }),
      await SipPeer.udp(driver, { clock, name: 'dave' }),
    ];
    await starts();
  });
  after(async () => {
    for (const peer of [alice, bob, carol, dave]) await peer.close();
    const { code, stderr } = await server.stop();
    rmSync(folder, { recursive: true });
    assert.equal(code, 0, stderr);
  });
  afterEach(async () => {
    for (let i = 0; i < 100 && (await live()).length > 0; i++) await passes(20);
    assert.deepEqual(await live(), []);
    for (const { count } of await rpc<{ count: number }[]>('b2bua.limits')) assert.equal(count, 0);
    for (const peer of [alice, bob, carol, dave]) peer.inbox.length = 0;
  });

  for (const worker of [0, 1]) {
    const other = 1 - worker;

    test(`calls of worker ${worker}: requests of both sides find it`, async () => {
      for (let i = 0; i < 4; i++) {
        const { caller, callee } = await talk(alice, bob, worker);
        within(callee, 'INVITE', { body: ANSWER });
        await takesOffer(alice);
        await receives(bob, answered(200, 'INVITE'));
        within(callee, 'ACK', { cseq: lastCseq });
        await receives(alice, 'ACK');
        if (i % 2 === 0) await ends(callee, alice);
        else await ends(caller, bob);
      }
    });

    for (const user of ['pick', 'counted-pick'])
      test(`a call that rings in worker ${worker} is picked up by a caller of worker ${other} (${user})`, async () => {
        const ringing = await rings(alice, bob, worker);
        invites(carol, user, other);
        const picked = await isAnswered(carol);
        const caller = await isAnswered(alice);
        bob.replies(await receives(bob, 'CANCEL'), 200);
        bob.replies(ringing, 487);
        await receives(bob, 'ACK');
        assert.equal(caller.msg.body, OFFER);
        within(picked, 'INFO');
        await receives(carol, answered(200, 'INFO'));
        // That parked alice: carol gets her back.
        carol.replies(await receives(carol, 'BYE'), 200);
        await takesOffer(alice);
        await receives(alice, 'ACK');
        within(caller, 'BYE');
        await receives(alice, answered(200, 'BYE'));
      });

    test(`a call parked in worker ${worker} is taken by a caller of worker ${other}`, async () => {
      const { caller, callee } = await talk(alice, bob, worker);
      within(callee, 'INFO');
      await receives(bob, answered(200, 'INFO'));
      bob.replies(await receives(bob, 'BYE'), 200);
      await takesOffer(alice);
      await receives(alice, 'ACK');
      invites(carol, 'get', other);
      await takesOffer(alice);
      const taken = await isAnswered(carol);
      await receives(alice, 'ACK');
      // Both sides are found where the call is now.
      within(caller, 'INVITE', { body: OFFER });
      await takesOffer(carol);
      await receives(alice, answered(200, 'INVITE'));
      within(caller, 'ACK', { cseq: lastCseq });
      await receives(carol, 'ACK');
      if (worker === 0) await ends(taken, alice);
      else await ends(caller, carol);
    });

    test(`INVITE with Replaces of worker ${other} for a dialog of worker ${worker}: in a call, and ringing`, async () => {
      const { callee } = await talk(alice, bob, worker);
      const { msg } = callee;
      const replaces = `${msg.get('Call-ID')};to-tag=${msg.param('From', 'tag')};from-tag=bob-tag`;
      invites(carol, 'anybody', other, { headers: { Replaces: replaces } });
      await takesOffer(alice);
      const replacing = await isAnswered(carol);
      await receives(alice, 'ACK');
      bob.replies(await receives(bob, 'BYE'), 200);
      await ends(replacing, alice);

      const ringing = await rings(alice, bob, worker);
      const early = `${ringing.get('Call-ID')};to-tag=${ringing.param('From', 'tag')};from-tag=bob-tag`;
      invites(carol, 'anybody', other, { headers: { Replaces: early } });
      const picked = await isAnswered(carol);
      await isAnswered(alice);
      bob.replies(await receives(bob, 'CANCEL'), 200);
      bob.replies(ringing, 487);
      await ends(picked, alice);
    });

    test(`INVITE with Replaces of nobody's dialog: 481 from worker ${worker}`, async () => {
      invites(carol, 'anybody', worker, { headers: { Replaces: `${callIdOf(other)};to-tag=a;from-tag=b` } });
      const reply = await receives(carol, 481);
      assert.equal(reply.cseqMethod, 'INVITE');
    });

    test(`REFER in worker ${worker} with Replaces of a call of worker ${other}: both are joined`, async () => {
      const first = await talk(alice, bob, worker);
      const second = await talk(alice, dave, other);
      const { msg } = second.caller;
      const replaces = `${msg.get('Call-ID')};to-tag=${msg.param('To', 'tag')};from-tag=alice-tag`;
      within(first.caller, 'REFER', {
        headers: { 'Refer-To': `<sip:dave@127.0.0.1?Replaces=${encodeURIComponent(replaces)}>` },
      });
      await receives(alice, 202);
      alice.replies(await receives(alice, 'NOTIFY'), 200);
      await takesOffer(bob);
      await takesOffer(dave);
      await receives(bob, 'ACK');
      await receives(dave, 'ACK');
      alice.replies(await receives(alice, 'NOTIFY'), 200);
      alice.replies(await receives(alice, 'BYE'), 200);
      alice.replies(await receives(alice, 'BYE'), 200);
      await ends(second.callee, bob);
      assert.ok(first);
    });

    test(`RPC: legs of two workers are bridged, the second in worker ${worker}`, async () => {
      const one = await talk(alice, bob, other);
      const [first] = await live();
      const two = await talk(carol, dave, worker);
      const second = (await live()).find(({ id }) => id !== first?.id);
      const bridged = rpc('b2bua.bridge', `${first?.id}-1`, `${second?.id}-2`);
      await takesOffer(dave);
      await takesOffer(alice);
      bob.replies(await receives(bob, 'BYE'), 200);
      carol.replies(await receives(carol, 'BYE'), 200);
      assert.equal(await bridged, 'Ok');
      await ends(two.callee, alice);
      assert.ok(one);
    });

    test(`RPC: a phone gets the call that rings in worker ${worker}, by its key only once`, async () => {
      const ringing = await rings(alice, bob, worker);
      const picked = rpc('b2bua.pickup', 'bob', dave.uri);
      const invite = await receives(dave, 'INVITE');
      dave.replies(invite, 200, { body: ANSWER });
      await receives(dave, 'ACK');
      await isAnswered(alice);
      assert.equal(await picked, 'Ok');
      bob.replies(await receives(bob, 'CANCEL'), 200);
      bob.replies(ringing, 487);
      await ends({ peer: dave, msg: invite }, alice);
      await assert.rejects(rpc('b2bua.pickup', 'bob', dave.uri), /nothing rings/);
    });

    test(`b2b_join and b2b_replaces in worker ${other} by the key of a call of worker ${worker}; b2b_find`, async () => {
      const { caller, callee } = await talk(alice, bob, worker);
      const [call] = await live();
      within(callee, 'MESSAGE');
      await receives(bob, answered(200, 'MESSAGE'));
      for (const peer of [alice, bob]) {
        await takesOffer(peer);
        await receives(peer, 'ACK');
      }
      invites(carol, 'join', other, { headers: { 'X-Key': `${call?.id}-1` } });
      await takesOffer(alice);
      await isAnswered(carol);
      await receives(alice, 'ACK');
      invites(dave, 'replace', worker, { headers: { 'X-Key': `${call?.id}-1` } });
      await takesOffer(carol);
      await isAnswered(dave);
      await receives(carol, 'ACK');
      alice.replies(await receives(alice, 'BYE'), 200);
      dave.sends(
        dave.request('OPTIONS', 'sip:x@127.0.0.1', { callId: callIdOf(worker), headers: { 'X-Key': call?.id ?? '' } }),
      );
      for (const peer of [bob, carol, dave]) peer.replies(await receives(peer, 'BYE'), 200);
      await receives(dave, answered(200, 'OPTIONS'));
      assert.ok(caller);
    });
  }

  test('a worker that dies has its calls when it is back, and their slots; the other one never lost its own', async () => {
    const calls = [await talk(alice, bob, 0), await talk(alice, bob, 1), await talk(alice, bob, 1)];
    await isStored(calls.length, calls.at(-1)?.caller.msg.get('Call-ID') ?? '');
    alice.sends(alice.request('OPTIONS', 'sip:exit@127.0.0.1', { callId: callIdOf(1) }));
    await server.says('worker 2 died and is replaced');
    for (let i = 0; i < 1500 && (await live()).length < 3; i++) await passes(20);
    assert.equal((await live()).length, 3);
    const [slots] = await rpc<{ count: number }[]>('b2bua.limits');
    assert.equal(slots?.count, 3);
    for (const { caller } of calls) await ends(caller, bob);
  });

  test('after kill -9 each worker has its calls, those that had moved too, and they end as they would have', async () => {
    const calls: Call[] = [];
    for (let i = 0; i < 6; i++) calls.push(await talk(alice, bob, i % WORKERS));
    const moved = await talk(alice, bob, 0);
    within(moved.callee, 'INFO');
    await receives(bob, answered(200, 'INFO'));
    bob.replies(await receives(bob, 'BYE'), 200);
    await takesOffer(alice);
    await receives(alice, 'ACK');
    invites(carol, 'get', 1);
    await takesOffer(alice);
    const taken = await isAnswered(carol);
    await receives(alice, 'ACK');
    await isStored(calls.length + 1, taken.msg.get('Call-ID') ?? '');
    server.child.kill('SIGKILL');
    await server.end();
    await starts();
    assert.equal((await live()).length, 7);
    await ends(taken, alice);
    for (const [i, { caller, callee }] of calls.entries()) {
      if (i % 2 === 0) await ends(callee, alice);
      else await ends(caller, bob);
    }
  });
});
