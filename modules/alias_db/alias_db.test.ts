import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DbWorld, type DbWorldOptions } from '../../test/support/db-world.ts';
import { parseFlags } from './aliases.ts';

const ROUTES = `
request_route {
  $var(r) = 0;
  $avp(o) = "old";
  if ($hdr(X-Do) == "lookup") alias_db_lookup("$hdr(X-Table)");
  if ($hdr(X-Do) == "lookup d") alias_db_lookup("dbaliases", "d");
  if ($hdr(X-Do) == "lookup u") alias_db_lookup("dbaliases", "u");
  if ($hdr(X-Do) == "lookup r") alias_db_lookup("dbaliases", "r");
  if ($hdr(X-Do) == "find") alias_db_find("dbaliases", "$hdr(X-Uri)", "$avp(o)", "u");
  if ($hdr(X-Do) == "find r") alias_db_find("dbaliases", "$hdr(X-Uri)", "$avp(o)", "r");
  $var(r) = $rc;
  append_to_reply("X-Got: $var(r) $ru $(branch(uri)[*])\\r\\nX-Out: $(avp(o)[*])\\r\\n");
  sl_send_reply("200", "OK");
}`;

const options = (params: Readonly<Record<string, string | number>> = {}): DbWorldOptions => ({
  modules: ['alias_db'],
  urlOf: ['alias_db'],
  routes: ROUTES,
  params: { alias_db: params },
});

async function lookup(w: DbWorld, uri: string, what = 'lookup', table = 'dbaliases'): Promise<string> {
  return (await w.asks('OPTIONS', uri, { 'X-Do': what, 'X-Table': table })).get('X-Got').replace(' <null>', '');
}

async function find(w: DbWorld, uri: string, what = 'find'): Promise<string> {
  return (await w.asks('OPTIONS', 'sip:x@y', { 'X-Do': what, 'X-Uri': uri })).get('X-Out');
}

test('an alias becomes the user it stands for', async () => {
  await DbWorld.with(options(), async (w) => {
    assert.equal(await lookup(w, 'sip:al@example.com'), '1 sip:alice@example.com');
    assert.equal(await lookup(w, 'sip:al@nowhere.com:5070;transport=tcp'), '1 sip:alice@example.com');
    assert.equal(await lookup(w, 'sip:zed@example.com'), '-1 sip:zed@example.com');
    assert.equal(await lookup(w, 'sip:example.com'), '-1 sip:example.com');
    assert.equal(await lookup(w, 'sip:al@other.com', 'lookup u'), '1 sip:alice@other.com');
    assert.equal(await lookup(w, 'sip:al@nowhere.com', 'lookup u'), '-1 sip:al@nowhere.com');
    assert.equal(await lookup(w, 'sip:alice@example.com', 'lookup r'), '1 sip:al@example.com');
    assert.equal(await lookup(w, 'sip:200@example.com'), '1 sip:bob@example.com', 'a user without a domain');
    assert.equal(await lookup(w, 'tel:100'), '1 sip:bob@example.com');
  });
});

test('by domain, with branches, without a prefix', async () => {
  await DbWorld.with(options({ use_domain: 1, append_branches: 1, domain_prefix: 'sip.' }), async (w) => {
    assert.equal(await lookup(w, 'sip:al@example.com'), '1 sip:alice@example.com sip:bob@example.com');
    assert.equal(await lookup(w, 'sip:al@sip.other.com'), '1 sip:alice@other.com');
    assert.equal(await lookup(w, 'sip:al@nowhere.com'), '-1 sip:al@nowhere.com');
    assert.match(await lookup(w, 'sip:al@nowhere.com', 'lookup d'), /^1 sip:alice@example\.com /);
    assert.equal(await find(w, 'sip:al@example.com'), 'sip:bob@example.com, sip:alice@example.com, old');
  });
});

test('alias_db_find leaves the Request-URI alone', async () => {
  await DbWorld.with(options(), async (w) => {
    assert.equal(await find(w, 'sip:al@other.com'), 'sip:alice@other.com, old');
    assert.equal(await find(w, 'sip:alice@example.com', 'find r'), 'sip:al@example.com, old');
    for (const uri of ['sip:zed@example.com', 'foo', '', "sip:x'or'1'='1@example.com"])
      assert.equal(await find(w, uri), 'old', uri);
  });
});

test('user parts are no SQL, rows that hold no URI are left out, a missing table is no alias', async () => {
  const change =
    "INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('bad', 'example.com', 'a b', 'x y')";
  await DbWorld.with({ ...options(), change }, async (w) => {
    for (const user of ["x'or'1'='1", "al';--", '%', 'a_', "al'"])
      assert.equal(await lookup(w, `sip:${user}@example.com`), `-1 sip:${user}@example.com`);
    assert.equal(await lookup(w, 'sip:bad@example.com'), '-1 sip:bad@example.com');
    assert.equal(await lookup(w, 'sip:al@example.com', 'lookup', 'nosuch'), '-1 sip:al@example.com');
    assert.equal(await lookup(w, 'sip:al@example.com', 'lookup', "dbaliases' --"), '-1 sip:al@example.com');
    assert.equal(await lookup(w, 'sip:al@example.com'), '1 sip:alice@example.com');
  });
});

test('flags', async () => {
  assert.deepEqual(parseFlags('', true), { usesDomain: true, isReverse: false });
  assert.deepEqual(parseFlags('dr', true), { usesDomain: false, isReverse: true });
  assert.deepEqual(parseFlags('du', false), { usesDomain: true, isReverse: false });
  await assert.rejects(DbWorld.start({ ...options(), routes: 'request_route { alias_db_lookup("dbaliases", "x"); }' }));
});
