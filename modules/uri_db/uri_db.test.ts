import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DbWorld, type DbWorldOptions } from '../../test/support/db-world.ts';
import { challengeOf, digestAnswer } from '../../test/support/digest-client.ts';

const ROUTES = `
request_route {
  if ($rU == "ch") { www_challenge("example.com", "0"); exit; }
  if ($hdr(Authorization) != $null) pv_www_authenticate("example.com", "pw", "0");
  $var(r) = 0;
  if ($hdr(X-Do) == "to") check_to();
  if ($hdr(X-Do) == "from") check_from();
  if ($hdr(X-Do) == "uri") check_uri("$hdr(X-Uri)");
  if ($hdr(X-Do) == "user") check_uri("$hdr(X-Uri)", "alice", "example.com");
  if ($hdr(X-Do) == "exists") does_uri_exist();
  $var(r) = $rc;
  append_to_reply("X-Rc: $var(r)\\r\\n");
  sl_send_reply("200", "OK");
}`;

const options = (params: Readonly<Record<string, string | number>> = {}): DbWorldOptions => ({
  modules: ['auth', 'uri_db'],
  urlOf: ['uri_db'],
  routes: ROUTES,
  params: { uri_db: params },
});

const URI_TABLE = { use_uri_table: 1, db_table: 'uri' };

/** Asks as alice, authenticated unless `password` is null. */
async function check(
  w: DbWorld,
  what: string,
  uri: string,
  password: string | null = 'pw',
  user = 'alice',
): Promise<number> {
  const challenge = challengeOf(await w.asks('OPTIONS', 'sip:ch@example.com'));
  const base = { user, method: 'OPTIONS', uri: 'sip:x@y' };
  const credentials = password === null ? {} : { Authorization: digestAnswer(challenge, { ...base, password }) };
  const headers = { 'X-Do': what, 'X-Uri': uri, ...credentials };
  return Number((await w.asks('OPTIONS', 'sip:x@y', headers, { from: `<${uri}>`, to: `<${uri}>` })).get('X-Rc'));
}

test('against the credentials', async () => {
  await DbWorld.with(options(), async (w) => {
    for (const what of ['to', 'from', 'uri']) {
      assert.equal(await check(w, what, 'sip:alice@example.com'), 1);
      assert.equal(await check(w, what, 'sip:ALICE@other.com'), 1);
      assert.equal(await check(w, what, 'sip:bob@example.com'), -10);
      assert.equal(await check(w, what, 'sip:example.com'), -4);
      assert.equal(await check(w, what, 'sip:alice@example.com', null), -2);
      assert.equal(await check(w, what, 'sip:alice@example.com', 'wrong'), -2);
      assert.equal(await check(w, what, 'sip:alice@example.com', 'pw', 'alice@example.com'), 1);
    }
    assert.equal(await check(w, 'user', 'sip:alice@example.com', null), 1);
    assert.equal(await check(w, 'user', 'sip:bob@example.com', null), -10);
  });
});

test('against the table uri', async () => {
  await DbWorld.with(options(URI_TABLE), async (w) => {
    for (const what of ['to', 'from', 'uri']) {
      assert.equal(await check(w, what, 'sip:al@example.com'), 1);
      assert.equal(await check(w, what, 'sip:bob@example.com'), -9);
      assert.equal(await check(w, what, "sip:x'or'1'='1@example.com"), -9);
      assert.equal(await check(w, what, 'sip:al@example.com', null), -2);
      assert.equal(await check(w, what, 'sip:al@example.com', 'pw', 'bob'), -9);
    }
    assert.equal(await check(w, 'user', 'sip:al@example.com', null), 1);
  });
});

test('does_uri_exist', async () => {
  const exists = async (w: DbWorld, uri: string): Promise<number> =>
    Number((await w.asks('OPTIONS', uri, { 'X-Do': 'exists' })).get('X-Rc'));
  await DbWorld.with(options(), async (w) => {
    assert.equal(await exists(w, 'sip:alice@nowhere.com'), 1);
    assert.equal(await exists(w, 'sip:zed@example.com'), -5);
    assert.equal(await exists(w, 'sip:example.com'), -5);
    assert.equal(await exists(w, "sip:x'or'1'='1@example.com"), -5);
  });
  await DbWorld.with(options({ use_domain: 1 }), async (w) => {
    assert.equal(await exists(w, 'sip:alice@example.com'), 1);
    assert.equal(await exists(w, 'sip:alice@nowhere.com'), -5);
  });
  await DbWorld.with(options(URI_TABLE), async (w) => {
    assert.equal(await exists(w, 'sip:al@nowhere.com'), 1);
    assert.equal(await exists(w, 'sip:zed@example.com'), -5);
  });
});

test('the version of the table is checked', async () => {
  const change = "UPDATE version SET table_version = 6 WHERE table_name = 'subscriber'";
  await assert.rejects(DbWorld.start({ ...options(), change }), /version 6/);
});
