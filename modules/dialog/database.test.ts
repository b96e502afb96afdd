import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, suite, test } from 'node:test';
import { createTables } from '../../test/support/dialog-tables.ts';
import { type DialogScript, DialogWorld, WorldCall } from '../../test/support/dialog-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-dialogs-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

/** A file with the tables, and the script that uses it. */
function fresh(mode: number, more = ''): { readonly file: string; readonly script: DialogScript } {
  const file = join(folder, `${++files}.db`);
  createTables(file);
  const params = [
    'modparam("dialog", "profiles_with_value", "caller")',
    'modparam("dialog", "profiles_no_value", "all")',
    `modparam("dialog", "db_url", "sqlite://${file}")`,
    `modparam("dialog", "db_mode", ${mode})`,
    more,
  ].join('\n');
  const afterManage = `$dlg_var(one) = "1"; $dlg_var(two) = "a b;=\\"'"; dlg_setflag("3"); dlg_set_timeout("600");
    set_dlg_profile("all"); set_dlg_profile("caller", "$fu");`;
  return {
    file,
    script: {
      params,
      loads: 'loadmodule "db_sqlite.so"',
      before: '$dlg_ctx(timeout_bye) = 1;',
      after: afterManage,
      within: '$dlg_var(two) = $null; $dlg_var(three) = "3";',
    },
  };
}

function rows(file: string, table = 'dialog'): Record<string, unknown>[] {
  const db = new DatabaseSync(file, { readOnly: true });
  const found = db.prepare(`SELECT * FROM ${table} ORDER BY id`).all();
  db.close();
  return found;
}

/** What a restart must not change. */
function kept(shown: readonly Record<string, unknown>[]): unknown {
  return shown.map(({ init_ts: _1, duration: _2, dflags: _3, lifetime: _4, ref: _5, ...rest }) => rest);
}

suite('dialogs in a database', { timeout: 60_000 }, () => {
  for (const mode of [1, 2, 3]) {
    test(`db_mode ${mode}: a call survives a restart, and ends in the second server as it would have in the first`, async () => {
      const { file, script } = fresh(mode);
      const { shown, route } = await DialogWorld.with(script, async (w) => {
        const call = await w.call('kept').answered();
        await call.fromAlice('INFO', 5);
        await w.call('rings').sends();
        const over = await w.call('over').answered();
        await over.fromAlice('BYE', 6);
        await w.passes(100);
        if (mode !== 1) assert.deepEqual(rows(file), []);
        return { shown: (await w.list()).filter((each) => each['call-id'] === 'kept'), route: call.route };
      });
      assert.deepEqual(
        rows(file).map((row) => row['callid']),
        ['kept'],
      );
      await DialogWorld.with(script, async (w) => {
        assert.deepEqual(kept(await w.list()), kept(shown));
        assert.equal(w.stat('active_dialogs'), 1);
        assert.equal(await w.rpc('dlg.profile_get_size', 'caller', 'sip:alice@example.org'), 1);
        const call = new WorldCall(w, 'kept');
        call.route = route;
        await call.fromBob('INFO', 7);
        await call.fromAlice('BYE', 8);
        await w.passes(60_000);
        assert.deepEqual(await w.list(), []);
        assert.equal(await w.rpc('dlg.profile_get_size', 'all'), 0);
        assert.deepEqual(w.marks, ['end BYE kept']);
      });
      assert.deepEqual([rows(file), rows(file, 'dialog_vars')], [[], []]);
    });
  }

  test('the time of a call goes on while the server is down: it ends at once, with BYEs', async () => {
    const { file, script } = fresh(1);
    await DialogWorld.with(script, async (w) => {
      await w.call('c').answered();
      await w.passes(100);
    });
    const db = new DatabaseSync(file);
    db.exec('UPDATE dialog SET timeout = start_time + 1, start_time = start_time - 1000');
    db.close();
    await DialogWorld.with(script, async (w) => {
      await w.passes(2000);
      w.alice.replies(await w.alice.receives('BYE'), 200);
      w.bob.replies(await w.bob.receives('BYE'), 200);
      await w.passes(1000);
      assert.deepEqual(await w.list(), []);
    });
    assert.deepEqual(rows(file), []);
  });

  test('db_skip_load, then dlg_db_load_callid and dlg_db_load_extra', async () => {
    const { file, script } = fresh(1);
    for (const callId of ['a', 'b', 'c'])
      await DialogWorld.with(
        { ...script, params: `${script.params ?? ''}\nmodparam("dialog", "db_skip_load", 1)` },
        async (w) => {
          await w.call(callId).answered();
          await w.passes(100);
        },
      );
    assert.equal(rows(file).length, 3);
    const loads = {
      ...script,
      params: `${script.params ?? ''}\nmodparam("dialog", "db_skip_load", 1)`,
      blocks: 'event_route[tm:local-request] { $var(x) = 1; }',
      before:
        'if ($ci == "load-a") { dlg_db_load_callid("a"); sl_send_reply("200", "$rc"); exit; } if ($ci == "load-all") { dlg_db_load_extra(); sl_send_reply("200", "$rc"); exit; }',
    };
    await DialogWorld.with(loads, async (w) => {
      const ids = async (): Promise<unknown[]> =>
        (await w.list()).map((each) => String(each['call-id'])).toSorted((a, b) => (a < b ? -1 : 1));
      assert.deepEqual(await ids(), []);
      for (const [callId, wanted] of [
        ['load-a', ['a']],
        ['load-all', ['a', 'b', 'c']],
        ['load-all', ['a', 'b', 'c']],
      ] as const) {
        w.world.calls('sip:bob@10.0.0.1', { callId });
        assert.match((await w.alice.receives(200)).text, /^SIP\/2.0 200 1\r/);
        assert.deepEqual(await ids(), wanted);
      }
      assert.equal(w.stat('active_dialogs'), 3);
    });
  });

  test('texts of a message can not change the SQL', async () => {
    const { file, script } = fresh(1);
    const callId = "x'); DROP TABLE dialog; --";
    await DialogWorld.with(script, async (w) => {
      await w.call(callId).answered();
      await w.passes(100);
    });
    assert.deepEqual(
      rows(file).map((row) => row['callid']),
      [callId],
    );
    await DialogWorld.with(script, async (w) => assert.equal((await w.list())[0]?.['call-id'], callId));
  });
});
