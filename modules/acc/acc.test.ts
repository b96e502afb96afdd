import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { response } from '../../test/support/msg.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import { parseExtras } from './extras.ts';
import { parseFilter } from './filter.ts';
import { parseComment } from './record.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-acc-'));
after(() => rmSync(folder, { recursive: true }));

const TABLES = ['acc', 'missed_calls', 'acc_2026'].map(
  (
    name,
  ) => `CREATE TABLE ${name} (id INTEGER PRIMARY KEY, method TEXT NOT NULL, from_tag TEXT NOT NULL, to_tag TEXT NOT NULL,
    callid TEXT NOT NULL, sip_code TEXT NOT NULL, sip_reason TEXT NOT NULL, time REAL NOT NULL,
    src TEXT, leg TEXT, time_attr INTEGER, time_exten INTEGER)`,
);

/** A world that accounts to a database, whose tables it has made. */
async function accWorld(
  params: string,
  routes: string,
): Promise<{ world: SipWorld; readonly rows: (table: string) => Promise<string[]> }> {
  const url = `sqlite://${join(folder, `${Math.trunc(performance.now() * 1000)}.db`)}`;
  const world = await SipWorld.start(routes, {
    params: `loadmodule "db_sqlite.so"\nloadmodule "acc.so"\nmodparam("acc", "db_url", "${url}")\nmodparam("acc", "db_flag", 1)\nmodparam("acc", "db_missed_flag", 2)\nmodparam("acc", "log_level", 3)\n${params}`,
  });
  const db = await world.sim.server.db.open(url);
  for (const sql of TABLES) await db.raw(sql);
  return {
    world,
    rows: async (table) => {
      const { rows } = await db.query({ table, columns: ['method', 'sip_code', 'sip_reason', 'to_tag', 'src', 'leg'] });
      return rows.map((row) => row.map(String).join('|'));
    },
  };
}

test('transactions and missed calls become rows, legs of their own', async () => {
  const { world, rows } = await accWorld(
    'modparam("acc", "multi_leg_info", "src=$avp(a);leg=$avp(b)")\n',
    'request_route { setflag(1); setflag(2); $avp(a) = "1"; $avp(a) = "2"; $avp(b) = "x"; $du = "sip:10.0.2.1"; t_relay(); }',
  );
  world.bob.autoReply = (msg) => (msg.method === 'INVITE' ? response(msg, 200, { reason: 'Fine' }) : null);
  assert.equal((await world.final(world.calls())).status, 200);
  assert.deepEqual(await rows('acc'), ['INVITE|200|Fine|uas-tag|2|x', 'INVITE|200|Fine|uas-tag|1|']);
  world.bob.autoReply = (msg) => (msg.method === 'INVITE' ? response(msg, 486) : null);
  await world.final(world.calls('sip:x@10.0.0.1', { callId: 'two', branch: 'z9hG4bK-two' }));
  assert.deepEqual(await rows('missed_calls'), ['INVITE|486|Busy Here|uas-tag|2|x', 'INVITE|486|Busy Here|uas-tag|1|']);
  assert.equal((await rows('acc')).length, 2);
  await world.stop();
});

test('acc_db_request waits for its row; a table’s name may hold variables', async () => {
  const { world, rows } = await accWorld(
    'modparam("acc", "db_extra", "src=$fU;leg=$avp(none)")\nmodparam("acc", "acc_extra_nullable", 1)\nmodparam("acc", "time_mode", 1)\nmodparam("acc", "db_table_acc", "acc_$(rU{s.substr,0,4})")\n',
    `request_route {
      if (acc_db_request("404 Nobody", "missed_calls")) xlog("L_ERR", "say yes\\n");
      if (!acc_db_request("404 Nobody", "no_such_table")) xlog("L_ERR", "say no\\n");
      setflag(1);
      $du = "sip:10.0.2.1";
      t_relay();
    }`,
  );
  world.bob.autoReply = (msg) => (msg.method === 'INVITE' ? response(msg, 200) : null);
  await world.final(world.calls('sip:2026@10.0.0.1'));
  assert.deepEqual(await rows('missed_calls'), ['INVITE|404|Nobody||alice|null']);
  assert.deepEqual(await rows('acc_2026'), ['INVITE|200|OK|uas-tag|alice|null']);
  const said = world.sim.log.lines.flatMap((line) => /say (\w+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(said, ['yes', 'no']);
  await world.stop();
});

test('parameters that can not be right stop the start', async () => {
  for (const [param, message] of [
    ['modparam("acc", "log_extra", "a=b")', /"a=b" is not name=\$variable/],
    ['modparam("acc", "log_extra", "a=$nosuch")', /nosuch/],
    ['modparam("acc", "log_extra", "a=$fU;b=$tU")\nmodparam("acc", "acc_extra_size", 1)', /allows 1/],
    ['modparam("acc", "failed_filter", "200")', /300 to 999/],
    ['modparam("acc", "db_url", "nosuch://x")', /db_nosuch/],
  ] as const)
    await assert.rejects(
      SipWorld.start('request_route { exit; }', { params: `loadmodule "acc.so"\n${param}\n` }),
      (error: unknown) => {
        const text = `${String(error)} ${JSON.stringify((error as { result?: unknown }).result ?? '')}`;
        assert.match(text, message);
        return true;
      },
    );
});

test('comments, filters and extras', () => {
  assert.deepEqual(parseComment('404 Not  here'), { code: '404', reason: 'Not  here' });
  assert.deepEqual(parseComment('200'), { code: '200', reason: '' });
  assert.deepEqual(parseComment('just words'), { code: '', reason: 'just words' });
  assert.deepEqual(parseComment(' 404 x'), { code: '', reason: ' 404 x' });
  assert.deepEqual([...(parseFilter('404, 407') ?? [])], [404, 407]);
  assert.equal(parseFilter('x'), null);
  assert.deepEqual(parseExtras('a=$fU; b = $(hdr(X){s.select,1,;}) ;'), [
    { name: 'a', pv: '$fU' },
    { name: 'b', pv: '$(hdr(X){s.select,1,;})' },
  ]);
});
