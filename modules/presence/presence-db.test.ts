import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLOutputValue } from 'node:sqlite';
import { after, test } from 'node:test';
import { createSql, STANDARD_TABLES } from '../../core/db/schema/index.ts';
import { BOB, PresWorld, pidf, tuples } from '../../test/support/pres-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-presence-'));
after(() => rmSync(folder, { recursive: true }));
const TABLES = new Set(['version', 'presentity', 'active_watchers', 'watchers', 'xcap']);
let files = 0;

/** A database with the tables of presence, and servers on it one after the other. */
class DbWorld {
  readonly file = join(folder, `${++files}.db`);
  readonly #settings: string;
  #starts = 0;

  constructor(settings: string) {
    const db = new DatabaseSync(this.file);
    for (const table of STANDARD_TABLES.filter(({ name }) => TABLES.has(name))) {
      for (const sql of createSql(table, 'sqlite')) db.exec(sql);
      db.prepare('INSERT INTO version VALUES (NULL, ?, ?)').run(table.name, table.version);
    }
    db.close();
    this.#settings = settings;
  }

  start(): Promise<PresWorld> {
    const url = `sqlite:///${this.file}`;
    return PresWorld.start({
      seed: ++this.#starts,
      before: 'loadmodule "db_sqlite.so"',
      settings: `modparam("presence", "db_url", "${url}")\nmodparam("presence_xml", "db_url", "${url}")\n${this.#settings}`,
    });
  }

  sql(text: string, ...values: (string | number | Uint8Array)[]): Record<string, SQLOutputValue>[] {
    const db = new DatabaseSync(this.file);
    try {
      return db.prepare(text).all(...values);
    } finally {
      db.close();
    }
  }
}

const ACTIVE = 'modparam("presence_xml", "force_active", 1)\n';

for (const [mode, cache] of [
  [1, 1],
  [2, 1],
  [2, 0],
  [3, 0],
  [1, 2],
] as const) {
  test(`subscriptions and publications live on after a restart: subs_db_mode ${mode}, publ_cache ${cache}`, async () => {
    const settings = `${ACTIVE}modparam("presence", "subs_db_mode", ${mode})\nmodparam("presence", "publ_cache", ${cache})\nmodparam("presence", "notifier_processes", 0)\nmodparam("presence", "fetch_rows", 2)`;
    const db = new DbWorld(settings);
    const first = await db.start();
    const { alice } = first.world;
    const dialogs = [];
    for (let i = 0; i < 5; i++) dialogs.push(await first.watches(alice, { callId: `kept-${i}` }));
    const tag = (await first.publishes(pidf('open', 'kept'))).get('SIP-ETag');
    const cseqs = new Set<string>();
    for (let i = 0; i < 5; i++) cseqs.add((await first.notified(alice)).get('CSeq'));
    assert.deepEqual([...cseqs], ['3 NOTIFY']);
    await first.world.passes(100);
    await first.stop();
    const [row] = db.sql("SELECT * FROM active_watchers WHERE callid = 'kept-0'");
    assert.deepEqual(
      [row?.['presentity_uri'], row?.['watcher_username'], row?.['to_user'], row?.['local_cseq'], row?.['status']],
      [BOB, 'alice', 'bob', 3, 1],
    );
    assert.equal(db.sql('SELECT * FROM active_watchers').length, 5);
    assert.equal(db.sql('SELECT * FROM presentity').length, cache === 2 ? 0 : 1);

    const second = await db.start();
    const again = second.world.alice;
    await second.publishes(pidf('open', 'new'));
    for (let i = 0; i < 5; i++) {
      const msg = await second.notified(again);
      assert.deepEqual(
        [msg.get('CSeq'), tuples(msg)],
        ['4 NOTIFY', cache === 2 ? ['new open'] : ['new open', 'kept open']],
      );
    }
    const changed = await second.publishes('', { etag: tag });
    assert.equal(changed.status, cache === 2 ? 412 : 200);
    for (let i = 0; cache !== 2 && i < 5; i++) await second.notified(again);
    const [dialog] = dialogs;
    assert.ok(dialog !== undefined);
    const end = await second.subscribes(again, { ...second.within(dialog), expires: 0 });
    assert.equal(end.status, 200);
    await second.notified(again);
    await second.stop();
    assert.equal(db.sql('SELECT * FROM active_watchers').length, 4);
  });
}

test('in mode 3 the changes within waitn_time are told once', async () => {
  const db = new DbWorld(`${ACTIVE}modparam("presence", "subs_db_mode", 3)`);
  const pres = await db.start();
  const { alice } = pres.world;
  await pres.watches(alice);
  for (const id of ['a', 'b', 'c']) await pres.publishes(pidf('open', id));
  assert.deepEqual(tuples(await pres.notified(alice, 200, 5100)).sort(), ['a open', 'b open', 'c open']);
  await alice.receivesNothing(10_000, 'NOTIFY');
  await pres.stop();
});

test('what expired goes out of the tables', async () => {
  const db = new DbWorld(ACTIVE);
  const pres = await db.start();
  const { alice } = pres.world;
  await pres.watches(alice, { expires: 30 });
  await pres.publishes(pidf('open'), { expires: 10 });
  await pres.notified(alice);
  assert.equal((await pres.notified(alice, 200, 12_000)).body, '');
  assert.equal(db.sql('SELECT * FROM presentity').length, 0);
  assert.match((await pres.notified(alice, 200, 25_000)).get('Subscription-State'), /^terminated/);
  await pres.world.passes(2000);
  assert.equal(db.sql('SELECT * FROM active_watchers').length, 0);
  await pres.stop();
});

/** Rules about one watcher. */
function rules(action: string, transformations = ''): Uint8Array {
  return Buffer.from(
    `<ruleset xmlns="urn:ietf:params:xml:ns:common-policy" xmlns:pr="urn:ietf:params:xml:ns:pres-rules"><rule id="a"><conditions><identity><one id="sip:alice@example.org"/></identity></conditions><actions><pr:sub-handling>${action}</pr:sub-handling></actions><transformations>${transformations}</transformations></rule></ruleset>`,
  );
}

test('rules in the table xcap decide, and what they change is told', async () => {
  const db = new DbWorld('');
  const set = (doc: Uint8Array): void => {
    db.sql('DELETE FROM xcap');
    db.sql("INSERT INTO xcap VALUES (NULL, 'bob', 'example.org', ?, 2, 'e', 0, '/rules', 0)", doc);
  };
  const pres = await db.start();
  const { alice } = pres.world;
  await pres.subscribes(alice);
  assert.equal((await pres.notified(alice)).get('Subscription-State'), 'pending;expires=600');
  await pres.publishes(pidf('open'));
  await alice.receivesNothing(2000, 'NOTIFY');
  set(rules('allow'));
  await pres.rpc('presence.updateWatchers', BOB, 'presence');
  const active = await pres.notified(alice);
  assert.match(active.get('Subscription-State'), /^active/);
  assert.deepEqual(tuples(active), ['t1 open']);
  await pres.rpc('presence.refreshWatchers', BOB, 'presence', 0);
  await alice.receivesNothing(1000, 'NOTIFY');
  set(rules('polite-block'));
  await pres.rpc('presence.refreshWatchers', BOB, 'presence', 0);
  const polite = await pres.notified(alice);
  assert.match(polite.get('Subscription-State'), /^active/);
  assert.equal(polite.body, '');
  await pres.publishes(pidf('open', 'secret'));
  await alice.receivesNothing(2000, 'NOTIFY');
  set(rules('allow', '<pr:provide-services><pr:occurrence-id>secret</pr:occurrence-id></pr:provide-services>'));
  await pres.rpc('presence.updateWatchers', BOB, 'presence');
  assert.deepEqual(tuples(await pres.notified(alice)), ['secret open']);
  set(rules('block'));
  await pres.rpc('presence.updateWatchers', BOB, 'presence');
  assert.equal((await pres.notified(alice)).get('Subscription-State'), 'terminated;reason=rejected');
  await pres.publishes(pidf('open', 'more'));
  await alice.receivesNothing(2000, 'NOTIFY');
  assert.deepEqual(
    db.sql('SELECT status, reason FROM watchers').map((row) => ({ ...row })),
    [{ status: 3, reason: 'rejected' }],
  );
  await pres.subscribes(alice);
  assert.equal((await pres.notified(alice)).get('Subscription-State'), 'terminated;reason=rejected');
  const asked = { headers: { 'X-Watcher': 'sip:alice@example.org' } };
  assert.equal((await pres.asks(alice, 'MESSAGE', BOB, asked)).startLine, 'SIP/2.0 200 has -1 auth 3');
  set(Buffer.from('no xml'));
  assert.equal((await pres.asks(alice, 'MESSAGE', BOB, asked)).startLine, 'SIP/2.0 200 has -1 auth -1');
  assert.equal((await pres.subscribes(pres.world.carol)).status, 500);
  await pres.stop();
});

test('a document of the table xcap is published until it is gone', async () => {
  const db = new DbWorld(ACTIVE);
  const pres = await db.start();
  const { alice } = pres.world;
  await pres.watches(alice);
  const refresh = (): Promise<string> => pres.rpc('presence.refreshWatchers', BOB, 'presence', 2, '/doc', 'index');
  const doc = Buffer.from(pidf('open', 'hard'));
  db.sql("INSERT INTO xcap VALUES (NULL, 'bob', 'example.org', ?, 16, 'e', 0, '/doc', 0)", doc);
  await refresh();
  assert.deepEqual(tuples(await pres.notified(alice)), ['hard open']);
  await pres.world.passes(100_000);
  db.sql('DELETE FROM xcap');
  await refresh();
  assert.deepEqual(tuples(await pres.notified(alice)), ['hard closed']);
  await assert.rejects(refresh(), /Execution failed/);
  await pres.stop();
});

test('text of SIP messages is data, not SQL', async () => {
  const db = new DbWorld(`${ACTIVE}modparam("presence", "subs_db_mode", 1)`);
  const pres = await db.start();
  const { alice } = pres.world;
  const uri = "sip:b'); DROP TABLE presentity; --@example.org";
  await pres.watches(alice, { uri: uri.replaceAll(' ', ''), to: '<sip:x@example.org>', callId: "'x'; --" });
  assert.equal(db.sql('SELECT * FROM active_watchers').length, 1);
  assert.equal(db.sql('SELECT * FROM presentity').length, 0);
  await pres.stop();
});

test('a table of another version is not used', async () => {
  const db = new DbWorld(ACTIVE);
  db.sql("UPDATE version SET table_version = 11 WHERE table_name = 'active_watchers'");
  await assert.rejects(db.start(), /active_watchers has version 11/);
});
