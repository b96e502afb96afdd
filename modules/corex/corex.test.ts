import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  buildRequest,
  jsonText,
  MsgVars,
  PROTO,
  type PvValue,
  ROUTE,
  RUN_DROP,
  RUN_EXIT,
  Run,
  type ScriptRoute,
  type SipMsg,
  XavpList,
} from 'strowger';
import { BareServer } from '../../test/support/bare-server.ts';
import { sipMsg, TEST_SOCKET } from '../../test/support/fake-msg.ts';
import corex from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-corex-'));
const bare = new BareServer({
  settings: { server_id: 7, xavp_via_params: 'xvia', xavp_via_fields: 'mvia', max_branches: 4 },
  sockets: [
    { ...TEST_SOCKET, name: 'sockx' },
    {
      ...TEST_SOCKET,
      index: 1,
      port: 5070,
      uri: 'udp:127.0.0.1:5070',
      isAdvertised: true,
      advertisedHost: 'a.example.org',
    },
  ],
});
const { server } = bare;
let state: unknown;

before(async () => {
  state = await bare.load(corex, [
    ['alias_subdomains', 'example.org'],
    ['alias_subdomains', 'tcp:sip.example.net:5070'],
    ['nio_intercept', 1],
    ['nio_min_msg_len', 10],
    ['nio_msg_avp', '$avp(msg)'],
  ]);
});
after(async () => {
  await bare.stop();
  rmSync(folder, { recursive: true });
});

const OPTIONS =
  'OPTIONS sip:a@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKx\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n';
const newRun = (msg: SipMsg = sipMsg(OPTIONS)): Run => new Run(server, server.program, msg, ROUTE.REQUEST);

function use(run: Run, name: string, ...args: unknown[]): unknown {
  const def = corex.commands?.[name];
  assert.ok(def !== undefined && 'run' in def, name);
  return (def.run as unknown as (...rest: unknown[]) => unknown)(run, state, ...args);
}

function read(run: Run, name: string, inner: string): PvValue {
  const bound = corex.pseudoVariables?.[name]?.bind({ name: inner, isNameDynamic: false } as never, state as never);
  assert.ok(typeof bound === 'object');
  return bound.get(run);
}

test('internal and extended flags', () => {
  const run = newRun();
  assert.equal(use(run, 'msg_iflag_set', 'UAC_AUTH'), 1);
  assert.equal(use(run, 'msg_iflag_is_set', 'UAC_AUTH'), 1);
  assert.equal(use(run, 'msg_iflag_is_set', 'USE_UAC_TO'), -2);
  assert.equal(use(run, 'msg_iflag_reset', 'UAC_AUTH'), 1);
  assert.equal(use(run, 'msg_iflag_is_set', 'UAC_AUTH'), -2);
  for (const flag of [0, 31, 32, 63]) {
    assert.equal(use(run, 'isxflagset', flag), -1);
    assert.equal(use(run, 'setxflag', flag), 1);
    assert.equal(use(run, 'isxflagset', flag), 1);
    use(run, 'resetxflag', flag);
    assert.equal(use(run, 'isxflagset', flag), -1);
  }
  assert.equal(use(run, 'setxflag', 64), -1);
});

test('sockets: unknown ones change nothing, as in kamailio', () => {
  const run = newRun();
  assert.equal(use(run, 'set_send_socket', 'udp:127.0.0.1:5070'), 1);
  assert.equal(run.msg.forceSocket?.index, 1);
  assert.equal(use(run, 'set_send_socket', 'udp:127.0.0.1:1'), 1);
  assert.equal(run.msg.forceSocket?.index, 1);
  assert.equal(use(run, 'set_send_socket_name', 'sockx'), 1);
  assert.equal(run.msg.forceSocket?.index, 0);
  assert.equal(use(run, 'set_send_socket_name', 'nono'), 1);
  assert.equal(use(run, 'set_recv_socket', 'udp:127.0.0.1:5070'), 1);
  assert.deepEqual([run.msg.rcv.socket.index, run.msg.rcv.dstPort], [1, 5070]);
  assert.equal(use(run, 'set_recv_socket_name', 'sockx'), 1);
  assert.equal(run.msg.rcv.dstPort, 5060);
  assert.equal(use(run, 'set_source_address', 'udp:1.2.3.4:5080'), 1);
  assert.deepEqual([run.msg.rcv.srcIp, run.msg.rcv.srcPort], ['1.2.3.4', 5080]);
  assert.equal(use(run, 'set_source_address', 'example.org'), -1);
  assert.equal(use(run, 'is_socket_name', 'sockx'), 1);
  assert.equal(use(run, 'is_socket_name', 'x'), -1);
  assert.equal(read(run, 'lsock', 'n/sockx/listen'), 'udp:127.0.0.1:5060');
  assert.equal(read(run, 'lsock', 'l/udp:127.0.0.1:5060/name'), 'sockx');
  assert.equal(read(run, 'lsock', 'i/1/advertise'), 'a.example.org:5060');
  assert.equal(read(run, 'lsock', 'i/0/advertise'), '');
  assert.equal(read(run, 'lsock', 'n/sockx/index'), 0);
  assert.equal(read(run, 'lsock', 'n/nono/listen'), null);
  assert.equal(read(run, 'atkv', 'type'), null);
});

test('{sock.…}', () => {
  const apply = (name: string, text: string): PvValue => {
    const bound = corex.transformations?.['sock']?.[name]?.bind([], state as never);
    assert.ok(typeof bound === 'function');
    return bound(newRun(), text);
  };
  const all = (text: string): PvValue[] => ['host', 'port', 'proto', 'touri'].map((name) => apply(name, text));
  assert.deepEqual(all('udp:127.0.0.1:5060'), ['127.0.0.1', '5060', 'udp', 'sip:127.0.0.1:5060;transport=udp']);
  assert.deepEqual(all('tls:[::1]:5061'), ['[::1]', '5061', 'tls', 'sip:[::1]:5061;transport=tls']);
  assert.deepEqual(all('127.0.0.1'), ['127.0.0.1', '', '', 'sip:127.0.0.1']);
  assert.deepEqual(all('junk:x:y:z'), ['', '', '', '']);
});

test('domains and all below them are ours', () => {
  const mine = (host: string, port = 0, proto = 0): boolean => server.isMyself(host, port, proto);
  assert.deepEqual([mine('example.org'), mine('a.b.EXAMPLE.org', 5080), mine('badexample.org')], [true, true, false]);
  assert.equal(mine('x.sip.example.net', 5070, PROTO.TCP), true);
  assert.equal(mine('x.sip.example.net', 5070, PROTO.UDP), false);
  assert.equal(mine('x.sip.example.net', 5071), false);
});

test('branches: of a URI with q, of the Request-URI with all of its own, bounded', () => {
  const run = newRun();
  run.msg.dstUri = 'sip:next@127.0.0.1';
  run.msg.bflags = 5;
  assert.equal(use(run, 'append_branch', 'sip:c@127.0.0.1', '0.5'), 1);
  assert.equal(use(run, 'append_branch'), 1);
  assert.equal(use(run, 'append_branch', 'sip:x@y', 'junk'), -1);
  assert.equal(use(run, 'append_branch', 'junk'), -1);
  const [first, second] = run.msg.branches ?? [];
  assert.deepEqual([first?.uri, first?.q, first?.dstUri], ['sip:c@127.0.0.1', 500, 'sip:next@127.0.0.1']);
  assert.deepEqual([second?.uri, second?.dstUri, second?.flags], ['sip:a@127.0.0.1', 'sip:next@127.0.0.1', 5]);
  assert.equal(use(run, 'append_branch', 'sip:d@127.0.0.1'), 1);
  assert.equal(use(run, 'append_branch', 'sip:e@127.0.0.1'), -1);
});

test('sending text', async () => {
  const run = newRun();
  bare.sent.length = 0;
  assert.equal(await use(run, 'send_udp', '127.0.0.1:41999'), 1);
  run.msg.dstUri = 'sip:127.0.0.2:5099';
  assert.equal(await use(run, 'send_udp'), 1);
  assert.equal(await use(run, 'send_data', 'sip:127.0.0.1:41999', 'abc'), 1);
  assert.equal(await use(run, 'sendx', 'sip:127.0.0.1:41999', 'udp:127.0.0.1:1', 'abc'), 1);
  assert.equal(await use(run, 'send_data', 'junk', 'abc'), -1);
  assert.equal(await use(run, 'send_udp', 'udp:127.0.0.1:5'), -1);
  assert.deepEqual(
    bare.sent.map(({ text, ip, port }) => [text.length > 3 ? 'message' : text, ip, port]),
    [
      ['message', '127.0.0.1', 41999],
      ['message', '127.0.0.2', 5099],
      ['abc', '127.0.0.1', 41999],
      ['abc', '127.0.0.1', 41999],
    ],
  );
});

test('files', async () => {
  const run = newRun();
  let value: PvValue = null;
  const variable = { set: (_run: Run, given: PvValue) => void (value = given) };
  const path = join(folder, 'f');
  assert.equal(await use(run, 'file_write', path, 'd\xe4ta'), 1);
  assert.deepEqual([...readFileSync(path)], [100, 0xe4, 116, 97]);
  assert.equal(await use(run, 'file_read', path, variable), 1);
  assert.equal(value, 'd\xe4ta');
  assert.equal(await use(run, 'file_read', join(folder, 'nono'), variable), -1);
  assert.equal(await use(run, 'file_write', join(folder, 'no', 'no'), 'x'), -1);
});

test('Via: srvid, parameters and sent-by from XAVPs, and nothing that breaks out of it', () => {
  const run = newRun();
  const { msg } = run;
  msg.vars = new MsgVars();
  const xavp = (name: string, fields: readonly (readonly [string, PvValue])[]): void => {
    const list = new XavpList();
    for (const [field, value] of fields) list.push(field, value);
    msg.vars?.xavps.push(name, list);
  };
  xavp('xvia', [
    ['a', '1'],
    ['b', 'x\r\nEvil: y'],
    ['c', 3],
  ]);
  xavp('mvia', [
    ['address', '9.9.9.9'],
    ['port', '5099'],
  ]);
  const via = (): string => {
    const form = {
      uri: msg.uri,
      branchId: 'z9hG4bKy',
      outgoing: TEST_SOCKET,
      branchLumps: null,
      pathVec: '',
      conId: 0,
    };
    return /Via: (.*)\r\n/.exec(buildRequest(msg, form))?.[1] ?? '';
  };
  assert.equal(via(), 'SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKy');
  for (const name of ['via_add_srvid', 'via_add_xavp_params', 'via_use_xavp_fields'])
    assert.equal(use(run, name, 1), 1);
  assert.equal(via(), 'SIP/2.0/UDP 9.9.9.9:5099;branch=z9hG4bKy;srvid=7;c=3;a=1');
  use(run, 'via_add_srvid', 0);
  use(run, 'via_use_xavp_fields', 0);
  assert.equal(via(), 'SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKy;c=3;a=1');
});

/** Runs `work` while the program has these event routes. */
function withEvents<T>(events: Readonly<Record<string, ScriptRoute>>, work: () => T): T {
  const before = server.program;
  server.program = { ...before, event: new Map(Object.entries(events)) };
  try {
    return work();
  } finally {
    server.program = before;
  }
}

test('event_route[network:msg] sees all texts and may replace them', () => {
  const seen: string[] = [];
  const dst = {
    proto: PROTO.UDP,
    ip: '192.0.2.1',
    port: 5060,
    socket: TEST_SOCKET,
    conId: 0,
    noConnect: false,
    closeAfter: false,
    host: '',
  };
  const route: ScriptRoute = (run) => {
    seen.push(`${use(run, 'is_incoming') === 1 ? 'in' : 'out'} ${run.msg.buf.length}`);
    if (run.msg.buf.startsWith('replace')) (run.msg.vars ??= new MsgVars()).setAvp('msg', 'replaced');
    return 0;
  };
  withEvents({ 'network:msg': route }, () => {
    const { dataIn, dataOut } = server.hooks;
    assert.equal(dataIn.reduce('leave alone', sipMsg(OPTIONS).rcv), 'leave alone');
    assert.equal(dataIn.reduce('replace this', sipMsg(OPTIONS).rcv), 'replaced');
    assert.equal(dataOut.reduce('replace that', dst), 'replaced');
    assert.equal(dataIn.reduce('replace', sipMsg(OPTIONS).rcv), 'replace');
  });
  assert.deepEqual(seen, ['in 11', 'in 12', 'out 12']);
  assert.equal(use(newRun(), 'is_incoming'), -1);
});

test('event_route[corex:reply-out] may keep a reply back', () => {
  const dst = {
    proto: PROTO.UDP,
    ip: '192.0.2.1',
    port: 5060,
    socket: null,
    conId: 0,
    noConnect: false,
    closeAfter: false,
    host: '',
  };
  const route: ScriptRoute = (run) => (run.msg.status === 405 ? RUN_DROP | RUN_EXIT : 0);
  withEvents({ 'corex:reply-out': route }, () => {
    const out = (text: string): unknown => server.hooks.dataOut.reduce(text, dst);
    assert.equal(out('SIP/2.0 405 No\r\n\r\n'), '');
    assert.equal(out('SIP/2.0 200 OK\r\n\r\n'), 'SIP/2.0 200 OK\r\n\r\n');
    assert.equal(out(OPTIONS), OPTIONS);
  });
});

test('$cfg and is_faked_msg', () => {
  const positions = [
    { file: 'a.cfg', line: 11, column: 1, route: 'request_route' },
    { file: 'a.cfg', line: 16, column: 1, route: 'route[A]' },
  ];
  const run = new Run(server, { ...server.program, positions }, sipMsg(OPTIONS), ROUTE.REQUEST);
  const all = (): PvValue[] => ['line', 'name', 'file', 'route'].map((name) => read(run, 'cfg', name));
  assert.deepEqual(all(), [11, 'a.cfg', 'a.cfg', 'DEFAULT_ROUTE']);
  run.position = 1;
  assert.deepEqual(all(), [16, 'a.cfg', 'a.cfg', 'A']);
  assert.equal(use(run, 'is_faked_msg'), -1);
  const fake = server.fakeMessage();
  assert.ok(fake !== null);
  assert.equal(use(newRun(fake), 'is_faked_msg'), 1);
});

test('RPC', async () => {
  const call = async (method: string, ...params: (string | number)[]): Promise<string> =>
    jsonText(await server.rpc.call(method, params));
  assert.match(
    await call('corex.list_sockets'),
    /^\[\{"PROTO":"udp","NAME":"127.0.0.1","ADDRLIST":\{"ADDR":"127.0.0.1"\},"PORT":"5060","MCAST":"no","MHOMED":"no","VIRTUAL":"no","SOCKNAME":"sockx","ADVERTISE":"-"\}/,
  );
  server.addresses.addAlias('b.example.org', 0, 0);
  assert.equal(await call('corex.list_aliases'), '[{"PROTO":"*","ADDR":"b.example.org","PORT":0}]');
  assert.equal(await call('corex.debug'), '{"debug":0}');
  assert.equal(await call('corex.debug', 2), '{"old":0,"new":2}');
  assert.equal(server.settings.int('debug'), 2);
  assert.deepEqual(Object.keys(JSON.parse(await call('shm.stats')) as object), [
    'total',
    'free',
    'used',
    'real_used',
    'max_used',
    'fragments',
  ]);
  assert.match(await call('shm.info'), /"name":"v8","size":\d+/);
  await assert.rejects(call('corex.pkg_summary'), { code: 400, message: 'Selector and value not provided' });
  assert.equal(await call('corex.shm_status'), '{}');
  assert.match(bare.logged.join('\n'), /NOTICE memory: total \d+/);
});

test('dns_cache records go through the dns methods', async () => {
  const other = new BareServer();
  const calls: unknown[] = [];
  for (const name of ['dns.add_a', 'dns.add_srv']) {
    other.server.rpc.register(name, { doc: '', run: (args) => void calls.push([name, ...args.all]) }, null);
  }
  await other.load(corex, [
    ['dns_cache', 'type=A;name=a.example.org;addr=192.0.2.1;ttl=60;flags=2'],
    ['dns_cache', 'type=SRV;name=_sip._udp.example.org;addr=b.example.org;port=5060;priority=1;weight=2;ttl=9'],
  ]);
  assert.deepEqual(calls, [
    ['dns.add_a', 'a.example.org', 60, '192.0.2.1', 2],
    ['dns.add_srv', '_sip._udp.example.org', 9, 1, 2, 5060, 'b.example.org', 0],
  ]);
  await assert.rejects(other.load(corex, [['dns_cache', 'type=MX;name=x']]), /type is A, AAAA or SRV/);
});
