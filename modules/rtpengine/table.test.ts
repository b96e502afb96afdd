import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { RpcMany } from 'strowger';
import { SeededRandom, VirtualClock } from 'strowger/testing';
import { SimNetwork } from '../../test/support/sim-network.ts';
import { SimServer } from '../../test/support/sim-server.ts';

test('nodes of a table: read at start, changed by rtpengine.reload', { timeout: 30_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rtpengine-table-'));
  const path = join(folder, 'nodes.db');
  const db = new DatabaseSync(path);
  db.exec(`
    create table version (table_name varchar(32), table_version int);
    insert into version values ('rtpengine', 1);
    create table rtpengine (id integer primary key, setid int, url varchar(64), weight int, disabled int, stamp datetime);
    insert into rtpengine (setid, url, weight, disabled) values
      (0, 'udp:10.0.9.1:2223', 2, 0), (0, 'udp:10.0.9.2:2223', 1, 1), (3, 'udp:10.0.9.3:2223', 1, 0), (3, 'nonsense', 1, 0);
  `);
  const clock = new VirtualClock();
  const network = new SimNetwork(clock, new SeededRandom(1));
  const script = `loadmodule "db_sqlite.so"\nloadmodule "rtpengine.so"
modparam("rtpengine", "db_url", "sqlite:///${path}")
modparam("rtpengine", "rtpengine_tout_ms", 100)
request_route { exit; }`;
  const sim = await SimServer.start(network, { script });
  const shown = async (): Promise<unknown> =>
    ((await sim.server.rpc.call('rtpengine.show', ['all'])) as RpcMany).values.map((node) => {
      const { url, set, weight, disabled } = node as Record<string, unknown>;
      return [url, set, weight, disabled].join(' ');
    });
  try {
    assert.deepEqual(await shown(), [
      'udp:10.0.9.1:2223 0 2 0',
      'udp:10.0.9.2:2223 0 1 1(permanent)',
      'udp:10.0.9.3:2223 3 1 0',
    ]);
    // Nobody answers their pings.
    await clock.advanceAsync(1000);
    assert.deepEqual(await shown(), [
      'udp:10.0.9.1:2223 0 2 1',
      'udp:10.0.9.2:2223 0 1 1(permanent)',
      'udp:10.0.9.3:2223 3 1 1',
    ]);
    db.exec(
      "delete from rtpengine where setid = 3; update rtpengine set disabled = 0, weight = 7 where url like '%9.2%'",
    );
    db.exec("insert into rtpengine (setid, url, weight, disabled) values (4, 'udp:10.0.9.4:2223', 1, 0)");
    assert.equal(await sim.server.rpc.call('rtpengine.reload', []), 'Ok. Reload successful.');
    await assert.rejects(sim.server.rpc.call('rtpengine.reload', []), /Too short reload interval/);
    assert.deepEqual(await shown(), ['udp:10.0.9.1:2223 0 2 1', 'udp:10.0.9.2:2223 0 7 0', 'udp:10.0.9.4:2223 4 1 0']);
    await clock.advanceAsync(11_000);
    db.exec('update version set table_version = 2; drop table rtpengine');
    await assert.rejects(sim.server.rpc.call('rtpengine.reload', []), /Failed to reload db/);
    assert.equal(((await shown()) as unknown[]).length, 3);
  } finally {
    await sim.stop();
    db.close();
    rmSync(folder, { recursive: true });
  }
});
