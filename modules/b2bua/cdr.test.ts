import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import { createSql, OWN_TABLES, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import { ANSWER, inDialog, OFFER, talking, withB2b } from '../../test/support/b2b-world.ts';
import type { SipWorld } from '../../test/support/sip-world.ts';
import type { Cdr } from './cdr.ts';

const TO_LOG = { params: 'modparam("b2bua", "cdr_sink", "log")' };

/** What the log has of calls. */
function cdrsOf(world: SipWorld): Cdr[] {
  return world.sim.log.lines.flatMap((line) => {
    const at = line.indexOf('CDR {');
    return at < 0 ? [] : [JSON.parse(line.slice(at + 4)) as Cdr];
  });
}

/** Runs a call, and gives its only CDR. */
async function cdrOf(way: (world: SipWorld) => Promise<void>, routes?: string): Promise<Cdr> {
  let cdrs: Cdr[] = [];
  await withB2b(
    async (world) => {
      world.sim.log.level = 3;
      await way(world);
      await world.passes(400_000);
      cdrs = cdrsOf(world);
    },
    TO_LOG,
    routes,
  );
  assert.equal(cdrs.length, 1, 'one record of a call');
  return cdrs[0] as Cdr;
}

describe('CDR: one of each call', () => {
  test('of one that was answered: times, both legs, what the script kept', async () => {
    const cdr = await cdrOf(async (world) => {
      const { ok } = await talking(world);
      await world.passes(60_000);
      world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
      world.bob.replies(await world.bob.receives('BYE'), 200);
    }, `request_route { $ru = "sip:bob@10.0.2.1"; b2b_limit("x", 5); $b2b_ctx(account) = "acme"; b2b_call(); exit; }`);
    assert.equal(cdr.status, 200);
    assert.equal(cdr.cause, 'bye');
    assert.equal(cdr.caller, 'sip:alice@example.org');
    assert.equal(cdr.ruri, 'sip:bob@10.0.0.1');
    assert.ok(cdr.duration >= 60 && cdr.duration < 61);
    assert.ok(cdr.setup_ms > 0);
    assert.deepEqual(cdr.vars, { account: 'acme' });
    assert.deepEqual(
      cdr.legs.map(({ dir, status, answer, end }) => [dir, status, answer !== null, end !== null]),
      [
        ['in', 200, true, true],
        ['out', 200, true, true],
      ],
    );
    assert.ok(cdr.start < (cdr.answer ?? '') && (cdr.answer ?? '') < cdr.end);
  });

  const ways: Readonly<Record<string, readonly [number, RegExp, (world: SipWorld) => Promise<void>]>> = {
    'that was refused': [
      486,
      /^486/,
      async (world) => {
        const invite = world.calls();
        world.bob.replies(await world.bob.receives('INVITE'), 486);
        await world.final(invite);
      },
    ],
    'that was cancelled': [
      487,
      /^cancelled/,
      async (world) => {
        const invite = world.calls();
        const atBob = await world.bob.receives('INVITE');
        world.bob.replies(atBob, 180);
        world.alice.sends(world.cancelOf(invite));
        await world.final(invite);
        world.bob.replies(await world.bob.receives('CANCEL'), 200);
        world.bob.replies(atBob, 487);
      },
    ],
    'that nobody answered': [408, /^408/, async (world) => void (await world.final(world.calls()))],
    'whose caller never acknowledged': [
      200,
      /^no ACK/,
      async (world) => {
        world.calls('sip:bob@10.0.0.1', { body: OFFER, contentType: 'application/sdp' });
        world.bob.replies(await world.bob.receives('INVITE'), 200, { body: ANSWER, contentType: 'application/sdp' });
        await world.alice.receives('BYE', 60_000);
      },
    ],
    'that was ended by RPC': [
      200,
      /^SIP;cause=200/,
      async (world) => {
        await talking(world);
        const [call] = (await world.sim.server.rpc.call('b2bua.list', [])) as unknown as { id: string }[];
        await world.sim.server.rpc.call('b2bua.end', [call?.id ?? '', 'SIP;cause=200;text="operator"']);
        const bye = await world.alice.receives('BYE');
        assert.equal(bye.get('Reason'), 'SIP;cause=200;text="operator"');
        world.alice.replies(bye, 200);
        world.bob.replies(await world.bob.receives('BYE'), 200);
      },
    ],
  };
  for (const [name, [status, cause, way]] of Object.entries(ways))
    test(`of one ${name}`, async () => {
      const cdr = await cdrOf(way);
      assert.equal(cdr.status, status);
      assert.match(cdr.cause, cause);
      if (status !== 200) assert.equal(cdr.answer, null);
    });

  test('of one that is beyond a limit', async () => {
    const cdr = await cdrOf(
      async (world) => void (await world.final(world.calls())),
      'request_route { b2b_limit("none", 0); b2b_reject(480); exit; }',
    );
    assert.equal(cdr.limit, 'none');
    assert.equal(cdr.status, 480);
  });

  test('on a bad network: as many as there were calls, whatever was lost', async () => {
    for (let seed = 1; seed <= 10; seed++)
      await withB2b(
        async (world) => {
          world.sim.log.level = 3;
          for (let i = 0; i < 6; i++) {
            const invite = world.calls('sip:bob@10.0.0.1', { callId: `lost-${i}` });
            await world.passes(600);
            for (const atBob of world.bob.inbox.splice(0))
              if (atBob.method === 'INVITE') world.bob.replies(atBob, i % 3 === 0 ? 486 : 200);
            if (i % 2 === 0) world.alice.sends(world.cancelOf(invite));
          }
          await world.passes(400_000);
          const ids = cdrsOf(world).map(({ id }) => id);
          assert.equal(new Set(ids).size, ids.length);
          assert.equal(ids.length, world.sim.server.counters.find('b2bua', 'calls')?.get());
        },
        { ...TO_LOG, networkSeed: seed, network: { link: { loss: 0.3, duplicate: 0.1 } } },
      );
  });
});

describe('CDR: where they go', () => {
  test('a file, a line each; what is not over when the server ends is there, too', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-cdr-'));
    const file = join(folder, 'cdr.json');
    try {
      await withB2b(
        async (world) => {
          const { ok } = await talking(world);
          world.alice.sends(inDialog(world, 'BYE', ok, { cseq: 2 }));
          world.bob.replies(await world.bob.receives('BYE'), 200);
        },
        { params: `modparam("b2bua", "cdr_sink", "${file}")` },
      );
      const lines = readFileSync(file, 'latin1').trim().split('\n');
      assert.equal(lines.length, 1);
      assert.equal((JSON.parse(lines[0] ?? '') as Cdr).cause, 'bye');
      const open = withB2b(async (world) => void (await talking(world)), {
        params: `modparam("b2bua", "cdr_sink", "${file}")`,
      });
      await assert.rejects(open, /calls or legs left/);
      const more = readFileSync(file, 'latin1').trim().split('\n');
      assert.equal((JSON.parse(more[1] ?? '') as Cdr).cause, 'server stopped');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('A2: a file that can not be written to ends the start', async () => {
    const bad = { params: 'modparam("b2bua", "cdr_sink", "/nowhere/at/all")' };
    await assert.rejects(
      withB2b(async () => {}, bad),
      /ENOENT/,
    );
  });

  test('the table b2b_cdr; peers from the table b2b_peer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'strowger-cdr-'));
    const file = join(folder, 'b2b.sqlite');
    const db = new DatabaseSync(file);
    for (const table of [...STANDARD_TABLES.filter(({ name }) => name === 'version'), ...OWN_TABLES]) {
      for (const sql of createSql(table, 'sqlite')) db.exec(sql);
      db.prepare('INSERT INTO version (table_name, table_version) VALUES (?, ?)').run(table.name, table.version);
    }
    db.exec(
      `INSERT INTO b2b_peer (name, uri, call_limit, peer_group, qualify) VALUES ('t1', 'sip:10.0.2.1', 7, 'g', 0)`,
    );
    try {
      await withB2b(
        async (world) => {
          const invite = world.calls('sip:123@10.0.0.1');
          const atBob = await world.bob.receives('INVITE');
          assert.equal(atBob.startLine, 'INVITE sip:123@10.0.2.1 SIP/2.0');
          world.bob.replies(atBob, 486);
          await world.final(invite);
          const [peer] = (await world.sim.server.rpc.call('b2bua.peers', [])) as unknown as { limit: number }[];
          assert.equal(peer?.limit, 7);
        },
        {
          params: `loadmodule "db_sqlite.so"
            modparam("b2bua", "peers_source", "sqlite://${file}")
            modparam("b2bua", "cdr_sink", "sqlite://${file}")`,
        },
        'request_route { if (!b2b_dial("group:g", 20)) b2b_reject(486); exit; }',
      );
      const rows = db.prepare('SELECT * FROM b2b_cdr').all() as { status: number; cause: string; cdr: string }[];
      assert.equal(rows.length, 1);
      assert.equal(rows[0]?.status, 486);
      const cdr = JSON.parse(rows[0]?.cdr ?? '') as Cdr;
      assert.equal(cdr.legs[1]?.peer, 't1');
    } finally {
      db.close();
      rmSync(folder, { recursive: true });
    }
  });
});
