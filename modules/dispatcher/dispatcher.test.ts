import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { replyText } from '../../core/rpc/reply-text.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import { SipWorld } from '../../test/support/sip-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-dispatcher-'));
after(() => rmSync(folder, { recursive: true }));
let lists = 0;

/** A world whose script has dispatcher, with this list; the server answers pings' events by log lines. */
class DsWorld {
  readonly world: SipWorld;
  readonly listFile: string;

  private constructor(world: SipWorld, listFile: string) {
    this.world = world;
    this.listFile = listFile;
  }

  static async start(list: string, params: string, routes = BALANCE): Promise<DsWorld> {
    const listFile = join(folder, `${++lists}.list`);
    writeFileSync(listFile, list);
    const set = `loadmodule "dispatcher.so"\nmodparam("dispatcher", "list_file", "${listFile}")\nmodparam("dispatcher", "flags", 2)\nmodparam("dispatcher", "reload_delta", 0)\nmodparam("tm", "fr_timer", 2000)\n`;
    return new DsWorld(await SipWorld.start(routes + EVENTS, { params: set + params }), listFile);
  }

  async rpc(method: string, ...params: (string | number)[]): Promise<string> {
    return replyText(await this.world.sim.server.rpc.call(method, params));
  }

  /** `URI state` of each destination. */
  async states(): Promise<string[]> {
    const text = await this.rpc('dispatcher.list', 'short');
    return [...text.matchAll(/URI: (\S+)\s+FLAGS: (\S+)/g)].map(([, uri, state]) => `${uri} ${state}`);
  }

  /** Lines that the script has logged since. */
  said(): string[] {
    return this.world.sim.log.lines.splice(0).flatMap((line) => /say (.*)/.exec(line)?.[1] ?? []);
  }
}

const BALANCE = `
request_route {
  if (!ds_select_dst("1", "4")) { sl_send_reply("503", "none"); exit; }
  t_on_failure("NEXT");
  t_relay();
}
failure_route[NEXT] {
  if (t_check_status("500|408") && ds_next_dst()) { t_on_failure("NEXT"); t_relay(); }
}
`;
const EVENTS = `
event_route[dispatcher:dst-down] { xlog("L_ERR", "say down $rm $ru $du $dsv(code) $dsv(reason) $dsv(flags)\\n"); }
event_route[dispatcher:dst-up] { xlog("L_ERR", "say up $rm $ru $dsv(code) $dsv(setid) $dsv(uri)\\n"); }
`;

const answer =
  (code: number): ((msg: TestMsg) => string | null) =>
  (msg) =>
    msg.method === 'ACK' ? null : reply(msg, code);

function reply(msg: TestMsg, code: number): string {
  const rows = ['Via', 'From', 'Call-ID', 'CSeq'].map((name) =>
    msg
      .all(name)
      .map((value) => `${name}: ${value}\r\n`)
      .join(''),
  );
  return `SIP/2.0 ${code} As Asked\r\n${rows.join('')}To: ${msg.get('To')};tag=z\r\nContent-Length: 0\r\n\r\n`;
}

test('calls go round and on to the next when one fails', async () => {
  const ds = await DsWorld.start('1 sip:10.0.2.2\n1 sip:10.0.2.1\n', '');
  const { bob, carol } = ds.world;
  bob.autoReply = answer(500);
  carol.autoReply = answer(200);
  for (let i = 0; i < 3; i++) {
    const final = await ds.world.final(ds.world.calls('sip:x@10.0.0.1', { callId: `c${i}`, branch: `z9hG4bK-${i}` }));
    assert.equal(final.status, 200);
  }
  carol.autoReply = null;
  assert.equal(
    (await ds.world.final(ds.world.calls('sip:x@10.0.0.1', { callId: 'c9', branch: 'z9hG4bK-9' }))).status,
    500,
  );
  await ds.world.stop();
});

test('pings take destinations out and in again, by the thresholds, and run the event routes', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.2.1 0 9\n1 sip:10.0.2.2 0 5 ping_from=sip:me@example.org;obproxy=sip:10.0.2.3\n1 sip:10.0.2.9 4 1\n',
    'modparam("dispatcher", "ds_ping_interval", 10)\nmodparam("dispatcher", "ds_probing_mode", 1)\n' +
      'modparam("dispatcher", "ds_probing_threshold", 2)\nmodparam("dispatcher", "ds_inactive_threshold", 2)\n' +
      'modparam("dispatcher", "ds_ping_reply_codes", "code=404;code=503")\n',
  );
  const { world } = ds;
  const { bob, dave } = world;
  bob.autoReply = answer(404);
  dave.autoReply = answer(503);
  const seen: TestMsg[] = [];
  const wasReply = dave.autoReply;
  dave.autoReply = (msg) => {
    seen.push(msg);
    return wasReply(msg);
  };
  await world.passes(10_100);
  assert.deepEqual(await ds.states(), ['sip:10.0.2.1 AP', 'sip:10.0.2.2 AP', 'sip:10.0.2.9 DX']);
  assert.equal(seen[0]?.startLine, 'OPTIONS sip:10.0.2.2 SIP/2.0');
  assert.match(seen[0]?.get('From') ?? '', /^<sip:me@example.org>;tag=/);
  bob.autoReply = answer(500);
  dave.autoReply = null;
  await world.passes(10_000);
  assert.deepEqual((await ds.states()).slice(0, 1), ['sip:10.0.2.1 TP']);
  assert.deepEqual(ds.said(), []);
  await world.passes(12_000);
  assert.deepEqual(await ds.states(), ['sip:10.0.2.1 IP', 'sip:10.0.2.2 IP', 'sip:10.0.2.9 DX']);
  assert.deepEqual(ds.said(), [
    'down OPTIONS sip:10.0.2.1 <null> 500 As Asked 1',
    'down OPTIONS sip:10.0.2.2 <null> 408 <null> 0',
  ]);
  bob.autoReply = answer(200);
  await world.passes(10_000);
  assert.deepEqual((await ds.states()).slice(0, 1), ['sip:10.0.2.1 IP']);
  await world.passes(10_000);
  assert.deepEqual((await ds.states()).slice(0, 1), ['sip:10.0.2.1 AP']);
  assert.deepEqual(ds.said(), ['up OPTIONS sip:10.0.2.1 200 1 sip:10.0.2.1']);
  await ds.rpc('dispatcher.ping_active', 0);
  seen.length = 0;
  bob.autoReply = answer(500);
  await world.passes(60_000);
  assert.deepEqual((await ds.states()).slice(0, 1), ['sip:10.0.2.1 AP']);
  await world.stop();
});

/** Flags before, mode, and states after a good and after a bad round (Kamailio 5.6.3, asked). */
const MODES: readonly (readonly [mode: number, flags: number, good: string, bad: string])[] = [
  [0, 0, 'AX', 'AX'],
  [0, 8, 'AX', 'TX'],
  [0, 9, 'AX', 'IX'],
  [1, 0, 'AP', 'TP'],
  [1, 1, 'AP', 'IP'],
  [2, 8, 'AP', 'AP'],
  [2, 1, 'IX', 'IX'],
  [2, 9, 'AX', 'IP'],
  [3, 0, 'AX', 'AX'],
  [3, 8, 'AP', 'TP'],
  [3, 9, 'AP', 'IP'],
];
for (const code of [200, 500]) {
  test(`who is pinged and what comes of ${code}, by ds_probing_mode`, async () => {
    for (const [mode, flags, good, bad] of MODES) {
      const ds = await DsWorld.start(
        `1 sip:10.0.2.1 ${flags}\n`,
        `modparam("dispatcher", "ds_ping_interval", 1)\nmodparam("dispatcher", "ds_probing_mode", ${mode})\nmodparam("dispatcher", "ds_probing_threshold", 2)\n`,
      );
      ds.world.bob.autoReply = answer(code);
      await ds.world.passes(1500);
      assert.deepEqual(
        await ds.states(),
        [`sip:10.0.2.1 ${code === 200 ? good : bad}`],
        `mode ${mode}, flags ${flags}`,
      );
      await ds.world.stop();
    }
  });
}

test('the script marks, and the event runs on its message', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.2.1 0 5\n1 sip:10.0.2.2\n',
    '',
    `
request_route { ds_select_dst("1", "8"); ds_mark_dst("ip"); xlog("L_ERR", "say rc $rc\\n"); }
`,
  );
  ds.world.calls();
  await ds.world.passes(100);
  assert.deepEqual(ds.said(), ['down INVITE sip:someone@10.0.0.1 sip:10.0.2.1 820 <null> 0', 'rc 1']);
  assert.deepEqual(await ds.states(), ['sip:10.0.2.1 IP', 'sip:10.0.2.2 AX']);
  await ds.world.stop();
});

test('a reload keeps the states of what stays, and where round robin stood', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.2.3\n1 sip:10.0.2.2\n1 sip:10.0.2.1\n',
    '',
    `
request_route { ds_select_dst("1", "4"); xlog("L_ERR", "say $du\\n"); }
`,
  );
  const call = async (): Promise<string | undefined> => {
    ds.world.calls('sip:x@10.0.0.1', {
      callId: `c${Math.trunc(ds.world.clock.now())}`,
      branch: `z9hG4bK-${ds.world.clock.now()}`,
    });
    await ds.world.passes(10);
    return ds.said()[0];
  };
  assert.equal(await call(), 'sip:10.0.2.1');
  await ds.rpc('dispatcher.set_state', 'ip', 1, 'sip:10.0.2.2');
  await ds.rpc('dispatcher.add', 1, 'sip:10.0.2.9');
  writeFileSync(ds.listFile, '1 sip:10.0.2.3\n1 sip:10.0.2.2\n1 sip:10.0.2.1 4\n');
  assert.equal(await ds.rpc('dispatcher.reload'), 'Ok. Dispatcher successfully reloaded.\n');
  assert.deepEqual(await ds.states(), ['sip:10.0.2.1 DX', 'sip:10.0.2.2 IP', 'sip:10.0.2.3 AX']);
  assert.equal(await call(), 'sip:10.0.2.3');
  writeFileSync(ds.listFile, 'what is this\n');
  await assert.rejects(ds.rpc('dispatcher.reload'), { message: 'Reload Failed' });
  assert.match(ds.world.sim.log.lines.at(-1) ?? '', /list:1: "what" is no set id/);
  assert.equal((await ds.states()).length, 3);
  await ds.world.stop();
});

test('a destination that can not be used is left out, or with ds_load_mode refuses the list', async () => {
  const list = '1 sip:10.0.2.1\n1 tel:1\n1 sip:10.0.2.2 0 0 socket=udp:9.9.9.9:5060\n';
  const ds = await DsWorld.start(list, '');
  assert.deepEqual(await ds.states(), ['sip:10.0.2.1 AX']);
  await ds.world.stop();
  await assert.rejects(DsWorld.start(list, 'modparam("dispatcher", "ds_load_mode", 1)\n'), /"tel:1" is no SIP URI/);
  await assert.rejects(DsWorld.start('1\n', ''), /list:1: there is no destination/);
});

test('calls of algorithm 10 expire, sooner where nobody answered', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.2.1 0 0 duid=b\n',
    [
      ['ds_hash_size', 4],
      ['ds_hash_initexpire', 60],
      ['ds_hash_expire', 600],
      ['ds_hash_check_interval', 10],
    ]
      .map(([name, value]) => `modparam("dispatcher", "${name}", ${value})\n`)
      .join(''),
    `
request_route { if (is_method("INVITE")) ds_select_dst("1", "10"); t_relay(); }
reply_route { ds_load_update(); }
`,
  );
  const load = async (): Promise<string | undefined> => /DLGLOAD: (\d+)/.exec(await ds.rpc('dispatcher.list'))?.[1];
  ds.world.bob.autoReply = (msg) =>
    msg.method === 'INVITE' && msg.get('Call-ID') === 'answered' ? reply(msg, 200) : null;
  for (const callId of ['answered', 'lost']) ds.world.calls('sip:x@10.0.0.1', { callId, branch: `z9hG4bK-${callId}` });
  await ds.world.passes(1000);
  assert.equal(await load(), '2');
  await ds.world.passes(80_000);
  assert.equal(await load(), '1');
  await ds.world.passes(600_000);
  assert.equal(await load(), '0');
  await ds.world.stop();
});

test('the table of a database, with columns as attributes', async () => {
  const url = `sqlite://${join(folder, 'ds.db')}`;
  const setup = await SipWorld.start('request_route { exit; }', { params: 'loadmodule "db_sqlite.so"\n' });
  const db = await setup.sim.server.db.open(url);
  await db.raw('CREATE TABLE version (table_name TEXT, table_version INTEGER)');
  await db.raw(
    'CREATE TABLE dispatcher (id INTEGER PRIMARY KEY, setid INTEGER, destination TEXT, flags INTEGER, priority INTEGER, attrs TEXT, duid TEXT)',
  );
  for (const [destination, priority, attrs, duid] of [
    ['sip:10.0.2.1', 1, 'weight=50', 'one'],
    ['sip:10.0.2.2', 5, '', null],
  ] as const)
    await db.insert('dispatcher', { setid: 3, destination, flags: 8, priority, attrs, duid });
  const params = `loadmodule "db_sqlite.so"\nloadmodule "dispatcher.so"\nmodparam("dispatcher", "db_url", "${url}")\nmodparam("dispatcher", "ds_db_extra_attrs", "duid=duid")\nmodparam("dispatcher", "reload_delta", 0)\n`;
  await assert.rejects(
    SipWorld.start('request_route { exit; }', { params }),
    /dispatcher is not listed in the table version/,
  );
  await db.insert('version', { table_name: 'dispatcher', table_version: 4 });
  const world = await SipWorld.start('request_route { exit; }', { params });
  const list = async (): Promise<string> => replyText(await world.sim.server.rpc.call('dispatcher.list', []));
  assert.match(await list(), /URI: sip:10.0.2.2\s+FLAGS: AP\s+PRIORITY: 5\s[^]*BODY: weight=50;duid=one\s+DUID: one/);
  await db.delete('dispatcher', [{ column: 'priority', value: 5 }]);
  await world.sim.server.rpc.call('dispatcher.reload', []);
  assert.doesNotMatch(await list(), /10\.0\.2\.2/);
  await world.stop();
  await setup.stop();
});

test('ds_mark_addr, ds_dsg_fetch and $dsg', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.2.1 0 5\n1 sip:10.0.2.2\n1 sip:10.0.2.3 4\n',
    '',
    `
request_route {
  xlog("L_ERR", "say $dsg(count)\n");
  ds_dsg_fetch("1");
  xlog("L_ERR", "say $dsg(count) $dsg(active) $dsg(pactive) $dsg(inactive) $dsg(pinactive) $dsg(ocrate)\n");
  ds_mark_addr("ip", "1", "sip:10.0.2.2");
  if (!ds_mark_addr("ip", "1", "sip:10.0.2.9") && !ds_mark_addr("what", "1", "sip:10.0.2.1") && !ds_dsg_fetch("7"))
    xlog("L_ERR", "say null $dsg(count)\n");
  ds_dsg_fetch("1");
  xlog("L_ERR", "say $dsg(active)\n");
}
`,
  );
  ds.world.calls();
  await ds.world.passes(100);
  const marked = 'down INVITE sip:someone@10.0.0.1 <null> 820 <null> 0';
  assert.deepEqual(ds.said(), ['<null>', '3 2 66 1 33 <null>', marked, 'null <null>', '1']);
  assert.deepEqual(await ds.states(), ['sip:10.0.2.1 AX', 'sip:10.0.2.3 DX', 'sip:10.0.2.2 IP']);
  await ds.world.stop();
});

test('algorithm 64 passes a destination over as often as its rate says, while that holds', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.2.2 0 0 ocmax=80\n1 sip:10.0.2.1\n',
    '',
    `
request_route {
  if ($rU == "set") {
    ds_oc_set_attrs("1", "sip:10.0.2.2", "90", "60000", "5");
    xlog("L_ERR", "say $rc\n");
    ds_oc_set_attrs("1", "sip:10.0.2.2", "10", "60000", "5");
    xlog("L_ERR", "say $rc\n");
    ds_oc_set_attrs("1", "sip:10.0.2.7", "10", "60000", "6");
    xlog("L_ERR", "say $rc\n");
    ds_dsg_fetch_uri("1", "sip:10.0.2.2");
    xlog("L_ERR", "say $dsg(ocrate) $dsg(ocseq)\n");
    exit;
  }
  $var(i) = 0;
  $var(second) = 0;
  while ($var(i) < 100) {
    ds_select_dst("1", "64");
    if ($du == "sip:10.0.2.2") $var(second) = $var(second) + 1;
    $var(i) = $var(i) + 1;
  }
  xlog("L_ERR", "say $var(second)\n");
}
`,
  );
  const call = async (user: string): Promise<string[]> => {
    ds.world.calls(`sip:${user}@10.0.0.1`, { callId: user, branch: `z9hG4bK-${user}` });
    await ds.world.passes(10);
    return ds.said();
  };
  assert.deepEqual(await call('even'), ['50']);
  assert.deepEqual(await call('set'), ['1', '-2', '-2', '80 5']);
  // Passed over 80 times of a hundred, it gets about one call for five of the other.
  const [second = ''] = await call('shed');
  assert.ok(Number(second) >= 8 && Number(second) <= 25, second);
  assert.match(
    await ds.rpc('dispatcher.oclist', 1),
    /URI: sip:10.0.2.2\s+OCRATE: 80\s+OCMIN: 0\s+OCMAX: 80\s+OCSEQ: 5/,
  );
  await ds.world.passes(61_000);
  assert.deepEqual(await call('over'), ['50']);
  await ds.world.stop();
});

test('algorithm 14 goes round where all priorities are the same', async () => {
  const select =
    'request_route { $var(i) = 0; while ($var(i) < 3) { ds_select_dst("1", "14"); xlog("L_ERR", "say $du\n"); $var(i) = $var(i) + 1; } }';
  for (const [list, expected] of [
    ['1 sip:10.0.2.1 0 3\n1 sip:10.0.2.2 0 3\n', 'sip:10.0.2.2 sip:10.0.2.1 sip:10.0.2.2'],
    ['1 sip:10.0.2.1\n1 sip:10.0.2.2\n', 'sip:10.0.2.2 sip:10.0.2.2 sip:10.0.2.2'],
    ['1 sip:10.0.2.1 0 9\n1 sip:10.0.2.2 0 3\n', 'sip:10.0.2.1 sip:10.0.2.1 sip:10.0.2.1'],
  ] as const) {
    const ds = await DsWorld.start(list, '', select);
    ds.world.calls();
    await ds.world.passes(10);
    assert.equal(ds.said().join(' '), expected);
    await ds.world.stop();
  }
});

test('pings: flag 32 asks nobody, ds_ping_fr_timer bounds the wait; event_callback_mode leaves out what the script marks', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.2.1 0x0\n1 sip:10.0.2.2 0x20\n',
    'modparam("dispatcher", "ds_ping_interval", 10)\nmodparam("dispatcher", "ds_probing_mode", 1)\n' +
      'modparam("dispatcher", "ds_ping_fr_timer", 500)\nmodparam("dispatcher", "event_callback_mode", 1)\n',
    'request_route { ds_mark_addr("i", "1", "sip:10.0.2.2"); }',
  );
  ds.world.calls();
  await ds.world.passes(10_700);
  assert.equal(ds.world.carol.count('OPTIONS'), 0);
  assert.deepEqual(ds.said(), ['down OPTIONS sip:10.0.2.1 <null> 408 <null> 0']);
  assert.deepEqual(await ds.states(), ['sip:10.0.2.2 IX', 'sip:10.0.2.1 IP']);
  await ds.world.stop();
});

test('ds_is_from_list: the closest of several with one address', async () => {
  const ds = await DsWorld.start(
    '1 sip:10.0.1.1:5080\n1 sip:10.0.1.1:5060\n1 sip:10.0.1.1:5060;transport=tcp\n1 sip:10.0.1.1:5090;transport=udp\n',
    'modparam("dispatcher", "attrs_pvname", "$var(attrs)")\nmodparam("dispatcher", "ds_attrs_none", 0)\n',
    'request_route { if (ds_is_from_list("1", "16")) xlog("L_ERR", "say yes\n"); if (ds_is_from_list("1", "24", "sip:10.9.9.9")) xlog("L_ERR", "say no\n"); if (ds_is_from_list("1", "8")) xlog("L_ERR", "say also\n"); }',
  );
  ds.world.calls();
  await ds.world.passes(10);
  assert.deepEqual(ds.said(), ['yes']);
  await ds.world.stop();
});
