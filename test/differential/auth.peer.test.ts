import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { type ComparedServer, withBoth } from '../support/both-servers.ts';
import { challengeOf, type DigestAnswer, digestAnswer, ownRequest } from '../support/digest-client.ts';
import { TestMsg } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import { makeUserTables } from '../support/user-tables.ts';

/** The same script, tables and messages: challenges, results and replies of auth, auth_db, alias_db, speeddial, uri_db. */

const folder = mkdtempSync(join(tmpdir(), 'strowger-auth-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'users.db');
makeUserTables(file);

const PATIENCE_MS = 5000;
const DB_MODULES = 'auth_db|alias_db|speeddial|uri_db';

const script = (modulePath: string, params: string): string => `${modulePath}
debug=-1
log_stderror=yes
${['tm', 'sl', 'pv', 'textops', 'textopsx', 'siputils', 'db_sqlite', 'auth', 'auth_db', 'alias_db', 'speeddial', 'uri_db'].map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("${DB_MODULES}", "db_url", "sqlite://${file}")
${params}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  $var(f) = $(hdr(X-F){s.int});
  $var(r) = 0;
  $var(o) = "unset";
  $avp(o) = "old";
  if ($rU == "tran") t_newtran();
  switch ($hdr(X-Do)) {
    case "www_challenge": www_challenge("$hdr(X-R)", "$var(f)"); exit;
    case "proxy_challenge": proxy_challenge("$hdr(X-R)", "$var(f)"); exit;
    case "auth_challenge": auth_challenge("$hdr(X-R)", "$var(f)"); exit;
    case "get": auth_get_www_authenticate("$hdr(X-R)", "$var(f)", "$var(o)"); append_to_reply("$var(o)"); $var(o) = "got"; break;
    case "has": has_credentials("$hdr(X-R)"); $var(r) = $rc; break;
    case "pv_www": pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "$var(f)"); $var(r) = $rc; break;
    case "pv_www4": pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "$var(f)", "INVITE"); $var(r) = $rc; break;
    case "pv_proxy": pv_proxy_authenticate("$hdr(X-R)", "$hdr(X-P)", "$var(f)"); $var(r) = $rc; break;
    case "pv_check": pv_auth_check("$hdr(X-R)", "$hdr(X-P)", "0", "$var(f)"); $var(r) = $rc; break;
    case "eat": pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "0"); consume_credentials(); $var(r) = $rc; msg_apply_changes(); break;
    case "www": www_authenticate("$hdr(X-R)", "subscriber"); $var(r) = $rc; break;
    case "www3": www_authenticate("$hdr(X-R)", "subscriber", "INVITE"); $var(r) = $rc; break;
    case "proxy": proxy_authenticate("$hdr(X-R)", "subscriber"); $var(r) = $rc; break;
    case "check": auth_check("$hdr(X-R)", "$hdr(X-T)", "$var(f)"); $var(r) = $rc; break;
    case "sub": is_subscriber("$hdr(X-U)", "subscriber", "$var(f)"); $var(r) = $rc; break;
    case "alias": alias_db_lookup("dbaliases"); $var(r) = $rc; break;
    case "alias d": alias_db_lookup("dbaliases", "d"); $var(r) = $rc; break;
    case "alias u": alias_db_lookup("dbaliases", "u"); $var(r) = $rc; break;
    case "alias r": alias_db_lookup("dbaliases", "r"); $var(r) = $rc; break;
    case "find": alias_db_find("dbaliases", "$hdr(X-U)", "$avp(o)"); $var(r) = $rc; break;
    case "find u": alias_db_find("dbaliases", "$hdr(X-U)", "$avp(o)", "u"); $var(r) = $rc; break;
    case "find r": alias_db_find("dbaliases", "$hdr(X-U)", "$avp(o)", "r"); $var(r) = $rc; break;
    case "speed": sd_lookup("speed_dial"); $var(r) = $rc; break;
    case "speed2": sd_lookup("speed_dial", "$hdr(X-U)"); $var(r) = $rc; break;
    case "to": pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "0"); check_to(); $var(r) = $rc; break;
    case "from": pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "0"); check_from(); $var(r) = $rc; break;
    case "uri": pv_www_authenticate("$hdr(X-R)", "$hdr(X-P)", "0"); check_uri("$hdr(X-U)"); $var(r) = $rc; break;
    case "uri3": check_uri("$hdr(X-U)", "alice", "example.com"); $var(r) = $rc; break;
    case "exists": does_uri_exist(); $var(r) = $rc; break;
  }
  is_user("alice");
  $var(u) = $rc;
  append_to_reply("X-Got: $var(r) o=$var(o) $(avp(o)[*]) ru=$ru br=$(branch(uri)[*])\\r\\nX-Creds: $var(u) au=$au aU=$aU ad=$ad ar=$ar adu=$adu aa=$aa adc=$adc ado=$ado Au=$Au AU=$AU\\r\\nX-Left: [$hdr(Authorization)]\\r\\nX-Avp: $avp(digest_challenge) $avp(i:5) $avp(id) $avp(dc2)\\r\\n");
  sl_send_reply("200", "OK");
}`;

/** One request of a case. `answer`: what differs from a right answer to the server's challenge; null for none. */
interface Ask {
  readonly what: string;
  readonly method?: string;
  readonly uri?: string;
  readonly flags?: number;
  readonly realm?: string;
  readonly from?: string;
  readonly to?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answer?: Partial<DigestAnswer> | null;
  /** Flags of the challenge that is answered. */
  readonly challenge?: number;
  readonly header?: 'Authorization' | 'Proxy-Authorization';
  /** Call-ID and From tag, where they are the same in several requests. */
  readonly call?: string;
  /** Answers the challenge before this one again. */
  readonly again?: boolean;
  readonly edit?: (value: string) => string;
}

/** Without what differs by chance; who the caller is does not count where the check failed: 5.6.3 believes him all the same. */
function quiet(text: string): string {
  const same = text.replace(/nonce="[^"]*"/g, 'nonce="N"').replace(/(response|rspauth)="[0-9a-f]{32}"/g, '$1="R"');
  return /X-Got: -/.test(same) ? same.replace(/X-Creds: -?1 /, '').replace(/Au=.*? AU=[^|]*/, '') : same;
}

/** What a server says to each request. */
async function drive(server: ComparedServer, asks: readonly Ask[]): Promise<readonly string[]> {
  const { peer, port } = server;
  const said: string[] = [];
  let challenge = '';
  const say = async (ask: Ask, headers: Readonly<Record<string, string>>): Promise<TestMsg> => {
    const { method = 'REGISTER', uri = 'sip:x@example.com', from = 'alice@example.com', call } = ask;
    const text = ownRequest(method, uri, from, {
      sentBy: `127.0.0.1:${peer.port}`,
      to: `<sip:${ask.to ?? from}>`,
      ...(call === undefined ? {} : { callId: call, fromTag: call }),
      headers: { 'X-R': ask.realm ?? 'example.com', 'X-P': 'pw', 'X-F': String(ask.flags ?? 0), ...headers },
    });
    peer.send(text, port);
    const reply = await peer.next(PATIENCE_MS);
    assert.ok(reply !== null, `${server.name} does not answer ${ask.what}`);
    return new TestMsg(reply);
  };
  for (const ask of asks) {
    const { method = 'REGISTER', answer = null } = ask;
    const headers: Record<string, string> = { 'X-Do': ask.what, ...ask.headers };
    if (answer !== null) {
      if (ask.again !== true)
        challenge = challengeOf(
          await say({ ...ask, realm: 'example.com', flags: ask.challenge ?? 0 }, { 'X-Do': 'www_challenge' }),
        );
      const base = { user: 'alice', password: 'pw', method, uri: 'sip:example.com' };
      const value = digestAnswer(challenge, { ...base, ...answer });
      headers[ask.header ?? 'Authorization'] = ask.edit?.(value) ?? value;
    }
    const reply = await say(ask, headers);
    const rows = reply.headers
      .filter(([name]) => /^X-|Authenti/.test(name))
      .map(([name, value]) => `${name}: ${value}`);
    said.push(`${JSON.stringify({ ...ask, headers: undefined })} → ${reply.startLine} | ${quiet(rows.join(' | '))}`);
  }
  return said;
}

async function compare(asks: readonly Ask[], params = ''): Promise<void> {
  const { kamailio, strowger } = await withBoth(
    (_port, modulePath) => script(modulePath, params),
    (server) => drive(server, asks),
  );
  const differing = (own: readonly string[], others: readonly string[]): string[] =>
    own.filter((line, i) => line !== others[i]);
  assert.deepEqual(differing(strowger, kamailio), differing(kamailio, strowger));
}

const alice: Partial<DigestAnswer> = {};
const proxy = { header: 'Proxy-Authorization' } as const;
const uris = (what: string, list: readonly string[]): Ask[] =>
  list.map((uri) => ({ what, method: 'OPTIONS', uri: `sip:${uri}`, headers: { 'X-U': `sip:${uri}` } }));

describe('auth beside kamailio', { skip: skipWithout('kamailio') }, () => {
  test('challenges', async () => {
    const flags = [0, 1, 2, 3, 4, 16, 17, 18];
    await compare([
      ...flags.map((flag): Ask => ({ what: 'www_challenge', flags: flag })),
      ...flags.map((flag): Ask => ({ what: 'proxy_challenge', method: 'INVITE', flags: flag })),
      { what: 'auth_challenge' },
      { what: 'auth_challenge', method: 'PUBLISH' },
      { what: 'auth_challenge', method: 'PRACK' },
      ...[0, 1, 2, 16].map((flag): Ask => ({ what: 'get', flags: flag })),
      { what: 'www_challenge', uri: 'sip:tran@example.com', flags: 1 },
    ]);
    for (const algorithm of ['MD5', 'SHA-256'])
      await compare(
        [0, 17].map((flag) => ({ what: 'www_challenge', flags: flag })),
        `modparam("auth", "algorithm", "${algorithm}")`,
      );
    await compare(
      [{ what: 'www_challenge', realm: 'sip.example.com' }, { what: 'proxy_challenge' }, { what: 'pv_www', flags: 2 }],
      'modparam("auth", "realm_prefix", "sip.")\nmodparam("auth", "www_challenge_header", "WWW-Authenticate-X")\nmodparam("auth", "challenge_attr", "$dc2")',
    );
  });

  test('results of pv_*', async () => {
    const drop = (name: string) => (value: string) => value.replace(new RegExp(`[ ,]+${name}="[^"]*"`), '');
    await compare([
      { what: 'pv_www' },
      { what: 'pv_www', answer: alice },
      { what: 'pv_www', answer: alice, challenge: 1 },
      { what: 'pv_www', answer: { user: 'alice@example.com' } },
      { what: 'pv_www', answer: { realm: 'other.com' } },
      { what: 'pv_www', answer: { nonce: 'abcdef' } },
      { what: 'pv_www', answer: { response: 'aabb' } },
      ...['realm', 'username', 'nonce', 'uri', 'response'].map(
        (name): Ask => ({ what: 'has', answer: alice, edit: drop(name) }),
      ),
      { what: 'pv_www', answer: alice, edit: drop('realm') },
      { what: 'pv_www', answer: alice, edit: () => 'Basic abc=' },
      { what: 'pv_www', answer: alice, edit: () => 'garbage' },
      { what: 'pv_www', answer: alice, edit: (value) => `${value}, qop=auth` },
      { what: 'pv_www4', answer: { method: 'INVITE' } },
      { what: 'pv_www', method: 'PRACK' },
      { what: 'pv_proxy', answer: alice },
      { what: 'pv_proxy', answer: alice, ...proxy },
      ...[2, 4, 6, 8, 12].map((flags): Ask => ({ what: 'pv_www', flags })),
      { what: 'has', answer: alice },
      { what: 'has', answer: alice, realm: 'EXAMPLE.com' },
      { what: 'has', answer: alice, realm: 'other.com' },
      { what: 'has', answer: alice, ...proxy },
    ]);
  });

  test('credentials that are consumed; 5.6.3 forgets the user with them once the changes are applied', async () => {
    const { kamailio, strowger } = await withBoth(
      (_port, modulePath) => script(modulePath, ''),
      (server) => drive(server, [{ what: 'eat', answer: alice }]),
    );
    const rest = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/X-Creds: -?1 /, ''));
    assert.deepEqual(rest(strowger), rest(kamailio));
  });

  test('wrong responses', async () => {
    await compare([
      { what: 'pv_www', answer: { password: 'x' } },
      { what: 'pv_www', answer: { method: 'INVITE' } },
      { what: 'pv_www', answer: { realm: 'EXAMPLE.com' } },
      { what: 'pv_www', answer: alice, flags: 1 },
      { what: 'pv_www', answer: { password: 'x' }, flags: 4 },
    ]);
  });

  test('users of requests', async () => {
    const asks: Ask[] = [];
    for (const what of ['pv_check', 'check'])
      for (const flags of what === 'check' ? [0, 1, 3] : [0, 1])
        for (const method of ['REGISTER', 'OPTIONS', 'PUBLISH', 'MESSAGE'])
          for (const [from, to] of [
            ['alice@example.com', 'alice@example.com'],
            ['alice@example.com', 'bob@example.com'],
            ['bob@example.com', 'alice@example.com'],
            ['ALICE@example.com', 'ALICE@example.com'],
            ['alice@example.com', 'alice@other.com'],
          ] as const)
            asks.push({
              what,
              method,
              flags,
              from,
              to,
              uri: 'sip:alice@example.com',
              headers: { 'X-T': 'subscriber' },
              answer: alice,
              header: method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization',
            });
    await compare(asks);
    await compare(asks, 'modparam("auth_db", "use_domain", 1)\nmodparam("auth", "use_domain", 1)');
  });

  test('nonces: counts, single use, what they are bound to', async () => {
    const uses = (answers: readonly Partial<DigestAnswer>[]): Ask[] =>
      answers.map((answer, i) => ({ what: 'pv_www', answer, challenge: 1, again: i > 0 }));
    const counts = ['00000001', '00000001', '00000003', '00000002', '000000ff', '00000100', '0000000x', '1'];
    const asks = [
      ...uses([...counts.map((nc) => ({ nc })), { qop: '' }, { qop: '' }]),
      ...uses([{ password: 'x' }, {}, { nc: '00000005' }]),
      ...uses([{ nc: '00000000' }]),
    ];
    const count = 'modparam("auth", "nonce_count", 1)\n';
    const once = 'modparam("auth", "one_time_nonce", 1)\n';
    await compare(asks, count);
    await compare(asks, once);
    await compare(asks, count + once);
    const bound: Ask[] = ['A', 'A', 'B'].map((call, i) => ({
      what: 'pv_www',
      answer: alice,
      call,
      again: i > 0,
      uri: 'sip:x@example.com',
    }));
    await compare(
      [...bound, { what: 'pv_www', answer: alice, call: 'A', again: true, uri: 'sip:y@example.com' }],
      'modparam("auth", "auth_checks_register", 15)',
    );
  });

  test('Authentication-Info', async () => {
    await compare([{ what: 'pv_www', answer: alice, challenge: 1 }], 'modparam("auth", "add_authinfo_hdr", 1)');
  });
});

describe('tables of users beside kamailio', { skip: skipWithout('kamailio') }, () => {
  const users: Ask[] = [
    { what: 'www' },
    { what: 'www', answer: alice },
    { what: 'www', answer: { user: 'alice@example.com' } },
    { what: 'www', answer: { user: "o'neil" } },
    { what: 'www', answer: { nonce: 'forged', user: 'zed' } },
    { what: 'www', answer: { password: 'x' } },
    ...['zed', 'ALICE', "x' OR '1'='1", 'ali%'].map((user): Ask => ({ what: 'www', answer: { user } })),
    { what: 'www3', answer: { method: 'INVITE' } },
    { what: 'proxy', answer: alice, ...proxy, method: 'OPTIONS' },
    ...[0, 1, 2, 3].flatMap((flags) =>
      ['alice@example.com', 'alice@nowhere.com', 'zed@example.com', 'example.com', "o'neil@example.com"].map(
        (uri): Ask => ({ what: 'sub', flags, headers: { 'X-U': `sip:${uri}` } }),
      ),
    ),
    { what: 'sub', headers: { 'X-U': 'nonsense' } },
  ];
  const load = 'modparam("auth_db", "load_credentials", "$avp(i:5)=domain;id")\n';

  test('auth_db', async () => {
    await compare(users, load);
    await compare(users, `${load}modparam("auth_db", "use_domain", 1)`);
    const plain = 'modparam("auth_db", "calculate_ha1", 1)\nmodparam("auth_db", "password_column", "password")\n';
    await compare(users, load + plain);
    const others: Ask[] = [{ what: 'www', realm: 'other.com', answer: { realm: 'other.com', password: 'pw2' } }];
    await compare(others, `${load + plain}modparam("auth_db", "use_domain", 1)`);
  });

  const ALIASES = [
    'al@example.com',
    'al@other.com',
    '100@example.com',
    'zed@example.com',
    'alice@example.com',
    'example.com',
    "x'or'1'='1@example.com",
  ];
  const aliases: Ask[] = [
    ...['alias', 'alias d', 'alias u', 'alias r', 'find', 'find u', 'find r'].flatMap((what) => uris(what, ALIASES)),
    { what: 'alias', method: 'OPTIONS', uri: 'sip:al@example.com:5070;transport=tcp' },
    { what: 'alias', method: 'OPTIONS', uri: 'sips:al@example.com' },
    { what: 'find', method: 'OPTIONS', headers: { 'X-U': 'foo' } },
  ];

  test('alias_db', async () => {
    await compare(aliases);
    await compare(aliases, 'modparam("alias_db", "use_domain", 1)\nmodparam("alias_db", "append_branches", 1)');
    await compare(
      uris('alias u', ['al@sip.other.com', 'al@other.com']),
      'modparam("alias_db", "domain_prefix", "sip.")',
    );
  });

  test('speeddial', async () => {
    const asks: Ask[] = [];
    for (const uri of [
      '11@example.com',
      '11@other.com',
      '12@example.com',
      '13@example.com',
      'example.com',
      "1'or'1'='1@x.com",
    ])
      for (const owner of ['alice@example.com', 'alice@other.com', 'bob@example.com', 'example.com'])
        asks.push(
          { what: 'speed', method: 'OPTIONS', uri: `sip:${uri}`, from: owner },
          { what: 'speed2', method: 'OPTIONS', uri: `sip:${uri}`, headers: { 'X-U': `sip:${owner}` } },
        );
    asks.push({ what: 'speed2', method: 'OPTIONS', uri: 'sip:11@example.com', headers: { 'X-U': 'foo' } });
    for (const by of [0, 1, 2]) await compare(asks, `modparam("speeddial", "use_domain", ${by})`);
  });

  test('uri_db', async () => {
    const asks: Ask[] = [];
    for (const uri of [
      'alice@example.com',
      'ALICE@example.com',
      'al@example.com',
      'bob@example.com',
      'alice@other.com',
      'example.com',
    ]) {
      for (const what of ['to', 'from', 'uri']) {
        const headers = { 'X-U': `sip:${uri}` };
        asks.push({ what, from: uri, headers, answer: alice }, { what, from: uri, headers });
      }
      asks.push({ what: 'uri3', headers: { 'X-U': `sip:${uri}` } });
      asks.push({ what: 'exists', method: 'OPTIONS', uri: `sip:${uri}` });
    }
    asks.push({ what: 'uri', answer: { user: 'alice@example.com' }, headers: { 'X-U': 'sip:alice@example.com' } });
    asks.push({ what: 'uri3', headers: { 'X-U': 'foo' } });
    await compare(asks);
    await compare(asks, 'modparam("uri_db", "use_domain", 1)');
    await compare(asks, 'modparam("uri_db", "use_uri_table", 1)\nmodparam("uri_db", "db_table", "uri")');
  });
});
