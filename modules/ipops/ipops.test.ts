import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PvUse, Run } from 'strowger';
import { ModuleBench, request, sipMsg, TestPv } from 'strowger/testing';
import ipops from './index.ts';

/** Names that the resolver of the tests knows: at once, or after a wait. */
const ZONE: Readonly<Record<string, readonly unknown[]>> = {
  'A two.example.org': ['192.0.2.1', '192.0.2.2'],
  'AAAA two.example.org': ['2001:db8::1'],
  'SRV _sip._udp.example.org': [
    { priority: 1, weight: 10, port: 5060, target: 'a.example.org' },
    { priority: 2, weight: 0, port: 5062, target: 'b.example.org' },
  ],
  'NAPTR example.org': [
    { order: 20, preference: 1, flags: 's', services: 'SIP+D2T', regexp: '', replacement: '_sip._tcp.example.org' },
    { order: 10, preference: 5, flags: 's', services: 'SIP+D2U', regexp: '', replacement: '_sip._udp.example.org' },
  ],
};

async function setUp(waits = false) {
  let asked = 0;
  const resolver = {
    addresses: () => ['192.0.2.9'],
    lookup: (name: string, type: string) => {
      asked++;
      const records = ZONE[`${type} ${name}`];
      const answer = records === undefined ? null : { records: records.map((data) => ({ data })) };
      return waits ? Promise.resolve(answer) : answer;
    },
  };
  const bench = await new ModuleBench(ipops, {}, { resolver }).init();
  return { bench, run: bench.run(sipMsg(request('INVITE', 'sip:a@b'))), asked: () => asked };
}
type Setup = Awaited<ReturnType<typeof setUp>>;

function pv({ bench }: Setup, className: string, name: string) {
  const use = { name, format: (text: string) => () => text } as unknown as PvUse;
  const bound = ipops.pseudoVariables?.[className]?.bind(use, bench.state);
  assert.ok(typeof bound === 'object');
  return (run: Run) => bound.get(run);
}

const TEXTS = [
  '1.2.3.4',
  '::1',
  '[::1]',
  '1.2.3',
  'x',
  '',
  '01.2.3.4',
  '256.1.1.1',
  'fe80::1%eth0',
  '[1.2.3.4]',
  '::ffff:1.2.3.4',
];
/** Results in the order of TEXTS. */
const KINDS: readonly (readonly [string, readonly number[]])[] = [
  ['is_ip', [1, 1, 1, -1, -1, -1, -1, -1, -1, -1, 1]],
  ['is_pure_ip', [1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 1]],
  ['is_ipv4', [1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1]],
  ['is_ipv6', [-1, 1, -1, -1, -1, -1, -1, -1, -1, -1, 1]],
  ['is_ipv6_reference', [-1, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1]],
  ['ip_type', [1, 2, 3, -1, -1, -1, -1, -1, -1, -1, 2]],
];
for (const [command, results] of KINDS) {
  test(command, async () => {
    const { bench, run } = await setUp();
    assert.deepEqual(
      TEXTS.map((text) => bench.call(run, command, text)),
      results,
    );
  });
}

/** Kinds of addresses as Kamailio 5.6.3 names them. */
const TYPES: Readonly<Record<string, string>> = {
  '10.0.0.1': 'PRIVATE',
  '172.32.0.1': 'PUBLIC',
  '100.64.0.1': 'SHARED',
  '127.0.0.1': 'LOOPBACK',
  '169.254.1.1': 'LINK-LOCAL',
  '192.0.0.1': 'RESERVED',
  '203.0.113.1': 'TEST-NET',
  '192.88.99.1': '6TO4-RELAY',
  '198.18.0.1': 'RESERVED',
  '239.1.1.1': 'MULTICAST',
  '240.0.0.1': 'RESERVED',
  '255.255.255.255': 'BROADCAST',
  '0.1.2.3': 'PRIVATE',
  '::': 'UNSPECIFIED',
  '::1': 'LOOPBACK',
  '::ffff:1.2.3.4': 'IPV4MAP',
  '64:ff9b::1': 'RESERVED',
  '100::1': 'DISCARD',
  '2001::1': 'TEREDO',
  '2001:2::1': 'BMWG',
  '2001:db8::1': 'DOCUMENTATION',
  '2001:10::1': 'ORCHID',
  '2001:20::1': 'GLOBAL-UNICAST',
  '2002::1': '6TO4',
  'fd00::1': 'UNIQUE-LOCAL-UNICAST',
  'fe80::1': 'LINK-LOCAL-UNICAST',
  'fec0::1': 'RESERVED',
  'ff02::1': 'MULTICAST',
  '4000::1': 'RESERVED',
  '[2001:db8::1]': 'DOCUMENTATION',
};
test('kinds of addresses', async () => {
  const { bench, run } = await setUp();
  const target = new TestPv();
  for (const [address, type] of Object.entries(TYPES)) {
    assert.equal(bench.call(run, 'detailed_ip_type', address, target), 1, address);
    assert.equal(target.value, type, address);
  }
  assert.equal(bench.call(run, 'detailed_ip_type', 'x', target), -1);
  assert.equal(bench.call(run, 'detailed_ipv4_type', '::1', target), -1);
  assert.equal(bench.call(run, 'detailed_ipv6_type', '1.2.3.4', target), -1);
});

/** command, arguments, result */
const PAIRS: [string, string, string, number][] = [
  ['compare_ips', '::1', '[::1]', 1],
  ['compare_ips', '::1', '0:0::1', 1],
  ['compare_ips', '1.2.3.4', '::ffff:1.2.3.4', -1],
  ['compare_ips', 'x', 'x', -1],
  ['compare_pure_ips', '::1', '[::1]', -1],
  ['compare_pure_ips', '2001:DB8::A', '2001:db8::a', 1],
  ['is_in_subnet', '10.0.123.123', '10.0.123.1/24', 1],
  ['is_in_subnet', '10.1.0.1', '10.0.0.0/16, 10.1.0.0/24', 1],
  ['is_in_subnet', '10.0.0.1', '10.0.0.1', 1],
  ['is_in_subnet', '10.0.0.1', '10.0.0.2', -1],
  ['is_in_subnet', '2001:db8::1', '2001:db8::/32', 1],
  ['is_in_subnet', '[2001:db8::1]', '2001:db8::/32', -1],
  ['is_in_subnet', '10.0.0.1', '2001:db8::/32', -1],
  ['is_in_subnet', '10.0.0.1', '10.0.0.0/33', -1],
  ['is_in_subnet', '10.0.0.1', '0.0.0.0/0', 1],
  ['is_in_subnet', '10.0.0.129', '10.0.0.128/25', 1],
  ['is_in_subnet', 'x', '10.0.0.0/8', -1],
];
for (const [command, a, b, result] of PAIRS) {
  test(`${command}(${a}, ${b})`, async () => {
    const { bench, run } = await setUp();
    assert.equal(bench.call(run, command, a, b), result);
  });
}

test('is_ip_rfc1918', async () => {
  const { bench, run } = await setUp();
  const results = ['10.1.1.1', '172.31.0.1', '192.168.0.1', '11.0.0.1', '::1'].map((ip) =>
    bench.call(run, 'is_ip_rfc1918', ip),
  );
  assert.deepEqual(results, [1, 1, 1, -1, -1]);
});

for (const waits of [false, true]) {
  test(`dns_query, answers ${waits ? 'later' : 'at once'}`, async () => {
    const setup = await setUp(waits);
    const { bench, run } = setup;
    const get = (name: string) => pv(setup, 'dns', name)(run);
    assert.equal(get('x=>count'), null);
    assert.equal(await bench.start(run, 'dns_query', 'two.example.org', 'x'), 1);
    const values = ['count', 'ipv4', 'ipv6', 'addr', 'addr[1]', 'addr[-1]', 'type[0]', 'type[2]', 'addr[9]'].map(
      (field) => get(`x=>${field}`),
    );
    assert.deepEqual(values, [3, 1, 1, '192.0.2.1', '192.0.2.2', '2001:db8::1', 4, 6, null]);
    assert.equal(await bench.start(run, 'dns_query', 'none.example.org', 'x'), -4);
    assert.equal(get('x=>count'), null);
    assert.equal(await bench.start(run, 'dns_query', '::1', 'y'), 1);
    assert.deepEqual([get('y=>addr[0]'), get('y=>type[0]')], ['::1', 6]);
  });
}

test('a name has an address', async () => {
  const { bench, run } = await setUp(true);
  for (const command of ['dns_sys_match_ip', 'dns_int_match_ip']) {
    assert.equal(await bench.start(run, command, 'two.example.org', '2001:DB8::1'), 1);
    assert.equal(await bench.start(run, command, 'two.example.org', '192.0.2.3'), -1);
    assert.equal(await bench.start(run, command, 'two.example.org', 'x'), -3);
    assert.equal(await bench.start(run, command, 'none.example.org', '192.0.2.3'), -4);
  }
});

test('srv_query and naptr_query, in order', async () => {
  const setup = await setUp(true);
  const { bench, run } = setup;
  const srv = (name: string) => pv(setup, 'srvquery', name)(run);
  const naptr = (name: string) => pv(setup, 'naptrquery', name)(run);
  assert.equal(srv('s=>count'), 0);
  assert.equal(await bench.start(run, 'srv_query', '_sip._udp.example.org', 's'), 1);
  assert.deepEqual(
    [srv('s=>count'), srv('s=>target[0]'), srv('s=>port[1]'), srv('s=>weight[0]'), srv('s=>priority[1]')],
    [2, 'a.example.org', 5060 + 2, 10, 2],
  );
  assert.equal(await bench.start(run, 'naptr_query', 'example.org', 'n'), 1);
  assert.deepEqual(
    [naptr('n=>count'), naptr('n=>services[0]'), naptr('n=>replace[1]'), naptr('n=>order[0]'), naptr('n=>pref[0]')],
    [2, 'SIP+D2U', '_sip._tcp.example.org', 10, 5],
  );
  assert.equal(await bench.start(run, 'srv_query', 'none', 's'), 1);
  assert.equal(srv('s=>count'), 0);
});

test('dns_set_local_ttl keeps answers', async () => {
  const { bench, run, asked } = await setUp();
  bench.call(run, 'dns_set_local_ttl', 10);
  bench.call(run, 'srv_query', '_sip._udp.example.org', 's');
  bench.call(run, 'srv_query', '_sip._udp.example.org', 's');
  assert.equal(asked(), 1);
  bench.clock.advance(11_000);
  bench.call(run, 'srv_query', '_sip._udp.example.org', 's');
  assert.equal(asked(), 2);
});

test('names of fields are checked when the script is compiled', async () => {
  const { bench } = await setUp();
  const bind = (name: string) => ipops.pseudoVariables?.['dns']?.bind({ name } as PvUse, bench.state);
  assert.equal(typeof bind('x=>hostname'), 'string');
  assert.equal(typeof bind('x'), 'string');
  assert.equal(typeof ipops.pseudoVariables?.['HN']?.bind({ name: 'z' } as PvUse, bench.state), 'string');
});

test('$HN', async () => {
  const setup = await setUp();
  assert.ok(String(pv(setup, 'HN', 'f')(setup.run)).startsWith(String(pv(setup, 'HN', 'n')(setup.run))));
  assert.equal(pv(setup, 'HN', 'i')(setup.run), '192.0.2.9');
  pv(setup, 'HN', 'd')(setup.run);
});
