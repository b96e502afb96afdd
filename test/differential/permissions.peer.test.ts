import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { createSql } from '../../core/db/schema/index.ts';
import { USERS_TABLES } from '../../core/db/schema/users.ts';
import { request } from '../support/msg.ts';
import { skipWithout } from '../support/peers.ts';
import { ScriptPair } from '../support/script-pair.ts';

/** domain and permissions in both servers, on the same tables, files and messages. */

const ROWS = `
INSERT INTO domain (domain, did) VALUES ('example.org', NULL), ('Example.COM', 'example.org'), ('a.example.net', 'net'),
  ('b.example.net', 'net'), ('empty.example.net', 'nothing'), ('x.org', 'xo');
INSERT INTO domain_attrs (did, name, type, value) VALUES ('example.org', 'city', 2, 'Berlin'), ('example.org', 'num', 0, '42'),
  ('example.org', 'num', 0, '43'), ('net', 'x', 2, 'y'), ('nodomain', 'other', 2, 'zz'), ('Example.COM', 'n', '2', 'v');
INSERT INTO address (grp, ip_addr, mask, port, tag) VALUES (1, '127.0.0.1', 32, 0, 'tag1'), (1, '10.0.0.0', 8, 0, 'net10'),
  (1, '10.1.0.0', 16, 5070, NULL), (2, '127.0.0.1', 32, 5999, 'p'), (2, '192.168.1.7', 24, 0, ''),
  (3, '2001:db8::1', 128, 0, 'v6'), (3, '2001:db8:1::', 48, 0, 'v6net'), (4, 'gw.example.org', 32, 0, 'dom'),
  (4, 'GW2.example.org', 0, 5060, NULL), (5, '127.0.0.1', 0, 0, 'zero'), (1, '127.0.0.1', 32, 0, 'dup'),
  (9, '127.0.0.0', 25, 0, 'n9'), (3, '10.1.2.0', 23, 0, 'odd'), (2, '10.0.0.0', 9, 0, 'nine'), (8, '10.5.5.5', 32, 0, NULL);
INSERT INTO trusted (src_ip, proto, from_pattern, ruri_pattern, tag, priority) VALUES
  ('127.0.0.1', 'any', '^sip:alice@.*$', NULL, 'ta', 0), ('127.0.0.1', 'udp', '^sip:bob@.*$', NULL, 'tb', 5),
  ('127.0.0.1', 'tcp', NULL, NULL, 'tc', 0), ('127.0.0.1', 'any', '^sip:[xy]\\{2\\}\\(q\\|r\\)+@', NULL, 're', -1),
  ('127.0.0.1', 'any', NULL, NULL, 'tz', -5), ('10.0.0.1', 'UDP', NULL, '^sip:x@', 'td', 1),
  ('10.0.0.2', 'none', NULL, NULL, 'te', 1), ('10.0.0.4', 'tls', '*s', NULL, 'tg', 1), ('10.0.0.5', 'WSS', NULL, NULL, NULL, 1);
`;

const ALLOW = `# comment
"^sip:alice@.*" , "^sip:al@" : "^sip:bob@.*" EXCEPT "^sip:bob@bad"
ALL EXCEPT "mallory", "eve" : "^sip:free@"
"^sip:reg@" : ALL
bad line
"unterminated : ALL
"a" "b" : ALL
^sip:unq@ : ALL
"^sip:hash#1@" : "x" # trailing
"^sip:q+@" : "^sip:[0-9]{2}@"
`;
const DENY = `ALL : "^sip:bob@bad"
"^sip:alice@" : ALL
"^sip:deny@" EXCEPT "^sip:deny@ok" : ALL
"^sip:port@x:5070;a=b$" : ALL
ALL : "^sip:nouser.example.org$", "^sip:@nouser.example.org$"
`;

function script(folder: string, params: string): string {
  const db = `sqlite:///${folder}/k.db`;
  return `
loadmodule "tm.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "corex.so"
loadmodule "kex.so"
loadmodule "db_sqlite.so"
loadmodule "domain.so"
loadmodule "permissions.so"
modparam("domain", "db_url", "${db}")
modparam("domain", "register_myself", 1)
modparam("permissions", "db_url", "${db}")
modparam("permissions", "peer_tag_avp", "$avp(ptag)")
modparam("permissions", "default_allow_file", "${folder}/r.allow")
modparam("permissions", "default_deny_file", "${folder}/r.deny")
${params}
request_route {
  if ($rU == "ready") { sl_send_reply("200", "ready"); exit; }
  $var(g) = $(hdr(X-G){s.int});
  $var(p) = $(hdr(X-P){s.int});
  if ($hdr(X-Do) == "domain") {
    $var(m) = 0;
    if (uri == myself) $var(m) = 1;
    $var(f) = is_from_local(); $var(u) = is_uri_host_local(); $var(d) = is_domain_local("$hdr(X-A)");
    $var(l) = lookup_domain("$hdr(X-A)"); $var(q) = lookup_domain("$hdr(X-A)", "p_");
    pv_printf("$var(o)", "$var(f) $var(u) $var(d) $var(l) $var(q) $var(m) did $(avp(did)[*]) $(avp(p_did)[*]) $(avp(city)[*]) $(avp(num)[*]) $(avp(p_num)[*]) $(avp(x)[*]) $(avp(n)[*])");
  }
  if ($hdr(X-Do) == "address") {
    $var(a) = allow_source_address("$var(g)"); $var(b) = allow_source_address(); $var(c) = allow_source_address_group();
    $var(d) = allow_address("$var(g)", "$hdr(X-A)", "$var(p)"); $var(e) = allow_address_group("$hdr(X-A)", "$var(p)");
    pv_printf("$var(o)", "$var(a) $var(b) $var(c) $var(d) $var(e) $(avp(ptag)[*])");
  }
  if ($hdr(X-Do) == "trusted") {
    $var(a) = allow_trusted(); $var(b) = allow_trusted("$hdr(X-A)", "$hdr(X-P)"); $var(c) = allow_trusted("$hdr(X-A)", "$hdr(X-P)", "$hdr(X-U)");
    pv_printf("$var(o)", "$var(a) $var(b) $var(c) $(avp(ptag)[*])");
  }
  if ($hdr(X-Do) == "routing") {
    $var(a) = allow_routing(); $var(b) = allow_routing("${folder}/r"); $var(c) = allow_routing("${folder}/r.allow", "${folder}/r.deny");
    $var(e) = allow_uri("${folder}/r", "$hdr(X-U)"); $var(f) = "-";
    $var(d) = "-";
    if (is_method("REGISTER")) { $var(f) = allow_register("${folder}/r"); $var(d) = allow_register("${folder}/r.allow", "${folder}/r.deny"); }
    append_branch("sip:free@z");
    $var(h) = allow_routing();
    append_branch("$hdr(X-U)");
    $var(i) = allow_routing();
    pv_printf("$var(o)", "$var(a) $var(b) $var(c) $var(d) $var(e) $var(f) $var(h) $var(i)");
  }
  sl_send_reply("200", "$var(o)");
}
`;
}

interface Ask {
  readonly do: 'domain' | 'address' | 'trusted' | 'routing';
  readonly ruri?: string;
  readonly from?: string;
  readonly to?: string;
  readonly method?: string;
  readonly contact?: readonly string[];
  readonly a?: string;
  readonly g?: string | number;
  readonly p?: string | number;
  readonly u?: string;
}

class PermissionsPair extends ScriptPair {
  #id = 0;

  get file(): string {
    return join(this.folder, 'k.db');
  }

  async begin(params: string): Promise<void> {
    writeFileSync(join(this.folder, 'r.allow'), ALLOW);
    writeFileSync(join(this.folder, 'r.deny'), DENY);
    writeFileSync(
      join(this.folder, 'addresses'),
      `# group address mask port tag
1 127.0.0.1 32 0 tag1
1 10.0.0.10
  2 192.168.1.0 24 0 tag2  # trailing
2 192.168.2.0 24 5060
3 [2001:db8::1]
3 2001:db8::2 64
4 gw.example.org
4\tgw2.example.org\t0\t5060\tt,a=g;x
`,
    );
    const database = new DatabaseSync(this.file);
    for (const table of USERS_TABLES) {
      for (const sql of createSql(table, 'sqlite')) database.exec(sql);
      if (table.name !== 'version')
        database.exec(`INSERT INTO version (table_name, table_version) VALUES ('${table.name}', ${table.version})`);
    }
    database.exec(ROWS);
    database.close();
    await this.start(script(this.folder, params));
  }

  change(sql: string): void {
    const database = new DatabaseSync(this.file);
    database.exec(sql);
    database.close();
  }

  ask(what: Ask): Promise<string> {
    const header = (name: string, value: string | number | undefined): Record<string, string> =>
      value === undefined ? {} : { [name]: String(value) };
    return this.same(
      request(what.method ?? 'OPTIONS', what.ruri ?? 'sip:bob@example.org', {
        sentBy: `127.0.0.1:${this.port}`,
        branch: `z9hG4bK-perm-${++this.#id}`,
        callId: `perm-${this.#id}`,
        from: `<${what.from ?? 'sip:alice@example.org'}>`,
        to: `<${what.to ?? 'sip:bob@example.org'}>`,
        headers: {
          'X-Do': what.do,
          ...header('X-A', what.a),
          ...header('X-G', what.g),
          ...header('X-P', what.p),
          ...header('X-U', what.u),
          ...(what.contact === undefined ? {} : { Contact: what.contact.join(', ') }),
        },
      }),
    );
  }
}

const SOURCES = ['127.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.4', '10.0.0.5', '10.9.9.9'];
const PROTOS = ['udp', 'any', 'TCP', 'tls', 'wss', 'Any', 'foo'];

describe('domain and permissions in memory', { skip: skipWithout('kamailio', 'kamcmd') }, () => {
  const pair = new PermissionsPair();
  before(() => pair.begin('modparam("permissions", "db_mode", 1)\nmodparam("permissions", "reload_delta", 0)'));
  after(() => pair.stop());

  test('local domains', async () => {
    const hosts = [
      'example.org',
      'EXAMPLE.com',
      'b.example.net:5070',
      'x.org;transport=tcp',
      'nosuch.example.org',
      'empty.example.net',
    ];
    for (const [i, host] of hosts.entries())
      await pair.ask({
        do: 'domain',
        ruri: `sip:u@${host}`,
        from: `sip:${hosts.at(-1 - i)}`,
        a: host.replace(/[:;].*/, ''),
      });
    await pair.ask({ do: 'domain', ruri: 'tel:+123', from: 'tel:+1234', a: 'net' });
  });

  test('addresses, subnets, names', async () => {
    const addresses = [
      '127.0.0.1',
      '10.1.2.3',
      '10.1.3.255',
      '10.1.4.0',
      '10.200.1.1',
      '10.5.5.5',
      '192.168.1.200',
      '127.0.0.127',
      '127.0.0.128',
      '2001:db8::1',
      '[2001:db8::1]',
      '2001:DB8:1:0::7',
      '2001:db8:2::',
      'gw.example.org',
      'GW.example.org',
      'GW2.example.org',
      '::ffff:127.0.0.1',
      '1.2.3',
    ];
    for (const a of addresses)
      for (const p of [0, 5060, 5070, 5999]) for (const g of [1, 2, 3, 4]) await pair.ask({ do: 'address', a, p, g });
    for (const g of [0, -1, 5, 8, 9, 77]) await pair.ask({ do: 'address', a: '127.0.0.1', p: 1, g });
  });

  test('trusted sources', async () => {
    for (const a of SOURCES)
      for (const p of PROTOS)
        await pair.ask({ do: 'trusted', a, p, u: 'sip:bob@x', ruri: a.endsWith('1') ? 'sip:x@y' : 'sip:q@y' });
    for (const from of ['sip:bob@q', 'sip:xyq@h', 'sip:xyr+@h', 'sip:xxr+@h', 'sip:a*s@h', 'tel:+1'])
      await pair.ask({ do: 'trusted', a: '127.0.0.1', p: 'udp', u: from, from });
  });

  test('files of rules', async () => {
    const users = [
      'alice@x',
      'al@x',
      'mallory@x',
      'eve@x',
      'reg@x',
      'unq@x',
      'hash#1@x',
      'deny@ok',
      'deny@x',
      'port@x:5070;a=b',
      'port@x',
      'ALICE@x',
      'q@x',
    ];
    const targets = [
      'sip:bob@y',
      'sip:bob@bad',
      'sip:free@y',
      'sip:zed@y',
      'sips:bob@y:5061;x=y',
      'sip:nouser.example.org',
      'sip:x@y',
      'sip:12@y',
    ];
    for (const user of users)
      for (const ruri of targets) await pair.ask({ do: 'routing', from: `sip:${user}`, ruri, u: targets.at(-1) ?? '' });
    for (const u of targets) await pair.ask({ do: 'routing', u });
    await pair.ask({ do: 'routing', from: 'tel:+1', ruri: 'tel:+2', u: 'tel:+3' });
  });

  test('registrations', async () => {
    const contacts = [
      '<sip:bob@1.1.1.1>',
      '<sip:bob@bad:5070;a=b>',
      'sip:zed@1.1.1.1;expires=5',
      '"Free, B" <sips:free@1.1.1.1>',
      '<sip:nouser.example.org:5070>',
      '*',
      '<tel:+1>',
    ];
    for (const to of ['sip:alice@d', 'sip:port@x:5070;a=b', 'sip:zed@d'])
      for (const contact of [...contacts.map((each) => [each]), contacts.slice(0, 3), contacts.slice(2, 4), undefined])
        await pair.ask({
          do: 'routing',
          method: 'REGISTER',
          to,
          u: 'sip:x@y',
          ...(contact === undefined ? {} : { contact }),
        });
  });

  test('dumps and reloads', async () => {
    const dumps = [
      'domain.dump',
      'permissions.addressDump',
      'permissions.subnetDump',
      'permissions.domainDump',
      'permissions.trustedDump',
    ];
    for (const dump of dumps) await pair.sameRpc(dump);
    for (const [sql, reload] of [
      ["INSERT INTO address (grp, ip_addr) VALUES (0, '1.1.1.1')", 'permissions.addressReload'],
      ['UPDATE address SET mask = 33, grp = 1 WHERE grp = 0', 'permissions.addressReload'],
      [
        "DELETE FROM address WHERE grp <> 2 OR mask = 33; INSERT INTO address (grp, ip_addr, tag) VALUES (7, '1.1.1.1', 'new')",
        'permissions.addressReload',
      ],
      ["INSERT INTO trusted (src_ip, proto) VALUES ('1.1.1.1', 'bad')", 'permissions.trustedReload'],
      ["UPDATE trusted SET proto = 'tls', priority = 99 WHERE proto = 'bad'", 'permissions.trustedReload'],
      ["INSERT INTO domain (domain, did) VALUES ('new.example.org', '')", 'domain.reload'],
      ["UPDATE domain SET did = 'n' WHERE did = ''; DELETE FROM domain_attrs WHERE did = 'net'", 'domain.reload'],
    ] as const) {
      pair.change(sql);
      await pair.sameRpc(reload);
      for (const dump of dumps) await pair.sameRpc(dump);
    }
    pair.change('DELETE FROM address; DELETE FROM trusted; DELETE FROM domain; DELETE FROM domain_attrs');
    for (const reload of ['permissions.addressReload', 'permissions.trustedReload', 'domain.reload'])
      await pair.sameRpc(reload);
    for (const dump of dumps) await pair.sameRpc(dump);
  });

  test('pairs by RPC', async () => {
    const name = join(pair.folder, 'r');
    for (const command of ['permissions.testUri', 'permissions.allowUri']) {
      for (const [uri, contact] of [
        ['sip:alice@x', 'sip:bob@y'],
        ['sip:alice@x', 'sip:carol@y'],
        ['sip:joe@x', 'sip:q@y'],
      ] as const)
        await pair.sameRpc(command, name, uri, contact);
      await pair.sameRpc(command, 'neverseen', 'a', 'b');
      await pair.sameRpc(command, name, 'a');
    }
  });
});

describe('trusted sources asked of the database', { skip: skipWithout('kamailio', 'kamcmd') }, () => {
  const pair = new PermissionsPair();
  before(() => pair.begin('modparam("permissions", "peer_tag_mode", 1)'));
  after(() => pair.stop());

  test('all that match are counted', async () => {
    for (const a of SOURCES)
      for (const p of PROTOS) await pair.ask({ do: 'trusted', a, p, u: 'sip:bob@x', ruri: 'sip:x@y' });
  });

  test('reloads are not too often', async () => {
    await pair.sameRpc('permissions.trustedDump');
    await pair.sameRpc('permissions.trustedReload');
    await pair.sameRpc('permissions.addressReload');
    await pair.sameRpc('permissions.addressReload');
  });
});

describe('addresses of a file, first branches only', { skip: skipWithout('kamailio', 'kamcmd') }, () => {
  const pair = new PermissionsPair();
  before(() =>
    pair.begin(
      `modparam("permissions", "address_file", "${pair.folder}/addresses")\nmodparam("permissions", "check_all_branches", 0)\nmodparam("permissions", "reload_delta", 0)\n`,
    ),
  );
  after(() => pair.stop());

  test('lookups, dumps and reloads', async () => {
    for (const a of [
      '127.0.0.1',
      '10.0.0.10',
      '192.168.1.9',
      '192.168.2.9',
      '2001:db8::1',
      '2001:db8::77',
      'gw.example.org',
      'gw2.example.org',
    ])
      for (const g of [1, 2, 3, 4]) await pair.ask({ do: 'address', a, g, p: 5060 });
    await pair.ask({ do: 'routing', from: 'sip:alice@x', ruri: 'sip:bob@y', u: 'sip:bob@bad' });
    const path = join(pair.folder, 'addresses');
    for (const more of ['', '5 5.5.5.5 32 0 five\n', '6\n', '7 3.3.3.3 40\n']) {
      const text = readFileSync(path, 'utf8');
      writeFileSync(path, text + more);
      await pair.sameRpc('permissions.addressReload');
      for (const dump of ['addressDump', 'subnetDump', 'domainDump']) await pair.sameRpc(`permissions.${dump}`);
      if (more.length < 12) writeFileSync(path, text);
    }
  });
});
