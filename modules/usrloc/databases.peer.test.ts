import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { createTables, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import type { ModuleDef } from '../../core/module/define-module.ts';
import { XavpList } from '../../core/pv/msg-vars.ts';
import { RealClock } from '../../core/timer/real-clock.ts';
import { BareServer } from '../../test/support/bare-server.ts';
import { DatabaseServer } from '../../test/support/database.ts';
import { skipWithout } from '../../test/support/peers.ts';
import mysql from '../db_mysql/index.ts';
import postgres from '../db_postgres/index.ts';
import type { Ucontact, UcontactInfo } from './api.ts';
import usrloc from './index.ts';
import type { Usrloc } from './usrloc.ts';

interface Case {
  readonly kind: 'postgres' | 'mariadb';
  readonly module: ModuleDef<never>;
  readonly params: readonly (readonly [string, string | number])[];
  readonly admin: string;
}

const CASES: readonly Case[] = [
  { kind: 'postgres', module: postgres as unknown as ModuleDef<never>, params: [['timeout', 2]], admin: 'postgres' },
  { kind: 'mariadb', module: mysql as unknown as ModuleDef<never>, params: [['timeout_interval', 2]], admin: 'mysql' },
];

let contacts = 0;

for (const { kind, module, params, admin } of CASES) {
  suite(`contacts in ${kind}`, {
    skip: skipWithout(kind === 'postgres' ? 'postgres' : 'mariadbd'),
    timeout: 120_000,
  }, () => {
    let database: DatabaseServer;

    async function start(mode: number): Promise<{ bare: BareServer; ul: Usrloc }> {
      const bare = new BareServer({ clock: new RealClock() });
      await bare.load(module, params);
      const ul = await bare.load(usrloc, [
        ['db_url', database.url('sip')],
        ['db_mode', mode],
        ['use_domain', 1],
        ['preload', 'location'],
        ['xavp_contact', 'ulattrs'],
      ]);
      return { bare, ul };
    }

    async function stop({ bare }: { bare: BareServer }): Promise<void> {
      await bare.stop();
      bare.server.wheel.close();
    }

    before(async () => {
      database = await DatabaseServer.start(kind);
      const bare = new BareServer({ clock: new RealClock() });
      await bare.load(module, params);
      const root = await bare.server.db.open(database.url(admin));
      await root.raw('CREATE DATABASE sip');
      await root.close();
      const db = await bare.server.db.open(database.url('sip'));
      await createTables(db, kind === 'postgres' ? 'postgres' : 'mysql', STANDARD_TABLES);
      await db.close();
      await stop({ bare });
    });
    after(async () => {
      await database?.stop();
    });

    for (const mode of [1, 2, 3])
      test(`db_mode ${mode}: contacts survive a restart, field by field; what is deleted does not`, async () => {
        const first = await start(mode);
        const table = first.ul.domain('location');
        const attrs = new XavpList();
        attrs.push('a', "x'y");
        const info = contact(first.ul, { xavp: attrs });
        const aor = `alice${mode}@example.org`;
        const made = await table.edit(aor, (record) => record.insert(info));
        await table.edit(`gone${mode}@example.org`, (record) => record.insert(contact(first.ul)));
        await first.ul.flush();
        await table.edit(aor, (record) => {
          const [known] = record.contacts;
          assert.ok(known !== undefined);
          record.update(known, { ...info, cseq: 78 });
        });
        assert.equal(await table.deleteAor(`gone${mode}@example.org`), 1);
        await stop(first);
        const again = await start(mode);
        const [found] = await again.ul.domain('location').lookup(aor);
        assert.ok(found !== undefined);
        const { xavp: _xavp, ...wanted } = { ...info, cseq: 78, ruid: made.ruid, lastModified: made.lastModified };
        for (const [name, value] of Object.entries(wanted)) {
          // Times are whole seconds; the second of the change may be the next one.
          if (name === 'lastModified') assert.ok(Math.abs(found.lastModified - Number(value)) <= 2);
          else if (name !== 'tcpconnId') assert.equal(found[name as keyof Ucontact], value, name);
        }
        assert.deepEqual(found.xavp?.items, [{ name: 'a', value: "x'y" }]);
        assert.deepEqual(await again.ul.domain('location').lookup(`gone${mode}@example.org`), []);
        await stop(again);
      });

    test('write-back goes on when the database is back after a crash', async () => {
      const world = await start(2);
      const table = world.ul.domain('location');
      await table.edit('before@example.org', (record) => record.insert(contact(world.ul)));
      await world.ul.flush();
      await database.crash();
      await table.edit('during@example.org', (record) => record.insert(contact(world.ul)));
      await table.deleteAor('before@example.org');
      await world.ul.flush();
      assert.ok(world.bare.logged.some((line) => line.includes('can not be written')));
      await database.resume();
      await stop(world);
      const again = await start(2);
      assert.equal((await again.ul.domain('location').lookup('during@example.org')).length, 1);
      assert.deepEqual(await again.ul.domain('location').lookup('before@example.org'), []);
      await stop(again);
    });
  });
}

function contact(ul: Usrloc, more: Partial<UcontactInfo> = {}): UcontactInfo {
  return {
    contact: "sip:o'neil@192.0.2.1:5060;x=\\",
    expires: ul.nowSec() + 3600,
    q: 700,
    callid: 'call',
    cseq: 77,
    flags: 2,
    cflags: 0x80000040,
    userAgent: 'phone',
    received: 'sip:192.0.2.1:1024',
    path: '<sip:edge.example.org;lr>',
    socket: 'udp:10.0.0.1:5060',
    methods: 0x1fff,
    instance: '<urn:uuid:1>',
    regId: 2,
    tcpconnId: 0,
    keepalive: 1,
    xavp: null,
    // Servers of one test draw the same random numbers.
    ruid: `uloc-test-${++contacts}`,
    ...more,
  };
}
