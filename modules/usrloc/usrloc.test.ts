import assert from 'node:assert/strict';
import { test } from 'node:test';
import { heapMemory, SharedHeap } from '../../core/store/shared-heap.ts';
import { SeededRandom } from '../../core/timer/random.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { contactInfo } from '../../test/support/contact-info.ts';
import { MATCHING_MODE, type Ucontact, type UcontactInfo, type Udomain, type Urecord } from './api.ts';
import usrloc from './index.ts';
import type { Usrloc } from './usrloc.ts';

type Params = readonly (readonly [name: string, value: string | number])[];

interface World {
  readonly clock: VirtualClock;
  readonly bare: BareServer;
  readonly ul: Usrloc;
}

async function start(params: Params = []): Promise<World> {
  const clock = new VirtualClock();
  const bare = new BareServer({ clock });
  const ul = await bare.load(usrloc, params);
  return { clock, bare, ul };
}

function contact(ul: Usrloc, uri: string, more: Partial<UcontactInfo> = {}): UcontactInfo {
  return contactInfo(uri, ul.nowSec(), { callid: `call-${uri}`, ...more });
}

function uris(contacts: readonly Ucontact[] | Promise<readonly Ucontact[]>): string[] {
  assert.ok(!(contacts instanceof Promise));
  return contacts.map((each) => each.contact);
}

function now<T>(value: T | Promise<T>): T {
  assert.ok(!(value instanceof Promise));
  return value;
}

function edit<T>(table: Udomain, aor: string, work: (record: Urecord) => T): T {
  return now(table.edit(aor, work));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

test('contacts come by q, equals in the order they came; an update moves one only where its q changes', async () => {
  const { ul } = await start();
  const table = ul.domain('location');
  edit(table, 'alice', (record) => {
    record.insert(contact(ul, 'sip:a'));
    record.insert(contact(ul, 'sip:b', { q: 500 }));
    record.insert(contact(ul, 'sip:c', { q: 500 }));
    record.insert(contact(ul, 'sip:d', { q: 900 }));
  });
  assert.deepEqual(uris(table.lookup('alice')), ['sip:d', 'sip:b', 'sip:c', 'sip:a']);
  const change = (uri: string, q: number): void => {
    edit(table, 'alice', (record) => {
      const found = record.match(uri, 'x', '', 1);
      assert.equal(found.found, 'contact');
      if (found.found === 'contact') record.update(found.contact, contact(ul, uri, { q }));
    });
  };
  change('sip:b', 500);
  assert.deepEqual(uris(table.lookup('alice')), ['sip:d', 'sip:b', 'sip:c', 'sip:a']);
  // Kamailio 5.6.3 puts a contact whose q has risen behind those with a lower one; its document says "ordered by q".
  change('sip:a', 1000);
  assert.deepEqual(uris(table.lookup('alice')), ['sip:a', 'sip:d', 'sip:b', 'sip:c']);
  change('sip:d', 100);
  assert.deepEqual(uris(table.lookup('alice')), ['sip:a', 'sip:b', 'sip:c', 'sip:d']);
});

test('desc_time_order: the newest registration first, also when one is refreshed', async () => {
  const { ul, clock } = await start([['desc_time_order', 1]]);
  const table = ul.domain('location');
  for (const uri of ['sip:a', 'sip:b', 'sip:c']) {
    edit(table, 'alice', (record) => record.insert(contact(ul, uri, { q: 1000 })));
    clock.advance(1000);
  }
  assert.deepEqual(uris(table.lookup('alice')), ['sip:c', 'sip:b', 'sip:a']);
  edit(table, 'alice', (record) => {
    const found = record.match('sip:a', 'x', '', 1);
    if (found.found === 'contact') record.update(found.contact, contact(ul, 'sip:a'));
  });
  assert.deepEqual(uris(table.lookup('alice')), ['sip:a', 'sip:c', 'sip:b']);
});

test('every field comes back as it was given, also after it has grown and shrunk', async () => {
  const { ul } = await start();
  const table = ul.domain('location');
  const full = contact(ul, `sip:alice@[2001:db8::1]:5061;transport=tls;x=${'y'.repeat(300)}`, {
    q: 700,
    cseq: 4_000_000_000,
    flags: 0x80000001,
    cflags: 0xf0000000,
    received: 'sip:192.0.2.1:1024;transport=udp',
    path: '<sip:edge.example.org;lr>',
    socket: 'tls:10.0.0.1:5061',
    methods: 0x1fff,
    instance: '<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>',
    regId: 2,
    serverId: 3,
    tcpconnId: 17,
    keepalive: 1,
    lastModified: 4_100_000_000,
    expires: 9_000_000_000,
  });
  const made = edit(table, 'alice', (record) => record.insert(full));
  const { xavp: _none, ...fields } = full;
  const check = (found: Ucontact, wanted: object): void => {
    for (const [name, value] of Object.entries(wanted)) assert.equal(found[name as keyof Ucontact], value, name);
  };
  check(made, fields);
  const small = { ...fields, contact: 'sip:b', path: '', received: '', tcpconnId: 18 };
  for (const wanted of [small, fields, small]) {
    edit(table, 'alice', (record) => {
      const [first] = record.contacts;
      assert.ok(first !== undefined);
      record.update(first, { ...wanted, xavp: null });
    });
    const [found] = now(table.lookup('alice'));
    assert.ok(found !== undefined);
    check(found, wanted);
    assert.equal(found.ruid, made.ruid);
    assert.equal(found.aor, 'alice');
  }
  assert.match(made.ruid, /^uloc-[0-9a-f]+-[0-9a-f]+-1$/);
});

for (const [mode, same, other] of [
  [MATCHING_MODE.CONTACT, ['sip:a', 'other', ''], ['sip:b', 'c1', '<sip:p>']],
  [MATCHING_MODE.CONTACT_CALLID, ['sip:a', 'c1', ''], ['sip:a', 'other', '<sip:p>']],
  [MATCHING_MODE.CONTACT_PATH, ['sip:a', 'other', '<sip:p>'], ['sip:a', 'c1', '<sip:q>']],
  [MATCHING_MODE.CALLID, ['sip:b', 'c1', '<sip:q>'], ['sip:a', 'other', '<sip:p>']],
] as const)
  test(`matching_mode ${mode}`, async () => {
    const { ul } = await start([['matching_mode', mode]]);
    const table = ul.domain('location');
    edit(table, 'alice', (record) => {
      record.insert(contact(ul, 'sip:a', { callid: 'c1', path: '<sip:p>' }));
      assert.equal(record.match(same[0], same[1], same[2], 9).found, 'contact');
      assert.equal(record.match(other[0], other[1], other[2], 9).found, 'none');
    });
  });

test('CSeq must rise within a Call-ID; the same one is a retransmission for cseq_delay (RFC 3261 §10.3)', async () => {
  const { ul, clock } = await start([['cseq_delay', 20]]);
  const table = ul.domain('location');
  const found = (callid: string, cseq: number): string =>
    edit(table, 'alice', (record) => record.match('sip:a', callid, '', cseq).found);
  edit(table, 'alice', (record) =>
    record.insert(contact(ul, 'sip:a', { callid: 'c1', cseq: 5, instance: '<i>', regId: 1 })),
  );
  assert.deepEqual(
    [found('c1', 6), found('c1', 5), found('c1', 4), found('c2', 1)],
    ['contact', 'retransmission', 'out-of-order', 'contact'],
  );
  clock.advance(21_000);
  assert.equal(found('c1', 5), 'out-of-order');
  edit(table, 'alice', (record) => {
    assert.equal(record.matchInstance('<i>', 1, 'c9', 1).found, 'contact');
    assert.equal(record.matchInstance('<i>', 2, 'c9', 1).found, 'none');
    assert.equal(record.matchInstance('', 0, 'c9', 1).found, 'none');
  });
});

test('contacts that have expired leave within timer_interval, a part of them each second, told of once', async () => {
  const { ul, clock, bare } = await start([['timer_interval', 10]]);
  const table = ul.domain('location');
  const gone: string[] = [];
  const deleted: string[] = [];
  ul.on('expire', ({ aor }) => gone.push(aor));
  ul.on('delete', ({ aor }) => deleted.push(aor));
  for (let i = 0; i < 2000; i++)
    edit(table, `user${i}`, (record) =>
      record.insert(contact(ul, `sip:u${i}`, { expires: i % 2 === 0 ? ul.nowSec() + 30 : 0 })),
    );
  await clock.advanceAsync(29_500);
  assert.equal(gone.length, 0);
  assert.equal(table.contacts, 2000);
  const perSecond: number[] = [];
  for (let second = 0; second < 11; second++) {
    const before = gone.length;
    await clock.advanceAsync(1000);
    perSecond.push(gone.length - before);
  }
  assert.equal(gone.length, 1000);
  assert.ok(Math.max(...perSecond) <= 250, `spread: ${perSecond.join(' ')}`);
  assert.equal(new Set(gone).size, 1000);
  assert.deepEqual([table.contacts, table.users, deleted.length], [1000, 1000, 0]);
  assert.equal(bare.server.counters.find('usrloc', 'location_expires')?.get(), 1000);
  assert.equal(bare.server.counters.find('usrloc', 'registered_users')?.get(), 1000);
  assert.equal(bare.server.counters.find('usrloc', 'location_contacts')?.get(), 1000);
  await bare.stop();
});

test('a contact that has expired is not looked up before it is removed, and one refreshed in time stays', async () => {
  const { ul, clock } = await start([['timer_interval', 60]]);
  const table = ul.domain('location');
  for (const uri of ['sip:a', 'sip:b'])
    edit(table, 'alice', (record) => record.insert(contact(ul, uri, { expires: ul.nowSec() + 10 })));
  clock.advance(9000);
  edit(table, 'alice', (record) => {
    const found = record.match('sip:b', 'x', '', 1);
    if (found.found === 'contact') record.update(found.contact, contact(ul, 'sip:b'));
  });
  clock.advance(1000);
  assert.deepEqual(uris(table.lookup('alice')), ['sip:b']);
  await clock.advanceAsync(61_000);
  assert.equal(table.contacts, 1);
});

test('the wall clock jumps: forward everything is over and goes in parts, backward nothing is', async () => {
  const { ul, clock } = await start([['timer_interval', 10]]);
  const table = ul.domain('location');
  for (let i = 0; i < 500; i++) edit(table, `user${i}`, (record) => record.insert(contact(ul, `sip:u${i}`)));
  clock.jumpWall(-86_400_000);
  await clock.advanceAsync(11_000);
  assert.equal(table.contacts, 500);
  assert.deepEqual(uris(table.lookup('user1')), ['sip:u1']);
  clock.jumpWall(86_400_000 + 3600_000);
  assert.deepEqual(uris(table.lookup('user1')), []);
  await clock.advanceAsync(1000);
  assert.ok(table.contacts > 350 && table.contacts < 500, String(table.contacts));
  await clock.advanceAsync(10_000);
  assert.equal(table.contacts, 0);
});

test('parts of `each` are disjoint and together all; filters by flags, end and server', async () => {
  const { ul, clock } = await start();
  const table = ul.domain('location');
  for (let i = 0; i < 3000; i++)
    edit(table, `user${i}`, (record) =>
      record.insert(
        contact(ul, `sip:u${i}`, { cflags: i % 3, serverId: i % 2, expires: ul.nowSec() + (i < 10 ? 1 : 99) }),
      ),
    );
  clock.advance(2000);
  const visited = (filter: object): string[] => {
    const found: string[] = [];
    now(table.each((each) => void found.push(each.contact), filter));
    return found;
  };
  const parts = Array.from({ length: 7 }, (_, part) => visited({ part, parts: 7 }));
  assert.equal(new Set(parts.flat()).size, 2990);
  assert.equal(parts.flat().length, 2990);
  for (const part of parts) assert.ok(part.length > 250, String(part.length));
  assert.equal(visited({ expired: true }).length, 3000);
  assert.equal(visited({ expired: true, cflags: 2 }).length, 1000);
  assert.equal(visited({ expired: true, ownOnly: true }).length, 1500);
  let seen = 0;
  now(table.each(() => ++seen < 5));
  assert.equal(seen, 5);
});

test('random edits end as a plain model does, over growth, moves and removals', async () => {
  const { ul } = await start([['hash_size', 1]]);
  const table = ul.domain('location');
  const random = new SeededRandom(3);
  const model = new Map<string, Map<string, { q: number; path: string }>>();
  for (let step = 0; step < 20_000; step++) {
    const aor = `user${random.int(800)}`;
    const uri = `sip:${aor}@${random.int(4)}`;
    const fields = { q: random.int(1001), path: 'p'.repeat(random.int(200)) };
    const kind = random.int(5);
    const known = model.get(aor) ?? new Map();
    model.set(aor, known);
    edit(table, aor, (record) => {
      const found = record.match(uri, 'x', '', 1);
      if (kind === 0) {
        if (found.found === 'contact') record.delete(found.contact);
        known.delete(uri);
        return;
      }
      if (found.found === 'contact')
        record.update(found.contact, contact(ul, uri, { ...fields, tcpconnId: random.int(3) }));
      else record.insert(contact(ul, uri, fields));
      known.set(uri, fields);
    });
  }
  let contacts = 0;
  let users = 0;
  for (const [aor, known] of model) {
    const found = now(table.lookup(aor));
    contacts += known.size;
    if (known.size > 0) users++;
    assert.deepEqual(
      found.map(({ contact: uri, q, path }) => `${uri} ${q} ${path}`).sort(compareTexts),
      [...known].map(([uri, { q, path }]) => `${uri} ${q} ${path}`).sort(compareTexts),
    );
    assert.deepEqual(
      found.map(({ q }) => q),
      found.map(({ q }) => q).sort((a, b) => b - a),
    );
    for (const { ruid, contact: uri } of found) assert.equal(now(table.byRuid(ruid))?.contact, uri);
  }
  assert.deepEqual([table.contacts, table.users], [contacts, users]);
  for (const aor of model.keys()) now(table.deleteAor(aor));
  assert.deepEqual([table.contacts, table.users], [0, 0]);
});

test('two workers see one table; an edit of one is seen by the other at once', async () => {
  const memory = heapMemory(7);
  const clock = new VirtualClock();
  const worlds = [0, 1].map((worker) => {
    const bare = new BareServer({ clock });
    bare.server.sharedHeap = new SharedHeap(memory, worker);
    bare.server.workerCount = 2;
    Object.assign(bare.server, { workerIndex: worker });
    return bare;
  });
  const [a, b] = await Promise.all(worlds.map((bare) => bare.load(usrloc)));
  assert.ok(a !== undefined && b !== undefined);
  for (let i = 0; i < 1000; i++) edit(a.domain('location'), `u${i}`, (record) => record.insert(contact(a, 'sip:a')));
  edit(b.domain('location'), 'u1', (record) => record.insert(contact(b, 'sip:b', { q: 1000 })));
  assert.deepEqual(uris(a.domain('location').lookup('u1')), ['sip:b', 'sip:a']);
  assert.deepEqual([b.domain('location').users, b.domain('other').users], [1000, 0]);
  const ruids = new Set<string>();
  for (const ul of [a, b]) for (let i = 0; i < 10; i++) ruids.add(ul.newRuid());
  assert.equal(ruids.size, 20);
});

test('a contact takes less memory than Kamailio’s 984 bytes, and what is removed is used again', async () => {
  const { ul, bare } = await start();
  const table = ul.domain('location');
  const fill = (count: number): void => {
    for (let i = 0; i < count; i++)
      edit(table, `user${i}`, (record) =>
        record.insert(
          contact(ul, `sip:user${i}@198.51.100.200:5060;transport=udp;ob`, {
            callid: '00000000-0000-0000-0000-000000000000@198.51.100.200',
            userAgent: 'Example Phone 3.14.15 (build 926)',
            received: 'sip:203.0.113.100:40000',
            socket: 'udp:192.0.2.100:5060',
            instance: '<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>',
          }),
        ),
      );
  };
  const before = bare.server.sharedHeap.usedBytes;
  fill(10_000);
  const used = bare.server.sharedHeap.usedBytes;
  assert.ok((used - before) / 10_000 < 700, `${(used - before) / 10_000} bytes`);
  for (let i = 0; i < 10_000; i++) now(table.deleteAor(`user${i}`));
  fill(10_000);
  assert.equal(bare.server.sharedHeap.usedBytes, used);
});

test('ul.dump of more than can be shown is a fault', async () => {
  const { ul, bare } = await start();
  const table = ul.domain('location');
  Object.defineProperty(table, 'contacts', { get: () => 100_001 });
  await assert.rejects(bare.server.rpc.call('ul.dump', []), {
    code: 500,
    message: '100001 contacts are too many to show',
  });
  assert.deepEqual(Object.keys((await bare.server.rpc.call('ul.dump', ['brief'])) as object), ['Domains']);
});

test('handle_lost_tcp: the contacts of a connection go with it', async () => {
  const { ul, bare } = await start([['handle_lost_tcp', 1]]);
  const table = ul.domain('location');
  const gone: string[] = [];
  ul.on('expire', (each) => gone.push(each.contact));
  edit(table, 'alice', (record) => {
    record.insert(contact(ul, 'sip:a', { tcpconnId: 7 }));
    record.insert(contact(ul, 'sip:b', { tcpconnId: 8 }));
    record.insert(contact(ul, 'sip:c'));
  });
  const rcv = { proto: 2, srcIp: '', srcPort: 0, dstIp: '', dstPort: 0, conId: 7 } as const;
  const [socket] = bare.server.transport.sockets;
  assert.ok(socket !== undefined);
  bare.server.hooks.connectionClosed.run({ conId: 7, reason: 'closed', rcv: { ...rcv, socket } });
  assert.deepEqual(gone, ['sip:a']);
  assert.deepEqual(uris(table.lookup('alice')), ['sip:b', 'sip:c']);
});

test('close_expired_tcp: a connection is closed when a contact that came over it expires', async () => {
  const { ul, bare, clock } = await start([
    ['close_expired_tcp', 1],
    ['timer_interval', 1],
  ]);
  const closed: number[] = [];
  Object.assign(bare.server, { connections: { end: (id: number) => closed.push(id) } });
  edit(ul.domain('location'), 'alice', (record) => {
    record.insert(contact(ul, 'sip:a', { tcpconnId: 7, expires: ul.nowSec() + 5 }));
    record.insert(contact(ul, 'sip:b', { tcpconnId: 8 }));
    record.insert(contact(ul, 'sip:c', { expires: ul.nowSec() + 5 }));
  });
  await clock.advanceAsync(7000);
  assert.deepEqual(closed, [7]);
  await bare.stop();
});

test('what a listener throws, or changes, does no harm to the edit', async () => {
  const { ul } = await start();
  const table = ul.domain('location');
  ul.on('insert', () => {
    throw new Error('bad listener');
  });
  const off = ul.on('insert', ({ contact: uri, aor }) => {
    if (uri === 'sip:a') edit(table, aor, (record) => record.insert(contact(ul, 'sip:from-listener', { q: 999 })));
  });
  edit(table, 'alice', (record) => {
    record.insert(contact(ul, 'sip:a'));
    record.insert(contact(ul, 'sip:b'));
    assert.equal(record.contacts.length, 3);
  });
  off();
  edit(table, 'alice', (record) => record.insert(contact(ul, 'sip:c')));
  assert.deepEqual(uris(table.lookup('alice')), ['sip:from-listener', 'sip:a', 'sip:b', 'sip:c']);
});
