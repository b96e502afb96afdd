import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { challengeOf, type DigestAnswer, digestAnswer, ownRequest } from '../../test/support/digest-client.ts';
import type { RequestOptions, TestMsg } from '../../test/support/msg.ts';
import { SipWorld } from '../../test/support/sip-world.ts';
import { makeUserTables } from '../../test/support/user-tables.ts';
import { parseLoadCredentials } from './load-credentials.ts';

const folder = mkdtempSync(join(tmpdir(), 'strowger-auth-db-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

const ROUTES = `
request_route {
  if ($rU == "ch") { www_challenge("$hdr(X-R)", "0"); exit; }
  $var(r) = 0;
  if ($rU == "www") { www_authenticate("$hdr(X-R)", "subscriber"); $var(r) = $rc; }
  if ($rU == "wwwm") { www_authorize("$hdr(X-R)", "subscriber", "$hdr(X-M)"); $var(r) = $rc; }
  if ($rU == "px") { proxy_authenticate("$hdr(X-R)", "subscriber"); $var(r) = $rc; }
  if ($rU == "chk") { auth_check("$hdr(X-R)", "$hdr(X-T)", "$(hdr(X-F){s.int})"); $var(r) = $rc; }
  if ($rU == "view") { auth_check("$hdr(X-R)", "phones", "0"); $var(r) = $rc; is_subscriber("$fu", "phones", "0"); $var(r) = $var(r) + $rc; }
  if ($rU == "alice") { auth_check("$hdr(X-R)", "$hdr(X-T)", "1"); $var(r) = $rc; }
  if ($rU == "sub") { is_subscriber("$hdr(X-U)", "subscriber", "$(hdr(X-F){s.int})"); $var(r) = $rc; }
  append_to_reply("X-Rc: $var(r)\\r\\nX-Avps: pw=$avp(password) five=$avp(i:5) id=$avp(id)\\r\\nX-User: au=$au Au=$Au\\r\\n");
  sl_send_reply("200", "OK");
}`;

class DbWorld {
  readonly world: SipWorld;
  private constructor(world: SipWorld) {
    this.world = world;
  }

  static async start(params: Readonly<Record<string, string | number>> = {}, change = ''): Promise<DbWorld> {
    const file = join(folder, `${++files}.db`);
    makeUserTables(file, change);
    const lines = Object.entries({ db_url: `sqlite://${file}`, ...params }).map(
      ([name, value]) => `modparam("auth_db", "${name}", ${typeof value === 'number' ? value : `"${value}"`})`,
    );
    const loaded = ['db_sqlite', 'auth', 'auth_db'].map((name) => `loadmodule "${name}.so"`);
    return new DbWorld(await SipWorld.start(ROUTES, { params: `${[...loaded, ...lines].join('\n')}\n` }));
  }

  async asks(
    what: string,
    headers: Readonly<Record<string, string>> = {},
    options: RequestOptions & { readonly method?: string; readonly user?: string } = {},
  ): Promise<TestMsg> {
    const { alice } = this.world;
    alice.sends(
      ownRequest(options.method ?? 'REGISTER', `sip:${what}@10.0.0.1`, options.user ?? 'alice@example.com', {
        sentBy: '10.0.1.1:5060',
        ...options,
        headers: { 'X-R': 'example.com', 'X-T': 'subscriber', 'X-F': '0', ...headers },
      }),
    );
    return await alice.receives((msg) => msg.status >= 200);
  }

  async answer(changes: Partial<DigestAnswer> = {}): Promise<string> {
    return digestAnswer(challengeOf(await this.asks('ch')), {
      user: 'alice',
      password: 'pw',
      method: 'REGISTER',
      uri: 'sip:example.com',
      ...changes,
    });
  }

  async result(changes: Partial<DigestAnswer> = {}, headers: Readonly<Record<string, string>> = {}): Promise<number> {
    const reply = await this.asks('www', { Authorization: await this.answer(changes), ...headers });
    return Number(reply.get('X-Rc'));
  }
}

async function withDb(
  params: Readonly<Record<string, string | number>>,
  use: (w: DbWorld) => Promise<void>,
  change = '',
): Promise<void> {
  const w = await DbWorld.start(params, change);
  try {
    await use(w);
  } finally {
    await w.world.stop();
  }
}

const PLAIN = { calculate_ha1: 1, password_column: 'password' };

suite('auth_db', () => {
  test('HA1 in the table, of the user with and without a domain', async () => {
    await withDb({}, async (w) => {
      assert.equal(await w.result(), 1);
      assert.equal(await w.result({ password: 'x' }), -2);
      assert.equal(await w.result({ user: 'zed' }), -3);
      assert.equal(await w.result({ user: 'alice@example.com' }), 1);
      assert.equal(await w.result({ user: 'alice@other.com' }), -2);
      assert.equal(Number((await w.asks('www')).get('X-Rc')), -5);
      assert.equal(await w.result({ nonce: 'forged', user: 'zed' }), -1);
      assert.equal(await w.result({}, { 'X-R': '' }), -1);
    });
  });

  test('passwords in plain text, by user and domain', async () => {
    await withDb({ ...PLAIN, use_domain: 1 }, async (w) => {
      assert.equal(await w.result(), 1);
      assert.equal(await w.result({ realm: 'other.com', password: 'pw2' }, { 'X-R': 'other.com' }), 1);
      assert.equal(await w.result({ realm: 'other.com' }, { 'X-R': 'other.com' }), -2);
      assert.equal(await w.result({ user: 'alice@other.com', password: 'pw2' }), 1);
      assert.equal(await w.result({ user: 'ALICE' }), -3);
    });
  });

  test('an account without a password is closed', async () => {
    await withDb(
      {},
      async (w) => {
        assert.equal(await w.result({ ha1: '' }), -2);
        assert.equal(await w.result({ password: '' }), -2);
      },
      "UPDATE subscriber SET password = '', ha1 = '', ha1b = '' WHERE username = 'alice'",
    );
    await withDb(
      PLAIN,
      async (w) => assert.equal(await w.result({ password: '' }), -2),
      "UPDATE subscriber SET password = '' WHERE username = 'alice'",
    );
  });

  test('user parts are no SQL', async () => {
    await withDb({ ...PLAIN, use_domain: 1 }, async (w) => {
      assert.equal(await w.result({ user: "o'neil" }), 1);
      for (const user of [
        "x' OR '1'='1",
        "alice' --",
        "'; DROP TABLE subscriber; --",
        'alice"',
        'a\\',
        'ali%',
        '_lice',
      ])
        assert.equal(await w.result({ user }), -3, user);
      const injected = await w.asks('sub', { 'X-U': "sip:x'OR'1'='1@example.com" });
      assert.equal(injected.get('X-Rc'), '-2');
      assert.equal(await w.result(), 1, 'the table is still there');
    });
  });

  test('load_credentials puts columns into AVPs once the user is known', async () => {
    const params = { ...PLAIN, load_credentials: '$avp(i:5)=domain; password;id' };
    const avps = async (w: DbWorld, changes: Partial<DigestAnswer>): Promise<string> =>
      (await w.asks('www', { Authorization: await w.answer(changes) })).get('X-Avps');
    await withDb(params, async (w) => {
      assert.equal(await avps(w, {}), 'pw=pw five=example.com id=1');
      assert.equal(await avps(w, { password: 'x' }), 'pw=<null> five=<null> id=<null>');
    });
    await withDb({ ...params, force_generate_avps: 1 }, async (w) =>
      assert.equal(await avps(w, { password: 'x' }), 'pw=pw five=example.com id=1'),
    );
    assert.deepEqual(parseLoadCredentials('$avp(s:x)=rpid; email'), [
      { column: 'rpid', avp: 'x' },
      { column: 'email', avp: 'email' },
    ]);
    const refused = parseLoadCredentials('a b');
    assert.ok(typeof refused === 'string');
    assert.match(refused, /neither a column/);
  });

  test('auth_check: the user must be the one of From, To and Request-URI', async () => {
    await withDb({ ...PLAIN, use_domain: 1 }, async (w) => {
      const rc = async (flags: number, method: string, from: string, to: string, what = 'chk'): Promise<number> => {
        const name = method === 'REGISTER' ? 'Authorization' : 'Proxy-Authorization';
        const headers = { 'X-F': String(flags), [name]: await w.answer({ method }) };
        const options = { method, from: `<sip:${from}>`, to: `<sip:${to}>` };
        return Number((await w.asks(what, headers, options)).get('X-Rc'));
      };
      const [alice, bob, away] = ['alice@example.com', 'bob@example.com', 'alice@other.com'];
      assert.equal(await rc(0, 'REGISTER', bob, bob), 1);
      assert.equal(await rc(2, 'REGISTER', bob, bob), 1);
      for (const flags of [1, 3]) {
        assert.equal(await rc(flags, 'REGISTER', alice, alice), 1);
        assert.equal(await rc(flags, 'REGISTER', alice, bob), -8);
        assert.equal(await rc(flags, 'REGISTER', bob, alice), -8);
        assert.equal(await rc(flags, 'REGISTER', alice, away), -8);
        assert.equal(await rc(flags, 'OPTIONS', alice, bob), 1);
        assert.equal(await rc(flags, 'OPTIONS', bob, alice), -8);
        assert.equal(await rc(flags, 'PUBLISH', alice, alice), -8);
        assert.equal(await rc(flags, 'SUBSCRIBE', alice, bob), 1);
      }
      assert.equal(await rc(1, 'MESSAGE', bob, alice), -8);
      assert.equal(await rc(3, 'MESSAGE', bob, alice), 1);
      assert.equal(await rc(1, 'PUBLISH', 'alice@10.0.0.1', 'alice@10.0.0.1', 'alice'), 1);
    });
  });

  test('a table that is not there is an error, and the next request is served', async () => {
    await withDb(PLAIN, async (w) => {
      const value = await w.answer();
      assert.equal((await w.asks('chk', { 'X-T': 'nosuch', Authorization: value })).get('X-Rc'), '-1');
      assert.equal((await w.asks('chk', { 'X-T': 'no"such', Authorization: value })).get('X-Rc'), '-1');
      assert.equal((await w.asks('chk', { Authorization: value })).get('X-Rc'), '1');
    });
  });

  test('is_subscriber', async () => {
    await withDb({ load_credentials: 'password' }, async (w) => {
      const rc = async (uri: string, flags: number): Promise<string> => {
        const reply = await w.asks('sub', { 'X-U': uri, 'X-F': String(flags) });
        return `${reply.get('X-Rc')} ${reply.get('X-Avps').split(' ')[0]}`;
      };
      assert.equal(await rc('sip:alice@nowhere.com', 0), '1 pw=pw');
      assert.equal(await rc('sip:alice@nowhere.com', 1), '-2 pw=<null>');
      assert.equal(await rc('sip:alice@example.com', 1), '1 pw=pw');
      assert.equal(await rc('sip:alice@example.com', 3), '1 pw=<null>');
      assert.equal(await rc('sip:zed@example.com', 0), '-2 pw=<null>');
      assert.equal(await rc('sip:example.com', 0), '-2 pw=<null>');
      assert.equal(await rc('nonsense', 0), '-1 pw=<null>');
      assert.equal(await rc('', 0), '-1 pw=<null>');
    });
  });

  test('the version of the table is checked at start', async () => {
    const older = "UPDATE version SET table_version = 6 WHERE table_name = 'subscriber'";
    await assert.rejects(
      withDb({}, () => Promise.resolve(), older),
      /version 6/,
    );
    await withDb({ version_table: 0 }, async (w) => assert.equal(await w.result(), 1), older);
  });

  test('auth_check and is_subscriber take a view that has no version', async () => {
    await withDb(
      {},
      async (w) => {
        const reply = await w.asks('view', { Authorization: await w.answer() });
        assert.equal(reply.get('X-Rc'), '2');
      },
      'CREATE VIEW phones AS SELECT * FROM subscriber',
    );
  });

  test('the method may be another one; the other header', async () => {
    await withDb({}, async (w) => {
      const invite = await w.answer({ method: 'INVITE' });
      assert.equal((await w.asks('wwwm', { 'X-M': 'INVITE', Authorization: invite })).get('X-Rc'), '1');
      assert.equal((await w.asks('px', { Authorization: await w.answer() })).get('X-Rc'), '-5');
      const options = await w.answer({ method: 'OPTIONS' });
      const reply = await w.asks('px', { 'Proxy-Authorization': options }, { method: 'OPTIONS' });
      assert.equal(reply.get('X-Rc'), '1');
    });
  });
});

/** What the default script does to keep others out of one's address of record. */
const REGISTRAR = `
request_route {
  if (!auth_check("$fd", "subscriber", "1")) { auth_challenge("$fd", "0"); exit; }
  if ($au != $tU) { sl_send_reply("403", "Forbidden auth ID"); exit; }
  consume_credentials();
  sl_send_reply("200", "Registered $tU");
}`;

test('nobody registers for another, with his own credentials or with two headers', async () => {
  const file = join(folder, 'hijack.db');
  makeUserTables(file);
  const params = `loadmodule "db_sqlite.so"\nloadmodule "auth.so"\nloadmodule "auth_db.so"
modparam("auth_db", "db_url", "sqlite://${file}")\n`;
  for (const check of ['"1"', '"0"']) {
    const world = await SipWorld.start(REGISTRAR.replace('"1"', check), { params });
    const { alice } = world;
    const register = async (as: string, headers: Readonly<Record<string, string>>, from = as): Promise<string> => {
      const options = { sentBy: '10.0.1.1:5060', from: `<sip:${from}>`, headers };
      alice.sends(ownRequest('REGISTER', 'sip:example.com', as, options));
      return (await alice.receives((msg) => msg.status >= 200)).startLine;
    };
    alice.sends(ownRequest('REGISTER', 'sip:example.com', 'bob@example.com', { sentBy: '10.0.1.1:5060' }));
    const challenge = challengeOf(await alice.receives(401));
    const base = { method: 'REGISTER', uri: 'sip:example.com' };
    const bob = digestAnswer(challenge, { ...base, user: 'bob', password: 'bobpw' });
    const forged = digestAnswer(challenge, { ...base, user: 'alice', password: 'guess' });
    assert.equal(await register('bob@example.com', { Authorization: bob }), 'SIP/2.0 200 Registered bob');
    const refused = /^SIP\/2\.0 40[13] /;
    assert.match(await register('alice@example.com', { Authorization: bob }), refused);
    assert.match(await register('alice@example.com', { Authorization: bob }, 'bob@example.com'), refused);
    const both = { Authorization: bob, 'Proxy-Authorization': forged };
    assert.match(await register('alice@example.com', both), refused);
    assert.match(await register('alice@example.com', both, 'bob@example.com'), refused);
    assert.match(
      await register('alice@example.com', { 'Proxy-Authorization': forged, Authorization: forged }),
      refused,
    );
    await world.stop();
  }
});
