import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import type { StartedServer } from '../../core/cli/start-options.ts';
import { startServer } from '../../core/start.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import { scriptOptions } from '../support/both-servers.ts';
import { MemoryLog } from '../support/fake-run.ts';
import { KAMAILIO_MODULES, Kamailio, UdpPeer } from '../support/kamailio.ts';
import { kamcmd } from '../support/kamcmd.ts';
import { request } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';

/** The same list, script and messages through dispatcher in both servers: the same destinations, states and replies. */

const LIST = `# sets
1 sip:127.0.0.1:7001 0 0 duid=a1;weight=50;rweight=20;foo=bar
1 sip:127.0.0.1:7002 0 0 duid=a2;maxload=2
1 sip:127.0.0.1:7003;transport=tcp 8 0 duid=a3
1 sip:127.0.0.1:7004 0 0 duid=a4
1 sip:127.0.0.1:7005 0 0 duid=a5
2 sip:127.0.0.1:7101 0 3
2 sip:127.0.0.1:7102 1 9
2 sip:127.0.0.1:7103 0 9 at=1
2 sip:127.0.0.1:7104 4 9
2 sip:127.0.0.1:7105 0 9
3 sip:127.0.0.1:7201 1
4 sip:127.0.0.1:7301;x=y
5 sip:127.0.0.1:7401;transport=udp 0 0 here=5
5 sip:10.1.2.3 0 0 default=port
5 sip:10.1.2.4;transport=tls 2 0
5 sip:gone.example.org:7402 16 0
`;

/** `X-Do: function,set,algorithm,limit`; what came of it is the reason phrase of the reply. */
const script = (flags: number, more: string): string => `
debug=0
log_stderror=yes
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "kex.so"
loadmodule "textops.so"
loadmodule "ctl.so"
loadmodule "dispatcher.so"
modparam("ctl", "binrpc", "unix:SOCKET")
modparam("dispatcher", "list_file", "LIST")
modparam("dispatcher", "flags", ${flags})
modparam("dispatcher", "hash_pvar", "$ci|$fU")
modparam("dispatcher", "ds_hash_size", 4)
modparam("dispatcher", "reload_delta", 0)
modparam("dispatcher", "setid_pvname", "$var(setid)")
modparam("dispatcher", "attrs_pvname", "$var(attrs)")
${more}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  $var(fn) = $(hdr(X-Do){s.select,0,,});
  $var(set) = $(hdr(X-Do){s.select,1,,}{s.int});
  $var(alg) = $(hdr(X-Do){s.select,2,,}{s.int});
  $var(limit) = $(hdr(X-Do){s.select,3,,}{s.int});
  $var(setid) = "-";
  $var(attrs) = "-";
  if ($var(fn) == "dst") $var(r) = ds_select_dst("$var(set)", "$var(alg)", "$var(limit)");
  if ($var(fn) == "domain") $var(r) = ds_select_domain("$var(set)", "$var(alg)", "$var(limit)");
  if ($var(fn) == "select") $var(r) = ds_select("$var(set)", "$var(alg)", "$var(limit)");
  if ($var(fn) == "routes") $var(r) = ds_select_routes("2=$var(alg);1=8", "ruri", "$var(limit)");
  if ($var(fn) == "next") { ds_select_dst("$var(set)", "$var(alg)", "$var(limit)"); $var(r) = ds_next_dst(); }
  if ($var(fn) == "nextd") { ds_select_domain("$var(set)", "$var(alg)", "$var(limit)"); $var(r) = ds_next_domain(); }
  if ($var(fn) == "twice") { ds_select_dst("$var(set)", "$var(alg)", "$var(limit)"); $var(r) = ds_select("$var(set)", "$var(alg)", "$var(limit)"); }
  if ($var(fn) == "set") { ds_select("$var(set)", "$var(alg)", "$var(limit)"); $var(r) = ds_set_dst() + ds_set_domain(); }
  if ($var(fn) == "from0") $var(r) = ds_is_from_list();
  if ($var(fn) == "from1") $var(r) = ds_is_from_list("$var(set)");
  if ($var(fn) == "from2") $var(r) = ds_is_from_list("$var(set)", "$var(alg)");
  if ($var(fn) == "from3") $var(r) = ds_is_from_list("$var(set)", "$var(alg)", "$hdr(X-Uri)");
  if ($var(fn) == "active") $var(r) = ds_is_active("$var(set)");
  if ($var(fn) == "active2") $var(r) = ds_is_active("$var(set)", "$hdr(X-Uri)");
  if ($var(fn) == "exists") $var(r) = ds_list_exists("$var(set)");
  if ($var(fn) == "update") $var(r) = ds_load_update();
  if ($var(fn) == "unset") { ds_select_dst("$var(set)", "$var(alg)"); $var(r) = ds_load_unset(); }
MARKS
  pv_printf("$var(o)", "$var(r) $du $ru [$xavp(_dsctx_=>cnt)]");
  $var(i) = 0;
  while ($var(i) < 12 && $xavp(_dsdst_[$var(i)]) != $null) {
    pv_printf("$var(o)", "$var(o) $xavp(_dsdst_[$var(i)]=>grp):$xavp(_dsdst_[$var(i)]=>uri):$xavp(_dsdst_[$var(i)]=>dstid):$xavp(_dsdst_[$var(i)]=>attrs)");
    $var(i) = $var(i) + 1;
  }
  pv_printf("$var(o)", "$var(o) / $(branch(uri)[0]) $(branch(dst_uri)[0]) $(branch(uri)[2]) $(branch(dst_uri)[2]) / $var(setid) $var(attrs)");
  sl_send_reply("200", "$var(o)");
}
`;

const MARKS = ['a', 'i', 't', 'd', 'p', 'ap', 'ip', 'tp', 'dp', 'ti', 'at', 'pi', 'pa', 'IP', 'tpi', 'it'];

interface Call {
  readonly call: string;
  readonly uri?: string;
  readonly from?: string;
  readonly to?: string;
  readonly ruri?: string;
  readonly callId?: string;
  readonly auth?: string;
  readonly method?: string;
}

function messageOf(call: Call, id: number): string {
  return request(call.method ?? 'INVITE', call.ruri ?? 'sip:bob@dst.example.org', {
    branch: `z9hG4bK-ds-${id}`,
    sentBy: 'SENTBY',
    callId: call.callId ?? `call-${id}`,
    from: `<${call.from ?? 'sip:alice@example.org'}>`,
    to: `<${call.to ?? 'sip:bob@example.org'}>`,
    headers: {
      'X-Do': call.call,
      'X-Uri': call.uri ?? '',
      ...(call.auth === undefined
        ? {}
        : {
            Authorization: `Digest username="${call.auth}", realm="r", nonce="n", uri="sip:x", response="00000000000000000000000000000000"`,
          }),
    },
  });
}

/** Both servers on one script. */
class Pair {
  readonly folder = mkdtempSync(join(tmpdir(), 'strowger-ds-'));
  readonly log = new MemoryLog();
  kamailio: Kamailio | null = null;
  ours: StartedServer | null = null;
  peer: UdpPeer | null = null;
  #id = 0;

  async start(flags: number, more = ''): Promise<void> {
    const list = join(this.folder, 'dispatcher.list');
    writeFileSync(list, LIST);
    if (more.includes('DATABASE')) makeTable(join(this.folder, 'ds.db'));
    const marks = MARKS.map(
      (m) => `if ($var(fn) == "mark-${m}") { ds_select_dst("$var(set)", "8"); $var(r) = ds_mark_dst("${m}"); }`,
    );
    const text = script(flags, more)
      .replace('LIST', list)
      .replace('DATABASE', join(this.folder, 'ds.db'))
      .replace('MARKS', marks.join('\n'));
    this.peer = await UdpPeer.open();
    this.kamailio = await Kamailio.start(
      `mpath="${KAMAILIO_MODULES}"\n${text.replace('SOCKET', join(this.folder, 'theirs'))}`,
    );
    this.log.level = 0;
    this.ours = await startServer(
      scriptOptions(text.replace('SOCKET', join(this.folder, 'ours')), {
        scriptPath: '/dispatcher.cfg',
        settings: { disable_tcp: 1, auto_aliases: 0, workers: 1 },
        runtimeDir: this.folder,
        log: this.log,
      }),
    );
  }

  async stop(): Promise<void> {
    await this.kamailio?.stop();
    await this.ours?.stop(0);
    this.peer?.close();
    rmSync(this.folder, { recursive: true });
  }

  async #ask(port: number, text: string): Promise<string> {
    this.peer?.send(text, port);
    return (await this.peer?.next(3000))?.split('\r\n')[0] ?? 'no reply';
  }

  /** Sends it to both; what they answer must be the same. */
  async same(call: Call): Promise<string> {
    const text = messageOf(call, ++this.#id).replace('SENTBY', `127.0.0.1:${this.peer?.port ?? 0}`);
    const theirs = await this.#ask(this.kamailio?.port ?? 0, text);
    const ours = await this.#ask(this.ours?.server.transport.sockets[0]?.port ?? 0, text);
    assert.equal(ours, theirs, JSON.stringify(call));
    return theirs;
  }

  #socket(side: string): string {
    return `unix:${join(this.folder, side)}`;
  }

  async sameRpc(...args: string[]): Promise<string> {
    const [theirs, ours] = [await kamcmd(this.#socket('theirs'), ...args), await kamcmd(this.#socket('ours'), ...args)];
    assert.equal(sortSets(ours), sortSets(theirs), args.join(' '));
    return theirs;
  }
}

/** LIST as a table of a database. */
function makeTable(file: string): void {
  const db = new DatabaseSync(file);
  db.exec('CREATE TABLE version (table_name TEXT, table_version INTEGER)');
  db.exec("INSERT INTO version VALUES ('dispatcher', 4)");
  db.exec(
    'CREATE TABLE dispatcher (id INTEGER PRIMARY KEY, setid INTEGER, destination VARCHAR(192), flags INTEGER, priority INTEGER, attrs VARCHAR(128), place VARCHAR(10))',
  );
  const insert = db.prepare(
    'INSERT INTO dispatcher (setid, destination, flags, priority, attrs, place) VALUES (?, ?, ?, ?, ?, ?)',
  );
  for (const line of LIST.split('\n').filter((row) => /^\d/.test(row))) {
    const [set = '', uri = '', flags = '0', priority = '0', attrs = ''] = line.split(' ');
    insert.run(Number(set), uri, Number(flags), Number(priority), attrs, uri.includes('700') ? 'here' : '');
  }
  db.close();
}

/** Kamailio lists sets in the order of its tree, ours are in the order of their ids. */
function sortSets(text: string): string {
  const parts = text.split(/(?=^\t\tSET: )/m);
  const [head = '', ...sets] = parts;
  if (sets.length === 0) return text;
  const last = sets.length - 1;
  const end = '\t}\n}\n';
  sets[last] = (sets[last] ?? '').replace(end, '');
  return head + sets.sort().join('') + end;
}

describe('dispatcher chooses as kamailio does', { skip: skipWithout('kamailio') }, () => {
  const pair = new Pair();
  before(() => pair.start(2));
  after(() => pair.stop());

  test('hashes over what messages have', async () => {
    const random = new SeededRandom(20240701);
    const pick = <T>(of: readonly T[]): T => of[random.int(of.length)] as T;
    const user = (): string => pick(['alice', 'bob', '+4912345', 'a.b-c', '1', random.token(random.int(12) + 1)]);
    const host = (): string =>
      pick(['example.org', 'EXAMPLE.org', '10.0.0.1', '[2001:db8::1]', `${random.token(5)}.net`]);
    const port = (): string => pick(['', '', ':5060', ':5061', ':5070']);
    const uri = (): string =>
      `${pick(['sip', 'sip', 'sips'])}:${pick(['', `${user()}@`, `${user()}@`])}${host()}${port()}${pick(['', ';transport=tcp'])}`;
    for (let i = 0; i < 250; i++) {
      const alg = pick([0, 1, 2, 3, 5, 7]);
      await pair.same({
        call: `dst,1,${alg},0`,
        from: uri(),
        to: uri(),
        ruri: uri(),
        callId: `${random.token(random.int(30) + 1)}@${host()}`,
        ...(alg === 5 && i % 3 > 0 ? { auth: user() } : {}),
      });
    }
  });

  test('round robin, priority and latency order, with destinations that are out', async () => {
    for (const call of [
      'dst,1,4,0',
      'dst,2,4,0',
      'dst,2,8,0',
      'dst,2,13,0',
      'dst,2,0,0',
      'dst,3,4,0',
      'dst,4,4,0',
      'dst,9,4,0',
      'dst,2,99,0',
      'dst,2,9,0',
      'dst,2,11,0',
    ])
      for (let i = 0; i < 7; i++) await pair.same({ call, callId: `out-${i}` });
  });

  test('limits, Request-URIs, several sets, selecting twice, going on', async () => {
    for (const fn of ['dst', 'domain', 'select', 'routes', 'next', 'nextd', 'twice', 'set'])
      for (const limit of [0, 1, 2, 3, 9, -1])
        await pair.same({ call: `${fn},1,8,${limit}`, ruri: 'sip:bob:pw@dst.example.org:5090;a=b?c=d' });
    await pair.same({ call: 'domain,4,8,0' });
    await pair.same({ call: 'domain,4,8,0', ruri: 'sip:dst.example.org' });
    for (const limit of [0, 2]) {
      await pair.same({ call: `dst,1,12,${limit}` });
      await pair.same({ call: `domain,1,12,${limit}` });
      // Sets with destinations that are out are left out: kamailio forks to these too, where its document says that they
      // are ignored.
      await pair.same({ call: `dst,4,12,${limit}` });
    }
  });

  test('calls are spread by load', async () => {
    for (let i = 0; i < 12; i++) await pair.same({ call: 'dst,1,10,0', callId: `load-${i}` });
    for (let i = 0; i < 3; i++) await pair.same({ call: 'dst,1,10,0', callId: 'load-1' });
    await pair.same({ call: 'dst,1,10,0', method: 'OPTIONS', callId: 'load-o' });
    await pair.same({ call: 'next,1,10,0', callId: 'load-n' });
    for (const id of [0, 3, 4, 99]) await pair.same({ call: 'update,1,0,0', method: 'BYE', callId: `load-${id}` });
    await pair.same({ call: 'update,1,0,0', method: 'CANCEL', callId: 'load-5' });
    await pair.same({ call: 'unset,1,10,0', callId: 'load-u' });
    await pair.same({ call: 'dst,2,10,0', callId: 'load-noid' });
    await pair.sameRpc('dispatcher.list');
    for (let i = 20; i < 26; i++) await pair.same({ call: 'dst,1,10,0', callId: `load-${i}` });
  });

  test('states by ds_mark_dst and dispatcher.set_state', async () => {
    for (const mark of MARKS) {
      await pair.sameRpc('dispatcher.set_state', 'a', '1', 'all');
      await pair.same({ call: `mark-${mark},1,0,0` });
      await pair.sameRpc('dispatcher.list', 'short');
    }
    for (const state of ['a', 'i', 't', 'd', 'ip', 'tp', 'ap', 'dp', 'p', 'ia', 'x', 'ai', 'I']) {
      await pair.sameRpc('dispatcher.set_state', state, '1', 'sip:127.0.0.1:7002');
      await pair.sameRpc('dispatcher.list');
    }
    await pair.sameRpc('dispatcher.set_state', 'i', '99', 'all');
    await pair.sameRpc('dispatcher.set_state', 'i', '1', 'sip:nono');
    await pair.sameRpc('dispatcher.set_state', 'i');
    await pair.sameRpc('dispatcher.set_duid_state', 'ip', '1', 'a1');
    await pair.sameRpc('dispatcher.set_duid_state', 'ip', '1', 'zz');
    await pair.sameRpc('dispatcher.set_duid_state', 'q', '1', 'a1');
    await pair.sameRpc('dispatcher.list', 'full');
    await pair.sameRpc('dispatcher.set_state', 'a', '1', 'all');
  });

  test('ds_is_from_list, ds_is_active and ds_list_exists', async () => {
    const uris = [
      'sip:127.0.0.1:7401',
      'sip:127.0.0.1:7401;transport=udp',
      'sip:127.0.0.1:7401;transport=tcp',
      'sip:x@127.0.0.1:7001',
      'sip:10.1.2.3',
      'sip:10.1.2.3:5060',
      'sip:10.1.2.3:9999',
      'sip:10.1.2.4:5061;transport=tls',
      'sip:10.1.2.4',
      'sips:10.1.2.4',
      'sip:10.9.9.9',
      'bad',
      '',
    ];
    for (const uri of uris)
      for (const set of [5, 1, -1, 99])
        for (let mode = 0; mode < 8; mode++) await pair.same({ call: `from3,${set},${mode},0`, uri });
    await pair.same({ call: 'from0,0,0,0' });
    for (const set of [1, 5, -1, 99]) {
      await pair.same({ call: `from1,${set},0,0` });
      await pair.same({ call: `from2,${set},3,0` });
      await pair.same({ call: `active,${set},0,0` });
      await pair.same({ call: `exists,${set},0,0` });
    }
    await pair.same({ call: 'active,3,0,0' });
    for (const uri of ['sip:127.0.0.1:7102', 'sip:127.0.0.1:7101', 'sip:127.0.0.1:7104', 'no', ''])
      await pair.same({ call: 'active2,2,0,0', uri });
  });

  test('the other commands of RPC', async () => {
    for (const args of [['0', 'alice', 'server.com'], ['4', 'bob', 'server.com'], ['7', 'bob'], [], ['x', 'y']])
      await pair.sameRpc('dispatcher.hash', ...args);
    for (const args of [[], ['0'], ['1'], []]) await pair.sameRpc('dispatcher.ping_active', ...args);
    await pair.sameRpc('dispatcher.add', '77', 'sip:127.0.0.1:5080');
    await pair.sameRpc('dispatcher.add', '78', 'sip:127.0.0.1:5081', '8', '3', 'duid=zz');
    await pair.sameRpc('dispatcher.add', '77');
    await pair.sameRpc('dispatcher.remove', '77', 'sip:127.0.0.1:5080');
    await pair.sameRpc('dispatcher.remove', '77', 'sip:127.0.0.1:1');
    await pair.sameRpc('dispatcher.remove', '99', 'sip:127.0.0.1:1');
    await pair.sameRpc('dispatcher.reload');
  });
});

for (const [flags, more] of [
  [0, ''],
  [1, ''],
  [3, 'modparam("dispatcher", "use_default", 1)'],
  [
    2,
    'modparam("dispatcher", "xavp_dst_mode", 7)\nmodparam("dispatcher", "xavp_ctx_mode", 1)\nmodparam("dispatcher", "ds_attrs_none", 1)',
  ],
  [
    2,
    'modparam("dispatcher", "ds_ping_latency_stats", 1)\nmodparam("dispatcher", "ds_probing_threshold", 3)\nmodparam("dispatcher", "ds_inactive_threshold", 2)',
  ],
] as const) {
  describe(`dispatcher with flags ${flags} ${more.replaceAll('modparam("dispatcher", ', '(')}`, {
    skip: skipWithout('kamailio'),
  }, () => {
    const pair = new Pair();
    before(() => pair.start(flags, more));
    after(() => pair.stop());

    test('chooses as kamailio does', async () => {
      for (let i = 0; i < 8; i++)
        // Kamailio lists the first destination of algorithm 13 twice where there is a default one.
        for (const alg of [0, 1, 3, 4, 8, 12, ...(more.includes('use_default') ? [] : [13])]) {
          const call = { from: `sip:u${i}@example.org`, ruri: `sip:r${i}@example.net`, callId: `c${i}` };
          for (const set of alg === 12 ? [1, 4] : [1, 2, 3, 4])
            await pair.same({ ...call, call: `dst,${set},${alg},${i % 3}` });
        }
      for (const fn of ['select', 'routes', 'next', 'nextd', 'twice', 'set']) await pair.same({ call: `${fn},1,8,0` });
    });

    test('has the same states', async () => {
      for (const mark of ['t', 'tp', 't', 'a', 'i', 'a', 'a', 'p', 't', 't', 't', 'a'])
        for (let i = 0; i < 2; i++) {
          await pair.same({ call: `mark-${mark},2,0,0` });
          await pair.sameRpc('dispatcher.list');
        }
    });
  });
}

describe('dispatcher with a table', { skip: skipWithout('kamailio') }, () => {
  const pair = new Pair();
  before(() =>
    pair.start(
      2,
      'loadmodule "db_sqlite.so"\nmodparam("dispatcher", "db_url", "sqlite://DATABASE")\nmodparam("dispatcher", "ds_db_extra_attrs", "place=place")',
    ),
  );
  after(() => pair.stop());

  test('has the same sets', async () => {
    await pair.sameRpc('dispatcher.list', 'full');
    await pair.sameRpc('dispatcher.reload');
    await pair.sameRpc('dispatcher.list');
    for (const set of [1, 2]) for (let i = 0; i < 6; i++) await pair.same({ call: `dst,${set},4,0` });
  });
});
