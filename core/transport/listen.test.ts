import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type ListenContext, type ListenSpec, makeSocketInfo, parseListenOption, planSockets } from './listen.ts';
import { PROTO, PROTO_NAMES } from './socket-info.ts';

const CONTEXT: ListenContext = {
  port: 5060,
  tlsPort: 5061,
  isTcpEnabled: true,
  isTlsEnabled: false,
  withIpv6: false,
  withLinkLocal: false,
  interfaces: {
    lo: [
      { address: '127.0.0.1', family: 'IPv4' },
      { address: '::1', family: 'IPv6', scopeid: 0 },
    ],
    eth0: [
      { address: '192.0.2.2', family: 'IPv4' },
      { address: '2001:db8::2', family: 'IPv6', scopeid: 0 },
      { address: 'fe80::2', family: 'IPv6', scopeid: 2 },
    ],
    dummy: [],
  },
  lookup: (host) =>
    host === 'sip.example.org' ? Promise.resolve(['192.0.2.9', '2001:db8::9']) : Promise.reject(new Error('ENOTFOUND')),
};

/** `-l` options, the shortest way to write what a `listen` line says too. */
function specs(...options: string[]): ListenSpec[] {
  return options.map((text) => {
    const spec = parseListenOption(text);
    assert.ok(typeof spec !== 'string');
    return spec;
  });
}

async function planned(list: ListenSpec[], context: Partial<ListenContext> = {}): Promise<string[]> {
  const { plans, errors } = await planSockets(list, { ...CONTEXT, ...context });
  assert.deepEqual(errors, []);
  return plans.map((plan) => makeSocketInfo(plan, 0, plan.port).uri);
}

test('one socket a protocol, address and port, as Kamailio 5.6.3 does', async () => {
  assert.deepEqual(await planned(specs('udp:127.0.0.1:5080')), ['udp:127.0.0.1:5080']);
  assert.deepEqual(await planned(specs('127.0.0.1:5080')), ['udp:127.0.0.1:5080', 'tcp:127.0.0.1:5080']);
  assert.deepEqual(await planned(specs('127.0.0.1'), { isTcpEnabled: false }), ['udp:127.0.0.1:5060']);
  const withTls = { isTlsEnabled: true };
  assert.deepEqual(await planned(specs('127.0.0.1'), withTls), [
    'udp:127.0.0.1:5060',
    'tcp:127.0.0.1:5060',
    'tls:127.0.0.1:5061',
  ]);
  assert.deepEqual(await planned(specs('127.0.0.1:26732'), withTls), [
    'udp:127.0.0.1:26732',
    'tcp:127.0.0.1:26732',
    'tls:127.0.0.1:26733',
  ]);
  assert.deepEqual(await planned(specs('tls:127.0.0.1:5070'), withTls), ['tls:127.0.0.1:5070']);
});

test('nothing to listen on: every IPv4 address, and IPv6 with auto_bind_ipv6', async () => {
  assert.deepEqual(await planned([]), [
    'udp:127.0.0.1:5060',
    'udp:192.0.2.2:5060',
    'tcp:127.0.0.1:5060',
    'tcp:192.0.2.2:5060',
  ]);
  assert.deepEqual(await planned([], { withIpv6: true, isTcpEnabled: false }), [
    'udp:127.0.0.1:5060',
    'udp:[::1]:5060',
    'udp:192.0.2.2:5060',
    'udp:[2001:db8::2]:5060',
  ]);
});

test('interfaces, lists, wildcards, IPv6 in brackets, host names', async () => {
  assert.deepEqual(await planned(specs('udp:(lo, eth0):5070')), ['udp:127.0.0.1:5070', 'udp:192.0.2.2:5070']);
  assert.deepEqual(await planned(specs('udp:eth0'), { withIpv6: true, withLinkLocal: true }), [
    'udp:192.0.2.2:5060',
    'udp:[2001:db8::2]:5060',
    'udp:[fe80::2%eth0]:5060',
  ]);
  assert.deepEqual(await planned(specs('udp:[2001:db8::7]:5062')), ['udp:[2001:db8::7]:5062']);
  assert.deepEqual(await planned(specs('udp:any:5062', 'udp:*:5063')), ['udp:0.0.0.0:5062', 'udp:0.0.0.0:5063']);
  const { plans } = await planSockets(specs('udp:sip.example.org'), CONTEXT);
  assert.deepEqual(
    plans.map((plan) => [plan.address, plan.hostName]),
    [['192.0.2.9', 'sip.example.org']],
  );
});

test('a socket asked for twice is opened once; free ports are each their own', async () => {
  assert.deepEqual(await planned(specs('udp:lo', '127.0.0.1', 'udp:127.0.0.1:5060')), [
    'udp:127.0.0.1:5060',
    'tcp:127.0.0.1:5060',
  ]);
  assert.equal((await planned(specs('udp:127.0.0.1:0', 'udp:127.0.0.1:0'))).length, 2);
});

test('advertise, name and virtual', async () => {
  const [spec] = specs('udp:127.0.0.1:5060/203.0.113.7:5090');
  assert.ok(spec !== undefined);
  const { plans } = await planSockets(
    [{ ...spec, name: 'out', isVirtual: true }, ...specs('udp:[::1]/[2001:db8::1]')],
    CONTEXT,
  );
  const [first, second] = plans.map((plan, index) => makeSocketInfo(plan, index, plan.port));
  assert.deepEqual(first, {
    index: 0,
    proto: PROTO.UDP,
    family: 4,
    address: '127.0.0.1',
    port: 5060,
    advertisedHost: '203.0.113.7',
    advertisedPort: 5090,
    isAdvertised: true,
    name: 'out',
    isVirtual: true,
    uri: 'udp:127.0.0.1:5060',
    sentBy: '203.0.113.7:5090',
    isReliable: false,
  });
  assert.equal(second?.sentBy, '[2001:db8::1]:5060');
});

test('the port a socket got goes into its texts', async () => {
  const { plans } = await planSockets(specs('tcp:127.0.0.1:0'), CONTEXT);
  const [plan] = plans;
  assert.ok(plan !== undefined);
  const info = makeSocketInfo(plan, 3, 43_210);
  assert.deepEqual(
    [info.index, info.port, info.sentBy, info.uri, info.isReliable],
    [3, 43_210, '127.0.0.1:43210', 'tcp:127.0.0.1:43210', true],
  );
});

test('all errors of all items, with their places', async () => {
  const at = (start: number): { start: number; end: number } => ({ start, end: start + 1 });
  const item = (proto: string | null, host: string, start: number): ListenSpec => ({
    sockets: [{ proto, host, port: null, span: at(start) }],
    advertise: null,
    name: null,
    isVirtual: false,
  });
  const { plans, errors, ignored } = await planSockets(
    [
      item('sctp', '127.0.0.1', 1),
      item('udp', 'nowhere.example.org', 2),
      item('tls', '127.0.0.1', 3),
      item('udp', 'dummy', 4),
      item('udp', '::1', 5),
    ],
    CONTEXT,
  );
  assert.equal(plans.length, 1);
  assert.deepEqual(
    errors.map(({ message, span }) => `${span?.start}: ${message}`),
    [
      "1: cannot listen on 'sctp': udp, tcp or tls expected",
      "2: 'nowhere.example.org' is no address, no interface, and cannot be resolved",
      '4: interface dummy has no usable address',
    ],
  );
  assert.deepEqual(ignored, [{ message: 'no listening on tls: enable_tls is not set', span: at(3) }]);
  const alone = await planSockets([item('tls', '127.0.0.1', 3)], CONTEXT);
  assert.deepEqual(alone.errors, ignored);
});

test('-l options', () => {
  const good = {
    localhost: [null, 'localhost', null],
    'eth0:5062': [null, 'eth0', 5062],
    'udp:127.0.0.1:5080': ['udp', '127.0.0.1', 5080],
    'TCP:[::1]': ['tcp', '::1', null],
  };
  for (const [text, [proto, host, port]] of Object.entries(good)) {
    const spec = parseListenOption(text);
    assert.ok(typeof spec !== 'string', text);
    assert.deepEqual([spec.sockets[0]?.proto, spec.sockets[0]?.host, spec.sockets[0]?.port], [proto, host, port]);
  }
  for (const bad of [
    '',
    'udp:',
    ':5060',
    'udp:x:70000',
    'udp:x:y',
    '(a,)',
    '(a',
    'x/',
    'x/h:99999',
    '::1',
    'udp:::1',
  ]) {
    assert.equal(typeof parseListenOption(bad), 'string', bad);
  }
});

test('any -l text is judged without throwing (property)', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('u', 'd', 'p', ':', '(', ')', '[', ']', ',', '/', '1', '.', ' ') }),
      (text) => {
        const spec = parseListenOption(text);
        if (typeof spec !== 'string')
          for (const { proto } of spec.sockets) assert.ok(proto === null || PROTO_NAMES.some((name) => name === proto));
      },
    ),
  );
});
