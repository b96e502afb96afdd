import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, suite, test } from 'node:test';
import { startServer } from '../../core/start.ts';
import { scriptOptions } from '../../test/support/both-servers.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import { parseDefinition } from './definition.ts';

/** A world whose script runs `route` for each message; `said` are its log lines. */
class Tables {
  readonly world: SipWorld;
  #calls = 0;

  private constructor(world: SipWorld) {
    this.world = world;
  }

  static async start(definitions: readonly string[], routes: string, params = ''): Promise<Tables> {
    const tables = definitions.map((text) => `modparam("htable", "htable", "${text}")\n`).join('');
    return new Tables(
      await SipWorld.start(routes, {
        params: `loadmodule "htable.so"\nloadmodule "cfgutils.so"\n${tables}${params}`,
      }),
    );
  }

  /** Sends a message to a user; the reply, if there is one at once. */
  send(user = 'x'): string {
    const { alice } = this.world;
    const request = alice.request('OPTIONS', `sip:${user}@10.0.0.1`, {
      callId: `c${++this.#calls}`,
      branch: `z9hG4bK-${this.#calls}`,
    });
    alice.sends(request);
    return request;
  }

  async advance(ms: number): Promise<void> {
    await this.world.clock.advanceAsync(ms);
  }

  said(): string[] {
    return this.world.sim.log.lines.splice(0).flatMap((line) => /say (.*)/.exec(line)?.[1] ?? []);
  }

  async rpc(method: string, ...params: (string | number)[]): Promise<unknown> {
    return await this.world.sim.server.rpc.call(method, params);
  }
}

suite('definitions', () => {
  test('are as Kamailio reads them', () => {
    const text = 'a=>size=4; autoexpire = 60;initval=-1;updateexpire=0;dbtable=t;dbmode=1;cols="k,v";dmqreplicate=1;';
    assert.deepEqual(parseDefinition(text), {
      name: 'a',
      slots: 16,
      autoexpireSec: 60,
      initval: -1,
      updatesExpire: false,
      dbTable: 't',
      isStoredAtEnd: true,
      columns: ['k', 'v'],
      isReplicated: true,
    });
    const slots = ['', 'size=0', 'size=1', 'size=2', 'size=14', 'size=20', 'size=32'].map((size) => {
      const def = parseDefinition(`x=>${size}`);
      return typeof def === 'string' ? def : def.slots;
    });
    assert.deepEqual(slots, [8, 8, 8, 4, 16384, 2 ** 20, 16384]);
  });

  test('that mean nothing are refused', () => {
    for (const text of ['a', '=>size=3', 'a=>foo=1', 'a=>cols="k"', 'a=>initval=x'])
      assert.equal(typeof parseDefinition(text), 'string', text);
  });
});

suite('time', () => {
  test('an item is there until its second has passed; the event route is told of it once', async () => {
    const tables = await Tables.start(
      ['a=>size=4;autoexpire=3', 'quiet=>size=4;autoexpire=3'],
      `request_route {
        if ($rU == "set") { $sht(a=>k) = "v"; $sht(a=>n) = 2; $sht(quiet=>q) = 1; }
        xlog("L_ERR", "say $sht(a=>k) $shtex(a=>k)\\n");
      }
      event_route[htable:expired:a] { xlog("L_ERR", "say expired $shtrecord(key)=$shtrecord(value) $sht(a=>$shtrecord(key)) $rm\\n"); }`,
      'modparam("htable", "timer_interval", 10)\n',
    );
    tables.send('set');
    await tables.advance(3000);
    tables.send();
    await tables.advance(1000);
    tables.send();
    await tables.advance(100);
    assert.deepEqual(tables.said(), ['v 3', 'v 0', 'expired k=v <null> OPTIONS', '<null> 0']);
    await tables.advance(10_000);
    tables.send();
    await tables.advance(100);
    assert.deepEqual(tables.said(), ['expired n=2 <null> OPTIONS', '<null> 0']);
    assert.match(JSON.stringify(await tables.rpc('htable.stats')), /"quiet","slots":16,"all":0/);
    await tables.world.stop();
  });

  test('writing lets the time begin again, unless the table says no', async () => {
    const tables = await Tables.start(
      ['a=>autoexpire=10', 'b=>autoexpire=10;updateexpire=0;initval=0'],
      'request_route { if ($rU == "w") { $sht(a=>k) = 1; $var(x) = $shtinc(b=>k); } xlog("L_ERR", "say $shtex(a=>k) $shtex(b=>k) $sht(b=>k)\\n"); }',
    );
    tables.send('w');
    await tables.advance(4000);
    tables.send('w');
    await tables.advance(2000);
    tables.send();
    await tables.advance(100);
    assert.deepEqual(tables.said(), ['10 10 1', '10 6 2', '8 4 2']);
    await tables.world.stop();
  });
});

test('sht_inc and sht_dec', async () => {
  const tables = await Tables.start(
    ['a=>size=4', 'b=>size=4;initval=0'],
    'request_route { if (!sht_inc("a", "k")) $sht(a=>k) = 5; sht_inc("a", "k"); sht_dec("b", "k"); sht_inc("b", "k"); xlog("L_ERR", "say $rc $sht(a=>k) $sht(b=>k)\\n"); }',
  );
  tables.send();
  await tables.advance(100);
  assert.deepEqual(tables.said(), ['1 6 0']);
  await tables.world.stop();
});

test('sht_is_null, and the operators ew and in of the removing commands', async () => {
  const tables = await Tables.start(
    ['a=>size=4'],
    `request_route {
      $sht(a=>one.x) = "1"; $sht(a=>two.y) = "mid text"; $sht(a=>three) = "z";
      sht_rm_name("a", "ew", ".x"); sht_rm_value("a", "in", "d t");
      $var(n) = 0;
      if (sht_is_null("a", "one.x")) $var(n) = $var(n) + 1;
      if (sht_is_null("a", "two.y")) $var(n) = $var(n) + 10;
      if (sht_is_null("a", "three")) $var(n) = $var(n) + 100;
      if (sht_is_null("none", "x")) $var(n) = $var(n) + 1000;
      xlog("L_ERR", "say $var(n)\\n");
    }`,
  );
  tables.send();
  await tables.advance(100);
  assert.deepEqual(tables.said(), ['1011']);
  await tables.world.stop();
});

suite('event_route[htable:mod-init]', () => {
  for (const mode of [0, 1])
    test(`fills tables once, with event_callback_mode ${mode}`, async () => {
      const tables = await Tables.start(
        ['a=>initval=0'],
        `event_route[htable:mod-init] { $sht(a=>x) = 5; $var(i) = $shtinc(a=>runs); }
         request_route { xlog("L_ERR", "say $sht(a=>x) $sht(a=>runs)\\n"); }`,
        `modparam("htable", "event_callback_mode", ${mode})\n`,
      );
      tables.send();
      await tables.advance(100);
      assert.deepEqual(tables.said(), ['5 1']);
      await tables.world.stop();
    });
});

suite('locks', () => {
  const route = `request_route {
    if ($rU == "forget") { sht_lock("a=>x"); exit; }
    sht_lock("a=>x");
    $var(seen) = $sht(a=>x);
    usleep("1000");
    $sht(a=>x) = $var(seen) + 1;
    sht_unlock("a=>x");
    xlog("L_ERR", "say $sht(a=>x)\\n");
  }`;

  test('what a script reads and writes under a lock is not torn, though commands wait in between', async () => {
    const tables = await Tables.start(['a=>initval=0'], route);
    for (let i = 0; i < 20; i++) tables.send();
    await tables.advance(1000);
    assert.deepEqual(
      tables.said(),
      Array.from({ length: 20 }, (_, i) => String(i + 1)),
    );
    await tables.world.stop();
  });

  test('a lock that a script forgets is free when its message is done', async () => {
    const tables = await Tables.start(['a=>initval=0'], route);
    tables.send('forget');
    tables.send();
    await tables.advance(1000);
    assert.deepEqual(tables.said(), ['1']);
    await tables.world.stop();
  });
});

suite('iterators', () => {
  test('belong to their run, and pass over what is removed meanwhile', async () => {
    const tables = await Tables.start(
      ['a=>size=3'],
      `request_route {
        $sht(a=>a) = 1; $sht(a=>b) = 2; $sht(a=>c) = 3;
        sht_iterator_start("i", "a");
        $var(o) = "";
        while (sht_iterator_next("i")) {
          $var(o) = $var(o) + $shtitkey(i);
          sht_rm("a", "b");
          usleep("1000");
        }
        xlog("L_ERR", "say $var(o)\\n");
      }`,
    );
    tables.send();
    tables.send();
    await tables.advance(1000);
    assert.deepEqual(tables.said(), ['ac', 'ac']);
    await tables.world.stop();
  });
});

suite('database', () => {
  const folder = mkdtempSync(join(tmpdir(), 'strowger-htable-'));
  after(() => rmSync(folder, { recursive: true }));
  const COLUMNS = 'key_name, key_type, value_type, key_value, expires';

  function open(name: string): DatabaseSync {
    const db = new DatabaseSync(join(folder, name));
    db.exec(
      `CREATE TABLE IF NOT EXISTS ht (id INTEGER PRIMARY KEY, key_name VARCHAR(64), key_type INTEGER DEFAULT 0, value_type INTEGER DEFAULT 0, key_value VARCHAR(128), expires INTEGER DEFAULT 0)`,
    );
    return db;
  }

  const script = (file: string, tables: readonly string[], event = ''): string => `
loadmodule "pv.so"
loadmodule "db_sqlite.so"
loadmodule "htable.so"
modparam("htable", "db_url", "sqlite:///${join(folder, file)}")
modparam("htable", "db_expires", 1)
${tables.map((text) => `modparam("htable", "htable", "${text}")`).join('\n')}
event_route[htable:mod-init] { ${event} }
request_route { exit; }
`;

  test('loads keys, arrays, types and ends; reloads; packs columns', async () => {
    const db = open('load.db');
    const now = Math.floor(Date.now() / 1000);
    const insert = db.prepare(`INSERT INTO ht (${COLUMNS}) VALUES (?, ?, ?, ?, ?)`);
    for (const row of [
      ['simple', 0, 0, 'val', 0],
      ['int', 0, 1, '42', 0],
      ['badint', 0, 1, '4x', 0],
      ['arr', 1, 0, 'v0', 0],
      ['empty', 0, 0, '', 0],
      ['arr', 1, 1, '7', 0],
      ['future', 0, 0, 'f', now + 1000],
      ['past', 0, 0, 'p', now - 10],
    ])
      insert.run(...row);
    db.exec("CREATE TABLE cc (k VARCHAR, a VARCHAR, b INTEGER); INSERT INTO cc VALUES ('k1', 'x', 5), ('k2', NULL, 6)");
    const tables = ['a=>autoexpire=100;dbtable=ht', "c=>dbtable=cc;cols='k,a,b'", "one=>dbtable=cc;cols='k,b'"];
    const { server, stop } = await startServer(scriptOptions(script('load.db', tables, '$sht(a=>mine) = 1;')));
    const dump = async (name: string): Promise<string> => {
      const text = JSON.stringify(await server.rpc.call('htable.dump', [name]));
      return [...text.matchAll(/\["name","([^"]*)"\],\["value",("[^"]*"|-?\d+)\]/g)]
        .map(([, key, value]) => `${key}=${value}`)
        .sort()
        .join(' ');
    };
    const loaded = 'arr::size=2 arr[0]="v0" arr[1]=7 badint=4 empty="" future="f" int=42';
    assert.equal(await dump('a'), `${loaded} mine=1 simple="val"`);
    assert.equal(await dump('c'), 'k1="x,5" k2="*,6"');
    assert.equal(await dump('one'), 'k1="5" k2="6"');
    assert.match(JSON.stringify(await server.rpc.call('htable.get', ['a', 'future'])), /"expire":"20\d\d-/);
    db.exec("DELETE FROM ht WHERE key_name = 'simple'");
    assert.equal(await server.rpc.call('htable.reload', ['a']), 'Ok. Htable reloaded.');
    assert.equal(await dump('a'), loaded);
    db.exec('DROP TABLE ht');
    await assert.rejects(server.rpc.call('htable.reload', ['a']));
    assert.equal(await dump('a'), loaded);
    await stop(0);
    db.close();
  });

  test('stores what is to outlive the server, in the place of what was there', async () => {
    const db = open('store.db');
    db.exec("INSERT INTO ht (key_name, key_value) VALUES ('old', 'x')");
    const event = `$sht(a=>old) = $null; $sht(a=>text) = "n'ew"; $sht(a=>int) = -5;`;
    const { stop } = await startServer(scriptOptions(script('store.db', ['a=>size=3;dbtable=ht;dbmode=1'], event)));
    await stop(0);
    const rows = db.prepare(`SELECT ${COLUMNS} FROM ht ORDER BY key_name`).all();
    assert.deepEqual(
      rows.map((row) => Object.values(row)),
      [
        ['int', 0, 1, '-5', 0],
        ['text', 0, 0, "n'ew", 0],
      ],
    );
    db.close();
  });

  test('a table that is not there stops the start, and says which', async () => {
    open('none.db').close();
    await assert.rejects(
      startServer(scriptOptions(script('none.db', ['a=>dbtable=nothing'], '$sht(a=>x) = 1;'))),
      /table a: .*nothing/,
    );
  });
});
