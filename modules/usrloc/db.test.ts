import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { MsgVars, XavpList } from '../../core/pv/msg-vars.ts';
import { VirtualClock } from '../../core/timer/virtual-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { contactInfo } from '../../test/support/contact-info.ts';
import { makeLocationTables, rowsOf } from '../../test/support/location-tables.ts';
import sqlite from '../db_sqlite/index.ts';
import { type Ucontact, type UcontactInfo, UL_FLAG } from './api.ts';
import usrloc from './index.ts';
import type { Usrloc } from './usrloc.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-usrloc-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

type Params = readonly (readonly [name: string, value: string | number])[];

interface World {
  readonly file: string;
  readonly clock: VirtualClock;
  readonly bare: BareServer;
  readonly ul: Usrloc;
}

/** A server with the table `location`; a new file where none is given. */
async function start(params: Params, file = newFile(), clock = new VirtualClock()): Promise<World> {
  const bare = new BareServer({ clock, settings: { server_id: 3 } });
  await bare.load(sqlite);
  const ul = await bare.load(usrloc, [['db_url', `sqlite://${file}`], ['preload', 'location'], ...params]);
  return { file, clock, bare, ul };
}

function newFile(change = ''): string {
  const file = join(folder, `${++files}.db`);
  makeLocationTables(file, change);
  return file;
}

function contact(ul: Usrloc, uri: string, more: Partial<UcontactInfo> = {}): UcontactInfo {
  return contactInfo(uri, ul.nowSec(), more);
}

async function add(ul: Usrloc, aor: string, uri: string, more: Partial<UcontactInfo> = {}): Promise<Ucontact> {
  return await ul.domain('location').edit(aor, (record) => record.insert(contact(ul, uri, more)));
}

/** Refreshes the only contact of an AOR. */
async function refresh(ul: Usrloc, aor: string, cseq: number): Promise<void> {
  await ul.domain('location').edit(aor, (record) => {
    const [first] = record.contacts;
    assert.ok(first !== undefined);
    record.update(first, contact(ul, first.contact, { cseq }));
  });
}

const rows = (file: string, columns = 'username, contact, cseq'): string[] =>
  rowsOf(file, `SELECT ${columns} FROM location ORDER BY id`).map((row) => Object.values(row).join(' '));

/** Lets the timer run and the database answer, which takes time of its own. */
async function pass(world: World, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    await world.clock.advanceAsync(Math.min(1000, left));
    await world.ul.settled();
  }
}

const FULL: Partial<UcontactInfo> = {
  q: 700,
  cseq: 77,
  flags: 2,
  cflags: 0x80000040,
  received: 'sip:192.0.2.1:1024',
  path: '<sip:edge.example.org;lr>',
  socket: 'udp:10.0.0.1:5060',
  methods: 31,
  instance: '<urn:uuid:1>',
  regId: 2,
  serverId: 3,
  keepalive: 1,
};

for (const mode of [1, 2, 3])
  test(`db_mode ${mode}: what is registered is in the table as Kamailio has it, and is there after a restart`, async () => {
    const vars = new MsgVars();
    const attrs = new XavpList();
    attrs.push('a', "x'y");
    attrs.push('b', 7);
    vars.xavps.push('ulattrs', attrs);
    const params: Params = [
      ['db_mode', mode],
      ['use_domain', 1],
      ['xavp_contact', 'ulattrs'],
      ['timer_interval', 1],
    ];
    const world = await start(params);
    const { ul, file } = world;
    const made = await add(ul, 'alice@example.org', 'sip:alice@10.0.0.9', { ...FULL, tcpconnId: 5, xavp: attrs });
    await add(ul, "o'neil@example.org", 'sip:b');
    if (mode === 2) await pass(world, 1000);
    const [row] = rowsOf(file, "SELECT * FROM location WHERE username = 'alice'");
    const { expires, last_modified, partition, ...fields } = row ?? {};
    assert.deepEqual(
      { ...fields },
      {
        id: 1,
        ruid: made.ruid,
        username: 'alice',
        domain: 'example.org',
        contact: 'sip:alice@10.0.0.9',
        received: 'sip:192.0.2.1:1024',
        path: '<sip:edge.example.org;lr>',
        q: 0.7,
        callid: 'call',
        cseq: 77,
        flags: 2,
        cflags: -0x7fffffc0,
        user_agent: 'phone',
        socket: 'udp:10.0.0.1:5060',
        methods: 31,
        instance: '<urn:uuid:1>',
        reg_id: 2,
        server_id: 3,
        connection_id: 5,
        keepalive: 1,
      },
    );
    assert.ok(Number(partition) >= 0);
    assert.ok(Math.abs((Number(expires) - Number(last_modified)) * 86_400 - 3600) < 0.01);
    const [bare] = rowsOf(
      file,
      "SELECT domain, received, path, methods, instance, q FROM location WHERE username = 'o''neil'",
    );
    assert.deepEqual(
      { ...bare },
      { domain: 'example.org', received: null, path: null, methods: null, instance: null, q: -1 },
    );
    assert.deepEqual(
      rowsOf(file, 'SELECT ruid, username, domain, aname, atype, avalue FROM location_attrs ORDER BY id').map((each) =>
        Object.values(each).join(' '),
      ),
      [`${made.ruid} alice example.org b 1 7`, `${made.ruid} alice example.org a 0 x'y`],
    );
    await world.bare.stop();
    const again = await start(params, file, world.clock);
    const [found] = await again.ul.domain('location').lookup('alice@example.org');
    assert.ok(found !== undefined);
    const { xavp: _xavp, ...wanted } = { ...contact(ul, 'sip:alice@10.0.0.9', FULL), tcpconnId: mode === 3 ? 5 : -1 };
    for (const [name, value] of Object.entries(wanted))
      if (name !== 'expires') assert.equal(found[name as keyof Ucontact], value, name);
    assert.equal(found.ruid, made.ruid);
    assert.equal(found.expires, made.expires);
    assert.deepEqual(
      found.xavp?.items.map(({ name, value }) => `${name}=${value instanceof XavpList ? '' : value}`),
      ['b=7', "a=x'y"],
    );
    await again.bare.stop();
  });

test('db_mode 1: each change is in the table when the edit is over', async () => {
  const { ul, file, bare } = await start([['db_mode', 1]]);
  await add(ul, 'alice', 'sip:a');
  assert.deepEqual(rows(file), ['alice sip:a 1']);
  await refresh(ul, 'alice', 2);
  assert.deepEqual(rows(file), ['alice sip:a 2']);
  assert.equal(await ul.domain('location').deleteAor('alice'), 1);
  assert.deepEqual(rows(file), []);
  await bare.stop();
});

test('db_mode 2: the timer writes new, changed and deleted contacts; the end of the server writes the rest', async () => {
  const world = await start([
    ['db_mode', 2],
    ['timer_interval', 2],
  ]);
  const { ul, file, bare } = world;
  for (const aor of ['alice', 'bob', 'carol']) await add(ul, aor, `sip:${aor}`);
  assert.deepEqual(rows(file), []);
  await pass(world, 2000);
  assert.deepEqual(rows(file).toSorted(), ['alice sip:alice 1', 'bob sip:bob 1', 'carol sip:carol 1']);
  await refresh(ul, 'bob', 5);
  await ul.domain('location').deleteAor('carol');
  assert.deepEqual(await ul.domain('location').lookup('carol'), []);
  assert.equal(rows(file).length, 3);
  await pass(world, 2000);
  assert.deepEqual(rows(file).toSorted(), ['alice sip:alice 1', 'bob sip:bob 5']);
  assert.equal(ul.domain('location').contacts, 2);
  await refresh(ul, 'alice', 9);
  await add(ul, 'dave', 'sip:dave');
  await add(ul, 'eve', 'sip:eve');
  await ul.domain('location').deleteAor('eve');
  await bare.stop();
  assert.deepEqual(rows(file).toSorted(), ['alice sip:alice 9', 'bob sip:bob 5', 'dave sip:dave 1']);
});

for (const mode of [1, 2])
  test(`db_mode ${mode}: a contact for the memory only is not written`, async () => {
    const world = await start([
      ['db_mode', mode],
      ['timer_interval', 1],
    ]);
    await add(world.ul, 'alice', 'sip:a', { flags: UL_FLAG.MEMORY_ONLY });
    await pass(world, 2000);
    await world.bare.stop();
    assert.deepEqual(rows(world.file), []);
  });

test('db_mode 2: what has expired leaves memory and table', async () => {
  const world = await start([
    ['db_mode', 2],
    ['timer_interval', 3],
  ]);
  const { ul, file, bare } = world;
  await add(ul, 'alice', 'sip:a', { expires: ul.nowSec() + 10 });
  await add(ul, 'bob', 'sip:b', { expires: 0 });
  await pass(world, 3000);
  assert.equal(rows(file).length, 2);
  await pass(world, 10_000);
  assert.deepEqual(rows(file), ['bob sip:b 1']);
  assert.equal(ul.domain('location').contacts, 1);
  await bare.stop();
  const again = await start([['db_mode', 2]], file, world.clock);
  assert.deepEqual(
    (await again.ul.domain('location').lookup('bob')).map(({ expires }) => expires),
    [0],
  );
  await again.bare.stop();
});

test('a row that the database refuses does not keep the others out', async () => {
  const world = await start(
    [
      ['db_mode', 2],
      ['timer_interval', 1],
    ],
    newFile(
      "CREATE TRIGGER refuse BEFORE INSERT ON location WHEN new.username = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
    ),
  );
  const { ul, file, bare } = world;
  for (const aor of ['alice', 'bad', 'bob']) await add(ul, aor, `sip:${aor}`);
  await pass(world, 1000);
  assert.deepEqual(rows(file).toSorted(), ['alice sip:alice 1', 'bob sip:bob 1']);
  assert.ok(bare.logged.some((line) => line.startsWith('ERR') && line.includes('of bad is refused')));
  await bare.stop();
});

test('a database that goes away: write-back keeps what is to be written until it is back', async () => {
  const world = await start([
    ['db_mode', 2],
    ['timer_interval', 1],
  ]);
  const { ul, file, bare } = world;
  await add(ul, 'alice', 'sip:a');
  await pass(world, 1000);
  await ul.domain('location').deleteAor('alice');
  await add(ul, 'bob', 'sip:b');
  const db = await ul.database.get();
  const { transaction } = db;
  db.transaction = () => Promise.reject(Object.assign(new Error('gone'), { code: 'DB_CLOSED' }));
  await pass(world, 3000);
  assert.deepEqual(rows(file), ['alice sip:a 1']);
  assert.ok(bare.logged.some((line) => line.includes('can not be written: gone')));
  db.transaction = transaction;
  await pass(world, 1000);
  assert.deepEqual(rows(file), ['bob sip:b 1']);
  await bare.stop();
});

test('db_mode 1: an edit whose rows can not be written rejects; the timer writes them later', async () => {
  const world = await start([
    ['db_mode', 1],
    ['timer_interval', 1],
  ]);
  const { ul, file, bare } = world;
  const db = await ul.database.get();
  const { insert } = db;
  db.insert = () => Promise.reject(Object.assign(new Error('gone'), { code: 'DB_CLOSED' }));
  await assert.rejects(add(ul, 'alice', 'sip:a'), /gone/);
  assert.equal((await ul.domain('location').lookup('alice')).length, 1);
  db.insert = insert;
  await pass(world, 1000);
  assert.deepEqual(rows(file), ['alice sip:a 1']);
  await bare.stop();
});

test('db_mode 3: edits of one AOR at the same time lose nothing; expired rows go after rm_expired_delay', async () => {
  const world = await start([
    ['db_mode', 3],
    ['timer_interval', 1],
    ['rm_expired_delay', 5],
  ]);
  const { ul, file, bare } = world;
  const gone: string[] = [];
  ul.on('expire', (each) => gone.push(each.contact));
  await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      add(ul, 'alice', `sip:${i}`, { q: i * 10, expires: ul.nowSec() + (i < 5 ? 10 : 1000) }),
    ),
  );
  const found = await ul.domain('location').lookup('alice');
  assert.deepEqual(
    found.map(({ q }) => q),
    Array.from({ length: 20 }, (_, i) => (19 - i) * 10),
  );
  const visited: string[] = [];
  for (let part = 0; part < 7; part++)
    await ul.domain('location').each((each) => void visited.push(each.contact), { part, parts: 7 });
  assert.equal(new Set(visited).size, 20);
  assert.equal(visited.length, 20);
  await pass(world, 12_000);
  assert.equal(rows(file).length, 20);
  assert.equal((await ul.domain('location').lookup('alice')).length, 15);
  await pass(world, 6000);
  assert.equal(rows(file).length, 15);
  assert.deepEqual(gone.toSorted(), ['sip:0', 'sip:1', 'sip:2', 'sip:3', 'sip:4']);
  const one = found[0];
  assert.ok(one !== undefined);
  assert.equal((await ul.domain('location').byRuid(one.ruid))?.contact, 'sip:19');
  assert.equal(await ul.domain('location').deleteByRuid(one.ruid), true);
  assert.equal(await ul.domain('location').deleteByRuid(one.ruid), false);
  assert.equal(rows(file).length, 14);
  await bare.stop();
});

test('db_mode 4 reads and never writes', async () => {
  const first = await start([['db_mode', 1]]);
  await add(first.ul, 'alice', 'sip:a');
  await first.bare.stop();
  // Another second of start: other ruids.
  first.clock.advance(1000);
  const world = await start(
    [
      ['db_mode', 4],
      ['db_load', 0],
      ['timer_interval', 1],
    ],
    first.file,
    first.clock,
  );
  assert.equal((await world.ul.domain('location').lookup('alice')).length, 1);
  await add(world.ul, 'bob', 'sip:b');
  await world.ul.domain('location').deleteAor('alice');
  await pass(world, 2000);
  await world.bare.stop();
  assert.deepEqual(rows(first.file), ['alice sip:a 1']);
});

test('at start: pages of fetch_rows, and what db_load, server_id_filter, db_clean_tcp and skip_remote_socket leave out', async () => {
  const first = await start([['db_mode', 1]]);
  const { ul, file, clock } = first;
  for (let i = 0; i < 25; i++) await add(ul, `user${i}`, `sip:${i}`);
  await add(ul, 'other', 'sip:o', { serverId: 9 });
  await add(ul, 'tcp', 'sip:t;transport=tcp', { socket: 'tcp:127.0.0.1:5060' });
  await add(ul, 'far', 'sip:f', { socket: 'udp:192.0.2.9:5060' });
  await add(ul, 'old', 'sip:old', { expires: ul.nowSec() + 1 });
  await first.bare.stop();
  clock.advance(2000);
  const users = async (params: Params): Promise<number> => {
    const world = await start([['db_mode', 1], ['fetch_rows', 7], ...params], file, clock);
    const { users: count } = world.ul.domain('location');
    await world.bare.stop();
    return count;
  };
  assert.equal(await users([['db_load', 0]]), 0);
  assert.equal(await users([]), 28);
  assert.equal(rows(file).length, 28);
  assert.equal(await users([['server_id_filter', 1]]), 27);
  assert.equal(await users([['skip_remote_socket', 1]]), 26);
  assert.equal(await users([['db_clean_tcp', 1]]), 27);
  assert.equal(rows(file).length, 27);
});

test('a table that is named while the server runs is read then', async () => {
  const first = await start([['db_mode', 1]]);
  await add(first.ul, 'alice', 'sip:a');
  await first.bare.stop();
  const bare = new BareServer({ clock: first.clock });
  await bare.load(sqlite);
  const ul = await bare.load(usrloc, [
    ['db_url', `sqlite://${first.file}`],
    ['db_mode', 2],
  ]);
  assert.equal(ul.domains().length, 0);
  const table = ul.domain('location');
  while (table.contacts === 0) await (await ul.database.get()).raw('SELECT 1');
  assert.deepEqual(
    (await table.lookup('alice')).map(({ contact: uri }) => uri),
    ['sip:a'],
  );
  await bare.stop();
});

test('a table of another version, or none, ends the start', async () => {
  const file = newFile("UPDATE version SET table_version = 8 WHERE table_name = 'location'");
  await assert.rejects(start([['db_mode', 2]], file), /location has version 8, needed is version 9/);
  const world = await start(
    [
      ['db_mode', 2],
      ['version_table', 0],
    ],
    file,
  );
  await world.bare.stop();
});

test('db_insert_update, db_update_as_insert, db_check_update, db_insert_null, expires_type, db_timer_clean', async () => {
  const clock = new VirtualClock();
  const world = await start(
    [
      ['db_mode', 1],
      ['db_insert_update', 1],
      ['db_check_update', 1],
      ['db_insert_null', 1],
      ['expires_type', 1],
      ['db_timer_clean', 1],
      ['timer_interval', 1],
    ],
    newFile(),
    clock,
  );
  const { ul, file, bare } = world;
  await add(ul, 'alice', 'sip:a', { ruid: 'uloc-1' });
  assert.equal(rowsOf(file, 'SELECT expires FROM location')[0]?.['expires'], ul.nowSec() + 3600);
  const direct = new DatabaseSync(file);
  direct.exec('DELETE FROM location');
  await refresh(ul, 'alice', 2);
  assert.deepEqual(rows(file), ['alice sip:a 2']);
  direct.exec(`INSERT INTO location (ruid, username, expires) VALUES ('x', 'stale', ${ul.nowSec() - 5})`);
  direct.close();
  await pass(world, 1000);
  assert.deepEqual(rows(file), ['alice sip:a 2']);
  await bare.stop();
});

test('ul.db_users, ul.db_contacts, ul.db_expired_contacts', async () => {
  const world = await start([['db_mode', 1]]);
  const { ul, bare, clock } = world;
  await add(ul, 'alice', 'sip:a', { expires: 0 });
  await add(ul, 'alice', 'sip:b');
  await add(ul, 'bob', 'sip:c');
  await add(ul, 'carol', 'sip:d', { expires: ul.nowSec() + 1 });
  clock.advance(900);
  clock.jumpWall(1000);
  const ask = (name: string, table = 'location'): Promise<unknown> => bare.server.rpc.call(name, [table]);
  assert.deepEqual(
    [await ask('ul.db_users'), await ask('ul.db_contacts'), await ask('ul.db_expired_contacts')],
    [2, 3, 1],
  );
  await assert.rejects(ask('ul.db_users', 'nope'), { code: 500, message: 'Failed to query AoR count' });
  await assert.rejects(bare.server.rpc.call('ul.db_users', []), { message: 'Not enough parameters (table to lookup)' });
  await bare.stop();
});
