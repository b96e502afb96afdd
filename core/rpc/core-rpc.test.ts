import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BareServer } from '../../test/support/bare-server.ts';
import { TEST_SOCKET } from '../../test/support/fake-msg.ts';
import { binrpcBody, parseBinrpcBody } from './binrpc.ts';
import { jsonText } from './json-text.ts';
import { RpcMany, RpcStruct } from './registry.ts';

/** The methods Kamailio 5.6.3 has in its core (dns and dst_blocklist aside), and our own. */
const METHODS = (
  'system.listMethods system.methodSignature system.methodHelp core.prints core.printi core.echo core.version core.flags ' +
  'core.info core.runinfo core.uptime core.ps core.psx core.psa core.pwd core.arg core.kill core.shmmem core.sfmalloc ' +
  'core.tcp_info core.tcp_options core.tcp_list core.udp4_raw_info core.aliases_list core.sockets_list core.modules ' +
  'core.ppdefines core.ppdefines_full core.reload'
).split(' ');

const kills: number[] = [];
const bare = new BareServer({
  sockets: [TEST_SOCKET, { ...TEST_SOCKET, index: 1, isAdvertised: true, advertisedHost: '192.0.2.1', name: 'out' }],
  rpc: {
    argv: ['strowger', '-f', 'x.cfg'],
    defines: () => [
      { name: 'KAMAILIO_5', value: null },
      { name: 'WITH_X', value: '1' },
    ],
    kill: (signal) => kills.push(signal),
  },
});
const { rpc } = bare.server;
const call = async (name: string, ...params: (string | number)[]): Promise<string> => {
  const reply = await rpc.call(name, params);
  assert.equal(typeof parseBinrpcBody(binrpcBody(reply)), 'object');
  return jsonText(reply);
};

test('all methods are there, sorted, with help', async () => {
  assert.deepEqual(
    METHODS.filter((name) => rpc.find(name) === undefined),
    [],
  );
  const listed = await rpc.call('system.listMethods', []);
  assert.ok(listed instanceof RpcMany);
  assert.deepEqual(listed.values, [...METHODS].sort());
  assert.equal(await call('system.methodHelp', 'core.uptime'), '"Returns uptime of SIP server."');
  assert.equal(await call('system.methodSignature', 'core.kill'), '"core.kill [signal]"');
  await assert.rejects(call('system.methodHelp', 'nono'), { code: 400, message: 'command not found' });
  await assert.rejects(call('nono'), { code: 500, message: 'command nono not found' });
});

test('echoes', async () => {
  assert.equal(await call('core.prints', 'a', 'b'), '["a","b"]');
  assert.equal(await call('core.echo', 1, 'a'), '["1","a"]');
  assert.equal(await call('core.printi', '4'), '[4]');
  await assert.rejects(call('core.printi', 'x'), {
    code: 400,
    message: "error at parameter 0: expected integer type but record doesn't match type",
  });
});

test('replies have the fields of Kamailio', async () => {
  const fields = async (name: string): Promise<string> =>
    Object.keys(JSON.parse(await call(name)) as Record<string, unknown>).join(' ');
  assert.equal(await fields('core.uptime'), 'now up_since uptime');
  assert.equal(await fields('core.info'), 'version id compiler compiled flags');
  assert.equal(
    await fields('core.runinfo'),
    'name version sourceid compiler compiled time_now time_started uptime_secs utime_days',
  );
  assert.equal(await fields('core.shmmem'), 'total free used real_used max_used fragments');
  assert.equal(
    await fields('core.tcp_info'),
    'readers max_connections max_tls_connections opened_connections opened_tls_connections write_queued_bytes',
  );
  assert.equal(await fields('core.udp4_raw_info'), 'udp4_raw udp4_raw_mtu udp4_raw_ttl');
  assert.equal(
    await fields('core.tcp_options'),
    'connect_timeout send_timeout connection_lifetime max_connections(soft) max_tls_connections(soft) no_connect ' +
      'fd_cache async connect_wait conn_wq_max wq_max defer_accept delayed_ack syncnt linger2 keepalive keepidle ' +
      'keepintvl keepcnt crlf_ping accept_aliases alias_flags new_conn_alias_flags',
  );
  const psx = await rpc.call('core.psx', []);
  assert.ok(psx instanceof RpcMany);
  assert.deepEqual(Object.keys(psx.values[0] as object), ['IDX', 'PID', 'DSC']);
  assert.equal(await call('core.arg'), '["strowger","-f","x.cfg"]');
  assert.equal(await call('core.ppdefines'), '["KAMAILIO_5","WITH_X"]');
  assert.match(await call('core.ppdefines_full'), /^\[\{"name":"KAMAILIO_5","type":0,"value":"none"\}/);
  assert.equal(await call('core.tcp_list'), '[]');
});

test('sockets and aliases are lists of named structs', async () => {
  bare.server.addresses.addAlias('A.example.org', 0, 0);
  assert.equal(
    await call('core.aliases_list'),
    '{"myself_callbacks":"no","aliases":[{"alias":{"proto":"*","address":"a.example.org","port":"*"}}]}',
  );
  const sockets = await rpc.call('core.sockets_list', []);
  const [top] = parseBinrpcBody(binrpcBody(sockets)) as RpcStruct[];
  assert.deepEqual(
    top?.entries.map(([name]) => name),
    ['socket', 'socket'],
  );
  assert.match(jsonText(sockets), /"port":"5060","advertise":"192.0.2.1:5060","name":"out","mcast":"no"/);
});

test('memory in other units', async () => {
  const kilobytes = JSON.parse(await call('core.shmmem', 'k')) as Record<string, number>;
  assert.ok((kilobytes['real_used'] ?? 0) > 1000 && (kilobytes['real_used'] ?? 0) < 10_000_000);
  await assert.rejects(call('core.shmmem', 'x'), { code: 500 });
});

test('core.kill signals us, and nobody else', async () => {
  await call('core.kill');
  await call('core.kill', 10);
  await assert.rejects(call('core.kill', -9), { code: 400 });
  assert.deepEqual(kills, [15, 10]);
});

test('core.reload passes on what the checker says', async () => {
  await assert.rejects(call('core.reload'), { code: 500, message: 'this server has no script file' });
  bare.server.reload = () => Promise.resolve({ ok: true, messages: [], unchanged: ['listen'] });
  assert.equal(await call('core.reload'), '{"messages":[],"unchanged":["listen"]}');
});
