import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimDns } from '../../test/support/sim-dns.ts';
import { Settings } from '../cfg/settings.ts';
import { SeededRandom } from '../timer/random.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { PROTO, PROTO_NAMES } from '../transport/socket-info.ts';
import { Resolver } from './resolver.ts';
import type { SipTargetQuery } from './targets.ts';

const clock = new VirtualClock();

function zone(): SimDns {
  const naptr = (order: number, services: string, replacement: string): object => ({
    order,
    preference: 1,
    flags: 's',
    services,
    regexp: '',
    replacement,
  });
  const srv = (priority: number, weight: number, port: number, target: string): object => ({
    priority,
    weight,
    port,
    target,
  });
  return new SimDns(clock)
    .add('h1.example.org', 'A', 300, '192.0.2.1')
    .add('h1.example.org', 'A', 300, '192.0.2.2')
    .add('h1.example.org', 'AAAA', 300, '2001:db8::1')
    .add('h2.example.org', 'A', 300, '192.0.2.7')
    .add('example.org', 'NAPTR', 300, naptr(10, 'SIP+D2U', '_sip._udp.example.org'))
    .add('example.org', 'NAPTR', 300, naptr(5, 'SIP+D2T', '_sip._tcp.example.org'))
    .add('example.org', 'A', 300, '192.0.2.99')
    .add('_sip._udp.example.org', 'SRV', 300, srv(10, 20, 5080, 'h1.example.org'))
    .add('_sip._udp.example.org', 'SRV', 300, srv(20, 0, 5081, 'h2.example.org'))
    .add('_sip._tcp.example.org', 'SRV', 300, srv(10, 20, 5090, 'h2.example.org'))
    .add('_sip._udp.none.example.org', 'SRV', 300, srv(0, 0, 0, '.'))
    .add('none.example.org', 'A', 300, '192.0.2.98')
    .add('_sip._udp.w.example.org', 'SRV', 300, srv(10, 20, 6001, 'h2.example.org'))
    .add('_sip._udp.w.example.org', 'SRV', 300, srv(10, 50, 6002, 'h2.example.org'))
    .add('_sip._udp.w.example.org', 'SRV', 300, srv(10, 0, 6003, 'h2.example.org'))
    .add('_sip._udp.w.example.org', 'SRV', 300, srv(5, 1, 6004, 'h2.example.org'))
    .add('_sip._udp.w.example.org', 'SRV', 300, srv(5, 9, 6005, 'h2.example.org'));
}

interface Outcome {
  readonly targets: string[];
  readonly asked: string[];
}

function query(host: string, more: Partial<SipTargetQuery> = {}): SipTargetQuery {
  return { host, port: 0, proto: PROTO.NONE, isSips: false, ...more };
}

function makeResolver(values: Record<string, number>, dns: SimDns): Resolver {
  return new Resolver({
    wheel: new TimerWheel(clock),
    random: new SeededRandom(3),
    settings: new Settings(Object.entries(values)),
    transport: dns,
    readFiles: () => ({ resolvConf: '', hosts: '' }),
    canSend: (proto) => proto === PROTO.UDP || proto === PROTO.TCP || proto === PROTO.TLS,
  });
}

async function resolve(values: Record<string, number>, asked: SipTargetQuery, dns = zone()): Promise<Outcome> {
  const iterator = makeResolver(values, dns).sipTargets(asked);
  const targets: string[] = [];
  for (;;) {
    const next = iterator.next();
    const target = next instanceof Promise ? await clock.runUntilSettled(next) : next;
    if (target === null) break;
    targets.push(`${PROTO_NAMES[target.proto]}:${target.ip}:${target.port}`);
  }
  return { targets, asked: dns.seen.map((seen) => `${seen.type} ${seen.name}`) };
}

test('a literal needs no DNS; its transport and port have RFC 3263 §4.1 defaults', async () => {
  for (const [asked, expected] of [
    [query('192.0.2.5'), 'udp:192.0.2.5:5060'],
    [query('192.0.2.5', { port: 5070 }), 'udp:192.0.2.5:5070'],
    [query('2001:db8::5', { proto: PROTO.TCP }), 'tcp:2001:db8::5:5060'],
    [query('192.0.2.5', { isSips: true }), 'tls:192.0.2.5:5061'],
  ] as const) {
    assert.deepEqual(await resolve({}, asked), { targets: [expected], asked: [] });
  }
});

test("by default SRV of the URI's transport or UDP, then the host; no NAPTR (observed on Kamailio 5.6.3)", async () => {
  assert.deepEqual(await resolve({}, query('example.org')), {
    targets: ['udp:192.0.2.1:5080'],
    asked: ['SRV _sip._udp.example.org', 'A h1.example.org'],
  });
  assert.deepEqual(await resolve({}, query('example.org', { proto: PROTO.TCP })), {
    targets: ['tcp:192.0.2.7:5090'],
    asked: ['SRV _sip._tcp.example.org', 'A h2.example.org'],
  });
  assert.deepEqual(await resolve({}, query('h1.example.org', { isSips: true })), {
    targets: ['tls:192.0.2.1:5061'],
    asked: ['SRV _sips._tcp.h1.example.org', 'A h1.example.org'],
  });
});

test('a port means the host itself, even with dns_try_naptr (RFC 3263 §4.2)', async () => {
  const expected = { targets: ['udp:192.0.2.99:5070'], asked: ['A example.org'] };
  assert.deepEqual(await resolve({}, query('example.org', { port: 5070 })), expected);
  // Kamailio 5.6.3 asks for SRV here; its documentation (dns.txt, dns_try_naptr) and the RFC say otherwise.
  assert.deepEqual(await resolve({ dns_try_naptr: 1 }, query('example.org', { port: 5070 })), expected);
});

test('a host without any record leads nowhere, after SRV, A and AAAA', async () => {
  assert.deepEqual(await resolve({}, query('nobody.example.org')), {
    targets: [],
    asked: ['SRV _sip._udp.nobody.example.org', 'A nobody.example.org', 'AAAA nobody.example.org'],
  });
});

test('NAPTR chooses the transport by our preference; failover goes through all targets in order', async () => {
  assert.deepEqual((await resolve({ dns_try_naptr: 1, use_dns_failover: 1 }, query('example.org'))).targets, [
    'udp:192.0.2.1:5080',
    'udp:192.0.2.2:5080',
    'udp:2001:db8::1:5080',
    'udp:192.0.2.7:5081',
    'tcp:192.0.2.7:5090',
  ]);
  const byOrder = { dns_try_naptr: 1, dns_udp_pref: 1, dns_tcp_pref: 1, dns_tls_pref: 1 };
  assert.deepEqual((await resolve(byOrder, query('example.org'))).targets, ['tcp:192.0.2.7:5090']);
});

test('without NAPTR records every transport we have is tried by SRV, then the host', async () => {
  assert.deepEqual(await resolve({ dns_try_naptr: 1, dns_try_ipv6: 0 }, query('h2.example.org')), {
    targets: ['udp:192.0.2.7:5060'],
    asked: [
      'NAPTR h2.example.org',
      'SRV _sip._udp.h2.example.org',
      'SRV _sip._tcp.h2.example.org',
      'SRV _sips._tcp.h2.example.org',
      'A h2.example.org',
    ],
  });
});

test('SRV targets go by priority, then weight falling; with dns_srv_lb by weighted chance', async () => {
  const failover = { use_dns_failover: 1, dns_try_ipv6: 0 };
  const ports = async (values: Record<string, number>): Promise<string> =>
    (await resolve(values, query('w.example.org'))).targets.map((target) => target.slice(-1)).join('');
  assert.equal(await ports(failover), '54213');
  const seen = new Set<string>();
  const resolver = makeResolver({ ...failover, dns_srv_lb: 1 }, zone());
  await clock.runUntilSettled(Promise.resolve(resolver.sipTargets(query('w.example.org')).next()));
  for (let i = 0; i < 100; i++) {
    const iterator = resolver.sipTargets(query('w.example.org'));
    let order = '';
    for (let target = iterator.next(); target !== null && !(target instanceof Promise); target = iterator.next())
      order += target.port % 10;
    assert.match(order, /^[45]{2}[123]{3}$/);
    seen.add(order);
  }
  assert.ok(seen.size > 4);
});

test('a service that says it is not there leads nowhere (RFC 2782, target ".")', async () => {
  assert.deepEqual((await resolve({ use_dns_failover: 1 }, query('none.example.org'))).targets, []);
});

test('what is cached is given without waiting', async () => {
  const resolver = makeResolver({ dns_try_naptr: 1 }, zone());
  const first = resolver.sipTargets(query('example.org')).next();
  assert.ok(first instanceof Promise);
  await clock.runUntilSettled(first);
  assert.deepEqual(resolver.sipTargets(query('example.org')).next(), {
    ip: '192.0.2.1',
    port: 5080,
    proto: PROTO.UDP,
    host: 'example.org',
  });
});
