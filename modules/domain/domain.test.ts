import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { createSql } from '../../core/db/schema/index.ts';
import { USERS_TABLES } from '../../core/db/schema/users.ts';
import { SipWorld, type WorldOptions } from '../../test/support/sip-world.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-domain-'));
after(() => rmSync(folder, { recursive: true }));

const ROWS = `
  INSERT INTO domain (domain, did) VALUES ('example.org', NULL), ('Example.COM', 'example.org'), ('a.example.net', 'net');
  INSERT INTO domain_attrs (did, name, type, value) VALUES
    ('example.org', 'city', 2, 'Berlin'), ('example.org', 'num', 0, '42'), ('example.org', 'num', 0, '43');`;

function makeTables(path: string, rows: string): DatabaseSync {
  const database = new DatabaseSync(path);
  for (const table of USERS_TABLES.filter(({ name }) => ['version', 'domain', 'domain_attrs'].includes(name))) {
    for (const sql of createSql(table, 'sqlite')) database.exec(sql);
    if (table.name !== 'version')
      database.exec(`INSERT INTO version (table_name, table_version) VALUES ('${table.name}', ${table.version})`);
  }
  database.exec(rows);
  return database;
}

let files = 0;
async function world(
  routes: string,
  rows = ROWS,
  options: WorldOptions = {},
): Promise<{ world: SipWorld; database: DatabaseSync }> {
  const path = join(folder, `${files++}.db`);
  const database = makeTables(path, rows);
  const started = await SipWorld.start(routes, {
    ...options,
    params: `loadmodule "db_sqlite.so"\nloadmodule "domain.so"\nmodparam("domain", "db_url", "sqlite://${path}")\n${options.params ?? ''}`,
  });
  return { world: started, database };
}

/** What the script says by its reply's reason. */
async function told(sip: SipWorld, ruri: string, from = '<sip:alice@example.org>'): Promise<string> {
  sip.alice.sends(sip.alice.request('OPTIONS', ruri, { from, callId: `${ruri}${from}`.replace(/\W/g, '') }));
  return (await sip.alice.receives(200)).startLine.slice('SIP/2.0 200 '.length);
}

const ROUTE = `request_route {
  $var(f) = is_from_local(); $var(u) = is_uri_host_local(); $var(d) = is_domain_local("$rU");
  $var(l) = lookup_domain("$rU"); $var(p) = lookup_domain("$rU", "p_"); $var(m) = 0;
  if (uri == myself) $var(m) = 1;
  sl_send_reply("200", "$var(f) $var(u) $var(d) $var(l) $var(p) $var(m) $avp(did) $avp(city) $(avp(num)[*]) $avp(p_did)");
}`;

test('local domains, their ids and attributes; register_myself', async (t) => {
  const { world: sip, database } = await world(ROUTE, ROWS, { params: 'modparam("domain", "register_myself", 1)\n' });
  t.after(() => sip.stop());
  assert.equal(
    await told(sip, 'sip:EXAMPLE.com@Example.Org:7777;transport=tcp'),
    '1 1 1 1 1 1 example.org Berlin 42, 43 example.org',
  );
  assert.equal(
    await told(sip, 'sip:a.example.net@nosuch.example.org', '<tel:+1>'),
    '-1 -1 1 1 1 0 net <null> <null> net',
  );
  assert.equal(
    await told(sip, 'sip:example@A.example.net', '<sip:x@b.example.net>'),
    '-1 1 -1 -1 -1 1 <null> <null> <null> <null>',
  );
  database.exec("DELETE FROM domain; INSERT INTO domain (domain, did) VALUES ('new.example.org', 'n')");
  const { rpc } = sip.sim.server;
  assert.equal(await rpc.call('domain.reload', []), undefined);
  assert.equal(await told(sip, 'sip:new.example.org@example.org'), '-1 -1 1 1 1 0 n <null> <null> n');
  // A table with something wrong leaves what was there.
  database.exec("INSERT INTO domain (domain, did) VALUES ('', 'n')");
  await assert.rejects(rpc.call('domain.reload', []), { code: 400, message: 'Reload of domain tables failed' });
  assert.ok(sip.sim.log.lines.some((line) => /domain of row 1 is empty/.test(line)));
  assert.equal(await told(sip, 'sip:new.example.org@x.example.org'), '-1 -1 1 1 1 0 n <null> <null> n');
  database.close();
});

test('in a failure route the host is that of the first branch', async (t) => {
  const { world: sip } = await world(`
    request_route { t_on_failure("BUSY"); $du = "sip:10.0.2.1"; t_relay(); }
    failure_route[BUSY] {
      $var(before) = is_uri_host_local();
      append_branch("sip:x@a.example.net");
      $var(after) = is_uri_host_local();
      xlog("L_ERR", "say $var(before) $var(after)\\n");
    }`);
  t.after(() => sip.stop());
  const invite = sip.calls('sip:someone@example.org');
  sip.bob.replies(await sip.bob.receives('INVITE'), 486);
  await sip.final(invite);
  assert.ok(
    sip.sim.log.lines.some((line) => line.includes('say -1 1')),
    sip.sim.log.lines.join('\n'),
  );
});

test('tables that can not be right stop the start', async () => {
  for (const [rows, message] of [
    ["INSERT INTO domain (domain, did) VALUES ('a', '')", /did of row 0 is empty/],
    ["INSERT INTO domain_attrs (did, name, type, value) VALUES ('a', 'b', 1, 'c')", /type 1/],
    ["INSERT INTO domain_attrs (did, name, type, value) VALUES ('a', 'b', 0, '1c')", /"1c" is no number/],
    ["UPDATE version SET table_version = 1 WHERE table_name = 'domain'", /has version 1, needed is version 2/],
  ] as const)
    await assert.rejects(world('request_route { exit; }', rows), message);
});
