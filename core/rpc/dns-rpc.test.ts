import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SimDns } from '../../test/support/sim-dns.ts';
import { Settings } from '../cfg/settings.ts';
import { Resolver } from '../resolve/resolver.ts';
import { SeededRandom } from '../timer/random.ts';
import { VirtualClock } from '../timer/virtual-clock.ts';
import { TimerWheel } from '../timer/wheel.ts';
import { registerDnsRpc } from './dns-rpc.ts';
import { RpcMany, type RpcParam, RpcRegistry, type RpcReply, RpcStruct, type RpcValue } from './registry.ts';

/** A reply as nested arrays of [name, value], so that order and repeated names are compared too. */
function plain(value: RpcReply): unknown {
  if (value instanceof RpcMany) return value.values.map(plain);
  if (value instanceof RpcStruct) return value.entries.map(([name, one]) => [name, plain(one)]);
  if (Array.isArray(value)) return value.map((one: RpcValue) => plain(one));
  return value;
}

function setup(): {
  clock: VirtualClock;
  dns: SimDns;
  resolver: Resolver;
  call: (name: string, ...params: RpcParam[]) => Promise<unknown>;
} {
  const clock = new VirtualClock();
  const dns = new SimDns(clock);
  const resolver = new Resolver({
    wheel: new TimerWheel(clock),
    random: new SeededRandom(1),
    settings: new Settings([['use_dst_blocklist', 1]]),
    transport: dns,
    readFiles: () => ({ resolvConf: '', hosts: '' }),
  });
  const registry = new RpcRegistry();
  registerDnsRpc(registry, resolver);
  return {
    clock,
    dns,
    resolver,
    call: async (name, ...params) => plain(await clock.runUntilSettled(registry.call(name, params))),
  };
}

function entry(
  name: string,
  type: string,
  size: number,
  references: number,
  expires: number,
  records: unknown,
): unknown {
  return [
    ['name', name],
    ['type', type],
    ['size_bytes', size],
    ['reference_counter', references],
    ['permanent', 'no'],
    ['expires', expires],
    ['last_used', 0],
    ['negative_entry', 'no'],
    ['records', records],
  ];
}

test('dns.lookup shows records as Kamailio does', async () => {
  const { dns, call } = setup();
  dns.add('h1.example.org', 'A', 300, '127.0.0.5').add('h1.example.org', 'A', 300, '127.0.0.6');
  dns.add('_sip._udp.example.org', 'SRV', 60, { priority: 10, weight: 20, port: 5080, target: 'h1.example.org' });
  dns.add('example.org', 'NAPTR', 77, {
    order: 10,
    preference: 20,
    flags: 's',
    services: 'SIP+D2U',
    regexp: '',
    replacement: '_sip._udp.example.org',
  });
  dns.add('txt.example.org', 'TXT', 30, ['hello', 'world']).add('alias.example.org', 'CNAME', 100, 'h1.example.org');
  const tail = (expires: number): unknown[] => [
    ['rr_permanent', 'no'],
    ['rr_expires', expires],
  ];
  assert.deepEqual(
    await call('dns.lookup', 'a', 'H1.example.org'),
    entry('h1.example.org', 'A', 144, 2, 300, [
      [['rr_idx', 0], ['rr_ip', '127.0.0.5'], ...tail(300)],
      [['rr_idx', 1], ['rr_ip', '127.0.0.6'], ...tail(300)],
    ]),
  );
  assert.deepEqual(
    await call('dns.lookup', 'SRV', '_sip._udp.example.org'),
    entry('_sip._udp.example.org', 'SRV', 136, 2, 60, [
      [
        ['rr_idx', 0],
        ['rr_name', 'h1.example.org'],
        ['rr_port', 5080],
        ['rr_priority', 10],
        ['rr_weight', 20],
        ...tail(60),
      ],
    ]),
  );
  assert.deepEqual(
    await call('dns.lookup', 'NAPTR', 'example.org'),
    entry('example.org', 'NAPTR', 184, 2, 77, [
      [
        ['rr_idx', 0],
        ['rr_order', 10],
        ['rr_preference', 20],
        ['rr_flags', 's'],
        ['rr_service', 'SIP+D2U'],
        ['rr_regexp', ''],
        ['rr_regexp', '_sip._udp.example.org'],
        ...tail(77),
      ],
    ]),
  );
  assert.deepEqual(
    await call('dns.lookup', 'TXT', 'txt.example.org'),
    entry('txt.example.org', 'TXT', 160, 2, 30, [
      [
        ['rr_idx', 0],
        [
          'txt',
          [
            { idx: 0, rr_txt: 'hello' },
            { idx: 1, rr_txt: 'world' },
          ],
        ],
        ...tail(30),
      ],
    ]),
  );
  assert.deepEqual(
    await call('dns.lookup', 'CNAME', 'alias.example.org'),
    entry('alias.example.org', 'CNAME', 128, 2, 100, [[['rr_idx', 0], ['rr_name', 'h1.example.org'], ...tail(100)]]),
  );
});

test('dns.lookup of a literal is answered without DNS; what is not there and unknown types are faults', async () => {
  const { dns, call } = setup();
  const shown = (await call('dns.lookup', 'A', '127.0.0.9')) as [string, unknown][];
  assert.deepEqual(
    shown.find(([name]) => name === 'expires'),
    ['expires', -1],
  );
  assert.deepEqual(dns.seen, []);
  await assert.rejects(call('dns.lookup', 'A', 'nobody.example.org'), { code: 400, message: 'Not found' });
  await assert.rejects(call('dns.lookup', 'MX', 'example.org'), { code: 400, message: 'Invalid type' });
  await assert.rejects(call('dns.lookup', 'A'), { code: 400 });
});

test('dns.add_* and dns.delete_* change the cache; permanent entries outlive dns.delete_all', async () => {
  const { clock, resolver, call } = setup();
  assert.equal(await call('dns.add_a', 'add.example.org', 60, '192.0.2.1', 0), undefined);
  await call('dns.add_a', 'add.example.org', 90, '192.0.2.2', 0);
  await call('dns.add_a', 'stay.example.org', 60, '192.0.2.3', 2);
  await call('dns.add_a', 'not.example.org', 60, '192.0.2.3', 1);
  await call('dns.add_aaaa', 'add.example.org', 60, '2001:DB8::1', 0);
  await call('dns.add_srv', '_sip._udp.add.example.org', 60, 10, 20, 5080, 'add.example.org', 0);
  assert.deepEqual(resolver.addresses('add.example.org'), ['192.0.2.2', '192.0.2.1']);
  assert.deepEqual(resolver.lookup('not.example.org', 'A'), null);
  clock.advance(60_000);
  assert.deepEqual(resolver.addresses('add.example.org'), ['192.0.2.2']);
  for (const bad of [
    ['add_a', 'x.example.org', 60, '2001:db8::1', 0],
    ['add_aaaa', 'x.example.org', 60, '192.0.2.1', 0],
    ['add_a', 'x y', 60, '192.0.2.1', 0],
  ] as const) {
    await assert.rejects(call(`dns.${bad[0]}`, ...bad.slice(1)), {
      code: 400,
      message: 'Failed to add the entry to the cache',
    });
  }
  await call('dns.delete_a', 'add.example.org');
  await assert.rejects(call('dns.delete_a', 'add.example.org'), { code: 400, message: 'Not found' });
  assert.deepEqual(await call('dns.delete_all'), { status: 'ok' });
  assert.deepEqual(
    [...resolver.cache.entries()].map((e) => e.name),
    ['stay.example.org'],
  );
  const [stay] = (await call('dns.view')) as [string, unknown][][];
  assert.deepEqual(stay?.slice(4, 6), [
    ['permanent', 'yes'],
    ['expires', 0],
  ]);
  await call('dns.delete_all_force');
  assert.deepEqual(await call('dns.view'), []);
  assert.deepEqual(await call('dns.mem_info'), [0, 512_000]);
});

test('dns.debug and dns.debug_all print bare values; a negative entry has no records', async () => {
  const { dns, call } = setup();
  dns.add('h1.example.org', 'A', 300, '127.0.0.5');
  await call('dns.lookup', 'A', 'h1.example.org');
  await assert.rejects(call('dns.lookup', 'PTR', 'h1.example.org'));
  assert.deepEqual(await call('dns.debug'), [
    'h1.example.org',
    1,
    112,
    1,
    300,
    0,
    0,
    'h1.example.org',
    12,
    78,
    1,
    60,
    0,
    1,
  ]);
  assert.deepEqual(await call('dns.debug_all'), ['h1.example.org', 1, 0, 112, 1, 300, 0, 0, 'ip', '127.0.0.5', 300]);
  const views = (await call('dns.view')) as [string, unknown][][];
  assert.deepEqual(views[1]?.at(-1), ['negative_entry', 'yes']);
});

test('counters and the state of the name servers', async () => {
  const { dns, call } = setup();
  dns.add('h1.example.org', 'A', 300, '127.0.0.5');
  await call('dns.lookup', 'A', 'h1.example.org');
  await call('dns.lookup', 'A', 'h1.example.org');
  assert.equal(await call('dns.stats_get', 'dns_req_cnt', 1), 1);
  assert.equal(await call('dns.stats_get', 'dns_req_cnt'), 0);
  assert.equal(await call('dns.stats_get', 'dc_hits_cnt'), 1);
  await assert.rejects(call('dns.stats_get', 'x'), { code: 400 });
  assert.equal(await call('dns.get_server_state'), 1);
  await call('dns.set_server_state', 0);
  await assert.rejects(call('dns.lookup', 'A', 'h2.example.org'), { message: 'Not found' });
  assert.equal(dns.seen.length, 1);
});

test('dst_blocklist.* has the shapes of Kamailio', async () => {
  const { call } = setup();
  await call('dst_blocklist.add', '127.0.0.1', 5060, 2, 2);
  await call('dst_blocklist.add', '::1', 5061, 1, 0);
  await call('dst_blocklist.add', '127.0.0.2', 0, 0, 128);
  assert.deepEqual(await call('dst_blocklist.mem_info'), [84, 256_000]);
  assert.deepEqual(((await call('dst_blocklist.view')) as string[]).slice(0, 6), [
    '{\n    protocol: tcp',
    '    ip: 127.0.0.1',
    '    port: 5060',
    '    expires in (s): 60',
    '    flags: 2\n}',
    '{\n    protocol: udp',
  ]);
  assert.deepEqual(((await call('dst_blocklist.debug')) as unknown[]).slice(5), [
    'udp',
    '::1',
    5061,
    60,
    1,
    '*',
    '127.0.0.2',
    0,
    60,
    128,
  ]);
  await call('dst_blocklist.delete_all');
  assert.deepEqual(((await call('dst_blocklist.debug')) as unknown[])[1], '127.0.0.2');
  await assert.rejects(call('dst_blocklist.add', '127.0.0.1', 5060, 9, 0), { code: 400, message: 'Unknown protocol' });
  await assert.rejects(call('dst_blocklist.add', 'xx', 5060, 1, 0), { code: 400, message: 'Malformed ip address' });
  await assert.rejects(call('dst_blocklist.add', '127.0.0.1', 5060, 1, 1), {
    code: 400,
    message: 'Malformed ip address',
  });
  assert.equal(await call('dst_blocklist.stats_get', 'bkl_hit_cnt'), 0);
});
