import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { createSql, OWN_TABLES, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import {
  ANSWER,
  fromBob,
  inDialog,
  OFFER,
  SCRIPT,
  type Sides,
  talking,
  withB2b,
} from '../../test/support/b2b-world.ts';
import type { TestMsg } from '../../test/support/msg.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import type { B2buaApi } from './api.ts';
import type { Cdr } from './cdr.ts';
import type { FakeEngine } from './testdata/fake-engine/index.ts';

const SDP = 'application/sdp';

/** A world with a store that it may restart; the rows that are left are counted. */
async function withStore(
  use: (world: SipWorld, db: DatabaseSync) => Promise<void>,
  params = '',
  routes = SCRIPT,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-b2b-store-'));
  const file = join(folder, 'calls.sqlite');
  const db = new DatabaseSync(file);
  for (const table of [...STANDARD_TABLES.filter(({ name }) => name === 'version'), ...OWN_TABLES]) {
    for (const sql of createSql(table, 'sqlite')) db.exec(sql);
    db.prepare('INSERT INTO version (table_name, table_version) VALUES (?, ?)').run(table.name, table.version);
  }
  try {
    const store = `loadmodule "db_sqlite.so"\nmodparam("b2bua", "store", "sqlite://${file}")\n${params.replace('FILE', file)}`;
    await withB2b(
      async (world) => {
        await use(world, db);
        await world.passes(400_000);
        assert.equal(rowsOf(db).length, 0, 'calls left in the table');
      },
      { params: store },
      routes,
    );
  } finally {
    db.close();
    rmSync(folder, { recursive: true });
  }
}

function rowsOf(db: DatabaseSync): { readonly call_id: string; readonly state: string }[] {
  return db.prepare('SELECT * FROM b2b_call').all() as { call_id: string; state: string }[];
}

const apiOf = (world: SipWorld) => world.sim.api<B2buaApi>('b2bua');

async function hangsUp(world: SipWorld, ok: TestMsg, cseq = 9): Promise<void> {
  world.alice.sends(inDialog(world, 'BYE', ok, { cseq }));
  await world.alice.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
  world.bob.replies(await world.bob.receives('BYE'), 200);
}

/** alice's re-INVITE goes to bob, and his answer comes back. */
async function renegotiates(world: SipWorld, { ok }: Sides, cseq = 3): Promise<TestMsg> {
  world.alice.sends(inDialog(world, 'INVITE', ok, { cseq, body: OFFER.replace('a 1 1', 'a 1 2'), contentType: SDP }));
  const atBob = await world.bob.receives('INVITE');
  world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
  await world.alice.receives(200);
  world.alice.sends(inDialog(world, 'ACK', ok, { cseq }));
  await world.bob.receives('ACK');
  return atBob;
}

describe('restart with a store', () => {
  test('a call goes on: re-INVITE from one side, INFO from the other, BYE; numbers and tags are right', async () => {
    await withStore(async (world, db) => {
      const sides = await talking(world);
      await world.passes(2000);
      assert.equal(rowsOf(db).length, 1);
      await world.restarts(5000);
      assert.equal(apiOf(world).callCount, 1);
      const again = await renegotiates(world, sides);
      assert.equal(again.get('Call-ID'), sides.atBob.get('Call-ID'));
      assert.equal(again.param('From', 'tag'), sides.atBob.param('From', 'tag'));
      assert.equal(again.param('To', 'tag'), 'bob-tag');
      assert.ok(again.cseqNumber > sides.atBob.cseqNumber);
      assert.equal(again.body, OFFER.replace('a 1 1', 'a 1 2'));
      world.bob.sends(fromBob(world, 'INFO', sides.atBob, { cseq: 7 }));
      world.alice.replies(await world.alice.receives('INFO'), 200);
      await world.bob.receives((msg) => msg.status === 200 && msg.cseqMethod === 'INFO');
      await hangsUp(world, sides.ok);
      await world.passes(2000);
      assert.equal(rowsOf(db).length, 0);
    });
  });

  test('BYE of the callee first; a second restart finds the call as it was left', async () => {
    await withStore(async (world) => {
      const sides = await talking(world);
      await world.restarts();
      await renegotiates(world, sides);
      await world.restarts();
      await renegotiates(world, sides, 5);
      world.bob.sends(fromBob(world, 'BYE', sides.atBob, { cseq: 8 }));
      await world.bob.receives((msg) => msg.status === 200 && msg.cseqMethod === 'BYE');
      world.alice.replies(await world.alice.receives('BYE'), 200);
    });
  });

  test('the CDR tells of the whole call, once; one that rang ends with the server', async () => {
    await withStore(
      async (world, db) => {
        const begun = world.clock.wall();
        const { ok } = await talking(world);
        world.calls('sip:bob@10.0.0.1', { callId: 'rings' });
        world.bob.replies(await world.bob.receives('INVITE'), 180);
        await world.passes(3000);
        await world.restarts(10_000);
        await world.passes(7000);
        await hangsUp(world, ok);
        await world.passes(2000);
        const cdrs = (db.prepare('SELECT cdr FROM b2b_cdr').all() as { cdr: string }[]).map(
          ({ cdr }) => JSON.parse(cdr) as Cdr,
        );
        assert.deepEqual(
          cdrs.map(({ cause }) => cause),
          ['server stopped', 'bye'],
        );
        const cdr = cdrs[1] ?? assert.fail();
        assert.ok(cdr.duration >= 20 && cdr.duration < 21, `${cdr.duration}`);
        assert.ok(Math.abs(Date.parse(cdr.start) - begun) < 1000, cdr.start);
        assert.equal(cdr.caller, 'sip:alice@example.org');
        assert.equal(cdr.legs.length, 2);
        assert.deepEqual(cdr.vars, { tariff: 7 });
        world.bob.inbox.length = 0;
      },
      'modparam("b2bua", "cdr_sink", "sqlite://FILE")',
      'request_route { b2b_call("sip:bob@10.0.2.1"); exit; } event_route[b2bua:new] { $b2b_ctx(tariff) = 7; }',
    );
  });

  test('limit slots are taken again, and given back with the call', async () => {
    const limited =
      'request_route { if (!b2b_limit("user", 1, "$fU")) { b2b_reject(486); exit; } b2b_call("sip:bob@10.0.2.1"); exit; }';
    await withStore(
      async (world) => {
        const { ok } = await talking(world);
        await world.restarts();
        assert.equal(apiOf(world).slotCount, 2);
        assert.equal((await world.final(world.calls('sip:bob@10.0.0.1', { callId: 'second' }))).status, 486);
        await hangsUp(world, ok);
        await world.passes(1000);
        assert.equal(apiOf(world).slotCount, 0);
      },
      '',
      limited,
    );
  });

  test('session timers: we go on to refresh, and end it when nobody refreshes', async () => {
    const params = 'modparam("b2bua", "default_timer", "both")\nmodparam("b2bua", "session_expires", 120)';
    await withStore(async (world) => {
      await talking(world);
      await world.passes(20_000);
      await world.restarts();
      for (const peer of [world.alice, world.bob]) {
        const refresh = await peer.receives('INVITE', 45_000);
        peer.replies(refresh, 200, { body: peer === world.alice ? OFFER : ANSWER, contentType: SDP });
        await peer.receives('ACK');
      }
      for (const peer of [world.alice, world.bob]) peer.replies(await peer.receives('INVITE', 70_000), 481);
      for (const peer of [world.alice, world.bob]) peer.replies(await peer.receives('BYE', 10_000), 200);
    }, params);
  });

  test('b2b_max_duration counts on, over the time that the server was away', async () => {
    await withStore(
      async (world) => {
        await talking(world);
        await world.passes(20_000);
        await world.restarts(30_000);
        const begun = world.clock.now();
        for (const peer of [world.alice, world.bob]) peer.replies(await peer.receives('BYE', 60_000), 200);
        assert.ok(world.clock.now() - begun < 12_000);
      },
      '',
      'request_route { b2b_call("sip:bob@10.0.2.1"); exit; } event_route[b2bua:confirmed] { b2b_max_duration(60); }',
    );
  });

  test('media: the engine is asked about the same call, and told of its end', async () => {
    const engine = join(import.meta.dirname, 'testdata/fake-engine/index.ts');
    const params = `loadmodule "${engine}"\nmodparam("b2bua", "media_module", "fake_engine")`;
    await withStore(async (world) => {
      const { ok } = await talking(world);
      await world.restarts();
      const engineNow = world.sim.server.modules.api('fake_engine') as FakeEngine;
      await hangsUp(world, ok);
      await world.passes(100);
      assert.deepEqual(engineNow.asked, ['delete']);
    }, params);
  });

  test('a parked call stays in its slot: taken by another caller, and given back when its time is up', async () => {
    const script = `request_route {
        if ($rU == "get") { if (!b2b_unpark("7")) b2b_reject(404); exit; }
        b2b_call("sip:bob@10.0.2.1"); exit;
      }
      event_route[b2bua:request] { if (is_method("INFO")) { b2b_reply(200); b2b_park("7"); drop; } }`;
    for (const isTaken of [true, false])
      await withStore(
        async (world) => {
          const { ok, atBob } = await talking(world);
          world.bob.sends(fromBob(world, 'INFO', atBob, { cseq: 5 }));
          await world.bob.receives((msg) => msg.status === 200 && msg.cseqMethod === 'INFO');
          world.bob.replies(await world.bob.receives('BYE'), 200);
          world.alice.replies(await world.alice.receives('INVITE'), 200, { body: OFFER, contentType: SDP });
          await world.alice.receives('ACK');
          await world.restarts();
          if (!isTaken) {
            const back = await world.bob.receives('INVITE', 70_000);
            world.bob.replies(back, 486);
            await world.bob.receives('ACK');
          } else {
            world.carol.sends(world.carol.request('INVITE', 'sip:get@10.0.0.1', { body: ANSWER, contentType: SDP }));
            const reinvite = await world.alice.receives('INVITE');
            world.alice.replies(reinvite, 200, { body: OFFER, contentType: SDP });
            const taken = await world.carol.receives(200);
            world.carol.sends(
              world.carol.request('ACK', /<([^>]*)>/.exec(taken.get('Contact') ?? '')?.[1] ?? '', {
                callId: taken.get('Call-ID') ?? '',
                to: (taken.get('To') ?? '').replace(/;tag=.*/, ''),
                toTag: taken.param('To', 'tag') ?? '',
              }),
            );
            await world.alice.receives('ACK');
            world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 9 }));
            world.carol.replies(await world.carol.receives('BYE'), 200);
            return;
          }
          world.alice.replies(await world.alice.receives('BYE'), 200);
        },
        '',
        script,
      );
  });

  test('bytes that are no text survive; a row that can not be read is left alone', async () => {
    await withStore(async (world, db) => {
      world.sim.log.level = 3;
      const invite = world.calls('sip:bob@10.0.0.1', { headers: { Subject: 'caf\xe9 \xff\x01' } });
      assert.ok(invite.includes('\xff'));
      const atBob = await world.bob.receives('INVITE');
      world.bob.replies(atBob, 200, { body: ANSWER, contentType: SDP });
      const ok = await world.alice.receives(200);
      world.alice.sends(inDialog(world, 'ACK', ok, { cseq: 1, body: OFFER, contentType: SDP }));
      await world.bob.receives('ACK');
      await world.passes(2000);
      db.exec("INSERT INTO b2b_call (call_id, start_time, state) VALUES ('broken', 1, '{')");
      await world.restarts();
      const [call] = apiOf(world).calls();
      assert.ok(call?.request?.buf.includes('caf\xe9 \xff\x01'));
      db.exec("DELETE FROM b2b_call WHERE call_id = 'broken'");
      await hangsUp(world, ok);
    });
  });

  test('a database that is away: calls go on, and are written when it is back', async () => {
    await withStore(async (world, db) => {
      world.sim.log.level = 3;
      db.exec('ALTER TABLE b2b_call RENAME TO away');
      const sides = await talking(world);
      await world.passes(3000);
      db.exec('ALTER TABLE away RENAME TO b2b_call');
      await world.passes(3000);
      assert.equal(rowsOf(db).length, 1);
      await hangsUp(world, sides.ok);
    });
  });
});
