import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DbWorld, type DbWorldOptions } from '../../test/support/db-world.ts';

const ROUTES = `
request_route {
  if ($hdr(X-Owner) != $null) sd_lookup("speed_dial", "$hdr(X-Owner)");
  else if ($hdr(X-Table) != $null) sd_lookup("$hdr(X-Table)");
  else sd_lookup("speed_dial");
  $var(r) = $rc;
  append_to_reply("X-Got: $var(r) $ru\\r\\n");
  sl_send_reply("200", "OK");
}`;

const options = (params: Readonly<Record<string, string | number>> = {}): DbWorldOptions => ({
  modules: ['speeddial'],
  urlOf: ['speeddial'],
  routes: ROUTES,
  params: { speeddial: params },
});

async function dial(
  w: DbWorld,
  uri: string,
  from: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  return (await w.asks('OPTIONS', uri, headers, { from: `<sip:${from}>` })).get('X-Got');
}

test("a short number is the caller's own", async () => {
  await DbWorld.with(options(), async (w) => {
    assert.equal(await dial(w, 'sip:11@example.com', 'alice@example.com'), '1 sip:bob@example.com');
    assert.equal(await dial(w, 'sip:11@example.com', 'alice@nowhere.com'), '1 sip:bob@example.com');
    assert.equal(
      await dial(w, 'sip:12@example.com', 'alice@example.com'),
      '1 sip:bob@example.com',
      'no scheme in the row',
    );
    assert.equal(await dial(w, 'sip:13@example.com', 'alice@example.com'), '-1 sip:13@example.com');
    assert.equal(await dial(w, 'sip:11@example.com', 'bob@example.com'), '-1 sip:11@example.com');
    assert.equal(await dial(w, 'sip:example.com', 'alice@example.com'), '-1 sip:example.com');
    assert.equal(await dial(w, 'sip:11@example.com', 'example.com'), '-1 sip:11@example.com');
  });
});

test('the owner may be another, the domains may count', async () => {
  const bob = 'bob@example.com';
  await DbWorld.with(options(), async (w) => {
    assert.equal(await dial(w, 'sip:11@x', bob, { 'X-Owner': 'sip:alice@example.com' }), '1 sip:bob@example.com');
    assert.equal(await dial(w, 'sip:11@x', bob, { 'X-Owner': 'nonsense' }), '-1 sip:11@x');
  });
  await DbWorld.with(options({ use_domain: 1, domain_prefix: 'sip.' }), async (w) => {
    assert.equal(await dial(w, 'sip:11@example.com', 'alice@sip.other.com'), '1 sip:carol@other.com');
    assert.equal(await dial(w, 'sip:11@example.com', 'alice@nowhere.com'), '-1 sip:11@example.com');
  });
  await DbWorld.with(options({ use_domain: 2 }), async (w) => {
    assert.equal(await dial(w, 'sip:11@other.com', 'alice@other.com'), '1 sip:carol@other.com');
    assert.equal(await dial(w, 'sip:11@example.com', 'alice@other.com'), '-1 sip:11@example.com');
  });
});

test('user parts are no SQL, rows that hold no URI are left out, a missing table is no number', async () => {
  const change = "UPDATE speed_dial SET new_uri = 'a b' WHERE sd_username = '12'";
  await DbWorld.with({ ...options(), change }, async (w) => {
    const alice = 'alice@example.com';
    for (const user of ["x'or'1'='1", "11'--", '1_', '%'])
      assert.equal(await dial(w, `sip:${user}@example.com`, alice), `-1 sip:${user}@example.com`);
    assert.equal(await dial(w, 'sip:11@example.com', "x'or'1'='1@example.com"), '-1 sip:11@example.com');
    assert.equal(await dial(w, 'sip:12@example.com', alice), '-1 sip:12@example.com');
    assert.equal(await dial(w, 'sip:11@example.com', alice, { 'X-Table': 'nosuch' }), '-1 sip:11@example.com');
    assert.equal(await dial(w, 'sip:11@example.com', alice), '1 sip:bob@example.com');
  });
});
