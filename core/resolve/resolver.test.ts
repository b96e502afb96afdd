import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { test } from 'node:test';
import dnsPacket from 'dns-packet';
import { SimDns } from '../../test/support/sim-dns.ts';
import { Settings } from '../cfg/settings.ts';
import { CounterRegistry } from '../counters/counters.ts';
import { SeededRandom } from '../timer/random.ts';
import { RealClock } from '../timer/real-clock.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { Resolver } from './resolver.ts';

interface Setup {
  readonly clock: VirtualClock;
  readonly dns: SimDns;
  readonly settings: Settings;
  readonly resolver: Resolver;
  readonly counters: CounterRegistry;
  /** Waits for an answer on the virtual clock. */
  readonly get: <T>(found: T | Promise<T>) => Promise<T>;
  readonly ips: (name: string) => Promise<readonly string[]>;
}

function setup(values: Record<string, number> = {}, resolvConf = 'nameserver 192.0.2.53\n', hosts = ''): Setup {
  const clock = new VirtualClock();
  const dns = new SimDns(clock);
  const settings = new Settings(Object.entries(values));
  const counters = new CounterRegistry();
  const resolver = new Resolver({
    wheel: new TimerWheel(clock),
    random: new SeededRandom(1),
    settings,
    counters,
    transport: dns,
    readFiles: () => ({ resolvConf, hosts }),
  });
  const get = async <T>(found: T | Promise<T>): Promise<T> =>
    found instanceof Promise ? await clock.runUntilSettled(found) : found;
  return { clock, dns, settings, resolver, counters, get, ips: (name) => get(resolver.addresses(name)) };
}

test('an answer is asked for once, then given at once until its TTL is over', async () => {
  const { clock, dns, resolver, ips } = setup();
  dns.add('a.example.org', 'A', 60, '192.0.2.1').add('a.example.org', 'A', 60, '192.0.2.2');
  assert.ok(resolver.addresses('A.Example.org') instanceof Promise);
  assert.deepEqual(await ips('a.example.org'), ['192.0.2.1', '192.0.2.2']);
  assert.deepEqual(resolver.addresses('A.EXAMPLE.org'), ['192.0.2.1', '192.0.2.2']);
  clock.advance(59_000);
  assert.deepEqual(resolver.addresses('a.example.org'), ['192.0.2.1', '192.0.2.2']);
  clock.advance(1_000);
  assert.ok(resolver.addresses('a.example.org') instanceof Promise);
  await clock.advanceAsync(100);
  assert.equal(dns.count('a.example.org', 'A'), 2);
});

test('literals never reach DNS', () => {
  const { dns, resolver } = setup();
  assert.deepEqual(resolver.addresses('192.0.2.1'), ['192.0.2.1']);
  assert.deepEqual(resolver.addresses('2001:db8::1'), ['2001:db8::1']);
  assert.equal(resolver.lookup('no such name', 'A'), null);
  assert.deepEqual(dns.seen, []);
});

test('those who ask for the same at the same time wait for one query', async () => {
  const { dns, resolver, get } = setup();
  dns.add('a.example.org', 'A', 60, '192.0.2.1');
  const all = await get(Promise.all([1, 2, 3].map(async () => resolver.lookup('a.example.org', 'A'))));
  assert.equal(dns.seen.length, 1);
  assert.ok(all.every((entry) => entry === all[0]));
});

test('that a name has nothing is remembered for dns_cache_negative_ttl', async () => {
  const { clock, dns, resolver, counters, ips, settings } = setup({ dns_try_ipv6: 0 });
  assert.deepEqual(await ips('none.example.org'), []);
  assert.deepEqual(resolver.addresses('none.example.org'), []);
  assert.equal(counters.find('dns', 'failed_dns_request')?.get(), 1);
  clock.advance(60_000);
  settings.set('dns_cache_negative_ttl', 0);
  assert.deepEqual(await ips('none.example.org'), []);
  assert.deepEqual(await ips('none.example.org'), []);
  assert.equal(dns.seen.length, 3);
});

test('TTLs are kept within dns_cache_min_ttl and dns_cache_max_ttl', async () => {
  const { clock, dns, resolver, get } = setup({ dns_cache_min_ttl: 30, dns_cache_max_ttl: 90 });
  dns.add('short.example.org', 'A', 1, '192.0.2.1').add('long.example.org', 'A', 1000, '192.0.2.2');
  await get(resolver.lookup('short.example.org', 'A'));
  await get(resolver.lookup('long.example.org', 'A'));
  clock.advance(29_000);
  assert.ok(!(resolver.lookup('short.example.org', 'A') instanceof Promise));
  clock.advance(60_000);
  assert.ok(!(resolver.lookup('long.example.org', 'A') instanceof Promise));
  clock.advance(1_000);
  assert.ok(resolver.lookup('long.example.org', 'A') instanceof Promise);
});

test('a query is repeated after dns_retr_time, dns_retr_no times, over dns_servers_no servers', async () => {
  const { clock, dns, ips } = setup(
    { dns_retr_time: 1, dns_retr_no: 2, dns_servers_no: 2, dns_try_ipv6: 0 },
    'nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n',
  );
  for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) dns.silent.add(ip);
  assert.deepEqual(await ips('a.example.org'), []);
  assert.deepEqual(
    dns.seen.map((q) => q.server),
    ['192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.2', '192.0.2.1', '192.0.2.2'],
  );
  assert.equal(clock.now(), 6000);
});

test('the next server is asked when one is silent, refuses or fails', async () => {
  const { clock, dns, ips } = setup(
    { dns_retr_time: 2 },
    'nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n',
  );
  dns.silent.add('192.0.2.1');
  dns.rcodes.set('192.0.2.2', 2);
  dns.add('a.example.org', 'A', 60, '192.0.2.9');
  assert.deepEqual(await ips('a.example.org'), ['192.0.2.9']);
  assert.equal(clock.now(), 2010);
});

test('a cut reply is asked for again over TCP', async () => {
  const { dns, ips } = setup();
  dns.add('big.example.org', 'A', 60, '192.0.2.1');
  dns.truncated.add('big.example.org');
  assert.deepEqual(await ips('big.example.org'), ['192.0.2.1']);
  assert.deepEqual(
    dns.seen.map((q) => q.proto),
    ['udp', 'tcp'],
  );
});

test('a server that does not know EDNS is asked without, and remembered (RFC 6891 §7)', async () => {
  const { dns, ips } = setup();
  dns.withoutEdns.add('192.0.2.53');
  dns.add('a.example.org', 'A', 60, '192.0.2.1').add('b.example.org', 'A', 60, '192.0.2.2');
  assert.deepEqual(await ips('a.example.org'), ['192.0.2.1']);
  assert.deepEqual(await ips('b.example.org'), ['192.0.2.2']);
  assert.deepEqual(
    dns.seen.map((q) => q.hasEdns),
    [true, false, false],
  );
});

test('a forged reply with another id or question is not taken', async () => {
  const { dns, ips } = setup();
  dns.add('a.example.org', 'A', 60, '192.0.2.1');
  dns.forge = (query) => {
    const { id, questions } = dnsPacket.decode(Buffer.from(query));
    const evil = [{ name: 'a.example.org', type: 'A', ttl: 60, data: '203.0.113.66' }];
    return [
      dnsPacket.encode({ type: 'response', id: id ^ 1, questions, answers: evil }),
      dnsPacket.encode({ type: 'response', id, questions: [{ name: 'evil.example.org', type: 'A' }], answers: evil }),
    ];
  };
  assert.deepEqual(await ips('a.example.org'), ['192.0.2.1']);
});

test('records about other names than the one asked for are not taken', async () => {
  const { dns, resolver, ips } = setup();
  dns.add('a.example.org', 'A', 60, '192.0.2.1');
  dns.addAdditional('a.example.org', { name: 'bank.example.org', type: 'A', ttl: 60, data: '203.0.113.66' });
  await ips('a.example.org');
  assert.ok(resolver.addresses('bank.example.org') instanceof Promise);
});

test('CNAMEs are followed and cached on their own; a loop ends', async () => {
  const { clock, dns, resolver, ips } = setup({ dns_try_ipv6: 0 });
  dns.add('alias.example.org', 'CNAME', 30, 'mid.example.org').add('mid.example.org', 'CNAME', 300, 'a.example.org');
  dns.add('a.example.org', 'A', 300, '192.0.2.1');
  assert.deepEqual(await ips('alias.example.org'), ['192.0.2.1']);
  assert.deepEqual(resolver.addresses('mid.example.org'), ['192.0.2.1']);
  assert.equal(dns.seen.length, 1);
  clock.advance(30_000);
  assert.ok(resolver.addresses('alias.example.org') instanceof Promise);
  dns.add('x.example.org', 'CNAME', 300, 'y.example.org').add('y.example.org', 'CNAME', 300, 'x.example.org');
  assert.deepEqual(await ips('x.example.org'), []);
});

test('the search list is tried in the order of ndots, unless switched off or the name is absolute', async () => {
  const conf = 'nameserver 192.0.2.53\nsearch one.example two.example\n';
  const { dns, resolver, settings, ips } = setup({ dns_try_ipv6: 0 }, conf);
  dns.add('pbx.two.example', 'A', 60, '192.0.2.1');
  assert.deepEqual(await ips('pbx'), ['192.0.2.1']);
  assert.deepEqual(
    dns.seen.map((q) => q.name),
    ['pbx.one.example', 'pbx.two.example'],
  );
  assert.deepEqual(resolver.addresses('pbx'), ['192.0.2.1']);
  dns.seen.length = 0;
  await ips('a.b');
  assert.deepEqual(
    dns.seen.map((q) => q.name),
    ['a.b', 'a.b.one.example', 'a.b.two.example'],
  );
  dns.seen.length = 0;
  await ips('c.d.');
  settings.set('dns_use_search_list', 0);
  await ips('e.f');
  assert.deepEqual(
    dns.seen.map((q) => q.name),
    ['c.d', 'e.f'],
  );
});

test('dns_cache_flags and dns_try_ipv6 choose the family', async () => {
  const { dns, resolver, settings, get, ips } = setup();
  dns.add('a.example.org', 'A', 60, '192.0.2.1').add('a.example.org', 'AAAA', 60, '2001:db8::1');
  dns.add('six.example.org', 'AAAA', 60, '2001:db8::6');
  assert.deepEqual(await ips('a.example.org'), ['192.0.2.1']);
  assert.deepEqual(await ips('six.example.org'), ['2001:db8::6']);
  settings.set('dns_cache_flags', 4);
  assert.deepEqual(await ips('a.example.org'), ['2001:db8::1']);
  settings.set('dns_cache_flags', 2);
  assert.deepEqual(resolver.families, ['AAAA']);
  settings.set('dns_cache_flags', 1);
  assert.deepEqual(await get(resolver.addresses('six.example.org')), []);
  settings.set('dns_cache_flags', 2);
  settings.set('dns_try_ipv6', 0);
  assert.deepEqual(resolver.families, ['A']);
});

test('without the cache every lookup asks, and /etc/hosts counts; with it, hosts is passed over (Kamailio: use_dns_cache)', async () => {
  const { dns, settings, resolver, ips } = setup({}, 'nameserver 192.0.2.53\n', '192.0.2.77 a.example.org\n');
  dns.add('a.example.org', 'A', 60, '192.0.2.1').add('b.example.org', 'A', 60, '192.0.2.2');
  assert.deepEqual(await ips('a.example.org'), ['192.0.2.1']);
  settings.set('use_dns_cache', 0);
  assert.deepEqual(resolver.addresses('a.example.org'), ['192.0.2.77']);
  await ips('b.example.org');
  await ips('b.example.org');
  assert.equal(dns.count('b.example.org'), 2);
});

test('localhost is always this machine (RFC 6761 §6.3)', () => {
  const { resolver } = setup();
  assert.deepEqual(resolver.addresses('localhost'), ['127.0.0.1']);
  assert.ok(resolver.sipTargets({ host: 'localhost', port: 5060, proto: 0, isSips: false }).next() !== null);
});

test('a full cache takes nothing new, or with dns_cache_del_nonexp drops what was used longest ago', async () => {
  const { dns, resolver, settings, get } = setup({ dns_cache_mem: 1 });
  for (let i = 0; i < 30; i++) dns.add(`h${i}.example.org`, 'A', 600, `192.0.2.${i}`);
  for (let i = 0; i < 20; i++) await get(resolver.lookup(`h${i}.example.org`, 'A'));
  assert.ok(resolver.cache.usedBytes <= 1024);
  assert.ok(!(resolver.lookup('h0.example.org', 'A') instanceof Promise));
  assert.equal(resolver.cache.evicted, 0);
  settings.set('dns_cache_del_nonexp', 1);
  for (let i = 20; i < 30; i++) {
    await get(resolver.lookup(`h${i}.example.org`, 'A'));
    assert.ok(!(resolver.lookup('h0.example.org', 'A') instanceof Promise));
  }
  assert.ok(resolver.cache.usedBytes <= 1024);
  assert.ok(resolver.cache.evicted > 0);
  const names = [...resolver.cache.entries()].map((entry) => entry.name);
  assert.ok(names.includes('h0.example.org') && names.includes('h29.example.org') && !names.includes('h1.example.org'));
});

test('expired entries are swept every dns_cache_gc_interval, and an empty cache keeps no timer', async () => {
  const { clock, dns, resolver, ips } = setup();
  dns.add('a.example.org', 'A', 60, '192.0.2.1');
  await ips('a.example.org');
  assert.ok(resolver.cache.usedBytes > 0);
  assert.equal(clock.runUntilIdle(300_000), true);
  assert.equal(resolver.cache.usedBytes, 0);
});

test('while the name servers are said to be down nothing is asked and old answers serve on', async () => {
  const { clock, dns, resolver, ips } = setup();
  dns.add('a.example.org', 'A', 60, '192.0.2.1');
  await ips('a.example.org');
  resolver.areServersUp = false;
  clock.advance(100_000);
  assert.deepEqual(resolver.addresses('a.example.org'), ['192.0.2.1']);
  assert.deepEqual(resolver.addresses('b.example.org'), []);
  resolver.areServersUp = true;
  assert.ok(resolver.addresses('a.example.org') instanceof Promise);
});

test('dns_cache_rec_pref decides between old and new records', async () => {
  for (const [preference, expected] of [
    [0, '192.0.2.2'],
    [1, '192.0.2.1'],
    [2, '192.0.2.2'],
    [3, '192.0.2.1'],
  ] as const) {
    const { dns, resolver, get } = setup({ dns_cache_rec_pref: preference });
    dns.add('a.example.org', 'A', 600, '192.0.2.1');
    dns.add('_sip._udp.example.org', 'SRV', 60, { priority: 1, weight: 1, port: 5060, target: 'a.example.org' });
    dns.addAdditional('_sip._udp.example.org', { name: 'a.example.org', type: 'A', ttl: 60, data: '192.0.2.2' });
    await get(resolver.lookup('a.example.org', 'A'));
    await get(resolver.lookup('_sip._udp.example.org', 'SRV'));
    assert.deepEqual(resolver.addresses('a.example.org'), [expected]);
  }
});

test('reverse lookups and slow queries', async () => {
  const { dns, resolver, counters, get } = setup({ dns_slow_query_ms: 3 });
  dns.add('1.2.0.192.in-addr.arpa', 'PTR', 60, 'Host.example.org');
  assert.deepEqual(await get(resolver.reverse('192.0.2.1')), ['host.example.org']);
  assert.equal(counters.find('dns', 'slow_dns_request')?.get(), 1);
});

test('no more than a bounded number of queries is on the way', async () => {
  const { dns, resolver, clock } = setup({ dns_try_ipv6: 0 });
  dns.silent.add('192.0.2.53');
  const all = Array.from({ length: 2000 }, async (_, i) => resolver.lookup(`h${i}.example.org`, 'A'));
  await clock.advanceAsync(0);
  assert.equal(dns.seen.length, 512);
  await clock.runUntilSettled(Promise.all(all));
});

test('close() ends what is on the way', async () => {
  const { clock, dns, resolver } = setup();
  dns.silent.add('192.0.2.53');
  const found = resolver.lookup('a.example.org', 'A');
  resolver.close();
  assert.equal(await found, null);
  assert.equal(clock.pending <= 1, true);
});

test('a real name server over UDP, and TCP for a cut reply', async () => {
  const answer = (message: Buffer, isCut: boolean): Buffer => {
    const query = dnsPacket.decode(message);
    return dnsPacket.encode({
      type: 'response',
      id: query.id,
      flags: isCut ? dnsPacket.TRUNCATED_RESPONSE : 0,
      questions: query.questions,
      answers: isCut ? [] : [{ name: 'a.example.org', type: 'A', class: 'IN', ttl: 60, data: '192.0.2.1' }],
    });
  };
  const tcp = createServer((socket) => {
    socket.on('data', (chunk) => {
      const reply = answer(Buffer.from(chunk).subarray(2), false);
      socket.write(Buffer.from([reply.length >> 8, reply.length & 255]));
      socket.end(reply);
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const address = tcp.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => udp.send(answer(message, true), from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  const wheel = new TimerWheel(new RealClock());
  const resolver = new Resolver({
    wheel,
    random: new SeededRandom(1),
    readFiles: () => ({ resolvConf: `nameserver [127.0.0.1]:${port}\noptions timeout:1`, hosts: '' }),
  });
  assert.deepEqual(await resolver.addresses('a.example.org'), ['192.0.2.1']);
  udp.close();
  tcp.close();
  resolver.close();
  wheel.close();
});
