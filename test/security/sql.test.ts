import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { challengeOf, digestAnswer } from '../support/digest-client.ts';
import { DOMAIN, Edge, type EdgeOptions } from './edge.ts';

/**
 * SQL injection through every value of the wire that a module looks up or stores. An attack fails when no row is found
 * that is not named so, the tables are as they were, and the database saw no broken statement; a row that has the
 * hostile text as its name is found by it, so that escaping is exact and not only careful.
 */

/** As they stand in a user part: escaped where SIP wants it, and as they are. */
const PAYLOADS = [
  "' OR '1'='1",
  "x' OR 1=1 --",
  "x'; DROP TABLE subscriber; --",
  "x') UNION SELECT 'alice','pw' --",
  "\\' OR 1=1 #",
  'x" OR ""="',
  "x'/**/OR/**/'1'='1",
  '%',
  '_lice',
  "a'||'lice",
  "x\u00bf' OR 1=1 --",
  "x'\u0000 OR 1=1",
  '$(su{s.len})',
  '?',
  ':id',
];

const escaped = (text: string): string =>
  text.replace(/[^A-Za-z0-9]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
/** Forms that pass the parser in a user part. */
const users = (payload: string): string[] => [escaped(payload), payload.replace(/[\s\u0000"<>#\\@;/:?%]/g, escaped)];

/** Runs an attack and looks at the database afterwards. */
async function unharmed(use: (edge: Edge) => Promise<void>, options: EdgeOptions = {}): Promise<void> {
  await Edge.with(async (edge) => {
    const count = (): unknown[] =>
      ['subscriber', 'dbaliases', 'speed_dial', 'domain', 'address', 'trusted', 'uri'].map(
        (table) => edge.rows(`SELECT count(*) AS n FROM ${table}`)[0]?.['n'],
      );
    const before = count();
    edge.logged();
    await use(edge);
    assert.deepEqual(count(), before);
    const complaints = edge.logged().filter((line) => /syntax|unrecognized|SQLITE|no such|near "/i.test(line));
    assert.deepEqual(complaints, []);
  }, options);
}

suite('SQL injection', () => {
  test('auth_db: user names and realms of credentials match only their own row', () =>
    unharmed(async (edge) => {
      const challenge = challengeOf(await edge.asks(edge.mallory, 'REGISTER', `sip:${DOMAIN}`));
      for (const payload of PAYLOADS) {
        for (const realm of [DOMAIN, `${DOMAIN}' OR '1'='1`]) {
          const answer = { user: payload, password: 'alicepw', method: 'REGISTER', uri: `sip:${DOMAIN}`, realm };
          for (const name of [escaped(payload), 'alice']) {
            const aor = `<sip:${name}@${DOMAIN}>`;
            const reply = await edge.asks(edge.mallory, 'REGISTER', `sip:${DOMAIN}`, {
              from: aor,
              to: aor,
              headers: { Authorization: digestAnswer(challenge, answer) },
            });
            assert.ok(reply.status >= 400, `${payload}: ${reply.startLine}`);
          }
        }
      }
    }));

  test("auth_db: who is called o'neil is let in with his password, and nobody else by it", () =>
    unharmed(
      async (edge) => {
        const aor = `<sip:o'neil@${DOMAIN}>`;
        const challenge = challengeOf(
          await edge.asks(edge.mallory, 'REGISTER', `sip:${DOMAIN}`, { from: aor, to: aor }),
        );
        const answer = { method: 'REGISTER', uri: `sip:${DOMAIN}` };
        const asks = async (user: string, password: string): Promise<number> => {
          const headers = { Authorization: digestAnswer(challenge, { ...answer, user, password }) };
          return (await edge.asks(edge.mallory, 'REGISTER', `sip:${DOMAIN}`, { from: aor, to: aor, headers })).status;
        };
        assert.equal(await asks("o'neil", 'neilpw'), 200);
        assert.equal(await asks("o''neil", 'neilpw'), 401);
      },
      { rows: `INSERT INTO subscriber (username, domain, password) VALUES ('o''neil', '${DOMAIN}', 'neilpw')` },
    ));

  test('auth_db: realms taken from a hostile From domain ask for nobody else', () =>
    unharmed(
      async (edge) => {
        for (const domain of ["x'OR'1'='1", "example.com'--", "' UNION SELECT 1--"]) {
          const aor = `<sip:alice@${domain}>`;
          const reply = await edge.asks(edge.mallory, 'MESSAGE', `sip:bob@${DOMAIN}`, {
            from: aor,
            headers: {
              'Proxy-Authorization': `Digest username="alice", realm="${domain}", nonce="x", uri="sip:x", response="${'0'.repeat(32)}"`,
            },
          });
          assert.ok(reply.status >= 400);
        }
      },
      {
        first:
          'if (is_method("MESSAGE")) { if (auth_check("$fd", "subscriber", "0")) sl_send_reply("200", "In"); else sl_send_reply("403", "No"); exit; }',
      },
    ));

  test('cfg/strowger.cfg: users in From, To, credentials and Request-URI are those of their own rows', () =>
    unharmed(
      async (edge) => {
        const { alice, bob } = edge.world;
        assert.equal((await edge.registers(alice)).status, 200);
        for (const payload of PAYLOADS)
          for (const user of users(payload)) {
            // As an account's name and password, asked for by the registrar and for a call.
            for (const [method, header] of [
              ['REGISTER', 'Authorization'],
              ['MESSAGE', 'Proxy-Authorization'],
            ] as const) {
              const aor = `<sip:${user}@${DOMAIN}>`;
              const uri = method === 'REGISTER' ? `sip:${DOMAIN}` : `sip:alice@${DOMAIN}`;
              const own = { from: aor, ...(method === 'REGISTER' ? { to: aor } : {}) };
              const challenge = challengeOf(await edge.asks(edge.mallory, method, uri, own));
              const headers = {
                [header]: digestAnswer(challenge, { user: payload, password: 'alicepw', method, uri }),
              };
              const reply = await edge.asks(edge.mallory, method, uri, { ...own, headers });
              assert.ok(reply.status >= 400, `${method} ${user}: ${reply.startLine}`);
            }
            // As who is called, by a stranger and by a user.
            const called = `sip:${user}@${DOMAIN}`;
            const stranger = await edge.asks(edge.mallory, 'MESSAGE', called, { from: '<sip:m@evil.example>' });
            const known = await edge.asksAs('bob', bob, 'MESSAGE', called);
            for (const reply of [stranger, known]) assert.equal(reply.status, 404, `${user}: ${reply.startLine}`);
          }
        assert.equal(alice.count('MESSAGE'), 0);
      },
      { isOwn: true },
    ));

  test("cfg/strowger.cfg: what o'neil registers is written as it is, found again, and goes alone", () =>
    unharmed(
      async (edge) => {
        const { alice, bob } = edge.world;
        const aor = `<sip:o'neil@${DOMAIN}>`;
        const asks = async (contact: string, expires: number): Promise<number> => {
          const own = { from: aor, to: aor };
          const challenge = challengeOf(await edge.asks(alice, 'REGISTER', `sip:${DOMAIN}`, own));
          const answer = { user: "o'neil", password: 'neilpw', method: 'REGISTER', uri: `sip:${DOMAIN}` };
          const headers = {
            Authorization: digestAnswer(challenge, answer),
            'User-Agent': "x'; DELETE FROM location; --",
            Path: "<sip:p'--@10.0.1.1;lr>",
            Supported: 'path',
            Expires: expires,
          };
          const callId = "c'); DROP TABLE location; --".replace(/ /g, '');
          return (await edge.asks(alice, 'REGISTER', `sip:${DOMAIN}`, { ...own, headers, contact, callId })).status;
        };
        await edge.registers(bob);
        const uri = "sip:x'--@10.0.1.1;y=')";
        assert.equal(await asks(`<${uri}>;+sip.instance="<urn:uuid:1'); DROP TABLE location; -->"`, 600), 200);
        await edge.world.passes(11_000);
        const [row] = edge.rows("SELECT * FROM location WHERE username = 'o''neil'");
        assert.deepEqual(
          [row?.['contact'], row?.['user_agent'], row?.['path'], row?.['instance']],
          [uri, "x'; DELETE FROM location; --", "<sip:p'--@10.0.1.1;lr>", "<urn:uuid:1'); DROP TABLE location; -->"],
        );
        assert.equal(await asks('*', 0), 200);
        await edge.world.passes(11_000);
        assert.deepEqual(
          edge.rows('SELECT username FROM location').map(({ username }) => username),
          ['bob'],
        );
      },
      {
        isOwn: true,
        rows: `INSERT INTO subscriber (username, domain, password) VALUES ('o''neil', '${DOMAIN}', 'neilpw')`,
      },
    ));

  /** What the lookup answers with for an INVITE to this user. */
  const LOOKUPS = {
    alias_db: 'if (alias_db_lookup("dbaliases")) sl_send_reply("299", "$rU"); else sl_send_reply("404", "None");',
    speeddial: 'if (sd_lookup("speed_dial")) sl_send_reply("299", "$rU"); else sl_send_reply("404", "None");',
    'speeddial by owner':
      'if (sd_lookup("speed_dial", "$fu")) sl_send_reply("299", "$rU"); else sl_send_reply("404", "None");',
    uri_db: 'if (does_uri_exist()) sl_send_reply("299", "$rU"); else sl_send_reply("404", "None");',
    'uri_db check_from': 'if (check_from()) sl_send_reply("299", "$fU"); else sl_send_reply("404", "None");',
    domain: 'if (is_domain_local("$rU")) sl_send_reply("299", "$rd"); else sl_send_reply("404", "None");',
    permissions:
      'if (allow_trusted("$si", "$proto", "$fu") || allow_trusted("$rU", "any") || allow_address("1", "$rU", "5060")) sl_send_reply("299", "$fu"); else sl_send_reply("404", "None");',
    'auth_db is_subscriber':
      'if (is_subscriber("$ru", "subscriber", "0") || is_subscriber("$fu", "subscriber", "1")) sl_send_reply("299", "$rU"); else sl_send_reply("404", "None");',
  } as const;
  /** A Request-URI's user that each finds, asked by alice. */
  const FOUND: Readonly<Record<string, string>> = {
    alias_db: '100',
    speeddial: '11',
    'speeddial by owner': '11',
    uri_db: 'alice',
    domain: DOMAIN,
    permissions: '10.0.77.7',
    'auth_db is_subscriber': 'alice',
  };
  for (const [what, statement] of Object.entries(LOOKUPS))
    test(`${what}: user parts of Request-URI and From find no row of another name`, () =>
      unharmed(
        async (edge) => {
          const found = FOUND[what];
          if (found !== undefined)
            assert.equal((await edge.asks(edge.world.alice, 'INVITE', `sip:${found}@${DOMAIN}`)).status, 299);
          for (const payload of PAYLOADS) {
            for (const user of users(payload)) {
              const reply = await edge.asks(edge.mallory, 'INVITE', `sip:${user}@${DOMAIN}`, {
                from: `<sip:${user}@${DOMAIN}>`,
              });
              assert.ok(reply.status >= 400, `${user}: ${reply.startLine}`);
            }
          }
        },
        {
          first: `if (is_method("INVITE")) { ${statement} exit; }`,
          params: 'loadmodule "uri_db.so"\nmodparam("uri_db", "db_url", DBURL)\nmodparam("permissions", "db_mode", 0)',
          rows: `
            INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('100', '${DOMAIN}', 'alice', '${DOMAIN}');
            INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES ('alice', '${DOMAIN}', '11', '${DOMAIN}', 'sip:bob@${DOMAIN}');
            INSERT INTO address (grp, ip_addr, mask, port) VALUES (1, '10.0.77.7', 32, 0);
            INSERT INTO trusted (src_ip, proto, from_pattern) VALUES ('10.0.77.7', 'any', '.*')`,
        },
      ));

  test('alias_db: an alias that is itself hostile text is found, exactly', () =>
    unharmed(
      async (edge) => {
        const reply = await edge.asks(edge.mallory, 'INVITE', `sip:x'-- @${DOMAIN}`.replace(' ', ''));
        assert.equal(`${reply.status}`, '299');
      },
      {
        first: `if (is_method("INVITE")) { ${LOOKUPS.alias_db} exit; }`,
        rows: `INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('x''--', '${DOMAIN}', 'alice', '${DOMAIN}')`,
      },
    ));

  for (const mode of [1, 2, 3])
    test(`usrloc db_mode ${mode}: every stored value comes back as it was sent, nothing else changes`, () =>
      unharmed(
        async (edge) => {
          const { world } = edge;
          for (const [i, payload] of PAYLOADS.entries()) {
            const user = escaped(payload);
            const aor = `<sip:${user}@${DOMAIN}>`;
            const safe = payload.replace(/["\u0000\\]/g, '');
            const reply = await edge.asks(world.alice, 'REGISTER', `sip:${DOMAIN}`, {
              from: aor,
              to: aor,
              callId: `c${i}'--`,
              contact: `<sip:x${i}'--@10.0.1.1;y=')>;+sip.instance="<urn:uuid:${i}'--${safe}>";q=0.5`,
              headers: {
                'User-Agent': `${safe}'; DELETE FROM location; --`,
                Path: "<sip:p'--@10.0.1.1;lr>",
                Supported: 'path',
              },
            });
            assert.equal(reply.status, 200, `${payload} ${reply.startLine}`);
          }
          await world.passes(61_000);
          assert.equal(edge.rows("SELECT 1 FROM location WHERE callid LIKE 'c%''--'").length, PAYLOADS.length);
          const [row] = edge.rows("SELECT * FROM location WHERE callid = 'c1''--'");
          assert.equal(row?.['user_agent'], `${PAYLOADS[1]}'; DELETE FROM location; --`);
          assert.equal(row?.['contact'], "sip:x1'--@10.0.1.1;y=')");
          for (const payload of PAYLOADS) {
            const reply = await edge.asks(edge.mallory, 'OPTIONS', `sip:${escaped(payload)}x@${DOMAIN}`);
            assert.equal(reply.status, 404, payload);
          }
          const gone = `<sip:${escaped(PAYLOADS[0] ?? '')}@${DOMAIN}>`;
          await edge.asks(world.alice, 'REGISTER', `sip:${DOMAIN}`, {
            from: gone,
            to: gone,
            contact: '*',
            headers: { Expires: 0 },
          });
          await world.passes(61_000);
          assert.equal(edge.rows('SELECT 1 FROM location').length, PAYLOADS.length - 1, 'one user left, not all');
        },
        {
          params: `modparam("usrloc", "db_mode", ${mode})\nmodparam("registrar", "use_path", 1)`,
          first:
            'if (is_method("REGISTER")) { save("location"); exit; } if (is_method("OPTIONS")) { if (lookup("location")) sl_send_reply("200", "Found"); else sl_send_reply("404", "None"); exit; }',
        },
      ));

  test('acc: From, To, Call-ID, tags and extra columns are stored as text', () =>
    unharmed(
      async (edge) => {
        for (const [i, payload] of PAYLOADS.entries()) {
          const user = escaped(payload);
          await edge.asks(edge.mallory, 'INVITE', `sip:${user}@${DOMAIN}`, {
            from: `"${payload.replace(/["\u0000\\]/g, '')}" <sip:${user}@evil.example>`,
            fromTag: `t'); DROP TABLE acc; --`.replace(/[ ;()]/g, '_'),
            callId: `acc${i}'--`,
            headers: { 'User-Agent': `${payload.replace(/\u0000/g, '')}'), ('x` },
          });
        }
        await edge.world.passes(2000);
        assert.equal(edge.rows("SELECT * FROM acc WHERE callid LIKE 'acc%''--'").length, PAYLOADS.length);
        assert.equal(edge.rows('SELECT * FROM acc').length, PAYLOADS.length);
      },
      {
        params:
          'modparam("acc", "failed_transaction_flag", 7)\nmodparam("acc", "db_extra", "src_user=$fU;dst_user=$rU;src_ip=$ua")',
        first: 'if (is_method("INVITE")) { setflag(1); setflag(7); t_newtran(); t_reply("486", "Busy"); exit; }',
        rows: ['src_user', 'dst_user', 'src_ip']
          .map((column) => `ALTER TABLE acc ADD COLUMN ${column} VARCHAR(128) NOT NULL DEFAULT ''`)
          .join(';'),
      },
    ));

  test('alias_db: a table that the script takes from the wire is a name, no statement', () =>
    unharmed(
      async (edge) => {
        for (const table of ['subscriber; DROP TABLE subscriber', 'subscriber--', "version' --", 'sqlite_master']) {
          const reply = await edge.asks(edge.mallory, 'INVITE', `sip:alice@${DOMAIN}`, {
            headers: { 'X-Table': table },
          });
          assert.ok(reply.status >= 400, reply.startLine);
        }
        edge.logged();
      },
      {
        first:
          'if (is_method("INVITE")) { if (alias_db_lookup("$hdr(X-Table)")) sl_send_reply("299", "$rU"); else sl_send_reply("404", "None"); exit; }',
      },
    ));

  test('htable: keys and values of the wire are stored when the server ends, and are there as they were', () =>
    unharmed(
      async (edge) => {
        const texts = PAYLOADS.map((payload) => payload.replace('\u0000', ''));
        for (const text of texts)
          await edge.asks(edge.mallory, 'INVITE', `sip:alice@${DOMAIN}`, { headers: { 'X-Text': text } });
        await edge.world.sim.stop();
        const rows = edge.rows('SELECT key_name, key_value FROM htable').map(Object.values);
        assert.deepEqual(new Set(rows.map((row) => row.join('|'))), new Set(texts.map((text) => `${text}|v${text}`)));
      },
      {
        params: 'modparam("htable", "htable", "kept=>size=4;dbtable=htable;dbmode=1;")',
        first:
          'if (is_method("INVITE")) { $sht(kept=>$hdr(X-Text)) = "v" + $hdr(X-Text); sl_send_reply("404", "Kept"); exit; }',
      },
    ));
});
