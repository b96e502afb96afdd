import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, suite, test } from 'node:test';
import { createTables } from '../../test/support/dialog-tables.ts';
import { type DialogScript, DialogWorld } from '../../test/support/dialog-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-cdr-'));
after(() => rmSync(folder, { recursive: true }));

const EXTRA = 'src=$dlg_var(src);ci=$ci;num=$dlg_var(num)';

function script(more = '', loads = ''): DialogScript {
  return {
    loads,
    params: `loadmodule "acc.so"
modparam("acc", "cdr_enable", 1)
modparam("acc", "cdr_extra", "${EXTRA}")
${more}`,
    before: '$dlg_var(src) = "alice;x"; if ($ci == "bye") $dlg_ctx(timeout_bye) = 1;',
    after: 'if ($ci == "skip") $dlg_var(nocdr) = "1";',
    within: 'if (is_method("INFO")) $dlg_var(num) = "7";',
  };
}

/** Records in the log, times as seconds since the start of the world. */
function records(w: DialogWorld): string[] {
  const began = w.world.sim.server.startedWallMs / 1000;
  return w.world.sim.log.lines.flatMap((line) => {
    const match = /(\w+=\d+\.\d{3}; \w+=\d+\.\d{3}; \w+=[\d.]+; .*)/.exec(line);
    return match?.[1]?.replace(/\d{10}\.\d{3}/g, (time) => (Number(time) - began).toFixed(3)) ?? [];
  });
}

suite('call data records', { timeout: 30_000 }, () => {
  test('of calls that end, fail, and are ended', async () => {
    await DialogWorld.with(script('modparam("acc", "cdr_skip", "nocdr")'), async (w) => {
      const call = await w.call('ok').answered();
      await call.fromAlice('INFO', 2);
      await w.passes(61_250);
      const bye = await call.fromAlice('BYE', 3, {}, 0);
      await w.passes(1000);
      assert.deepEqual(records(w), []);
      w.bob.replies(bye, 200);
      await w.passes(1);
      assert.match(
        records(w).at(-1) ?? '',
        /^start_time=0\.\d+; end_time=61\.\d+; duration=61\.\d+; src=alice;x; ci=ok; num=7$/,
      );
      await (await w.call('skip').answered()).fromBob('BYE', 3);
      const failed = w.call('failed');
      await failed.sends();
      await w.passes(2000);
      await failed.replied(486);
      assert.match(
        records(w).at(-1) ?? '',
        /^start_time=(62\.\d+); end_time=\1; duration=0; src=alice;x; ci=failed; num=$/,
      );
      await w.call('rpc').answered();
      await w.passes(5000);
      await w.rpc('dlg.terminate_dlg', 'rpc', 'alice-tag', 'bob-tag');
      w.alice.replies(await w.alice.receives('BYE'), 200);
      await w.passes(10);
      assert.match(records(w).at(-1) ?? '', /; duration=5\.\d+; src=alice;x; ci=; num=$/);
      assert.equal(records(w).length, 3);
    });
  });

  test('cdr_start_on_confirmed, cdr_on_failed, cdr_expired_dlg_enable, names', async () => {
    const params = `modparam("acc", "cdr_start_on_confirmed", 1)
modparam("acc", "cdr_on_failed", 0)
modparam("acc", "cdr_expired_dlg_enable", 1)
modparam("acc", "cdr_start_id", "a")
modparam("acc", "cdr_end_id", "b")
modparam("acc", "cdr_duration_id", "c")
modparam("dialog", "default_timeout", 20)`;
    await DialogWorld.with(script(params), async (w) => {
      await w.call('failed').replied(486);
      const call = w.call('over');
      await call.sends();
      await w.passes(5000);
      await call.replied(200);
      await call.fromAlice('ACK', 1);
      await w.call('bye').answered();
      await w.passes(30_000);
      for (const peer of [w.alice, w.bob]) peer.replies(await peer.receives('BYE'), 200);
      await w.passes(10);
      assert.equal(records(w).length, 2);
      assert.match(records(w)[0] ?? '', /^a=5\.\d+; b=25\.\d+; c=20\.\d+; src=alice;x; ci=; num=$/);
      assert.match(records(w)[1] ?? '', /; c=(?:19|20)\.\d+; src=alice;x/);
    });
  });

  test('a call whose BYE is never answered has its record, too', async () => {
    await DialogWorld.with(script(), async (w) => {
      const call = await w.call('ok').answered();
      await call.fromAlice('BYE', 2, {}, 0);
      await w.passes(60_000);
      assert.equal(records(w).length, 1);
    });
  });

  test('in the table, over a restart of the server', async () => {
    const file = join(folder, 'cdr.db');
    createTables(
      file,
      ['src', 'ci', 'num'].map((name) => `ALTER TABLE acc_cdrs ADD COLUMN ${name} VARCHAR(64)`).join(';'),
    );
    const params = `modparam("acc", "db_url", "sqlite://${file}")
modparam("acc", "cdrs_table", "acc_cdrs")
modparam("acc", "cdr_log_enable", 0)
modparam("acc", "cdr_extra_nullable", 1)
modparam("dialog", "db_url", "sqlite://${file}")
modparam("dialog", "db_mode", 1)`;
    const both = script(params, 'loadmodule "db_sqlite.so"');
    const route = await DialogWorld.with(both, async (w) => {
      await (await w.call('one').answered()).fromAlice('BYE', 2);
      const call = await w.call('two').answered();
      await w.passes(100);
      assert.deepEqual(records(w), []);
      return call.route;
    });
    await DialogWorld.with(both, async (w) => {
      const call = w.call('two');
      call.route = route;
      await w.passes(3000);
      await call.fromAlice('BYE', 2);
      await w.passes(100);
    });
    const db = new DatabaseSync(file, { readOnly: true });
    const rows = db.prepare('SELECT *, (end_time - start_time) * 86400 AS days FROM acc_cdrs ORDER BY id').all();
    db.close();
    assert.deepEqual(
      rows.map(({ ci, src, num }) => [ci, src, num]),
      [
        ['one', 'alice;x', null],
        ['two', 'alice;x', null],
      ],
    );
    assert.ok(
      rows.every(({ duration, days }) => Math.abs(Number(duration) - Number(days)) < 0.01),
      JSON.stringify(rows),
    );
  });

  test('cdr_enable needs dialog', async () => {
    const { SipWorld } = await import('../../test/support/sip-world.ts');
    await assert.rejects(
      SipWorld.start('request_route { exit; }', { params: 'loadmodule "acc.so"\nmodparam("acc", "cdr_enable", 1)' }),
      /needs the module dialog/,
    );
  });
});
